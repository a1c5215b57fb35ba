"""`leafscope explain`: one page from disk, on a screen and a phone, whose numbers are the core's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscope.app import cli
from leafscope.app.explaining import page as explaining
from leafscope.app.explaining.chapters import CHAPTERS
from leafscope.core.config import RunConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import load
from leafscope.core.inference.net import Net
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.snapshots import shuffled
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.store import Store
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance
from tests.e2e.scene import CLOSE, accuracy

WINDOWS = {"screen": (1440, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('examples')}/examples.db")
    load_examples(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("explain") / "explain.html"
    assert cli.main(["explain", str(made)]) == 0
    return made


@pytest.fixture(scope="module", params=WINDOWS)
def shown(browser: Any, file: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, height = WINDOWS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True, has_touch=width < 600)
    asked: list[str] = []
    errors: list[str] = []
    context.route(re.compile(r"^(https?|wss?):"), lambda route: (asked.append(route.request.url), route.abort()))
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert not asked
    assert not errors


def net_of(store: Store, run: RunConfig) -> Net:
    found = trained_net(store, run.run_id)
    assert found is not None
    return found.net


def test_the_page_is_small_and_its_titles_short(file: Path) -> None:
    assert file.stat().st_size < explaining.MAX_BYTES
    assert len(CHAPTERS) == 6
    assert all(len(chapter.title.split()) <= 12 for chapter in CHAPTERS)


def test_every_chapter_is_drawn_and_nothing_is_wider_than_the_window(shown: Any) -> None:
    for chapter in CHAPTERS:
        shown.locator(f"#{chapter.key}").evaluate("section => section.scrollIntoView()")
        shown.locator(f"#{chapter.key} .scene-epoch").wait_for()
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    texts = shown.locator("[data-value]").all_inner_texts()
    assert len(texts) > 40
    assert "…" not in texts


def test_every_number_is_the_cores(shown: Any, store: Store) -> None:
    found = {name: one["value"] for name, one in shown.evaluate("() => window.leafscopeValues").items()}
    runs = explaining.runs(store)
    wanted: dict[str, Any] = {}
    for name, run in runs.items():
        net, data = net_of(store, run), load(run.data, run.data_seed)
        train, test = accuracy(net, data, "train"), accuracy(net, data, "test")
        price = cost(run.net, data.n_features, data.n_classes)
        wanted |= {
            f"{name}.train": train,
            f"{name}.test": test,
            f"{name}.always": np.bincount(data.test.y).max() / len(data.test.y),
            f"{name}.gap": 100 * (train - test),
            f"{name}.nTrain": len(data.train.y),
            f"{name}.nTest": len(data.test.y),
            f"{name}.wrong": round((1 - test) * len(data.test.y)),
            f"{name}.width": run.net.width,
            f"{name}.parameters": price.parameters,
            f"{name}.multiplyAdds": price.multiply_adds,
        }
    run = runs["tree"]
    net, data, depth = net_of(store, run), load(run.data, run.data_seed), run.net.depth
    counts = [leaf_counts(store.leaves(run.run_id, 0, "train", epoch), depth) for epoch in (0, run.epochs)]
    wanted |= {
        "tree.depth": depth,
        "tree.leaves": 2**depth,
        "tree.nodes": 2 ** (depth + 1) - 1,
        "tree.uses": depth + 1,
        "tree.reached": (counts[1] > 0).sum(),
        "tree.unused": (counts[1] == 0).sum(),
        "tree.fullest": counts[1].max() / counts[1].sum(),
        "tree.effective": balance(counts[1]).effective_leaves,
        "tree.effectiveBefore": balance(counts[0]).effective_leaves,
        "ratio": wanted["tree.parameters"] / wanted["dense.parameters"],
        "shuffled": accuracy(shuffled(net), data, "test"),
    }
    wanted |= {f"level.{level}": share for level, share in enumerate(scores_by_level(net, data)["test", "accuracy"])}
    row = data.standardize(explaining.HELD)
    said = explain(net, row, 0)
    parts = said.contributions[:, 1]
    wanted |= {
        "point.bits": said.nodes[-1] - (2**depth - 1),
        "point.gates": net.routed(row[None]).gates[0][0],
        "point.root": parts[0],
        "point.deeper": parts[1:].sum(),
        "point.rest": said.rest[1],
        "point.logit": said.logits[1],
    }
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=CLOSE, err_msg=name)


def test_a_held_point_changes_the_text(shown: Any) -> None:
    shown.locator("#bits").evaluate("section => section.scrollIntoView()")
    shown.locator("#bits .scene-plane").click(position={"x": 120, "y": 60})
    shown.locator("[data-value='point.bits']:not(:text-is('0 1 0 0'))").wait_for()


@pytest.mark.parametrize("name", [".", "missing/explain.html"])
def test_a_file_that_cannot_be_written_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", str(tmp_path / name)]) == 2
    assert "must be a file in a directory that can be written to" in capsys.readouterr().err
