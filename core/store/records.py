"""What goes into the store and comes back: requests, claims, ends, and their limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from leafscope.core.config import RunConfig

if TYPE_CHECKING:
    from leafscope.core.training.trainer import EpochRecord


QUEUE_LIMIT = 1000
"""Runs that may wait, members of sweeps aside: more would be forgotten before their turn comes, and no list shows them."""

MOST_AT_ONCE = 128
"""Members of sweeps that a worker takes at once."""

PART_BYTES = 64 * 2**20
"""Bytes of one part of an artifact: SQLite takes at most 10^9 in one value, and others can write between two parts."""

CHECKPOINT, NET = "checkpoint", "net"
"""Names of artifacts: all that is needed to go on, and the trained weights; both safetensors."""

Priority = Literal["interactive", "sweep", "member"]
PRIORITIES: dict[Priority, int] = {"interactive": 0, "sweep": 1, "member": 2}
"""The lower goes first; members of a sweep wait in a queue of their own, behind all others."""

Ending = Literal["finished", "failed", "stopped", "interrupted"]


@dataclass(frozen=True)
class Submission:
    """What became of a request to train."""

    run_id: str
    attempt: int
    reused: bool
    """Nothing new was queued: the run was there, finished, running or queued."""


@dataclass(frozen=True)
class Claim:
    """An attempt that a worker has taken; every write of the attempt names it."""

    run_id: str
    attempt: int
    worker_id: str
    label: str
    config_json: str

    @property
    def run(self) -> RunConfig:
        """The run's configuration; raises ValidationError if it is no longer valid."""
        return RunConfig.model_validate_json(self.config_json)


@dataclass(frozen=True)
class End:
    """The end of an attempt, with everything to write about it."""

    claim: Claim
    status: Ending
    error: str | None
    records: Sequence["EpochRecord"]
    artifacts: Mapping[str, bytes]
    facts: Mapping[str, Any]
