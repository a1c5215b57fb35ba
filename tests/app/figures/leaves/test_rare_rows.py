import numpy as np
import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.rare_rows import RareRows
from leafscope.app.figures.shared.errors import of_target
from leafscope.app.theme import Look

COLUMNS = ["model", "bin", "seeds", "rows", "wrong_share", "dense_share", "difference", "low", "high"]
TABLE = pd.DataFrame(
    [
        ("tree", "0", 5, 31, 0.2, 0.158, 0.042, 0.01, 0.074),
        ("tree", "1-2", 5, 1234, 0.1, 0.1, 0.0, -0.01, 0.01),
        ("flat", "1-2", 5, 40, 0.1, 0.2, -0.1, -0.2, -0.05),
    ],
    columns=COLUMNS,
)


def _only(**values: object) -> pd.DataFrame:
    return TABLE.head(1).assign(**values)


def test_points_whiskers_and_styles() -> None:
    tree, flat, zero = RareRows(TABLE).figure().data
    assert list(tree.y) == pytest.approx([4.2, 0.0])
    assert list(tree.error_y.array) == pytest.approx([3.2, 1.0])
    assert list(tree.error_y.arrayminus) == pytest.approx([3.2, 1.0])
    assert np.isnan(flat.y[0])
    assert flat.y[1] == pytest.approx(-10)
    assert (tree.marker.symbol, flat.marker.symbol) == (theme.model_marker("tree"), theme.model_marker("flat"))
    assert (tree.marker.color, flat.marker.color) == (theme.model_colour("tree"), theme.model_colour("flat"))
    assert zero.name == "as the dense net"
    assert list(zero.y) == [0, 0]


@pytest.mark.parametrize("models", [1, 2, 5])
@pytest.mark.parametrize("projector", [False, True])
def test_models_stand_side_by_side_within_their_bin(models: int, projector: bool) -> None:
    names = ["tree", "flat", "decision_tree", "tree_units", "random_forest"][:models]
    table = pd.concat([TABLE.head(2).assign(model=name) for name in names])
    traces = RareRows(table).figure(look=Look(projector=projector)).data[:-1]
    for place in (0, 1):
        at = [trace.x[place] for trace in traces]
        assert len(set(at)) == models
        assert all(abs(x - place) < 0.5 for x in at)
    assert np.mean([trace.x[0] for trace in traces]) == pytest.approx(0)


def test_n_stands_below_each_bin() -> None:
    assert list(RareRows(TABLE.head(2)).figure().layout.xaxis.ticktext) == ["0<br>n = 31", "1-2<br>n = 1,234"]
    assert list(RareRows(TABLE).figure().layout.xaxis.ticktext) == ["0<br>n = 31<br>no rows", "1-2<br>n = 1,234<br>n = 40"]


def test_bins_are_in_order_of_first_appearance_or_of_least() -> None:
    upside_down = TABLE.iloc[[1, 0]]
    assert RareRows(upside_down).table()["bin"].tolist() == ["1-2", "0"]
    assert RareRows(upside_down.assign(least=[1, 0])).table()["bin"].tolist() == ["0", "1-2"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (TABLE, "(n = 31, 5 seeds): the tree errs 4.2 points more often than the dense net [1.0, 7.4]."),
        (
            _only(difference=-0.042, low=-0.074, high=-0.01),
            "the tree errs 4.2 points less often than the dense net [1.0, 7.4].",
        ),
        (_only(low=-0.01), ": no difference shown between the tree and the dense net (4.2 points [-1.0, 7.4])."),
        (_only(low=np.nan, high=np.nan, seeds=1), "(n = 31, 1 seed): no difference shown"),
        (_only(low=np.nan, high=np.nan), "(4.2 points, no interval)."),
    ],
)
def test_sentence_is_about_the_rarest_bin_of_the_first_model(table: pd.DataFrame, words: str) -> None:
    sentence = RareRows(table).sentence()
    assert sentence.startswith("Test rows whose leaf had 0 training rows")
    assert words in sentence


def test_sentence_skips_bins_without_rows() -> None:
    table = TABLE.head(2).assign(rows=[0, 7], difference=[np.nan, 0.1], low=[np.nan, 0.05], high=[np.nan, 0.2])
    assert RareRows(table).sentence().startswith("Test rows whose leaf had 1-2 training rows (n = 7, 5 seeds)")


def test_table_is_in_percent() -> None:
    table = RareRows(TABLE).table()
    assert table["wrong_share"].tolist() == pytest.approx([20, 10, 10])
    assert table["low"].tolist() == pytest.approx([1, -1, -20])
    assert set(table["unit"]) == {"percentage points"}


@pytest.mark.parametrize("table", [TABLE.head(0), _only(rows=0), _only(difference=np.nan)])
def test_nothing_to_compare_says_so(table: pd.DataFrame) -> None:
    figure = RareRows(table).figure()
    assert not figure.data
    assert figure.layout.annotations[0].text == RareRows(table).sentence()


def test_columns_and_rows_must_fit() -> None:
    with pytest.raises(ValueError, match=r"points must have the columns .*, but low is missing"):
        RareRows(TABLE.drop(columns="low"))
    with pytest.raises(ValueError, match="one row for a bin, got two of tree for 0"):
        RareRows(pd.concat([TABLE, TABLE.head(1)]))


def test_of_numbers_errors_are_in_the_unit_of_the_target() -> None:
    table = TABLE.rename(columns={"wrong_share": "rmse", "dense_share": "dense_rmse"})
    shown = RareRows(table, of_target("price"))
    assert shown.sentence().endswith("the tree has an RMSE 0.0420 higher than the dense net's [0.0100, 0.0740].")
    pd.testing.assert_frame_equal(shown.table().drop(columns="unit"), table[shown.table().columns.drop("unit")])
    figure = shown.figure()
    assert "RMSE, in the unit of price" in figure.layout.yaxis.title.text.replace("<br>", " ")
    assert "RMSE 0.200, dense net 0.158<br>0.0420 [0.0100, 0.0740]" in figure.data[0].hovertext[0]
    assert not [word for word in ("percent", "points", "errs") if word in f"{shown.sentence()} {figure.to_json()}"]
