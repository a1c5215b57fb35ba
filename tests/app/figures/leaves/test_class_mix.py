import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.class_mix import class_mix, class_mix_table

NAMES = ["cat", "dog", "eel"]


def test_bars_are_shares_in_class_colours_with_marks_for_the_split() -> None:
    bars, marks, labels = class_mix(class_counts_of_leaf=[3, 1, 0], class_counts_of_split=[5, 5, 10], class_names=NAMES).data
    assert bars.x == pytest.approx([0.75, 0.25, 0])
    assert list(bars.marker.color) == [theme.class_colour(c) for c in range(3)]
    assert marks.x == pytest.approx([0.25, 0.25, 0.5])
    assert list(labels.text) == ["3 (75.0 %)", "1 (25.0 %)", "0 (0.0 %)"]


def test_a_hundred_classes_keep_the_height() -> None:
    figure = class_mix(class_counts_of_leaf=[1] * 100, class_names=[f"c{i}" for i in range(100)])
    assert figure.layout.height == theme.SIDE_HEIGHT[False]
    assert len(figure.layout.yaxis.ticktext) < 20


def test_table_without_and_with_the_split() -> None:
    assert list(class_mix_table(class_counts_of_leaf=[1, 1, 0], class_names=NAMES)) == ["class", "rows", "share"]
    table = class_mix_table(class_counts_of_leaf=[0, 0, 0], class_counts_of_split=[1, 0, 1], class_names=NAMES)
    assert table["share"].isna().all()
    assert table["split_share"].tolist() == [0.5, 0, 0.5]


def test_counts_must_fit_the_names() -> None:
    with pytest.raises(ValueError, match="class_counts_of_leaf must have one entry for each of 3 classes"):
        class_mix(class_counts_of_leaf=[1], class_names=NAMES)
