"""What a training tells: a record of each epoch, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from leafscope.core.errors import LeafscopeError


@dataclass(frozen=True)
class EpochRecord:
    """Metrics and leaves after an epoch."""

    epoch: int
    """0 is before training."""
    metrics: dict[tuple[str, str], float]
    """(split, metric) -> value; splits train, validation, test; metrics loss and the scores that the task records, and of a net
    that mixes leaves in training the same of the mixture of all leaves, such as mix_loss."""
    leaves: dict[tuple[int, str], np.ndarray]
    """(routed layer from 0, split) -> (rows,), with top-k (rows, k): uint8 or, above 256 leaves, uint16."""
    seconds: float
    """Training and evaluation time since this trainer started."""
    tallies: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Split -> (3, C) int64, the counts of `scores.confusion.tally`; empty where numbers are predicted."""


@dataclass(frozen=True)
class Ended:
    """How a member of a population ended."""

    status: str
    """finished, stopped or failed."""
    error: LeafscopeError | None = None
    """The reason for a failure."""
