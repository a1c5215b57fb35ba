"""The loggers of the worker and its supervisor, which do not repeat themselves: a full disk must not fill with what says so."""

import logging

AGAIN = 60.0
"""Seconds after which a message is written again while nothing else is to be said."""


class NotAgain(logging.Filter):
    """Drops a message that is the same as the last one, for a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._last = "", 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a message."""
        text, at = self._last
        if record.getMessage() == text and 0 <= record.created - at < AGAIN:
            return False
        self._last = record.getMessage(), record.created
        return True


def logger(name: str) -> logging.Logger:
    """Return the logger of this name."""
    found = logging.getLogger(name)
    if not found.filters:
        found.addFilter(NotAgain())
    return found
