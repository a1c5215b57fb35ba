import pytest

from leafscope.app import theme
from leafscope.app.figures.overfitting.accuracy_by_level import AccuracyByLevel
from tests.app.figures.drawn import named
from tests.app.figures.overfitting.tables import levels


def test_levels_are_the_table_with_test_solid_and_training_dotted() -> None:
    shown = AccuracyByLevel(levels(), depth=2)
    figure, table = shown.figure(), shown.table()
    for split in ("test", "train"):
        line = named(figure, theme.SPLIT_WORDS[split])[0]
        assert list(line.x) == [0, 1, 2]
        assert list(line.y) == table.loc[table["split"] == split, "mean"].tolist()
        assert line.line.dash == theme.SPLIT_DASHES[split]
    assert list(named(figure, "test")[0].y) == pytest.approx([50, 60, 70])


def test_sentence_has_the_root_and_all_levels() -> None:
    said = AccuracyByLevel(levels(), depth=2).sentence()
    assert "root alone, test accuracy is 50.0 % [48.0 %, 52.0 %], n = 5" in said
    assert "all levels (K = 2), it is 70.0 % [68.0 %, 72.0 %], n = 5" in said
    alone = AccuracyByLevel(levels(1).query("level == 0"), depth=0).sentence()
    assert "all levels (K = 0), test accuracy is 50.0 %, one seed" in alone
    assert "root" not in alone
    assert AccuracyByLevel(levels().query("level == 1"), depth=2).sentence().endswith("is known yet.")


def test_levels_must_be_within_the_depth() -> None:
    with pytest.raises(ValueError, match=r"levels must be from 0 to depth = 1, got 2"):
        AccuracyByLevel(levels(), depth=1)
