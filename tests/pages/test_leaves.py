"""The Leaves page: clicks, runs that end or go while it looks, and numbers against those of the net."""

from typing import Any

import numpy as np
import pytest
import torch

from leafscope.app.leaves import choose_view
from leafscope.core.config import RunConfig
from leafscope.core.datasets import load
from leafscope.core.training.loop import train
from leafscope.core.usage.counts import class_counts, leaf_counts


def leaf_of(run: RunConfig, split: str, layer: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The trained net's class and leaf of each row of a split, asked directly."""
    net = train(run).net
    with torch.no_grad():
        routed = net.routed(torch.tensor(load(run.data, run.data_seed).splits[split].x))
    return routed.logits.argmax(1).numpy(), routed.leaves[layer].numpy()


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_figure_counts_the_same_rows(shelf: Any, split: str) -> None:
    run = shelf.small("wine", depth=3, tree_layers=2)
    records = shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, split=split, epoch=2, layer=0, part="all")
    leaf = records[2].leaves[0, split]
    counts = leaf_counts(leaf, 3)
    icicle = shelf.table(app, "node", "level", "rows")
    assert icicle[icicle["level"] == 3]["rows"].tolist() == counts.tolist()
    assert icicle["rows"].iloc[0] == counts.sum()
    patterns = shelf.table(app, "leaf", "train_rows", "test_rows").sort_values("leaf")
    both = [leaf_counts(records[2].leaves[0, name], 3) for name in ("train", "test")]
    used = both[0] + both[1] > 0
    assert patterns["leaf"].tolist() == np.flatnonzero(used).tolist()
    assert patterns[["train_rows", "test_rows"]].to_numpy().tolist() == np.stack(both, 1)[used].tolist()
    labels = load(run.data, 0).splits[split].y
    by_class = class_counts(leaf, labels, 3, 3)
    heatmap = shelf.table(app, "leaf", "class", "lift")
    assert heatmap.sort_values(["leaf", "class"])["rows"].tolist() == by_class.ravel().tolist()
    fullest = int(counts.argmax())
    mix = shelf.table(app, "class", "split_rows")
    assert mix["rows"].tolist() == by_class[fullest].tolist()
    assert mix["split_rows"].tolist() == by_class.sum(0).tolist()
    assert f": {counts[fullest]} {'training' if split == 'train' else split} rows" in app.header[0].value


def test_members_have_the_classes_and_predictions_of_the_net(shelf: Any) -> None:
    run = shelf.small("wine", depth=2)
    shelf.finish(run)
    data = load(run.data, 0)
    predicted, leaf = leaf_of(run, "test")
    chosen = int(np.bincount(leaf, minlength=4).argmax())
    app = shelf.look("leaves", run=run.run_id, split="test", node=3 + chosen)
    table = shelf.table(app, "row", "class", "prediction", "wrong")
    members = leaf == chosen
    names = np.array(data.class_names)
    assert table["row"].tolist() == data.test.index[members].tolist()
    assert table["class"].tolist() == names[data.test.y[members]].tolist()
    assert table["prediction"].tolist() == names[predicted[members]].tolist()
    assert table["wrong"].tolist() == (predicted != data.test.y)[members].tolist()
    np.testing.assert_array_equal(table[list(data.feature_names)].to_numpy(), data.raw[data.test.index[members]])


def test_images_of_a_prefix_are_its_rows(shelf: Any, numbers: Any) -> None:
    run = shelf.small("digits", depth=2, epochs=2)
    records = shelf.finish(run)
    data = load(run.data, 0)
    node = 1  # the prefix 0
    app = shelf.look("leaves", run=run.run_id, split="test", node=node)
    members = np.flatnonzero(records[-1].leaves[0, "test"] >> 1 == 0)
    table = shelf.table(app, "row", "class", "prediction")
    assert table["row"].tolist() == data.test.index[members].tolist()
    mean = numbers(shelf.figure(app, "mean_image")["data"][0]["z"])
    np.testing.assert_allclose(mean, data.raw[data.test.index[members]].reshape(-1, 8, 8).mean(0), atol=1e-6)
    assert f"{len(members)} test rows" in app.header[0].value


# Clicks


def test_a_click_on_a_piece_shows_its_rows(shelf: Any, click_point: Any) -> None:
    run = shelf.small("wine", depth=2)
    records = shelf.finish(run)
    click_point("icicle", {"id": "n2"})
    app = shelf.look("leaves", run=run.run_id)
    app.button(key="icicle_click").click()
    shelf.rerun(app)
    n = int((records[-1].leaves[0, "train"] >> 1 == 1).sum())
    assert app.header[0].value == f"Prefix 1: {n} training rows"
    assert app.query_params["node"] == "2"


def test_a_click_on_a_cell_shows_its_leaf(shelf: Any, click_point: Any) -> None:
    run = shelf.small("wine", depth=2)
    records = shelf.finish(run)
    click_point("heatmap", {"customdata": [1]})
    app = shelf.look("leaves", run=run.run_id, part="all")
    app.button(key="heatmap_click").click()
    shelf.rerun(app)
    n = int((records[-1].leaves[0, "train"] == 1).sum())
    assert f"0 1: {n} training rows" in app.header[0].value
    assert app.query_params["node"] == "4"


def test_a_deep_tree_is_entered_by_a_click_and_left_by_a_button(shelf: Any, click_point: Any) -> None:
    run = shelf.small("wine", depth=9, width=10)
    records = shelf.finish(run)
    click_point("icicle", {"id": "n1"})
    app = shelf.look("leaves", run=run.run_id)
    assert shelf.table(app, "node", "level")["level"].max() == 6
    app.button(key="icicle_click").click()
    shelf.rerun(app)
    below = shelf.table(app, "node", "level", "rows")
    assert (below["node"].iloc[0], below["level"].max()) == (1, 7)
    assert below["rows"].iloc[0] == int((records[-1].leaves[0, "train"] >> 8 == 0).sum())
    assert app.query_params["root"] == "1"
    app.button(key="_whole").click()
    shelf.rerun(app)
    assert shelf.table(app, "node", "level")["node"].iloc[0] == 0
    assert "root" not in app.query_params


@pytest.mark.parametrize("root", ["1023", "9" * 5000])
def test_a_root_that_is_no_node_is_the_whole_tree(shelf: Any, root: str) -> None:
    run = shelf.small("wine", depth=9, width=10)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, root=root)
    assert shelf.table(app, "node", "level")["node"].iloc[0] == 0
    assert "root" not in app.query_params


@pytest.mark.parametrize("key", ["split", "node"])
def test_markup_in_the_address_is_text(shelf: Any, key: str) -> None:
    run = shelf.small("wine", depth=2, tree_layers=2)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, **{key: "![x](http://x) <b>"})
    (warning,) = app.warning
    assert f"The {key} in the address" in warning.value
    assert "\\!\\[x\\]\\(http" in warning.value


# Runs that end, go on or are gone


@pytest.mark.parametrize("epochs", [None, 1])
def test_a_run_that_is_deleted_while_the_page_follows_it(shelf: Any, monkeypatch: pytest.MonkeyPatch, epochs: Any) -> None:
    """What the timer does a second later, when the run is gone."""
    run = shelf.small("wine")
    claim = shelf.start(run, epochs)
    real = choose_view._when_changed
    gone = []

    def when_changed(run_id: str, *seen: Any) -> None:
        if not gone:
            gone.append(run_id)
            shelf.ahead.end(claim, "stopped")
            shelf.store.delete([run_id])
        real(run_id, *seen)

    monkeypatch.setattr(choose_view, "_when_changed", when_changed)
    app = shelf.look("leaves", run=run.run_id)
    assert gone == [run.run_id]
    assert f"Run {run.label} is not here yet" in shelf.said(app)
    assert {"Show the newest run"} < {button.label for button in app.button}


def test_a_run_deleted_between_two_visits(shelf: Any) -> None:
    run, other = shelf.small("wine", seed=1), shelf.small("wine", seed=2)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id)
    shelf.store.delete([run.run_id])
    shelf.finish(other)
    shelf.rerun(app)
    assert "is not here yet" in shelf.said(app)
    shelf.button(app, "Show the newest run").click()
    shelf.rerun(app)
    assert "s2" in shelf.said(app)
    assert shelf.charts(app) >= {"icicle", "class_mix"}


def test_the_picker_changes_the_run_and_the_address(shelf: Any) -> None:
    first, second = shelf.small("wine", seed=1), shelf.small("iris", depth=3, seed=2)
    shelf.finish(first)
    shelf.finish(second)
    app = shelf.look("leaves", run=first.run_id, node=5, epoch=1)
    app.selectbox(key="_picked_run").set_value(second.run_id)
    shelf.rerun(app)
    assert app.query_params["run"] == second.run_id
    assert len(shelf.table(app, "node", "level")) == 15
    assert not app.warning


def test_weights_from_within_an_epoch_are_not_said_to_be_after_it(shelf: Any) -> None:
    """A run stopped within an epoch keeps weights that no complete epoch had."""
    from leafscope.core.store.records import CHECKPOINT
    from leafscope.core.training.trainer import Trainer
    from leafscope.core.worker.worker import pack

    run = shelf.small("wine")
    steps = iter(range(1000))
    trainer = Trainer(run, should_stop=lambda: next(steps) >= 6, seconds_between_looks=0)
    records = list(trainer.epochs())
    claim = shelf.start(run)
    shelf.ahead.end(claim, "stopped", None, records, {CHECKPOINT: pack(trainer.state())})
    assert trainer.stopped
    assert trainer.state()["progress"][:2].tolist() == [1, 2]
    app = shelf.look("leaves", run=run.run_id, node=0)
    assert "net after the last epoch" not in shelf.said(app)


def test_the_newest_epoch_of_a_running_run_is_asked_for(shelf: Any) -> None:
    run = shelf.small("wine")
    claim = shelf.start(run, 1)
    app = shelf.look("leaves", run=run.run_id)
    record = shelf.records(run)[2]
    shelf.ahead.record(claim, [record])
    shelf.rerun(app)
    assert app.select_slider(key="epoch").value == 1
    assert "epoch 2 of 3" in shelf.said(app)
    shelf.button(app, "Show newest epoch").click()
    shelf.rerun(app)
    assert app.select_slider(key="epoch").value == 2
    counts = leaf_counts(record.leaves[0, "train"], 2)
    icicle = shelf.table(app, "node", "level", "rows")
    assert icicle[icicle["level"] == 2]["rows"].tolist() == counts.tolist()


@pytest.mark.parametrize("cells", ["lift", "count"])
def test_what_cells_show_is_in_the_address(shelf: Any, cells: str) -> None:
    run = shelf.small("wine")
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, cells=cells, part="all")
    assert app.radio(key="cells").value == cells
    assert app.query_params.get("cells") == (None if cells == "lift" else cells)


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("rows", ("icicle", "class_mix", "members", "mean_image")),
        ("all", ("patterns", "heatmap")),
        ("epochs", ("leaf_lines", "changed")),
        ("splits", ("split_icicles",)),
        ("explain", ("contributions", "row_image")),
        ("margins", ("margins",)),
        ("matrix", ("matrices",)),
        ("decision_tree", ("load_ranks",)),
    ],
)
def test_a_projector_gets_large_text(shelf: Any, part: str, keys: tuple[str, ...]) -> None:
    run = shelf.small("digits", epochs=2)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, size="projector", part=part)
    for key in keys:
        assert shelf.figure(app, key)["layout"]["template"]["layout"]["font"]["size"] >= 24, key
