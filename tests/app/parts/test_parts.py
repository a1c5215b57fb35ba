"""What pages share: names shown as text, and the words for every state."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app.parts import drawing, run_picker, sidebar
from leafscope.core.config import RunConfig
from leafscope.core.jobs import WorkerStatus
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import Ending
from leafscope.core.store.values.summaries import RunSummary
from tests.pages.harness import capture_downloads

STATES = {"queued", "running", *get_args(Ending)}
NASTY = "![x](http://h/i.png) <b>bold</b> $x$ :red[r]\nnext"


@pytest.fixture
def summary(tmp_path: Path) -> RunSummary:
    store = Store(tmp_path / "widgets.db")
    return store.run(store.submit(RunConfig(), note="example").run_id)


def test_every_state_has_a_word_and_an_icon() -> None:
    assert set(run_picker.STATUS_WORDS) == set(run_picker.STATUS_ICONS) == STATES
    assert set(sidebar.WORKER_WORDS) == set(get_args(WorkerStatus.__dataclass_fields__["state"].type))


@pytest.mark.parametrize("status", sorted(STATES))
def test_a_run_is_named_with_its_state_unless_finished(summary: RunSummary, status: str) -> None:
    words = run_picker.run_words(replace(summary, status=status))
    assert words == summary.label + ("" if status == "finished" else f" ({run_picker.STATUS_WORDS[status]})")


def test_a_name_in_the_picker_stays_on_one_short_line(summary: RunSummary) -> None:
    words = run_picker.run_words(replace(summary, label="x\n" * 100))
    assert "\n" not in words
    assert len(words) <= 60 + len(" (queued)")


def test_names_and_notes_are_text_in_the_status_line(summary: RunSummary) -> None:
    line = sidebar.status_line(replace(summary, label=NASTY, note=NASTY))
    for markup in ("![", "](", "<b>", "$x$", ":red[", "\n"):
        assert markup not in line
    assert line.count("bold") == 2
    assert line.startswith(":material/schedule: **")


def test_without_a_note_there_are_no_empty_brackets(summary: RunSummary) -> None:
    assert sidebar.status_line(replace(summary, note="")).endswith("** queued")
    assert sidebar.status_line(summary).endswith("** queued (example)")


@pytest.mark.parametrize(("key", "name"), [("class_mix", "class_mix"), ("a b/c:é..", "a-b-c-é-"), ("../x", "-x")])
def test_a_file_name_has_no_path_in_it(key: str, name: str) -> None:
    assert drawing._file_name(key) == name


def draw_figure() -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from leafscope.app.parts import drawing

    table = st.session_state["table"]
    drawing.figure(
        lambda look: go.Figure(go.Bar(y=[1, 2])), key="loads", sentence="2 *of* 4", caption="n = 4 [a](b)", table=table
    )


def test_a_figure_comes_with_its_sentence_caption_and_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = capture_downloads(monkeypatch)
    app = AppTest.from_function(draw_figure)
    table = pd.DataFrame({"leaf": [0, 1], "share": [0.1 + 0.2, 1e-300]})
    app.session_state["table"] = table
    app.run()
    assert not app.exception
    assert app.markdown[0].value == r"2 \*of\* 4"
    assert app.caption[0].value == "n\xa0\\=\xa04 \\[a\\]\\(b\\)"  # stays on one line
    pd.testing.assert_frame_equal(app.dataframe[0].value, table)
    assert saved["loads.csv"]() == b"leaf,share\n0,0.30000000000000004\n1,1e-300\n"
    (chart,) = app.get("plotly_chart")
    assert chart.proto.alt == "2 *of* 4"
    assert go.Figure(data=[{"type": "bar", "y": [1, 2]}]).data[0].type in chart.proto.spec
