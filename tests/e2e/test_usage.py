"""Leaf usage in the browser: a penalty evens the loads, a leaf is opened, one of its rows explained, a link shows the same."""

import re
import statistics
import time
from typing import Any

import numpy as np
from playwright.sync_api import expect

from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.trained import trained_net
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance
from tests.e2e.harness import App, until

CHANGED = """before => [...document.querySelectorAll("h2")].some(
    one => /^(Leaf|Prefix) /.test(one.innerText) && one.innerText.trim() !== before.trim())"""
"""Whether the heading of the chosen leaf says something else."""


def gini_on_the_page(page: Any, address: str) -> float:
    """What Balance says the Gini coefficient of the training rows is."""
    page.goto(address)
    page.get_by_role("heading", name="How evenly the leaves are used").first.wait_for()
    page.locator("summary", has_text="All statistics").click()
    tile = page.locator("[data-testid=stMetric]").filter(has_text=re.compile(r"^Gini"))
    value = tile.locator("[data-testid=stMetricValue]")
    value.wait_for()
    return float(value.inner_text())


def test_penalty_fullest_leaf_and_an_explanation(app: App, visit: Any) -> None:
    page = visit().page
    plain = RunConfig()
    even = changed(plain, {"train.balance": 1.0})
    app.store.submit(plain)
    app.store.submit(even)
    for run in (plain, even):
        until(lambda run=run: app.store.run(run.run_id).status == "finished", 90, "finished")
    said = []
    for run in (plain, even):
        said.append(gini_on_the_page(page, f"{app.url}/balance?run={run.run_id}"))
        leaf = app.store.leaves(run.run_id, 0, "train", run.train.epochs)
        assert abs(said[-1] - balance(leaf_counts(leaf, 4)).gini) < 0.001
    assert said[1] < said[0]

    # the fullest leaf is open already; one of its rows, explained
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="Leaves").click()
    counts = leaf_counts(leaf, 4)
    pattern = " ".join(format(int(counts.argmax()), "04b"))
    page.get_by_role("heading", name=f"Leaf {pattern}: {counts.max()} training rows").first.wait_for()
    page.get_by_text("Explain a row", exact=True).click()
    page.get_by_role("heading", name="How the net arrives at its prediction").wait_for()
    data = load(even.data, even.data_seed)
    row = int(data.train.index[np.flatnonzero(leaf == counts.argmax())[3]])
    field = page.get_by_role("combobox", name=re.compile("Row of the data set"))
    field.click()
    field.fill(f"row {row}:")
    page.get_by_role("option", name=re.compile(rf"^row {row}:")).click()
    page.wait_for_url(re.compile(rf"[?&]row={row}\b"))
    trained = trained_net(app.store, even.run_id)
    assert trained is not None
    explained = explain(trained.net, data.train.x[np.flatnonzero(data.train.index == row)[0]], 0)  # type: ignore[arg-type]
    sentence = re.compile(rf"Prediction {explained.prediction}:\W*logit {explained.logits.max():.2f}".replace(".", r"\."))
    page.get_by_text(sentence).first.wait_for()
    flip = explained.flip
    assert flip is not None
    page.get_by_text(re.compile(rf"The nearest gate is bit {flip.level + 1}, margin")).first.wait_for()

    # the same by the link alone, in another browser
    other = visit().page
    other.goto(page.url)
    other.get_by_role("heading", name=f"Leaf {pattern}: {counts.max()} training rows").first.wait_for()
    other.get_by_text(sentence).first.wait_for()
    expect(other.locator("[data-testid=stException]")).to_have_count(0)


def test_epochs_play_and_stop_where_they_are_paused(app: App, visit: Any) -> None:
    page = visit().page
    run = RunConfig()
    app.store.submit(run)
    until(lambda: app.store.run(run.run_id).status == "finished", 90, "finished")
    page.goto(f"{app.url}/leaves?run={run.run_id}")
    page.get_by_role("button", name="Play the epochs").click()
    page.get_by_text(re.compile(r"Epoch 0:\W+the 988 training rows use")).first.wait_for()
    page.get_by_text(re.compile(r"Epoch 1\d:\W+the 988 training rows use")).first.wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("heading", name=re.compile("^Leaf ")).first.wait_for()
    found = until(lambda: re.search(r"epoch=(\d+)", page.evaluate("location.href")), 10, "the epoch in the address")
    assert 10 <= int(found.group(1)) < 60
    page.get_by_role("button", name="Play the epochs").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Play the epochs").wait_for(timeout=30_000)  # by itself, after the last epoch
    page.wait_for_url(re.compile(r"^(?!.*epoch=)"))  # that of the last epoch


def test_a_deep_run_opens_and_answers_quickly(app: App, visit: Any) -> None:
    """K = 12 and 200 epochs, in an app that is open already: most of a first page is the browser reading plotly.js."""
    run = changed(RunConfig(), {"net.depth": 12, "train.epochs": 200})
    app.store.submit(run)
    page = visit().page
    until(lambda: app.store.run(run.run_id).status == "finished", 120, "finished")
    page.goto(f"{app.url}/leaves?run={run.run_id}")
    pieces = page.locator("g.icicle g.slice")
    heading = page.get_by_role("heading", name=re.compile("^(Leaf|Prefix) "))
    links = page.locator("[data-testid=stSidebarNav]")
    expect(pieces).to_have_count(127)
    opened, answered = [], []
    for _ in range(10):
        links.get_by_role("link", name="Runs").click()
        page.get_by_role("heading", name="All runs").wait_for()
        page.get_by_role("button", name="Export table as CSV").wait_for()
        began = time.monotonic()
        links.get_by_role("link", name="Leaves").click()
        expect(pieces).to_have_count(127)
        heading.wait_for()
        opened.append(time.monotonic() - began)
    whole, below = page.get_by_role("button", name="Whole tree"), page.get_by_text("below the prefix")
    boxes = sorted((piece.bounding_box() for piece in pieces.all()), key=lambda box: (round(box["y"]), box["x"]))
    for place in range(10):
        box = boxes[1 + place % 2]  # the prefixes 0 and 1
        before = heading.inner_text()
        began = time.monotonic()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_function(CHANGED, arg=before)  # looks at every frame
        answered.append(time.monotonic() - began)
        below.first.wait_for()  # the tree that was clicked comes after the answer
        whole.click()
        expect(below).to_have_count(0)
        expect(pieces).to_have_count(127)
        page.wait_for_timeout(300)  # the figure stands before it listens
    spread = [f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})" for times in (opened, answered)]
    print(f"\nK = 12, 200 epochs, median of 10: opened in {spread[0]}, a click answered in {spread[1]}")
    assert statistics.median(opened) < 1.5
    assert statistics.median(answered) < 0.5
