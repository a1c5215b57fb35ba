import numpy as np
import pytest

from leafscope.app.figures.run.leaf_loads import leaf_loads, leaf_loads_sentence, leaf_loads_table

TRAIN = np.array([6, 0, 3, 1])
TEST = np.array([1, 2, 1, 0])


def _named(figure, name):  # type: ignore[no-untyped-def]
    return next(trace for trace in figure.data if (trace.name or "").startswith(name))


def test_bars_are_the_shares_of_each_split() -> None:
    figure = leaf_loads(counts_train=TRAIN, counts_test=TEST, depth=2)
    assert _named(figure, "training").y == pytest.approx(TRAIN / 10)
    assert _named(figure, "test").y == pytest.approx(TEST / 4)
    assert list(_named(figure, "training").customdata) == [0, 1, 2, 3]
    assert _named(figure, "training").marker.pattern.shape == "."
    assert _named(figure, "test").marker.pattern.shape == ""


def test_the_uniform_load_is_a_line() -> None:
    assert list(_named(leaf_loads(counts_train=TRAIN, depth=2), "uniform").y) == [0.25, 0.25]


@pytest.mark.parametrize(("depth", "kind"), [(2, "bar"), (8, "scatter")])
def test_unused_leaves_are_marked(depth: int, kind: str) -> None:
    counts = np.ones(2**depth)
    counts[[1, 3]] = 0
    trace = _named(leaf_loads(counts_train=counts, depth=depth), "no training row")
    assert trace.type == kind
    assert list(trace.customdata) == [1, 3]
    assert trace.hovertext[0].endswith("unseen")


def test_more_than_256_leaves_are_a_heatmap_of_relative_load_with_unused_ones_blank() -> None:
    counts = np.arange(512)
    z = np.asarray(leaf_loads(counts_train=counts, depth=9).data[0].z)
    assert z.shape == (16, 32)
    assert np.isnan(z[0, 0])
    assert z.ravel()[1:] == pytest.approx(counts[1:] / counts.sum() * 512)


def test_test_rows_alone_are_shown() -> None:
    assert leaf_loads(counts_train=np.zeros(4), counts_test=TEST, depth=2).data


def test_table_has_the_numbers() -> None:
    table = leaf_loads_table(counts_train=TRAIN, counts_test=TEST, depth=2)
    assert table["train_rows"].tolist() == TRAIN.tolist()
    assert table["test_share"].sum() == pytest.approx(1)
    assert table["train_relative_load"].mean() == pytest.approx(1)
    assert table["state"].tolist() == ["used", "unseen", "used", "used"]
    assert leaf_loads_table(counts_train=np.zeros(2), depth=1)["train_share"].isna().all()


def test_sentence_counts_the_leaves_that_carry_90_percent() -> None:
    assert leaf_loads_sentence(counts_train=[9, 1, 0, 0], depth=2).startswith(
        "2 of 4 leaves hold training rows, 1 carries 90 %"
    )
    assert leaf_loads_sentence(counts_train=TRAIN, counts_test=TEST, depth=2) == (
        "3 of 4 leaves hold training rows, 2 carry 90 % of them; the fullest, 0 0, holds 60.0 % of them and "
        "25.0 % of the test rows; 50.0 % of the test rows reach a leaf without a training row."
    )
    assert leaf_loads_sentence(counts_train=np.zeros(4), depth=2) == "There are no training rows."


def test_states_must_pair_up_and_counts_be_counts() -> None:
    with pytest.raises(ValueError, match="states must have one entry for each of 4 leaves, got 1"):
        leaf_loads(counts_train=TRAIN, depth=2, states=["used"])
    with pytest.raises(ValueError, match="counts_train must be at least 0, got -1"):
        leaf_loads(counts_train=[-1, 2], depth=1)
