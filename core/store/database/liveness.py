"""Whether workers are alive: each counts up its heartbeat, and a reader notes how long a count has stood still.

Only the reader's own monotonic clock is used. A heartbeat that was a time would be believed for years if it lay in the future,
as it does after the clock of a machine was set back.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any


class Liveness:
    """Remembers when each count was last seen to change; may be used from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Any, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def still_for(self, counts: Mapping[Hashable, int]) -> dict[Any, float]:
        """Return for how many seconds each count has stood still, 0 where it is new; others are forgotten."""
        now = self._clock()
        with self._lock:
            before, self._seen = self._seen, {}
            for key, count in counts.items():
                known = before.get(key)
                self._seen[key] = known if known is not None and known[0] == count else (count, now)
            return {key: now - since for key, (_, since) in self._seen.items()}
