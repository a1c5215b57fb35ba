import numpy as np
import pytest

from leafscope.app.figures.leaves.image_grid import image_grid, image_grid_sentence, image_grid_table, mean_image

NAMES = ["a", "b"]
IMAGES = np.arange(32.0).reshape(2, 4, 4)


def test_pixels_keep_their_values_and_places() -> None:
    z = np.asarray(image_grid(images=IMAGES, labels=[0, 1], class_names=NAMES).data[0].z)
    assert np.nansum(z) == IMAGES.sum()
    assert z[:4, :4].tolist() == IMAGES[0].tolist()


def test_wrong_predictions_are_framed_and_named() -> None:
    figure = image_grid(images=IMAGES, labels=[0, 1], predictions=[0, 0], class_names=NAMES, rows=[7, 9])
    _, right, wrong, captions, squares = figure.data
    assert len(right.x) == len(wrong.x) == 6
    assert wrong.line.width > right.line.width
    assert list(captions.text) == ["a", "b→a"]
    assert list(squares.customdata) == [7, 9]
    assert squares.hovertext[1] == "row 9<br>class b<br>predicted a (wrong)"
    assert "1 predicted wrongly" in figure.layout.title.text


def test_at_most_sixty_are_shown_and_the_scale_stays() -> None:
    many = image_grid(images=np.zeros((70, 4, 4)), labels=np.zeros(70), class_names=NAMES)
    assert len(many.data[-1].x) == 60
    assert "n = 70 test rows, the first 60 shown" in many.layout.title.text
    few = image_grid(images=IMAGES, labels=[0, 1], class_names=NAMES)
    assert many.layout.xaxis.range == few.layout.xaxis.range
    assert many.layout.yaxis.range == few.layout.yaxis.range


def test_sentence_and_table() -> None:
    assert image_grid_sentence(labels=[], predictions=[], class_names=NAMES) == "No test row reaches this leaf."
    table = image_grid_table(labels=[0, 1], predictions=[1, 1], class_names=NAMES)
    assert table["wrong"].tolist() == [True, False]
    assert table["prediction"].tolist() == ["b", "b"]


def test_shapes_must_pair_up() -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(1, h, w\)"):
        image_grid(images=IMAGES, labels=[0], class_names=NAMES)
    with pytest.raises(ValueError, match="one entry for each of 2 labels"):
        image_grid(images=IMAGES, labels=[0, 1], predictions=[0], class_names=NAMES)


def test_mean_image_is_the_image() -> None:
    figure = mean_image(image=IMAGES[0], n=3)
    assert np.asarray(figure.data[0].z).tolist() == IMAGES[0].tolist()
    with pytest.raises(ValueError, match=r"image must have shape \(h, w\)"):
        mean_image(image=np.zeros(4))
