"""Overfitting as a person uses it: the first sweep from one button, stopped, reloaded, resumed, read; a worker that dies."""

import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from leafscope.core import jobs
from leafscope.core.comparison.statistics import by_depth
from leafscope.core.config.presets import depth_sweep
from tests.e2e.harness import App, until
from tests.e2e.test_story import main_text

SWEEP = depth_sweep()


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


def table_of(app: App) -> pd.DataFrame:
    return jobs.sweep_results(SWEEP.sweep_id, store=app.store)


def test_the_first_sweep_is_stopped_reloaded_resumed_and_read(app: App, visit: Any) -> None:
    page = visit().page
    page.goto(f"{app.url}/overfitting")
    page.get_by_text(re.compile(r"\d+ runs: about [\d.]+ s")).first.wait_for()
    page.get_by_role("button", name="Train the first sweep").click()
    clicked = time.monotonic()

    # points fill in
    page.get_by_text(re.compile(r"[1-9]\d* of \d+ members have a result")).first.wait_for()
    print(f"\nfirst points after {time.monotonic() - clicked:.1f} s")
    page.get_by_text("Test error so far").first.wait_for()

    # stop, and nothing trains or waits any more; what is finished stays
    page.get_by_role("button", name="Stop").click()
    until(lambda: not jobs.sweep_progress(SWEEP.sweep_id, store=app.store).active, 5, "the sweep stopped")
    page.get_by_role("button", name="Resume").wait_for()
    stopped = jobs.sweep_progress(SWEEP.sweep_id, store=app.store)
    assert 0 < stopped.finished < stopped.total
    page.get_by_text(re.compile(r"members have no result")).first.wait_for()

    # resume, and reload in the middle: the same address shows the same sweep
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(r"\d+ of \d+ runs, about .+ left")).first.wait_for()
    address = page.url
    assert f"sweep={SWEEP.sweep_id}" in address
    page.close()
    page = visit().page
    page.goto(address)
    page.get_by_text(re.compile(r"\d+ of \d+ runs")).first.wait_for()
    until(lambda: jobs.sweep_progress(SWEEP.sweep_id, store=app.store).complete, 120, "every run has an outcome")
    page.get_by_role("heading", name="Where does the tree help?").wait_for()
    page.get_by_text("chosen on validation", exact=False).first.wait_for()

    # what is drawn is what the store has
    results = table_of(app)
    assert (results["status"] == "finished").all()
    until(lambda: lines_of(page, "Test and training error against depth"), 20, "the curves")
    for split, axis in (("test", "y"), ("train", "y2")):
        curves = by_depth(results, "best", split, "error")
        for model in ("tree", "flat"):
            means = curves[(curves["model"] == model) & (curves["variant"] == "")].sort_values("depth")["mean"]
            assert line(page, model, axis) == pytest.approx([100 * mean for mean in means], abs=1e-9), (model, split)

    # tree, flat and dense are one at depth 0, for each seed to the last bit
    shallow = results[results["depth"].isna() | (results["depth"] == 0)].set_index(["model", "seed"])
    for seed in range(5):
        for score in ("best_test_loss", "best_train_loss", "last_test_accuracy"):
            assert shallow.loc[("tree", seed), score] == shallow.loc[("flat", seed), score]
            assert shallow.loc[("tree", seed), score] == shallow.loc[("dense", seed), score]

    # the other figures, and the choices in the address
    for words in ("Generalization gap", "Accuracy of the tree cut off at level l", "Test and training loss against epoch"):
        until(lambda words=words: lines_of(page, words), 20, words)  # type: ignore[misc]
    page.get_by_text("Single seeds").click()
    expect(page).to_have_url(re.compile("seeds=1"))
    page.locator("summary", has_text="members").click()
    saved = pd.read_csv(saved_file(page, "Save all columns as CSV"))
    pd.testing.assert_series_equal(saved["best_test_accuracy"], results["best_test_accuracy"], check_exact=True)
    assert "Traceback" not in main_text(page)


def saved_file(page: Any, button: str) -> Path:
    """Press a button that saves a file; once more if the page was just being redrawn, which drops what was being fetched."""
    for _ in range(2):
        try:
            return _saved_file(page, button)
        except PlaywrightTimeoutError:
            pass
    return _saved_file(page, button)


def _saved_file(page: Any, button: str) -> Path:
    with page.expect_download(timeout=8000) as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())


def test_a_worker_that_dies_in_mid_sweep(app: App, visit: Any) -> None:
    page = visit().page
    page.goto(
        f"{app.url}/overfitting?sweep_data=spirals&sweep_depths=0-3&sweep_seeds=0-1&sweep_epochs=400&sweep_models=flat,dense"
    )
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text(re.compile(r"[1-9]\d* of \d+ runs, about")).first.wait_for()
    app.worker().kill()
    (info, *_) = app.store.sweeps()
    assert info.config.base.data.name == "spirals"
    until(lambda: not jobs.sweep_progress(info.sweep_id, store=app.store).active, 120, "the others ended")
    progress = jobs.sweep_progress(info.sweep_id, store=app.store)
    assert progress.failed + progress.stopped > 0
    assert progress.finished + progress.failed + progress.stopped == progress.total
    page.get_by_text(re.compile("the worker died")).first.wait_for()
    page.get_by_role("button", name="Resume").click()
    until(lambda: jobs.sweep_progress(info.sweep_id, store=app.store).complete, 60, "the rest is trained")
    page.get_by_role("heading", name="Where does the tree help?").wait_for()
    assert not page.get_by_text("the worker died").is_visible()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("sweep=0123456789abcdef", "There is no sweep"),
        ("sweep_seeds=none", "seeds must be whole numbers or ranges such as 0-6, got 'none'"),
        ("sweep_widths=4&sweep_depths=0-6", "depths must be at most the smallest width (4)"),
        ("sweep_depths=0-40", "depths must be from 0 to 16, got 17"),
        ("sweep_rates=fast", "learning rates must be numbers, got 'fast'"),
    ],
)
def test_bad_input_is_said_where_one_looks(app: App, visit: Any, address: str, sentence: str) -> None:
    page = visit().page
    page.goto(f"{app.url}/overfitting?{address}")
    page.get_by_role("heading", name="How train and test error move with depth").wait_for()
    page.get_by_text(sentence).first.wait_for()
    if address.startswith("sweep_"):
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled(timeout=20_000)
