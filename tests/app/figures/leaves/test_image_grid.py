import numpy as np
import pytest

from leafscope.app.figures.leaves.image_grid import ImageGrid, MeanImage

NAMES = ["a", "b"]
IMAGES = np.arange(32.0).reshape(2, 4, 4)


def test_pixels_keep_their_values_and_places() -> None:
    z = np.asarray(ImageGrid(IMAGES, [0, 1], NAMES).figure().data[0].z)
    assert np.nansum(z) == IMAGES.sum()
    assert z[:4, :4].tolist() == IMAGES[0].tolist()


def test_wrong_predictions_are_framed_and_named() -> None:
    figure = ImageGrid(IMAGES, labels=[0, 1], predictions=[0, 0], class_names=NAMES, rows=[7, 9]).figure()
    _, right, wrong, captions, squares = figure.data
    assert len(right.x) == len(wrong.x) == 6
    assert wrong.line.width > right.line.width
    assert list(captions.text) == ["a", "b→a"]
    assert list(squares.customdata) == [7, 9]
    assert squares.hovertext[1] == "row 9<br>class b<br>predicted a (wrong)"
    assert "1 misclassified" in figure.layout.title.text


def test_at_most_sixty_are_shown_and_the_scale_stays() -> None:
    many = ImageGrid(np.zeros((70, 4, 4)), np.zeros(70), NAMES).figure()
    assert len(many.data[-1].x) == 60
    assert "n = 70 test rows, the first 60 shown" in many.layout.title.text
    wrong = ImageGrid(np.zeros((70, 4, 4)), np.zeros(70), NAMES, predictions=np.arange(70) > 58).figure()
    assert "1 of these misclassified" in wrong.layout.title.text
    assert ImageGrid(np.zeros((60, 4, 4)), np.zeros(70), NAMES).figure() == many
    few = ImageGrid(IMAGES, [0, 1], NAMES).figure()
    assert many.layout.xaxis.range == few.layout.xaxis.range
    assert many.layout.yaxis.range == few.layout.yaxis.range


def test_sentence_and_table() -> None:
    sentence = ImageGrid(IMAGES, [0, 1], NAMES, predictions=[1, 1]).sentence()
    assert sentence.startswith("1 of 2 test rows are predicted correctly")
    assert ImageGrid(IMAGES, [1, 1], NAMES).sentence() == "The most common class of the 2 test rows is b, with 2 rows."
    table = ImageGrid(IMAGES, [0, 1], NAMES, predictions=[1, 1], more={"margin": [0.5, 0.25]}).table()
    assert table["margin"].tolist() == [0.5, 0.25]
    assert table["wrong"].tolist() == [True, False]
    assert table["prediction"].tolist() == ["b", "b"]


def test_shapes_must_pair_up() -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(70, h, w\), one for each label or at least the first 60"):
        ImageGrid(np.zeros((59, 4, 4)), np.zeros(70), NAMES)
    with pytest.raises(ValueError, match=r"images must have shape \(1, h, w\)"):
        ImageGrid(IMAGES, [0], NAMES)
    with pytest.raises(ValueError, match="one entry for each of 2 labels"):
        ImageGrid(IMAGES, labels=[0, 1], predictions=[0], class_names=NAMES)


def test_mean_image_is_the_image() -> None:
    mean = MeanImage(IMAGES[0], n=3)
    assert np.asarray(mean.figure().data[0].z).tolist() == IMAGES[0].tolist()
    assert mean.table().drop(columns="row").to_numpy().tolist() == IMAGES[0].tolist()
    assert "3 rows" in mean.sentence()
    assert MeanImage(IMAGES[0], says="A prediction.").sentence() == "A prediction."
    with pytest.raises(ValueError, match=r"image must have shape \(h, w\)"):
        MeanImage(np.zeros(4))
