"""The numbers of leaf use: by hand, against loops, and their chance levels against their own draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leafscope.core.usage.chance import draw
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.hyperplanes import hyperplane_counts
from leafscope.core.usage.leaf_use import MEASURES, leaf_use, leaf_use_by_chance
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS

some_counts = st.integers(1, 9).flatmap(lambda leaves: arrays(np.int64, (3, leaves), elements=st.integers(0, 9)))


def by_loops(counts: np.ndarray) -> dict[str, float]:
    rows, used = sum(counts), sum(1 for n in counts if n)
    return {
        "effective_leaves": balance(counts).effective_leaves,
        "used_leaves": used,
        "dead_leaves": len(counts) - used,
        "fullest_share": max(counts) / rows,
        "rows_per_leaf": rows / used,
    }


@settings(deadline=None)
@given(some_counts)
def test_against_loops(counts: np.ndarray) -> None:
    found = leaf_use(counts)
    assert list(found) == list(MEASURES)
    for place, one in enumerate(counts):
        if one.any():
            assert {name: values[place] for name, values in found.items()} == pytest.approx(by_loops(one))
        else:
            assert all(np.isnan(values[place]) for values in found.values())


def test_chance_is_that_of_its_draws() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    counts = [25, 5, 0, 10]
    found = leaf_use_by_chance(counts, x, seed=3)
    assert list(found) == [INDEPENDENT_BITS, HYPERPLANES]
    for level, drawn in ((INDEPENDENT_BITS, draw(counts, 200, seed=3)), (HYPERPLANES, hyperplane_counts(x, 2, seed=3))):
        samples = [by_loops(one) for one in drawn]
        for name, one in found[level].items():
            values = [sample[name] for sample in samples]
            assert one.mean == pytest.approx(np.mean(values))
            assert [one.low, one.high] == pytest.approx(np.quantile(values, [0.025, 0.975]))


def test_without_what_the_gates_see_and_without_rows() -> None:
    assert list(leaf_use_by_chance([3, 1], None)) == [INDEPENDENT_BITS]
    empty = leaf_use_by_chance([0, 0], np.empty((0, 2)))
    assert all(np.isnan(one.mean) for by_name in empty.values() for one in by_name.values())
    with pytest.raises(ValueError, match="seen must have a row for each of the 4 rows counted, got 3"):
        leaf_use_by_chance([3, 1], np.zeros((3, 2)))
