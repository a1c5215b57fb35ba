"""The formula of the layer: the matrices along the path of a point, and the one matrix that they add up to, are core's."""

from collections.abc import Callable

import numpy as np

from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.inspection.snapshots import leaf_shuffle
from tests.e2e.scene import SHORT, SPOTS, Scene, data_of, net_of, spaced

FORMULA = "(scene) => scene.leafscope.views[0].formula(scene.leafscope.state.held)"

LIT = """async (scene, node) => {
  const app = scene.leafscope;
  app.lightNode(app.views[0], node);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return scene.querySelector(".scene-sentence").textContent;
}"""
"""What the scene says of a node of the tree under the mouse."""

INK = """(scene) => {
  const { canvas } = scene.leafscope.views[0].layerDrawing;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


def test_the_matrices_of_a_point_and_their_sum_are_cores(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), net_of(shown.app, EXAMPLE)
    label = shown.page.locator(".scene-layer-formula")
    assert "the sum of 5 of 31 matrices" in label.get_attribute("aria-label")
    held = shown.click_at(SPOTS[4])["state"]["held"]
    leaf = int(net.routed(data.standardize([held])).leaves[0][0])
    assert f"of pattern {spaced(format(leaf, '04b'))}" in label.get_attribute("aria-label")
    assert shown.page.locator(".scene").evaluate(INK) > 1000
    assert "their sum is stored, one matrix for each leaf, so prediction costs one multiplication" in shown.text(
        ".scene-sentence"
    )

    def agrees(used: int, level: int) -> None:
        *terms, total = shown.page.locator(".scene").evaluate(FORMULA)
        bits = format(used, "04b")
        assert [term["name"] for term in terms] == ["root", *(bits[:length] for length in range(1, 5))]
        assert [term["isCut"] for term in terms] == [at > level for at in range(5)]
        stored = net.weights["layers.0.weight"][list(net.nodes(used))]
        np.testing.assert_allclose([term["values"] for term in terms], stored.reshape(5, -1), rtol=1e-6)
        wanted = net.read_to_level(level).collapsed().weights["layers.0.weight"][used]
        np.testing.assert_allclose(total["values"], wanted.reshape(-1), atol=1e-5)

    agrees(leaf, 4)
    shown.slide(".scene-levels", 2)
    agrees(leaf, 2)
    assert "uses 3 of 31 matrices; their sum is stored" in shown.text(".scene-sentence")
    shown.slide(".scene-levels", 4)
    shown.page.locator(".scene-shuffle").click()
    shown.at_rest()
    agrees(int(leaf_shuffle(4)[leaf]), 4)


def test_deep_paths_leave_out_the_middle_and_a_dense_net_has_one_matrix(scene: Callable[..., Scene]) -> None:
    deep = changed(SHORT, {"net.depth": 10})
    shown = scene(deep)
    shown.click_at(SPOTS[4])
    *terms, total = shown.page.locator(".scene").evaluate(FORMULA)
    assert [len(term["name"]) for term in terms] == [len("root"), 1, 2, 3, 0, 7, 8, 9, 10]
    assert total["name"] == "one matrix"

    shown = scene(changed(SHORT, {"net.kind": "dense"}))
    shown.click_at(SPOTS[4])
    only, total = shown.page.locator(".scene").evaluate(FORMULA)
    assert len(only["values"]) == SHORT.net.width**2
    assert total["name"] == f"one {SHORT.net.width} × {SHORT.net.width} matrix for all rows"
    assert "matrix" in str(shown.page.locator(".scene-layer-formula").get_attribute("aria-label"))


def test_an_unused_leaf_says_which_kind_it_is_and_the_formula_follows_it(scene: Callable[..., Scene]) -> None:
    run = changed(SHORT, {"net.depth": 6})
    shown = scene(run)
    data, net = data_of(run), net_of(shown.app, run)
    root = shown.page.locator(".scene")
    low, high = root.evaluate("(scene) => [scene.leafscope.views[0].scene.low, scene.leafscope.views[0].scene.high]")
    axes = np.meshgrid(*(np.linspace(low[axis], high[axis], 300) for axis in (0, 1)))
    in_plane = {*net.routed(data.standardize(np.stack(axes, -1).reshape(-1, 2))).leaves[0].tolist()}
    train, test = ({*net.routed(data.splits[split].x).leaves[0].tolist()} for split in ("train", "test"))
    unused = [int(place) for place in sorted({*range(64)} - train)]
    kinds = {}
    for leaf in unused:
        words = root.evaluate(LIT, 63 + leaf)
        assert words.startswith(f"Matrix of the pattern {spaced(format(leaf, '06b'))}, level 6, ")
        kinds[leaf] = words.split(", level 6, ")[1].split(":")[0]
        label = shown.page.locator(".scene-layer-formula").get_attribute("aria-label")
        assert f"of pattern {spaced(format(leaf, '06b'))}" in label
    assert kinds == {
        leaf: "test only" if leaf in test else "unseen" if leaf in in_plane else "impossible here" for leaf in unused
    }
    assert {"unseen", "impossible here"} <= {*kinds.values()}
