"""What a model is, and the registry of models: everything that the rest of the program knows of a model is said here.

N rows · P features · Q outputs · K depth (gating bits) · V nodes. A model is plain data and a few functions. The functions
import torch or scikit-learn when they are called, so that this can be read where neither is loaded.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from leafscope.core.options import Option, check_names
from leafscope.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leafscope.core.config import NetConfig, RunConfig, TrainConfig
    from leafscope.core.datasets import Dataset

TRAINING = ("epochs", "batch_size", "lr", "schedule", "weight_decay", "patience", "device")
"""Fields of `TrainConfig` that every net reads."""

OF_GATES = ("gates", "gate_gradient", "gate_noise", "balance")
"""Fields that only nets with gates read."""

RESERVED = frozenset(
    (*TRAINING, *OF_GATES, "kind", "depth", "width", "tree_layers", "decay_growth", "model", "gated", "fitted")
)
"""Names of `NetConfig` and `TrainConfig` that no model can add."""


@dataclass(frozen=True)
class Size:
    """What a model stores and computes."""

    parameters: int
    """Stored and open to training: all node matrices, biases and gating units; frozen random hyperplanes are not counted."""
    distinct_parameters: int
    """The same after collapsing: one matrix for each leaf, whatever the tree stores."""
    multiply_adds: int
    """One example at inference with collapsed leaves, gating included; adding a bias is none. Of a decision tree:
    comparisons."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that a run needs while it trains, in float32."""

    parameters: int
    """The net, frozen random hyperplanes included; what scikit-learn fits: the model and, where it tries several, the best."""
    optimizer: int = 0
    """AdamW: two moments of the size of the trained parameters, and an int64 count of visits for each node."""
    gradients: int = 0
    """As large as the trained parameters, at worst."""
    records: int = 0
    """The leaf of every row in each gated layer at every epoch, epoch 0 included: 1 byte to K = 8, else 2."""
    data: int = 0
    """All rows, raw and while they are standardized in float64, then in float32 twice, and labels; a teacher's classifiers."""
    activations: int
    """One batch, roughly: every value of the forward pass and its gradient, and so the leaf matrices that the batch visits."""
    checkpoint: int = 0
    """A copy of net and optimizer, and its bytes on the way to the store."""

    @property
    def total(self) -> int:
        """The sum of all parts, in bytes."""
        return sum(getattr(self, part.name) for part in fields(self))


@dataclass(frozen=True)
class Table:
    """The matrices of a gated layer, of which a step trains those that its rows visit."""

    nodes: int
    """V."""
    parameters: int
    """Of one node."""


@dataclass(frozen=True, eq=False)
class Routing:
    """Where a gated layer sent each row."""

    leaf: "NDArray[np.integer[Any]]"
    """Integers from 0 to `n_leaves` - 1, such as (N,) of one epoch."""
    n_leaves: int
    has_prefixes: bool
    """Whether leaves are sign patterns, over whose prefixes there is a tree."""


@dataclass(frozen=True)
class Beside:
    """A run that a sweep sets beside one of its members."""

    changes: Mapping[str, Any]
    """Dotted field -> value, changed in the member's run."""
    by_depth: bool
    """Whether it belongs to the member's depth; else it is the same at every depth."""
    variant: str = ""


@dataclass(frozen=True)
class Line:
    """A model as figures and tables show it: a kind, or a kind with some of its settings, or of some size."""

    name: str
    words: str
    """In a legend or a table, such as "tree, gating units"."""
    phrase: str = ""
    """In a sentence, such as "the tree with gating units"; empty: as in a legend."""
    together: str = ""
    """What it and others like it are called together, such as "tree ensembles"; empty: as in a legend."""
    style: str = ""
    """Which colour it has (keys of `app.theme.MODEL_COLOURS`); empty: its own name."""
    is_thin: bool = False
    """Whether its line is half as wide: controls, and second ones of a colour."""
    beside: "Callable[[NetConfig, int, int], Iterable[Beside]] | None" = None
    """Which runs a sweep sets beside a net between P and Q; None: that of its kind if it is fitted, else none."""
    place: int = 1000
    """Its place in lists, the smallest first."""

    @property
    def in_a_sentence(self) -> str:
        """Its name in a sentence."""
        return self.phrase or self.words


@dataclass(frozen=True)
class FittedSize:
    """What a fitted model stores and computes."""

    parameters: int
    operations: float
    """Of one example at inference, the mean over the training rows."""
    is_bound: bool = False
    """Whether only upper bounds are known."""


@dataclass(frozen=True)
class Choice:
    """The estimator that was chosen on validation."""

    estimator: Any
    chosen: dict[str, float]
    """Hyperparameter -> value."""
    trials: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """How a model is fitted in one go; the estimator is one of scikit-learn's, or answers as they do."""

    fit: "Callable[[RunConfig, NDArray[np.float32], NDArray[np.int64], Mapping[str, Any]], tuple[Any, dict[str, Any]]]"
    """Run, x (N, P), y (N,), chosen hyperparameters -> fitted estimator and facts of it, JSON values."""
    size: "Callable[[Any, NDArray[np.float32]], FittedSize]"
    """Fitted estimator, training rows (N, P) -> size."""
    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """One hyperparameter -> the values tried, the simplest model first; empty: one trial."""
    choose: "Callable[[RunConfig, Dataset, Callable[[], bool]], Choice | None] | None" = None
    """Run, data, whether to stop -> choice, or None when stopped; None: the lowest validation loss of the grid."""
    operations: Literal["comparisons", "multiply-adds"] = "comparisons"
    """What it computes at inference."""
    min_classes: int = 1
    """Classes that the training rows must have."""
    seconds: float = 1.0
    """A rough estimate of the time of all trials on one thread, for 10,000 training rows times features."""
    is_tree: bool = False
    """Whether the estimator is one decision tree, which has `tree_`."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A kind of model. Exactly one of `build` and `fit` says how it learns: by gradient, or fitted in one go."""

    name: str
    """Its value of `NetConfig.kind`."""
    choice: str = ""
    """Its words among the kinds that the Playground offers; empty: the Playground does not offer it."""
    lines: tuple[Line, ...]
    """How it is shown, first the line that it has by default."""
    net_fields: tuple[str, ...] = ()
    """Fields of `NetConfig` that it reads, in addition to `kind` and its options."""
    train_fields: tuple[str, ...] = ()
    """Fields of `TrainConfig` that it reads."""
    options: tuple[Option, ...] = ()
    """Fields that it adds to `NetConfig`."""
    ignored: "Callable[[NetConfig, TrainConfig], Collection[str]]" = lambda net, train: ()
    """Fields that it reads, but that make no difference with these settings."""
    fault: "Callable[[NetConfig], tuple[str, tuple[str, ...]] | None]" = lambda net: None
    """What is wrong with the settings together: a sentence, and the fields it is about, the one it is shown by first."""
    line: "Callable[[NetConfig], str] | None" = None
    """Which of its lines a net is; None: the first."""
    line_fields: tuple[str, ...] = ()
    """Fields that choose the line."""
    is_gated: bool = False
    """Whether layers send rows to leaves."""
    routings: "Callable[[NetConfig, Sequence[NDArray[np.integer[Any]]]], Sequence[Routing]]" = lambda net, leaves: ()
    """The leaves of each gated layer's rows, as `routed(x).leaves` of the net gives them -> what is known of them."""
    tables: "Callable[[NetConfig], Sequence[Table]]" = lambda net: ()
    """The matrices of each gated layer."""
    cost: "Callable[[NetConfig, int, int], Size] | None" = None
    """Its size between P and Q; None: known only once it is fitted."""
    memory: "Callable[[RunConfig, int, int, int], Memory]"
    """Run, P, Q, rows of all splits -> bytes, the data left out."""
    build: "Callable[[NetConfig, int, int, int], Any] | None" = None
    """Configuration, P, Q, seed -> torch module on the CPU, whose `routed` gives what `nets.Routed` holds."""
    fit: Fit | None = None

    def __post_init__(self) -> None:
        check_names(self.name, self.options, RESERVED)
        if (self.build is None) == (self.fit is None):
            raise ValueError(f"a model must have either build or fit, got {'neither' if self.fit is None else 'both'}")
        if self.build is not None and self.cost is None:
            raise ValueError("a model that is built must have a cost, got None")

    @property
    def reads(self) -> frozenset[str]:
        """Fields of `NetConfig` and `TrainConfig` that it reads."""
        return frozenset(("kind", *self.net_fields, *self.train_fields, *(option.name for option in self.options)))

    def matters(self, net: "NetConfig", train: "TrainConfig") -> frozenset[str]:
        """Fields of `NetConfig` and `TrainConfig` that make a difference with these settings."""
        return self.reads.difference(self.ignored(net, train))

    @property
    def default_line(self) -> Line:
        """The line that it has unless its settings say otherwise."""
        return self.lines[0]

    def line_of(self, net: "NetConfig") -> str:
        """Name the line that a net of this kind is."""
        return self.default_line.name if self.line is None else self.line(net)


class Models(Registry[Model]):
    """The models by kind."""

    def register(self, variant: Model) -> Model:
        """Add a model; raises ValueError when its name, or that of a line, is taken, or an option is declared differently."""
        others = [model for model in self._variants.values() if model is not variant]
        taken = {line.name for model in others for line in model.lines}
        if named := [line.name for line in variant.lines if line.name in taken]:
            raise ValueError(f"every line must have a name of its own, got a second one called {named[0]!r}")
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
    """List the lines of all models by name, in order of their places."""
    found = [line for model in MODELS.values() for line in model.lines]
    return {line.name: line for line in sorted(found, key=lambda line: line.place)}


def model_of(line: str) -> Model | None:
    """Find the model that has a line of this name."""
    return next((model for model in MODELS.values() if any(line == one.name for one in model.lines)), None)


def net_lines() -> tuple[str, ...]:
    """Name the lines of what is trained by gradient, in order."""
    return tuple(name for name in lines() if (model := model_of(name)) is not None and model.fit is None)


def compares(line: str) -> bool:
    """Whether the operations of a model are comparisons, by the name of its line."""
    model = model_of(line)
    return model is not None and model.fit is not None and model.fit.operations == "comparisons"


def baselines() -> tuple[str, ...]:
    """Name the lines that a sweep can set beside its members, in order."""
    kinds = fitted_kinds()
    return tuple(name for name, line in lines().items() if line.beside is not None or name in kinds)


def set_beside(baseline: str, net: "NetConfig", n_features: int, n_outputs: int) -> Iterable[Beside]:
    """List the runs that a baseline is beside a net between P and Q; raises KeyError for what is not a baseline."""
    beside = lines()[baseline].beside
    if beside is not None:
        return beside(net, n_features, n_outputs)
    return (Beside({"net.kind": baseline}, by_depth="depth" in MODELS[baseline].net_fields),)


def net_kinds() -> tuple[str, ...]:
    """Name the kinds that are trained by gradient, in order."""
    return tuple(name for name, model in MODELS.items() if model.fit is None)


def fitted_kinds() -> tuple[str, ...]:
    """Name the kinds that are fitted in one go, in order; they have no epochs but the one after the fit."""
    return tuple(name for name, model in MODELS.items() if model.fit is not None)
