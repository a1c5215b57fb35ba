"""What a run is: frozen, validated configurations, the same in Python, in a URL, in a TOML file and in the store.

Every field has a default and a one-line meaning; unknown fields are refused. An invalid value raises pydantic's
`ValidationError` (a `ValueError`) whose messages say what must hold and what was given; `explain` gives them by field.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model, model_validator

from leafscope.core.config.fields import (
    Config,
    choice,
    digest,
    field_type,
    is_device,
    number,
    optional,
    refused,
    shown,
    variant,
    whole,
)
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.limits import MAX_DEPTH
from leafscope.core.models import MODELS, Model
from leafscope.core.options import Option

# The configurations


def _field(option: Option) -> tuple[Any, Any]:
    """The field of an option; None for data sets or models without the option."""
    if option.kind is str:
        kind = choice(tuple(option.choices))
    else:
        kind = whole(int(option.low), int(option.high)) if option.kind is int else number(option.low, option.high)
    return optional(kind), Field(default=None, description=option.meaning)


class _DataFields(Config):
    """Which data, how many rows, and how they are split; each option of the data set is a field too, None: its default."""

    name: choice(tuple(DATA_SETS)) = "digits"  # type: ignore[valid-type]
    """The data set."""
    n_train: optional(whole(1, 200_000)) = None  # type: ignore[valid-type]
    """Training rows to keep, stratified; None: all that the split leaves."""
    test_fraction: number(0.01, 0.9) = 0.3  # type: ignore[valid-type]
    """Share of all rows in the test split."""
    validation_fraction: number(0.01, 0.9) = 0.15  # type: ignore[valid-type]
    """Share of all rows in the validation split."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that the data set has, and their values."""
        return {option.name: getattr(self, option.name) for option in DATA_SETS[self.name].options}

    @model_validator(mode="after")
    def _check(self) -> "_DataFields":
        if self.test_fraction + self.validation_fraction > 0.95:
            raise refused(
                "test_fraction + validation_fraction must be at most 0.95, so that rows are left to train on, "
                f"got {self.test_fraction:g} + {self.validation_fraction:g}",
                "test_fraction",
                "validation_fraction",
            )
        for name in _DATA_OPTIONS:
            value, option = getattr(self, name), DATA_SETS[self.name].option(name)
            if option is None and value is not None:
                owners = ", ".join(DATA_SETS.with_option(name))
                raise refused(
                    f"{name} must be left out for {self.name} (only {owners} have it), got {shown(value)}", name, "name"
                )
            if option is not None and value is None:
                object.__setattr__(self, name, option.default)
            elif option is not None and not option.allows(value):
                raise refused(f"{name} must be {option.must_be} for {self.name}, got {option.write(value)}", name, "name")
        return self


_DATA_OPTIONS = DATA_SETS.options()


if TYPE_CHECKING:

    class DataConfig(_DataFields):
        """Which fields it has beside those above follows from the registry, so type checkers let all names pass."""

        def __init__(self, **fields: Any) -> None: ...

        def __getattr__(self, option: str) -> Any: ...

else:
    DataConfig = create_model(
        "DataConfig",
        __base__=_DataFields,
        __doc__=_DataFields.__doc__,
        __module__=__name__,
        **{option.name: _field(option) for option in _DATA_OPTIONS.values()},
    )


class NetConfig(Config):
    """Which net: input, a dense hidden layer, 1 to 3 gated layers of the same width, a dense head."""

    kind: variant(lambda: MODELS) = "tree"  # type: ignore[valid-type]
    """Leaf weights: shared prefixes (tree), separate leaves (flat), or one matrix and no gates (dense); or a baseline."""
    depth: whole(0, MAX_DEPTH) = 4  # type: ignore[valid-type]
    """K, the gating bits of each gated layer, or the levels of a decision tree; a dense net ignores it."""
    width: whole(1, 4096) = 32  # type: ignore[valid-type]
    """Units of each hidden layer."""
    tree_layers: whole(1, 3) = 1  # type: ignore[valid-type]
    """Gated layers, after the dense hidden layer."""
    gates: choice(("hidden", "units", "random")) = "hidden"  # type: ignore[valid-type]
    """Where the bits come from: units of the layer below, separate units, or frozen random hyperplanes."""

    @property
    def model(self) -> Model:
        """What is known of its kind."""
        return MODELS[self.kind]

    @property
    def gated(self) -> bool:
        """Whether layers choose their matrix by sign pattern."""
        return self.model.is_gated

    @property
    def fitted(self) -> bool:
        """Whether scikit-learn fits it, in one go."""
        return self.model.fit is not None

    @model_validator(mode="after")
    def _check(self) -> "NetConfig":
        defaults = {option.name: option.default for option in self.model.options}
        for name in _NET_OPTIONS:
            if name not in defaults or getattr(self, name) is None:
                object.__setattr__(self, name, defaults.get(name))
        if (fault := self.model.fault(self)) is not None:
            sentence, fields = fault
            raise refused(sentence, *fields)
        return self


_NET_OPTIONS = MODELS.options()


if not TYPE_CHECKING:  # type checkers know the fields above only
    NetConfig = create_model(
        "NetConfig",
        __base__=NetConfig,
        __module__=__name__,
        __doc__=NetConfig.__doc__,
        **{option.name: _field(option) for option in _NET_OPTIONS.values()},
    )


class TrainConfig(Config):
    """How the net is trained: AdamW, mini-batches, cross-entropy."""

    epochs: whole(1, 10_000) = 60  # type: ignore[valid-type]
    """Passes over the training split."""
    batch_size: whole(1, 65_536) = 32  # type: ignore[valid-type]
    """Rows of a step."""
    lr: number(0.0, 10.0, open_low=True) = 5e-3  # type: ignore[valid-type]
    """Learning rate at the start."""
    schedule: choice(("cosine", "constant")) = "cosine"  # type: ignore[valid-type]
    """Learning rate over the steps: half a cosine to zero, or constant."""
    weight_decay: number(0.0, 10.0) = 0.3  # type: ignore[valid-type]
    """Decoupled weight decay (AdamW)."""
    decay_growth: number(1.0, 16.0) = 1.0  # type: ignore[valid-type]
    """A tree node on level l decays with weight_decay * decay_growth^l."""
    gate_gradient: variant(lambda: GATE_GRADIENTS) = "none"  # type: ignore[valid-type]
    """Whether gates learn from the bits they set, and how."""
    gate_noise: number(0.0, 100.0) = 0.0  # type: ignore[valid-type]
    """Standard deviation of noise on the gates before the sign, in training, decaying linearly to 0."""
    balance: number(0.0, 100.0) = 0.0  # type: ignore[valid-type]
    """Weight of the balance penalty."""
    patience: optional(whole(1, 10_000)) = None  # type: ignore[valid-type]
    """Epochs without a lower validation loss before training ends; None: never."""
    device: field_type(str, "auto, cpu, cuda or cuda:<number>", is_device) = "auto"  # type: ignore[valid-type]
    """Where to train."""


class RunConfig(Config):
    """One training run, complete: the same configuration gives the same history."""

    data: DataConfig = DataConfig()
    net: NetConfig = NetConfig()
    train: TrainConfig = TrainConfig()
    seed: whole(0, 2**31 - 1) = 0  # type: ignore[valid-type]
    """Split, initialization and batch order."""
    split_seed: optional(whole(0, 2**31 - 1)) = None  # type: ignore[valid-type]
    """Overrides seed for drawing and splitting the data."""
    init_seed: optional(whole(0, 2**31 - 1)) = None  # type: ignore[valid-type]
    """Overrides seed for the initial weights."""

    @property
    def data_seed(self) -> int:
        """The seed that draws and splits the data."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def weight_seed(self) -> int:
        """The seed that draws the initial weights."""
        return self.seed if self.init_seed is None else self.init_seed

    def canonical(self) -> dict[str, Any]:
        """Everything that makes a difference, as JSON values: seeds resolved, what the net ignores left out."""
        values = self.model_dump(mode="json", exclude_none=True)
        values |= {"split_seed": self.data_seed, "init_seed": self.weight_seed}
        kept = self.net.model.matters(self.net, self.train)
        for part in ("net", "train"):
            values[part] = {field: value for field, value in values[part].items() if field in kept}
        return values

    @property
    def run_id(self) -> str:
        """The run's address: 16 hexadecimal digits from the hash of its canonical configuration."""
        return digest(self.canonical())

    @property
    def epochs(self) -> int:
        """The epochs that training has at most; what is fitted in one go has 1."""
        return 1 if self.net.fitted else self.train.epochs

    @property
    def label(self) -> str:
        """A name made from what matters, such as `digits tree K4 w32 s0`.

        >>> RunConfig().label
        'digits tree K4 w32 s0'
        """
        reads = self.net.model.reads
        parts = [self.data.name.replace("_", " ")]
        if self.data.n_train is not None:
            parts.append(f"n{self.data.n_train}")
        parts.append(self.net.kind.replace("_", " "))
        parts += [f"{letter}{getattr(self.net, field)}" for field, letter in (("depth", "K"), ("width", "w")) if field in reads]
        parts += _labels(self.net, _NET_LABELS, reads)
        parts += [
            f"{option.short}{value}"
            for option in self.net.model.options
            if option.short and (value := getattr(self.net, option.name)) != option.default
        ]
        parts += _labels(self.train, _TRAIN_LABELS, reads)
        parts.append(f"s{self.seed}")
        return " ".join(filter(None, parts))


_NET_LABELS: dict[str, Callable[[Any], str]] = {"tree_layers": "x{}".format, "gates": str}
_TRAIN_LABELS: dict[str, Callable[[Any], str]] = {
    "gate_gradient": lambda name: GATE_GRADIENTS[name].label,
    "gate_noise": "noise{:g}".format,
    "balance": "bal{:g}".format,
    "epochs": "e{}".format,
    "lr": "lr{:g}".format,
    "weight_decay": "wd{:g}".format,
}
"""Field -> how a run's name shows a value that is not the default, in order."""


def _labels(config: Config, words: dict[str, Callable[[Any], str]], reads: frozenset[str]) -> list[str]:
    """What a run's name says of those fields that its model reads and that are not at their default."""
    values = {field: getattr(config, field) for field in words if field in reads}
    fields = type(config).model_fields
    return [words[field](value) for field, value in values.items() if value != fields[field].default]
