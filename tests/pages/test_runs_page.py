"""Runs: the table is what the store holds; names are shown as text."""

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from leafscope.core.errors import NonFiniteLossError
from tests.pages.harness import Lab, config, open_lab, param, plain, run_app, table, words


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return open_lab(tmp_path, monkeypatch)


def shown(at: AppTest) -> pd.DataFrame:
    return table(at, "Run", "Status", "Address").set_index("Address")


def rename(lab: Lab, run_id: str, name: str) -> None:
    assert lab.store.path is not None
    with sqlite3.connect(lab.store.path) as connection:
        connection.execute("update runs set label = ?, note = ? where run_id = ?", (name, name, run_id))
    connection.close()


def test_fresh_store(lab: Lab) -> None:
    at = lab.show("runs")
    assert "first start" in at.info[0].value
    assert not at.dataframe


def test_values_are_the_stores(lab: Lab) -> None:
    lab.finished(config())
    lab.finished(config(net__kind="dense", seed=1))
    lab.ended(config(seed=2), "failed", str(NonFiniteLossError(2, 1, float("nan"))), epochs=1)
    lab.store.submit(config(seed=3), note="wanted")
    at = lab.show("runs")
    rows = shown(at)
    summaries = lab.store.list_runs()
    assert rows.index.tolist() == [summary.run_id for summary in summaries]
    assert len(summaries) == 4
    for summary in summaries:
        row = rows.loc[summary.run_id]
        assert row["Run"] == summary.label
        assert row["Status"] == summary.status
        for column, field in (("Validation", "validation"), ("Test", "test"), ("Train", "train")):
            expected = summary.last.get(f"{field}_accuracy")
            if expected is None:
                assert pd.isna(row[f"{column} accuracy"])
            else:
                assert row[f"{column} accuracy"] == expected
        assert row["Time (s)"] == summary.seconds
        assert row["Width"] == summary.config.net.width
        assert row["Seed"] == summary.config.seed
        assert row["Learning rate"] == summary.config.train.lr
        assert row["Note"] == (summary.error or summary.note)
    progress = [rows.loc[config(seed=seed).run_id, "Progress"] for seed in (0, 2, 3)]
    assert progress == [1.0, 0.5, 0.0]
    assert rows.loc[config().run_id, "Depth K"] == 2
    assert pd.isna(rows.loc[config(net__kind="dense", seed=1).run_id, "Depth K"])
    for part in ("4 runs", "2 finished", "1 failed", "1 queued"):
        assert part in words(at)


def test_nothing_is_chosen_at_first(lab: Lab) -> None:
    lab.finished(config())
    at = lab.show("runs")
    for label in ("Show curves", "Show leaves", "Stop", "Resume", "Delete"):
        assert next(button for button in at.button if button.label == label).disabled


@pytest.mark.parametrize(("find", "seeds"), [("k2 FLAT", [1]), ("finished", [0, 1]), ("s2 tree", [2])])
def test_search(lab: Lab, find: str, seeds: list[int]) -> None:
    runs = [config(), config(net__kind="flat", seed=1), config(seed=2)]
    lab.finished(runs[0])
    lab.finished(runs[1])
    lab.store.submit(runs[2])
    at = lab.show("runs")
    at.text_input(key="find").set_value(find)
    run_app(at)
    assert set(shown(at).index) == {runs[seed].run_id for seed in seeds}
    assert param(at, "find") == find
    again = lab.show("runs", find=find)
    assert again.text_input(key="find").value == find
    assert shown(again).index.tolist() == shown(at).index.tolist()


def test_search_without_match_and_back(lab: Lab) -> None:
    lab.finished(config())
    at = lab.show("runs", find="**nothing** <b>")
    assert not at.dataframe
    assert at.info
    at.text_input(key="find").set_value("")
    run_app(at)
    assert len(shown(at)) == 1
    assert param(at, "find") is None


@pytest.mark.parametrize("name", ["<img src=x> ![x](http://h/i.png) **bold** $x$ :red[r] a_b `c` [d](e)"])
def test_names_are_text(lab: Lab, name: str) -> None:
    run = lab.finished(config())
    rename(lab, run.run_id, name)
    rows = shown(lab.show("runs"))
    assert rows.loc[run.run_id, "Run"] == name
    assert rows.loc[run.run_id, "Note"] == name
    for page in ("playground", "leaves"):
        at = lab.show(page, run=run.run_id)
        raw = [str(element.value) for kind in ("markdown", "caption", "info", "warning") for element in at.get(kind)]
        holding = [text for text in raw if name in plain(text)]
        assert holding
        assert not any(name in text for text in holding), "written without escapes"


def test_active_runs_are_shown(lab: Lab) -> None:
    claim = lab.running(config(), epochs=1)
    rows = shown(lab.show("runs"))
    assert rows.loc[claim.run_id, "Status"] == "training"
    assert rows.loc[claim.run_id, "Progress"] == 0.5
