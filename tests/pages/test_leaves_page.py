"""Leaves: its numbers are those of the net and the store for what the address names; clicks, and runs that end or are gone."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from sklearn.metrics import adjusted_mutual_info_score
from streamlit.testing.v1 import AppTest

from leafscope.app import theme
from leafscope.app.leaves import choose_view, tree
from leafscope.app.parts.statistic import statistic_words
from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inference.net import read_module
from leafscope.core.inspection.contributions import explain, margins
from leafscope.core.inspection.decision_leaves import decision_leaves
from leafscope.core.inspection.errors_by_leaf import errors_by_leaf
from leafscope.core.store.values.records import CHECKPOINT
from leafscope.core.training.fitting import fit
from leafscope.core.training.loop import train
from leafscope.core.training.trainer import Trainer
from leafscope.core.usage.change import churn, settled
from leafscope.core.usage.counts import class_counts, leaf_counts, node_counts
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.statistics import STATISTICS
from leafscope.core.worker.worker import Worker, pack
from tests.pages.harness import (
    Lab,
    chart_keys,
    decoded,
    figures,
    open_page,
    param,
    plain,
    press,
    run_app,
    small,
    table_with,
    trained,
    words,
)

DEEP = small("digits", depth=9, width=12, epochs=2)


def drawn(at: AppTest) -> dict[str, Any]:
    """What the browser is given to draw the tree."""
    (element,) = (element for element in at.get("bidi_component") if element.key == tree.KEY)
    found: dict[str, Any] = json.loads(element.proto.json)
    return found


def rows_of_nodes(at: AppTest) -> list[int]:
    """The rows of each node at the shown epoch, as the browser is told of them."""
    data = drawn(at)
    counts = np.frombuffer(base64.b64decode(data["counts"]), "<u4").reshape(len(data["epochs"]), -1)
    return breadth_first(counts[data["epochs"].index(data["epoch"])].astype(np.int64))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a button with the key "tree" on the page, which does what the browser does that tells of a choice."""

    def prepare(**place: Any) -> None:
        def component(*_: str) -> Any:
            def draw(*, key: str, data: dict[str, Any], on_place_change: Callable[[], None]) -> None:
                def told() -> None:
                    st.session_state[key] = {"place": {"run": data["run"], "when": 1} | place}
                    on_place_change()

                st.button("tell", key="tree", on_click=told)

            return draw

        monkeypatch.setattr(tree.component, "component", component)

    return prepare


def breadth_first(counts: np.ndarray) -> list[int]:
    return [int(rows) for level in node_counts(counts) for rows in level]


def empty_leaf(run: RunConfig, reached_by_others: bool) -> int:
    """A node of a leaf that no training row reaches at the last epoch."""
    leaves = trained(run).records[-1].leaves
    counts = {split: leaf_counts(leaves[0, split], run.net.depth) for split in ("train", "validation", "test")}
    others = (counts["validation"] + counts["test"] > 0) == reached_by_others
    return (1 << run.net.depth) - 1 + int(np.flatnonzero((counts["train"] == 0) & others)[0])


def leaf_of(run: RunConfig, split: str, layer: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The trained net's class and leaf of each row of a split, asked directly."""
    net = train(run).net
    with torch.no_grad():
        routed = net.routed(torch.tensor(load(run.data, run.data_seed).splits[split].x))
    return routed.logits.argmax(1).numpy(), routed.leaves[layer].numpy()


def test_emptied_store(lab: Lab) -> None:
    at = open_page("leaves")
    assert "There are no runs" in at.info[0].value
    assert not figures(at)


@pytest.mark.parametrize(("layer", "split", "epoch"), [(0, "train", 2), (1, "validation", 0), (0, "test", 1)])
def test_tree_is_the_stores(lab: Lab, layer: int, split: str, epoch: int) -> None:
    run = lab.finish(small(tree_layers=2))
    at = open_page("leaves", run=run.run_id, layer=layer, split=split, epoch=epoch)
    assert not at.warning
    expected = breadth_first(leaf_counts(lab.store.leaves(run.run_id, layer, split, epoch), 2))
    assert rows_of_nodes(at) == expected
    assert table_with(at, "node", "prefix", "rows")["rows"].tolist() == expected
    assert drawn(at)["rows"] == {"train": "training", "validation": "validation", "test": "test"}[split]
    default = (layer == 1, split == "train", epoch == 3)
    written = [param(at, name) for name in ("layer", "split", "epoch")]
    assert written == [None if usual else str(value) for usual, value in zip(default, (layer, split, epoch), strict=True)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_figure_counts_the_same_rows(lab: Lab, split: str) -> None:
    run = small(depth=3, tree_layers=2)
    records = trained(lab.finish(run)).records
    at = open_page("leaves", run=run.run_id, split=split, epoch=2, layer=0, part="all")
    leaf = records[2].leaves[0, split]
    counts = leaf_counts(leaf, 3)
    icicle = table_with(at, "node", "level", "rows")
    assert icicle[icicle["level"] == 3]["rows"].tolist() == counts.tolist()
    assert icicle["rows"].iloc[0] == counts.sum()
    patterns = table_with(at, "leaf", "train_rows", "test_rows").sort_values("leaf")
    both = [leaf_counts(records[2].leaves[0, name], 3) for name in ("train", "test")]
    used = both[0] + both[1] > 0
    assert patterns["leaf"].tolist() == np.flatnonzero(used).tolist()
    assert patterns[["train_rows", "test_rows"]].to_numpy().tolist() == np.stack(both, 1)[used].tolist()
    labels = load(run.data, 0).splits[split].y
    by_class = class_counts(leaf, labels, 3, 3)
    heatmap = table_with(at, "leaf", "class", "lift")
    assert heatmap.sort_values(["leaf", "class"])["rows"].tolist() == by_class.ravel().tolist()
    fullest = int(counts.argmax())
    mix = table_with(open_page("leaves", run=run.run_id, split=split, epoch=2, layer=0), "class", "split_rows")
    assert mix["rows"].tolist() == by_class[fullest].tolist()
    assert mix["split_rows"].tolist() == by_class.sum(0).tolist()
    assert f": {counts[fullest]} {'training' if split == 'train' else split} rows" in at.header[0].value


def test_fullest_leaf_is_chosen_first(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page("leaves", run=run.run_id)
    counts = leaf_counts(lab.store.leaves(run.run_id, 0, "train", 3), 2)
    fullest = int(counts.argmax())
    assert any(theme.bit_pattern(fullest, 2) in header.value and str(counts[fullest]) in header.value for header in at.header)


@pytest.mark.parametrize("node", [0, 2, 3])
def test_node_in_the_address(lab: Lab, node: int) -> None:
    run = lab.finish(small())
    data = load(run.data, run.data_seed)
    at = open_page("leaves", run=run.run_id, node=node, split="test")
    level = (node + 1).bit_length() - 1
    members = np.flatnonzero(lab.store.leaves(run.run_id, 0, "test", 3) >> (2 - level) == node + 1 - (1 << level))
    shown = table_with(at, "row", "class", "prediction")
    assert shown["row"].tolist() == data.test.index[members].tolist()
    assert shown["class"].tolist() == [data.class_names[y] for y in data.test.y[members]]
    mix = np.bincount(data.test.y[members], minlength=data.n_classes)
    assert table_with(at, "class", "split_rows")["rows"].tolist() == mix.tolist()
    assert any(f"{len(members)} test rows" in header.value for header in at.header)


@pytest.mark.parametrize("split", ["test", "validation"])
def test_members_have_the_classes_and_predictions_of_the_net(lab: Lab, split: str) -> None:
    """Those of the fullest leaf of the test rows, and of the root of the validation rows."""
    run = lab.finish(small())
    data = load(run.data, 0)
    rows = data.splits[split]
    predicted, leaf = leaf_of(run, split)
    chosen = int(np.bincount(leaf, minlength=4).argmax())
    at = open_page("leaves", run=run.run_id, split=split, node=3 + chosen if split == "test" else 0)
    table = table_with(at, "row", "class", "prediction", "wrong")
    members = leaf == chosen if split == "test" else np.ones(len(leaf), bool)
    names = np.array(data.class_names)
    assert table["row"].tolist() == rows.index[members].tolist()
    assert table["class"].tolist() == names[rows.y[members]].tolist()
    assert table["prediction"].tolist() == names[predicted[members]].tolist()
    assert table["wrong"].tolist() == (predicted != rows.y)[members].tolist()
    np.testing.assert_array_equal(table[list(data.feature_names)].to_numpy(), data.raw[rows.index[members]])
    assert "members" not in figures(at)
    if split == "validation":
        assert 1 - table["wrong"].mean() == pytest.approx(lab.store.run(run.run_id).last["validation_accuracy"])


def test_images_of_a_prefix_are_its_rows(lab: Lab) -> None:
    run = small("digits", depth=2, epochs=2)
    records = trained(lab.finish(run)).records
    data = load(run.data, 0)
    node = 1  # the prefix 0
    at = open_page("leaves", run=run.run_id, split="test", node=node)
    members = np.flatnonzero(records[-1].leaves[0, "test"] >> 1 == 0)
    table = table_with(at, "row", "class", "prediction")
    assert table["row"].tolist() == data.test.index[members].tolist()
    mean = decoded(figures(at)["mean_image"]["data"][0]["z"])
    np.testing.assert_allclose(mean, data.raw[data.test.index[members]].reshape(-1, 8, 8).mean(0), atol=1e-6)
    assert f"{len(members)} test rows" in at.header[0].value


def test_earlier_epoch_has_no_predictions(lab: Lab) -> None:
    run = lab.finish(small("iris"))
    at = open_page("leaves", run=run.run_id, node=0, epoch=1)
    assert "prediction" not in table_with(at, "row", "class", "petal length (cm)")
    assert "last epoch" in words(at)


@pytest.mark.parametrize("reached", [True, False])
def test_leaf_without_rows(lab: Lab, reached: bool) -> None:
    run = lab.finish(DEEP)
    at = open_page("leaves", run=run.run_id, node=empty_leaf(run, reached), part="all")
    assert any("No training row reaches leaf" in info.value for info in at.info)
    assert any("It is unseen: no row of any split reaches it" in info.value for info in at.info) != reached
    assert "members" not in figures(at)
    assert "heatmap" in figures(at)


def test_dense(lab: Lab) -> None:
    run = lab.finish(small(kind="dense"))
    at = open_page("leaves", run=run.run_id)
    assert any("no leaves" in info.value for info in at.info)
    assert not figures(at)


def test_depth_0(lab: Lab) -> None:
    run = lab.finish(small(depth=0))
    at = open_page("leaves", run=run.run_id)
    rows = len(load(run.data, run.data_seed).train.y)
    assert rows_of_nodes(at) == [rows]


# Clicks and choices


def test_a_click_on_a_node_shows_its_rows(lab: Lab, told: Callable[..., None]) -> None:
    run = small()
    records = trained(lab.finish(run)).records
    told(node=2, root=1, epoch=1)
    at = press(open_page("leaves", run=run.run_id), "tree")
    n = int((records[1].leaves[0, "train"] >> 1 == 1).sum())
    assert at.header[0].value == f"Prefix 1: {n} training rows"
    assert [param(at, name) for name in ("node", "root", "epoch")] == ["2", "1", "1"]
    assert at.select_slider(key="epoch").value == 1


@pytest.mark.parametrize("place", [{"run": "other", "node": 2}, {"node": "2"}, {"node": 99, "root": -1, "epoch": 1000}])
def test_what_a_browser_cannot_have_meant_is_ignored(lab: Lab, told: Callable[..., None], place: dict[str, Any]) -> None:
    run = lab.finish(small())
    told(**place)
    at = open_page("leaves", run=run.run_id)
    before = at.header[0].value
    press(at, "tree")
    assert at.header[0].value == before
    assert not at.warning


def test_epochs_that_are_played(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lab.finish(small(epochs=9))
    at = open_page("leaves", run=run.run_id, epoch=4)
    assert drawn(at)["epochs"] == [*range(10)]
    monkeypatch.setattr(tree, "PICTURES", 3)
    tree._loads.clear()
    at = open_page("leaves", run=run.run_id, epoch=5)
    assert drawn(at)["epochs"] == [0, 4, 5, 9]
    tree._loads.clear()
    assert rows_of_nodes(at) == breadth_first(leaf_counts(lab.store.leaves(run.run_id, 0, "train", 5), 2))


def test_a_click_on_a_cell_shows_its_leaf(lab: Lab, click_point: Any) -> None:
    run = small()
    records = trained(lab.finish(run)).records
    click_point("heatmap", {"customdata": [1]})
    at = open_page("leaves", run=run.run_id, part="all")
    press(at, "heatmap_click")
    n = int((records[-1].leaves[0, "train"] == 1).sum())
    assert f"0 1: {n} training rows" in at.header[0].value
    assert at.query_params["node"] == "4"


def test_a_root_in_the_address(lab: Lab) -> None:
    run = lab.finish(small(depth=9, width=10))
    expected = breadth_first(leaf_counts(lab.store.leaves(run.run_id, 0, "train", 3), 9))
    root = 63 + int(np.argmax(expected[63:127]))
    at = open_page("leaves", run=run.run_id, root=root)
    below = [(root + 1 << level) - 1 + index for level in range(4) for index in range(1 << level)]
    shown = table_with(at, "node", "level", "rows")
    assert shown["node"].tolist() == below
    assert shown["rows"].tolist() == [expected[node] for node in below]
    assert rows_of_nodes(at) == expected
    assert drawn(at)["root"] == root
    assert param(at, "root") == str(root)


@pytest.mark.parametrize("root", ["511", "9" * 5000])
def test_a_root_that_is_no_node_is_the_whole_tree(lab: Lab, root: str) -> None:
    run = lab.finish(small(depth=9, width=10))
    at = open_page("leaves", run=run.run_id, root=root)
    assert table_with(at, "node", "level")["node"].iloc[0] == 0
    assert "root" not in at.query_params


@pytest.mark.parametrize(
    "bad",
    [
        {"layer": "7", "split": "<b>all</b>", "epoch": "99", "node": "7", "cells": "sum", "root": "-3", "part": "all"},
        {"layer": "x", "split": "", "epoch": "-1", "node": "root", "cells": "", "root": "7", "part": "all"},
    ],
)
def test_bad_address(lab: Lab, bad: dict[str, str]) -> None:
    run = lab.finish(small(tree_layers=2))
    at = open_page("leaves", run=run.run_id, **bad)
    said = [plain(str(warning.value)) for warning in at.warning]
    for name in ("layer", "split", "epoch", "node"):
        assert any(f"The {name} in the address must be" in sentence and bad[name] in sentence for sentence in said)
    for name, usual in {"layer": 1, "split": "train", "epoch": 3, "cells": "lift", "root": 0}.items():
        assert at.session_state[name] == usual
    usual_counts = breadth_first(leaf_counts(lab.store.leaves(run.run_id, 1, "train", 3), 2))
    assert rows_of_nodes(at) == usual_counts
    assert not [name for name in bad if param(at, name) is not None and name != "part"]


@pytest.mark.parametrize("key", ["split", "node"])
def test_markup_in_the_address_is_text(lab: Lab, key: str) -> None:
    run = lab.finish(small(depth=2, tree_layers=2))
    at = open_page("leaves", run=run.run_id, **{key: "![x](http://x) <b>"})
    (warning,) = at.warning
    assert f"The {key} in the address" in warning.value
    assert "\\!\\[x\\]\\(http" in warning.value


@pytest.mark.parametrize("cells", ["lift", "count"])
def test_what_cells_show_is_in_the_address(lab: Lab, cells: str) -> None:
    run = lab.finish(small())
    at = open_page("leaves", run=run.run_id, cells=cells, part="all")
    assert at.radio(key="cells").value == cells
    assert at.query_params.get("cells") == (None if cells == "lift" else cells)


# Runs that end, go on or are gone


def test_failed_before_the_first_epoch(lab: Lab) -> None:
    newest = lab.finish(small())
    failed = lab.end(small(seed=1), "failed", None, "no <b>memory</b>")
    at = open_page("leaves", run=failed.run_id)
    assert "no <b>memory</b>" in plain(at.error[0].value)
    assert not figures(at)
    press(at, "Show the newest run")
    assert not at.error
    assert newest.label in words(at)


def test_running_before_the_first_epoch(lab: Lab) -> None:
    run = small()
    lab.start(run)
    at = open_page("leaves", run=run.run_id)
    assert "training" in words(at)
    assert not figures(at)
    assert at.info


def test_the_newest_epoch_of_a_running_run_is_asked_for(lab: Lab) -> None:
    run = small()
    claim = lab.start(run, 1)
    at = open_page("leaves", run=run.run_id)
    record = trained(run).records[2]
    lab.store.record(claim, [record])
    run_app(at)
    assert at.select_slider(key="epoch").value == 1
    assert "epoch 2 of 3" in words(at)
    press(at, "Show newest epoch")
    assert at.select_slider(key="epoch").value == 2
    counts = leaf_counts(record.leaves[0, "train"], 2)
    icicle = table_with(at, "node", "level", "rows")
    assert icicle[icicle["level"] == 2]["rows"].tolist() == counts.tolist()


def test_stopped_run_shows_its_last_epoch(lab: Lab) -> None:
    run = lab.end(small(), "stopped")
    at = open_page("leaves", run=run.run_id)
    expected = breadth_first(leaf_counts(lab.store.leaves(run.run_id, 0, "train", 1), 2))
    assert rows_of_nodes(at) == expected
    assert "epoch 1 of 3" in words(at)


def test_unknown_run(lab: Lab) -> None:
    lab.finish(small())
    at = open_page("leaves", run="feedbeef")
    assert any("feedbeef" in error.value for error in at.error)
    press(at, "Show the newest run")
    assert len(rows_of_nodes(at)) == 7


@pytest.mark.parametrize("epochs", [None, 1])
def test_a_run_that_is_deleted_while_the_page_follows_it(lab: Lab, monkeypatch: pytest.MonkeyPatch, epochs: Any) -> None:
    """What the timer does a second later, when the run is gone."""
    run = small()
    claim = lab.start(run, epochs)
    real = choose_view._when_changed
    gone = []

    def when_changed(run_id: str, *seen: Any) -> None:
        if not gone:
            gone.append(run_id)
            lab.store.end(claim, "stopped")
            lab.store.delete([run_id])
        real(run_id, *seen)

    monkeypatch.setattr(choose_view, "_when_changed", when_changed)
    at = open_page("leaves", run=run.run_id)
    assert gone == [run.run_id]
    assert f"Run {run.label} is not here yet" in words(at)
    assert {"Show the newest run"} < {button.label for button in at.button}


def test_a_run_deleted_between_two_visits(lab: Lab) -> None:
    run, other = small(seed=1), small(seed=2)
    lab.finish(run)
    at = open_page("leaves", run=run.run_id)
    lab.store.delete([run.run_id])
    lab.finish(other)
    run_app(at)
    assert "is not here yet" in words(at)
    press(at, "Show the newest run")
    assert "s2" in words(at)
    assert chart_keys(at) >= {"class_mix"}


def test_what_was_chosen_in_a_deep_run_does_not_break_a_shallow_one(lab: Lab) -> None:
    deep, shallow = lab.finish(small(depth=9, width=10)), lab.finish(small("iris", depth=1))
    at = open_page("leaves", run=deep.run_id, node=900, root=40, epoch=1)
    at.selectbox(key="_picked_run").set_value(shallow.run_id)
    run_app(at)
    assert len(rows_of_nodes(at)) == 3
    assert param(at, "run") == shallow.run_id
    assert not at.warning


def test_weights_from_within_an_epoch_are_not_said_to_be_after_it(lab: Lab) -> None:
    """A run stopped within an epoch keeps weights that no complete epoch had."""
    run = small()
    steps = iter(range(1000))
    trainer = Trainer(run, should_stop=lambda: next(steps) >= 6, seconds_between_looks=0)
    records = list(trainer.epochs())
    claim = lab.start(run)
    lab.store.end(claim, "stopped", None, records, {CHECKPOINT: pack(trainer.state())})
    assert trainer.stopped
    assert trainer.state()["progress"][:2].tolist() == [1, 2]
    at = open_page("leaves", run=run.run_id, node=0)
    assert "net after the last epoch" not in words(at)


def test_an_epoch_that_comes_while_the_page_draws_is_left_for_the_next_look(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running run may record further epochs between what the page reads first and what it reads last."""
    run = small()
    claim = lab.start(run, 1)
    waiting = list(trained(run).records[2:])
    real = choose_view.load

    def load_while_it_trains(*arguments: Any) -> Any:
        if waiting:
            lab.store.record(claim, [waiting.pop(0)])
        return real(*arguments)

    monkeypatch.setattr(choose_view, "load", load_while_it_trains)
    at = open_page("leaves", run=run.run_id, part="epochs")
    assert table_with(at, "epoch", "changed", "settled")["epoch"].tolist() == [0, 1]
    waiting[:] = list(trained(run).records[3:])
    at = open_page("balance", run=run.run_id)
    assert table_with(at, "epoch", "value")["epoch"].tolist() == [0, 1, 2]


# The parts below the tree


@pytest.mark.parametrize("kind", ["tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean"])
@pytest.mark.parametrize("name", ["wine", "digits"])
def test_a_row_is_explained_by_the_net(lab: Lab, name: str, kind: str) -> None:
    run = small(name, depth=2, epochs=2, kind=kind)
    records = trained(lab.finish(run)).records
    data = load(run.data, run.data_seed)
    place = len(data.test.y) // 2
    leaf = int(records[-1].leaves[0, "test"][place])
    row = int(data.test.index[place])
    at = open_page("leaves", run=run.run_id, split="test", part="explain", node=3 + leaf, row=row)
    explained = explain(read_module(train(run).net), data.test.x[place], 0)
    table = table_with(at, "node", "class", "contribution")
    sums = table[table["node"] == "sum (logits)"]["contribution"].to_numpy()
    np.testing.assert_allclose(sums, explained.logits, rtol=1e-4)
    gates = table_with(at, "bit", "pre-activation", "margin")
    np.testing.assert_allclose(gates["margin"], [gate.margin for gate in explained.gates], rtol=1e-5)
    flip = explained.flip
    assert flip is not None
    said = words(at)
    assert f"The nearest gate is bit {flip.level + 1}" in said
    assert str(data.class_names[flip.prediction]) in said
    shown = set(at.query_params.items()) & {("row", str(row)), ("node", str(3 + leaf))}
    assert len(shown) >= 1


def test_a_row_that_is_in_no_leaf_of_the_split_is_said(lab: Lab) -> None:
    run = lab.finish(small(depth=1))
    data = load(run.data, run.data_seed)
    at = open_page("leaves", run=run.run_id, split="test", part="explain", row=int(data.train.index[0]))
    assert any("The row in the address must be one of the test rows" in warning.value for warning in at.warning)
    assert "contributions" in chart_keys(at)


def test_a_row_left_behind_by_a_click_is_not_blamed_on_the_address(lab: Lab, told: Callable[..., None]) -> None:
    run = small(depth=1)
    records = trained(lab.finish(run)).records
    data = load(run.data, run.data_seed)
    leaf = records[-1].leaves[0, "train"]
    row = int(data.train.index[np.flatnonzero(leaf == leaf[0])[-1]])
    told(node=1 + int(1 - leaf[0]))
    at = open_page("leaves", run=run.run_id, part="explain", node=1 + int(leaf[0]), row=row)
    assert not at.warning
    press(at, "tree")
    assert not at.warning
    assert at.query_params.get("row") != str(row)


@pytest.mark.parametrize("part", ["explain", "margins", "matrix", "errors"])
def test_parts_that_ask_the_net_say_when_its_weights_are_not_kept(lab: Lab, part: str) -> None:
    run = lab.finish(small())
    at = open_page("leaves", run=run.run_id, part=part, epoch=1)
    assert "only the weights of the last epoch" in words(at)
    press(at, "Go to the last epoch")
    assert "only the weights of the last epoch" not in words(at)


def test_margins_and_errors_are_those_of_the_net(lab: Lab) -> None:
    run = small()
    records = trained(lab.finish(run)).records
    data = load(run.data, run.data_seed)
    net = train(run).net
    at = open_page("leaves", run=run.run_id, part="margins", split="validation")
    table = table_with(at, "level", "median")
    np.testing.assert_allclose(table["median"], np.median(margins(read_module(net), data.validation.x, 0), axis=0), rtol=1e-5)
    at = open_page("leaves", run=run.run_id, part="errors")
    with torch.no_grad():
        logits = net(torch.tensor(data.test.x)).numpy()
    expected = errors_by_leaf(records[-1].leaves[0, "test"], data.test.y, logits, 2)
    shown = table_with(at, "leaf", "test rows", "test error").dropna(subset="test error")
    assert shown["leaf"].tolist() == expected["leaf"].tolist()
    np.testing.assert_allclose(shown["test error"], expected["error"])
    np.testing.assert_allclose(shown["test loss"], expected["loss"], rtol=1e-5)


def test_rows_of_rarely_seen_leaves_against_the_dense_net(lab: Lab) -> None:
    run = lab.finish(small(depth=2, seed=3))
    at = open_page("leaves", run=run.run_id, part="errors")
    assert "rare_rows" not in chart_keys(at)
    for kind in ("tree", "flat", "dense"):
        for seed in range(3, 8):
            one = changed(run, {"net.kind": kind, "seed": seed})
            if one != run:
                lab.finish(one)
    at = open_page("leaves", run=run.run_id, part="errors")
    assert "rare_rows" in chart_keys(at)
    table = table_with(at, "model", "bin", "difference")
    assert set(table["model"]) == {"tree", "flat"}
    rows = len(load(run.data, run.data_seed).test.y)
    for model in ("tree", "flat"):
        assert table[table["model"] == model]["rows"].sum() == 5 * rows
    # pooled over bins it is the plain difference of errors
    accuracy = {
        kind: np.mean(
            [lab.store.run(changed(run, {"net.kind": kind, "seed": s}).run_id).last["test_accuracy"] for s in range(3, 8)]
        )
        for kind in ("tree", "dense")
    }
    tree = table[table["model"] == "tree"]
    pooled = (tree["difference"] * tree["rows"]).sum() / tree["rows"].sum()
    assert pooled == pytest.approx(100 * (accuracy["dense"] - accuracy["tree"]), abs=1e-6)


def test_loads_over_epochs_and_the_dense_nets_bits(lab: Lab) -> None:
    run = small()
    records = trained(lab.finish(run)).records
    series = np.stack([record.leaves[0, "train"] for record in records])
    at = open_page("leaves", run=run.run_id, part="epochs")
    changes = table_with(at, "epoch", "changed", "settled")
    np.testing.assert_allclose(changes["settled"], settled(series))
    np.testing.assert_allclose(changes["changed"].iloc[1:], churn(series))
    assert table_with(at, "pattern", "epoch", "dense_share")["dense_share"].isna().all()
    dense = changed(run, {"net.kind": "dense"})
    lab.finish(dense)
    at = open_page("leaves", run=run.run_id, part="epochs")
    table = table_with(at, "pattern", "epoch", "dense_share")
    with torch.no_grad():
        z = train(dense).net.hidden(torch.tensor(load(run.data, run.data_seed).train.x))[:, :2]
    bits = (z > 0).numpy()
    for pattern, share in table.groupby("pattern")["dense_share"].first().items():
        wanted = [int(bit) for bit in str(pattern).split()]
        assert share == pytest.approx((bits == wanted).all(1).mean())


def test_a_decision_tree_stands_beside_the_net(lab: Lab) -> None:
    run = small()
    records = trained(lab.finish(run)).records
    other = changed(run, {"net.kind": "decision_tree"})
    at = open_page("leaves", run=run.run_id, part="decision_tree", split="test")
    assert "not fitted yet" in words(at)
    press(at, "_decision_tree_train")
    assert Worker(lab.store, "w").work_once()
    at = open_page("leaves", run=run.run_id, part="decision_tree", split="test")
    data, model = load(run.data, run.data_seed), fit(other)
    assert model is not None
    assert model.trees is not None
    tree = decision_leaves(model.trees, data)
    table = table_with(at, "statistic", "tree net", "decision tree").set_index("statistic")
    theirs = np.bincount(tree.leaves["test"], minlength=tree.n_leaves)
    ours = leaf_counts(records[-1].leaves[0, "test"], 2)
    gini = STATISTICS["gini"]
    assert table.loc["Gini"].tolist() == [statistic_words(gini, balance(loads).gini) for loads in (ours, theirs)]
    labels = load(run.data, run.data_seed).test.y
    adjusted = [adjusted_mutual_info_score(labels, leaf) for leaf in (records[-1].leaves[0, "test"], tree.leaves["test"])]
    statistic = STATISTICS["adjusted_mutual_information"]
    assert table.loc[statistic.title].tolist() == [statistic_words(statistic, value) for value in adjusted]
    assert table.loc["test accuracy", "decision tree"] == theme.percent(tree.score["test"])
    before = open_page("leaves", run=run.run_id, part="decision_tree", split="test", epoch=0)
    shown = table_with(before, "statistic", "tree net").set_index("statistic").loc["test accuracy", "tree net"]
    assert shown == theme.percent(records[0].metrics["test", "accuracy"])  # of the shown epoch, not of the last
    ranks = table_with(at, "model", "rank", "rows")
    assert ranks[ranks["model"] == "decision tree"]["rows"].tolist() == sorted(theirs.tolist(), reverse=True)


@pytest.mark.parametrize(("depth", "impossible", "possible"), [(3, "1 of 8 leaves is", 7), (4, "5 of 16 leaves are", 11)])
def test_impossible_leaves_are_counted_where_that_can_be_proved(lab: Lab, depth: int, impossible: str, possible: int) -> None:
    run = lab.finish(small("xor", depth=depth, width=8))
    at = open_page("leaves", run=run.run_id, part="all")
    proof = f"At least {impossible} impossible: {depth} hyperplanes cut 2 dimensions into at most {possible} cells"
    assert proof in words(at)


@pytest.mark.parametrize(
    "part", ["classes", "all", "epochs", "splits", "explain", "margins", "matrix", "errors", "decision_tree"]
)
@pytest.mark.parametrize("depth", [0, 8])
def test_every_part_at_the_ends_of_depth(lab: Lab, part: str, depth: int) -> None:
    run = lab.finish(small("iris", depth=depth, width=8))
    at = open_page("leaves", run=run.run_id, part=part)
    assert not at.error
    assert at.query_params.get("part") == (None if part == "classes" else part)


def test_leaves_beside_the_chosen_one_are_in_the_address(lab: Lab) -> None:
    run = lab.finish(small(depth=3))
    at = open_page("leaves", run=run.run_id, part="epochs", node=7, lines="5,2")
    table = table_with(at, "pattern", "epoch", "share")
    assert list(dict.fromkeys(table["pattern"])) == ["0 0 0", "1 0 1", "0 1 0"]
    assert at.query_params["lines"] == "5,2"
    at.multiselect(key="lines").set_value([1])
    run_app(at)
    assert at.query_params["lines"] == "1"
    bad = open_page("leaves", run=run.run_id, part="epochs", lines="5,99")
    assert any("lines in the address" in warning.value for warning in bad.warning)


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("classes", ("members", "class_mix", "mean_image")),
        ("all", ("patterns", "heatmap")),
        ("epochs", ("leaf_lines", "changed")),
        ("splits", ("split_icicles",)),
        ("explain", ("contributions", "row_image")),
        ("margins", ("margins",)),
        ("matrix", ("matrices",)),
        ("decision_tree", ("load_ranks",)),
    ],
)
def test_a_projector_gets_large_text(lab: Lab, part: str, keys: tuple[str, ...]) -> None:
    run = lab.finish(small("digits", epochs=2))
    if part == "decision_tree":
        lab.work(changed(run, {"net.kind": "decision_tree"}))
    at = open_page("leaves", run=run.run_id, size="projector", part=part)
    for key in keys:
        assert figures(at)[key]["layout"]["template"]["layout"]["font"]["size"] >= 24, key


@pytest.mark.parametrize(("data", "first"), [("moons", "x1"), ("wine", "smallest margin")])
def test_few_features_stand_before_what_is_said_of_the_gates(lab: Lab, data: str, first: str) -> None:
    run = lab.finish(small(data, depth=2, width=4, epochs=1))
    at = open_page("leaves", run=run.run_id)
    (table,) = (element for element in at.dataframe if "smallest margin" in element.value.columns)
    order = list(table.proto.column_order)
    after_wrong = order[order.index("wrong") + 1]
    assert after_wrong == first
    assert sorted(order) == sorted(table.value.columns)
