"""The controls of a run's configuration: one for each field, as its option declares it; drawn, checked and kept in the URL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from leafscope.app import theme
from leafscope.app.address import data_sets, session
from leafscope.core.balancing import BALANCINGS
from leafscope.core.config import RunConfig, changed, explain, field_options
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import DATA_SETS
from leafscope.core.errors import DataError
from leafscope.core.models import MODELS
from leafscope.core.options import Option


@dataclass(frozen=True)
class Control:
    """The control of one field."""

    key: str
    """Name of the URL parameter and key of session state."""
    field: str
    """Dotted field of the configuration."""
    option: Option
    optional: bool
    """Whether the field may be empty."""

    @property
    def kind(self) -> type:
        """int, float, or str for a choice."""
        return self.option.kind

    @property
    def words(self) -> Mapping[str, str] | None:
        """A choice's values and the words for them."""
        if self.field == "data.name":
            return data_sets.titles(st.session_state.get(self.key))
        if self.field == "net.balancing":
            router = MODELS[st.session_state.get("kind", EXAMPLE.net.kind)].router
            return {one.name: one.title for one in BALANCINGS.values() if router in one.of}
        return {value: words for value, words in self.option.choices.items() if words} or None

    @property
    def is_filled(self) -> bool:
        """Whether its default, that of the chosen data set or model, is shown as its value: an empty control looks disabled."""
        return self.optional and self.option.default is not None and not self.option.empty


_CONTROLS = [
    Control(option.key or option.name, field, option, optional=option.default is None)
    for field, option in sorted(field_options().items(), key=lambda item: item[1].place)
    if field.removeprefix("data.") not in DATA_SETS.options() and field.removeprefix("net.") not in MODELS.options()
]

OPEN = tuple(control for control in _CONTROLS if control.option.is_open)
NET_AND_TRAINING = tuple(one for one in _CONTROLS if not one.option.is_open and not one.option.is_of_rows)
SPLITS = tuple(control for control in _CONTROLS if control.option.is_of_rows)

DATA, KIND = (next(one for one in OPEN if one.field == field) for field in ("data.name", "net.kind"))


def _of_option(part: str, option: Option, key: str) -> Control:
    """The control of an option of a data set or a model; empty means the default."""
    return Control(key, f"{part}.{option.name}", option, optional=not option.choices)


_TAKEN = {control.key for control in _CONTROLS}

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
    if part == "net" and name in OF_MODELS and value in (None, control.option.default):
        return None if control.optional else control.option.default
    return value


def load_run(run: RunConfig) -> None:
    """Set all controls to a run's configuration; call it before they are drawn."""
    for control in ALL:
        st.session_state[control.key] = _loaded(run, control)
        st.session_state.pop(_mark(control), None)
    st.session_state.setdefault(session.Keys.IN_ADDRESS, set()).update(control.key for control in ALL)


def _loaded(run: RunConfig, control: Control) -> Any:
    """The value that a control takes over from a run: the default where it has no such choice."""
    value = field_value(run, control)
    is_known = control.words is None or value in control.words or control is DATA
    return value if is_known else default_value(control)


def meant(chosen: RunConfig | None, shown: RunConfig) -> RunConfig | None:
    """What a person chose: the run that is shown if nothing was changed since the controls were set to it.

    The controls give another configuration even then if its model is not among the choices.
    """
    return shown if chosen is not None and chosen == says(shown) else chosen


def says(run: RunConfig) -> RunConfig | None:
    """The configuration that the controls give once they are set to a run; None if that is not valid."""
    kind, data = _loaded(run, KIND), DATA_SETS[run.data.name]
    of_data = [replace(OF_DATA[option.name], option=option) for option in data.options]
    asked = [*OPEN, *(OF_MODELS[option.name] for option in MODELS[kind].options), *NET_AND_TRAINING, *SPLITS, *of_data]
    values = {control.field: _loaded(run, control) for control in asked}
    for control in asked:
        if values[control.field] is None and control.is_filled:
            values[control.field] = control.option.default
    try:
        return changed(RunConfig(), {field: value for field, value in values.items() if value is not None})
    except ValidationError:
        return None


def follow(run_id: str | None, settings: Callable[[str | None], RunConfig | None]) -> None:
    """Set the controls to the run that is shown, if it is another one than before; at the first visit an address comes first.

    `settings` gives the configuration of a run, or of the one shown where none was asked for; None to leave the controls.
    """
    state, first = st.session_state, session.Keys.CONTROLS_FROM not in st.session_state
    if (first and any_in_url()) or (not first and run_id in (None, state[session.Keys.CONTROLS_FROM])):
        state.setdefault(session.Keys.CONTROLS_FROM, run_id)
        return
    state[session.Keys.CONTROLS_FROM] = run_id
    if (run := settings(run_id)) is not None:
        load_run(run)


def belong_to(run_id: str) -> None:
    """Note which run is shown: the controls stay as they are while it is."""
    if st.session_state.get(session.Keys.CONTROLS_FROM) is None:
        st.session_state[session.Keys.CONTROLS_FROM] = run_id


def take_from(run_id: str) -> None:
    """Show a run, and set the controls to it when they are drawn next."""
    for key in (session.Keys.CONTROLS_FROM, session.Keys.RESET):
        st.session_state.pop(key, None)
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
    defaults: dict[str, Any] = {}
    faults: dict[str, str] = {}

    def ask(control: Control) -> None:
        if control.key not in st.session_state:
            st.session_state.pop(_mark(control), None)
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
        if control.is_filled:
            _fill(control)
        if control.field == "net.balancing" and st.session_state[control.key] not in (ways := control.words or {}):
            st.session_state[control.key] = next(iter(ways))  # of a model with another router
        values[control.field] = _widget(control)
        defaults[control.field] = control.option.default if control.is_filled else default_value(control)
        slots[control.field] = st.empty()

    def ask_options(are_open: bool) -> None:
        for option in DATA_SETS[st.session_state[DATA.key]].options:
            if option.is_open == are_open:
                ask(replace(OF_DATA[option.name], option=option))

    with st.sidebar:
        for control in OPEN:
            ask(control)
            if control is DATA:
                sizes = st.container()
                ask_options(are_open=True)
        for option in MODELS[st.session_state[KIND.key]].options:
            ask(OF_MODELS[option.name])
        action = st.container()
        with st.expander("Net and training"):
            numbers = DATA_SETS[st.session_state[DATA.key]].task == "regression"
            for control in NET_AND_TRAINING:
                if not (numbers and control.field == "train.class_weight"):
                    ask(control)
        with st.expander("Rows and splits"):
            info = DATA_SETS[st.session_state[DATA.key]]
            st.caption(theme.escape_markdown(f"{info.description} Source: {info.source}. Licence: {info.licence}.", 400))
            for control in SPLITS:
                ask(control)
            ask_options(are_open=False)

    run: RunConfig | None = None
    try:
        run = changed(RunConfig(), {field: value for field, value in values.items() if value is not None})
    except ValidationError as error:
        faults = explain(error)
    with sizes:
        _describe_data(run)
    for field, sentence in faults.items():
        slots.get(field, st.sidebar).error(sentence, icon=":material/error:")
    for control in ALL:
        if control.field in values:
            session.publish_to_url(control.key, values[control.field], defaults[control.field])
        else:
            st.query_params.pop(control.key, None)
    return run, faults, action


def _fill(control: Control) -> None:
    """Give an empty control its default, and one that still has another data set's or model's default this one's."""
    state, mark = st.session_state, _mark(control)
    if state.get(control.key) in (None, state.get(mark)):
        state[control.key] = control.option.default
    state[mark] = control.option.default


def _mark(control: Control) -> str:
    """The key of the default that a control was filled with; none after a run or an address gave its value."""
    return f"_default_{control.key}"


def _describe_data(run: RunConfig | None) -> None:
    if run is None:
        st.caption("Its size follows once the choices are valid.")
        return
    try:
        sizes = DATA_SETS[run.data.name].sizes(run.data.options)
    except DataError:
        return  # said beside the button that trains
    st.caption(
        data_sets.size_words(run.data.name, sizes),
        help="The full data set; source and licence are under Rows and splits.",
    )


def _widget(control: Control) -> Any:
    option, is_real = control.option, control.kind is float
    common: dict[str, Any] = {"key": control.key, "help": option.meaning, "persist_state": "session"}
    if (words := control.words) is not None:
        return st.selectbox(option.label, list(words), format_func=lambda value: words.get(value, str(value)), **common)
    default: Any = option.default if control.is_filled else default_value(control)
    return st.number_input(
        option.label,
        value=default,  # the same as in session state: any other would flash up first
        step=option.step if is_real else 1,
        format="%g" if is_real else None,
        placeholder=option.placeholder if control.optional else None,
        **common,
    )


def _parser(control: Control) -> Callable[[str], Any]:
    if control.field == DATA.field:
        return data_sets.parse
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
