"""The controls of a run's configuration: one entry per field, drawn, checked and kept in the URL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.core.config import RunConfig, changed, explain
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import DATA_SETS
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.models import MODELS
from leafscope.core.options import Option


@dataclass(frozen=True)
class Control:
    """The control of one field."""

    key: str
    """Name of the URL parameter and key of session state."""
    field: str
    """Dotted field of the configuration."""
    label: str
    help: str
    kind: type
    """int, float, or str for a choice."""
    options: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None
    """The values of a choice and their words, or a function that gives the registered ones."""
    optional: bool = False
    """Whether the field may be empty."""
    step: float | None = None
    number_format: str | None = None
    placeholder: str | None = None
    """What an empty field means."""

    @property
    def words(self) -> Mapping[str, str] | None:
        """A choice's values and the words for them."""
        return self.options() if callable(self.options) else self.options


DATA = Control(
    "data",
    "data.name",
    "Data set",
    "All data sets are on this machine; nothing is downloaded.",
    str,
    {name: data_set.title for name, data_set in DATA_SETS.items()},
)
DEPTH = Control(
    "depth",
    "net.depth",
    "Depth K (gating bits)",
    "The signs of K gating units select one of 2^K leaves (sign patterns). 0 is a plain dense layer.",
    int,
)
WIDTH = Control("width", "net.width", "Width (units)", "Units per hidden layer.", int)
KIND = Control(
    "kind",
    "net.kind",
    "Leaf weights",
    "Tree: patterns with a common prefix share its matrices. Flat: each pattern has its own matrix.",
    str,
    lambda: {name: model.choice for name, model in MODELS.items() if model.choice},
)
GATES = Control(
    "gates",
    "net.gates",
    "Gates",
    "Where the K bits come from.",
    str,
    {
        "hidden": "reuse hidden units",
        "units": "extra gating units (cost counted)",
        "random": "random gates (control)",
    },
)
OPEN = (DATA, DEPTH, WIDTH, KIND, GATES)

NET_AND_TRAINING = (
    Control("layers", "net.tree_layers", "Gated layers", "Layers that select their matrix by signs, 1 to 3.", int),
    Control("epochs", "train.epochs", "Epochs", "Passes over the training rows.", int),
    Control("batch", "train.batch_size", "Batch size", "Rows per training step.", int),
    Control("lr", "train.lr", "Learning rate", "AdamW's initial learning rate.", float, step=0.001, number_format="%g"),
    Control(
        "schedule",
        "train.schedule",
        "Schedule",
        "How the learning rate changes over the steps.",
        str,
        {"cosine": "cosine to 0", "constant": "constant"},
    ),
    Control("decay", "train.weight_decay", "Weight decay", "Decoupled, as in AdamW.", float, step=0.01, number_format="%g"),
    Control(
        "growth",
        "train.decay_growth",
        "Decay growth by level",
        "A node on level l has decay x growth^l: deeper, rarer nodes stay closer to their parents.",
        float,
        step=0.5,
        number_format="%g",
    ),
    Control(
        "credit",
        "train.gate_gradient",
        "Gates learn from their bits",
        " ".join(f"{sentence_case(one.title)}: {one.meaning}." for one in GATE_GRADIENTS.values()),
        str,
        lambda: {name: one.title for name, one in GATE_GRADIENTS.items()},
    ),
    Control(
        "gate_noise",
        "train.gate_noise",
        "Gate noise",
        "Standard deviation of the noise on the gates in training; it decays to 0.",
        float,
        step=0.1,
        number_format="%g",
    ),
    Control(
        "balance",
        "train.balance",
        "Balance penalty",
        "Weight of a penalty on inner nodes that send most rows to one side.",
        float,
        step=0.01,
        number_format="%g",
    ),
    Control(
        "patience",
        "train.patience",
        "Patience (epochs)",
        "Stop when the validation loss has not fallen for this many epochs; empty: never.",
        int,
        optional=True,
        placeholder="never",
    ),
    Control("seed", "seed", "Seed", "Sets the split, initial weights and batch order.", int),
    Control("init_seed", "init_seed", "Seed of the weights", "Empty: same as the seed.", int, optional=True),
    Control(
        "device",
        "train.device",
        "Device",
        "Where to train.",
        str,
        {"auto": "a GPU if there is one", "cpu": "CPU", "cuda": "first GPU"} | {f"cuda:{n}": f"GPU {n}" for n in range(8)},
    ),
)

SPLITS = (
    Control(
        "split_seed",
        "split_seed",
        "Seed of the data",
        "Draws and splits the rows; empty: same as the seed.",
        int,
        optional=True,
    ),
    Control(
        "n_train",
        "data.n_train",
        "Training rows",
        "Use fewer training rows than the split leaves; empty: all.",
        int,
        optional=True,
        placeholder="all",
    ),
    Control("test", "data.test_fraction", "Test share", "Share of all rows.", float, step=0.05, number_format="%g"),
    Control(
        "validation", "data.validation_fraction", "Validation share", "Share of all rows.", float, step=0.05, number_format="%g"
    ),
)


def _of_option(part: str, option: Option, key: str) -> Control:
    """The control of an option of a data set or a model; empty means the default."""
    is_real = option.kind is float
    return Control(
        key,
        f"{part}.{option.name}",
        option.label,
        option.meaning,
        option.kind,
        option.choices or None,
        optional=not option.choices,
        step=option.step if is_real else None,
        number_format="%g" if is_real else None,
        placeholder=option.write(option.default),
    )


_TAKEN = {control.key for control in (*OPEN, *NET_AND_TRAINING, *SPLITS)}

OF_DATA = {
    name: _of_option("data", option, f"data_{name}" if name in _TAKEN else name) for name, option in DATA_SETS.options().items()
}
"""The controls of data set options, by name; only those of the chosen data set are drawn, with its words."""

OF_MODELS = {name: _of_option("net", option, f"net_{name}") for name, option in MODELS.options().items()}
"""The controls of model options, by name; only those of the chosen model are drawn."""

ALL = (*OPEN, *OF_MODELS.values(), *NET_AND_TRAINING, *SPLITS, *OF_DATA.values())


def default_value(control: Control) -> Any:
    """The default value of a field: the example's."""
    return field_value(EXAMPLE, control)


def field_value(run: RunConfig, control: Control) -> Any:
    """The value of a field in a run, None if an optional field has its default."""
    part, _, name = control.field.rpartition(".")
    owner: Any = getattr(run, part) if part else run
    value = getattr(owner, name)
    if part == "data" and name in OF_DATA and value == DATA_SETS[run.data.name].defaults.get(name):
        return None
    if part == "net" and name in OF_MODELS and value in (None, MODELS.options()[name].default):
        return None if control.optional else MODELS.options()[name].default
    return value


def load_run(run: RunConfig) -> None:
    """Set all controls to a run's configuration; call it before they are drawn."""
    for control in ALL:
        value = field_value(run, control)
        known = control.words is None or value in control.words
        st.session_state[control.key] = value if known else default_value(control)


def take_from(run_id: str) -> None:
    """Show a run, and set the controls to it when they are drawn next."""
    st.session_state[session.Keys.CONTROLS_FROM] = False
    for control in ALL:
        st.query_params.pop(control.key, None)
    session.show_run(run_id)


def any_in_url() -> bool:
    """Whether the URL names a configuration."""
    return any(control.key in st.query_params for control in ALL)


def draw() -> tuple[RunConfig | None, dict[str, str], DeltaGenerator]:
    """Draw the controls in the sidebar.

    Returns the configuration (None if not valid), an error sentence for each bad field, and a container for the buttons.
    """
    slots: dict[str, Any] = {}
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}

    def ask(control: Control) -> None:
        text = session.seed_from_url(control.key, _parser(control), default_value(control))
        if text is not None:
            expected = (
                f"one of {', '.join(control.words)}"
                if control.words
                else "a whole number"
                if control.kind is int
                else "a number"
            )
            session.notify(f"{control.key} in the address must be {expected}, got {text[:40]!r}; the default is shown")
        values[control.field] = _widget(control)
        slots[control.field] = st.empty()

    def ask_options(are_open: bool) -> None:
        for option in DATA_SETS[st.session_state[DATA.key]].options:
            if option.is_open == are_open:
                ask(replace(OF_DATA[option.name], help=option.meaning, placeholder=option.write(option.default)))

    with st.sidebar:
        for control in OPEN:
            ask(control)
            if control is DATA:
                _describe_data()
                ask_options(are_open=True)
        for option in MODELS[st.session_state[KIND.key]].options:
            ask(OF_MODELS[option.name])
        action = st.container()
        with st.expander("Net and training"):
            for control in NET_AND_TRAINING:
                ask(control)
        with st.expander("Rows and splits"):
            info = DATA_SETS[st.session_state[DATA.key]]
            st.caption(theme.escape_markdown(f"{info.description} Source: {info.source}. Licence: {info.licence}."))
            for control in SPLITS:
                ask(control)
            ask_options(are_open=False)

    run: RunConfig | None = None
    try:
        run = changed(RunConfig(), {field: value for field, value in values.items() if value is not None})
    except ValidationError as error:
        faults = explain(error)
    for field, sentence in faults.items():
        slots.get(field, st.sidebar).error(sentence, icon=":material/error:")
    for control in ALL:
        if control.field in values:
            session.publish_to_url(control.key, values[control.field], default_value(control))
        else:
            st.query_params.pop(control.key, None)
    return run, faults, action


def _describe_data() -> None:
    n_rows, n_features, n_classes = DATA_SETS[st.session_state[DATA.key]].sizes()
    st.caption(
        f"{theme.thousands(n_rows)} rows, {theme.thousands(n_features)} columns, {n_classes} classes",
        help="The full data set; source and licence are under Rows and splits.",
    )


def _widget(control: Control) -> Any:
    common: dict[str, Any] = {"key": control.key, "help": control.help, "persist_state": "session"}
    if (words := control.words) is not None:
        return st.selectbox(control.label, list(words), format_func=lambda value: words.get(value, str(value)), **common)
    step = control.step if control.kind is float else 1
    # the same value as in session state: any other would flash up first
    standard_value = default_value(control)
    return st.number_input(
        control.label, value=standard_value, step=step, format=control.number_format, placeholder=control.placeholder, **common
    )


def _parser(control: Control) -> Callable[[str], Any]:
    if (options := control.words) is None:
        return lambda text: None if control.optional and not text else _number(control, text)

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return parse


def _number(control: Control, text: str) -> int | float:
    value: int | float = control.kind(text)
    try:
        float(value)  # what a browser and Streamlit compute with
    except OverflowError:
        raise ValueError(text) from None
    return value
