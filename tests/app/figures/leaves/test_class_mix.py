import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.class_mix import ClassMix

NAMES = ["cat", "dog", "eel"]


def test_bars_are_shares_in_class_colours_with_marks_for_the_split() -> None:
    bars, marks, labels = ClassMix([3, 1, 0], counts_of_split=[5, 5, 10], class_names=NAMES).figure().data
    assert bars.x == pytest.approx([0.75, 0.25, 0])
    assert list(bars.marker.color) == [theme.class_colour(c) for c in range(3)]
    assert marks.x == pytest.approx([0.25, 0.25, 0.5])
    assert list(labels.text) == ["3 (75.0 %)", "1 (25.0 %)", "0 (0.0 %)"]


def test_a_hundred_classes_keep_the_height() -> None:
    figure = ClassMix([1] * 100, class_names=[f"c{i}" for i in range(100)]).figure()
    assert figure.layout.height == theme.SIDE_HEIGHT[False]
    assert len(figure.layout.yaxis.ticktext) < 20


def test_table_without_and_with_the_split() -> None:
    assert list(ClassMix([1, 1, 0], class_names=NAMES).table()) == ["class", "rows", "share"]
    table = ClassMix([0, 0, 0], counts_of_split=[1, 0, 1], class_names=NAMES).table()
    assert table["share"].isna().all()
    assert table["split_share"].tolist() == [0.5, 0, 0.5]


def test_counts_must_fit_the_names() -> None:
    with pytest.raises(ValueError, match=r"^counts must have one entry for each of 3 classes"):
        ClassMix([1], class_names=NAMES)
    with pytest.raises(ValueError, match="counts_of_split must have one entry for each of 3 classes"):
        ClassMix([1, 1, 1], NAMES, counts_of_split=[1])


def test_sentence_and_title_name_the_class_and_the_node() -> None:
    mix = ClassMix([3, 1, 0], NAMES, node="prefix 1 0", split="training")
    assert "Classes in prefix 1 0" in mix.figure().layout.title.text
    assert mix.sentence().startswith("3 of the 4 training rows in prefix 1 0 (75.0 %)")
    assert "cat" in mix.sentence()


def test_no_tick_is_above_all_rows() -> None:
    """The labels need room beyond the longest bar, which may be a whole."""
    axis = ClassMix([30, 0, 0], NAMES).figure().layout.xaxis
    assert axis.range[1] > 1
    assert max(axis.tickvals) == 1
