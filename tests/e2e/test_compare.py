"""Comparing, sharing and presenting in the browser, and what a thousand runs cost."""

import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from leafscope.core.comparison.statistics import paired_difference
from leafscope.core.config import RunConfig, changed
from leafscope.core.store.records import End
from leafscope.core.store.store import Store
from leafscope.core.training.trainer import EpochRecord
from tests.e2e.harness import App, end_app, start_app, until

SEEDS = (0, 1)


def small(kind: str, seed: int) -> RunConfig:
    """A run that trains in a moment."""
    fields = {"data.name": "moons", "data.n_samples": 300, "net.kind": kind, "net.depth": 2, "net.width": 6}
    return changed(RunConfig(), fields | {"train.epochs": 8, "train.lr": 0.02, "seed": seed})


def trained(app: App, run: RunConfig) -> Any:
    """The run, once it is finished."""
    app.store.submit(run)
    until(lambda: app.store.run(run.run_id).status == "finished", 60, f"{run.label} finished")
    return app.store.run(run.run_id)


def test_compare_share_and_present(app: App, visit: Any, browser: Any, tmp_path: Path) -> None:
    """Four runs of two groups, in one sentence; the link in another window; three slides, shown, saved, printed."""
    runs = {(kind, seed): trained(app, small(kind, seed)) for kind in ("tree", "dense") for seed in SEEDS}
    page = visit().page
    page.goto(f"{app.url}/compare?filter=moons&metric=loss")
    page.get_by_text("4 runs in 2 groups", exact=False).first.wait_for()
    page.get_by_text("Two groups", exact=True).click()
    first, second = ([runs[kind, seed].best["validation_loss"] for seed in SEEDS] for kind in ("tree", "dense"))
    lower, higher = ("tree", "dense") if np.mean(first) <= np.mean(second) else ("dense", "tree")
    pair = (first, second) if lower == "tree" else (second, first)
    mean = paired_difference(*pair).mean
    sentence = re.compile(rf"Validation loss of {lower}\W.* minus {higher}.*{re.escape(f'{mean:+.2f}'[:4])}")
    said = page.get_by_text(sentence).first
    said.wait_for()
    words = said.inner_text()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.wait_for_url(re.compile("view=pairs"))

    other = visit().page
    other.goto(page.url)
    other.get_by_text(words, exact=True).first.wait_for()

    deck = "Moons <b>bold</b>"
    views = (("pairs", None, "pairs_validation"), ("scores", "Scores", "scores"), ("curves", "Curves", "curves_figure"))
    for place, (view, name, key) in enumerate(views, 1):
        if name is not None:
            page.get_by_text(name, exact=True).click()
            page.wait_for_url(re.compile(f"view={view}"))
        page.locator(f".st-key-{key}_deck").get_by_role("button", name="Add to deck").click()
        page.get_by_text(re.compile(rf"Added to .* as slide {place}")).first.wait_for()
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="Present").click()
    field = page.get_by_role("textbox", name="Name of the deck")
    field.fill(deck)
    field.press("Enter")
    until(lambda: [info.name for info in app.store.decks()] == [deck], 10, "the deck's new name")
    page.get_by_role("textbox", name="Speaker notes").fill("Say it slowly.")
    page.get_by_role("textbox", name="Speaker notes").press("Control+Enter")
    (info,) = app.store.decks()
    until(lambda: any(one.notes == "Say it slowly." for one in app.store.slides(info.deck_id).values()), 10, "the notes")

    page.get_by_role("button", name="Present", exact=True).click()
    frame = page.frame_locator("[data-testid=stIFrame], iframe")
    frame.locator("html[data-ready=true]").wait_for()
    number = frame.get_by_text(re.compile(r"^1 / 4$")).first
    number.wait_for()
    for key, place in (("ArrowRight", 2), ("Space", 3), ("ArrowLeft", 2), ("End", 4), ("Home", 1)):
        page.keyboard.press(key)
        frame.get_by_text(re.compile(rf"^{place} / 4$")).locator("visible=true").first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save as one HTML file").wait_for()

    with page.expect_download() as download:
        page.get_by_role("button", name="Save as one HTML file").click()
    file = tmp_path / "deck.html"
    download.value.save_as(file)
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    asked, errors = [], []
    context.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else asked.append(route))
    shown = context.new_page()
    shown.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.goto(file.as_uri())
    shown.locator("html[data-ready=true]").wait_for(state="attached")
    assert (
        shown.evaluate("[...document.querySelectorAll('.js-plotly-plot')].filter(one => one.querySelector('path')).length") == 3
    )
    printed = shown.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 4
    assert not asked
    assert not errors
    context.close()


def test_a_link_offers_to_train_what_is_not_there(app: App, visit: Any, tmp_path: Path) -> None:
    """The address of one server, opened on another with nothing but its example."""
    kept = trained(app, small("tree", 0))
    page = visit().page
    page.goto(f"{app.url}/leaves?run={kept.run_id}")
    page.wait_for_url(re.compile("plan="))
    address = page.url.removeprefix(app.url)
    elsewhere = start_app(tmp_path, tmp_path / "other.db")
    try:
        there = visit().page
        there.goto(f"{elsewhere.url}{address}")
        there.get_by_role("button", name=re.compile("^Train it")).click()
        there.get_by_role("heading", name=re.compile("^(Leaf|Prefix) ")).first.wait_for()
        until(lambda: elsewhere.store.run(kept.run_id).status == "finished", 60, "finished elsewhere")
        assert elsewhere.store.run(kept.run_id).best == kept.best
        there.close()  # before its server goes, which it would miss
    finally:
        end_app(elsewhere)


def fill(store: Store, count: int) -> None:
    """Put in finished runs with curves of eleven epochs, as a worker would."""
    rng = np.random.default_rng(0)
    runs = [
        changed(RunConfig(), {"net.kind": kind, "net.depth": depth, "train.lr": rate, "train.epochs": 10, "seed": seed})
        for kind in ("tree", "flat")
        for depth in range(1, 6)
        for rate in (0.001, 0.002, 0.005, 0.01, 0.02)
        for seed in range(20)
    ][:count]
    ahead = Store(store.path, clock=lambda: time.time() + 3600)
    ahead.submit_many(runs)
    ends = []
    while (claim := ahead.claim("filler")) is not None:
        scores = rng.uniform(0.2, 0.9, (11, 3))
        records = [
            EpochRecord(
                epoch,
                {
                    (split, metric): float(score if metric == "accuracy" else 1 - score)
                    for split, score in zip(("train", "validation", "test"), row)
                    for metric in ("loss", "accuracy")
                },
                {},
                0.1 * epoch,
            )
            for epoch, row in enumerate(scores)
        ]
        ends.append(End(claim, "finished", None, records, {}, {}))
    assert len(ends) == count
    assert all(ahead.end_many(ends))
    ahead.close()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[App]:
    """An app whose store has a thousand runs."""
    fill(Store(tmp_path / "full.db"), 1000)
    running = start_app(tmp_path, tmp_path / "full.db")
    yield running
    end_app(running)


def test_a_thousand_runs_open_and_filter_quickly(full: App, visit: Any) -> None:
    """In an app that is open already: from the click to the table, and from a filter to what it leaves; median of 10."""
    page = visit().page
    page.goto(f"{full.url}/compare")
    page.get_by_text("1,000 runs in 50 groups", exact=False).first.wait_for()
    links = page.locator("[data-testid=stSidebarNav]")
    opened, filtered = [], []
    for turn in range(10):
        links.get_by_role("link", name="Present").click()
        page.get_by_role("heading", name="Show it to a room").wait_for()
        began = time.monotonic()
        links.get_by_role("link", name="Compare").click()
        page.get_by_text("1,000 runs in 50 groups", exact=False).first.wait_for()
        page.locator("[data-testid=stDataFrame]").nth(1).wait_for()
        opened.append(time.monotonic() - began)
        field = page.get_by_label("Filter", exact=True)
        depth = 1 + turn % 5
        field.fill(f"depth={depth} kind=tree")
        began = time.monotonic()
        field.press("Enter")
        page.wait_for_function("() => document.body.innerText.includes('100 runs in 5 groups')")
        filtered.append(time.monotonic() - began)
        field.fill("")
        field.press("Enter")
        page.get_by_text("1,000 runs in 50 groups", exact=False).first.wait_for()
    spread = [f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})" for times in (opened, filtered)]
    print(f"\n1,000 runs, median of 10: Compare opened in {spread[0]}, a filter answered in {spread[1]}")
    assert statistics.median(opened) < 1.5
    assert statistics.median(filtered) < 0.5
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
