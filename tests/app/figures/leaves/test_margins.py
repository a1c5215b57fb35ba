import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app.figures.leaves.margins import LARGE_ERRORS, MAX_ERRORS, GateMargins

MARGINS = np.array([[0.2, 0.9], [0.4, 0.5], [0.6, 0.8], [0.1, 0.3]])
WRONG = np.array([True, False, False, True])


def named(figure: go.Figure, name: str) -> go.Scatter | go.Box:
    return next(trace for trace in figure.data if trace.name == name)


def random_margins(rows: int, depth: int) -> np.ndarray:
    return np.abs(np.random.default_rng(0).normal(size=(rows, depth)))


def test_boxes_are_the_quartiles_of_all_rows_by_level() -> None:
    margins = random_margins(200, 3)
    box = named(GateMargins(margins).figure(), "all test rows")
    for part, q in (("q1", 25), ("median", 50), ("q3", 75), ("lowerfence", 5), ("upperfence", 95)):
        assert np.asarray(box[part]) == pytest.approx(np.percentile(margins, q, axis=0))
    assert np.round(np.asarray(box.x)).tolist() == [0, 1, 2]


def test_errors_are_crosses_right_of_the_box_of_their_level() -> None:
    figure = GateMargins(MARGINS, wrong=WRONG).figure()
    errors = named(figure, "errors")
    assert list(errors.y) == [0.2, 0.1, 0.9, 0.3]
    assert list(errors.customdata) == [0, 3, 0, 3]
    x, box = np.asarray(errors.x), named(figure, "all test rows")
    assert np.round(x).tolist() == [0, 0, 1, 1]
    assert (x - np.round(x) > box.x[0] + box.width / 2).all()
    assert "crosses: 2 errors" in figure.layout.title.text


@pytest.mark.parametrize(("rows", "depth"), [(1000, 1), (1000, 4), (400, 16)])
def test_at_most_300_crosses_the_same_rows_at_every_level_and_every_time(rows: int, depth: int) -> None:
    figure = GateMargins(random_margins(rows, depth), wrong=np.ones(rows, dtype=bool)).figure()
    errors = named(figure, "errors")
    assert MAX_ERRORS - depth < len(errors.x) <= MAX_ERRORS
    chosen = np.asarray(errors.customdata).reshape(depth, -1)
    assert (chosen == chosen[0]).all()
    assert len(set(chosen[0].tolist())) == len(chosen[0])
    assert f"crosses: {len(chosen[0])} of {rows:,} errors" in figure.layout.title.text
    assert figure == GateMargins(random_margins(rows, depth), wrong=np.ones(rows, dtype=bool)).figure()


def test_unknown_errors_are_not_drawn_and_the_subtitle_says_so() -> None:
    figure = GateMargins(MARGINS).figure()
    assert all(trace.name != "errors" for trace in figure.data)
    assert "errors are not known" in figure.layout.title.text
    assert "no errors" in GateMargins(MARGINS, wrong=[False] * 4).figure().layout.title.text


def test_crosses_stay_within_the_axis() -> None:
    margins = np.vstack([random_margins(100, 2), [[50.0, 0.0]]])
    low, high = GateMargins(margins, wrong=np.arange(101) == 100).figure().layout.yaxis.range
    assert low == 0
    assert high > 50


def test_levels_are_named_bit_1_on() -> None:
    assert GateMargins(MARGINS).figure().layout.xaxis.ticktext == ("bit 1", "bit 2")
    assert len(GateMargins(random_margins(9, 16)).figure().layout.xaxis.ticktext) == 16


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=12))
def test_sentence_says_closer_exactly_where_the_median_is_smaller(rows: list[tuple[int, int, bool]]) -> None:
    margins, wrong = np.array([row[:2] for row in rows], dtype=float), np.array([row[2] for row in rows])
    sentence = GateMargins(margins, wrong=wrong).sentence()
    least = margins.min(1)
    if wrong.all():
        assert sentence.startswith("All test rows are misclassified")
    elif not wrong.any():
        assert sentence.startswith("No test row is misclassified")
    else:
        closer = np.median(least[wrong]) < np.median(least[~wrong])
        assert sentence.startswith("Misclassified rows are closer to" if closer else "Misclassified rows are no closer to")
        assert sentence.endswith(f"(n = {wrong.sum()} and {(~wrong).sum()}).")


def test_of_numbers_the_largest_errors_are_marked() -> None:
    shown = GateMargins(MARGINS, WRONG, "test", LARGE_ERRORS)
    assert shown.sentence().startswith("Rows with the largest tenth of errors are closer to the gates: the median of")
    assert "crosses: 2 largest errors" in shown.figure().layout.title.text
    table, of_classes = shown.table(), GateMargins(MARGINS, WRONG).table()
    assert table["large_error_median"].tolist() == of_classes["wrong_median"].tolist()
    said = f"{shown.sentence()} {shown.figure().to_json()} {list(table)}"
    assert not [word for word in ("misclassified", "wrong") if word in said]


def test_sentence_where_errors_are_not_known() -> None:
    sentence = GateMargins(MARGINS, split="training").sentence()
    assert sentence.startswith("Half of the training rows are within 0.300 of a gate")
    assert "n = 4" in sentence


def test_table_counts_and_medians() -> None:
    table = GateMargins(MARGINS, wrong=WRONG).table()
    assert table["level"].tolist() == [1, 2]
    assert table["rows"].tolist() == [4, 4]
    assert table["median"].tolist() == pytest.approx([0.3, 0.65])
    assert table["lower_quartile"].tolist() == pytest.approx(np.percentile(MARGINS, 25, axis=0))
    assert table["upper_quartile"].tolist() == pytest.approx(np.percentile(MARGINS, 75, axis=0))
    assert table["wrong_rows"].tolist() == [2, 2]
    assert table["wrong_median"].tolist() == pytest.approx([0.15, 0.6])
    assert GateMargins(MARGINS).table()[["wrong_rows", "wrong_median"]].isna().all(axis=None)


def test_margins_that_are_not_finite_are_left_out_and_named() -> None:
    margins = np.array([[0.2, np.nan], [0.4, np.inf], [np.nan, np.nan]])
    figure = GateMargins(margins, wrong=[True, False, True]).figure()
    assert "no margin at bit 2" in figure.layout.title.text
    assert len(named(figure, "all test rows").x) == 1
    assert GateMargins(margins).table()["rows"].tolist() == [2, 0]
    assert GateMargins(margins, wrong=[True, False, True]).sentence().endswith("(n = 1 and 1).")


@pytest.mark.parametrize(
    ("margins", "why"),
    [
        (np.empty((5, 0)), "At depth 0 there are no gates, so no margins."),
        (np.empty((0, 3)), "There are no test rows, so no margins."),
        (np.full((2, 2), np.nan), "No margin of the test rows is finite."),
    ],
)
def test_nothing_to_show_says_why(margins: np.ndarray, why: str) -> None:
    wrong = np.zeros(len(margins), dtype=bool)
    assert GateMargins(margins, wrong=wrong).figure().layout.annotations[0].text == why
    assert GateMargins(margins, wrong=wrong).sentence() == why
    assert len(GateMargins(margins, wrong=wrong).table()) == margins.shape[1]


def test_margins_all_zero_are_shown() -> None:
    assert GateMargins(np.zeros((3, 2))).figure().layout.yaxis.range == (0, 1.0)


def test_input_must_fit() -> None:
    with pytest.raises(ValueError, match=r"margins must have shape \(N, K\), got \(3,\)"):
        GateMargins([1, 2, 3])
    with pytest.raises(ValueError, match=r"margins must be at least 0, got -0\.5"):
        GateMargins([[0.1, -0.5]])
    with pytest.raises(ValueError, match=r"wrong must have one entry for each of 4 rows, got shape \(1,\)"):
        GateMargins(MARGINS, wrong=[True])
