"""Many nets trained on the same stream of rows: each block is drawn once, and every net takes its steps on it.

A net's result does not depend on the others, bit for bit on one processor model. Of the nets as they were after each part of
the training, the one with the lowest validation error is tested, for every model alike.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from leafscope.core.config import RunConfig
from leafscope.core.large.protocol import LargeMap
from leafscope.core.large.rows import PARTS, FreshRows, Labelled, Part
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.training.compiled_net import CompiledNet
from leafscope.core.training.trainer import EVALUATION_ROWS


@dataclass
class Score:
    """What is kept of a net."""

    validation_error: float = math.inf
    """The lowest after any part, from 0 to 1; infinite if training diverged before the first."""
    test_error: float = math.nan
    """Of the same net; if training diverged before the first part, that of always predicting the commonest class."""
    part: int = 0
    """The part after which it was measured, from 1."""
    diverged: bool = False
    """Whether the loss became infinite."""
    seconds: float = 0.0
    """Time in training steps, on one thread."""


class _Learner:
    """A net in training."""

    def __init__(self, run: RunConfig, n_features: int, n_classes: int, steps: int) -> None:
        net = build_net(run.net, n_features, n_classes, run.weight_seed)
        optimizer = LazyAdamW(parameter_groups(net, run.train.weight_decay, run.train.decay_growth), lr=run.train.lr)
        optimizer.start_state()
        assert isinstance(net, DenseNet | TreeNet)
        self._net = CompiledNet(net, optimizer, run.train)
        self._batch, self._steps, self._done = run.train.batch_size, steps, 0
        self.score = Score()

    def learn(self, number: int, part: Part, validation: Labelled, test: Labelled) -> None:
        """Take the steps of a part, and keep the score of the net if it is the best so far."""
        if self.score.diverged:
            return
        began = time.perf_counter()
        failed, _ = self._net.steps((part.rows.x, part.rows.y, None), part.order, None, self._done, self._steps)
        self.score.seconds += time.perf_counter() - began
        self._done += math.ceil(len(part.order) / self._batch)
        if failed >= 0:
            self.score.diverged = True
            return
        error = self._error(validation)
        if error < self.score.validation_error:
            self.score.validation_error, self.score.part = error, number
            self.score.test_error = self._error(test)

    def _error(self, rows: Labelled) -> float:
        return 1.0 - self._net.evaluate((rows.x, rows.y, None), EVALUATION_ROWS)[1]


def train(
    protocol: LargeMap,
    runs: Sequence[RunConfig],
    rows: int,
    *,
    threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Score] | None:
    """Train nets of one teacher and seed on this number of rows: their scores, or None if `should_stop()`."""
    source = FreshRows(runs[0].data, runs[0].data_seed)
    validation, test = source.validation(protocol.validation_rows), source.test(protocol.test_rows)
    total = rows * protocol.epochs(rows)
    steps = sum(math.ceil(size / protocol.batch_size) for size in (len(part) for part in np.array_split(range(total), PARTS)))
    learners = [_Learner(run, source.n_features, source.n_classes, steps) for run in runs]
    with ThreadPoolExecutor(threads, thread_name_prefix="net") as pool:
        for number, part in enumerate(source.parts(rows, protocol), 1):
            if should_stop():
                return None
            list(pool.map(lambda learner: learner.learn(number, part, validation, test), learners))  # noqa: B023
    commonest = np.bincount(test.y.numpy()).max() / len(test.y)
    for learner in learners:
        if not math.isfinite(learner.score.validation_error):
            learner.score.test_error = 1.0 - float(commonest)
    return [learner.score for learner in learners]
