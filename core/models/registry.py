"""The declaration of a model, and the registry of all models.

N rows · P features · Q outputs · K depth (gating bits) · V nodes. A model declares everything that the rest of the program
needs to know about it. Its functions import torch or scikit-learn only when they are called, so the registry can be read
without loading either.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from leafscope.core.options import Option, check_names
from leafscope.core.parametrizations import PARAMETRIZATIONS
from leafscope.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leafscope.core.config import NetConfig, RunConfig, TrainConfig
    from leafscope.core.datasets import Dataset
    from leafscope.core.inference.net import Net, Routed

RESERVED = frozenset(
    {
        "kind",
        "depth",
        "width",
        "tree_layers",
        "gates",
        "balancing",
        "model",
        "gated",
        "fitted",
        "routed_layers",
        "has_leaves",
        "tree_depth",
    }
)
"""Names of `NetConfig` that no option of a model can have."""


@dataclass(frozen=True)
class Size:
    """The parameters and the computation of a model."""

    parameters: int
    """Trainable parameters: all node matrices, biases and gating units, but not frozen random hyperplanes."""
    distinct_parameters: int
    """Parameters after collapsing: one matrix for each leaf, instead of the nodes of the tree."""
    multiply_adds: int
    """Multiply-adds for one example at inference with collapsed leaves, including gating; adding a bias is not counted. For
    a decision tree: comparisons."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that a run needs during training, in float32."""

    parameters: int
    """The net, including frozen random hyperplanes. For scikit-learn: the model and, if several are tried, the best so far."""
    optimizer: int = 0
    """AdamW: two moments for each trained parameter, and an int64 count of visits for each node."""
    gradients: int = 0
    """At most the size of the trained parameters."""
    records: int = 0
    """The leaf of every row in each gated layer at every epoch, including epoch 0: 1 byte up to K = 8, else 2."""
    data: int = 0
    """All rows: raw and standardized in float64, and twice in float32; the labels; a teacher's classifiers."""
    activations: int
    """A rough estimate for one batch: all values of the forward pass, the leaf matrices it visits, and their gradients."""
    checkpoint: int = 0
    """A copy of the net and the optimizer, and the bytes that are written to the store."""

    @property
    def total(self) -> int:
        """The sum of all parts, in bytes."""
        return sum(getattr(self, part.name) for part in fields(self))


@dataclass(frozen=True)
class Table:
    """The matrices of a gated layer; a step trains only those that its rows visit."""

    nodes: int
    """V."""
    parameters: int
    """Parameters of one node."""


@dataclass(frozen=True)
class Weight:
    """A tensor of a net, in float32."""

    name: str
    shape: tuple[int, ...]
    is_trained: bool = True
    """Whether the optimizer updates it."""
    has_nodes: bool = False
    """Whether its rows are nodes, whose visits the optimizer counts."""


@dataclass(frozen=True)
class RoutedLayer:
    """A layer that sends each row to some of its leaves, or experts."""

    n_leaves: int
    top_k: int = 1
    """The leaves of each row. Its net gives them as integers from 0 to `n_leaves` - 1: (N,) for one, else (N, top_k), first the
    one with the highest score."""
    has_prefixes: bool = False
    """Whether a leaf's number, read as bits, is a path in a tree, whose prefixes are its nodes."""


@dataclass(frozen=True)
class Beside:
    """A baseline run for a member of a sweep."""

    changes: Mapping[str, Any]
    """Dotted field -> the value that replaces the member's."""
    by_depth: bool
    """Whether it depends on the member's depth; otherwise it is the same at every depth."""
    variant: str = ""
    deviation: float = 0.0
    """Where it should cost as much as the member: its cost divided by the member's, minus 1."""


@dataclass(frozen=True)
class Line:
    """A line in figures and tables: a kind of model, possibly with certain settings or a certain size."""

    name: str
    words: str
    """The name in legends and tables, such as "tree, gating units"."""
    phrase: str = ""
    """The name in sentences, such as "the tree with gating units"; empty: the same as in legends."""
    together: str = ""
    """The common name of this and similar models, such as "tree ensembles"; empty: the same as in legends."""
    style: str = ""
    """The key of its colour in `app.theme.MODEL_COLOURS`; empty: `name`."""
    is_thin: bool = False
    """Whether its line is half as wide, as for controls and for a second line of the same colour."""
    beside: "Callable[[NetConfig, int, int], Iterable[Beside]] | None" = None
    """How a sweep makes the runs of this line that it compares with one of its nets: net, P features and Q outputs -> for each
    run, what to change in that net's. None: for a fitted kind, only `net.kind` is changed; the line of a net is no baseline."""
    place: int = 1000
    """Lines are listed in the order of this number."""

    @property
    def in_a_sentence(self) -> str:
        """The name in sentences."""
        return self.phrase or self.words


@dataclass(frozen=True)
class FittedSize:
    """The parameters and the computation of a fitted model."""

    parameters: int
    operations: float
    """Operations for one example at inference, averaged over the training rows."""
    is_bound: bool = False
    """Whether these are upper bounds."""


@dataclass(frozen=True)
class Choice:
    """The estimator chosen on the validation rows."""

    estimator: Any
    chosen: dict[str, float]
    """Hyperparameter -> value."""
    trials: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """How a model is fitted; the estimator is from scikit-learn or has the same interface."""

    fit: "Callable[[RunConfig, NDArray[np.float32], NDArray[np.int64], Mapping[str, Any]], tuple[Any, dict[str, Any]]]"
    """Run, x (N, P), y (N,), chosen hyperparameters -> fitted estimator, and facts about it as JSON values.

    y are int64 classes, or float64 numbers in the unit of the target, for which the estimator must be a regressor.
    """
    size: "Callable[[Any, NDArray[np.float32]], FittedSize]"
    """Fitted estimator, training rows (N, P) -> size."""
    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """A single hyperparameter -> the values to try, the simplest model first; empty: one trial."""
    choose: "Callable[[RunConfig, Dataset, Callable[[], bool]], Choice | None] | None" = None
    """Run, data, whether to stop -> choice, or None if stopped; None: choose the lowest validation loss in the grid."""
    operations: Literal["comparisons", "multiply-adds"] = "comparisons"
    """The unit of the operations at inference."""
    min_classes: int = 1
    """The fewest classes that the training rows must have."""
    seconds: float = 1.0
    """Rough time of all trials on one thread, if training rows times features are 10,000."""
    is_tree: bool = False
    """Whether the estimator is a single decision tree with the attribute `tree_`."""
    is_forest: bool = False
    """Whether it is several, in the attribute `estimators_`."""

    @property
    def has_trees(self) -> bool:
        """Whether its trees are stored with a run, and predict without scikit-learn."""
        return self.is_tree or self.is_forest


@dataclass(frozen=True, kw_only=True)
class Model:
    """The declaration of a kind of model: either `build` (trained by gradient descent) or `fit` (fitted by scikit-learn).

    Raises ValueError unless exactly one of the two is given, and for options with the name of another field.
    """

    name: str
    """The value of `NetConfig.kind`."""
    choice: str = ""
    """Its words among the kinds that the Playground offers; empty: the Playground does not offer it."""
    lines: tuple[Line, ...]
    """Its lines in figures and tables, the default one first."""
    net_fields: tuple[str, ...] = ()
    """Fields of `NetConfig` that it uses, in addition to `kind` and its options."""
    options: tuple[Option, ...] = ()
    """Fields that it adds to `NetConfig`."""
    train_fields: tuple[str, ...] = ()
    """Fields of `TrainConfig` that it uses, in addition to those of its groups (`reads`)."""
    ignored: "Callable[[NetConfig, TrainConfig], Collection[str]]" = lambda net, train: ()
    """Dotted fields, and groups of fields of `TrainConfig`, that it uses, but that make no difference with these settings."""
    fault: "Callable[[NetConfig], tuple[str, tuple[str, ...]] | None]" = lambda net: None
    """Checks the combination of settings; returns None, or a sentence and its fields, first the one that pages show it at."""
    line: "Callable[[NetConfig], str] | None" = None
    """Returns the name of a net's line; None: the first line."""
    number_line: str = ""
    """The name of its line where numbers are predicted; empty: as where classes are."""
    line_fields: tuple[str, ...] = ()
    """Fields that determine the line."""
    is_gated: bool = False
    """Whether it has layers that choose a matrix by the sign pattern of K gates; other layers with leaves have none of them."""
    parametrization: str = "flat"
    """Which matrices a leaf of a gated layer sums: a name in `core.parametrizations`."""
    routed_layers: "Callable[[NetConfig], Sequence[RoutedLayer]]" = lambda net: ()
    """The layers for which `routed(x).leaves` of the net has the rows' leaves, in this order."""
    mixes: bool = False
    """Whether training mixes leaves of which inference uses one, so that the mixture has scores of its own."""
    only_classes: bool = False
    """Whether it cannot predict numbers."""
    router: Literal["gates", "experts"] = "gates"
    """What chooses the leaves: it says which of the ways of balancing (`core.balancing`) a net with the field has."""
    tables: "Callable[[NetConfig], Sequence[Table]]" = lambda net: ()
    """The matrices of each gated layer."""
    cost: "Callable[[NetConfig, int, int], Size] | None" = None
    """Its size between P and Q; None: the size is known only after the fit."""
    training_multiply_adds: "Callable[[NetConfig, int, int], int] | None" = None
    """Multiply-adds of one example's forward pass in training; None: those at inference, with K + 1 matrices for a leaf."""
    forward: "Callable[[Net, NDArray[np.floating[Any]]], Routed] | None" = None
    """How its net computes in NumPy (`core.inference`): net, standardized rows (N, P) -> what it computes; None: as dense and
    gated nets do. A net with its own way is not computed in a browser."""
    weights: "Callable[[NetConfig, int, int], Sequence[Weight]] | None" = None
    """Configuration, P, Q -> the tensors of the net that `build` returns, in the order of its parameters."""
    memory: "Callable[[RunConfig, int, int, int], Memory]"
    """Run, P, Q, rows of all splits -> bytes, without the data."""
    build: "Callable[[NetConfig, int, int, int], Any] | None" = None
    """Configuration, P, Q, seed -> the net on the CPU, a `nets.Net`."""
    fit: Fit | None = None

    def __post_init__(self) -> None:
        check_names(self.name, self.options, RESERVED)
        if (self.build is None) == (self.fit is None):
            raise ValueError(f"a model must have either build or fit, got {'neither' if self.fit is None else 'both'}")
        if self.build is not None and (self.cost is None or self.weights is None):
            raise ValueError("a model that is built must have a cost and weights, got None")

    @property
    def reads(self) -> frozenset[str]:
        """The groups of fields of `TrainConfig` that it uses (`Option.read_by`)."""
        has_levels = self.is_gated and not self.has_separate_leaves
        uses = {"all": True, "nets": self.fit is None, "gates": "gates" in self.net_fields, "levels": has_levels}
        return frozenset(group for group, is_used in uses.items() if is_used)

    @property
    def shares_prefixes(self) -> bool:
        """Whether leaves with a common prefix of any length share the matrix of that prefix."""
        return self.is_gated and self.parametrization == "tree"

    @property
    def has_separate_leaves(self) -> bool:
        """Whether each leaf has a matrix of its own, which it shares with no other."""
        return self.is_gated and not PARAMETRIZATIONS[self.parametrization].is_shared

    @property
    def default_line(self) -> Line:
        """Its line with default settings."""
        return self.lines[0]

    def line_of(self, net: "NetConfig") -> str:
        """Return the name of the line of a net of this kind."""
        return self.default_line.name if self.line is None else self.line(net)


class Models(Registry[Model]):
    """The models by kind."""

    def register(self, variant: Model) -> Model:
        """Add a model.

        Raises ValueError if its name or that of a line is taken, or if another model declares the same option differently.
        """
        others = [model for model in self._variants.values() if model is not variant]
        taken = {line.name for model in others for line in model.lines}
        if named := [line.name for line in variant.lines if line.name in taken]:
            raise ValueError(f"every line must have a different name, got a second one called {named[0]!r}")
        declared = {option.name: option for model in others for option in model.options}
        if differing := [option.name for option in variant.options if declared.get(option.name, option) != option]:
            raise ValueError(
                f"models that share an option must declare it identically, but {variant.name} declares another {differing[0]}"
            )
        return super().register(variant)

    def options(self) -> dict[str, Option]:
        """All options by name, in the order of the models."""
        return {option.name: option for model in self.values() for option in model.options}


MODELS = Models("model", "leafscope.core.models", key=lambda model: model.default_line.place)
"""Kind -> model."""


def lines() -> dict[str, Line]:
    """Return the lines of all models by name, in the order of their places."""
    found = [line for model in MODELS.values() for line in model.lines]
    return {line.name: line for line in sorted(found, key=lambda line: line.place)}


def line_of_task(line: str, task: str) -> str:
    """Return the name of the line of a model where classes or numbers are predicted, given that of classes.

    >>> line_of_task("logistic", "regression"), line_of_task("tree", "regression"), line_of_task("logistic", "classification")
    ('linear', 'tree', 'logistic')
    """
    model = model_of(line) if task == "regression" else None
    return line if model is None else model.number_line or line


def model_of(line: str) -> Model | None:
    """Return the model with this line, or None."""
    return next((model for model in MODELS.values() if any(line == one.name for one in model.lines)), None)


def net_lines() -> tuple[str, ...]:
    """Return the names of the lines of nets, which are trained by gradient descent, in order."""
    return tuple(name for name in lines() if (model := model_of(name)) is not None and model.fit is None)


def gated_lines() -> tuple[str, ...]:
    """Name the lines of models whose layers send rows to leaves, in order, last those that a sweep sets beside others."""
    found = [line for model in MODELS.values() if model.is_gated for line in model.lines]
    return tuple(line.name for line in sorted(found, key=lambda line: line.beside is not None))


def tree_lines() -> tuple[str, ...]:
    """Name the lines of models whose leaves share prefixes, in order, without those that a sweep sets beside others."""
    models = [model for model in MODELS.values() if model.shares_prefixes]
    return tuple(line.name for model in models for line in model.lines if line.beside is None)


def decision_tree_lines() -> tuple[str, ...]:
    """Name the lines of models that are one fitted decision tree, in order."""
    return tuple(line.name for model in MODELS.values() if model.fit is not None and model.fit.is_tree for line in model.lines)


def is_sized_by_width(line: str) -> bool:
    """Whether a model has a width but no depth, by the name of its line, as dense nets do."""
    model = model_of(line)
    return model is not None and "width" in model.net_fields and "depth" not in model.net_fields


def compares(line: str) -> bool:
    """Return whether the model with this line performs comparisons at inference, instead of multiply-adds."""
    model = model_of(line)
    return model is not None and model.fit is not None and model.fit.operations == "comparisons"


def baselines() -> tuple[str, ...]:
    """Return the names of the lines that can be baselines of a sweep, in order."""
    kinds = fitted_kinds()
    return tuple(name for name, line in lines().items() if line.beside is not None or name in kinds)


def set_beside(baseline: str, net: "NetConfig", n_features: int, n_outputs: int) -> Iterable[Beside]:
    """Return the runs of a baseline for a net between P and Q; raises KeyError for an unknown baseline."""
    beside = lines()[baseline].beside
    if beside is not None:
        return beside(net, n_features, n_outputs)
    return (Beside({"net.kind": baseline}, by_depth="depth" in MODELS[baseline].net_fields),)


def net_kinds() -> tuple[str, ...]:
    """Return the kinds that are trained by gradient descent, in order."""
    return tuple(name for name, model in MODELS.items() if model.fit is None)


def fitted_kinds() -> tuple[str, ...]:
    """Return the kinds that are fitted by scikit-learn, in order; their only epoch is the one after the fit."""
    return tuple(name for name, model in MODELS.items() if model.fit is not None)
