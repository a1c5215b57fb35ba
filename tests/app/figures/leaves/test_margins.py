import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app.figures.leaves.margins import MAX_ERRORS, gate_margins, gate_margins_sentence, gate_margins_table

MARGINS = np.array([[0.2, 0.9], [0.4, 0.5], [0.6, 0.8], [0.1, 0.3]])
WRONG = np.array([True, False, False, True])


def named(figure: go.Figure, name: str) -> go.Scatter | go.Box:
    return next(trace for trace in figure.data if trace.name == name)


def random_margins(rows: int, depth: int) -> np.ndarray:
    return np.abs(np.random.default_rng(0).normal(size=(rows, depth)))


def test_boxes_are_the_quartiles_of_all_rows_by_level() -> None:
    margins = random_margins(200, 3)
    box = named(gate_margins(margins=margins), "all test rows")
    for part, q in (("q1", 25), ("median", 50), ("q3", 75), ("lowerfence", 5), ("upperfence", 95)):
        assert np.asarray(box[part]) == pytest.approx(np.percentile(margins, q, axis=0))
    assert np.round(np.asarray(box.x)).tolist() == [0, 1, 2]


def test_errors_are_crosses_right_of_the_box_of_their_level() -> None:
    figure = gate_margins(margins=MARGINS, wrong=WRONG)
    errors = named(figure, "errors")
    assert list(errors.y) == [0.2, 0.1, 0.9, 0.3]
    assert list(errors.customdata) == [0, 3, 0, 3]
    x, box = np.asarray(errors.x), named(figure, "all test rows")
    assert np.round(x).tolist() == [0, 0, 1, 1]
    assert (x - np.round(x) > box.x[0] + box.width / 2).all()
    assert "crosses: 2 errors" in figure.layout.title.text


@pytest.mark.parametrize(("rows", "depth"), [(1000, 1), (1000, 4), (400, 16)])
def test_at_most_300_crosses_the_same_rows_at_every_level_and_every_time(rows: int, depth: int) -> None:
    figure = gate_margins(margins=random_margins(rows, depth), wrong=np.ones(rows, dtype=bool))
    errors = named(figure, "errors")
    assert MAX_ERRORS - depth < len(errors.x) <= MAX_ERRORS
    chosen = np.asarray(errors.customdata).reshape(depth, -1)
    assert (chosen == chosen[0]).all()
    assert len(set(chosen[0].tolist())) == len(chosen[0])
    assert f"crosses: {len(chosen[0])} of {rows:,} errors" in figure.layout.title.text
    assert figure == gate_margins(margins=random_margins(rows, depth), wrong=np.ones(rows, dtype=bool))


def test_unknown_errors_are_not_drawn_and_the_subtitle_says_so() -> None:
    figure = gate_margins(margins=MARGINS)
    assert all(trace.name != "errors" for trace in figure.data)
    assert "errors are not known" in figure.layout.title.text
    assert "no errors" in gate_margins(margins=MARGINS, wrong=[False] * 4).layout.title.text


def test_chosen_row_is_ringed_at_every_level_within_the_axis() -> None:
    margins = np.vstack([random_margins(100, 2), [[50.0, 0.0]]])
    figure = gate_margins(margins=margins, chosen=100)
    ring = named(figure, "chosen row")
    assert list(ring.y) == [50.0, 0.0]
    assert ring.marker.symbol == "circle-open-dot"
    assert figure.layout.yaxis.range[0] == 0
    assert figure.layout.yaxis.range[1] > 50
    assert gate_margins_sentence(margins=margins, chosen=100).endswith("The chosen row's smallest margin is 0, at bit 2.")


def test_levels_are_named_bit_1_on() -> None:
    assert gate_margins(margins=MARGINS).layout.xaxis.ticktext == ("bit 1", "bit 2")
    assert len(gate_margins(margins=random_margins(9, 16)).layout.xaxis.ticktext) == 16


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=12))
def test_sentence_says_nearer_exactly_where_the_median_is_smaller(rows: list[tuple[int, int, bool]]) -> None:
    margins, wrong = np.array([row[:2] for row in rows], dtype=float), np.array([row[2] for row in rows])
    sentence = gate_margins_sentence(margins=margins, wrong=wrong)
    least = margins.min(1)
    if wrong.all():
        assert sentence.startswith("All test rows are errors")
    elif not wrong.any():
        assert sentence.startswith("No test row is an error")
    else:
        nearer = np.median(least[wrong]) < np.median(least[~wrong])
        assert sentence.startswith("Errors lie nearer to" if nearer else "Errors lie no nearer to")
        assert sentence.endswith(f"(n = {wrong.sum()} and {(~wrong).sum()}).")


def test_sentence_where_errors_are_not_known() -> None:
    assert gate_margins_sentence(margins=MARGINS, split="training") == (
        "Half of the training rows lie within 0.300 of a gate: the median of a row's smallest margin, n = 4."
    )


def test_table_counts_and_medians() -> None:
    table = gate_margins_table(margins=MARGINS, wrong=WRONG)
    assert table["level"].tolist() == [1, 2]
    assert table["rows"].tolist() == [4, 4]
    assert table["median"].tolist() == pytest.approx([0.3, 0.65])
    assert table["lower_quartile"].tolist() == pytest.approx(np.percentile(MARGINS, 25, axis=0))
    assert table["upper_quartile"].tolist() == pytest.approx(np.percentile(MARGINS, 75, axis=0))
    assert table["wrong_rows"].tolist() == [2, 2]
    assert table["wrong_median"].tolist() == pytest.approx([0.15, 0.6])
    assert gate_margins_table(margins=MARGINS)[["wrong_rows", "wrong_median"]].isna().all(axis=None)


def test_margins_that_are_not_finite_are_left_out_and_named() -> None:
    margins = np.array([[0.2, np.nan], [0.4, np.inf], [np.nan, np.nan]])
    figure = gate_margins(margins=margins, wrong=[True, False, True], chosen=2)
    assert "no margin at bit 2" in figure.layout.title.text
    assert len(named(figure, "all test rows").x) == 1
    assert gate_margins_table(margins=margins)["rows"].tolist() == [2, 0]
    assert gate_margins_sentence(margins=margins, wrong=[True, False, True]).endswith("(n = 1 and 1).")


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
    assert gate_margins(margins=margins, wrong=wrong).layout.annotations[0].text == why
    assert gate_margins_sentence(margins=margins, wrong=wrong) == why
    assert len(gate_margins_table(margins=margins, wrong=wrong)) == margins.shape[1]


def test_margins_all_zero_are_shown() -> None:
    assert gate_margins(margins=np.zeros((3, 2))).layout.yaxis.range == (0, 1.0)


def test_input_must_fit() -> None:
    with pytest.raises(ValueError, match=r"margins must have shape \(N, K\), got \(3,\)"):
        gate_margins(margins=[1, 2, 3])
    with pytest.raises(ValueError, match=r"margins must be at least 0, got -0\.5"):
        gate_margins(margins=[[0.1, -0.5]])
    with pytest.raises(ValueError, match=r"wrong must have one entry for each of 4 rows, got shape \(1,\)"):
        gate_margins(margins=MARGINS, wrong=[True])
    with pytest.raises(ValueError, match="chosen must be a row from 0 to 3, got 4"):
        gate_margins(margins=MARGINS, chosen=4)
