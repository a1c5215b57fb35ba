"""The Playground's scene as tests see it: what a person does with it, the numbers behind the picture, and the oracles.

P features · C classes · K depth. Oracles are the nets out of the store, in float64, and the metrics that were recorded.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import Dataset, load
from leafscope.core.inference.net import Net, softmax
from leafscope.core.inspection.contributions import Explanation
from leafscope.core.inspection.levels import scores
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.values.tensors import unpack
from tests.e2e.harness import App, until
from tests.e2e.page import drawn

CLOSE = 1e-4
"""How far a number of the browser may be from core's."""

SHORT = changed(EXAMPLE, {"train.epochs": 3})
"""The example, hardly trained: a second run on the same rows that nobody waits for."""

AT_REST = """async (scene) => {
  const frame = () => new Promise(requestAnimationFrame);
  const deadline = performance.now() + 90000;
  for (let still = 0; still < 3; ) {
    if (performance.now() > deadline) throw new Error("the scene does not come to rest");
    await frame();
    still = scene.leafscope?.isMoving === false && !scene.leafscope.isPlaying ? still + 1 : 0;
  }
}"""

POINTS = "(scene, points) => points.map((raw) => scene.leafscope.inspect(raw).views.map((view) => view.point))"

SPOTS = [(0.25, 0.2), (0.8, 0.15), (0.55, 0.45), (0.3, 0.6), (0.9, 0.75), (0.62, 0.81)]
"""Places on the plane as shares of its canvas, from the upper left corner."""

RESET = """(scene) => {
  const app = scene.leafscope;
  scene.getRootNode().activeElement?.blur();
  document.activeElement?.blur();
  app.lookAt(null);
  app.change({ epoch: app.lastEpoch, level: Infinity, shuffled: false, layer: 0, held: null });
}"""

GO_TO = """(address) => {
  history.pushState({}, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
"""What Back and Forward do: the page shows what an address says, without being loaded again."""

SHOWN = "(scenes) => scenes.flatMap((scene) => scene.leafscope?.views?.map((view) => view.scene.id) ?? [])"
"""The runs that the scene shows."""

PLACE = ("epoch_at=", "read_to=", "shuffled=", "held=", "scene_layer=")


@dataclass
class Scene:
    """A window that shows the scene."""

    page: Any
    app: App

    def load(self, address: str = "") -> "Scene":
        """Load an address, and wait for its scene, which may be playing."""
        self.page.goto(f"{self.app.url}/{address}")
        self.page.locator(".scene-epoch").wait_for()
        return self

    def show(self, run: RunConfig) -> "Scene":
        """Show a run as if just opened, and wait until nothing moves; loads the page only if it shows no scene yet."""
        shown = self.shown()
        if len(shown) != 1:
            self.load(f"?run={run.run_id}")
        elif shown != [run.run_id]:
            self.page.evaluate(GO_TO, f"{self.app.url}/?run={run.run_id}")
        until(lambda: self.shown() == [run.run_id], f"the scene of {run.label}")
        drawn(self.page)
        self.page.locator(".scene").evaluate(RESET)
        self.page.get_by_role("heading", level=1).hover()
        self.at_rest()
        for part in PLACE:
            self.address_has(part, False)
        return self

    def shown(self) -> list[str]:
        """The runs that stand in the scene; none where there is no scene."""
        return list(self.page.locator(".scene").evaluate_all(SHOWN))

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
        until(lambda: (part in self.page.evaluate("location.href")) == has, f"{part} in the address: {has}")

    def table(self) -> dict[str, list[str]]:
        """The table of contributions: first cell of a row -> the others."""
        rows = self.page.locator(".scene-table tbody tr").all()
        return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}


def data_of(run: RunConfig) -> Dataset:
    return load(run.data, run.data_seed)


def net_of(app: App, run: RunConfig) -> Net:
    found = trained_net(app.store, run.run_id)
    assert found is not None
    return found.net


def net_at(app: App, run: RunConfig, epoch: int) -> Net:
    """The net as a snapshot has it."""
    return Net(run.net, unpack(app.store.snapshots(run.run_id, "weights")[epoch]))


def answers(net: Net, data: Dataset, raw: ArrayLike) -> dict[str, NDArray[Any]]:
    """What a net says of raw features, (N, P), in float64: logits (N, C), gates (layers, N, K), leaves (layers, N)."""
    routed = replace(net, precision=np.float64).routed(data.standardize(raw))
    return {
        "logits": routed.logits,
        "shares": softmax(routed.logits),
        "gates": np.array(routed.gates),
        "leaves": np.array(routed.leaves),
    }


def accuracy(net: Net, data: Dataset, split: str) -> float:
    rows = data.splits[split]
    return scores(net, rows.x, rows.y)[1]


def recorded(app: App, run: RunConfig, split: str, epoch: int) -> float:
    history = app.store.history(run.run_id)
    of = (history["epoch"] == epoch) & (history["split"] == split) & (history["metric"] == "accuracy")
    (value,) = history["value"][of]
    return float(value)


def assert_within_a_row(found: float, wanted: float, rows: int) -> None:
    assert abs(found - wanted) <= 1 / rows + 1e-9


def assert_score_is_of(scene: Scene, net: Net, data: Dataset, suffix: str, view: int = 0) -> None:
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


def loads(net: Net, data: Dataset, layer: int) -> list[float]:
    """The share of the training rows that each matrix is used for."""
    if not net.config.gated:
        return [1.0]
    leaf = net.routed(data.train.x).leaves[layer]
    is_tree, depth = net.config.kind == "tree", net.config.depth
    nodes = np.concatenate([net.nodes(one) for one in leaf.tolist()])
    n_matrices = 2 ** (depth + 1) - 1 if is_tree else 2**depth
    return (np.bincount(nodes, minlength=n_matrices) / len(leaf)).tolist()


def app_epochs(app: App, run: RunConfig) -> list[int]:
    return list(app.store.snapshots(run.run_id, "weights"))


def assert_pad(scene: Scene, net: Net, data: Dataset, raw: ArrayLike) -> None:
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
