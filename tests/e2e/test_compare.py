"""Comparing, sharing and presenting in the browser."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import expect

from leafscope.core.comparison.statistics import paired_difference
from leafscope.core.config import RunConfig, changed
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import Watch, drawn, saved_file

SEEDS = (0, 1)


def small(kind: str, seed: int) -> RunConfig:
    """A run that trains in a moment."""
    fields = {"data.name": "moons", "data.n_samples": 300, "net.kind": kind, "net.depth": 2, "net.width": 6}
    return changed(RunConfig(), fields | {"train.epochs": 8, "train.lr": 0.02, "seed": seed})


def test_compare_share_and_present(app: App, window: Visit, browser: Any, tmp_path: Path) -> None:
    """Four runs of two groups, in one sentence; its link; three slides, shown and saved."""
    configs = {(kind, seed): small(kind, seed) for kind in ("tree", "dense") for seed in SEEDS}
    app.train(*configs.values())
    runs = {key: app.store.run(run.run_id) for key, run in configs.items()}
    page = window.page
    page.goto(f"{app.url}/compare?filter=moons+width%3D6&metric=loss")
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

    page.locator("[data-testid=stSidebar] summary", has_text="View").click()
    link = page.locator("[data-testid=stSidebar] code")
    expect(link).to_contain_text("view=pairs")
    page.goto(link.inner_text())
    page.get_by_text(words, exact=True).first.wait_for()

    deck = "Moons <b>bold</b>"
    added = Watch(page, r"Added to .{1,80}? as slide (\d)")
    views = (("pairs", None, "pairs_validation"), ("scores", "Scores", "scores"), ("curves", "Curves", "curves_figure"))
    for place, (view, name, key) in enumerate(views, 1):
        if name is not None:
            page.get_by_text(name, exact=True).click()
            page.wait_for_url(re.compile(f"view={view}"))
        page.locator(f".st-key-{key}_deck").get_by_role("button", name="Add to deck").click()
        added.until(str(place))
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="Present").click()
    field = page.get_by_role("textbox", name="Name of the deck")
    field.fill(deck)
    field.press("Enter")
    until(lambda: [info.name for info in app.store.decks() if not info.shipped] == [deck], "the deck's new name")
    drawn(page)
    page.get_by_role("textbox", name="Speaker notes").fill("Say it slowly.")
    page.get_by_role("textbox", name="Speaker notes").press("Control+Enter")
    info = app.store.decks()[0]
    until(lambda: any(one.notes == "Say it slowly." for one in app.store.slides(info.deck_id).values()), "the notes")

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

    file = saved_file(page, "Save as one HTML file").rename(tmp_path / "deck.html")  # whose ending the browser goes by
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
    assert not asked
    assert not errors
    context.close()


def test_a_link_offers_to_train_what_is_not_there(app: App, window: Visit) -> None:
    """The address of a run, opened where there is no such run, gives the same run."""
    run, page = small("tree", 0), window.page
    app.train(run)
    best = app.store.run(run.run_id).best
    page.goto(f"{app.url}/leaves?run={run.run_id}")
    leaf = page.get_by_role("heading", name=re.compile("^(Leaf|Prefix) ")).first
    leaf.wait_for()
    page.wait_for_url(re.compile("plan="))
    drawn(page)
    address = page.url
    page.goto("about:blank")
    app.store.delete(run.run_id)
    page.goto(address)
    page.get_by_role("button", name=re.compile("^Train it")).click()
    leaf.wait_for()
    until(lambda: app.store.run(run.run_id).status == "finished", "finished again")
    assert app.store.run(run.run_id).best == best


def test_the_toolbar_of_tables_has_no_download_that_writes_formulas(app: App, window: Visit) -> None:
    run = small("tree", 7)
    app.train(run)
    app.store.annotate(run.run_id, name="=1+1")
    page = window.page
    page.goto(f"{app.url}/runs")
    table = page.get_by_test_id("stDataFrame").first
    table.hover()
    expect(table.get_by_role("button", name=re.compile("^Search"))).to_be_visible()
    download = table.locator('button[aria-label^="Download as CSV"]')
    expect(download).to_have_count(1)
    expect(download).to_be_hidden()
