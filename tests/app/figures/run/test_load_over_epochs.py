import numpy as np
import pytest

from leafscope.app.figures.run.load_over_epochs import LoadOverEpochs
from leafscope.app.theme import MAIN_HEIGHT

EPOCHS = [0, 5]
COUNTS = np.array([[4, 0], [1, 3]])


def test_cells_are_relative_loads_with_unused_ones_blank() -> None:
    figure = LoadOverEpochs(EPOCHS, COUNTS, depth=1).figure()
    assert "n = 4 training rows" in figure.layout.title.text
    assert figure.layout.height == MAIN_HEIGHT[False]
    z = np.asarray(figure.data[0].z)
    assert z == pytest.approx(np.array([[2, 0.5], [np.nan, 1.5]]), nan_ok=True)


def test_chosen_leaves_and_the_fullest_of_many() -> None:
    assert np.asarray(LoadOverEpochs(EPOCHS, COUNTS, depth=1, leaves=[1]).figure().data[0].z).shape == (1, 2)
    counts = np.tile(np.arange(128), (2, 1))
    table = LoadOverEpochs(EPOCHS, counts, depth=7).table()
    assert sorted(set(table["leaf"])) == list(range(64, 128))


def test_sentence_and_table() -> None:
    assert LoadOverEpochs(EPOCHS, COUNTS, depth=1).sentence() == (
        "Training rows are in 1 of 2 leaves at epoch 0 and in 2 at epoch 5."
    )
    table = LoadOverEpochs(EPOCHS, COUNTS, depth=1).table()
    assert table["rows"].tolist() == [4, 0, 1, 3]
    assert table["epoch"].tolist() == [0, 0, 5, 5]


def test_shapes_and_leaves_must_fit() -> None:
    with pytest.raises(ValueError, match=r"counts must have shape \(E, L\) = \(1, 2\)"):
        LoadOverEpochs([0], COUNTS, depth=1)
    with pytest.raises(ValueError, match="leaves must be from 0 to 1 at depth 1"):
        LoadOverEpochs(EPOCHS, COUNTS, depth=1, leaves=[2])
