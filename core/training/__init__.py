"""Training of one net or of many side by side, and fitting of scikit-learn models.

`loop.train` trains one run, `loop.fit` one net on arrays, `population` many runs; all use `descent`, which `trainer` extends by
what belongs to a run. This package imports configurations, data sets, nets, kernels, scores and the optimizer, but not the
store.
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.training.loop import TrainResult, train

__all__ = [
    "TrainResult",
    "train",
]

_HOMES = {
    "train": "training.loop",
    "TrainResult": "training.loop",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
