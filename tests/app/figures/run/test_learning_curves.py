import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.run.learning_curves import LearningCurves

CURVES = {"train": [2.0, 1.0, 0.5], "test": [2.0, 1.5, np.nan], "validation": [2.0, 1.2, 1.3]}
EPOCHS = [0, 1, 2]


def test_lines_are_the_values_and_dashes_say_the_split() -> None:
    figure = LearningCurves(EPOCHS, CURVES, metric="loss", model="flat").figure()
    lines = figure.data
    assert [line.line.dash for line in lines] == ["solid", "dash", "dot"]
    assert {line.line.color for line in lines} == {theme.model_colour("flat")}
    assert len({line.marker.symbol for line in lines}) == 3
    assert list(lines[2].y) == [2.0, 1.0, 0.5]
    assert np.isnan(lines[0].y[2])
    assert figure.layout.height == theme.MAIN_HEIGHT[False]


def test_legend_gives_n_and_the_best_epoch_is_marked() -> None:
    figure = LearningCurves(EPOCHS, CURVES, metric="loss", best_epoch=1, n_rows={"train": 1300}).figure()
    assert [trace.name for trace in figure.data] == ["test", "validation", "training, n = 1,300", "best epoch, 1"]
    assert list(figure.data[-1].x) == [1, 1]


def test_table_lists_the_values_of_each_split() -> None:
    table = LearningCurves(EPOCHS, CURVES, metric="loss").table()
    assert table["split"].tolist() == ["test"] * 3 + ["validation"] * 3 + ["train"] * 3
    assert table["epoch"].tolist() == EPOCHS * 3
    assert table["value"].tolist()[3:] == [2.0, 1.2, 1.3, 2.0, 1.0, 0.5]
    assert set(table["metric"]) == {"loss"}


def test_sentence_reads_at_the_best_epoch() -> None:
    assert LearningCurves(EPOCHS, CURVES, metric="loss", best_epoch=1).sentence() == (
        "At the best epoch, 1, the test loss is 1.50, the validation loss is 1.20 and the training loss is 1.00."
    )
    assert LearningCurves([], {}, metric="loss").sentence() == "No loss is recorded yet."
    assert LearningCurves(EPOCHS, CURVES, metric="loss", best_epoch=9).sentence().endswith("at epoch 9.")


def test_values_must_fit_the_epochs_and_splits_be_known() -> None:
    with pytest.raises(ValueError, match="train loss must have one value for each of 2 epochs"):
        LearningCurves([0, 1], {"train": [1.0]}, metric="loss")
    with pytest.raises(ValueError, match="curves must be of train, validation or test, got 'training'"):
        LearningCurves([0], {"training": [1.0]}, metric="loss")
