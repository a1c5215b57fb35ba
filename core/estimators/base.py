"""What both estimators have in common: their settings, the fit, where rows go, and how they are kept.

N rows · P features · K depth · L = 2^K leaves · V = 2^(K+1) - 1 nodes, numbered breadth-first (`core.gating`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from leafscope.core.config import NetConfig, TrainConfig
from leafscope.core.datasets.dataset import mean_and_scale
from leafscope.core.inference.net import Net, read_module
from leafscope.core.training.arrays import Arrays, Part

if TYPE_CHECKING:
    from leafscope.core.store.store import Store
    from leafscope.core.training.descent import Descent
    from leafscope.core.training.events import EpochRecord

MAX_SEED = 2**31 - 1
"""The largest seed of a run; a larger `random_state` draws one."""


@dataclass(frozen=True, eq=False)
class Given:
    """The rows of the last fit, for `show`; they are not pickled."""

    x: NDArray[np.float64]
    """(N, P) as given."""
    y: NDArray[Any]
    """(N,) numbers, or classes from 0 to C - 1."""
    is_weighted: bool
    """Whether rows had weights of their own, or classes such as a run cannot have."""
    in_validation: NDArray[np.bool_]
    """(N,) the rows that did not train, by which `early_stopping` ended the training."""
    compiled: bool
    """Whether compiled code could be used."""


class TreeNet(BaseEstimator):
    """The parameters are fields of `NetConfig` and `TrainConfig`, with the same meaning and limits.

    `options` are those that only some kinds have, such as `{"experts": 8, "top_k": 1}` of `moe`; None: their defaults.

    The input is standardized inside, with the mean and deviation of the rows that train, as their weights weigh them. With
    `early_stopping`, a share `validation_fraction` of the rows does not train: training ends when their loss has not fallen for
    `patience` epochs, and the weights of the best epoch are kept. `random_state` sets this split, the initial weights and the
    order of the rows.
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
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.depth = depth
        self.width = width
        self.kind = kind
        self.gates = gates
        self.tree_layers = tree_layers
        self.balancing = balancing
        self.options = options
        self.gate_gradient = gate_gradient
        self.gate_noise = gate_noise
        self.balance = balance
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.decay_growth = decay_growth
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def net_config(self) -> NetConfig:
        """Return the parameters of the net; raises ValueError for values that it cannot have."""
        names = ("kind", "depth", "width", "gates", "tree_layers", "balancing")
        config = NetConfig(**{name: _plain(getattr(self, name)) for name in names})
        options = {name: _plain(value) for name, value in (self.options or {}).items()}
        known = [option.name for option in config.model.options]
        if unknown := sorted(map(str, options.keys() - set(known))):
            raise ValueError(f"options of {config.kind} must be of {', '.join(known) or 'none'}, got {unknown[0]!r:.80}")
        return config if not options else NetConfig.model_validate(config.model_dump(exclude=set(known)) | options)

    def train_config(self) -> TrainConfig:
        """Return the parameters of the training; raises ValueError for values that they cannot have."""
        names = ("gate_gradient", "gate_noise", "balance", "epochs", "batch_size", "schedule", "weight_decay", "decay_growth")
        settings = {name: _plain(getattr(self, name)) for name in (*names, "device")}
        patience = _plain(self.patience) if self.early_stopping else None
        weight = "balanced" if self._is_balanced else "none"
        return TrainConfig(**settings, lr=_plain(self.learning_rate), patience=patience, class_weight=weight)

    @property
    def _is_balanced(self) -> bool:
        """Whether every class weighs the same in training, which a run can have too."""
        weight = getattr(self, "class_weight", None)
        return isinstance(weight, str) and weight == "balanced"

    def apply(self, X: ArrayLike, *, layer: int = -1) -> NDArray[np.int64]:
        """Find the leaf of each row in a gated layer, the last one by default: (N, P) -> (N,) from 0 to L - 1.

        The first gate's bit is the leaf's highest. Of a layer of experts it is the expert with the highest score. A net that
        sends rows nowhere has one leaf, 0. Raises ValueError for a layer that the net does not have.
        """
        rows = self._standardized(X)
        layers = max(1, len(self.net_.config.routed_layers))
        if not -layers <= layer < layers:
            raise ValueError(f"layer must be from {-layers} to {layers - 1}, got {layer}")
        leaves = self.net_.routed(rows).leaves
        return leaves[layer].reshape(len(rows), -1)[:, 0] if leaves else np.zeros(len(rows), np.int64)

    def decision_path(self, X: ArrayLike, *, layer: int = -1) -> csr_matrix:
        """Mark the nodes that each row passes in a gated layer, from the root to its leaf: (N, P) -> CSR (N, V) of ones.

        Columns are breadth-first node ids, of all models with gates: node `2^l - 1 + prefix` is passed by rows whose first l
        bits are the prefix. Raises what `apply` raises, and ValueError for experts, which stand below no tree.
        """
        leaf = self.apply(X, layer=layer)
        config = self.net_.config
        if config.routed_layers and not config.has_leaves:
            raise ValueError(f"kind must have leaves below a tree of prefixes, but those of {config.kind} are experts")
        depth = config.tree_depth
        levels = np.arange(depth + 1)
        nodes = (1 << levels) - 1 + (leaf[:, np.newaxis] >> (depth - levels))
        starts = np.arange(0, nodes.size + 1, depth + 1)
        return csr_matrix((np.ones(nodes.size, np.int64), nodes.ravel(), starts), shape=(len(leaf), (2 << depth) - 1))

    def show(
        self,
        X_test: ArrayLike | None = None,
        y_test: ArrayLike | None = None,
        *,
        store_data: bool = True,
        store: "Store | None" = None,
        name: str = "estimator",
    ) -> str:
        """Put the fit into the store as a run, scored on rows held out; see `core.estimators.showing.show`."""
        from leafscope.core.estimators.showing import Shown, show

        check_is_fitted(self)
        held_out = None
        if X_test is not None or y_test is not None:
            if X_test is None or y_test is None:
                raise ValueError("show must get both X_test and y_test, or neither")
            held_out = self._held_out(X_test, y_test)
        return show(Shown(self, held_out, name), store_data=store_data, store=store)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the net as JSON and as plain arrays, and nothing of the rows."""
        state = dict(super().__getstate__())
        state.pop("_given", None)
        if "net_" in state:
            net: Net = state.pop("net_")
            state["_net"] = {"config": net.config.model_dump(mode="json"), "weights": dict(net.weights)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was pickled."""
        state = dict(state)
        kept = state.pop("_net", None)
        super().__setstate__(state)
        if kept is not None:
            self.net_ = Net(NetConfig(**kept["config"]), kept["weights"], np.float64)

    def _checked(self, X: Any, y: Any, sample_weight: Any, **checks: Any) -> tuple[NDArray[np.float64], Any, Any]:
        """Check the arguments of a fit: (N, P) float64, (N,), (N,) float64 or None."""
        x, y = validate_data(self, X, y, dtype=np.float64, **checks)
        if sample_weight is None:
            return x, y, None
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("sample_weight must be above 0 for some row, got 0 for all")
        return x, y, weight

    def _fit(self, x: NDArray[np.float64], y: NDArray[Any], weight: NDArray[np.float64] | None, n_classes: int | None) -> None:
        """Fit on checked rows: x (N, P), y (N,) classes from 0 to C - 1 or numbers, weight (N,) or None."""
        from leafscope.core.training.loop import fit  # with torch, which an estimator that is only asked does without

        net, train = self.net_config(), self.train_config()
        given = self.random_state
        is_seed = isinstance(given, Integral) and 0 <= int(given) <= MAX_SEED
        seed = self.seed_ = int(given) if is_seed else int(check_random_state(given).randint(MAX_SEED))
        parts = {"train": np.arange(len(y))}
        if self.early_stopping:
            strata = y if n_classes is not None and _has_strata(y, n_classes, self.validation_fraction) else None
            split = train_test_split(parts["train"], test_size=self.validation_fraction, random_state=seed, stratify=strata)
            parts = dict(zip(("train", "validation"), map(np.sort, split), strict=True))
        if weight is not None:  # rows of weight 0 do not count, not even in batches
            parts = {name: rows[weight[rows] > 0] for name, rows in parts.items()}
        if any(len(rows) == 0 for rows in parts.values()):
            raise ValueError(f"there must be rows to train on and, with early_stopping, to stop by, got {len(y)} in all")
        own = None if weight is None else weight[parts["train"]]
        with np.errstate(over="ignore", invalid="ignore"):
            self._mean, self._scale = _standardization(x[parts["train"]], own)
        _check_sizes(x, self._mean, self._scale, "X")
        arrays = Arrays(
            **{
                name: Part(self._scaled(x[rows]).astype(np.float32), y[rows], None if weight is None else weight[rows])
                for name, rows in parts.items()
            },
            n_classes=n_classes,
        )
        with np.errstate(over="ignore", invalid="ignore"):
            centre = arrays.centre
        _check_sizes(y, *centre, "y")
        in_validation = np.zeros(len(y), bool)
        in_validation[parts.get("validation", [])] = True
        best = _Best()
        fitted = fit(arrays, net, train, seed, on_epoch=best.note if self.early_stopping else None)
        self._given = Given(x, y, weight is not None, in_validation, fitted.compiled)
        self._centre = centre
        self.net_ = best.net or read_module(fitted.net)
        self.net_ = Net(self.net_.config, self.net_.weights, np.float64)
        self.best_epoch_ = fitted.best_epoch
        self.n_iter_ = fitted.records[-1].epoch
        self.loss_curve_ = [record.metrics["train", "loss"] for record in fitted.records[1:]]

    def _held_out(self, X: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Check held-out rows: (n, P) as given and (n,) numbers, or classes from 0 to C - 1."""
        x, answers = validate_data(self, X, y, dtype=np.float64, reset=False, y_numeric=not hasattr(self, "classes_"))
        if not hasattr(self, "classes_"):
            return x, answers.astype(np.float64)
        known = np.isin(answers, self.classes_)
        if not known.all():
            raise ValueError(f"a class of y_test must be one of classes_, got {answers[~known].tolist()[0]!r:.80}")
        return x, np.searchsorted(self.classes_, answers).astype(np.int64)

    def _standardized(self, X: Any) -> NDArray[np.float64]:
        """Check and standardize new rows: (N, P) -> (N, P)."""
        check_is_fitted(self)
        return self._scaled(validate_data(self, X, dtype=np.float64, reset=False))

    def _scaled(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return (x - self._mean) / self._scale

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """Compute the outputs of new rows: (N, P) -> (N, C), or (N, 1) standardized numbers."""
        rows = self._standardized(X)
        return np.asarray(self.net_(rows), np.float64)


class _Best:
    """Keeps the weights of the epoch with the lowest validation loss."""

    def __init__(self) -> None:
        self.net: Net | None = None
        self._loss = np.inf

    def note(self, record: "EpochRecord", descent: "Descent") -> None:
        loss = record.metrics["validation", "loss"]
        if loss < self._loss:
            self._loss, self.net = loss, read_module(descent.net)


def _has_strata(y: NDArray[np.int64], n_classes: int, fraction: Any) -> bool:
    """Whether each class can stand on both sides of a split: it has two rows, and each side has as many rows as classes."""
    n_validation = int(np.ceil(fraction * len(y))) if isinstance(fraction, float) else int(fraction)
    return bool(np.bincount(y).min() >= 2 and n_classes <= min(n_validation, len(y) - n_validation))


def _check_sizes(values: NDArray[Any], mean: Any, scale: Any, name: str) -> None:
    """Raise ValueError for numbers (n, ...) so different in size that standardizing them fails."""
    with np.errstate(over="ignore", invalid="ignore"):
        ends = np.stack([values.min(0), values.max(0)])
        is_finite = np.isfinite(scale).all() and np.isfinite(((ends - mean) / scale).astype(np.float32)).all()
    if not is_finite:
        raise ValueError(f"the numbers of {name} must be comparable in size, but standardized they are too large or no numbers")


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, which configurations take."""
    return value.item() if isinstance(value, np.generic) else value


def _standardization(
    x: NDArray[np.float64], weight: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit mean and deviation of each feature, weighted: (N, P), (N,) -> (P,), (P,); 1 for a constant one."""
    mean, scale = mean_and_scale(x)
    if weight is None:
        return mean, scale
    constant = x.max(0) == x.min(0)
    mean = np.where(constant, mean, np.average(x, axis=0, weights=weight))
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(constant | (deviation == 0), 1.0, deviation)
