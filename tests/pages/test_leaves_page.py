"""Leaves: figures and members are those of the run, layer, split, epoch and node in the address."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app import theme
from leafscope.core.config import RunConfig
from leafscope.core.datasets import load
from leafscope.core.usage.counts import leaf_counts, node_counts
from tests.pages.harness import Lab, config, figures, open_lab, param, plain, run_app, table, trained, words


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return open_lab(tmp_path, monkeypatch)


DEEP = config(net__width=12, net__depth=9)


def icicle(at: AppTest) -> dict[int, tuple[int, str]]:
    """Node -> rows as the figure's hover says them, and what it says."""
    (trace,) = (trace for trace in figures(at)["icicle"]["data"] if trace["type"] == "icicle")
    found = {}
    for name, text in zip(trace["ids"], trace["hovertext"], strict=True):
        number = text.split("<br>")[1].split(" ")[0].replace(",", "")
        found[int(name.removeprefix("n"))] = (int(number), text)
    return found


def breadth_first(counts: np.ndarray) -> list[int]:
    return [int(rows) for level in node_counts(counts) for rows in level]


def empty_leaf(run: RunConfig, reached_by_others: bool) -> int:
    """A node of a leaf that no training row reaches at the last epoch."""
    leaves = trained(run)[0][-1].leaves
    counts = {split: leaf_counts(leaves[0, split], run.net.depth) for split in ("train", "validation", "test")}
    others = (counts["validation"] + counts["test"] > 0) == reached_by_others
    return (1 << run.net.depth) - 1 + int(np.flatnonzero((counts["train"] == 0) & others)[0])


def test_fresh_store(lab: Lab) -> None:
    at = lab.show("leaves")
    assert "first start" in at.info[0].value
    assert not figures(at)


@pytest.mark.parametrize(("layer", "split", "epoch"), [(0, "train", 2), (1, "validation", 0), (0, "test", 1)])
def test_icicle_is_the_stores(lab: Lab, layer: int, split: str, epoch: int) -> None:
    run = lab.finished(config(net__tree_layers=2))
    at = lab.show("leaves", run=run.run_id, layer=layer, split=split, epoch=epoch)
    assert not at.warning
    expected = breadth_first(leaf_counts(lab.store.leaves(run.run_id, layer, split, epoch), 2))
    shown = icicle(at)
    assert [shown[node][0] for node in range(7)] == expected
    assert table(at, "node", "prefix", "rows")["rows"].tolist() == expected
    word = {"train": "training", "validation": "validation", "test": "test"}[split]
    assert f" {word} rows" in shown[0][1]
    default = (layer == 1, split == "train", epoch == 2)
    written = [param(at, name) for name in ("layer", "split", "epoch")]
    assert written == [None if usual else str(value) for usual, value in zip(default, (layer, split, epoch), strict=True)]


def test_fullest_leaf_is_chosen_first(lab: Lab) -> None:
    run = lab.finished(config())
    at = lab.show("leaves", run=run.run_id)
    leaf = lab.store.leaves(run.run_id, 0, "train", 2)
    counts = leaf_counts(leaf, 2)
    fullest = int(counts.argmax())
    assert any(theme.bit_pattern(fullest, 2) in header.value and str(counts[fullest]) in header.value for header in at.header)


@pytest.mark.parametrize("node", [0, 2, 3])
def test_node_in_the_address(lab: Lab, node: int) -> None:
    run = lab.finished(config())
    data = load(run.data, run.data_seed)
    at = lab.show("leaves", run=run.run_id, node=node, split="test")
    level = (node + 1).bit_length() - 1
    members = np.flatnonzero(lab.store.leaves(run.run_id, 0, "test", 2) >> (2 - level) == node + 1 - (1 << level))
    shown = table(at, "row", "class", "prediction")
    assert shown["row"].tolist() == data.test.index[members].tolist()
    assert shown["class"].tolist() == [data.class_names[y] for y in data.test.y[members]]
    mix = np.bincount(data.test.y[members], minlength=data.n_classes)
    (counts,) = (
        element.value
        for element in at.dataframe
        if "class" in element.value and "rows" in element.value and len(element.value) == 10
    )
    assert sorted(counts["rows"]) == sorted(mix)
    assert any(f"{len(members)} test rows" in header.value for header in at.header)


@pytest.mark.parametrize(
    "bad",
    [
        {"layer": "7", "split": "<b>all</b>", "epoch": "99", "node": "7", "cells": "sum", "root": "-3", "part": "all"},
        {"layer": "x", "split": "", "epoch": "-1", "node": "root", "cells": "", "root": "7", "part": "all"},
    ],
)
def test_bad_address(lab: Lab, bad: dict[str, str]) -> None:
    run = lab.finished(config(net__tree_layers=2))
    at = lab.show("leaves", run=run.run_id, **bad)
    said = [plain(str(warning.value)) for warning in at.warning]
    for name in ("layer", "split", "epoch", "node"):
        assert any(f"The {name} in the address must be" in sentence and bad[name] in sentence for sentence in said)
    for name, usual in {"layer": 1, "split": "train", "epoch": 2, "cells": "lift", "root": 0}.items():
        assert at.session_state[name] == usual
    usual_counts = breadth_first(leaf_counts(lab.store.leaves(run.run_id, 1, "train", 2), 2))
    assert [rows for rows, _ in icicle(at).values()] == usual_counts
    assert not [name for name in bad if param(at, name) is not None and name != "part"]


@pytest.mark.parametrize("reached", [True, False])
def test_leaf_without_rows(lab: Lab, reached: bool) -> None:
    run = lab.finished(DEEP)
    at = lab.show("leaves", run=run.run_id, node=empty_leaf(run, reached), part="all")
    assert any("No training row" in info.value for info in at.info)
    assert any("No row of any split" in info.value for info in at.info) != reached
    assert "members" not in figures(at)
    assert "heatmap" in figures(at)


def test_depth_9(lab: Lab) -> None:
    run = lab.finished(DEEP)
    at = lab.show("leaves", run=run.run_id)
    expected = breadth_first(leaf_counts(lab.store.leaves(run.run_id, 0, "train", 2), 9))
    shown = icicle(at)
    assert sorted(shown) == list(range(127))  # the top six levels
    assert [shown[node][0] for node in range(127)] == expected[:127]
    root = 63 + int(np.argmax(expected[63:127]))
    at = lab.show("leaves", run=run.run_id, root=root)
    below = [(root + 1 << level) - 1 + index for level in range(4) for index in range(1 << level)]
    shown = icicle(at)
    assert sorted(shown) == below
    assert [shown[node][0] for node in below] == [expected[node] for node in below]
    assert param(at, "root") == str(root)
    at.button(key="_whole").click()
    run_app(at)
    assert len(icicle(at)) == 127


@pytest.mark.parametrize("name", ["iris"])
def test_table_data_shows_members_in_a_table(lab: Lab, name: str) -> None:
    run = lab.finished(config(data__name=name))
    data = load(run.data, run.data_seed)
    at = lab.show("leaves", run=run.run_id, node=0, split="validation")
    shown = table(at, "row", "class", *data.feature_names)
    assert shown["row"].tolist() == data.validation.index.tolist()
    assert shown["class"].tolist() == [data.class_names[y] for y in data.validation.y]
    np.testing.assert_allclose(shown[list(data.feature_names)].to_numpy(), data.raw[data.validation.index])
    accuracy = lab.store.run(run.run_id).last["validation_accuracy"]
    assert 1 - shown["wrong"].mean() == pytest.approx(accuracy)
    assert "members" not in figures(at)


def test_earlier_epoch_has_no_predictions(lab: Lab) -> None:
    run = lab.finished(config(data__name="iris"))
    at = lab.show("leaves", run=run.run_id, node=0, epoch=1)
    assert "prediction" not in table(at, "row", "class", "petal length (cm)")
    assert "last epoch" in words(at)


def test_failed_before_the_first_epoch(lab: Lab) -> None:
    newest = lab.finished(config())
    lab.ended(config(seed=1), "failed", "no <b>memory</b>")
    at = lab.show("leaves", run=config(seed=1).run_id)
    assert "no <b>memory</b>" in plain(at.error[0].value)
    assert not figures(at)
    next(button for button in at.button if "newest" in button.label).click()
    run_app(at)
    assert not at.error
    assert newest.label in words(at)


@pytest.mark.parametrize("epochs", [None, 1])
def test_running(lab: Lab, epochs: int | None) -> None:
    claim = lab.running(config(), epochs)
    at = lab.show("leaves", run=claim.run_id)
    assert "training" in words(at)
    if epochs is None:
        assert not figures(at)
        assert at.info
    else:
        expected = breadth_first(leaf_counts(lab.store.leaves(claim.run_id, 0, "train", epochs), 2))
        assert [rows for rows, _ in icicle(at).values()] == expected


def test_stopped_run_shows_its_last_epoch(lab: Lab) -> None:
    lab.ended(config(), "stopped", epochs=1)
    at = lab.show("leaves", run=config().run_id)
    expected = breadth_first(leaf_counts(lab.store.leaves(config().run_id, 0, "train", 1), 2))
    assert [rows for rows, _ in icicle(at).values()] == expected
    assert "epoch 1 of 2" in words(at)


def test_dense(lab: Lab) -> None:
    run = lab.finished(config(net__kind="dense"))
    at = lab.show("leaves", run=run.run_id)
    assert any("no leaves" in info.value for info in at.info)
    assert not figures(at)


def test_depth_0(lab: Lab) -> None:
    run = lab.finished(config(net__depth=0))
    at = lab.show("leaves", run=run.run_id)
    rows = len(load(run.data, run.data_seed).train.y)
    assert [shown for shown, _ in icicle(at).values()] == [rows]


def test_unknown_run(lab: Lab) -> None:
    lab.finished(config())
    at = lab.show("leaves", run="feedbeef")
    assert any("feedbeef" in error.value for error in at.error)
    next(button for button in at.button if "newest" in button.label).click()
    run_app(at)
    assert len(icicle(at)) == 7


def test_other_run_with_fewer_nodes(lab: Lab) -> None:
    """What was chosen in a deep run does not break a shallow one."""
    lab.finished(DEEP)
    lab.finished(config(net__depth=1))
    at = lab.show("leaves", run=DEEP.run_id, node=900, root=40)
    at.selectbox(key="_picked_run").set_value(config(net__depth=1).run_id)
    run_app(at)
    assert len(icicle(at)) == 3
    assert param(at, "run") == config(net__depth=1).run_id
