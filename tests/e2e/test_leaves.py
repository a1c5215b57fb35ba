"""Leaves and Balance in the browser: a leaf is clicked, its epochs play, a row is explained, and a link shows the same."""

import re
from typing import Any

import numpy as np
from playwright.sync_api import expect

from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.trained import trained_net
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import Watch, drawn

DIGITS = changed(RunConfig(), {"train.epochs": 30})
"""Few epochs, so that they have played after some seconds."""


def test_leaves_of_digits(app: App, window: Visit) -> None:
    page, run = window.page, DIGITS
    app.train(run)
    page.goto(f"{app.url}/?run={run.run_id}")
    page.get_by_role("link", name="See the rows in each leaf").click()
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    labels = page.locator("g.icicle text")
    labels.first.wait_for()
    assert run.run_id in page.url

    # the counts on the screen are those of the store
    data = load(run.data, run.seed)
    leaf = app.store.leaves(run.run_id, 0, "train", run.train.epochs)
    counts = leaf_counts(leaf, 4)
    text = " ".join(labels.all_text_contents())
    assert f"n = {len(leaf)}" in text
    assert f"n = {(leaf >> 3 == 1).sum()}" in text

    # click a leaf: its digits, its class mix, its mean image
    chosen = int(np.argsort(counts)[len(counts) // 2])
    slices = page.locator("g.icicle g.slice")
    until(lambda: slices.count() == 31, "31 nodes")
    drawn(page)
    boxes = [slices.nth(i).bounding_box() for i in range(31)]
    in_order = sorted(range(31), key=lambda i: (round(boxes[i]["y"]), boxes[i]["x"]))
    slices.nth(in_order[15 + chosen]).click()
    pattern = " ".join(format(chosen, "04b"))
    page.get_by_role("heading", name=f"Leaf {pattern}: {counts[chosen]} training rows").first.wait_for()
    until(lambda: f"node={15 + chosen}" in page.url, "the leaf in the address")
    members = np.flatnonzero(leaf == chosen)
    mix = np.bincount(data.train.y[members], minlength=10)
    page.get_by_text(f"{mix.max()} of the {len(members)} training rows in this leaf").first.wait_for()
    page.get_by_role("heading", name=f"Rows in leaf {pattern}").first.wait_for()
    page.get_by_text(f"The mean of all {len(members)} rows").first.wait_for()
    page.get_by_text(f"n = {len(members)} rows", exact=True).first.wait_for()

    # its epochs play, pause, and play on to their end
    pictures = Watch(page, r"Epoch (\d+):\W+the 988 training rows use")
    page.get_by_role("button", name="Play the epochs").click()
    until(lambda: int(pictures.seen()[-1]) >= 3 if pictures.seen() else False, "an epoch from 3 on")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("heading", name=re.compile("^Leaf ")).first.wait_for()
    found = until(lambda: re.search(r"epoch=(\d+)", page.evaluate("location.href")), "the epoch in the address")
    paused = int(found.group(1))
    assert 3 <= paused < run.train.epochs
    page.get_by_role("button", name="Play the epochs").click()
    until(lambda: int(pictures.seen()[-1]) > paused, "an epoch after the pause")
    page.get_by_role("button", name="Play the epochs").wait_for()  # by itself, after the last epoch
    page.wait_for_url(re.compile(r"^(?!.*epoch=)"))  # that of the last epoch
    seen = [int(epoch) for epoch in pictures.seen()]
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > run.train.epochs / 2  # a browser may draw two at once, and the last as the page itself

    # the test split; one of its rows, explained
    page.get_by_text("test", exact=True).first.click()
    in_test = np.flatnonzero(app.store.leaves(run.run_id, 0, "test", run.train.epochs) == chosen)
    heading = re.compile(rf"{pattern}: {len(in_test)} test rows")
    page.get_by_role("heading", name=heading).first.wait_for()
    page.get_by_text("Explain a row", exact=True).click()
    page.get_by_role("heading", name="How the net arrives at its prediction").wait_for()
    row = int(data.test.index[in_test[-1]])
    field = page.get_by_role("combobox", name=re.compile("Row of the data set"))
    field.click()
    field.fill(f"row {row}:")
    page.get_by_role("option", name=re.compile(rf"^row {row}:")).click()
    page.wait_for_url(re.compile(rf"[?&]row={row}\b"))
    trained = trained_net(app.store, run.run_id)
    assert trained is not None
    explained = explain(trained.net, data.test.x[in_test[-1]], 0)
    sentence = re.compile(rf"Prediction {explained.prediction}:\W*logit {explained.logits.max():.2f}".replace(".", r"\."))
    page.get_by_text(sentence).first.wait_for()

    # the same by the link alone
    assert "split=test" in page.url
    page.goto(page.url)
    page.get_by_role("heading", name=heading).first.wait_for()
    page.get_by_text(sentence).first.wait_for()

    # the same rows on Balance
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="Balance").click()
    page.get_by_role("heading", name="How evenly the leaves are used").first.wait_for()
    page.locator("summary", has_text="All statistics").click()
    tile = page.locator("[data-testid=stMetric]").filter(has_text=re.compile(r"^Gini")).locator("[data-testid=stMetricValue]")
    of_split = app.store.leaves(run.run_id, 0, split_of(page), run.train.epochs)
    assert abs(float(tile.inner_text()) - balance(leaf_counts(of_split, 4)).gini) < 0.001
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def split_of(page: Any) -> str:
    """The split in the address; training rows if there is none."""
    found = re.search(r"[?&]split=(\w+)", page.url)
    return found.group(1) if found else "train"
