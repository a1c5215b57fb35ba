import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.figures.overfitting.error_by_rows import ErrorByRows
from leafscope.app.figures.shared.interval_lines import grey
from leafscope.app.theme import Look
from tests.app.figures.drawn import named
from tests.app.figures.overfitting.tables import by_rows
from tests.app.figures.test_contract import LOOKS


@pytest.mark.parametrize("look", LOOKS)
def test_a_line_a_depth_on_an_ordered_ramp(look: Look) -> None:
    shown = ErrorByRows(by_rows())
    figure, table = shown.figure(look=look), shown.table()
    depth_lines = [named(figure, f"K = {k}")[0] for k in (0, 2, 4)]
    for k, line in zip((0, 2, 4), depth_lines):
        rows = table[table["depth"] == k]
        assert list(line.x) == rows["n_train"].tolist() == [100, 1000]
        assert list(line.y) == rows["mean"].tolist()
    against = [theme.contrast(line.line.color, theme.BACKGROUND[look.dark]) for line in depth_lines]
    assert 3 <= against[0] < against[1] < against[2]
    assert named(figure, "dense, same multiply-adds")[0].line.color == grey(look)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.ticktext) == ["100", "1,000"]


def test_ticks_that_would_touch_are_left_out() -> None:
    table = pd.concat([by_rows().query("n_train == 100").assign(n_train=size) for size in (100, 980, 988, 10_000)])
    assert list(ErrorByRows(table).figure().layout.xaxis.tickvals) == [100, 980, 10_000]


def test_sentence_has_the_ends_of_the_smallest_and_the_largest_depth() -> None:
    said = ErrorByRows(by_rows()).sentence()
    assert said.startswith("From 100 to 1,000 training rows")
    assert "from 38.0 % [36.0 %, 40.0 %], n = 5 to 20.0 % [18.0 %, 22.0 %], n = 5 with tree, K = 0" in said
    assert "from 30.0 % [28.0 %, 32.0 %], n = 5 to 12.0 % [10.0 %, 14.0 %], n = 5 with tree, K = 4" in said
    assert "from 48.0 % [46.0 %, 50.0 %], n = 5 to 30.0 % [28.0 %, 32.0 %], n = 5 with dense, same multiply-adds" in said
    assert "K = 2" not in said


def test_sentence_of_one_size_and_of_a_line_that_ends_early() -> None:
    assert ErrorByRows(by_rows().query("n_train == 100 and depth == 0")).sentence() == (
        "With 100 training rows, the test error is 38.0 % [36.0 %, 40.0 %], n = 5 with tree, K = 0."
    )
    early = by_rows().query("not (model == 'dense' and n_train == 1000)")
    assert "to 48.0 % [46.0 %, 50.0 %], n = 5 with dense, same multiply-adds at 100 rows" in ErrorByRows(early).sentence()


def test_depths_of_two_models_and_no_rows_are_refused() -> None:
    two = pd.concat([by_rows(), by_rows().query("depth == 0").assign(model="flat")])
    with pytest.raises(ValueError, match=r"curves must hold the depths of one model, got tree, flat"):
        ErrorByRows(two)
    with pytest.raises(ValueError, match=r"n_train must be at least 1, got 0"):
        ErrorByRows(by_rows().assign(n_train=0))
