"""The parts of Leaves below the tree: their numbers are the core's, and what is not there is said."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_mutual_info_score

from leafscope.app import theme
from leafscope.app.parts.statistic import statistic_words
from leafscope.core.config import changed
from leafscope.core.datasets import load
from leafscope.core.inspection.contributions import explain, margins
from leafscope.core.inspection.decision_leaves import decision_leaves
from leafscope.core.inspection.errors_by_leaf import errors_by_leaf
from leafscope.core.training.loop import train
from leafscope.core.usage.change import churn, settled
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.statistics import STATISTICS


@pytest.mark.parametrize("kind", ["tree", "flat"])
@pytest.mark.parametrize("name", ["wine", "digits"])
def test_a_row_is_explained_by_the_net(shelf: Any, name: str, kind: str) -> None:
    run = shelf.small(name, depth=2, epochs=2, kind=kind)
    records = shelf.finish(run)
    data = load(run.data, run.data_seed)
    place = len(data.test.y) // 2
    leaf = int(records[-1].leaves[0, "test"][place])
    row = int(data.test.index[place])
    app = shelf.look("leaves", run=run.run_id, split="test", part="explain", node=3 + leaf, row=row)
    explained = explain(train(run).net, data.test.x[place], 0)
    table = shelf.table(app, "node", "class", "contribution")
    sums = table[table["node"] == "sum (logits)"]["contribution"].to_numpy()
    np.testing.assert_allclose(sums, explained.logits, rtol=1e-4)
    gates = shelf.table(app, "bit", "pre-activation", "margin")
    np.testing.assert_allclose(gates["margin"], [gate.margin for gate in explained.gates], rtol=1e-5)
    flip = explained.flip
    assert flip is not None
    said = shelf.said(app)
    assert f"The nearest gate is bit {flip.level + 1}" in said
    assert str(data.class_names[flip.prediction]) in said
    shown = set(app.query_params.items()) & {("row", str(row)), ("node", str(3 + leaf))}
    assert len(shown) >= 1


def test_a_row_that_is_in_no_leaf_of_the_split_is_said(shelf: Any) -> None:
    run = shelf.small("wine", depth=1)
    shelf.finish(run)
    data = load(run.data, run.data_seed)
    app = shelf.look("leaves", run=run.run_id, split="test", part="explain", row=int(data.train.index[0]))
    assert any("The row in the address must be one of the test rows" in warning.value for warning in app.warning)
    assert "contributions" in shelf.charts(app)


@pytest.mark.parametrize("part", ["explain", "margins", "matrix", "errors"])
def test_parts_that_ask_the_net_say_when_its_weights_are_not_kept(shelf: Any, part: str) -> None:
    run = shelf.small("wine", depth=2)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, part=part, epoch=1)
    assert "only the weights of the last epoch" in shelf.said(app)
    shelf.button(app, "Go to the last epoch").click()
    shelf.rerun(app)
    assert "only the weights of the last epoch" not in shelf.said(app)


def test_margins_and_errors_are_those_of_the_net(shelf: Any) -> None:
    run = shelf.small("wine", depth=2)
    records = shelf.finish(run)
    data = load(run.data, run.data_seed)
    net = train(run).net
    app = shelf.look("leaves", run=run.run_id, part="margins", split="validation")
    table = shelf.table(app, "level", "median")
    np.testing.assert_allclose(table["median"], np.median(margins(net, data.validation.x, 0), axis=0), rtol=1e-5)
    app = shelf.look("leaves", run=run.run_id, part="errors")
    with torch.no_grad():
        logits = net(torch.tensor(data.test.x)).numpy()
    expected = errors_by_leaf(records[-1].leaves[0, "test"], data.test.y, logits, 2)
    shown = shelf.table(app, "leaf", "test rows", "test error").dropna(subset="test error")
    assert shown["leaf"].tolist() == expected["leaf"].tolist()
    np.testing.assert_allclose(shown["test error"], expected["error"])
    np.testing.assert_allclose(shown["test loss"], expected["loss"], rtol=1e-5)


def test_rows_of_rarely_seen_leaves_against_the_dense_net(shelf: Any) -> None:
    run = shelf.small("wine", depth=2, seed=3)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, part="errors")
    assert "rare_rows" not in shelf.charts(app)
    for kind in ("tree", "flat", "dense"):
        for seed in range(3, 8):
            one = changed(run, {"net.kind": kind, "seed": seed})
            if one != run:
                shelf.finish(one)
    app = shelf.look("leaves", run=run.run_id, part="errors")
    assert "rare_rows" in shelf.charts(app)
    table = shelf.table(app, "model", "bin", "difference")
    assert set(table["model"]) == {"tree", "flat"}
    rows = len(load(run.data, run.data_seed).test.y)
    for model in ("tree", "flat"):
        assert table[table["model"] == model]["rows"].sum() == 5 * rows
    # pooled over bins it is the plain difference of errors
    accuracy = {
        kind: np.mean(
            [shelf.store.run(changed(run, {"net.kind": kind, "seed": s}).run_id).last["test_accuracy"] for s in range(3, 8)]
        )
        for kind in ("tree", "dense")
    }
    tree = table[table["model"] == "tree"]
    pooled = (tree["difference"] * tree["rows"]).sum() / tree["rows"].sum()
    assert pooled == pytest.approx(100 * (accuracy["dense"] - accuracy["tree"]), abs=1e-6)


def test_loads_over_epochs_and_the_dense_nets_bits(shelf: Any) -> None:
    run = shelf.small("wine", depth=2)
    records = shelf.finish(run)
    series = np.stack([record.leaves[0, "train"] for record in records])
    app = shelf.look("leaves", run=run.run_id, part="epochs")
    changes = shelf.table(app, "epoch", "changed", "settled")
    np.testing.assert_allclose(changes["settled"], settled(series))
    np.testing.assert_allclose(changes["changed"].iloc[1:], churn(series))
    assert shelf.table(app, "pattern", "epoch", "dense_share")["dense_share"].isna().all()
    dense = changed(run, {"net.kind": "dense"})
    shelf.finish(dense)
    app = shelf.look("leaves", run=run.run_id, part="epochs")
    table = shelf.table(app, "pattern", "epoch", "dense_share")
    with torch.no_grad():
        z = train(dense).net.hidden(torch.tensor(load(run.data, run.data_seed).train.x))[:, :2]
    bits = (z > 0).numpy()
    for pattern, share in table.groupby("pattern")["dense_share"].first().items():
        wanted = [int(bit) for bit in str(pattern).split()]
        assert share == pytest.approx((bits == wanted).all(1).mean())


def test_a_decision_tree_stands_beside_the_net(shelf: Any) -> None:
    run = shelf.small("wine", depth=2)
    records = shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, part="decision_tree", split="test")
    tree = decision_leaves(run)
    table = shelf.table(app, "statistic", "tree net", "decision tree").set_index("statistic")
    theirs = np.bincount(tree.leaves["test"], minlength=tree.n_leaves)
    ours = leaf_counts(records[-1].leaves[0, "test"], 2)
    gini = STATISTICS["gini"]
    assert table.loc["Gini"].tolist() == [statistic_words(gini, balance(loads).gini) for loads in (ours, theirs)]
    labels = load(run.data, run.data_seed).test.y
    adjusted = [adjusted_mutual_info_score(labels, leaf) for leaf in (records[-1].leaves[0, "test"], tree.leaves["test"])]
    statistic = STATISTICS["adjusted_mutual_information"]
    assert table.loc[statistic.title].tolist() == [statistic_words(statistic, value) for value in adjusted]
    assert table.loc["test accuracy", "decision tree"] == theme.percent(tree.accuracy["test"])
    before = shelf.look("leaves", run=run.run_id, part="decision_tree", split="test", epoch=0)
    shown = shelf.table(before, "statistic", "tree net").set_index("statistic").loc["test accuracy", "tree net"]
    assert shown == theme.percent(records[0].metrics["test", "accuracy"])  # of the shown epoch, not of the last
    ranks = shelf.table(app, "model", "rank", "rows")
    assert ranks[ranks["model"] == "decision tree"]["rows"].tolist() == sorted(theirs.tolist(), reverse=True)


def test_impossible_leaves_are_counted_where_that_can_be_proved(shelf: Any) -> None:
    run = shelf.small("xor", depth=4, width=8)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, part="all")
    assert "At least 5 are impossible: 4 hyperplanes cut 2 dimensions into at most 11 cells" in shelf.said(app)


@pytest.mark.parametrize("part", ["rows", "all", "epochs", "splits", "explain", "margins", "matrix", "errors", "decision_tree"])
@pytest.mark.parametrize("depth", [0, 8])
def test_every_part_at_the_ends_of_depth(shelf: Any, part: str, depth: int) -> None:
    run = shelf.small("iris", depth=depth, width=8)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, part=part)
    assert not app.error
    assert app.query_params.get("part") == (None if part == "rows" else part)


def test_replay_shows_the_loads_epoch_by_epoch_and_leaves_the_page_there(shelf: Any) -> None:
    run = shelf.small("wine", depth=2)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id)
    shelf.button(app, "Play the epochs").click()
    shelf.rerun(app)
    assert "Epoch 0: the" in shelf.said(app)
    assert shelf.charts(app) == {"replay"}
    shelf.button(app, "Pause").click()
    shelf.rerun(app)
    assert app.select_slider(key="epoch").value == 1
    assert app.query_params["epoch"] == "1"
    assert "icicle" in shelf.charts(app)


def test_leaves_beside_the_chosen_one_are_in_the_address(shelf: Any) -> None:
    run = shelf.small("wine", depth=3)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id, part="epochs", node=7, lines="5,2")
    table = shelf.table(app, "pattern", "epoch", "share")
    assert list(dict.fromkeys(table["pattern"])) == ["0 0 0", "1 0 1", "0 1 0"]
    assert app.query_params["lines"] == "5,2"
    app.multiselect(key="lines").set_value([1])
    shelf.rerun(app)
    assert app.query_params["lines"] == "1"
    bad = shelf.look("leaves", run=run.run_id, part="epochs", lines="5,99")
    assert any("lines in the address" in warning.value for warning in bad.warning)


def test_an_epoch_that_comes_while_the_page_draws_is_left_for_the_next_look(
    shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running run may record further epochs between what the page reads first and what it reads last."""
    from leafscope.app.leaves import choose_view

    run = shelf.small("wine", depth=2)
    claim = shelf.start(run, 1)
    waiting = list(shelf.records(run)[2:])
    real = choose_view.load

    def load_while_it_trains(*arguments: Any) -> Any:
        if waiting:
            shelf.ahead.record(claim, [waiting.pop(0)])
        return real(*arguments)

    monkeypatch.setattr(choose_view, "load", load_while_it_trains)
    app = shelf.look("leaves", run=run.run_id, part="epochs")
    assert shelf.table(app, "epoch", "changed", "settled")["epoch"].tolist() == [0, 1]
    waiting[:] = list(shelf.records(run)[3:])
    app = shelf.look("balance", run=run.run_id)
    assert shelf.table(app, "epoch", "value")["epoch"].tolist() == [0, 1, 2]


def test_a_row_left_behind_by_a_click_is_not_blamed_on_the_address(shelf: Any, click_point: Any) -> None:
    run = shelf.small("wine", depth=1)
    records = shelf.finish(run)
    data = load(run.data, run.data_seed)
    leaf = records[-1].leaves[0, "train"]
    row = int(data.train.index[np.flatnonzero(leaf == leaf[0])[-1]])
    click_point("icicle", {"id": f"n{1 + int(1 - leaf[0])}"})
    app = shelf.look("leaves", run=run.run_id, part="explain", node=1 + int(leaf[0]), row=row)
    assert not app.warning
    app.button(key="icicle_click").click()
    shelf.rerun(app)
    assert not app.warning
    assert app.query_params.get("row") != str(row)


def test_replay_does_not_go_along_to_another_page(shelf: Any) -> None:
    run = shelf.small("wine", depth=2)
    shelf.finish(run)
    app = shelf.look("leaves", run=run.run_id)
    shelf.button(app, "Play the epochs").click()
    shelf.rerun(app)
    shelf.go(app, "balance")
    assert app.metric
    shelf.go(app, "leaves")
    assert "icicle" in shelf.charts(app)
