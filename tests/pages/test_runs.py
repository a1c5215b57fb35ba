"""The Runs page: what its buttons do to the store, and what its table saves."""

import io
import re
from typing import Any

import pandas as pd
import pytest

from leafscope.core.store.store import Store


def every_state(shelf: Any) -> dict[str, Any]:
    """A run in each state; the newest comes first in the table."""
    runs = {
        name: shelf.small("wine", seed=seed)
        for seed, name in enumerate(("finished", "stopped", "failed", "interrupted", "running", "queued"))
    }
    shelf.finish(runs["finished"], note="example, trained at the first start")
    shelf.end(runs["stopped"], "stopped", 1)
    shelf.end(runs["failed"], "failed", 1, error="the loss became nan")
    shelf.lose(runs["interrupted"])
    shelf.start(runs["running"], 2)
    shelf.store.submit(runs["queued"])
    return runs


def rows_of(shelf: Any, *runs: Any) -> list[int]:
    order = [summary.run_id for summary in shelf.store.list_runs()]
    return [order.index(run.run_id) for run in runs]


def buttons(app: Any) -> dict[str, bool]:
    """Which buttons can be pressed."""
    return {button.label: not button.disabled for button in app.button}


def press(shelf: Any, app: Any, *labels: str) -> Any:
    for label in labels:
        shelf.button(app, label).click()
    return shelf.rerun(app)


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
def test_only_what_makes_sense_can_be_pressed(shelf: Any, choose_rows: Any, state: str, can: set[str]) -> None:
    runs = every_state(shelf)
    choose_rows(rows_of(shelf, runs[state]))
    app = shelf.look("runs")
    assert {label for label, enabled in buttons(app).items() if enabled} == can | {
        "Show curves",
        "Show leaves",
        "Compare",
        "Save",
    }
    assert "1 chosen" in shelf.said(app)


def test_stop_stops_what_is_active_among_the_chosen(shelf: Any, choose_rows: Any) -> None:
    runs = every_state(shelf)
    choose_rows(range(6))
    press(shelf, shelf.look("runs"), "Stop")
    assert shelf.store.run(runs["queued"].run_id).status == "stopped"
    assert shelf.store.run(runs["running"].run_id).stopping
    assert shelf.store.run(runs["finished"].run_id).status == "finished"


def test_resume_goes_on_with_what_has_ended(shelf: Any, choose_rows: Any) -> None:
    runs = every_state(shelf)
    choose_rows(range(6))
    press(shelf, shelf.look("runs"), "Resume")
    for name in ("stopped", "failed", "interrupted"):
        now = shelf.store.run(runs[name].run_id)
        assert (now.status, now.attempt, now.first_attempt, now.epochs_done) == ("queued", 2, 1, 1)
    assert shelf.store.run(runs["finished"].run_id).attempt == 1


def test_delete_asks_first(shelf: Any, choose_rows: Any) -> None:
    runs = every_state(shelf)
    choose_rows(rows_of(shelf, runs["finished"], runs["failed"]))
    app = press(shelf, shelf.look("runs"), "Delete")
    assert len(shelf.store.list_runs()) == 6
    said = shelf.said(app)
    assert "This cannot be undone" in said
    assert runs["finished"].label in said
    assert runs["failed"].label in said
    assert shelf.button(app, "Delete 2").key == "_delete"
    # the dialog's buttons live in the run that opened it
    shelf.button(app, "Delete").click()
    app.button(key="_delete").click()
    shelf.rerun(app)
    left = {summary.run_id for summary in shelf.store.list_runs()}
    assert left == {runs[name].run_id for name in ("stopped", "interrupted", "running", "queued")}
    assert "4 runs" in shelf.said(app)


def test_a_running_run_is_kept_and_the_rest_deleted(shelf: Any, choose_rows: Any) -> None:
    runs = every_state(shelf)
    choose_rows(rows_of(shelf, runs["running"], runs["stopped"], runs["queued"]))
    app = press(shelf, shelf.look("runs"), "Delete")
    assert "1 of these are training and will be kept" in shelf.said(app)
    shelf.button(app, "Delete").click()
    app.button(key="_delete").click()
    shelf.rerun(app)
    left = {summary.run_id for summary in shelf.store.list_runs()}
    assert runs["running"].run_id in left
    assert not left & {runs["stopped"].run_id, runs["queued"].run_id}
    assert not shelf.store.run(runs["running"].run_id).stopping


def test_deleting_the_run_shown_elsewhere_leaves_no_dangling_choice(shelf: Any, choose_rows: Any) -> None:
    run, other = shelf.small("wine", seed=1), shelf.small("wine", seed=2)
    shelf.finish(run)
    shelf.finish(other)
    choose_rows(rows_of(shelf, run))
    app = shelf.look(run=run.run_id)
    shelf.go(app, "runs")
    press(shelf, app, "Delete")
    shelf.button(app, "Delete").click()
    app.button(key="_delete").click()
    shelf.rerun(app)
    assert "run" not in app.query_params
    shelf.go(app, "leaves")
    assert not app.error
    assert "s2" in shelf.said(app)


@pytest.mark.parametrize(
    ("label", "words"), [("Show curves", "chooses its weights"), ("Show leaves", "sign patterns the data")]
)
def test_a_run_can_be_opened(shelf: Any, choose_rows: Any, label: str, words: str) -> None:
    first, second = shelf.small("wine", seed=1), shelf.small("wine", seed=2)
    shelf.finish(first)
    shelf.finish(second)
    choose_rows(rows_of(shelf, first))
    app = press(shelf, shelf.look("runs"), label)
    assert words in app.title[0].value
    assert app.query_params["run"] == first.run_id
    assert first.label in shelf.said(app)


def test_a_run_that_was_deleted_meanwhile_is_said(shelf: Any, choose_rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = every_state(shelf)
    choose_rows(rows_of(shelf, runs["queued"]))
    app = shelf.look("runs")
    real = Store.stop

    def stop(store: Store, run_id: str) -> None:
        shelf.store.delete([run_id])
        real(store, run_id)

    monkeypatch.setattr(Store, "stop", stop)
    press(shelf, app, "Stop")
    assert "no run has the address" in shelf.said(app)
    assert "5 runs" in shelf.said(app)


def test_the_export_has_every_field_and_score_of_what_is_shown(shelf: Any, downloads: dict[str, Any]) -> None:
    runs = every_state(shelf)
    shelf.look("runs")
    table = pd.read_csv(io.BytesIO(downloads["leafscope-runs.csv"]())).set_index("run_id")
    assert set(table.index) == {run.run_id for run in runs.values()}
    for summary in shelf.store.list_runs():
        row = table.loc[summary.run_id]
        assert (row["status"], row["epochs_done"], row["label"]) == (summary.status, summary.epochs_done, summary.label)
        assert (row["data.name"], row["net.depth"], row["train.lr"], row["seed"]) == ("wine", 2, 0.02, summary.config.seed)
        for which, values in (("best", summary.best), ("last", summary.last)):
            for name, value in values.items():
                assert row[f"{which}_{name}"] == pytest.approx(value, abs=0, rel=1e-15)
    shelf.look("runs", find="failed")
    found = pd.read_csv(io.BytesIO(downloads["leafscope-runs.csv"]()))
    assert found["run_id"].tolist() == [runs["failed"].run_id]


def test_names_are_text_in_the_dialog(shelf: Any, choose_rows: Any) -> None:
    from sqlalchemy import update

    from leafscope.core.store.schema import runs as table

    run = shelf.small("wine")
    shelf.finish(run)
    name = "[x](http://x.example) **b** <img src=x>"
    with shelf.store._write() as connection:
        connection.execute(update(table).where(table.c.run_id == run.run_id).values(label=name))
    choose_rows([0])
    app = press(shelf, shelf.look("runs"), "Delete")
    line = next(element.value for element in app.markdown if element.value.startswith("- "))
    assert not re.search(r"(?<!\\)[\[\]*<>]", line)
    assert "x" in line


def test_a_run_that_an_older_version_allowed_is_listed_and_can_be_deleted(shelf: Any, choose_rows: Any) -> None:
    from sqlalchemy import update

    from leafscope.core.store.schema import runs as table

    old, good = shelf.small("wine", seed=1), shelf.small("wine", seed=2)
    shelf.finish(old)
    shelf.finish(good)
    with shelf.store._write() as connection:
        connection.execute(update(table).where(table.c.run_id == old.run_id).values(config='{"net": {"depth": 99}}'))
    choose_rows(rows_of(shelf, old))
    app = shelf.look("runs")
    assert shelf.table(app, "Run", "Address")["Address"].tolist() == [good.run_id, old.run_id]
    press(shelf, app, "Delete")
    shelf.button(app, "Delete").click()
    app.button(key="_delete").click()
    shelf.rerun(app)
    assert [summary.run_id for summary in shelf.store.list_runs()] == [good.run_id]
