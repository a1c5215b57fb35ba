"""The registry of leaf statistics: a new statistic of counts is measured wherever the others are."""

from dataclasses import replace

import numpy as np
import pytest

from leafscope.core.usage.chance import draw, expected_balance, expected_by_epoch
from leafscope.core.usage.evenness import BALANCE_NAMES, names_of_counts
from leafscope.core.usage.statistics import STATISTICS, Statistic
from leafscope.core.usage.summary import summarize, why_undefined
from tests.core.usage.toys import FULLEST, fullest  # noqa: F401 -- a fixture

COUNTS = [5, 0, 2, 9]


def test_a_new_statistic_of_counts_is_measured_with_its_chance_level(fullest: Statistic) -> None:  # noqa: F811
    assert names_of_counts()[-1] == "fullest"
    assert {*BALANCE_NAMES, "used_leaves", "carrying_90"} <= set(names_of_counts())
    assert list(STATISTICS)[-1] == "fullest"
    assert summarize([[0, 0, 1, 3], [2, 2, 2, 2]], 2)["fullest"].tolist() == [0.5, 1.0]
    drawn = draw(COUNTS, 50, seed=3)
    expected = expected_balance(COUNTS, replicates=50, seed=3)["fullest"]
    assert expected.mean == pytest.approx((drawn.max(1) / 16).mean())
    assert [expected.low, expected.high] == pytest.approx(np.quantile(drawn.max(1) / 16, [0.025, 0.975]))
    over_epochs = expected_by_epoch([COUNTS], ["fullest"], replicates=50, seed=3)
    assert over_epochs["mean"].tolist() == [expected.mean]
    assert why_undefined("fullest", [0, 0]) == "there are no rows"
    assert why_undefined("fullest", [3]) == "at depth 0 there is one leaf and no gate"


def test_it_is_gone_after_the_test() -> None:
    assert "fullest" not in summarize([[0, 1]], 1)
    with pytest.raises(ValueError, match="got 'fullest'"):
        why_undefined("fullest", [1, 1])


def test_an_exact_mean_replaces_that_of_the_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    STATISTICS.load()
    exact = replace(FULLEST, exact_mean=lambda load, rows: rows + len(load))
    monkeypatch.setitem(STATISTICS._variants, "fullest", exact)
    assert expected_balance(COUNTS, replicates=2)["fullest"].mean == 20


@pytest.mark.parametrize("needs", ["epochs", "splits"])
def test_a_chance_level_without_its_function_is_refused(needs: str) -> None:
    with pytest.raises(ValueError, match=f"fullest needs {needs}, so it must have one level"):
        replace(FULLEST, needs=needs)
    with pytest.raises(ValueError, match="got 2 levels"):
        replace(FULLEST, needs=needs, expected=lambda *given: None)
    assert replace(FULLEST, needs=needs, chance=()).needs == needs


@pytest.mark.parametrize("statistic", STATISTICS.values(), ids=list(STATISTICS))
def test_every_statistic_says_what_it_is(statistic: Statistic) -> None:
    assert statistic.title
    assert statistic.meaning.endswith(".")
    assert statistic.explanation == f"{statistic.meaning} {statistic.formula}".strip()
