"""The Playground's scene in a real browser: whatever it shows of a net is what core computes of the same run.

P features · C classes · K depth. Oracles are the nets out of the store, in float64, and the metrics that were recorded.
"""

import copy
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from playwright.sync_api import expect

from leafscope.app import theme
from leafscope.core import jobs
from leafscope.core.config import DataConfig, RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import Dataset, load, shape
from leafscope.core.gating import path_nodes
from leafscope.core.inspection.contributions import Explanation, explain
from leafscope.core.inspection.levels import read_to_level, scores_by_level
from leafscope.core.inspection.snapshots import grid, leaf_shuffle, plane, shuffled, snapshot_epochs
from leafscope.core.inspection.trained import trained_net
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.store.tensors import unpack
from leafscope.core.training.fitting import fit
from leafscope.core.training.trainer import evaluate
from tests.e2e.harness import App, until

CLOSE = 1e-4
"""How far a number of the browser may be from core's."""

SHORT = changed(EXAMPLE, {"train.epochs": 3})
"""The example, hardly trained: a second run on the same rows that nobody waits for."""

RUNS = {
    "example": EXAMPLE,
    "depth 6, gating units": changed(SHORT, {"net.depth": 6, "net.gates": "units"}),
    "random gates": changed(SHORT, {"net.gates": "random"}),
    "flat": changed(EXAMPLE, {"net.kind": "flat"}),
    "dense": changed(SHORT, {"net.kind": "dense"}),
    "two layers": changed(SHORT, {"net.tree_layers": 2, "net.width": 8}),
    "three layers": changed(SHORT, {"net.tree_layers": 3, "net.width": 8, "net.depth": 3}),
    "depth 0": changed(SHORT, {"net.depth": 0}),
    "depth 12": changed(SHORT, {"net.depth": 12}),
    "decision tree": changed(EXAMPLE, {"net.kind": "decision_tree"}),
    "logistic": changed(SHORT, {"net.kind": "logistic"}),
    "digits": changed(RunConfig(), {"net.width": 16, "train.epochs": 5}),
    "wine": changed(RunConfig(data=DataConfig(name="wine")), {"net.depth": 3, "net.width": 8, "train.epochs": 5}),
    "diverged": changed(EXAMPLE, {"train.lr": 10.0}),
    "short": SHORT,
}

REPLAYED = "try { localStorage.setItem('leafscope.replayed', '1') } catch {}"

AT_REST = """async (scene) => {
  const frame = () => new Promise(requestAnimationFrame);
  const deadline = performance.now() + 20000;
  for (let still = 0; still < 3; ) {
    if (performance.now() > deadline) throw new Error("the scene does not come to rest");
    await frame();
    still = scene.leafscope?.isMoving === false && !scene.leafscope.isPlaying ? still + 1 : 0;
  }
}"""

POINTS = "(scene, points) => points.map((raw) => scene.leafscope.inspect(raw).views.map((view) => view.point))"

SPOTS = [(0.25, 0.2), (0.8, 0.15), (0.55, 0.45), (0.3, 0.6), (0.9, 0.75), (0.62, 0.81)]
"""Places on the plane as shares of its canvas, from the upper left corner."""


@pytest.fixture(scope="module")
def trained(app: App) -> App:
    """The app with all the runs above, each ended."""
    app.store.submit_many(list(RUNS.values()))
    for run in RUNS.values():
        jobs.wait(run.run_id, 120, store=app.store)
    return app


@dataclass
class Scene:
    """A window that shows the scene."""

    page: Any
    app: App

    def at_rest(self) -> dict[str, Any]:
        """Wait until nothing moves, and give the numbers behind the picture."""
        self.page.locator(".scene-epoch").wait_for()
        self.page.locator(".scene").evaluate(AT_REST)
        return self.inspect()

    def inspect(self) -> dict[str, Any]:
        """The numbers at the point that is looked at, at once."""
        return dict(self.page.locator(".scene").evaluate("(scene) => scene.leafscope.inspect()"))

    def at_points(self, points: ArrayLike, view: int = 0) -> dict[str, list[Any]]:
        """What one view says of raw points, (N, 2): name -> N values."""
        found = self.page.locator(".scene").evaluate(POINTS, np.asarray(points).tolist())
        return {name: [views[view][name] for views in found] for name in found[0][view]}

    def place(self, share: tuple[float, float], view: int = 0) -> dict[str, float]:
        """A place of the plane's canvas in CSS px."""
        box = self.page.locator(".scene-plane").nth(view).bounding_box()
        return {"x": share[0] * box["width"], "y": share[1] * box["height"]}

    def point_at(self, share: tuple[float, float], view: int = 0) -> dict[str, Any]:
        """Move the mouse over the plane."""
        self.page.locator(".scene-plane").nth(view).hover(position=self.place(share, view))
        return self.at_rest()

    def click_at(self, share: tuple[float, float]) -> dict[str, Any]:
        """Click on the plane, and move the mouse away."""
        self.page.locator(".scene-plane").click(position=self.place(share))
        self.page.get_by_role("heading", level=1).hover()
        return self.at_rest()

    def press(self, *keys: str) -> dict[str, Any]:
        """Press keys where the focus is."""
        for key in keys:
            self.page.keyboard.press(key)
        return self.at_rest()

    def slide(self, name: str, value: int) -> dict[str, Any]:
        """Draw a slider to a value."""
        self.page.locator(name).fill(str(value))
        return self.at_rest()

    def text(self, name: str, view: int = 0) -> str:
        """What is written in an element of a view."""
        return str(self.page.locator(name).nth(view).inner_text())

    def score(self, view: int = 0) -> tuple[float, float, str]:
        """Test and training accuracy as written, from 0 to 1, and what is said of the net besides."""
        words = self.text(".scene-score", view)
        found = re.fullmatch(r"([\d.]+) % test, ([\d.]+) % training accuracy(.*)", words)
        assert found, words
        return float(found[1]) / 100, float(found[2]) / 100, found[3].removeprefix(", ")

    def address_has(self, part: str, has: bool = True) -> None:
        """Wait until the address has some words, or has not."""
        until(lambda: (part in self.page.evaluate("location.href")) == has, 5, f"{part} in the address: {has}")

    def table(self) -> dict[str, list[str]]:
        """The table of contributions: first cell of a row -> the others."""
        rows = self.page.locator(".scene-table tbody tr").all()
        return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}


@pytest.fixture(scope="module")
def seen_before(window: Any) -> Any:
    """A window whose visitor has seen a replay."""
    window.page.add_init_script(REPLAYED)
    return window


@pytest.fixture
def scene(trained: App, seen_before: Any, visit: Any) -> Iterator[Callable[..., Scene]]:
    """Open an address and wait for its scene: at rest in the module's window, or playing in a `fresh` one."""

    def show(address: str = "", fresh: bool = False, motion: str = "no-preference") -> Scene:
        shown = Scene((visit() if fresh else seen_before).page, trained)
        shown.page.emulate_media(reduced_motion=motion)
        shown.page.goto(f"{trained.url}/{address}")
        shown.page.locator(".scene-epoch").wait_for()
        if not fresh:
            shown.at_rest()
        return shown

    yield show
    errors, foreign = list(seen_before.errors), list(seen_before.foreign)
    seen_before.errors.clear()
    seen_before.foreign.clear()
    assert (errors, foreign) == ([], [])


# Oracles


def data_of(run: RunConfig) -> Dataset:
    return load(run.data, run.data_seed)


def net_of(app: App, run: RunConfig) -> DenseNet | TreeNet:
    found = trained_net(app.store, run.run_id)
    assert found is not None
    return found.net


def tree_of(app: App, run: RunConfig) -> TreeNet:
    return cast(TreeNet, net_of(app, run))


def net_at(app: App, run: RunConfig, epoch: int) -> DenseNet | TreeNet:
    """The net as a snapshot has it."""
    size = shape(run.data)
    net = build_net(run.net, size.n_features, size.n_classes, run.weight_seed)
    net.load_state_dict(unpack(app.store.snapshots(run.run_id, "weights")[epoch]))
    return net


@torch.no_grad()
def answers(net: DenseNet | TreeNet, data: Dataset, raw: ArrayLike) -> dict[str, NDArray[Any]]:
    """What a net says of raw features, (N, P), in float64: logits (N, C), gates (layers, N, K), leaves (layers, N)."""
    routed = copy.deepcopy(net).double().routed(torch.tensor(data.standardize(raw)).double())
    return {
        "logits": routed.logits.numpy(),
        "shares": routed.logits.softmax(1).numpy(),
        "gates": np.array([gate.numpy() for gate in routed.gates]),
        "leaves": np.array([leaf.numpy() for leaf in routed.leaves]),
    }


def accuracy(net: DenseNet | TreeNet, data: Dataset, split: str) -> float:
    rows = data.splits[split]
    return evaluate(net, torch.tensor(rows.x), torch.tensor(rows.y))[1]


def recorded(app: App, run: RunConfig, split: str, epoch: int) -> float:
    history = app.store.history(run.run_id)
    of = (history["epoch"] == epoch) & (history["split"] == split) & (history["metric"] == "accuracy")
    (value,) = history["value"][of]
    return float(value)


def assert_within_a_row(found: float, wanted: float, rows: int) -> None:
    assert abs(found - wanted) <= 1 / rows + 1e-9


def assert_score_is_of(scene: Scene, net: DenseNet | TreeNet, data: Dataset, suffix: str, view: int = 0) -> None:
    """The accuracies that are written and counted are those of a net."""
    seen = scene.inspect()["views"][view]
    written = scene.score(view)
    for place, split in enumerate(("test", "train")):
        rows, wanted = len(data.splits[split].y), accuracy(net, data, split)
        assert_within_a_row(seen["scores"][split], wanted, rows)
        assert_within_a_row(seen["computed"][split], wanted, rows)
        assert abs(float(written[place]) - seen["scores"][split]) <= 0.000501
    assert written[2] == suffix


def spaced(bits: str) -> str:
    return " ".join(bits)


def number(words: str) -> tuple[float, float]:
    """A number as written, and half a unit of its last digit."""
    digits = words.replace("−", "-").replace("+", "").replace(",", "")
    return float(digits), 0.5 * 10.0 ** -len(digits.partition(".")[2])


def assert_written(words: list[str], values: ArrayLike) -> None:
    assert len(words) == len(np.asarray(values))
    for word, value in zip(words, np.asarray(values).tolist(), strict=True):
        shown, half = number(word)
        assert abs(shown - value) <= half * 1.001 + CLOSE, (word, value)


def assert_parts(seen: dict[str, Any], wanted: Explanation, n_nodes: int | None = None) -> None:
    """What each node adds is what `core.inspection.contributions` says, for the first nodes of the path."""
    parts = seen["parts"]
    kept = slice(n_nodes)
    assert parts["nodes"] == list(wanted.nodes[kept])
    assert parts["levels"] == list(wanted.levels[kept])
    np.testing.assert_allclose(parts["contributions"], wanted.contributions[kept], atol=CLOSE)
    np.testing.assert_allclose(parts["rest"], wanted.rest, atol=CLOSE)
    np.testing.assert_allclose(parts["logits"], wanted.logits, atol=CLOSE)


def assert_answer(sentence: str, data: Dataset, shares: NDArray[np.float64]) -> None:
    """The sentence names the class with the highest share, and that share."""
    found = re.search(r"Prediction: (?:class )?(.+) \(([\d.]+) %\)\.$", sentence)
    assert found, sentence
    best = int(shares.argmax())
    assert found[1] == data.class_names[best]
    assert abs(float(found[2]) - 100 * shares[best]) <= 0.0501


# The replay


def test_the_replay_runs_once_unasked(scene: Any) -> None:
    shown = scene(fresh=True)
    page, last = shown.page, EXAMPLE.train.epochs
    button = page.locator(".scene-play")
    expect(button).to_have_text("❚❚ Pause")
    began = time.monotonic()
    epochs = []

    def plays_on() -> bool:
        epochs.append(int(re.fullmatch(rf"epoch (\d+) of {last}", shown.text(".scene-epoch"))[1]))  # type: ignore[index]
        return "Pause" not in str(button.inner_text())

    until(plays_on, 20, "the end of the replay")
    took = time.monotonic() - began
    assert epochs[0] < last / 2
    assert epochs == sorted(epochs)
    assert len(set(epochs)) > 10
    assert shown.at_rest()["state"]["epoch"] == last
    expect(button).to_have_text("▶ Replay")
    assert 4 < took < 10
    assert_score_is_of(shown, net_of(shown.app, EXAMPLE), data_of(EXAMPLE), "")

    times = shown.inspect()["frames"]
    print(f"\n{times['frames']} frames, median {times['median']:.1f} ms, 95th percentile {times['p95']:.1f} ms apart")
    assert times["frames"] > 30
    assert math.isfinite(times["median"])
    assert 0 < times["work"] <= times["median"] < 200
    page.get_by_text("Keys, and how this is computed").click()
    page.get_by_text(f"Last replay: {times['frames']} frames").wait_for()

    page.reload()
    again = shown.at_rest()
    assert (again["state"]["epoch"], again["frames"]["frames"]) == (last, 0)


def test_no_replay_where_motion_is_not_wanted(scene: Any) -> None:
    shown = scene(fresh=True, motion="reduce")
    seen = shown.at_rest()
    assert (seen["state"]["epoch"], seen["frames"]["frames"]) == (EXAMPLE.train.epochs, 0)
    shown.page.locator(".scene-play").click()  # asked for, it plays
    expect(shown.page.locator(".scene-play")).to_have_text("❚❚ Pause")


# A point under the mouse


def test_what_is_said_of_the_point_under_the_mouse(scene: Any) -> None:
    shown = scene()
    data = data_of(EXAMPLE)
    found = trained_net(shown.app.store, EXAMPLE.run_id)
    assert found is not None
    assert "Point at the plane" in shown.text(".scene-sentence")
    places, raws = [], []
    for spot in SPOTS:
        place = shown.place(spot)
        seen = shown.point_at(spot)["views"][0]
        places.append([place["x"], place["y"]])
        raws.append(seen["raw"])
        np.testing.assert_allclose(seen["pixels"], places[-1], atol=1)
        x = data.standardize([seen["raw"]])
        _, ((leaf,),) = found.predict(x)
        point = seen["point"]
        bits = format(leaf, "04b")
        assert (point["leaf"], point["bits"]) == (leaf, bits)
        assert point["nodes"] == point["uses"] == path_nodes(torch.tensor(leaf), 4).tolist()
        np.testing.assert_allclose(point["logits"], found.logits(x)[0], atol=CLOSE)
        sentence = shown.text(".scene-sentence")
        assert sentence.startswith(
            f"Sign pattern {spaced(bits)}: this point uses 5 of 31 matrices; a dense layer of the same cost would have 1."
        )
        assert_answer(sentence, data, answers(found.net, data, [seen["raw"]])["shares"][0])
    assert_is_map(shown, np.array(places), np.array(raws), data)
    shown.page.get_by_role("heading", level=1).hover()
    assert shown.at_rest()["views"][0]["point"] is None


def assert_is_map(scene: Scene, places: NDArray[np.float64], raws: NDArray[np.float64], data: Dataset) -> None:
    """Pixels go to features in straight lines, and the drawn part of the plane fills the canvas but for its axes."""
    box = scene.page.locator(".scene-plane").bounding_box()
    low, high = plane(data)
    for axis, size in enumerate((box["width"], box["height"])):
        slope, start = np.polyfit(places[:, axis], raws[:, axis], 1)
        np.testing.assert_array_less(np.abs((raws[:, axis] - start) / slope - places[:, axis]), 1)
        ends = sorted([(low[axis] - start) / slope, (high[axis] - start) / slope])
        assert (slope > 0) == (axis == 0)  # y grows upwards
        axis_room = (0.02 * size, 0.15 * size)
        room = (ends[0], size - ends[1]) if axis == 0 else (size - ends[1], ends[0])
        assert axis_room[0] < room[0] < axis_room[1]
        assert 0 <= room[1] < 5


def test_the_colours_are_those_of_the_classes_that_the_net_says(scene: Any) -> None:
    """Pixels far from points, lines, words and doubt."""
    shown = scene()
    run, data = EXAMPLE, data_of(EXAMPLE)
    low, high = plane(data)
    raw = np.random.default_rng(1).uniform(low, high, (3000, 2))
    unit = (high - low) / 400
    rows = data.raw[data.train.index]
    far = (np.hypot(*((raw[:, None] - rows) / unit).transpose(2, 0, 1)) > 8).all(1)
    around = np.array([[0, 0], [6, 0], [-6, 0], [0, 6], [0, -6]]) * unit
    said = answers(net_of(shown.app, run), data, (raw[:, None] + around).reshape(-1, 2))
    sure = (said["shares"].max(1) > 0.95).reshape(-1, 5).all(1)
    leaf = said["leaves"][0].reshape(-1, 5)
    chosen = np.flatnonzero(far & sure & (leaf == leaf[:, :1]).all(1))
    wanted = said["logits"].argmax(1).reshape(-1, 5)[chosen, 0]
    assert min(np.bincount(wanted, minlength=2)) > 20
    colours = shown.page.locator(".scene").evaluate(
        """(scene, points) => {
          const { plane } = scene.leafscope.views[0];
          const ratio = plane.canvas.width / plane.canvas.clientWidth;
          return points.map((raw) => {
            const [x, y] = plane.toPixels(raw);
            return [...plane.context.getImageData(Math.round(ratio * x), Math.round(ratio * y), 1, 1).data].slice(0, 3);
          });
        }""",
        raw[chosen].tolist(),
    )
    hues = np.array([[int(hue[at : at + 2], 16) for at in (1, 3, 5)] for hue in theme.CLASS_COLOURS[:2]])
    nearest = np.linalg.norm(np.array(colours)[:, None] - hues, axis=2).argmin(1)
    agrees = np.mean(nearest == wanted)
    assert agrees > 0.9  # words and outlines cover a few


@pytest.mark.parametrize("name", ["example", "depth 6, gating units", "random gates", "flat", "dense", "two layers"])
def test_the_browser_computes_what_core_computes(scene: Any, name: str) -> None:
    run, data = RUNS[name], data_of(RUNS[name])
    shown = scene(f"?run={run.run_id}")
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
        assert_parts(held["views"][0], explain(tree_of(shown.app, run), row, layer))
        n_matrices = 2 ** (depth + 1) - 1 if run.net.kind == "tree" else 2**depth
        words = f"uses {depth + 1 if run.net.kind == 'tree' else 1} of {n_matrices} matrices"
        assert words in shown.text(".scene-sentence")
        assert (f"of gated layer {layer + 1};" in shown.text(".scene-sentence")) == (layer > 0)
    else:
        assert "uses the one matrix that all rows share" in shown.text(".scene-sentence")
        assert list(shown.table()) == ["one matrix", "biases above", "Sum: logit"]


def loads(net: DenseNet | TreeNet, data: Dataset, layer: int) -> list[float]:
    """The share of the training rows that each matrix is used for."""
    if isinstance(net, DenseNet):
        return [1.0]
    leaf = torch.tensor(evaluate(net, torch.tensor(data.train.x), torch.tensor(data.train.y))[2][layer])
    is_tree, depth = net.config.kind == "tree", net.config.depth
    nodes = path_nodes(leaf, depth).flatten() if is_tree else leaf
    n_matrices = 2 ** (depth + 1) - 1 if is_tree else 2**depth
    return (torch.bincount(nodes, minlength=n_matrices) / len(leaf)).double().tolist()


# A held point


def test_a_click_holds_a_point_and_explains_its_logits(scene: Any) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), tree_of(shown.app, EXAMPLE)
    assert not shown.page.locator(".scene-table").is_visible()
    seen = shown.click_at(SPOTS[0])
    held = seen["state"]["held"]
    panel = shown.page.locator(".scene-table")
    for spot, opacity in ((SPOTS[0], "1"), (SPOTS[3], "0.45")):  # faint while the mouse asks of another point
        shown.point_at(spot)
        expect(panel).to_have_css("opacity", opacity)
    shown.page.get_by_role("heading", level=1).hover()
    expect(panel).to_have_css("opacity", "1")
    wanted = explain(net, data.standardize(held))
    assert_parts(seen["views"][0], wanted)
    bits = format(wanted.leaf, "04b")
    sentence = shown.text(".scene-sentence")
    assert sentence.startswith(f"Sign pattern {spaced(bits)}:")

    table = shown.table()
    assert next(iter(table)) == "root"
    assert list(table)[5:] == ["biases above", "Sum: logit"]
    for level in range(1, 5):
        assert list(table)[level] == spaced(bits[:level]) + " ·" * (4 - level)
    for words, values in zip(table.values(), [*wanted.contributions, wanted.rest, wanted.logits], strict=True):
        assert_written(words, values)
    parts = seen["views"][0]["parts"]
    np.testing.assert_allclose(np.sum(parts["contributions"], 0) + parts["rest"], parts["logits"], atol=1e-9)
    assert shown.page.locator(".scene-table thead th").all_inner_texts() == ["Matrix", *data.class_names]

    # another point under the mouse does not move the table
    hovered = shown.point_at(SPOTS[4])
    assert hovered["state"]["held"] == held
    assert hovered["views"][0]["raw"] != held
    assert shown.table() == table
    shown.page.get_by_role("heading", level=1).hover()
    shown.at_rest()
    assert shown.text(".scene-sentence") == sentence

    shown.address_has("held=")
    released = shown.press("Escape")
    assert released["state"]["held"] is None
    assert released["views"][0]["point"] is None
    assert not shown.page.locator(".scene-table").is_visible()
    shown.address_has("held=", False)

    # a click on the held point releases it too
    shown.click_at(SPOTS[0])
    assert shown.click_at(SPOTS[0])["state"]["held"] is None


def test_an_address_restores_what_was_seen(scene: Any) -> None:
    shown = scene()
    shown.click_at(SPOTS[3])
    seen = shown.press(",", ",", ",", "[", "s")
    state = seen["state"]
    assert (state["level"], state["shuffled"]) == (3, True)
    assert state["epoch"] in app_epochs(shown.app, EXAMPLE)
    assert state["epoch"] < EXAMPLE.train.epochs
    for part in ("held=", f"epoch_at={state['epoch']}", "read_to=3", "shuffled=1"):
        shown.address_has(part)
    names = (".scene-score", ".scene-sentence", ".scene-epoch")
    words = [shown.text(name) for name in names]

    other = scene(shown.page.url.removeprefix(f"{shown.app.url}/"), fresh=True)
    again = other.at_rest()
    assert again["frames"]["frames"] == 0  # an address is no beginning: nothing is replayed
    assert {**again["state"], "held": None} == {**state, "held": None}
    np.testing.assert_allclose(again["state"]["held"], state["held"], rtol=1e-5)
    assert [other.text(name) for name in names] == words
    (before,), (after,) = seen["views"], again["views"]
    np.testing.assert_allclose(after["point"]["logits"], before["point"]["logits"], atol=1e-3)
    assert after["point"]["nodes"] == before["point"]["nodes"]
    assert list(other.table()) == list(shown.table())


def app_epochs(app: App, run: RunConfig) -> list[int]:
    return list(app.store.snapshots(run.run_id, "weights"))


def test_an_address_of_nonsense_is_said_and_left_out(scene: Any) -> None:
    shown = scene("?epoch_at=61&read_to=x&shuffled=2&scene_layer=1&held=nan,1")
    shown.page.get_by_text("held in the address must be a point of this run's data, got 'nan,1'").wait_for()
    state = shown.at_rest()["state"]
    assert (state["epoch"], state["level"], state["shuffled"], state["layer"], state["held"]) == (60, 4, False, 0, None)
    for part in ("epoch_at", "read_to", "shuffled", "scene_layer", "held"):
        shown.address_has(f"{part}=", False)
    assert_score_is_of(shown, net_of(shown.app, EXAMPLE), data_of(EXAMPLE), "")


# Shuffle, level, epoch


def test_shuffled_leaves_answer_as_core_says_and_back_again_as_before(scene: Any) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), tree_of(shown.app, EXAMPLE)
    other = shuffled(net)
    assert accuracy(other, data, "test") < accuracy(net, data, "test") - 0.1
    raw = np.random.default_rng(2).uniform(*plane(data), (50, 2))
    shown.click_at(SPOTS[5])
    names = (".scene-score", ".scene-sentence", ".scene-table", ".scene-shuffle", ".scene-chart")
    before = [shown.inspect(), shown.at_points(raw), [shown.text(name) for name in names]]

    shown.page.locator(".scene-shuffle").click()
    seen = shown.at_rest()
    assert_score_is_of(shown, other, data, "leaves shuffled")
    expect(shown.page.locator(".scene-shuffle")).to_have_text("Undo shuffle")
    wanted, got = answers(other, data, raw), shown.at_points(raw)
    np.testing.assert_allclose(got["logits"], wanted["logits"], atol=CLOSE)
    assert got["leaf"] == wanted["leaves"][0].tolist()
    assert got["uses"] == path_nodes(torch.tensor(leaf_shuffle(4)[wanted["leaves"][0]]), 4).tolist()
    parts = seen["views"][0]["parts"]
    of_other = explain(other, data.standardize(seen["state"]["held"]))
    np.testing.assert_allclose(np.sum(parts["contributions"], 0), of_other.contributions[0], atol=CLOSE)
    np.testing.assert_allclose(parts["logits"], of_other.logits, atol=CLOSE)
    assert_written(shown.table()["Sum: logit"], of_other.logits)
    assert "shuffled" in shown.text(".scene-table caption")

    shown.press("s")
    assert [without_frames(shown.inspect()), shown.at_points(raw), [shown.text(name) for name in names]] == [
        without_frames(before[0]),
        *before[1:],
    ]


def without_frames(seen: Any) -> dict[str, Any]:
    return {name: value for name, value in seen.items() if name != "frames"}


def test_each_level_scores_what_core_says(scene: Any) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), tree_of(shown.app, EXAMPLE)
    scores = scores_by_level(net, data)
    n_test = len(data.test.y)
    assert max(scores["test", "accuracy"]) - min(scores["test", "accuracy"]) > 0.1
    seen = shown.click_at(SPOTS[1])
    for split in ("test", "train"):
        for found, wanted in zip(seen["views"][0]["byLevel"][split], scores[split, "accuracy"], strict=True):
            assert_within_a_row(found, wanted, len(data.splits[split].y))
    chart = shown.page.locator(".scene-chart svg").get_attribute("aria-label")
    for level, wanted in enumerate(scores["test", "accuracy"]):
        said = re.search(rf"level {level} ([\d.]+) %", chart)
        assert said
        assert_within_a_row(float(said[1]) / 100, wanted, n_test)

    row = data.standardize(seen["state"]["held"])
    raw = np.random.default_rng(3).uniform(*plane(data), (50, 2))
    for level in (0, 1, 2, 3, 4):
        of_level = shown.slide(".scene-levels", level)
        cut = read_to_level(net, level)
        assert of_level["views"][0]["level"] == of_level["state"]["level"] == level
        assert_score_is_of(shown, cut, data, f"level {level}" if level < 4 else "")
        assert_within_a_row(of_level["views"][0]["scores"]["test"], scores["test", "accuracy"][level], n_test)
        np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(cut, data, raw)["logits"], atol=CLOSE)
        assert_parts(of_level["views"][0], explain(cut, row), level + 1)
        assert f"uses {level + 1} of 31 matrices" in shown.text(".scene-sentence")
        assert len(shown.table()) == level + 3
    for level in (3, 2, 1, 0, 0):
        assert shown.press("[")["state"]["level"] == level
        assert_within_a_row(shown.score()[0], scores["test", "accuracy"][level], n_test)
    assert shown.press("]", "]")["state"]["level"] == 2
    expect(shown.page.locator(".scene-levels")).to_have_value("2")
    shown.address_has("read_to=2")


def test_every_epoch_is_the_net_that_was_recorded(scene: Any) -> None:
    shown = scene()
    data = data_of(EXAMPLE)
    size = shape(EXAMPLE.data)
    raw = np.random.default_rng(4).uniform(*plane(data), (50, 2))
    epochs = app_epochs(shown.app, EXAMPLE)

    seen = shown.slide(".scene-epochs", 0)
    untrained = build_net(EXAMPLE.net, size.n_features, size.n_classes, EXAMPLE.weight_seed)
    assert seen["state"]["epoch"] == 0
    assert shown.text(".scene-epoch") == "epoch 0 of 60"
    np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(untrained, data, raw)["logits"], atol=CLOSE)
    assert_score_is_of(shown, untrained, data, "")
    assert seen["views"][0]["scores"]["test"] == pytest.approx(recorded(shown.app, EXAMPLE, "test", 0), abs=1e-12)
    np.testing.assert_allclose(seen["views"][0]["loads"], loads(untrained, data, 0), atol=1e-9)
    shown.address_has("epoch_at=0")

    # keys step through what was recorded; the slider comes to rest on the nearest of it
    shown.page.locator(".scene-epochs").focus()
    assert shown.press(".")["state"]["epoch"] == epochs[1]
    assert shown.press(".", ".", ",")["state"]["epoch"] == epochs[2]
    between = next(epoch for epoch in range(10, 60) if epoch not in epochs)
    near = shown.slide(".scene-epochs", between)["state"]["epoch"]
    assert near in epochs
    assert abs(near - between) == min(abs(epoch - between) for epoch in epochs)
    net = net_at(shown.app, EXAMPLE, near)
    np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(net, data, raw)["logits"], atol=CLOSE)
    assert_score_is_of(shown, net, data, "")
    assert_within_a_row(shown.score()[1], recorded(shown.app, EXAMPLE, "train", near), len(data.train.y))


def test_the_keyboard_alone_does_it_all(scene: Any) -> None:
    shown = scene()
    data, page = data_of(EXAMPLE), shown.page
    page.locator(".scene-shuffle").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".scene-plane")).to_be_focused()
    low, high = plane(data)
    middle, unit = (low + high) / 2, 0.02 * (high - low)
    for keys, moved in (
        (["ArrowRight"], [1, 0]),
        (["ArrowUp", "ArrowUp"], [1, 2]),
        (["Shift+ArrowLeft"], [-4, 2]),
        (["ArrowDown"], [-4, 1]),
    ):
        seen = shown.press(*keys)["views"][0]
        np.testing.assert_allclose(seen["raw"], middle + np.array(moved) * unit, rtol=1e-6)
    said = answers(net_of(shown.app, EXAMPLE), data, [seen["raw"]])
    assert f"Sign pattern {spaced(format(said['leaves'][0, 0], '04b'))}:" in shown.text(".scene-sentence")

    held = shown.press("Enter")
    assert held["state"]["held"] == seen["raw"]
    assert_parts(held["views"][0], explain(tree_of(shown.app, EXAMPLE), data.standardize(seen["raw"])))

    page.keyboard.press("k")
    button = page.locator(".scene-play")
    expect(button).to_have_text("❚❚ Pause")
    until(lambda: 3 < shown.inspect()["state"]["epoch"] < 50, 10, "epochs go by")
    page.keyboard.press("k")
    expect(button).to_have_text("▶ Play")
    paused = shown.at_rest()["state"]["epoch"]
    assert paused in app_epochs(shown.app, EXAMPLE)
    assert 3 <= paused < EXAMPLE.train.epochs
    assert_score_is_of(shown, net_at(shown.app, EXAMPLE, paused), data, "")
    assert shown.press("Escape")["state"]["held"] is None
    assert not page.locator(".scene-table").is_visible()


# Two nets


def test_the_arrows_of_the_slider_go_from_one_recorded_epoch_to_the_next(scene: Any) -> None:
    shown = scene()
    epochs = snapshot_epochs(EXAMPLE)
    shown.page.locator(".scene-epochs").focus()
    seen = [shown.press(key)["state"]["epoch"] for key in ("ArrowLeft", "ArrowDown", "ArrowLeft", "ArrowRight")]
    assert seen == [epochs[place] for place in (-2, -3, -4, -3)]
    assert [shown.press(key)["state"]["epoch"] for key in ("Home", "ArrowLeft", "ArrowUp")] == [0, 0, epochs[1]]


def test_keys_are_heard_wherever_a_person_clicked(scene: Any) -> None:
    shown = scene()
    shown.page.get_by_role("heading", level=1).click()
    assert shown.press("s")["state"]["shuffled"]
    assert not shown.press("s")["state"]["shuffled"]
    shown.page.locator(".st-key-width input").focus()
    assert not shown.press("s")["state"]["shuffled"]


def test_back_is_where_one_was_before(scene: Any) -> None:
    shown = scene("?epoch_at=60")
    first = shown.click_at(SPOTS[0])["state"]["held"]
    shown.address_has("held=")
    before = shown.page.evaluate("location.href")
    shown.click_at(SPOTS[3])
    until(lambda: shown.page.evaluate("location.href") != before, 5, "the second point in the address")
    shown.page.go_back()
    until(lambda: shown.inspect()["state"]["held"] == pytest.approx(first, rel=1e-5), 5, "the first point")
    shown.at_rest()
    assert shown.page.evaluate("location.href") == before


def test_another_page_and_back(scene: Any) -> None:
    shown = scene()
    shown.click_at(SPOTS[1])
    shown.slide(".scene-levels", 2)
    left = shown.slide(".scene-epochs", 30)["state"]
    shown.address_has("epoch_at=30")
    shown.page.get_by_role("link", name="Runs", exact=True).click()
    expect(shown.page.locator(".scene-epoch")).to_have_count(0)
    shown.page.get_by_role("link", name="Playground", exact=True).click()
    shown.page.locator(".scene-epoch").wait_for()
    back = shown.at_rest()["state"]
    assert (back["epoch"], back["level"]) == (left["epoch"], left["level"]) == (30, 2)
    assert back["held"] == pytest.approx(left["held"], rel=1e-5)


def test_the_scene_turns_with_the_theme(scene: Any) -> None:
    shown = scene()
    colour = "(scene) => getComputedStyle(scene.querySelector('.scene-score')).color"
    for scheme, dark in (("dark", True), ("light", False)):
        shown.page.emulate_media(color_scheme=scheme)
        ink = "rgb({}, {}, {})".format(*(int(theme.TEXT[dark][place : place + 2], 16) for place in (1, 3, 5)))
        until(lambda ink=ink: shown.page.locator(".scene").evaluate(colour) == ink, 10, f"the ink of {scheme}")
        assert shown.page.locator(".scene").evaluate("(scene) => scene.leafscope.views[0].look.dark") == dark


def test_a_point_is_answered_by_both_nets(scene: Any) -> None:
    shown = scene()
    page, data = shown.page, data_of(EXAMPLE)
    field = page.get_by_role("combobox", name=re.compile("Compare with"))
    field.click()
    field.fill("flat")
    page.get_by_role("option", name="flat", exact=True).click()
    expect(page.locator(".scene-view")).to_have_count(2)
    shown.address_has("beside=flat")
    flat = RUNS["flat"]
    for view in (0, 1):
        seen = shown.point_at(SPOTS[view], view)
        assert seen["views"][0]["raw"] == seen["views"][1]["raw"]
        for of, run in enumerate((EXAMPLE, flat)):
            said = answers(net_of(shown.app, run), data, [seen["views"][of]["raw"]])
            assert seen["views"][of]["point"]["leaf"] == said["leaves"][0, 0]
            np.testing.assert_allclose(seen["views"][of]["point"]["logits"], said["logits"][0], atol=CLOSE)
            sentence = shown.text(".scene-sentence", of)
            words = "5 of 31 matrices" if of == 0 else "1 of 16 matrices"
            assert sentence.startswith(f"Sign pattern {spaced(format(said['leaves'][0, 0], '04b'))}: this point uses {words}")
            assert_answer(sentence, data, said["shares"][0])
    for of, run in enumerate((EXAMPLE, flat)):
        assert_score_is_of(shown, net_of(shown.app, run), data, "", of)
    page.locator(".scene-shuffle").click()
    shown.at_rest()
    for of, run in enumerate((EXAMPLE, flat)):
        assert_score_is_of(shown, shuffled(tree_of(shown.app, run)), data, "leaves shuffled", of)


def test_what_is_not_here_is_trained_to_be_set_beside(scene: Any) -> None:
    shown = scene(f"?run={SHORT.run_id}&beside=flat")
    expect(shown.page.locator(".scene-view")).to_have_count(1)
    flat = changed(SHORT, {"net.kind": "flat"})
    assert flat.run_id not in {run.run_id for run in shown.app.store.list_runs()}
    shown.page.get_by_text(re.compile(rf"not here yet:\W*{re.escape(flat.label)}")).wait_for()
    shown.page.get_by_role("button", name=re.compile(r"Train it \(about")).click()
    expect(shown.page.locator(".scene-view")).to_have_count(2)
    jobs.wait(flat.run_id, 30, store=shown.app.store)
    until(lambda: shown.at_rest()["views"][1].get("epoch") == 3, 10, "the trained net")
    raw = np.random.default_rng(5).uniform(*plane(data_of(flat)), (50, 2))
    for view, run in enumerate((SHORT, flat)):
        wanted = answers(net_of(shown.app, run), data_of(run), raw)
        np.testing.assert_allclose(shown.at_points(raw, view)["logits"], wanted["logits"], atol=CLOSE)


def test_a_decision_tree_beside(scene: Any) -> None:
    shown = scene("?beside=decision_tree")
    data, run = data_of(EXAMPLE), RUNS["decision tree"]
    expect(shown.page.locator(".scene-view")).to_have_count(2)
    model = fit(run)
    assert model is not None
    raw = np.random.default_rng(6).uniform(*plane(data), (200, 2))
    x = data.standardize(raw)
    got = shown.at_points(raw, 1)
    np.testing.assert_allclose(got["shares"], model.estimator.predict_proba(x), atol=1e-9)
    paths = model.estimator.decision_path(x)
    assert [sorted(nodes) for nodes in got["nodes"]] == [sorted(paths[i].indices.tolist()) for i in range(200)]
    seen = shown.point_at(SPOTS[2])["views"][1]
    n_nodes = model.estimator.tree_.node_count
    path = model.estimator.decision_path(data.standardize([seen["raw"]])).indices
    assert shown.text(".scene-sentence", 1).startswith(f"This point passes {len(path)} of {n_nodes} nodes.")
    right = float(np.mean(model.estimator.predict(data.test.x) == data.test.y))
    assert abs(shown.score(1)[0] - right) < 0.000501


# A digit


def test_a_digit_drawn_with_the_mouse(scene: Any) -> None:
    run, data = RUNS["digits"], data_of(RUNS["digits"])
    shown = scene(f"?run={run.run_id}")
    page, net = shown.page, tree_of(shown.app, run)
    first = shown.inspect()["views"][0]
    np.testing.assert_array_equal(first["raw"], data.raw[data.test.index[0]])
    assert_digit(shown, net, data, first["raw"])
    page.get_by_text(f"Test row 1 of {len(data.test.y)}, class {data.class_names[data.test.y[0]]}").wait_for()

    page.get_by_role("button", name="Clear").click()
    assert not any(shown.at_rest()["views"][0]["raw"])
    box = page.locator(".pad-canvas").bounding_box()
    cell = box["width"] / 8
    x = box["x"] + 3.5 * cell  # down the middle of the fourth column
    page.mouse.move(x, box["y"] + 1.5 * cell)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 6.5 * cell, steps=8)
    page.mouse.up()
    seen = shown.at_rest()
    cells = np.reshape(seen["views"][0]["raw"], (8, 8))
    np.testing.assert_array_equal(cells[1:7, 3], 16)
    assert not cells[:, [0, 1, 5, 6, 7]].any()
    assert cells.min() >= 0
    assert cells.max() == 16
    page.get_by_text("Your drawing").wait_for()
    drawn = assert_digit(shown, net, data, cells.flatten())
    assert drawn != first["point"]["logits"]

    # shift erases
    page.keyboard.down("Shift")
    page.mouse.move(x, box["y"] + 1.5 * cell)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 3.5 * cell, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    erased = np.reshape(shown.at_rest()["views"][0]["raw"], (8, 8))
    assert not erased[1:4, 3].any()
    assert erased[5:7, 3].all()
    left = assert_digit(shown, net, data, erased.flatten())
    shown.address_has("held=" + "".join(np.base_repr(int(cell), 17).lower() for cell in erased.flatten()))
    page.reload()
    again = shown.at_rest()["views"][0]
    np.testing.assert_array_equal(again["raw"], erased.flatten())
    assert again["point"]["logits"] == pytest.approx(left, abs=1e-9)

    page.get_by_role("button", name="Next test digit").click()
    shown.at_rest()
    assert_digit(shown, net, data, data.raw[data.test.index[1]])


def assert_digit(scene: Scene, net: TreeNet, data: Dataset, raw: ArrayLike) -> list[float]:
    """Scores, pattern and parts of a digit are core's; gives its logits."""
    seen = scene.inspect()["views"][0]
    assert_pad(scene, net, data, raw)
    wanted = explain(net, data.standardize(raw))
    assert_parts(seen, wanted)
    sentence = scene.text(".scene-sentence")
    assert sentence.startswith(f"Sign pattern {spaced(format(wanted.leaf, '04b'))}: this digit uses 5 of 31 matrices;")
    return list(seen["point"]["logits"])


def assert_pad(scene: Scene, net: DenseNet | TreeNet, data: Dataset, raw: ArrayLike) -> None:
    """Logits and shares of a row, and what is written of them."""
    said = answers(net, data, np.asarray(raw)[None])
    np.testing.assert_allclose(scene.inspect()["views"][0]["point"]["logits"], said["logits"][0], atol=CLOSE)
    rows = scene.page.locator(".pad-table tbody tr")
    assert rows.locator("th").all_inner_texts() == list(data.class_names)
    assert_written(rows.locator("td:last-child").all_inner_texts(), said["logits"][0])
    shares = [words.removesuffix(" %") for words in rows.locator("td:nth-last-child(2)").all_inner_texts()]
    assert_written(shares, 100 * said["shares"][0])
    best = scene.page.locator(".pad-table .pad-best th").inner_text()
    assert best == data.class_names[int(said["logits"][0].argmax())]


# Other runs


def test_a_row_of_a_table(scene: Any) -> None:
    run, data = RUNS["wine"], data_of(RUNS["wine"])
    shown = scene(f"?run={run.run_id}")
    net = net_of(shown.app, run)
    raw = data.raw[data.test.index]
    np.testing.assert_allclose(shown.inspect()["views"][0]["raw"], raw[0], rtol=1e-6)
    assert_pad(shown, net, data, raw[0])
    shown.page.get_by_role("button", name="Next test row").click()
    shown.at_rest()
    assert_pad(shown, net, data, raw[1])
    field = shown.page.get_by_label("Test row", exact=True)
    for nonsense in ("0", "999", "", "1.5"):  # no row: the last one stays
        field.fill(nonsense)
        shown.at_rest()
        assert_pad(shown, net, data, raw[1])
    field.fill(str(len(raw)))
    shown.at_rest()
    assert_pad(shown, net, data, raw[-1])
    assert "this row uses 4 of 15 matrices" in shown.text(".scene-sentence")
    assert_score_is_of(shown, net, data, "")


def test_a_failed_run_shows_what_is_left_of_it(scene: Any) -> None:
    run, data = RUNS["diverged"], data_of(RUNS["diverged"])
    shown = scene(f"?run={run.run_id}")
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


def test_three_layers_each_have_patterns_of_their_own(scene: Any) -> None:
    run, data = RUNS["three layers"], data_of(RUNS["three layers"])
    shown = scene(f"?run={run.run_id}")
    net = tree_of(shown.app, run)
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
        assert_score_is_of(shown, read_to_level(net, level), data, f"level {level}")
    shown.slide(".scene-levels", 3)
    shown.page.locator(".scene-shuffle").click()
    shown.at_rest()
    assert_score_is_of(shown, shuffled(net), data, "leaves shuffled")


def test_at_depth_0_there_is_nothing_to_shuffle(scene: Any) -> None:
    run, data = RUNS["depth 0"], data_of(RUNS["depth 0"])
    shown = scene(f"?run={run.run_id}")
    expect(shown.page.locator(".scene-shuffle")).to_be_disabled()
    expect(shown.page.locator(".scene-levels")).to_be_hidden()
    shown.page.get_by_text("At depth 0 there is one leaf").wait_for()
    raw = np.random.default_rng(8).uniform(*plane(data), (50, 2))
    net = net_of(shown.app, run)
    np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(net, data, raw)["logits"], atol=CLOSE)
    seen = shown.click_at(SPOTS[0])
    assert shown.text(".scene-sentence").startswith("This point uses the one matrix that all rows share.")
    assert_parts(seen["views"][0], explain(tree_of(shown.app, run), data.standardize(seen["state"]["held"])))
    assert shown.press("s", "[", "]")["state"]["level"] == 0
    assert_score_is_of(shown, net, data, "")


def test_a_net_too_large_for_the_browser_was_computed_on_a_grid(scene: Any) -> None:
    run, data = RUNS["depth 12"], data_of(RUNS["depth 12"])
    shown = scene(f"?run={run.run_id}")
    net = tree_of(shown.app, run)
    rng = np.random.default_rng(9)
    raw = grid(data)[rng.choice(96 * 96, 200, replace=False)]
    with torch.no_grad():
        routed = net.routed(torch.tensor(data.standardize(raw)))
    got = shown.at_points(raw)
    assert got["leaf"] == routed.leaves[0].tolist()
    np.testing.assert_allclose(got["shares"], routed.logits.softmax(1).numpy(), atol=0.51 / 255)
    assert_score_is_of(shown, net, data, "")

    seen = shown.click_at(SPOTS[3])
    held = data.standardize(seen["state"]["held"])
    assert re.search(r"Sign pattern [01]( [01]){11}: this point uses 13 of 8191 matrices", shown.text(".scene-sentence"))
    until(lambda: len(shown.table()) == 15, 10, "the table, out of Python")
    assert_parts(shown.inspect()["views"][0], explain(net, held))

    scores = scores_by_level(net, data)["test", "accuracy"]
    for level in (0, 7):
        shown.slide(".scene-levels", level)
        assert_within_a_row(shown.score()[0], scores[level], len(data.test.y))
        cut = read_to_level(net, level)
        with torch.no_grad():
            shares = cut(torch.tensor(data.standardize(raw))).softmax(1).numpy()
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


def test_a_model_without_a_picture_says_so(trained: App, visit: Any) -> None:
    page = visit().page
    page.goto(f"{trained.url}/?run={RUNS['logistic'].run_id}")
    page.get_by_text("Logistic regression is not drawn here.").wait_for()
    assert not page.locator(".scene canvas:visible, .scene-bar:visible").count()


# A run that trains


def test_the_scene_follows_a_run_until_it_ends(scene: Any) -> None:
    epochs = 5000
    shown = scene(f"?epochs={epochs}")
    page = shown.page
    page.evaluate("window.stays = true")
    page.get_by_role("button", name="Train", exact=True).click()
    run = changed(EXAMPLE, {"train.epochs": epochs})
    seen: list[int] = []

    def moved() -> bool:
        found = re.fullmatch(rf"epoch (\d+) of {epochs}", shown.text(".scene-epoch"))
        if found and int(found[1]) not in seen:
            seen.append(int(found[1]))
        return len(seen) >= 3

    until(moved, 30, "three epochs")
    assert seen == sorted(seen)
    assert seen[1] < epochs
    jobs.wait(run.run_id, 120, store=shown.app.store)
    until(lambda: shown.text(".scene-epoch") == f"epoch {epochs} of {epochs}", 20, "the last epoch")
    expect(page.locator(".scene-play")).to_have_text("▶ Replay")
    assert shown.at_rest()["frames"]["frames"] == 0
    assert_score_is_of(shown, net_of(shown.app, run), data_of(run), "")
    epochs_kept = app_epochs(shown.app, run)
    until(lambda: shown.slide(".scene-epochs", epochs // 2)["state"]["epoch"] == epochs // 2, 10, "an epoch of the middle")
    assert epochs // 2 in epochs_kept
    assert_score_is_of(shown, net_at(shown.app, run, epochs // 2), data_of(run), "")
    assert page.evaluate("window.stays")  # never loaded again
