from itertools import pairwise

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.split_icicles import SplitIcicles
from leafscope.app.theme import Look
from leafscope.core.usage.change import divergence

COUNTS = {"train": np.array([6, 0, 3, 1]), "validation": np.array([1, 1, 1, 1]), "test": np.array([0, 5, 0, 0])}


def test_three_icicles_stand_side_by_side_at_equal_width_and_height() -> None:
    figure = SplitIcicles(COUNTS, depth=2).figure()
    icicles = [trace for trace in figure.data if trace.type == "icicle"]
    assert [trace.name for trace in icicles] == ["training", "validation", "test"]
    spans = [trace.domain.x for trace in icicles]
    assert np.ptp([right - left for left, right in spans]) < 1e-9
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    assert spans[0][0] == 0
    assert spans[-1][1] == pytest.approx(1)
    assert {trace.domain.y for trace in icicles} == {(0, 1)}


def test_headings_stand_centred_above_each() -> None:
    figure = SplitIcicles(COUNTS, depth=2).figure()
    headings = figure.layout.annotations
    assert [note.text for note in headings] == ["10 training rows", "4 validation rows", "5 test rows"]
    assert [note.x for note in headings] == pytest.approx([sum(trace.domain.x) / 2 for trace in figure.data[:3]])
    assert {note.xanchor for note in headings} == {"center"}


def test_colours_are_shares_of_each_split_on_one_scale() -> None:
    figure = SplitIcicles(COUNTS, depth=2).figure()
    assert figure.layout.coloraxis.cmax == 1
    shares = (1, 0.6, 0.4, 0.6, 0, 0.3, 0.1)
    assert list(figure.data[0].marker.colors) == [theme.share_colour(share) for share in shares]
    assert figure.data[2].marker.colors[4] == theme.share_colour(1)


def test_prefixes_without_a_row_of_the_split_are_hatched() -> None:
    figure = SplitIcicles(COUNTS, depth=2).figure()
    assert list(figure.data[0].marker.pattern.shape) == ["", "", "", "", "/", "", ""]
    assert set(figure.data[1].marker.pattern.shape) == {""}
    assert list(figure.data[2].marker.pattern.shape) == ["", "", "/", "/", "", "/", "/"]
    assert "hatched" in figure.layout.title.text
    assert "hatched" not in SplitIcicles({"test": [1, 1]}, depth=1).figure().layout.title.text


def test_levels_stop_at_the_limit() -> None:
    counts = {"train": np.arange(16), "test": np.ones(16)}
    figure = SplitIcicles(counts, depth=4, max_levels=2).figure()
    assert [list(trace.ids) for trace in figure.data[:2]] == [[f"n{node}" for node in range(7)]] * 2
    assert list(figure.data[0]["values"]) == [4, 2, 2, 1, 1, 1, 1]
    assert "levels 0 to 2 of 4" in figure.layout.title.text


def test_a_split_without_rows_is_all_hatched() -> None:
    figure = SplitIcicles({"train": [1, 2], "test": [0, 0]}, depth=1).figure()
    assert list(figure.data[1].marker.pattern.shape) == ["/"] * 3
    assert figure.layout.annotations[1].text == "0 test rows"
    assert np.isnan(SplitIcicles({"train": [1, 2], "test": [0, 0]}, depth=1).table()["test_share"]).all()
    empty = SplitIcicles({"train": [0, 0], "test": [0, 0]}, depth=1).figure()
    assert empty.layout.annotations[0].text == "No split has a row, so no prefix is reached."


def test_narrow_pieces_show_their_last_bit_or_nothing() -> None:
    counts = dict.fromkeys(COUNTS, np.ones(32))
    texts = list(SplitIcicles(counts, depth=5).figure(look=Look(projector=True)).data[0].text)
    assert texts[:3] == ["root", "0", "1"]
    assert texts[7:9] == ["0", "1"]
    assert set(texts[31:]) == {""}


def test_hover_says_what_share_of_the_split() -> None:
    assert SplitIcicles(COUNTS, depth=2).figure().data[0].hovertext[3] == (
        "leaf 0 0<br>6 training rows, 60.0 %<br>relative load 2.40"
    )


def test_depth_zero_is_one_piece() -> None:
    assert list(SplitIcicles({"train": [3], "test": [2]}, depth=0).figure().data[0].ids) == ["n0"]


def test_sentence() -> None:
    found = theme.three_significant(divergence(COUNTS["train"], COUNTS["test"]))
    assert f"differ by {found} nats" in SplitIcicles(COUNTS, 2).sentence()
    for alone in ({"train": [1, 2], "test": [0, 0]}, {"train": [1, 2]}):
        assert SplitIcicles(alone, 1).sentence().startswith("Train and test loads cannot be compared")


def test_table_lists_every_split_beside_the_node() -> None:
    table = SplitIcicles(COUNTS, depth=2).table()
    assert table["node"].tolist() == list(range(7))
    assert table["prefix"].tolist() == ["root", "0", "1", "0 0", "0 1", "1 0", "1 1"]
    assert table["level"].tolist() == [0, 1, 1, 2, 2, 2, 2]
    assert table["train_rows"].tolist() == [10, 6, 4, 6, 0, 3, 1]
    assert table["test_share"].tolist() == [1, 1, 0, 0, 1, 0, 0]
    assert list(table.columns)[3:] == [f"{split}_{name}" for split in COUNTS for name in ("rows", "share")]


def test_input_must_fit() -> None:
    with pytest.raises(ValueError, match=r"counts of test must have 2\^depth = 4 entries, got shape \(2,\)"):
        SplitIcicles({"train": [1, 1, 1, 1], "test": [1, 1]}, depth=2)
    with pytest.raises(ValueError, match="counts must hold splits of test, validation, train, got holdout"):
        SplitIcicles({"holdout": [1, 1]}, depth=1)
    with pytest.raises(ValueError, match="got none"):
        SplitIcicles({}, depth=1)
