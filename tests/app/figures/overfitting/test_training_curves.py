import math

import pytest

from leafscope.app import theme
from leafscope.app.figures.overfitting.training_curves import TrainingCurves
from tests.app.figures.drawn import finite, labels, named, title
from tests.app.figures.overfitting.tables import NAN, epoch_seeds, epochs


def test_curves_are_the_table_with_a_dash_for_each_split() -> None:
    shown = TrainingCurves(epochs())
    figure, table = shown.figure(), shown.table()
    for split, word in (("test", "test"), ("train", "training")):
        rows = table[(table["model"] == "tree") & (table["split"] == split)]
        (line,) = named(figure, f"tree, {word}")
        assert list(line.x) == rows["epoch"].tolist() == [0, 1, 2]
        assert list(line.y) == rows["mean"].tolist()
        assert line.line.dash == theme.SPLIT_DASHES[split]
        assert line.line.color == theme.model_colour("tree")
    assert "solid: test, dotted: training" in title(figure)
    assert title(figure).startswith("Test and training loss against epoch")
    assert sorted(labels(figure)) == ["dense, same multiply-adds, test", "tree, test", "tree, training"]


def test_bands_and_seeds_lie_below_the_means() -> None:
    figure = TrainingCurves(epochs(), epoch_seeds()).figure()
    kinds = ["band" if trace.fill else "seeds" if trace.name == "seeds" else "mean" for trace in figure.data]
    assert kinds == ["band", "seeds", "band", "band", "mean", "mean", "mean"]
    band, thin = figure.data[0], figure.data[1]
    assert list(band.y) == pytest.approx([0.65, 0.55, 0.45, 0.35, 0.45, 0.55])
    assert band.fillcolor == theme.faded(theme.model_colour("tree"), theme.BAND_OPACITY)
    assert list(thin.x) == [0, 1, 2, None, 0, 1, 2, None]
    assert finite(thin.y) == pytest.approx([0.6, 0.5, 0.4, 0.61, 0.51, 0.41])
    assert thin.opacity == theme.SEED_OPACITY


def test_errors_are_in_percent_and_losses_in_nats() -> None:
    error, loss = (TrainingCurves(epochs(), metric=metric).figure() for metric in ("error", "loss"))
    assert list(named(error, "tree, test")[0].y) == pytest.approx([60, 50, 40])
    assert list(named(loss, "tree, test")[0].y) == pytest.approx([0.6, 0.5, 0.4])
    assert "percent" in error.layout.yaxis.title.text
    assert "nats" in loss.layout.yaxis.title.text
    assert error.layout.yaxis.range[0] < 0 < error.layout.yaxis.range[1] < 100


def test_a_missing_mean_leaves_a_gap_and_a_model_without_any_is_left_out() -> None:
    table = epochs()
    table.loc[(table["model"] == "tree") & (table["epoch"] == 1), ["mean", "low", "high"]] = NAN
    table.loc[table["model"] == "dense", "mean"] = NAN
    figure = TrainingCurves(table).figure()
    assert math.isnan(named(figure, "tree, test")[0].y[1])
    assert not [trace for trace in figure.data if str(trace.name).startswith("dense")]


def test_a_single_epoch_has_an_axis() -> None:
    low, high = TrainingCurves(epochs().query("epoch == 1")).figure().layout.xaxis.range
    assert low < 1 < high


def test_sentence_has_the_last_epoch_of_each_model() -> None:
    said = TrainingCurves(epochs(), metric="error").sentence()
    assert "last epoch, 2" in said
    assert "tree, test error 40.0 % [35.0 %, 45.0 %], n = 5, training error 30.0 % [25.0 %, 35.0 %], n = 5" in said
    assert "dense, same multiply-adds, test error 50.0 % [45.0 %, 55.0 %], n = 5" in said
    early = TrainingCurves(epochs().query("not (model == 'dense' and epoch > 1)")).sentence()
    assert "(ended at epoch 1), test loss 0.600 nats [0.550, 0.650], n = 5" in early


def test_a_seed_without_its_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"seeds must have the columns .* but seed is missing"):
        TrainingCurves(epochs(), epoch_seeds().drop(columns="seed"))
