import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app import theme
from leafscope.app.figures.leaves.load_ranks import MAX_POINTS, LoadRanks

LOADS = {"tree net": [1, 0, 7, 2], "decision tree": [6, 4]}
KINDS = {"tree net": "tree", "decision tree": "decision_tree"}


def test_lines_are_the_shares_by_rank() -> None:
    net, tree = LoadRanks(LOADS, KINDS).figure().data
    assert list(net.x) == [1, 2, 3, 4]
    assert list(net.y) == pytest.approx([0.7, 0.2, 0.1, 0])
    assert list(tree.y) == pytest.approx([0.6, 0.4])
    assert (net.marker.symbol, tree.marker.symbol) == (theme.model_marker("tree"), theme.model_marker("decision_tree"))
    assert tree.line.color == theme.model_colour("decision_tree")
    assert net.line.shape == "hvh"


def test_many_leaves_are_thinned_on_a_logarithmic_axis() -> None:
    counts = np.arange(1 << 16)
    figure = LoadRanks({"tree net": counts}, KINDS).figure()
    x = np.asarray(figure.data[0].x)
    assert len(x) <= MAX_POINTS
    assert (x[0], x[-1]) == (1, 1 << 16)
    assert (np.diff(x) > 0).all()
    assert np.asarray(figure.data[0].y) == pytest.approx(np.sort(counts)[::-1][x - 1] / counts.sum())
    assert figure.layout.xaxis.type == "log"


def test_sentence_compares_the_fullest_and_the_leaves_that_carry_90_percent() -> None:
    assert LoadRanks(LOADS, KINDS, "test").sentence() == (
        "The tree net's fullest leaf holds 70.0 % of the test rows, the decision tree's 60.0 %; "
        "90 % of the rows are in 2 of 4 and in 2 of 2 leaves."
    )


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20).filter(any))
def test_leaves_that_carry_90_percent_by_brute_force(counts: list[int]) -> None:
    ranked = sorted(counts, reverse=True)
    fewest = next(k for k in range(1, len(ranked) + 1) if 10 * sum(ranked[:k]) >= 9 * sum(ranked))
    assert f"are in {fewest} of {len(counts)} leaves." in LoadRanks({"net": counts}, {"net": "tree"}).sentence()


def test_table_lists_every_leaf_fullest_first() -> None:
    table = LoadRanks(LOADS, KINDS, "test").table()
    assert table["rows"].tolist() == [7, 2, 1, 0, 6, 4]
    assert table["rank"].tolist() == [1, 2, 3, 4, 1, 2]
    assert table.groupby("model")["share"].sum().tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("loads", [{}, {"tree net": [0, 0]}, {"tree net": []}])
def test_no_rows_say_so(loads: dict[str, list[int]]) -> None:
    figure = LoadRanks(loads, KINDS).figure()
    assert not figure.data
    assert figure.layout.height == theme.SIDE_HEIGHT[False]
    assert LoadRanks(loads, KINDS).sentence() == "There are no training rows."
    assert LoadRanks(loads, KINDS).table().empty


def test_a_model_without_rows_is_left_out() -> None:
    assert len(LoadRanks(LOADS | {"decision tree": [0]}, KINDS).figure().data) == 1


def test_n_of_each_is_said_where_they_differ() -> None:
    assert "n = 10 training rows" in LoadRanks(LOADS, KINDS).figure().layout.title.text
    text = LoadRanks(LOADS | {"decision tree": [3]}, KINDS).figure().layout.title.text
    assert "tree net n = 10, decision tree n = 3" in text


def test_counts_and_kinds_must_fit() -> None:
    with pytest.raises(ValueError, match=r"counts of 'a' must have shape \(n,\), got \(1, 1\)"):
        LoadRanks({"a": [[1]]}, kinds={"a": "tree"})
    with pytest.raises(ValueError, match="counts of 'a' must be at least 0, got -1"):
        LoadRanks({"a": [-1]}, kinds={"a": "tree"})
    with pytest.raises(ValueError, match="kinds must have every name of loads, but 'a' is missing"):
        LoadRanks({"a": [1]}, kinds={})
