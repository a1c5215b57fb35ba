"""A classifier in scikit-learn's manner."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from leafscope.core.estimators.base import TreeNet
from leafscope.core.inference.net import softmax


class TreeNetClassifier(ClassifierMixin, TreeNet):
    """A net with tree-parametrized weights as a classifier; see `TreeNet` for the other parameters.

    `class_weight`: None, "balanced", or {class: weight}. Fitted: `classes_` (C,), `net_` (`core.inference.net.Net`),
    `loss_curve_` (mean cross-entropy of the training rows after each epoch), `n_iter_` (epochs), `best_epoch_`,
    `n_features_in_` and, for a DataFrame, `feature_names_in_`.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = TreeNetClassifier(depth=2, width=8, epochs=60, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9), model.apply(X).shape, model.decision_path(X).shape
    (True, (150,), (150, 7))
    """

    def __init__(
        self,
        depth: int = 4,
        width: int = 32,
        *,
        kind: str = "tree",
        gates: str = "hidden",
        tree_layers: int = 1,
        balancing: str = "penalty",
        options: Mapping[str, Any] | None = None,
        gate_gradient: str = "none",
        gate_noise: float = 0.0,
        balance: float = 0.0,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        schedule: str = "cosine",
        weight_decay: float = 0.3,
        decay_growth: float = 1.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.15,
        patience: int = 10,
        class_weight: Any = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(
            depth,
            width,
            kind=kind,
            gates=gates,
            tree_layers=tree_layers,
            balancing=balancing,
            options=options,
            gate_gradient=gate_gradient,
            gate_noise=gate_noise,
            balance=balance,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            schedule=schedule,
            weight_decay=weight_decay,
            decay_growth=decay_growth,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            device=device,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on rows (N, P) with any labels (N,), each row's loss times its weight (N,)."""
        x, labels, weight = self._checked(X, y, sample_weight)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if self.class_weight is not None and not self._is_balanced:
            of_class = compute_sample_weight(self.class_weight, labels)
            weight = of_class if weight is None else weight * of_class
        self._fit(x, codes.astype(np.int64), weight, len(self.classes_))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the probability of each class: (N, P) -> (N, C), in the order of `classes_`."""
        return np.asarray(softmax(self._outputs(X)), np.float64)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the label of each row: (N, P) -> (N,)."""
        best = self._outputs(X).argmax(1)
        answers: NDArray[Any] = self.classes_[best]
        return answers
