"""The sign lines of the scene are exact: they run where the sign of a gate changes in float64, and nowhere else.

K depth.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from leafscope.core.config import changed
from leafscope.core.inspection.snapshots import plane
from tests.e2e.scene import SHORT, Scene, answers, data_of, net_of

SIDE = 450
"""Pixels of the plane; the lines are off by less than half of one."""

RUNS = {
    "hidden units": changed(SHORT, {"net.depth": 6}),
    "gating units, 64 of them, depth 8": changed(SHORT, {"net.depth": 8, "net.width": 64, "net.gates": "units"}),
    "two layers": changed(SHORT, {"net.tree_layers": 2}),
    "three layers of gating units with offsets": changed(
        SHORT, {"net.tree_layers": 3, "net.width": 8, "net.depth": 3, "net.gates": "units", "net.balancing": "centred"}
    ),
}

LINES = "(scene, layer) => scene.leafscope.views[0].model.lines(layer)"


@pytest.mark.parametrize("name", RUNS)
def test_lines_run_where_signs_change(scene: Callable[..., Scene], name: str) -> None:
    run, layer = RUNS[name], RUNS[name].net.tree_layers - 1
    shown = scene(run)
    data, net = data_of(run), net_of(shown.app, run)
    low, high = plane(data)

    def bits(places: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The signs at shares of the plane: (N, 2) -> (N, K)."""
        gates: NDArray[np.float64] = answers(net, data, low + places * (high - low))["gates"][layer]
        return gates > 0

    lines = [np.reshape(ends, (-1, 4)) for ends in shown.page.locator(".scene").evaluate(LINES, layer)]
    assert len(lines) == run.net.depth

    # what changes along a row of pixels has a line there
    u, v = np.meshgrid(np.arange(SIDE + 1) / SIDE, np.arange(9, SIDE, 18) / SIDE)
    signs = bits(np.stack([u.ravel(), v.ravel()], 1)).reshape(*u.shape, -1)
    row, column, gate = np.nonzero(signs[:, 1:] != signs[:, :-1])
    assert len(row) > 50
    left, right, height = u[row, column], u[row, column + 1], v[row, column]
    for _ in range(20):
        middle = (left + right) / 2
        is_left = bits(np.stack([middle, height], 1))[range(len(gate)), gate] == signs[row, column, gate]
        left, right = np.where(is_left, middle, left), np.where(is_left, right, middle)
    off = [SIDE * distance(np.array([x, y]), lines[k]) for x, y, k in zip(left, height, gate, strict=True)]
    assert max(off) < 0.5

    # and a sign changes across each piece of a line
    for k, ends in enumerate(lines):
        along = ends[:, 2:] - ends[:, :2]
        length = np.hypot(*along.T)
        seen = length > 1 / SIDE
        across = 1e-6 * np.stack([-along[:, 1], along[:, 0]], 1)[seen] / length[seen, None]
        middle = (ends[:, :2] + ends[:, 2:])[seen] / 2
        assert (bits(middle + across)[:, k] != bits(middle - across)[:, k]).all()


def test_the_largest_nets_say_that_their_lines_follow_a_grid(scene: Callable[..., Scene]) -> None:
    says = "Exact sign lines would take too long here: these follow a grid."
    shown = scene(RUNS["hidden units"])
    note = shown.page.locator(".scene-tools-note")
    expect(note).not_to_contain_text(says)
    shown = scene(changed(SHORT, {"net.depth": 9, "net.width": 64}))
    assert shown.page.locator(".scene").evaluate(LINES, 0) is None
    expect(note).to_contain_text(says)


def distance(point: NDArray[np.float64], ends: NDArray[Any]) -> float:
    """The distance of a point from the nearest of some segments, (S, 4)."""
    start, along = ends[:, :2], ends[:, 2:] - ends[:, :2]
    share = np.clip(((point - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-30), 0, 1)
    return float(np.hypot(*(point - start - share[:, None] * along).T).min())
