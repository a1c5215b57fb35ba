"""Training of one run: its data, whether it fits in memory, and further facts about the trained net."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from leafscope.core.config import RunConfig
from leafscope.core.datasets import Dataset, load
from leafscope.core.device import check_fits, resolve_device
from leafscope.core.errors import DataError
from leafscope.core.training.arrays import Arrays
from leafscope.core.training.descent import EVALUATION_ROWS, LOOK, Descent
from leafscope.core.training.events import EpochRecord
from leafscope.core.tree import TreeLinear

__all__ = ["EVALUATION_ROWS", "LOOK", "EpochRecord", "Trainer"]


class Trainer(Descent):
    """Trains one run.

    `dataset` is the run's, if already loaded. `checked`: the run is known to fit in memory; the rest is as for `Descent`.
    Raises LimitError, before allocation, if the run does not fit in memory, DeviceError if its device is missing, DataError if
    its data cannot be loaded, ValueError for a kind that scikit-learn fits.
    """

    def __init__(
        self,
        run: RunConfig,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        dataset: Dataset | None = None,
        compiled: bool | None = None,
        seconds_between_looks: float = LOOK,
        checked: bool = False,
    ) -> None:
        if not (checked or run.net.fitted):
            check_fits(run, str(resolve_device(run.train.device)))
        self.run = run
        self.dataset: Dataset = load(run.data, run.data_seed) if dataset is None else dataset
        arrays = Arrays.of(self.dataset)
        if run.train.patience is not None and arrays.validation is None:
            raise DataError(
                "patience must be left out where no validation rows are, since it waits for their loss; got "
                f"{run.train.patience}"
            )
        super().__init__(
            arrays,
            run.net,
            run.train,
            run.seed,
            weight_seed=run.weight_seed,
            should_stop=should_stop,
            compiled=compiled,
            seconds_between_looks=seconds_between_looks,
        )

    def facts(self) -> dict[str, Any]:
        """Measure further properties of the current net, as JSON values.

        `trained_parameters`: the parameters outside of nodes, and those of nodes visited by at least one step;
        `inference_seconds`: time for one row when all test rows are computed at once (without any, the training rows), the
        median of three; `compiled`: whether compiled code was ready (steps round differently without it).
        """
        from leafscope.core.cost import trained_parameters

        size = self.dataset
        visited = [
            int((self._optimizer.state[layer.weight]["visits"] > 0).sum())
            for layer in self.net.modules()
            if isinstance(layer, TreeLinear)
        ]
        split = "train" if self.arrays.test is None else "test"
        rows = len(self.arrays.parts[split].y)
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            self._measure(split)
            seconds.append((time.perf_counter() - began) / max(1, rows))
        return {
            "trained_parameters": trained_parameters(self.run.net, size.n_features, size.n_outputs, visited),
            "inference_seconds": statistics.median(seconds),
            "compiled": self.may_compile,
        }
