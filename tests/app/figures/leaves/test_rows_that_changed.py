import numpy as np
import pytest

from leafscope.app.figures.leaves.rows_that_changed import RowsThatChanged

EPOCHS = [0, 33, 34, 35]
CHURN = [0.5, 0.1, 0.021]
SETTLED = [0.3, 0.8, 0.979, 1.0]


def test_both_lines_stand_on_one_axis_of_shares_and_are_labelled_at_their_ends() -> None:
    figure = RowsThatChanged(EPOCHS, CHURN, SETTLED).figure()
    settled, changed = figure.data
    assert list(settled.y) == SETTLED
    assert np.array(changed.y) == pytest.approx(np.array([np.nan, *CHURN]), nan_ok=True)
    assert settled.marker.symbol != changed.marker.symbol
    low, high = figure.layout.yaxis.range
    assert low < 0 < 1 < high
    assert [(note.x, note.y) for note in figure.layout.annotations] == [(35, 1.0), (35, 0.021)]
    words = [note.text.replace("<br>", " ") for note in figure.layout.annotations]
    assert words == ["rows already in their final leaf", "rows that changed leaf"]


def test_shown_epoch_is_marked_and_the_spacing_of_epochs_said() -> None:
    figure = RowsThatChanged(EPOCHS, CHURN, SETTLED, shown_epoch=33, n=988).figure()
    assert figure.layout.shapes[0].x0 == 33
    for words in ("n = 988 training rows", "changed since the epoch recorded before", "vertical line: epoch 33"):
        assert words in figure.layout.title.text
    regular = RowsThatChanged([0, 1], churn=[0.1], settled=[0.9, 1]).figure().layout.title.text
    assert "changed since the epoch before" in regular
    sparse = RowsThatChanged([0, 10], churn=[0.1], settled=[0.9, 1]).figure().layout.title.text
    assert "changed since 10 epochs before" in sparse


def test_sentence_names_the_epoch_from_which_nearly_all_stay() -> None:
    assert RowsThatChanged(EPOCHS, CHURN, SETTLED, shown_epoch=33, split="test").sentence() == (
        "90 % of the test rows are in their final leaf from epoch 34 on; 2.1 % changed leaf in the last epoch; "
        "at epoch 33, 80.0 % are in their final leaf."
    )


def test_a_share_that_falls_again_does_not_count_as_settled() -> None:
    sentence = RowsThatChanged([0, 1, 2, 3], churn=[0.2, 0.2, 0.1], settled=[0.95, 0.7, 0.9, 1.0]).sentence()
    assert "from epoch 2 on" in sentence


def test_sentence_where_rows_move_to_the_end() -> None:
    assert RowsThatChanged([0, 10, 20], churn=[0.5, 0.3], settled=[0.2, 0.7, 1.0]).sentence() == (
        "Fewer than 90 % of the training rows are in their final leaf before the last recorded epoch, 20; "
        "30.0 % changed leaf between epochs 10 and 20."
    )


def test_table_has_no_change_at_the_first_epoch() -> None:
    table = RowsThatChanged(EPOCHS, CHURN, SETTLED).table()
    assert table["epoch"].tolist() == EPOCHS
    assert np.isnan(table["changed"][0])
    assert table["changed"].tolist()[1:] == CHURN
    assert table["settled"].tolist() == SETTLED


@pytest.mark.parametrize(
    ("epochs", "churn", "settled", "why"),
    [
        ([], [], [], "No leaves of training rows are recorded yet."),
        ([3], [], [1.0], "Only epoch 3 is recorded: a change of leaf needs two recorded epochs."),
        ([0, 1], [np.nan], [np.nan, np.nan], "There are no training rows, so none can change leaf."),
    ],
)
def test_nothing_to_show_says_why(epochs: list[int], churn: list[float], settled: list[float], why: str) -> None:
    figure = RowsThatChanged(epochs, churn, settled).figure()
    assert figure.layout.annotations[0].text == why
    assert RowsThatChanged(epochs, churn, settled).sentence() == why
    assert len(RowsThatChanged(epochs, churn, settled).table()) == len(epochs)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"churn must have one share for each epoch but the first, 1, got shape \(2,\)"):
        RowsThatChanged([0, 1], churn=[0.1, 0.2], settled=[0.5, 1.0])
    with pytest.raises(ValueError, match=r"settled must have one share for each of 2 epochs, got shape \(1,\)"):
        RowsThatChanged([0, 1], churn=[0.1], settled=[1.0])
