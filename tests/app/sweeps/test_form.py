"""The form of a sweep: lists of numbers as people type them, sweeps from and to the URL, faults said in a sentence."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from leafscope.app.figures.shared.interval_lines import phrase
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps.form import CHOICES, differs, says
from leafscope.app.sweeps.form import models as form_models
from leafscope.app.sweeps.numbers_field import MOST, parse_real, parse_whole, write_real, write_whole
from leafscope.core.config import DataConfig, RunConfig, SweepConfig, presets
from leafscope.core.datasets import DATA_SETS, shape
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import check, distinct_runs
from tests.core.models.toys import nearest  # noqa: F401 -- a fixture

# Lists of numbers


@given(numbers=st.lists(st.integers(0, 300), min_size=1, max_size=MOST, unique=True))
@example(numbers=list(range(MOST)))
@example(numbers=[1, 2])
@example(numbers=[3, 2, 1])
def test_whole_numbers_are_read_as_they_were_written(numbers: list[int]) -> None:
    assert parse_whole(write_whole(numbers), "x", 0, 300) == numbers


@given(numbers=st.lists(st.floats(1e-9, 10, allow_nan=False), min_size=1, max_size=MOST, unique=True))
@example(numbers=[0.0123456789])
def test_real_numbers_are_read_as_they_were_written(numbers: list[float]) -> None:
    assert parse_real(write_real(numbers), "x", 1e-9, 10) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0-6", [0, 1, 2, 3, 4, 5, 6]), ("0 - 2", [0, 1, 2]), ("0–2", [0, 1, 2]), ("0 to 2", [0, 1, 2]), ("0..2", [0, 1, 2]),
        (" 6;8  16 ", [6, 8, 16]), ("3,3,2-4", [3, 2, 4]), ("5-5", [5]), ("1,,2,", [1, 2]), ("007", [7]),
    ],
)  # fmt: skip
def test_forms_of_whole_numbers(text: str, numbers: list[int]) -> None:
    assert parse_whole(text, "x", 0, 100) == numbers


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x must have at least one number, got none"),
        (" , ;", "x must have at least one number, got none"),
        ("3-1", "x must have ranges that rise, got '3-1'"),
        ("0-64", "x must have at most 64 numbers, got '0-64'"),
        ("0-40, 50-90", "x must have at most 64 numbers, got 82"),
        ("1.5", "x must be whole numbers or ranges such as 0-6, got '1.5'"),
        ("-1", "x must be whole numbers or ranges such as 0-6, got '-1'"),
        ("²", "x must be whole numbers or ranges such as 0-6, got '²'"),
        ("<b>" * 50, "x must be whole numbers or ranges such as 0-6, got '<b><b><b><b><b><b><b'"),
        ("1001", "x must be from 0 to 1,000, got 1,001"),
        ("9" * 400, "x must be whole numbers or ranges such as 0-6, got '99999999999999999999'"),
        ("9" * 5000, "x must be whole numbers or ranges such as 0-6, got '99999999999999999999'"),
        ("0-" + "9" * 5000, "x must be whole numbers or ranges such as 0-6, got '0-999999999999999999'"),
    ],
)
def test_faults_of_whole_numbers(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^x must ") as raised:
        parse_whole(text, "x", 0, 1000)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x must have at least one number, got none"),
        ("a", "x must be numbers, got 'a'"),
        ("nan", "x must be from 0 to 10, got nan"),
        ("inf", "x must be from 0 to 10, got inf"),
        ("-0.1", "x must be from 0 to 10, got -0.1"),
        ("1e400", "x must be from 0 to 10, got inf"),
        ("0.1,5, 11", "x must be from 0 to 10, got 11"),
    ],
)
def test_faults_of_real_numbers(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^x must ") as raised:
        parse_real(text, "x", 0, 10)
    assert str(raised.value) == sentence


@given(text=st.text(max_size=30))
@settings(max_examples=80)
def test_any_text_is_numbers_or_a_sentence(text: str) -> None:
    for parse in (parse_whole, parse_real):
        try:
            numbers: Any = parse(text, "depths", 0, 16)
        except ValueError as error:
            assert str(error).startswith("depths must ")  # noqa: PT017
        else:
            assert 1 <= len(numbers) <= MOST
            assert all(0 <= number <= 16 for number in numbers)
            assert len(set(numbers)) == len(numbers)


# The form, by itself


def form() -> None:
    import streamlit as st

    from leafscope.app.sweeps import form as sweeps_form

    if (sweep := st.session_state.get("_to_load")) is not None:
        sweeps_form.load(sweep)
        del st.session_state["_to_load"]
    st.session_state["_found"] = sweeps_form.draw()
    st.session_state["_in_url"] = sweeps_form.any_in_url()


def drawn(sweep: SweepConfig | None = None, **address: str) -> AppTest:
    at = AppTest.from_function(form, default_timeout=60)
    for key, value in address.items():
        at.query_params[key] = value
    if sweep is not None:
        at.session_state["_to_load"] = sweep
    return run(at)


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def found(at: AppTest) -> SweepConfig:
    sweep, wrong = at.session_state["_found"]
    assert wrong is None
    assert isinstance(sweep, SweepConfig)
    return sweep


def fault(at: AppTest) -> str:
    sweep, wrong = at.session_state["_found"]
    assert sweep is None
    assert isinstance(wrong, str)
    return wrong


def address(at: AppTest) -> dict[str, str]:
    return {key: value[0] if isinstance(value, list) else value for key, value in at.query_params.items()}


def test_at_first_the_form_is_the_first_preset_and_the_url_is_empty() -> None:
    at = drawn()
    assert found(at).sweep_id == presets.depth_sweep().sweep_id
    assert [run.run_id for run in distinct_runs(found(at))] == [run.run_id for run in distinct_runs(presets.depth_sweep())]
    assert address(at) == {}
    assert at.session_state["_in_url"] is False


@pytest.mark.parametrize("data", presets.DATA)
def test_each_preset_is_the_forms_default_for_its_data(data: str) -> None:
    at = drawn(sweep_data=data)
    assert found(at).sweep_id == presets.depth_sweep(data).sweep_id
    assert at.session_state["_in_url"] is (data != "tree_teacher")


@pytest.mark.parametrize("data", DATA_SETS)
def test_every_data_set_can_be_trained(data: str) -> None:
    check(found(drawn(sweep_data=data, sweep_seeds="0")))


@pytest.mark.usefixtures("nearest")
def test_a_model_that_is_registered_can_be_set_beside_the_tree() -> None:
    at = drawn(sweep_models="flat,nearest")
    assert at.multiselect(key="sweep_models").options == [*map(model_words, form_models())]
    assert at.multiselect(key="sweep_models").options[-1] == "nearest neighbours"
    assert found(at).baselines == ["nearest"]
    assert found(at).axes["net.kind"] == ["tree", "flat"]
    assert phrase("nearest") == "the nearest neighbours"


def test_the_models_of_the_form_are_in_order() -> None:
    ours = ("flat", *presets.BESIDE, "random_forest", "gradient_boosting")
    assert tuple(name for name in form_models() if name in ours) == ours


ADDRESSES: dict[str, dict[str, str]] = {
    "everything": {
        "sweep_data": "digits", "sweep_rows": "100, 300", "sweep_widths": "6, 8", "sweep_depths": "0, 2-4",
        "sweep_seeds": "3-5", "sweep_epochs": "7", "sweep_rates": "0.0123456789, 0.1", "sweep_decay": "0.25",
        "sweep_growth": "1, 1.5",
        "sweep_models": "dense,random_forest", "sweep_report": "", "sweep_trials": "",
    },
    "one of each": {
        "sweep_rates": "0.05", "sweep_seeds": "9", "sweep_depths": "3", "sweep_models": "", "sweep_growth": "2",
        "sweep_trials": "",
    },
    "no preset": {"sweep_data": "moons", "sweep_rows": "700"},
    "hundreds of rows": {"sweep_rows": "5000"},
    "fair": {"sweep_seeds": "3-5", "sweep_report": "20", "sweep_trials": "8"},
    "apart": {"sweep_report": "10-29, 40, 42", "sweep_looked": "20", "sweep_trials": "8"},
    "gates": {"sweep_gates": "units", "sweep_credit": "straight_through", "sweep_report": "2"},
    "axes over gates": {
        "sweep_gates": "hidden,random", "sweep_credit": "none,straight_through", "sweep_balancing": "centred,bias",
        "sweep_balance": "0.01, 0.1", "sweep_noise": "0, 0.5",
    },
    "deeper than wide": {"sweep_gates": "units,random", "sweep_depths": "6", "sweep_widths": "4"},
}  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
def test_from_the_url_to_a_sweep_to_the_url(name: str) -> None:
    at = drawn(**ADDRESSES[name])
    sweep = found(at)
    assert address(at) == ADDRESSES[name]
    assert found(drawn(**address(at))) == sweep
    loaded = drawn(sweep)
    assert found(loaded).sweep_id == sweep.sweep_id
    assert found(drawn(**address(loaded))).sweep_id == sweep.sweep_id


def test_further_seeds_are_reported_and_trials_replace_the_rates() -> None:
    sweep = found(drawn(sweep_seeds="3, 1", sweep_report="4", sweep_trials="8", sweep_rates="0.1, 0.2"))
    assert (sweep.axes["seed"], sweep.report_seeds) == ([3, 1], [4, 5, 6, 7])
    assert (sweep.trials, sweep.tune_lr) == (8, None)
    none = found(drawn(sweep_report="", sweep_trials=""))
    assert (none.report_seeds, none.trials) == (None, None)
    gates = found(drawn(sweep_gates="random", sweep_credit="straight_through"))
    assert (gates.base.net.gates, gates.base.train.gate_gradient) == ("random", "straight_through")


def test_what_trials_draw_cannot_be_typed_and_says_why() -> None:
    at = drawn(sweep_trials="4")
    fields = [at.text_input(key=key) for key in ("sweep_rates", "sweep_decay")]
    assert all(field.disabled and "trials draws its own" in field.help for field in fields)
    at.text_input(key="sweep_trials").set_value("")
    run(at)
    fields = [at.text_input(key=key) for key in ("sweep_rates", "sweep_decay")]
    assert not any(field.disabled or "trials draws its own" in field.help for field in fields)
    assert at.text_input(key="sweep_decay").value == "0.3"


def test_several_values_of_the_gates_fields_are_axes() -> None:
    sweep = found(drawn(**ADDRESSES["axes over gates"], sweep_seeds="0", sweep_rates="0.01", sweep_trials="", sweep_report=""))
    of_gates = {
        "net.gates": ["hidden", "random"], "train.gate_gradient": ["none", "straight_through"],
        "net.balancing": ["centred", "bias"], "train.balance": [0.01, 0.1], "train.gate_noise": [0.0, 0.5],
    }  # fmt: skip
    assert {field: sweep.axes.get(field) for field in of_gates} == of_gates
    assert (sweep.base.net.balancing, sweep.base.train.balance) == ("centred", 0.01)
    check(sweep)
    assert max(found(drawn(**ADDRESSES["deeper than wide"])).axes["net.depth"]) == 6


def test_what_is_typed_is_in_the_sweep() -> None:
    sweep = found(drawn(**ADDRESSES["everything"]))
    assert sweep.axes == {
        "net.kind": ["tree"], "net.depth": [0, 2, 3, 4], "net.width": [6, 8], "data.n_train": [100, 300],
        "train.decay_growth": [1.0, 1.5], "seed": [3, 4, 5],
    }  # fmt: skip
    assert (sweep.base.train.epochs, sweep.base.train.weight_decay) == (7, 0.25)
    assert (sweep.tune_lr, sweep.baselines) == ([0.0123456789, 0.1], ["dense", "random_forest"])
    assert sweep.base.data == DataConfig(name="digits", n_train=100)


@pytest.mark.parametrize("data", presets.DATA)
def test_a_stored_preset_is_shown_as_it_is(data: str) -> None:
    sweep = presets.depth_sweep(data, widths=(8, 12), depths=(0, 1, 5), seeds=(0, 4))
    assert found(drawn(sweep)).sweep_id == sweep.sweep_id


def sweeps_that_come_along(where: Path) -> list[SweepConfig]:
    """The sweeps of a first visit."""
    with closing(Store(where / "first.db")) as store:
        load_examples(store)
        return [info.config for info in store.sweeps()]


def test_the_form_describes_every_sweep_that_comes_with_the_program(tmp_path: Path) -> None:
    shipped = sweeps_that_come_along(tmp_path)
    assert presets.EXAMPLE_SWEEP.sweep_id in {sweep.sweep_id for sweep in shipped}
    for sweep in (*shipped, *map(presets.depth_sweep, presets.DATA)):
        said = says(sweep)
        assert said is not None
        assert said.sweep_id == sweep.sweep_id
        assert found(drawn(sweep)).sweep_id == sweep.sweep_id
        assert not differs(said, sweep)
        assert differs(changed_by_a_person(said), sweep)


def changed_by_a_person(sweep: SweepConfig) -> SweepConfig:
    return sweep.model_copy(update={"axes": sweep.axes | {"net.width": [5]}})


def test_what_the_form_cannot_describe_nobody_changed() -> None:
    sweep = SweepConfig(base=RunConfig.model_validate({"net": {"tree_layers": 2}}), axes={"train.batch_size": [8, 16]})
    loaded = found(drawn(sweep))
    assert loaded.sweep_id != sweep.sweep_id
    assert not differs(loaded, sweep)
    assert differs(changed_by_a_person(loaded), sweep)


def test_a_generator_draws_enough_rows_for_all_sizes() -> None:
    sweep = found(drawn(sweep_data="moons", sweep_rows="300, 5000"))
    for rows in (300, 5000):
        size = shape(DataConfig.model_validate(sweep.base.data.model_dump(exclude_none=True) | {"n_train": rows}))
        assert size.n_train == rows
        assert min(size.n_validation, size.n_test) >= 100
    assert sweep.base.data.n_samples == 10_000


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"sweep_seeds": ""}, "seeds must have at least one number, got none"),
        ({"sweep_widths": " "}, "widths must have at least one number, got none"),
        ({"sweep_depths": "0-6", "sweep_widths": "4, 8"}, "depths must be at most the smallest width (4)"),
        ({"sweep_depths": "6", "sweep_widths": "4"}, "depths must be at most the smallest width (4)"),
        ({"sweep_depths": "17"}, "depths must be from 0 to 16, got 17"),
        ({"sweep_rates": "fast"}, "learning rates must be numbers, got 'fast'"),
        ({"sweep_rates": "0"}, "learning rates must be from 1e-09 to 10, got 0"),
        ({"sweep_rates": "nan"}, "learning rates must be from 1e-09 to 10, got nan"),
        ({"sweep_growth": "0.5"}, "decay growth must be from 1 to 16, got 0.5"),
        ({"sweep_epochs": "3, 4"}, "epochs and weight decay must be one number each"),
        ({"sweep_decay": ""}, "weight decay must have at least one number, got none"),
        ({"sweep_data": "wine", "sweep_rows": "50, 99"}, "training rows must be at most 98 for wine, got 99"),
        ({"sweep_rows": "100001"}, "training rows must be from 1 to 100,000, got 100,001"),
        ({"sweep_seeds": "9" * 400}, "seeds must be whole numbers or ranges such as 0-6"),
        ({"sweep_report": "1"}, "report_seeds must hold at least 2 seeds"),
        ({"sweep_report": "0"}, "reporting seeds must be from 1 to 1,000, got 0"),
        ({"sweep_report": "2-24"}, "report_seeds must be none of the seeds that choose, got 2 among both"),
        ({"sweep_report": "5-1005"}, "reporting seeds must have at most 1000 numbers, got '5-1005'"),
        ({"sweep_report": "2", "sweep_seeds": str(2**31 - 2)}, "report_seeds must be a whole number from 0 to 2,147,483,647"),
        ({"sweep_trials": "many"}, "trials must be whole numbers or ranges such as 0-6, got 'many'"),
        ({"sweep_trials": "101"}, "trials must be from 1 to 100, got 101"),
        ({"sweep_balancing": "penalty,bias"}, "balance must be above 0 with balancing bias, since it is its rate, got 0"),
        ({"sweep_balancing": "bias", "sweep_balance": "0.01, 0"}, "balance must be above 0 with balancing bias"),
        ({"sweep_noise": "-1"}, "gate noise must be from 0 to 100, got -1"),
        ({"sweep_seeds": str(2**31)}, "seeds must be from 0 to 2,147,483,647, got 2,147,483,648"),
    ],
)
def test_a_fault_is_a_sentence_and_what_was_typed_stays(typed: dict[str, str], sentence: str) -> None:
    at = drawn(**typed)
    assert fault(at).startswith(sentence)
    for key, value in typed.items():
        assert at.session_state[key] == (value.split(",") if key in CHOICES else value)


def test_no_choice_of_gates_is_a_fault() -> None:
    at = drawn()
    at.multiselect(key="sweep_gates").set_value([])
    assert fault(run(at)) == "gates must have at least one value, got none"


def test_a_fault_that_is_mended_is_gone() -> None:
    at = drawn(sweep_seeds="", sweep_widths="12")
    assert fault(at)
    at.text_input(key="sweep_seeds").set_value("4, 5")
    sweep = found(run(at))
    assert (sweep.axes["seed"], sweep.axes["net.width"]) == ([4, 5], [12])


@pytest.mark.parametrize(
    "wrong", [{"sweep_data": "cifar"}, {"sweep_models": "dense,alexnet"}, {"sweep_data": "<img src=x>", "sweep_models": "<b>"}]
)
def test_an_address_that_is_wrong_falls_back(wrong: dict[str, str]) -> None:
    assert found(drawn(**wrong)).sweep_id == presets.depth_sweep().sweep_id


def test_what_a_sweep_has_beyond_the_form_is_left_out() -> None:
    sweep = SweepConfig(
        base=RunConfig.model_validate({"data": {"name": "xor", "noise": 0.3}, "net": {"tree_layers": 2}}),
        axes={"net.gates": ["hidden", "units"], "train.batch_size": [8, 16]},
    )
    shown = found(drawn(sweep))
    assert shown.sweep_id != sweep.sweep_id
    assert shown.base.data.name == "xor"
    check(shown)
