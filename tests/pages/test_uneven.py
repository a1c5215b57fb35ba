"""A table of 2,000 rows of which 17 are positive: no page gives an accuracy without that of always the same answer."""

from typing import Any

import numpy as np
import pytest

from leafscope.app import always
from leafscope.app.cli.sweep import report
from leafscope.app.theme import percent
from leafscope.core import jobs
from leafscope.core.comparison.statistics import measure
from leafscope.core.config import SweepConfig, changed
from leafscope.core.datasets import load
from leafscope.core.tables import Choices, read
from tests.pages.harness import Lab, figures, open_page, small, words


def drawn() -> bytes:
    """Rows whose features say nothing about their class."""
    rng = np.random.default_rng(0)
    classes = np.repeat(["no", "fraud"], [1983, 17])
    return "\n".join(
        ["a,b,class", *(f"{a:.3f},{b:.3f},{c}" for (a, b), c in zip(rng.normal(size=(2000, 2)), classes))]
    ).encode()


TABLE = read(drawn(), Choices(name="payments"))
RUN = changed(small(epochs=2), {"data.name": f"table:{TABLE.hash}"})
SWEEP = SweepConfig(name="uneven", base=RUN, axes={"net.depth": [0, 2], "seed": [0, 1]}, baselines=["dense"])
SAME = "Always the commonest class of training: accuracy 99."


def fill_lab(lab: Lab) -> None:
    lab.store.add_table(TABLE)
    lab.work(RUN)
    lab.work(changed(RUN, {"net.kind": "decision_tree"}))
    lab.sweep(SWEEP)


@pytest.mark.parametrize(
    "place",
    [
        *(
            f"compare?view={view}&from=all&report=1"
            for view in ("table", "scores", "curves", "pivot", "scatter", "parallel", "pairs")
        ),
        *(f"leaves?part={name}" for name in ("errors", "decision_tree")),
        f"overfitting?sweep={SWEEP.sweep_id}",
        "balance?aspect=variants",
    ],
)
def test_the_share_of_the_commonest_class_is_beside_it(place: str, lab: Lab) -> None:
    name, _, rest = place.partition("?")
    asked = dict(one.split("=") for one in rest.split("&"))
    said = words(open_page(name, run=RUN.run_id, **asked))
    assert SAME in said
    assert "balanced accuracy 50.0 %" in said


def test_a_run_that_only_gives_the_commonest_class_is_called_that(lab: Lab) -> None:
    summary = lab.store.run(RUN.run_id)
    assert summary.last["test_balanced_accuracy"] == 0.5
    for place in ("", "leaves"):
        assert "no better than always" in words(open_page(place, run=RUN.run_id) if place else open_page(run=RUN.run_id))
    assert "runs are no better than always the same answer." in words(open_page("runs", runs_of="all"))
    assert "are no better than always the same answer." in words(open_page("compare", **{"from": "all"}))
    assert "6 of 6 nets are no better than always the commonest class" in words(open_page("overfitting", sweep=SWEEP.sweep_id))


def test_the_command_prints_it(lab: Lab) -> None:
    table = jobs.sweep_results(SWEEP.sweep_id, store=lab.store)
    assert report("uneven", table).count(SAME) == 1


def test_the_members_have_it_as_columns(lab: Lab) -> None:
    (members,) = [
        one.value for one in open_page("overfitting", sweep=SWEEP.sweep_id).dataframe if "best_test_macro_f1" in one.value
    ]
    chance: Any = [load(RUN.data, seed).chance["accuracy"] for seed in members["seed"]]
    assert members["chance_accuracy"].tolist() == pytest.approx(chance)
    assert members["best_test_balanced_accuracy"].notna().all()
    assert always.are_no_better(jobs.sweep_results(SWEEP.sweep_id, store=lab.store)).all()


def test_errors_can_be_those_of_balanced_accuracy(lab: Lab) -> None:
    table = jobs.sweep_results(SWEEP.sweep_id, store=lab.store)
    plain = open_page("overfitting", sweep=SWEEP.sweep_id)
    assert "percent of rows" in str(figures(plain)["error_by_depth"])
    balanced = open_page("overfitting", sweep=SWEEP.sweep_id, error="balanced_accuracy")
    assert "Error: 1 - balanced accuracy." in words(balanced)
    drawn = figures(balanced)["error_by_depth"]
    assert "error (1 - balanced accuracy, percent)" in str(drawn)
    errors = measure(table.assign(error_of="balanced_accuracy"), "best", "test", "error")
    assert errors.tolist() == pytest.approx((1 - table["best_test_balanced_accuracy"]).tolist())
    assert f"test error of {percent(errors[table['model'] == 'tree'].mean())}" in words(balanced)
    assert errors.mean() > 10 * measure(table, "best", "test", "error").mean()
