"""The store's inputs and outputs for training: submissions, claims and ends, and their limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from leafscope.core.config import RunConfig

if TYPE_CHECKING:
    from leafscope.core.training.events import EpochRecord


QUEUE_LIMIT = 1000
"""The most queued runs, not counting members of sweeps: more would take too long, and no list could show them."""

MOST_AT_ONCE = 128
"""The most members of sweeps that a worker claims at once."""

PART_BYTES = 64 * 2**20
"""Bytes of one part of an artifact: SQLite stores at most 10^9 bytes in a value, and others can write between two parts."""

CHECKPOINT, NET, TREES = "checkpoint", "net", "trees"
"""Names of artifacts: everything needed to continue training, and the trained weights; both are safetensors."""

Priority = Literal["interactive", "sweep", "member"]
PRIORITIES: dict[Priority, int] = {"interactive": 0, "sweep": 1, "member": 2}
"""Lower values are trained first; members of a sweep have a queue of their own, behind all other runs."""

Ending = Literal["finished", "failed", "stopped", "interrupted"]


@dataclass(frozen=True)
class Submission:
    """The result of a request to train."""

    run_id: str
    attempt: int
    reused: bool
    """Whether nothing new was queued because the run was already finished, running or queued."""


@lru_cache(maxsize=1024)
def configuration(config_json: str) -> RunConfig:
    """Read a configuration; one that a worker claims is asked for several times. Raises ValidationError."""
    return RunConfig.model_validate_json(config_json)


@dataclass(frozen=True)
class Claim:
    """An attempt that a worker has claimed; every write of the attempt names it."""

    run_id: str
    attempt: int
    worker_id: str
    label: str
    config_json: str
    one_epoch: bool = False
    """Whether it stops after the next epoch."""

    @property
    def run(self) -> RunConfig:
        """The run's configuration; raises ValidationError if it is no longer valid."""
        return configuration(self.config_json)


@dataclass(frozen=True)
class End:
    """The end of an attempt, with everything that is still to be written."""

    claim: Claim
    status: Ending
    error: str | None
    records: Sequence["EpochRecord"]
    artifacts: Mapping[str, bytes]
    facts: Mapping[str, Any]
