"""A message is not written again while it stays the same."""

import logging

from leafscope.core.worker.logs import AGAIN, NotAgain


def written(*messages: tuple[str, float]) -> list[str]:
    """What is written of messages, each with its time in seconds."""
    no_more, kept = NotAgain(), []
    for text, seconds in messages:
        record = logging.makeLogRecord({"msg": "%s", "args": (text,), "created": 1e9 + seconds})
        if no_more.filter(record):
            kept.append(text)
    return kept


def test_a_full_disk_is_said_once_a_minute() -> None:
    assert written(*(("full", n / 10) for n in range(10 * int(AGAIN)))) == ["full"]
    assert written(("full", 0), ("full", AGAIN - 1), ("full", AGAIN), ("full", AGAIN + 1)) == ["full", "full"]


def test_other_messages_are_all_written() -> None:
    assert written(("a", 0), ("b", 0), ("b", 0), ("a", 0)) == ["a", "b", "a"]


def test_a_clock_that_is_put_back_silences_nothing() -> None:
    assert written(("full", 0), ("full", -3600), ("full", -3599)) == ["full", "full"]
