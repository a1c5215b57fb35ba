import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.run.learning_curves import learning_curves, learning_curves_sentence, learning_curves_table

CURVES = {
    ("train", "loss"): [2.0, 1.0, 0.5],
    ("test", "loss"): [2.0, 1.5, np.nan],
    ("validation", "loss"): [2.0, 1.2, 1.3],
    ("test", "accuracy"): [0.1, 0.5, 0.6],
}
EPOCHS = [0, 1, 2]


def test_lines_are_the_values_and_dashes_say_the_split() -> None:
    lines = learning_curves(epochs=EPOCHS, curves=CURVES, metric="loss", model="flat").data
    assert [line.line.dash for line in lines] == ["solid", "dash", "dot"]
    assert {line.line.color for line in lines} == {theme.model_colour("flat")}
    assert len({line.marker.symbol for line in lines}) == 3
    assert list(lines[2].y) == [2.0, 1.0, 0.5]
    assert np.isnan(lines[0].y[2])


def test_n_stands_in_the_legend_and_the_best_epoch_is_marked() -> None:
    figure = learning_curves(epochs=EPOCHS, curves=CURVES, metric="loss", best_epoch=1, n_rows={"train": 1300})
    assert [trace.name for trace in figure.data] == ["test", "validation", "training, n = 1,300", "best epoch, 1"]
    assert list(figure.data[-1].x) == [1, 1]


def test_only_the_metric_asked_for_is_listed() -> None:
    table = learning_curves_table(epochs=EPOCHS, curves=CURVES, metric="accuracy")
    assert table["value"].tolist() == [0.1, 0.5, 0.6]
    assert set(table["split"]) == {"test"}


def test_sentence_reads_at_the_best_epoch() -> None:
    assert learning_curves_sentence(epochs=EPOCHS, curves=CURVES, metric="loss", best_epoch=1) == (
        "At the best epoch, 1, the test loss is 1.50, the validation loss is 1.20 and the training loss is 1.00."
    )
    assert learning_curves_sentence(epochs=[], curves={}, metric="loss") == "No loss is recorded yet."
    assert learning_curves_sentence(epochs=EPOCHS, curves=CURVES, metric="loss", best_epoch=9).endswith("at epoch 9.")


def test_values_must_fit_the_epochs() -> None:
    with pytest.raises(ValueError, match="train loss must have one value for each of 2 epochs"):
        learning_curves(epochs=[0, 1], curves={("train", "loss"): [1.0]}, metric="loss")
