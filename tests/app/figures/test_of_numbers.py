"""Every figure that can be told what errors are measured in writes none in percent where a number is predicted."""

import dataclasses
import json
import re
from typing import Any

import pytest

from leafscope.app.figures.leaves.rare_rows import RareRows
from leafscope.app.figures.overfitting.leaf_use_by_depth import LeafUseByDepth
from leafscope.app.figures.overfitting.training_curves import TrainingCurves
from leafscope.app.figures.shared.errors import of_target
from tests.app.figures.test_contract import EXAMPLES, SCREEN, STAGE, made

TOLD = [kind for kind in EXAMPLES if "errors" in {one.name for one in dataclasses.fields(kind)}]
LEVELS = re.compile(r"\b(?:95|5) %")
"""Of intervals and tests."""


def of_numbers(kind: type) -> Any:
    """The usual example with the same numbers in the unit of a target."""
    usual = made(kind, "usual")
    more: dict[str, Any] = {}
    if kind is RareRows:
        more = {"points": usual.points.rename(columns={"wrong_share": "rmse", "dense_share": "dense_rmse"})}
    return dataclasses.replace(usual, errors=of_target("price"), **more)


@pytest.mark.parametrize("kind", TOLD)
def test_errors_of_numbers_have_the_unit_of_the_target(kind: type) -> None:
    shown = of_numbers(kind)
    assert "price" in shown.figure().to_json() or kind in (LeafUseByDepth, TrainingCurves)  # of leaves, and of a loss
    for look in (SCREEN, STAGE):
        drawing = shown.figure(look=look).to_plotly_json()
        drawing["layout"].pop("template")
        said = LEVELS.sub("", f"{json.dumps(drawing, default=str)} {shown.sentence()} {shown.table().to_csv()}")
        assert re.findall(r"[^\"]*(?:\d\u00a0?\s?%|percent|points|accura)[^\"]*", said) == []
