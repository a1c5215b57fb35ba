"""Every kind of net in the Playground's scene: the browser computes what core computes of the same run."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.gating import path_nodes
from leafscope.core.inference.net import softmax
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.snapshots import grid, plane, shuffled
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.scene import (
    CLOSE,
    SHORT,
    SPOTS,
    Scene,
    accuracy,
    answers,
    app_epochs,
    assert_parts,
    assert_score_is_of,
    assert_within_a_row,
    data_of,
    loads,
    net_at,
    net_of,
    recorded,
    spaced,
)

RUNS = {
    "example": EXAMPLE,
    "depth 6, gating units": changed(SHORT, {"net.depth": 6, "net.gates": "units"}),
    "random gates": changed(SHORT, {"net.gates": "random"}),
    "flat": changed(EXAMPLE, {"net.kind": "flat"}),
    "dense": changed(SHORT, {"net.kind": "dense"}),
    "centred gates": changed(SHORT, {"net.balancing": "centred", "net.tree_layers": 2, "net.width": 8}),
    "two layers": changed(SHORT, {"net.tree_layers": 2, "net.width": 8}),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_browser_computes_what_core_computes(scene: Callable[..., Scene], name: str) -> None:
    run, data = RUNS[name], data_of(RUNS[name])
    shown = scene(run)
    net = net_of(shown.app, run)
    layer = run.net.tree_layers - 1
    layers = shown.page.locator(".scene-layer")
    expect(layers).to_be_visible(visible=layer > 0)
    if layer:
        layers.select_option(label=f"{layer + 1} of {layer + 1}")
        shown.at_rest()
    depth = run.net.depth if run.net.gated else 0

    low, high = plane(data)
    raw = np.random.default_rng(0).uniform(low, high, (200, 2))
    wanted, got = answers(net, data, raw), shown.at_points(raw)
    np.testing.assert_allclose(got["logits"], wanted["logits"], atol=CLOSE)
    np.testing.assert_allclose(got["shares"], wanted["shares"], atol=CLOSE)
    if run.net.gated:
        leaf = wanted["leaves"][layer]
        assert len(set(leaf.tolist())) > 2
        np.testing.assert_array_equal(np.array(got["leaves"]).T, wanted["leaves"])
        np.testing.assert_allclose(got["gates"], wanted["gates"][layer], atol=CLOSE)
        assert got["leaf"] == leaf.tolist()
        assert got["bits"] == [format(one, f"0{depth}b") for one in leaf]
        nodes = path_nodes(torch.tensor(leaf), depth) if run.net.kind == "tree" else torch.tensor(leaf)[:, None]
        assert got["nodes"] == got["uses"] == nodes.tolist()
    else:
        assert (got["leaf"], got["nodes"]) == ([0] * 200, [[0]] * 200)

    assert_score_is_of(shown, net, data, "")
    seen = shown.inspect()["views"][0]
    for split in ("test", "train"):
        assert seen["scores"][split] == pytest.approx(recorded(shown.app, run, split, run.train.epochs), abs=1e-12)
    assert seen["epoch"] == run.train.epochs
    np.testing.assert_allclose(seen["loads"], loads(net, data, layer), atol=1e-9)

    held = shown.click_at(SPOTS[2])
    if run.net.gated:
        row = data.standardize(held["state"]["held"])
        assert_parts(held["views"][0], explain(net_of(shown.app, run), row, layer))
        n_matrices = 2 ** (depth + 1) - 1 if run.net.kind == "tree" else 2**depth
        words = f"uses {depth + 1 if run.net.kind == 'tree' else 1} of {n_matrices} matrices"
        assert words in shown.text(".scene-sentence")
        assert (f"of gated layer {layer + 1};" in shown.text(".scene-sentence")) == (layer > 0)
    else:
        assert "uses the one matrix that all rows share" in shown.text(".scene-sentence")
        assert list(shown.table()) == ["one matrix", "later biases", "Sum: logit"]


def test_three_layers_each_have_patterns_of_their_own(scene: Callable[..., Scene]) -> None:
    run = changed(SHORT, {"net.tree_layers": 3, "net.width": 8, "net.depth": 3})
    data = data_of(run)
    shown = scene(run)
    net = net_of(shown.app, run)
    seen = shown.click_at(SPOTS[4])
    row = data.standardize(seen["state"]["held"])
    for layer in (2, 0, 1):
        shown.page.locator(".scene-layer").select_option(label=f"{layer + 1} of 3")
        seen = shown.at_rest()
        wanted = explain(net, row, layer)
        assert_parts(seen["views"][0], wanted)
        np.testing.assert_allclose(seen["views"][0]["loads"], loads(net, data, layer), atol=1e-9)
        words = (
            f"Sign pattern {spaced(format(wanted.leaf, '03b'))}: this point uses 4 of 15 matrices of gated layer {layer + 1};"
        )
        assert shown.text(".scene-sentence").startswith(words)
    shown.address_has("scene_layer=1")
    for level in (0, 2):
        shown.slide(".scene-levels", level)
        assert_score_is_of(shown, net.read_to_level(level), data, f"level {level}")
    shown.slide(".scene-levels", 3)
    shown.page.locator(".scene-shuffle").click()
    shown.at_rest()
    assert_score_is_of(shown, shuffled(net), data, "leaves shuffled")


def test_at_depth_0_there_is_nothing_to_shuffle(scene: Callable[..., Scene]) -> None:
    run = changed(SHORT, {"net.depth": 0})
    data = data_of(run)
    shown = scene(run)
    expect(shown.page.locator(".scene-shuffle")).to_be_disabled()
    expect(shown.page.locator(".scene-levels")).to_be_hidden()
    shown.page.get_by_text("At depth 0 there is one leaf").wait_for()
    raw = np.random.default_rng(8).uniform(*plane(data), (50, 2))
    net = net_of(shown.app, run)
    np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(net, data, raw)["logits"], atol=CLOSE)
    seen = shown.click_at(SPOTS[0])
    assert shown.text(".scene-sentence").startswith("This point uses the one matrix that all rows share.")
    assert_parts(seen["views"][0], explain(net_of(shown.app, run), data.standardize(seen["state"]["held"])))
    assert shown.press("s", "[", "]")["state"]["level"] == 0
    assert_score_is_of(shown, net, data, "")


def test_a_net_too_large_for_the_browser_was_computed_on_a_grid(scene: Callable[..., Scene]) -> None:
    run = changed(SHORT, {"net.depth": 12})
    data = data_of(run)
    shown = scene(run)
    net = net_of(shown.app, run)
    rng = np.random.default_rng(9)
    raw = grid(data)[rng.choice(96 * 96, 200, replace=False)]
    routed = net.routed(data.standardize(raw))
    got = shown.at_points(raw)
    assert got["leaf"] == routed.leaves[0].tolist()
    np.testing.assert_allclose(got["shares"], softmax(routed.logits), atol=0.51 / 255)
    assert_score_is_of(shown, net, data, "")

    seen = shown.click_at(SPOTS[3])
    held = data.standardize(seen["state"]["held"])
    assert re.search(r"Sign pattern [01]( [01]){11}: this point uses 13 of 8,191 matrices", shown.text(".scene-sentence"))
    until(lambda: len(shown.table()) == 15, "the table, out of Python")
    assert_parts(shown.inspect()["views"][0], explain(net, held))

    scores = scores_by_level(net, data)["test", "accuracy"]
    for level in (0, 7):
        shown.slide(".scene-levels", level)
        assert_within_a_row(shown.score()[0], scores[level], len(data.test.y))
        cut = net.read_to_level(level)
        shares = softmax(cut(data.standardize(raw)))
        np.testing.assert_allclose(shown.at_points(raw)["shares"], shares, atol=0.51 / 255)
    shown.page.locator(".scene-shuffle").click()  # which is known of the whole sum only
    assert shown.at_rest()["state"]["level"] == 12
    assert_within_a_row(shown.score()[0], accuracy(shuffled(net), data, "test"), len(data.test.y))
    assert shown.score()[2] == "leaves shuffled"

    seen = shown.slide(".scene-epochs", 0)
    assert not seen["state"]["shuffled"]
    assert abs(shown.score()[0] - recorded(shown.app, run, "test", 0)) <= 0.000501
    assert not shown.page.locator(".scene-chart svg").count()
    seen = shown.slide(".scene-levels", 7)  # known of the last epoch only
    assert (seen["state"]["epoch"], seen["views"][0]["epoch"]) == (run.train.epochs, run.train.epochs)
    assert_within_a_row(shown.score()[0], scores[7], len(data.test.y))


def test_a_failed_run_shows_what_is_left_of_it(scene: Callable[..., Scene]) -> None:
    run = changed(EXAMPLE, {"train.lr": 10.0})
    data = data_of(run)
    shown = scene(run)
    summary = shown.app.store.run(run.run_id)
    assert summary.status == "failed"
    note = shown.text(".scene-note")
    assert note.startswith("The run failed: the training loss became")
    last = app_epochs(shown.app, run)[-1]
    assert f"epoch {last}" in note or (last == 0 and "before training" in note)
    raw = np.random.default_rng(7).uniform(*plane(data), (50, 2))
    wanted = answers(net_at(shown.app, run, last), data, raw)
    np.testing.assert_allclose(shown.at_points(raw)["logits"], wanted["logits"], rtol=1e-5, atol=CLOSE)
    before = shown.slide(".scene-epochs", 0)
    assert before["state"]["epoch"] == 0
    assert_score_is_of(shown, net_at(shown.app, run, 0), data, "")


def test_a_model_without_a_picture_says_so(app: App, window: Visit) -> None:
    page, run = window.page, changed(SHORT, {"net.kind": "logistic"})
    app.train(run)
    page.goto(f"{app.url}/?run={run.run_id}")
    page.get_by_text("Logistic regression is not drawn here.").wait_for()
    assert not page.locator(".scene canvas:visible, .scene-bar:visible").count()
