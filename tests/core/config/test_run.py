"""Configurations say what must hold and what was given, and have one address each."""

import pytest
from pydantic import ValidationError

from leafscope.core.config import (
    DataConfig,
    NetConfig,
    RunConfig,
    SweepConfig,
    TrainConfig,
    changed,
    explain,
    explain_change,
    field_names,
)
from leafscope.core.datasets import DATA_SETS
from leafscope.core.models import MODELS


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("net.depth", 40, "depth must be a whole number from 0 to 16, got 40"),
        ("net.depth", -1, "depth must be a whole number from 0 to 16, got -1"),
        ("net.depth", True, "depth must be a whole number from 0 to 16, got True"),
        ("net.depth", 2.5, "depth must be a whole number from 0 to 16, got 2.5"),
        ("net.width", 0, "width must be a whole number from 1 to 4,096, got 0"),
        ("net.tree_layers", 4, "tree_layers must be a whole number from 1 to 3, got 4"),
        ("net.kind", "soft", f"kind must be one of {', '.join(MODELS)}, got 'soft'"),
        ("net.gates", None, "gates must be one of hidden, units, random, got None"),
        ("data.name", "mnist", "name must be one of digits, "),
        ("data.n_train", 0, "n_train must be a whole number from 1 to 200,000, got 0"),
        ("data.test_fraction", 1.5, "test_fraction must be a number from 0 to 0.9, got 1.5"),
        ("train.lr", 0, "lr must be a number above 0 and at most 10, got 0"),
        ("train.lr", float("nan"), "lr must be a number above 0 and at most 10, got nan"),
        ("train.epochs", "many", "epochs must be a whole number from 1 to 10,000, got 'many'"),
        ("train.schedule", "linear", "schedule must be one of cosine, constant, got 'linear'"),
        ("train.decay_growth", 0.5, "decay_growth must be a number from 1 to 16, got 0.5"),
        ("train.patience", 0, "patience must be a whole number from 1 to 10,000, got 0"),
        ("train.device", "tpu", "device must be auto, cpu, cuda or cuda:<number>, got 'tpu'"),
        ("seed", -1, "seed must be a whole number from 0 to 2,147,483,647, got -1"),
    ],
)
def test_every_fault_is_a_sentence_by_its_field(field, value, sentence):
    with pytest.raises(ValidationError, match="1 validation error") as caught:
        changed(RunConfig(), {field: value})
    (where, words), *others = explain(caught.value).items()
    assert not others
    assert where == field
    assert words.startswith(sentence)
    assert sentence in str(caught.value)


def test_unknown_fields_are_refused_with_the_nearest_name():
    with pytest.raises(ValidationError, match=r"unknown field widht; did you mean width\?"):
        NetConfig(widht=3)
    with pytest.raises(ValidationError, match="unknown field xyz; the fields are data, net, train, seed"):
        RunConfig(xyz=3)


def test_hidden_gates_need_as_many_units_as_bits():
    words = "depth must be at most the width (8) with hidden gates"
    assert explain_change(RunConfig(), {"net.depth": 9, "net.width": 8}).startswith(words)
    assert explain_change(RunConfig(), {"net.depth": 9, "net.width": 8}, only="net.depth").startswith(words)
    assert explain_change(RunConfig(), {"net.depth": 8, "net.width": 8}) is None
    assert explain_change(RunConfig(), {"net.depth": 9, "net.width": 8, "net.gates": "units"}) is None
    assert explain_change(RunConfig(), {"net.depth": 9, "net.width": 8, "net.kind": "dense"}) is None


def test_options_of_generators_are_filled_in_and_refused_elsewhere():
    assert DataConfig(name="moons").noise == 0.2
    assert DataConfig(name="moons", noise=0.0).noise == 0.0
    noisy = [name for name, data_set in DATA_SETS.items() if data_set.option("noise") is not None]
    assert {"moons", "circles", "spirals", "checkerboard", "xor", "tree_teacher"} <= set(noisy)
    assert explain_change(RunConfig(), {"data.noise": 0.1}) == (
        f"noise must be left out for digits (only {', '.join(noisy)} have it), got 0.1"
    )
    assert "teacher_depth must be left out for moons" in explain_change(
        RunConfig(), {"data.name": "moons", "data.teacher_depth": 2}
    )
    moons = RunConfig(data=DataConfig(name="moons"))
    assert changed(moons, {"data.name": "digits"}).data.noise is None
    stored = RunConfig.model_validate_json(moons.model_dump_json())
    assert changed(stored, {"data.name": "digits"}).run_id == RunConfig().run_id
    assert changed(stored, {"data.name": "spirals"}).data == DataConfig(name="spirals")
    assert changed(stored, {"data.name": "moons", "net.depth": 2}).data == moons.data
    assert "noise must be a share" in explain_change(RunConfig(), {"data.name": "checkerboard", "data.noise": 1.5})


def test_splits_leave_rows_to_train_on():
    assert "must be at most 0.95" in explain_change(RunConfig(), {"data.test_fraction": 0.6, "data.validation_fraction": 0.4})


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_run_survives_json_and_keeps_its_address(name):
    run = RunConfig(data=DataConfig(name=name), seed=3)
    again = RunConfig.model_validate_json(run.model_dump_json())
    assert again == run
    assert again.run_id == run.run_id
    assert len(run.run_id) == 16
    assert RunConfig.model_validate(run.canonical()).run_id == run.run_id


def test_the_address_depends_on_what_makes_a_difference_only():
    run = RunConfig(seed=2)
    assert run.run_id == RunConfig(seed=2, split_seed=2, init_seed=2).run_id
    assert run.run_id != RunConfig(seed=2, split_seed=3).run_id
    dense = changed(run, {"net.kind": "dense"})
    assert dense.run_id == changed(dense, {"net.depth": 7, "net.gates": "units", "train.balance": 1.0}).run_id
    assert run.run_id != changed(run, {"net.depth": 7}).run_id
    assert run.run_id == RunConfig(seed="2").run_id
    for field, value in (("net.width", 31), ("train.lr", 0.004), ("train.patience", 5), ("data.n_train", 100)):
        assert run.run_id != changed(run, {field: value}).run_id


def test_addresses_of_version_0_1_stay():
    run = RunConfig(
        data=DataConfig(name="moons", n_train=50), net=NetConfig(gates="units"), train=TrainConfig(patience=3), init_seed=4
    )
    assert [one.run_id for one in (RunConfig(), run, RunConfig(net={"kind": "logistic"}))] == [
        "9e722a4bbba78019",
        "72fc93222d17f978",
        "79342f1ca41ea6ff",
    ]
    sweeps = [SweepConfig(base=one, axes={"net.depth": [0, 2]}) for one in (RunConfig(), run)]
    assert [sweep.sweep_id for sweep in sweeps] == ["42fbd6e79c03594b", "2088dd6d8bc304f5"]


def test_the_address_of_a_sweep_has_its_seeds_and_trials_only_where_they_are_set():
    plain = SweepConfig(axes={"seed": [0, 1]})
    assert SweepConfig(axes={"seed": [0, 1]}, report_seeds=None, trials=None).sweep_id == plain.sweep_id
    fair = [{"report_seeds": [2, 3]}, {"report_seeds": [2, 4]}, {"trials": 8}, {"trials": 9}, {"tune_lr": [0.005]}]
    sweeps = [plain, *(SweepConfig.model_validate({"axes": {"seed": [0, 1]}} | fields) for fields in fair)]
    assert len({sweep.sweep_id for sweep in sweeps}) == len(sweeps)
    drawn = [SweepConfig(base={"train": {"lr": lr, "weight_decay": lr}}, trials=8).sweep_id for lr in (0.1, 0.2)]
    assert drawn[0] == drawn[1]  # the trials override both


def test_names_say_what_matters():
    assert RunConfig().label == "digits tree K4 w32 s0"
    run = RunConfig(
        data=DataConfig(name="tree_teacher", n_train=300),
        net=NetConfig(kind="flat", gates="units", tree_layers=2),
        train=TrainConfig(gate_gradient="straight_through", weight_decay=0.01),
        seed=7,
    )
    assert run.label == "tree teacher n300 flat K4 w32 x2 units ST wd0.01 s7"
    assert changed(run, {"net.kind": "dense"}).label == "tree teacher n300 dense w32 x2 wd0.01 s7"


def test_configurations_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().seed = 1
    assert RunConfig() == RunConfig()
    assert hash(RunConfig()) == hash(RunConfig())


def test_fields_are_named_with_dots():
    assert {"data.name", "net.depth", "train.lr", "seed", "split_seed"} <= set(field_names())


def test_a_sweep_refuses_what_is_no_field_and_what_is_no_value():
    sweep = SweepConfig(
        name="depths",
        base=RunConfig(),
        axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2, 4], "seed": [0, 1, 2]},
        baselines=["dense", "dense_capacity", "logistic", "decision_tree"],
        tune_lr=[0.001, 0.01],
    )
    assert sweep.axes["net.depth"] == [0, 2, 4]
    with pytest.raises(ValidationError, match=r"field of a run such as net.depth, got 'net.dept'; did you mean net.depth?"):
        SweepConfig(axes={"net.dept": [1]})
    with pytest.raises(ValidationError, match=r"axis net\.depth: depth must be a whole number from 0 to 16, got 99"):
        SweepConfig(axes={"net.depth": [1, 99]})
    with pytest.raises(ValidationError, match="at least one value"):
        SweepConfig(axes={"net.depth": []})
    with pytest.raises(ValidationError, match="above 0 and at most 10, got 0"):
        SweepConfig(tune_lr=[0])
