"""Recording of an attempt by a worker: epochs, checkpoints, and the artifacts and facts at its end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from leafscope.core import config
from leafscope.core.errors import OUT_OF_MEMORY, LeafscopeError, NonFiniteLossError, is_out_of_memory
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, TREES, Claim, End, Ending
from leafscope.core.store.values.tensors import compress, pack

if TYPE_CHECKING:
    import torch

    from leafscope.core.training.trainer import EpochRecord, Trainer

FLUSH = 0.1
"""Seconds between two writes of epochs; pages do not refresh more often."""

CHECKPOINT_EVERY = 2.0
"""Seconds between two checkpoints, but at least 20 times the duration of a checkpoint."""


class AttemptLostError(Exception):
    """The attempt no longer belongs to this worker."""


class Recorder:
    """Writes an attempt's epochs, a few at a time, and its checkpoints.

    `flush` is the time in seconds between two writes of epochs. `thin`: keep the leaves of the first and the last epoch
    only, and write nothing before the first `flush`, because a sweep has very many runs and few are inspected.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        state: "Callable[[], dict[str, torch.Tensor]]",
        flush: float = FLUSH,
        thin: bool = False,
    ) -> None:
        self._store = store
        self.claim = claim
        self._state = state
        self._flush = flush
        self._thin = thin
        self._waiting: list[EpochRecord] = []
        self._artifacts: dict[str, bytes] = {}
        self._newest: EpochRecord | None = None
        self._written: EpochRecord | None = None
        self._next_write: float | None = None if thin else 0.0
        self._next_checkpoint = time.monotonic() + CHECKPOINT_EVERY
        self.untouched = claim.attempt == 1
        """Whether nothing of the attempt has been written yet."""

    def add(self, record: "EpochRecord", artifacts: Mapping[str, bytes] | None = None) -> None:
        """Add an epoch with its artifacts, and write all waiting epochs when due; raises AttemptLostError."""
        self._newest = record
        self._artifacts |= artifacts or {}
        self._waiting.append(replace(record, leaves={}) if self._thin and record.epoch > 0 else record)
        began = time.monotonic()
        if self._next_write is None:  # timed from the first epoch: a member may wait long for its turn
            self._next_write, self._next_checkpoint = began + self._flush, began + CHECKPOINT_EVERY
        saves = began >= self._next_checkpoint
        if not saves and began < self._next_write:
            return
        checkpoint = {CHECKPOINT: pack(self._state())} if saves else {}
        self.untouched = False
        if not self._store.record(self.claim, self._waiting, self._artifacts | checkpoint, self._written):
            raise AttemptLostError
        self._written = self._waiting[-1]
        self._waiting.clear()
        self._artifacts.clear()
        now = time.monotonic()
        self._next_write = now + self._flush
        if saves:
            self._next_checkpoint = now + max(CHECKPOINT_EVERY, 20 * (now - began))

    def end(
        self,
        status: Ending,
        error: str | None = None,
        artifacts: Mapping[str, bytes] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Write everything that waits and end the attempt; raises AttemptLostError."""
        end = self.last(status, error, artifacts, facts)
        if not self._store.end(self.claim, status, error, end.records, end.artifacts, facts, self._written):
            raise AttemptLostError

    def last(
        self,
        status: Ending,
        error: str | None = None,
        artifacts: Mapping[str, bytes] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> End:
        """Collect everything that is still unwritten for the end of the attempt."""
        if self._thin and self._newest is not None and self._newest.epoch > 0:
            if self._waiting and self._waiting[-1].epoch == self._newest.epoch:
                self._waiting.pop()
            self._waiting.append(self._newest)  # with its leaves; if the epoch was written before, the first write stays
        return End(self.claim, status, error, list(self._waiting), self._artifacts | dict(artifacts or {}), facts or {})


def left_behind(trainer: "Trainer", status: Ending) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return a trainer's final artifacts and facts.

    A finished run is never resumed, so it keeps its weights but not the three times larger checkpoint.
    """
    if status == "finished":
        return {NET: pack(trainer.net.state_dict())}, trainer.facts()
    return {CHECKPOINT: pack(trainer.state())}, {}


def fit_attempt(
    store: Store, claim: Claim, should_stop: Callable[[], bool], why_stopped: Callable[[], tuple[Ending, str | None]]
) -> str:
    """Fit a scikit-learn model, record it and return its status. Raises AttemptLostError, and what `fit` raises."""
    from leafscope.core.training.fitting import fit

    if not store.begin(claim, "cpu"):
        raise AttemptLostError
    model = fit(claim.run, should_stop=should_stop)
    status, error = why_stopped() if model is None else ("finished", None)
    records, facts = ([], {}) if model is None else ([model.record], model.facts)
    artifacts = {} if model is None or model.trees is None else {TREES: compress(pack(model.trees.arrays()))}
    if not store.end(claim, status, error, records, artifacts, facts):
        raise AttemptLostError
    return status


def explain(error: Exception) -> str:
    """Explain in a sentence why a run failed."""
    if isinstance(error, LeafscopeError):
        return str(error)
    if isinstance(error, ValidationError):
        return "; ".join(config.explain(error).values())
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    return f"{type(error).__name__}: {error}"


def is_expected(error: Exception) -> bool:
    return isinstance(error, LeafscopeError) or is_out_of_memory(error)


def facts_of(error: Exception) -> dict[str, Any]:
    """Return the facts of a failed run: whether its loss became infinite, in which case a retry would fail again."""
    return {"diverged": True} if isinstance(error, NonFiniteLossError) else {}
