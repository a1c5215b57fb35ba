import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.icicle import PrefixIcicle

COUNTS = np.array([6, 0, 3, 1])


def test_ids_are_breadth_first_nodes_and_parents_their_prefixes() -> None:
    trace = PrefixIcicle(COUNTS, depth=2).figure().data[0]
    assert list(trace.ids) == [f"n{node}" for node in range(7)]
    assert list(trace.parents) == ["", "n0", "n0", "n1", "n1", "n2", "n2"]
    assert list(trace.labels) == ["root", "0", "1", "0 0", "0 1", "1 0", "1 1"]


def test_widths_are_equal_and_colours_are_shares_of_the_rows_at_all_levels() -> None:
    trace = PrefixIcicle(COUNTS, depth=2).figure().data[0]
    assert list(trace["values"]) == [4, 2, 2, 1, 1, 1, 1]
    assert list(trace.marker.colors) == [theme.share_colour(share) for share in (1, 0.6, 0.4, 0.6, 0, 0.3, 0.1)]


def test_unused_prefixes_are_hatched_and_say_which_kind() -> None:
    trace = PrefixIcicle(COUNTS, depth=2, states=["used", "test only", "used", "used"]).figure().data[0]
    assert list(trace.marker.pattern.shape) == ["", "", "", "", "/", "", ""]
    assert trace.hovertext[4].endswith("test only")
    assert PrefixIcicle(COUNTS, depth=2).figure().data[0].hovertext[4].endswith("unseen")


def test_hover_gives_prefix_rows_share_and_relative_load() -> None:
    assert PrefixIcicle(COUNTS, depth=2).figure().data[0].hovertext[3] == (
        "leaf 0 0<br>6 training rows, 60.0 %<br>relative load 2.40<br>used"
    )


def test_drilling_down_starts_at_the_root_and_stops_after_max_levels() -> None:
    counts = np.arange(16)
    trace = PrefixIcicle(counts, depth=4, root=2, max_levels=2).figure().data[0]
    assert list(trace.ids) == ["n2", "n5", "n6", "n11", "n12", "n13", "n14"]
    assert trace.parents[0] == ""
    table = PrefixIcicle(counts, depth=4, root=2, max_levels=2).table()
    assert table["rows"].tolist() == [92, 38, 54, 17, 21, 25, 29]
    assert table["level"].tolist() == [1, 2, 2, 3, 3, 3, 3]


def test_a_prefix_is_in_the_best_state_of_its_leaves() -> None:
    table = PrefixIcicle([0, 0, 0, 1], depth=2, states=["impossible", "test only", "unseen", "used"]).table()
    assert table["state"].tolist() == ["used", "test only", "used", "impossible", "test only", "unseen", "used"]


def test_depth_zero_is_one_leaf() -> None:
    assert list(PrefixIcicle([5], depth=0).figure().data[0].ids) == ["n0"]
    assert PrefixIcicle([5], depth=0).sentence().startswith("1 of 1 leaves")


@pytest.mark.parametrize("root", [-1, 7])
def test_a_root_outside_the_tree_is_refused(root: int) -> None:
    with pytest.raises(ValueError, match="root must be a node from 0 to 6 at depth 2"):
        PrefixIcicle(COUNTS, depth=2, root=root)


def test_counts_that_do_not_fit_the_depth_are_refused() -> None:
    with pytest.raises(ValueError, match=r"counts must have 2\^depth = 8 entries"):
        PrefixIcicle(COUNTS, depth=3)
