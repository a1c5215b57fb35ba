"""Training: one net, or many side by side, and what scikit-learn fits.

`loop.train` trains one run here and now; `population` many; `trainer` is what both are made of. It imports configurations,
data sets, nets, kernels and the optimizer; not the store.
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
