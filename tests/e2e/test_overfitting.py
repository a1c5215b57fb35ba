"""Overfitting as a person uses it: a sweep is stopped, loses its worker, is resumed and read."""

import re
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import expect

from leafscope.core import jobs
from leafscope.core.comparison.statistics import by_depth
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import Watch, saved_file


def lines_of(page: Any, title: str) -> list[dict[str, Any]]:
    """The traces of the figure whose title begins so, as the browser draws them."""
    found: list[dict[str, Any]] = page.evaluate(
        """title => {
            const plot = [...document.querySelectorAll('.js-plotly-plot')]
                .find(one => (one.layout?.title?.text ?? '').startsWith(title));
            return plot ? plot._fullData.map(t => ({name: t.name ?? null, x: Array.from(t.x ?? []), y: Array.from(t.y ?? []),
                                               axis: t.yaxis ?? 'y', mode: t.mode ?? ''})) : [];
        }""",
        title,
    )
    return found


def line(page: Any, model: str, axis: str) -> list[float]:
    """The percentages that are drawn of a model, in the test panel (y) or the training panel (y2), by depth."""
    drawn = [
        trace
        for trace in lines_of(page, "Test and training error against depth")
        if trace["axis"] == axis and "markers" in trace["mode"] and trace["name"] == model
    ]
    assert len(drawn) == 1, [(trace["name"], trace["axis"], trace["mode"]) for trace in drawn]
    return [float(value) for value in drawn[0]["y"]]


def test_a_sweep_is_stopped_loses_its_worker_is_resumed_and_read(app: App, window: Visit) -> None:
    page = window.page
    page.goto(
        f"{app.url}/overfitting?sweep_depths=0-3&sweep_seeds=0-2&sweep_epochs=60&sweep_rates=0.03&sweep_report=&sweep_trials="
    )
    page.get_by_text(re.compile(r"\d+ runs.*: about [\d.]+ s")).first.wait_for()
    results_so_far = Watch(page, r"\b([1-9]\d*) of \d+ members have a result")
    page.get_by_role("button", name="Train", exact=True).click()

    # points fill in
    until(results_so_far.seen, "members that have a result")
    page.get_by_text("Test error so far").first.wait_for()
    (sweep,) = (info for info in app.store.sweeps() if not info.shipped)
    assert (sweep.config.axes["net.depth"], sweep.config.axes["seed"]) == ([0, 1, 2, 3], [0, 1, 2])

    def progress() -> jobs.SweepProgress:
        return jobs.sweep_progress(sweep.sweep_id, store=app.store)

    # stop, and nothing trains or waits any more; what is finished stays
    page.get_by_role("button", name="Stop").click()
    until(lambda: not progress().active, "the sweep stopped")
    page.get_by_role("button", name="Resume").wait_for()
    stopped = progress()
    assert 0 < stopped.finished < stopped.total
    page.get_by_text(re.compile(r"members have no result")).first.wait_for()

    # the worker dies: another one takes the rest, and tries once more what this one was training
    left = Watch(page, r"\d+ of \d+ runs, about (.+?) left")
    page.get_by_role("button", name="Resume").click()
    until(lambda: progress().running, "runs that are trained")
    app.worker().kill()

    # reload in the middle: the same address shows the same sweep
    until(left.seen, "the time left")
    address = page.url
    assert f"sweep={sweep.sweep_id}" in address
    page.goto("about:blank")
    page.goto(address)
    until(lambda: progress().complete, "every run has an outcome")
    assert progress().failed == 0
    page.get_by_role("heading", name="Where does the tree help?").wait_for()
    page.get_by_text("chosen on validation", exact=False).first.wait_for()
    expect(page.get_by_text("the worker died")).to_have_count(0)

    # what is drawn is what the store has
    results = jobs.sweep_results(sweep.sweep_id, store=app.store)
    assert (results["status"] == "finished").all()
    until(lambda: lines_of(page, "Test and training error against depth"), "the curves")
    for split, axis in (("test", "y"), ("train", "y2")):
        curves = by_depth(results, "best", split, "error")
        for model in ("tree", "flat"):
            means = curves[(curves["model"] == model) & (curves["variant"] == "")].sort_values("depth")["mean"]
            assert line(page, model, axis) == pytest.approx([100 * mean for mean in means], abs=1e-9), (model, split)

    # tree, flat and dense are one at depth 0, for each seed to the last bit
    shallow = results[results["depth"].isna() | (results["depth"] == 0)].set_index(["model", "seed"])
    for seed in range(3):
        for score in ("best_test_loss", "best_train_loss", "last_test_accuracy"):
            assert shallow.loc[("tree", seed), score] == shallow.loc[("flat", seed), score]
            assert shallow.loc[("tree", seed), score] == shallow.loc[("dense", seed), score]

    # the other figures, and the choices in the address
    for words in ("Generalization gap", "Accuracy of the tree cut off at level l", "Test and training loss against epoch"):
        until(lambda words=words: lines_of(page, words), words)  # type: ignore[misc]
    page.get_by_text("Single seeds").click()
    expect(page).to_have_url(re.compile("seeds=1"))
    page.locator("summary", has_text="members").click()
    saved = pd.read_csv(saved_file(page, "Save all columns as CSV"))
    pd.testing.assert_series_equal(saved["best_test_accuracy"], results["best_test_accuracy"], check_exact=True)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
