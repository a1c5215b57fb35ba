"""Runs: the table is what the store holds, buttons do to the store what they say, and names are shown as text."""

import io
import math
import re
import sqlite3
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from leafscope.app import always
from leafscope.app.runs import space
from leafscope.app.runs.space import NEWEST
from leafscope.app.theme import byte_size, percent
from leafscope.core.config import changed
from leafscope.core.datasets import load
from leafscope.core.errors import NonFiniteLossError
from leafscope.core.store.schema import runs as table
from leafscope.core.store.space import SpaceUse
from leafscope.core.store.store import Store
from tests.pages.harness import (
    WILD,
    Lab,
    button,
    diverge,
    go,
    open_page,
    param,
    plain,
    press,
    run_app,
    small,
    table_with,
    trained,
    words,
)


def shown(at: AppTest) -> pd.DataFrame:
    return table_with(at, "Run", "Status", "Address").set_index("Address")


def rename(lab: Lab, run_id: str, name: str) -> None:
    assert lab.store.path is not None
    with sqlite3.connect(lab.store.path) as connection:
        connection.execute("update runs set label = ?, note = ? where run_id = ?", (name, name, run_id))
    connection.close()


def every_state(lab: Lab) -> dict[str, Any]:
    """A run in each state; the newest comes first in the table."""
    runs = {
        name: small(seed=seed)
        for seed, name in enumerate(("finished", "stopped", "failed", "interrupted", "running", "queued"))
    }
    lab.finish(runs["finished"], note="trained by a script")
    lab.end(runs["stopped"], "stopped", 1)
    lab.end(runs["failed"], "failed", 1, error="the loss became nan")
    lab.lose(runs["interrupted"])
    lab.start(runs["running"], 2)
    lab.store.submit(runs["queued"])
    return runs


def rows_of(lab: Lab, *runs: Any) -> list[int]:
    order = [summary.run_id for summary in lab.store.list_runs()]
    return [order.index(run.run_id) for run in runs]


def buttons(at: Any) -> dict[str, bool]:
    """Which buttons can be pressed."""
    return {button.label: not button.disabled for button in at.button}


# The table


def test_emptied_store(lab: Lab) -> None:
    at = open_page("runs")
    assert "There are no runs" in at.info[0].value
    assert not at.dataframe


def test_values_are_the_stores(lab: Lab) -> None:
    lab.finish(small())
    dense = lab.finish(small(kind="dense", seed=1))
    lab.end(small(seed=2), "failed", error=str(NonFiniteLossError(2, 1, float("nan"))))
    lab.start(small(seed=3), 1)
    lab.store.submit(small(seed=4), note="wanted")
    at = open_page("runs")
    rows = shown(at)
    summaries = lab.store.list_runs()
    assert rows.index.tolist() == [summary.run_id for summary in summaries]
    assert len(summaries) == 5
    for summary in summaries:
        row = rows.loc[summary.run_id]
        assert row["Run"] == summary.label
        assert row["Status"] == ("training" if summary.status == "running" else summary.status)
        for column, field in (("Validation", "validation"), ("Test", "test"), ("Train", "train")):
            expected = summary.last.get(f"{field}_accuracy")
            if expected is None:
                assert pd.isna(row[f"{column} accuracy"])
            else:
                assert row[f"{column} accuracy"] == pytest.approx(100 * expected)
        data = load(summary.config.data, summary.config.seed)
        expected = data.chance["accuracy"] if summary.last else math.nan
        assert row["Always the commonest"] == pytest.approx(100 * expected, nan_ok=True)
        expected = summary.last.get("test_balanced_accuracy", math.nan)
        assert row["Test balanced accuracy"] == pytest.approx(100 * expected, nan_ok=True)
        assert row["Time (s)"] == summary.seconds
        assert row["Width"] == summary.config.net.width
        assert row["Seed"] == summary.config.seed
        assert row["Learning rate"] == summary.config.train.lr
        assert row["Note"] == (summary.error or always.judged(summary) or summary.note)
    progress = [rows.loc[small(seed=seed).run_id, "Progress"] for seed in (0, 2, 3, 4)]
    assert progress == pytest.approx([1.0, 1 / 3, 1 / 3, 0.0])
    assert rows.loc[small().run_id, "Depth K"] == 2
    assert rows.loc[dense.run_id, ["Depth K", "Gates"]].isna().all()
    for part in ("5 runs", "2 finished", "1 failed", "1 queued"):
        assert part in words(at)
    for label in ("Show curves", "Show leaves", "Stop", "Resume", "Delete"):  # nothing is chosen at first
        assert button(at, label).disabled


def test_table_shows_only_what_a_model_uses(lab: Lab) -> None:
    run = small(name="breast_cancer", kind="decision_tree", depth=3)
    lab.store.submit(run)
    row = shown(open_page("runs")).loc[run.run_id]
    assert row[["Data", "Weights", "Depth K"]].tolist() == ["breast cancer", "decision tree", 3]
    assert row[["Width", "Gates", "Learning rate"]].isna().all()


def test_search(lab: Lab) -> None:
    runs = [lab.finish(small()), lab.finish(small(kind="flat", seed=1)), small(seed=2)]
    lab.store.submit(runs[2])
    at = open_page("runs")
    for find, seeds in (("k2 FLAT", [1]), ("finished", [0, 1]), ("s2 tree", [2])):
        at.text_input(key="find").set_value(find)
        run_app(at)
        assert set(shown(at).index) == {runs[seed].run_id for seed in seeds}
        assert param(at, "find") == find
        again = open_page("runs", find=find)
        assert again.text_input(key="find").value == find
        assert shown(again).index.tolist() == shown(at).index.tolist()
    at = open_page("runs", find='**nothing** "<b>"')
    assert not at.dataframe
    assert at.info
    at.text_input(key="find").set_value("kind=flat seed>=1")
    run_app(at)
    assert shown(at).index.tolist() == [runs[1].run_id]
    at.text_input(key="find").set_value("flat depth=x")
    run_app(at)
    assert "character 12" in at.error[0].value
    assert at.code[0].value.splitlines()[1].index("^") == 11
    assert len(shown(at)) == 3
    at.text_input(key="find").set_value("")
    run_app(at)
    assert len(shown(at)) == 3
    assert param(at, "find") is None


def test_names_are_text(lab: Lab) -> None:
    name = "<img src=x> ![x](http://h/i.png) **bold** $x$ :red[r] a_b `c` [d](e)"
    run = lab.finish(small())
    rename(lab, run.run_id, name)
    rows = shown(open_page("runs"))
    assert rows.loc[run.run_id, "Run"] == name
    assert rows.loc[run.run_id, "Note"] == name
    for page in ("playground", "leaves"):
        at = open_page(page, run=run.run_id)
        raw = [str(element.value) for kind in ("markdown", "caption", "info", "warning") for element in at.get(kind)]
        holding = [text for text in raw if name in plain(text)]
        assert holding
        assert not any(name in text for text in holding), "written without escapes"


# Its buttons


@pytest.mark.parametrize(
    ("state", "can"),
    [
        ("finished", {"Delete"}),
        ("stopped", {"Resume", "Delete"}),
        ("failed", {"Resume", "Delete"}),
        ("interrupted", {"Resume", "Delete"}),
        ("running", {"Stop", "Delete"}),
        ("queued", {"Stop", "Delete"}),
    ],
)
def test_only_what_makes_sense_can_be_pressed(lab: Lab, choose_rows: Any, state: str, can: set[str]) -> None:
    runs = every_state(lab)
    choose_rows(rows_of(lab, runs[state]))
    at = open_page("runs")
    assert {label for label, enabled in buttons(at).items() if enabled} == can | {
        "Show curves",
        "Show leaves",
        "Compare",
        "Save",
    }
    assert "1 chosen" in words(at)


def test_stop_stops_what_is_active_among_the_chosen(lab: Lab, choose_rows: Any) -> None:
    runs = every_state(lab)
    choose_rows(range(6))
    press(open_page("runs"), "Stop")
    assert lab.store.run(runs["queued"].run_id).status == "stopped"
    assert lab.store.run(runs["running"].run_id).stopping
    assert lab.store.run(runs["finished"].run_id).status == "finished"


def test_resume_goes_on_with_what_has_ended(lab: Lab, choose_rows: Any) -> None:
    runs = every_state(lab)
    choose_rows(range(6))
    press(open_page("runs"), "Resume")
    for name in ("stopped", "failed", "interrupted"):
        now = lab.store.run(runs[name].run_id)
        assert (now.status, now.attempt, now.first_attempt, now.epochs_done) == ("queued", 2, 1, 1)
    assert lab.store.run(runs["finished"].run_id).attempt == 1


def test_a_run_that_diverged_is_trained_with_a_lower_rate_instead_of_resumed(lab: Lab, choose_rows: Any) -> None:
    diverge(lab, WILD)
    choose_rows([0])
    at = open_page("runs")
    assert buttons(at)["Resume"] is False
    press(at, "_slower")
    now = lab.store.run(changed(WILD, {"train.lr": 1.0}).run_id)
    assert (now.status, now.attempt) == ("queued", 1)
    assert param(at, "run") == now.run_id  # on the Playground
    assert at.number_input(key="lr").value == 1.0
    assert "queued" in words(at)


def test_several_that_diverged_are_trained_with_a_lower_rate(lab: Lab, choose_rows: Any) -> None:
    other = changed(WILD, {"seed": 5})
    for run in (WILD, other):
        diverge(lab, run)
    stopped = lab.end(small(), "stopped")
    choose_rows(range(3))
    at = press(open_page("runs"), "_slower")
    assert "All runs" in [title.value for title in at.title]
    assert {lab.store.run(changed(run, {"train.lr": 1.0}).run_id).status for run in (WILD, other)} == {"queued"}
    press(open_page("runs"), "Resume")
    assert lab.store.run(stopped.run_id).status == "queued"
    assert lab.store.run(WILD.run_id).status == "failed"


def test_delete_asks_first(lab: Lab, choose_rows: Any) -> None:
    runs = every_state(lab)
    choose_rows(rows_of(lab, runs["finished"], runs["failed"]))
    at = press(open_page("runs"), "Delete")
    assert len(lab.store.list_runs()) == 6
    said = words(at)
    assert "This cannot be undone" in said
    assert runs["finished"].label in said
    assert runs["failed"].label in said
    assert button(at, "Delete 2").key == "_delete"
    # the dialog's buttons live in the run that opened it
    press(at, "Delete", "_delete")
    left = {summary.run_id for summary in lab.store.list_runs()}
    assert left == {runs[name].run_id for name in ("stopped", "interrupted", "running", "queued")}
    assert "4 runs" in words(at)


def test_a_running_run_is_kept_and_the_rest_deleted(lab: Lab, choose_rows: Any) -> None:
    runs = every_state(lab)
    choose_rows(rows_of(lab, runs["running"], runs["stopped"], runs["queued"]))
    at = press(open_page("runs"), "Delete")
    assert "1 of these are training and will be kept" in words(at)
    press(at, "Delete", "_delete")
    left = {summary.run_id for summary in lab.store.list_runs()}
    assert runs["running"].run_id in left
    assert not left & {runs["stopped"].run_id, runs["queued"].run_id}
    assert not lab.store.run(runs["running"].run_id).stopping


def test_deleting_the_run_shown_elsewhere_leaves_no_dangling_choice(lab: Lab, choose_rows: Any) -> None:
    run, other = small(seed=1), small(seed=2)
    lab.finish(run)
    lab.finish(other)
    choose_rows(rows_of(lab, run))
    at = open_page(run=run.run_id)
    go(at, "runs")
    press(at, "Delete")
    press(at, "Delete", "_delete")
    assert "run" not in at.query_params
    go(at, "leaves")
    assert not at.error
    assert "s2" in words(at)


@pytest.mark.parametrize(
    ("label", "title"), [("Show curves", "chooses its weights"), ("Show leaves", "sign patterns the data")]
)
def test_a_run_can_be_opened(lab: Lab, choose_rows: Any, label: str, title: str) -> None:
    first, second = small(seed=1), small(seed=2)
    lab.finish(first)
    lab.finish(second)
    choose_rows(rows_of(lab, first))
    at = press(open_page("runs"), label)
    assert title in at.title[0].value
    assert at.query_params["run"] == first.run_id
    assert first.label in words(at)


def test_a_run_that_was_deleted_meanwhile_is_said(lab: Lab, choose_rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = every_state(lab)
    choose_rows(rows_of(lab, runs["queued"]))
    at = open_page("runs")
    real = Store.stop

    def stop(store: Store, run_id: str) -> None:
        lab.store.delete([run_id])
        real(store, run_id)

    monkeypatch.setattr(Store, "stop", stop)
    press(at, "Stop")
    assert "no run has the address" in words(at)
    assert "5 runs" in words(at)


def test_the_export_has_every_field_and_score_of_what_is_shown(lab: Lab, downloads: dict[str, Any]) -> None:
    runs = every_state(lab)
    open_page("runs")
    table = pd.read_csv(io.BytesIO(downloads["leafscope-runs.csv"]())).set_index("run_id")
    assert set(table.index) == {run.run_id for run in runs.values()}
    for summary in lab.store.list_runs():
        row = table.loc[summary.run_id]
        assert (row["status"], row["epochs_done"], row["label"]) == (summary.status, summary.epochs_done, summary.label)
        assert (row["data.name"], row["net.depth"], row["train.lr"], row["seed"]) == ("wine", 2, 0.02, summary.config.seed)
        for which, values in (("best", summary.best), ("last", summary.last)):
            for name, value in values.items():
                assert row[f"{which}_{name}"] == pytest.approx(value, abs=0, rel=1e-15)
    open_page("runs", find="failed")
    found = pd.read_csv(io.BytesIO(downloads["leafscope-runs.csv"]()))
    assert found["run_id"].tolist() == [runs["failed"].run_id]


def test_names_are_text_in_the_dialog(lab: Lab, choose_rows: Any) -> None:
    run = lab.finish(small())
    name = "[x](http://x.example) **b** <img src=x>"
    with lab.store._write() as connection:
        connection.execute(update(table).where(table.c.run_id == run.run_id).values(label=name))
    choose_rows([0])
    at = press(open_page("runs"), "Delete")
    line = next(element.value for element in at.markdown if element.value.startswith("- "))
    assert not re.search(r"(?<!\\)[\[\]*<>]", line)
    assert "x" in line


def test_a_run_that_an_older_version_allowed_is_listed_and_can_be_deleted(lab: Lab, choose_rows: Any) -> None:
    old, good = small(seed=1), small(seed=2)
    lab.finish(old)
    lab.finish(good)
    with lab.store._write() as connection:
        connection.execute(update(table).where(table.c.run_id == old.run_id).values(config='{"net": {"depth": 99}}'))
    choose_rows(rows_of(lab, old))
    at = open_page("runs")
    assert table_with(at, "Run", "Address")["Address"].tolist() == [good.run_id, old.run_id]
    press(at, "Delete")
    press(at, "Delete", "_delete")
    assert [summary.run_id for summary in lab.store.list_runs()] == [good.run_id]


def test_csv_has_what_people_wrote_and_no_formula(lab: Lab, downloads: dict[str, Any]) -> None:
    run = lab.finish(small("wine"))
    lab.store.annotate(run.run_id, name="=cmd|'/C calc'!A0", comment="@SUM(A1)", tags=["+1+1", "seminar"])
    open_page("runs")
    table = pd.read_csv(io.BytesIO(downloads["leafscope-runs.csv"]())).set_index("run_id").loc[run.run_id]
    assert table[["name", "comment", "tags"]].tolist() == ["'=cmd|'/C calc'!A0", "'@SUM(A1)", "'+1+1, seminar"]
    assert table["data.name"] == "wine"


DAMAGED = [
    ("created", 1e308),
    ("created", -1.0),
    ("created", "soon"),
    ("finished", 1e308),
    ("started", "x"),
    ("status", "lost"),
    ("attempt", 2**62),
    ("first_attempt", -1),
    ("epochs_done", "many"),
    ("epochs_total", 0),
    ("epochs_total", 2**62),
    ("seconds", 1e308),
    ("seconds_before", "x"),
    ("summary", "{"),
    ("summary", "[]"),
    ("summary", '{"last": {"train_loss": "x"}}'),
    ("summary", '{"best_epoch": -1, "best": 3}'),
    ("summary", '{"facts": []}'),
    ("summary", b"\xff\xfe"),
    ("error", b"\xff\xfe"),
    ("device", 3),
    ("runs.config", "{"),
    ("runs.config", "[1]"),
    ("runs.label", b"\xff"),
    ("runs.note", 3),
    ("annotations.tags", '["\\ud800"]'),
    ("annotations.tags", "{"),
    ("annotations.name", b"\xff"),
]
ELSEWHERE = [("created", 1e308), ("status", "lost"), ("summary", "{"), ("runs.config", "{")]


@pytest.mark.parametrize(
    ("page", "column", "value"),
    [
        *(("runs", *one) for one in DAMAGED),
        *((page, *one) for page in ("playground", "leaves", "balance", "compare", "overfitting") for one in ELSEWHERE),
    ],
)
def test_a_damaged_row_disables_no_page_and_can_be_deleted(
    lab: Lab, downloads: dict[str, Any], page: str, column: str, value: object
) -> None:
    good, bad = lab.finish(small("wine")), lab.finish(small("iris"))
    lab.store.annotate(bad.run_id, name="a", tags=["t"])
    where, _, name = column.rpartition(".")
    connection = sqlite3.connect(str(lab.store.path))
    with connection:
        connection.execute(f"UPDATE {where or 'attempts'} SET {name} = ? WHERE run_id = ?", (value, bad.run_id))
    connection.close()
    at = open_page(page, **({"run": bad.run_id} if page in ("playground", "leaves", "balance") else {}))
    assert not at.exception
    if page == "runs":
        assert set(shown(at).index) == {good.run_id, bad.run_id}
        assert good.run_id in downloads["leafscope-runs.csv"]().decode()
        lab.store.delete(bad.run_id)
        run_app(at)
        assert set(shown(at).index) == {good.run_id}


# Space


def with_snapshots(lab: Lab, *runs: Any) -> None:
    """Keep a megabyte of each run's training."""
    for run in runs:
        claim = lab.claim(run)
        lab.store.end(claim, "finished", None, trained(run).records, {"weights-00000": bytes(2**20), "net": trained(run).net})


def test_it_says_what_takes_the_space_and_frees_that_of_the_chosen(lab: Lab, choose_rows: Any) -> None:
    runs = [small(seed=seed) for seed in range(3)]
    with_snapshots(lab, *runs)
    choose_rows(rows_of(lab, *runs[:2]))
    at = open_page("runs")
    total = lab.store.space().total
    assert total is not None
    said = f"The database takes {byte_size(total)}, of which 3.00 MiB to replay the training of 3 runs"
    assert f"{said} ({percent(3 * 2**20 / total)})." in words(at)

    press(at, "Free space")
    assert lab.store.space().replays == 3
    assert "cannot be undone" in words(at)
    press(at, "Free space", "_free")
    assert "2.00 MiB freed." in words(at)
    assert "1.00 MiB to replay the training of 1 run" in words(at)
    assert list(lab.store.snapshots(runs[2].run_id, "weights")) == [0]
    assert len(lab.store.list_runs()) == 3
    now = lab.store.space().total
    assert now is not None
    assert now < total - 1.9 * 2**20


def test_the_newest_keep_their_replays(lab: Lab) -> None:
    runs = [small(seed=seed) for seed in range(NEWEST + 2)]
    with_snapshots(lab, *runs)
    at = press(open_page("runs"), "Free space")
    press(at, "Free space", "_free")
    kept = [run.run_id for run in runs if lab.store.snapshots(run.run_id, "weights")]
    assert kept == [run.run_id for run in runs[2:]]


def test_with_few_runs_and_none_chosen_nothing_is_offered(lab: Lab) -> None:
    lab.finish(small())
    assert button(open_page("runs"), "Free space").disabled
    with_snapshots(lab, small(seed=1))
    at = press(open_page("runs"), "Free space")
    assert "Choose runs in the table" in words(at)
    assert button(at, "Delete replays").disabled


def test_what_keeps_the_database_from_shrinking_is_said() -> None:
    use = SpaceUse(10 * 2**20, 5 * 2**20, 1, "Deleting does not make it smaller.")
    assert space.words(use).endswith(
        r"of which 5.00 MiB to replay the training of 1 run (50.0 %). Deleting does not make it smaller\."
    )
    assert space.words(SpaceUse(None, 0, 0, None)) == "The database keeps 0 B to replay the training of 0 runs."


def test_several_workers_are_listed_with_what_each_does(lab: Lab) -> None:
    lab.start(small(), 1)
    lab.store.set_worker("one", "ready", "cpu", 7)
    assert "workers" not in words(open_page("runs"))  # the one that the app brings is in the sidebar
    lab.store.set_worker("two", "starting", "cuda:1", 8)
    at = open_page("runs")
    assert [one.label for one in at.expander if "worker" in one.label] == ["2 workers on 1 machine"]
    shown = table_with(at, "Machine", "Device", "Does")
    assert shown[["Device", "Does", "Process"]].values.tolist() == [["cpu", "waits for runs", 7], ["cuda:1", "starts", 8]]
