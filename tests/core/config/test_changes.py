"""Faults carry their field; nested fields have one dotted name each."""

import pytest
from pydantic import ValidationError

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, dotted, explain, field_names
from leafscope.core.config.changes import Fault, faults


def faults_of(kind: type[DataConfig | NetConfig | RunConfig | SweepConfig], values: dict[str, object]) -> list[Fault]:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(values)
    found = faults(caught.value)
    assert explain(caught.value) == {fault.field: fault.sentence for fault in found}
    return found


@pytest.mark.parametrize(
    ("kind", "values", "field", "keys"),
    [
        (RunConfig, {"net": {"depth": 40}}, "net.depth", ("net.depth",)),
        (RunConfig, {"net": {"depth": 9, "width": 8}}, "net.depth", ("net.depth", "net.width")),
        (NetConfig, {"depth": 9, "width": 8}, "depth", ("depth", "width")),
        (RunConfig, {"data": {"noise": 0.1}}, "data.noise", ("data.noise", "data.name")),
        (DataConfig, {"name": "checkerboard", "noise": 2}, "noise", ("noise", "name")),
        (
            SweepConfig,
            {"base": {"data": {"test_fraction": 0.6, "validation_fraction": 0.5}}},
            "base.data.test_fraction",
            ("base.data.test_fraction", "base.data.validation_fraction"),
        ),
        (RunConfig, {"net": {"widht": 3}}, "net", ("net.widht",)),
        (RunConfig, {"xyz": 3}, "", ("xyz",)),
        (SweepConfig, {"axes": {"net.dept": [1]}}, "axes", ("axes.net.dept",)),
        (SweepConfig, {"axes": {"net.depth": [99]}}, "axes.net.depth", ("axes.net.depth",)),
        (SweepConfig, {"axes": {"net.width": [2, 4]}}, "axes.net.depth", ("axes.net.depth", "axes.net.width")),
        (SweepConfig, {"axes": {"seed": 3}}, "axes.seed", ("axes.seed",)),
        (SweepConfig, {"axes": {"train.lr": [0.1]}, "tune_lr": [0.1]}, "tune_lr", ("tune_lr", "axes.train.lr")),
        (SweepConfig, {"axes": {"train.lr": [0.1]}, "trials": 3}, "trials", ("trials", "axes.train.lr")),
        (SweepConfig, {"report_seeds": [0, 1]}, "report_seeds", ("report_seeds", "axes.seed", "base.seed")),
    ],
)
def test_a_fault_carries_its_field(kind: type[RunConfig], values: dict[str, object], field: str, keys: tuple[str, ...]) -> None:
    (fault,) = faults_of(kind, values)
    assert (fault.field, fault.keys) == (field, keys)
    assert fault.sentence


def test_several_fields_have_a_fault_each() -> None:
    found = faults_of(RunConfig, {"net": {"depth": -1, "width": 0}, "seed": "x"})
    assert [fault.field for fault in found] == ["net.depth", "net.width", "seed"]


def test_every_field_is_there_once_by_its_dotted_name() -> None:
    fields = dotted(RunConfig(seed=3).model_dump(mode="json"))
    assert list(fields) == field_names()
    assert (fields["seed"], fields["net.depth"]) == (3, RunConfig().net.depth)
