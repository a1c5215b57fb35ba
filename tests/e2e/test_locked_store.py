"""A database that another process holds locked: pages stay readable, say it until it is over, and no run is lost."""

import sqlite3
from typing import Any

from leafscope.app.navigation import DEFAULT, PAGES
from leafscope.core.config import RunConfig, changed
from tests.e2e.harness import App, until
from tests.e2e.session import opened

LONG = changed(RunConfig(), {"train.epochs": 5000, "seed": 77})


def test_pages_are_read_and_the_run_goes_on(app: App, window: Any) -> None:
    page = window.page
    app.store.submit(LONG)
    until(lambda: app.store.run(LONG.run_id).epochs_done >= 3, "3 epochs")
    other = sqlite3.connect(app.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        done = app.store.run(LONG.run_id).epochs_done
        page.goto(f"{app.url}/?run={LONG.run_id}")
        page.locator(".scene-epoch, [data-testid=stMain] svg").first.wait_for()

        def is_said() -> bool:
            page.goto(f"{app.url}/runs")
            page.get_by_test_id("stDataFrame").first.wait_for()
            return bool(page.get_by_text("Nothing can be saved at the moment").count())

        until(is_said, "the banner")
        for one in PAGES:  # without a browser, which takes ten times as long
            with opened(app, "" if one is DEFAULT else one.name) as session:
                assert any("Nothing can be saved at the moment" in said for said in session.alerts), one.name
        assert app.store.run(LONG.run_id).epochs_done == done
        assert app.store.run(LONG.run_id).status == "running"
    finally:
        other.execute("COMMIT")
        other.close()
    page.get_by_text("Nothing can be saved at the moment").first.wait_for(state="detached")
    until(lambda: app.store.run(LONG.run_id).epochs_done > done, "going on")
    assert app.store.run(LONG.run_id).status == "running"
    app.store.stop(LONG.run_id)
    until(lambda: app.store.run(LONG.run_id).status == "stopped", "stopped")
    assert app.store.recorded_epochs(LONG.run_id).tolist() == list(range(app.store.run(LONG.run_id).epochs_done + 1))
    assert not app.store.history(LONG.run_id).duplicated(["epoch", "split", "metric"]).any()
