"""The parts of a run's configuration: which data, which net, and how it is trained.

Every field has a default, and an `Option` that declares all else of it, once: its check, control, address, column and words.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import create_model, model_validator

from leafscope.core.balancing import BALANCINGS
from leafscope.core.config.fields import Config, refused
from leafscope.core.datasets.registry import DATA_SETS, data_words
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.limits import MAX_DEPTH
from leafscope.core.models import MODELS, Model, RoutedLayer
from leafscope.core.options import Option, shown
from leafscope.core.registry import Words


def _words(name: str) -> str:
    return name.replace("_", " ")


def _added(options: Mapping[str, Option]) -> dict[str, Any]:
    """The fields of options; None for data sets or models without the option."""
    return {name: (Annotated[option.kind | None, option], None) for name, option in options.items()}


class _DataFields(Config):
    """Which data, how many rows, and how they are split; each option of the data set is a field too, None: its default."""

    name: Annotated[
        str,
        Option(
            label="Data set",
            meaning="All data sets are on this machine; nothing is downloaded. The page Data adds a table of your own.",
            choices=Words(DATA_SETS, lambda data_set: data_set.title),
            words="data",
            short=data_words,
            is_always_named=True,
            key="data",
            is_open=True,
        ),
    ] = "digits"
    n_train: Annotated[
        int | None,
        Option(
            label="Training rows",
            meaning="Use fewer training rows than the split leaves; empty: all.",
            low=1,
            high=200_000,
            words="training rows",
            short="n",
            empty="all",
            is_of_rows=True,
        ),
    ] = None
    test_fraction: Annotated[
        float,
        Option(
            label="Test share",
            meaning="Share of all rows. 0: no test rows; nothing is said of new rows.",
            high=0.9,
            key="test",
            is_of_rows=True,
        ),
    ] = 0.3
    validation_fraction: Annotated[
        float,
        Option(
            label="Validation share",
            meaning="Share of all rows. 0: no validation rows; a run reports its last epoch.",
            high=0.9,
            key="validation",
            is_of_rows=True,
        ),
    ] = 0.15

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
        "DataConfig", __base__=_DataFields, __doc__=_DataFields.__doc__, __module__=__name__, **_added(_DATA_OPTIONS)
    )


class NetConfig(Config):
    """Which net: input, a dense hidden layer, 1 to 3 gated layers of the same width, a dense head."""

    kind: Annotated[
        str,
        Option(
            label="Leaf weights",
            meaning="Tree: patterns with a common prefix share its matrices. Flat: each pattern has its own matrix. "
            "Controls: a tree over shuffled patterns; one matrix for all patterns plus one for each, or plus one for the "
            "value of each bit; and flat with weight decay to the mean of all patterns' matrices instead of to 0. Models of "
            "others: a router that chooses the best k of several experts; a tree of soft decisions over matrices or answers.",
            choices=Words(MODELS, lambda model: model.choice),
            words="weights",
            short=_words,
            is_always_named=True,
            is_open=True,
            place=600,
        ),
    ] = "tree"
    depth: Annotated[
        int,
        Option(
            label="Depth K (gating bits)",
            meaning="The signs of K gating units select one of 2^K leaves (sign patterns). 0 is a plain dense layer.",
            high=MAX_DEPTH,
            words="depth K",
            short="K",
            is_always_named=True,
            is_open=True,
        ),
    ] = 4
    width: Annotated[
        int,
        Option(
            label="Width (units)",
            meaning="Units per hidden layer.",
            low=1,
            high=4096,
            short="w",
            is_always_named=True,
            is_open=True,
        ),
    ] = 32
    tree_layers: Annotated[
        int,
        Option(
            label="Gated layers",
            meaning="Layers that select their matrix by signs, 1 to 3.",
            low=1,
            high=3,
            words="gated layers",
            short="x",
            key="layers",
        ),
    ] = 1
    gates: Annotated[
        str,
        Option(
            label="Gates",
            meaning="Where the K bits come from.",
            choices={
                "hidden": "reuse hidden units",
                "units": "extra gating units (cost counted)",
                "random": "random gates (control)",
            },
            short=str,
            is_open=True,
            place=600,
        ),
    ] = "hidden"
    balancing: Annotated[
        str,
        Option(
            label="Balancing of the gates",
            meaning="What keeps a gate's bit from being the same for most rows. "
            + " ".join(
                f"{one.title[:1].upper()}{one.title[1:]}: {one.meaning}." for one in BALANCINGS.values() if "gates" in one.of
            ),
            choices=Words(BALANCINGS, lambda one: one.title if "gates" in one.of else ""),
            short=lambda name: BALANCINGS[name].label,
            place=510,
        ),
    ] = "penalty"

    if TYPE_CHECKING:  # which options it has follows from the registry

        def __getattr__(self, option: str) -> Any: ...

    @property
    def model(self) -> Model:
        """What is known of its kind."""
        return MODELS[self.kind]

    @property
    def gated(self) -> bool:
        """Whether layers choose their matrix by sign pattern."""
        return self.model.is_gated

    @property
    def routed_layers(self) -> Sequence[RoutedLayer]:
        """The layers that send rows to leaves or experts; none of a dense net, or of what scikit-learn fits."""
        return self.model.routed_layers(self)

    @property
    def has_leaves(self) -> bool:
        """Whether its layers send each row to one leaf, below a tree of prefixes; experts stand below none."""
        layers = self.routed_layers
        return bool(layers) and all(layer.has_prefixes for layer in layers)

    @property
    def tree_depth(self) -> int:
        """The depth of the tree of prefixes over the leaves of its layers; 0: there is none, or each layer has one leaf."""
        return self.depth if any(layer.has_prefixes for layer in self.routed_layers) else 0

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
        if "balancing" in self.model.net_fields and self.model.router not in BALANCINGS[self.balancing].of:
            fitting = (one.name for one in BALANCINGS.values() if self.model.router in one.of)
            object.__setattr__(self, "balancing", next(fitting))
        if (fault := self.model.fault(self)) is not None:
            sentence, fields = fault
            raise refused(sentence, *fields)
        return self


_NET_OPTIONS = MODELS.options()


if not TYPE_CHECKING:  # type checkers know the fields above only
    NetConfig = create_model(
        "NetConfig", __base__=NetConfig, __module__=__name__, __doc__=NetConfig.__doc__, **_added(_NET_OPTIONS)
    )


LEARNING_RATE = Option(
    label="Learning rate",
    meaning="AdamW's initial learning rate.",
    high=10,
    excludes_low=True,
    words="learning rate",
    short="lr",
    step=0.001,
)


class TrainConfig(Config):
    """How the net is trained: AdamW, mini-batches, cross-entropy."""

    epochs: Annotated[int, Option(label="Epochs", meaning="Passes over the training rows.", low=1, high=10_000, short="e")] = 60
    batch_size: Annotated[
        int, Option(label="Batch size", meaning="Rows per training step.", low=1, high=65_536, key="batch")
    ] = 32
    lr: Annotated[float, LEARNING_RATE] = 5e-3
    schedule: Annotated[
        str,
        Option(
            label="Schedule",
            meaning="How the learning rate changes over the steps.",
            choices={"cosine": "cosine to 0", "constant": "constant"},
        ),
    ] = "cosine"
    weight_decay: Annotated[
        float, Option(label="Weight decay", meaning="Decoupled, as in AdamW.", high=10, short="wd", key="decay", step=0.01)
    ] = 0.3
    decay_growth: Annotated[
        float,
        Option(
            label="Decay growth by level",
            meaning="A node on level l has decay x growth^l: deeper, rarer nodes stay closer to their parents.",
            low=1,
            high=16,
            read_by="levels",
            key="growth",
            step=0.5,
        ),
    ] = 1.0
    gate_gradient: Annotated[
        str,
        Option(
            label="Gates learn from their bits",
            meaning=" ".join(f"{one.title[:1].upper()}{one.title[1:]}: {one.meaning}." for one in GATE_GRADIENTS.values()),
            choices=Words(GATE_GRADIENTS, lambda gradient: gradient.title),
            short=lambda name: GATE_GRADIENTS[name].label,
            read_by="gates",
            key="credit",
        ),
    ] = "none"
    gate_noise: Annotated[
        float,
        Option(
            label="Gate noise",
            meaning="Standard deviation of the noise on the gates in training; it decays to 0.",
            high=100,
            short="noise",
            read_by="gates",
            step=0.1,
        ),
    ] = 0.0
    balance: Annotated[
        float,
        Option(
            label="Strength of the balancing",
            meaning="Of a penalty its weight, of a bias its rate; 0 is no penalty. A centred gate ignores it.",
            high=100,
            words="balance strength",
            short="bal",
            read_by="gates",
            step=0.01,
            place=510,
        ),
    ] = 0.0
    patience: Annotated[
        int | None,
        Option(
            label="Patience (epochs)",
            meaning="Stop when the validation loss has not fallen for this many epochs; empty: never.",
            low=1,
            high=10_000,
            empty="never",
        ),
    ] = None
    class_weight: Annotated[
        str,
        Option(
            label="Weights of classes",
            meaning="Balanced: in training, and in the loss, every class weighs as much as any other, however few rows it has.",
            choices={"none": "every row the same", "balanced": "balanced: every class the same"},
            short=str,
            read_by="all",
            words="class weights",
        ),
    ] = "none"
    device: Annotated[
        str,
        Option(
            label="Device",
            meaning="Where to train.",
            choices={"auto": "a GPU if there is one", "cpu": "CPU", "cuda": "first GPU"}
            | {f"cuda:{number}": f"GPU {number}" for number in range(8)},
            pattern=r"cuda:\d+",
            what="auto, cpu, cuda or cuda:<number>",
            words="requested device",
            place=900,
        ),
    ] = "auto"
