import numpy as np
import pytest

from leafscope.app.figures.run.leaf_loads import LeafLoads, leaf_loads_sentence
from leafscope.app.theme import MAIN_HEIGHT

TRAIN = np.array([6, 0, 3, 1])
TEST = np.array([1, 2, 1, 0])


def _named(figure, name):  # type: ignore[no-untyped-def]
    return next(trace for trace in figure.data if (trace.name or "").startswith(name))


def test_bars_are_the_shares_of_each_split() -> None:
    figure = LeafLoads(TRAIN, 2, TEST).figure()
    assert _named(figure, "training").y == pytest.approx(TRAIN / 10)
    assert _named(figure, "test").y == pytest.approx(TEST / 4)
    assert list(_named(figure, "training").customdata) == [0, 1, 2, 3]
    assert _named(figure, "training").marker.pattern.shape == "."
    assert _named(figure, "test").marker.pattern.shape == ""
    assert "n = 10 training rows; n = 4 test rows" in figure.layout.title.text
    assert figure.layout.height == MAIN_HEIGHT[False]


def test_the_uniform_load_is_a_line() -> None:
    assert list(_named(LeafLoads(TRAIN, 2).figure(), "uniform").y) == [0.25, 0.25]


@pytest.mark.parametrize(("depth", "kind"), [(2, "bar"), (8, "scatter")])
def test_unused_leaves_are_marked(depth: int, kind: str) -> None:
    counts = np.ones(2**depth)
    counts[[1, 3]] = 0
    trace = _named(LeafLoads(counts, depth).figure(), "no training row")
    assert trace.type == kind
    assert list(trace.customdata) == [1, 3]
    assert trace.hovertext[0].endswith("unseen")


def test_more_than_256_leaves_are_a_heatmap_of_relative_load_with_unused_ones_blank() -> None:
    counts = np.arange(512)
    figure = LeafLoads(counts, 9).figure()
    assert "n = 130,816 training rows" in figure.layout.title.text
    z = np.asarray(figure.data[0].z)
    assert z.shape == (16, 32)
    assert np.isnan(z[0, 0])
    assert z.ravel()[1:] == pytest.approx(counts[1:] / counts.sum() * 512)


def test_test_rows_alone_are_shown() -> None:
    assert LeafLoads(np.zeros(4), 2, TEST).figure().data


def test_table_has_the_numbers() -> None:
    table = LeafLoads(TRAIN, 2, TEST).table()
    assert table["train_rows"].tolist() == TRAIN.tolist()
    assert table["test_share"].sum() == pytest.approx(1)
    assert table["train_relative_load"].mean() == pytest.approx(1)
    assert table["state"].tolist() == ["used", "unseen", "used", "used"]
    assert LeafLoads(np.zeros(2), 1).table()["train_share"].isna().all()


def test_sentence_counts_the_leaves_that_carry_90_percent() -> None:
    assert LeafLoads([9, 1, 0, 0], 2).sentence().startswith("2 of 4 leaves hold training rows, 1 carries 90 %")
    assert LeafLoads(TRAIN, 2, TEST).sentence() == (
        "3 of 4 leaves hold training rows, 2 carry 90 % of them; the fullest, 0 0, holds 60.0 % of them and "
        "25.0 % of the test rows; 50.0 % of the test rows reach a leaf without a training row."
    )
    assert LeafLoads(np.zeros(4), 2).sentence() == "There are no training rows."


def test_sentence_names_the_rows_of_another_split() -> None:
    assert leaf_loads_sentence(np.array([0, 3]), 1, split="test").startswith("1 of 2 leaves hold test rows")


def test_counts_must_be_counts_of_the_leaves() -> None:
    with pytest.raises(ValueError, match="counts_train must be at least 0, got -1"):
        LeafLoads([-1, 2], 1)
    with pytest.raises(ValueError, match=r"counts_test must have 2\^depth = 2 entries"):
        LeafLoads([1, 2], 1, [1])
