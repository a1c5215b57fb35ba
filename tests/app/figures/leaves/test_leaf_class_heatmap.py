import numpy as np
import pytest

from leafscope.app.figures.leaves.leaf_class_heatmap import LeafClassHeatmap

COUNTS = np.array([[6, 0], [0, 0], [1, 2], [0, 1]])
NAMES = ["a", "b"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("count", [[6, np.nan, 1, 0], [0, np.nan, 2, 1]]),
        ("share", [[1, np.nan, 1 / 3, 0], [0, np.nan, 2 / 3, 1]]),
        ("lift", [[60 / 42, np.nan, 10 / 21, 0], [0, np.nan, 20 / 9, 10 / 3]]),
    ],
)
def test_cells_are_the_values(value: str, expected: list[list[float]]) -> None:
    figure = LeafClassHeatmap(COUNTS, NAMES, depth=2, value=value).figure()  # type: ignore[arg-type]
    assert np.asarray(figure.data[0].z) == pytest.approx(np.array(expected), nan_ok=True)
    assert figure.data[0].zmin == 0


def test_squares_carry_leaf_and_class_and_unused_leaves_are_hatched() -> None:
    _, hatch, squares = LeafClassHeatmap(COUNTS, NAMES, depth=2, split="test").figure().data
    assert np.asarray(squares.customdata).tolist() == [[0, 0], [0, 1], [2, 0], [2, 1], [3, 0], [3, 1]]
    assert squares.hovertext[3] == "1 0<br>b<br>2 of 3 test rows, 66.7 %<br>lift 2.22"
    assert hatch.marker.pattern.shape == "/"
    assert np.asarray(hatch.customdata).tolist() == [[1, -1]]
    assert hatch.hovertext[0] == "0 1<br>no test row<br>unseen"


def test_of_more_than_256_leaves_the_fullest_are_shown_in_prefix_order() -> None:
    counts = np.zeros((512, 2), int)
    counts[:300, 0] = np.arange(300, 0, -1)
    figure = LeafClassHeatmap(counts, NAMES, depth=9).figure()
    assert np.asarray(figure.data[0].z).shape == (2, 256)
    assert "the 256 fullest of 512 leaves" in figure.layout.title.text
    leaves = [leaf for leaf, _ in figure.data[-1].customdata]
    assert leaves == sorted(leaves)


def test_cells_are_labelled_where_labels_fit() -> None:
    assert "6" in {a.text for a in LeafClassHeatmap(COUNTS, NAMES, depth=2, value="count").figure().layout.annotations}
    wide = LeafClassHeatmap(np.ones((64, 2)), NAMES, depth=6).figure()
    assert not wide.layout.annotations


def test_sentence_and_table() -> None:
    assert LeafClassHeatmap(COUNTS, NAMES, depth=2).sentence().startswith("90.0 % of the 10 test rows")
    table = LeafClassHeatmap(COUNTS, NAMES, depth=2).table()
    assert table["rows"].to_numpy().reshape(4, 2).tolist() == COUNTS.tolist()
    assert table["class"].tolist() == NAMES * 4


def test_names_must_fit_the_counts() -> None:
    with pytest.raises(ValueError, match="one column for each of 1 classes"):
        LeafClassHeatmap(COUNTS, ["a"], depth=2)
