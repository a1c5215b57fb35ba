"""What a run is: frozen, validated configurations, the same in Python, in a URL, in a TOML file and in the store.

Unknown fields are refused. An invalid value raises pydantic's `ValidationError` (a `ValueError`) whose messages say what must
hold and what was given; `explain` gives them by field.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Annotated, Any

from pydantic import model_validator

from leafscope.core.balancing import BALANCINGS
from leafscope.core.config.fields import Config, declared, digest, refused
from leafscope.core.config.parts import DataConfig, NetConfig, TrainConfig
from leafscope.core.options import Option

FIRST_FIELDS = frozenset(
    (
        *("data.name", "data.n_train", "data.test_fraction", "data.validation_fraction", "data.n_samples", "data.noise"),
        *("data.n_features", "data.n_classes", "data.teacher_depth"),
        *("net.kind", "net.depth", "net.width", "net.tree_layers", "net.gates"),
        *("train.epochs", "train.batch_size", "train.lr", "train.schedule", "train.weight_decay", "train.decay_growth"),
        *("train.gate_gradient", "train.gate_noise", "train.balance", "train.patience", "train.device"),
        *("seed", "split_seed", "init_seed"),
    )
)
"""The fields of version 0.1, always part of an address. A later field is part of it only with a value that is not its default,
so what was stored before it keeps its address. Never add to this list, and never change the default of a later field."""

MAX_SEED = 2**31 - 1


class RunConfig(Config):
    """One training run, complete: the same configuration gives the same history."""

    data: DataConfig = DataConfig()
    net: NetConfig = NetConfig()
    train: TrainConfig = TrainConfig()
    seed: Annotated[
        int,
        Option(
            label="Seed",
            meaning="Sets the split, initial weights and batch order.",
            high=MAX_SEED,
            short="s",
            is_always_named=True,
        ),
    ] = 0
    split_seed: Annotated[
        int | None,
        Option(
            label="Seed of the data",
            meaning="Draws and splits the rows; empty: same as the seed.",
            high=MAX_SEED,
            is_of_rows=True,
            place=0,
        ),
    ] = None
    init_seed: Annotated[
        int | None,
        Option(label="Seed of the weights", meaning="Empty: same as the seed.", high=MAX_SEED, words="initialization seed"),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> "RunConfig":
        balancing = BALANCINGS[self.net.balancing]
        needs_strength = self.net.gated and balancing.has_offsets and balancing.strength and "net.balancing" in self.matters
        if needs_strength and self.train.balance == 0:
            words = f"balance must be above 0 with balancing {balancing.name}, since it is its {balancing.strength}, got 0"
            raise refused(words, "train.balance", "net.balancing")
        return self

    @property
    def data_seed(self) -> int:
        """The seed that draws and splits the data."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def weight_seed(self) -> int:
        """The seed that draws the initial weights."""
        return self.seed if self.init_seed is None else self.init_seed

    @property
    def reads(self) -> frozenset[str]:
        """The fields of the net and its training that its kind of model uses, dotted."""
        model = self.net.model
        of_net = ("kind", *model.net_fields, *(option.name for option in model.options))
        groups = model.reads
        of_training = (*map("train.{}".format, model.train_fields), *(field for field in _GROUPS if _GROUPS[field] in groups))
        return frozenset((*map("net.{}".format, of_net), *of_training))

    @property
    def matters(self) -> frozenset[str]:
        """The fields of the net and its training that make a difference with these settings, dotted."""
        ignored = self.net.model.ignored(self.net, self.train)
        return self.reads.difference(ignored, (field for field, group in _GROUPS.items() if group in ignored))

    def canonical(self) -> dict[str, Any]:
        """Everything that makes a difference, as JSON values: seeds resolved, what the net ignores left out."""
        values = self.model_dump(mode="json", exclude_none=True)
        values |= {"split_seed": self.data_seed, "init_seed": self.weight_seed}
        kept = self.matters
        for part in ("net", "train"):
            values[part] = {field: value for field, value in values[part].items() if f"{part}.{field}" in kept}
        return values

    @property
    def run_id(self) -> str:
        """The run's address: 16 hexadecimal digits from the hash of its canonical configuration."""
        return digest(addressed(self.canonical()))

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
        read = _READ_ALWAYS | self.reads
        values = ((option, get(self)) for field, option, get in _IN_NAMES if field in read)
        said = (option.named(value) for option, value in values if option.is_always_named or value != option.default)
        return " ".join(filter(None, said))


_GROUPS = {f"train.{name}": option.read_by for name, option in declared(TrainConfig).items()}
"""The fields of training and which nets read them."""

_PARTS: dict[str, type[Config]] = {"data.": DataConfig, "net.": NetConfig, "train.": TrainConfig, "": RunConfig}
"""What precedes a dotted field's name, and its class."""

_LATER = {
    f"{part}{name}": field.default
    for part, config in _PARTS.items()
    for name, field in config.model_fields.items()
    if f"{part}{name}" not in FIRST_FIELDS and f"{name}." not in _PARTS
}
"""The fields that came after version 0.1, and their defaults."""

_IN_NAMES = [
    (f"{part}{option.name}", option, attrgetter(f"{part}{option.name}"))
    for part, config in _PARTS.items()
    for option in sorted(
        (option for name, option in declared(config).items() if option.short and "." not in name),
        key=lambda option: option.read_by == "nets",
    )
]
"""The fields that a run's name says, in order: what only some nets have comes before what all have."""

_READ_ALWAYS = frozenset(field for field, _, _ in _IN_NAMES if not field.startswith(("net.", "train.")))
"""Those of them that belong to no model."""


_OF_CLASSES = ("train.class_weight", "data.n_classes")
"""Fields that say nothing where numbers are predicted."""


def of_numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of dotted fields those that say nothing where numbers are predicted."""
    return {name: value for name, value in fields.items() if name not in _OF_CLASSES}


def addressed(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a run's values the fields that came after version 0.1 and are at their default."""
    kept = {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
    for field, default in _LATER.items():
        part, _, name = field.rpartition(".")
        owner = kept[part] if part else kept
        if name in owner and owner[name] == default:
            del owner[name]
    return kept
