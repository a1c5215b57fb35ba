"""Leaves and Balance in the browser: a leaf is clicked, the epochs play in place, a row is explained, a link shows the same."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.trained import trained_net
from leafscope.core.usage.counts import leaf_counts, node_counts
from leafscope.core.usage.evenness import balance
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn

DIGITS = changed(RunConfig(), {"train.epochs": 30})
"""Few epochs, for a test of all that Leaves shows."""

DEEP = changed(DIGITS, {"net.depth": 10})
"""A tree of so many leaves that each is narrower than a pixel."""


def test_leaves_of_digits(app: App, window: Visit) -> None:
    page, run = window.page, DIGITS
    app.train(run)
    page.goto(f"{app.url}/?run={run.run_id}")
    page.get_by_role("link", name="See the rows in each leaf").click()
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    leaves = Tree(page)
    assert leaves.at_rest()["run"] == run.run_id
    assert run.run_id in page.url

    # the shares on the screen are those of the store
    data = load(run.data, run.seed)
    leaf = app.store.leaves(run.run_id, 0, "train", run.train.epochs)
    counts = leaf_counts(leaf, 4)
    assert leaves.at_rest()["loads"] == pytest.approx(np.concatenate(node_counts(counts)) / len(leaf))

    # click a leaf: its digits in sight beside the tree, its class mix, its mean image
    chosen = int(np.argsort(counts)[len(counts) // 2])
    leaves.click(15 + chosen)
    pattern = " ".join(format(chosen, "04b"))
    page.get_by_role("heading", name=f"Leaf {pattern}: {counts[chosen]} training rows").first.wait_for()
    until(lambda: f"node={15 + chosen}" in page.url, "the leaf in the address")
    members = np.flatnonzero(leaf == chosen)
    share = f"{100 * len(members) / len(leaf):.1f} %"
    page.get_by_text(f"Leaf {pattern}: {len(members)} of {len(leaf)} training rows ({share}).").first.wait_for()
    digits = page.locator(".st-key-members .js-plotly-plot .heatmaplayer").last
    expect(digits).to_be_in_viewport(ratio=0.99)
    expect(page.locator(".leaves-tree")).to_be_in_viewport(ratio=0.99)
    mix = np.bincount(data.train.y[members], minlength=10)
    page.get_by_text(f"{mix.max()} of the {len(members)} training rows in leaf {pattern}").first.wait_for()
    page.get_by_text(f"The mean of all {len(members)} rows").first.wait_for()

    # zoomed in on a part of the tree, its epochs play in place, pause, and play on to their end
    above = (15 + chosen + 1 >> 3) - 1
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_url(re.compile(rf"[?&]root={above}\b"))
    page.locator(".leaves-tree").evaluate("(canvas) => (canvas.isTheSame = true)")
    page.get_by_role("button", name="Play the epochs").click()
    until(lambda: 3 <= leaves.now()["epoch"] < run.train.epochs, "an epoch from 3 on")
    page.get_by_role("button", name="Pause").click()
    found = until(lambda: re.search(r"[?&]epoch=(\d+)", page.evaluate("location.href")), "the epoch in the address")
    paused = int(found.group(1))
    assert 3 <= paused < run.train.epochs
    page.get_by_text(re.compile(rf"seed 0, epoch {paused}\.")).first.wait_for()
    shown = leaves.at_rest()
    then = node_counts(leaf_counts(app.store.leaves(run.run_id, 0, "train", paused), 4))
    assert (shown["epoch"], shown["node"], shown["root"]) == (paused, 15 + chosen, above)
    assert shown["loads"] == pytest.approx(under(then, above) / len(leaf))
    n = int(then[4][chosen])
    page.get_by_role("heading", name=f"Leaf {pattern}: {n} training rows").first.wait_for()
    page.get_by_role("button", name="Play the epochs").click()
    until(lambda: leaves.now()["epoch"] > paused, "an epoch after the pause")
    page.wait_for_url(re.compile(r"^(?!.*[?&]epoch=)"))  # that of the last epoch
    shown = leaves.at_rest()
    assert (shown["epoch"], shown["node"], shown["root"]) == (run.train.epochs, 15 + chosen, above)

    # an epoch chosen elsewhere leaves zoom, node and the drawing itself; the arrow keys go through the tree
    page.get_by_role("slider", name="Epoch").press("ArrowLeft")
    page.wait_for_url(re.compile(r"[?&]epoch=29\b"))
    until(lambda: leaves.at_rest()["epoch"] == 29, "the epoch in the tree")
    assert (leaves.at_rest()["node"], leaves.at_rest()["root"]) == (15 + chosen, above)
    page.get_by_role("button", name="Whole tree").click()
    page.wait_for_url(re.compile(r"^(?!.*[?&]root=)"))
    page.locator(".leaves-tree").press("ArrowUp")
    prefix = pattern[:-2]
    page.get_by_role("heading", name=re.compile(f"^Prefix {prefix}: ")).first.wait_for()
    assert page.locator(".leaves-tree").evaluate("(canvas) => canvas.isTheSame")
    page.locator(".leaves-tree").press("ArrowDown")
    if chosen % 2:
        page.locator(".leaves-tree").press("ArrowRight")
    page.get_by_role("heading", name=re.compile(f"^Leaf {pattern}: ")).first.wait_for()
    page.get_by_role("slider", name="Epoch").press("ArrowRight")
    page.wait_for_url(re.compile(r"^(?!.*[?&]epoch=)"))

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


def test_a_deep_tree_is_entered_by_zooming_in(app: App, window: Visit) -> None:
    page, run = window.page, changed(DEEP, {"train.epochs": 2})
    app.train(run)
    page.goto(f"{app.url}/leaves?run={run.run_id}")
    counts = leaf_counts(app.store.leaves(run.run_id, 0, "train", 2), 10)
    loads = node_counts(counts)
    leaves = Tree(page)
    assert len(leaves.at_rest()["loads"]) == 2**11 - 1
    leaves.click(1)  # the prefix 0
    page.get_by_role("heading", name=f"Prefix 0: {loads[1][0]:,} training rows").first.wait_for()
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_url(re.compile(r"[?&]root=1\b"))
    assert leaves.at_rest()["loads"] == pytest.approx(under(loads, 1) / counts.sum())
    chosen = int(np.argsort(counts[:512])[-2])  # not the fullest of all, which an address does not name
    leaf = 1023 + chosen
    leaves.click(leaf)
    page.wait_for_url(re.compile(rf"[?&]node={leaf}\b"))
    page.get_by_role("button", name="Zoom in").click()
    above = (leaf + 1 >> 5) - 1
    page.wait_for_url(re.compile(rf"[?&]root={above}\b"))
    assert leaves.at_rest()["loads"] == pytest.approx(under(loads, above) / counts.sum())
    page.get_by_role("button", name="Whole tree").click()
    page.wait_for_url(re.compile(r"^(?!.*[?&]root=)"))
    expect(page.get_by_role("heading", name=re.compile(f"^Leaf .*: {counts[chosen]:,} training rows"))).to_be_visible()


def under(loads: list[Any], root: int) -> Any:
    """The loads of a node and of all below it, breadth-first, from those of each level."""
    level = (root + 1).bit_length() - 1
    place = root + 1 - (1 << level)
    return np.concatenate([of[place << at : (place + 1) << at] for at, of in enumerate(loads[level:])])


@dataclass(frozen=True)
class Tree:
    """The tree of a window."""

    page: Any

    def at_rest(self) -> dict[str, Any]:
        """Wait until nothing moves, and give the numbers behind the picture."""
        self.page.locator(".leaves-tree").wait_for()
        drawn(self.page)
        return dict(until(self._still, "the tree at rest"))

    def now(self) -> dict[str, Any]:
        """The numbers behind the picture, at once; none before it is drawn."""
        found = self.page.locator(".scene").evaluate("(scene) => scene.leafscope?.tree.layout && scene.leafscope.inspect()")
        return dict(found or {})

    def _still(self) -> dict[str, Any]:
        found = self.now()
        return {} if found.get("isMoving") else found

    def click(self, node: int) -> None:
        """Click on a node of the whole tree."""
        self.at_rest()
        place = self.page.locator(".scene").evaluate("(scene, node) => scene.leafscope.middle(node)", node)
        self.page.locator(".leaves-tree").click(position=place)


def split_of(page: Any) -> str:
    """The split in the address; training rows if there is none."""
    found = re.search(r"[?&]split=(\w+)", page.url)
    return found.group(1) if found else "train"
