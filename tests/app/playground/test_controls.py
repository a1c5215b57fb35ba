"""Controls: every configuration goes through them, and through the address, unchanged."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app.playground import controls
from leafscope.app.playground.presets import PRESETS
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, changed, field_names
from leafscope.core.config.presets import CHECKERBOARD, EXAMPLE, TEACHER_IN_PLANE
from leafscope.core.datasets import DATA_SETS
from leafscope.core.models import MODELS, baselines
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import distinct_runs
from tests.core.models.toys import MIXTURE, nearest, slope_one  # noqa: F401 -- fixtures
from tests.plugin import run_python

TEACHER = {
    "data.name": "tree_teacher",
    "data.n_samples": 300,
    "data.noise": 0.25,
    "data.n_features": 5,
    "data.n_classes": 4,
    "data.teacher_depth": 2,
}
EVERYTHING = {
    "net.kind": "flat",
    "net.depth": 3,
    "net.width": 9,
    "net.tree_layers": 2,
    "net.gates": "units",
    "train.epochs": 7,
    "train.batch_size": 11,
    "train.lr": 0.0123,
    "train.schedule": "constant",
    "train.weight_decay": 0.0,
    "train.decay_growth": 1.5,
    "train.gate_gradient": "straight_through",
    "train.gate_noise": 0.3,
    "train.balance": 0.02,
    "train.patience": 4,
    "data.n_train": 50,
    "data.test_fraction": 0.2,
    "data.validation_fraction": 0.1,
    "seed": 12,
}
RUNS = [
    EXAMPLE,
    RunConfig(),
    *(changed(RunConfig(), changes) for changes in (EVERYTHING, TEACHER, EVERYTHING | TEACHER)),
    changed(RunConfig(), {"data.name": "moons", "data.noise": 0.0}),
    changed(EXAMPLE, {"data.noise": 0.2, "data.n_samples": 100}),
    changed(EXAMPLE, {"net.kind": "dense"}),
]


def page() -> None:
    """A page of nothing but the controls, which take a run's configuration over if one waits in the session."""
    import streamlit as st

    from leafscope.app.address import session
    from leafscope.app.playground import controls
    from leafscope.core.config import RunConfig

    if st.session_state.pop("back", False):
        session.forget_address()
    if "waits" in st.session_state:
        controls.load_run(RunConfig.model_validate_json(st.session_state.pop("waits")))
    run, faults, _ = controls.draw()
    st.session_state["drawn"] = (None if run is None else run.model_dump_json(exclude_none=True), faults)


def draw(run: RunConfig | None = None, address: dict[str, Any] | None = None) -> AppTest:
    at = AppTest.from_function(page)
    for name, value in (address or {}).items():
        at.query_params[name] = value
    return rerun(at) if run is None else load(at, run)


def load(at: AppTest, run: RunConfig) -> AppTest:
    at.session_state["waits"] = run.model_dump_json(exclude_none=True)
    return rerun(at)


def rerun(at: AppTest) -> AppTest:
    at.run(timeout=60)
    assert not at.exception, at.exception[0].message
    return at


def drawn(at: AppTest) -> RunConfig:
    text, faults = at.session_state["drawn"]
    assert not faults
    return RunConfig.model_validate_json(text)


def address(at: AppTest) -> dict[str, Any]:
    return {name: value[0] if isinstance(value, list) else value for name, value in at.query_params.items()}


def test_every_control_is_of_a_field_and_its_own() -> None:
    fields = [control.field for control in controls.ALL]
    assert set(fields) <= set(field_names())
    assert len(set(fields)) == len({control.key for control in controls.ALL}) == len(controls.ALL)
    assert {field for field in field_names() if field.startswith(("net.", "data."))} <= set(fields)
    assert {control.field for control in controls.OF_DATA.values()} == {f"data.{name}" for name in DATA_SETS.options()}


@pytest.mark.parametrize("control", [control for control in controls.ALL if control.words], ids=lambda control: control.key)
def test_every_option_is_valid_and_said_in_words(control: controls.Control) -> None:
    assert control.words is not None
    for value, words in control.words.items():
        changed(RunConfig(), {"train.balance": 0.1, control.field: value})  # a bias needs a rate
        assert words.strip()
    with pytest.raises(ValueError, match=r"must be (one of|auto, cpu)") as refused:
        changed(RunConfig(), {control.field: "?"})
    if control.key != "device":  # of which there may be any number
        assert all(value in str(refused.value) for value in control.words)


def test_data_sets_are_all_offered() -> None:
    assert controls.DATA.words is not None
    assert set(controls.DATA.words) == set(DATA_SETS)


@pytest.mark.usefixtures("nearest", "slope_one")
def test_what_is_registered_is_offered() -> None:
    at = draw()
    assert at.selectbox(key="kind").options[-1] == "nearest neighbours"
    credits = at.selectbox(key="credit").options
    assert (credits[:2], credits[-1]) == (["no", "straight-through"], "slope one")
    at.selectbox(key="kind").set_value("nearest")
    at.selectbox(key="credit").set_value("slope_one")
    rerun(at)
    run = drawn(at)
    assert (run.label, run.train.gate_gradient) == ("spirals nearest s0", "slope_one")
    assert address(at) == {"kind": "nearest", "credit": "slope_one"}


USE = """
from streamlit.testing.v1 import AppTest

page = '''
import streamlit as st
from leafscope.app.playground import controls
run, faults, _ = controls.draw()
st.session_state["drawn"] = run
'''
at = AppTest.from_string(page).run(timeout=60)
first = [widget.key for widget in (*at.number_input, *at.selectbox)]
at.selectbox(key="kind").set_value("mixture").run(timeout=60)
untouched = at.session_state["drawn"].net.members
at.number_input(key="net_members").set_value(4).run(timeout=60)
assert not at.exception, at.exception
print(json.dumps({
    "first": [key for key in first if key.startswith("net_")],
    "options": at.selectbox(key="kind").options,
    "placeholder": at.number_input(key="net_members").placeholder,
    "untouched": untouched,
    "run": at.session_state["drawn"].net.model_dump(include={"kind", "members", "router"}),
    "address": at.query_params["net_members"],
}))
"""


def test_fields_that_a_model_adds_are_asked_for_where_it_is_chosen() -> None:
    found = json.loads(run_python(MIXTURE + USE).stdout.strip().splitlines()[-1])
    assert found["first"] == []
    assert "toy mixture" in found["options"]
    assert (found["placeholder"], found["untouched"]) == ("16", 16)
    assert found["run"] == {"kind": "mixture", "members": 4, "router": "first"}
    assert found["address"] in ("4", ["4"])


def test_values_of_a_run() -> None:
    run = changed(RunConfig(), {"data.name": "moons", "data.noise": 0.2, "data.n_samples": 50})
    values = {control.key: controls.field_value(run, control) for control in controls.ALL}
    assert (values["data"], values["n_samples"], values["lr"], values["seed"]) == ("moons", 50, 0.005, 0)
    assert values["noise"] is None  # what the generator has anyway
    assert values["teacher_depth"] is None


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.label)
def test_a_run_goes_through_controls_and_address(run: RunConfig) -> None:
    at = draw(run)
    assert drawn(at) == run
    assert drawn(draw(address=address(at))) == run


def test_nothing_is_changed_on_any_run_that_comes_with_the_program_or_is_set_beside_it(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "first.db")) as store:
        load_examples(store)
        shipped = [summary.config for summary in store.list_runs()]
    every_kind = {"net.kind": [kind for kind, model in MODELS.items() if model.is_gated], "net.depth": [0, 2]}
    beside = distinct_runs(SweepConfig(base=RunConfig(data=TEACHER_IN_PLANE.data), axes=every_kind, baselines=[*baselines()]))
    presets = [preset.run for preset in PRESETS.values()]
    once = {(run.data.name, str(run.net), run.train.gate_gradient): run for run in (*shipped, *beside, *presets)}
    at = draw()
    for run in once.values():
        said = drawn(load(at, run))
        assert controls.says(run) == said
        assert controls.meant(said, run) == run
        assert said == run or not run.net.model.choice
        other = changed(said, {"seed": 99})
        assert controls.meant(other, run) == other
    assert len(once) > len(MODELS)


def test_a_run_keeps_a_value_that_was_the_default_of_the_data_set_before() -> None:
    at = draw(CHECKERBOARD)
    assert at.number_input(key="n_samples").value == TEACHER_IN_PLANE.data.n_samples
    assert drawn(load(at, TEACHER_IN_PLANE)) == TEACHER_IN_PLANE
    assert at.sidebar.caption[0].value == "2,000 rows, 2 columns, 4 classes"
    at.number_input(key="n_classes").set_value(3)
    assert rerun(at).sidebar.caption[0].value == "2,000 rows, 2 columns, 3 classes"


def test_after_back_a_value_of_the_address_is_kept() -> None:
    taken = address(draw(TEACHER_IN_PLANE))
    at = draw(CHECKERBOARD)
    at.session_state["back"] = True
    at.query_params.clear()
    at.query_params.update(taken)
    assert drawn(rerun(at)) == TEACHER_IN_PLANE


def test_controls_begin_with_the_example_and_leave_it_out_of_the_address() -> None:
    at = draw()
    assert drawn(at) == EXAMPLE
    assert {control.key: at.session_state[control.key] for control in controls.OPEN} == {
        control.key: controls.field_value(EXAMPLE, control) for control in controls.OPEN
    }
    assert not address(at)
    assert address(draw(RunConfig())) == {"data": "digits", "width": "32"}


def test_options_of_the_generator_alone_are_asked_for() -> None:
    at = draw(changed(RunConfig(), TEACHER))
    at.selectbox(key="data").set_value("moons")
    rerun(at)
    keys = {widget.key for widget in at.number_input}
    assert {"n_samples", "noise"} <= keys
    assert not {"n_features", "n_classes", "teacher_depth"} & keys
    assert drawn(at).data.name == "moons"
    at.selectbox(key="data").set_value("digits")
    rerun(at)
    assert drawn(at) == RunConfig()
    assert address(at) == {"data": "digits", "width": "32"}


@pytest.mark.parametrize("name", DATA_SETS.with_option("noise"))
def test_noise_shows_the_data_sets_own_default(name: str) -> None:
    at = draw()
    at.selectbox(key="data").set_value(name)
    rerun(at)
    assert drawn(at).data == DataConfig(name=name)
    assert at.number_input(key="noise").value == DATA_SETS[name].defaults["noise"]


def test_a_data_set_without_noise_is_drawn_without_it() -> None:
    at = draw(address={"noise": "0.3"})
    assert drawn(at).data == DataConfig(name="spirals", noise=0.3)
    at.selectbox(key="data").set_value("digits")
    rerun(at)
    assert drawn(at) == RunConfig(net=NetConfig(width=16))
    assert address(at) == {"data": "digits"}


def test_noise_stands_open_between_data_and_depth() -> None:
    at = draw()
    opened = [key for element in at.sidebar if (key := getattr(element, "key", None))]
    assert opened[:3] == ["data", "noise", "depth"]
    for fold in at.sidebar.expander:
        assert "noise" not in {widget.key for widget in fold.number_input}


@pytest.mark.parametrize(
    ("key", "text"), [("kind", "bush"), ("gates", ""), ("depth", "four"), ("depth", "1.5"), ("lr", "1,5"), ("seed", "0x1")]
)
def test_text_in_the_address_that_is_no_value(key: str, text: str) -> None:
    at = draw(address={key: text})
    assert drawn(at) == EXAMPLE
    assert key not in address(at)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"depth": "17"}, "net.depth"),
        ({"width": "2", "depth": "3"}, "net.depth"),
        ({"test": "0.6", "validation": "0.6"}, "data.test_fraction"),
        ({"n_train": "0"}, "data.n_train"),
        ({"noise": "-1"}, "data.noise"),
        ({"data": "checkerboard", "noise": "1.5"}, "data.noise"),
        ({"data": "moons", "n_samples": "3"}, "data.n_samples"),
        ({"lr": "nan"}, "train.lr"),
        ({"depth": "9" * 30}, "net.depth"),
    ],
)
def test_a_fault_is_said_by_its_field(changes: dict[str, str], field: str) -> None:
    at = draw(address=changes)
    text, faults = at.session_state["drawn"]
    assert text is None
    assert set(faults) == {field}
    assert len(at.sidebar.error) == 1
    shown = at.sidebar.error[0].value.replace("\\", "").replace("\u2060", "")
    assert shown == faults[field]
    assert "must be" in shown
