"""Logistic regression: one linear map, fitted by scikit-learn."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from leafscope.core.models.counting import DOUBLE, are_numbers, class_weight, fitting_memory
from leafscope.core.models.registry import MODELS, Fit, FittedSize, Line, Memory, Model, Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leafscope.core.config import NetConfig, RunConfig

ITERATIONS = 10_000
"""The most iterations of the solver."""


def _fit(
    run: "RunConfig", x: "NDArray[np.float32]", y: "NDArray[np.int64]", chosen: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Fit in float64; the facts say whether the solver converged. Of numbers, linear regression with the penalty 1 / C."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if are_numbers(y):
        return Ridge(alpha=1 / chosen["C"]).fit(x.astype("float64"), y), {"converged": True}
    estimator = LogisticRegression(max_iter=ITERATIONS, class_weight=class_weight(run), **chosen)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(x.astype("float64"), y)
    others = [warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)]
    for warning in others:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return estimator, {"converged": len(others) == len(caught)}


def _fitted_size(estimator: Any, x: "NDArray[np.float32]") -> FittedSize:
    return FittedSize(estimator.coef_.size + np.size(estimator.intercept_), float(estimator.coef_.size))


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    scores = n_outputs if n_outputs > 2 else 1  # two classes need one score
    parameters = (n_features + 1) * scores
    return Size(parameters, parameters, n_features * scores)


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    return fitting_memory(DOUBLE * (n_features + 1) * n_outputs, n_features, n_outputs, n_rows)


LOGISTIC = MODELS.register(
    Model(
        name="logistic",
        lines=(
            Line("logistic", "logistic regression", is_thin=True, place=50),
            Line("linear", "linear regression", style="logistic", is_thin=True, place=51),
        ),
        number_line="linear",
        cost=_size,
        memory=_memory,
        fit=Fit(
            fit=_fit,
            size=_fitted_size,
            grid={"C": (0.01, 0.1, 1.0, 10.0)},
            operations="multiply-adds",
            min_classes=2,
            seconds=0.1,
        ),
    )
)
