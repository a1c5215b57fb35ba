"""A regressor in scikit-learn's manner."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from leafscope.core.estimators.base import TreeNet


class TreeNetRegressor(RegressorMixin, TreeNet):
    """A net with tree-parametrized weights as a regressor of one number; see `TreeNet` for the parameters.

    The target is standardized inside, as the features are, and squared error is trained. Fitted: `net_`
    (`core.inference.net.Net`), `loss_curve_` (mean squared error of the standardized target after each epoch), `n_iter_`
    (epochs), `best_epoch_`, `n_features_in_` and, for a DataFrame, `feature_names_in_`.

    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = TreeNetRegressor(depth=2, width=8, weight_decay=0.0, random_state=0).fit(X, 1000 * X[:, 0] ** 2)
    >>> bool(model.score(X, 1000 * X[:, 0] ** 2) > 0.9)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on rows (N, P) and numbers (N,), each row's loss times its weight (N,)."""
        x, numbers, weight = self._checked(X, y, sample_weight, y_numeric=True)
        self._fit(x, numbers.astype(np.float64), weight, None)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict the number of each row: (N, P) -> (N,)."""
        outputs = self._outputs(X)[:, 0]
        mean, deviation = self._centre
        return outputs * deviation + mean
