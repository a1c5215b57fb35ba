"""Balance: its numbers are the core's for the run, layer, split, epoch and length in the address, and wrong ones are said."""

from typing import Any

import numpy as np
import pytest

from leafscope.app.parts.statistic import statistic_words
from leafscope.core.config import changed
from leafscope.core.datasets import load
from leafscope.core.usage.chance import expected_balance, expected_divergence
from leafscope.core.usage.change import divergence
from leafscope.core.usage.counts import class_counts, leaf_counts, prefix_counts
from leafscope.core.usage.evenness import balance, carrying
from leafscope.core.usage.information import information
from leafscope.core.usage.statistics import STATISTICS, Statistic
from tests.core.usage.toys import fullest  # noqa: F401 -- a fixture
from tests.pages.harness import (
    Lab,
    button,
    chart_keys,
    go,
    open_page,
    run_app,
    small,
    table_with,
    trained,
    words,
)


def tiles(app: Any) -> dict[str, tuple[str, str]]:
    """Title of each number on the page -> its value and what stands below it."""
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


@pytest.mark.parametrize(
    ("layer", "split", "epoch", "length"), [(1, "train", 3, 3), (0, "test", 0, 2), (1, "validation", 1, 1)]
)
def test_numbers_are_those_of_the_core(lab: Lab, layer: int, split: str, epoch: int, length: int) -> None:
    run = small("wine", depth=3, tree_layers=2)
    records = trained(lab.finish(run)).records
    app = open_page("balance", run=run.run_id, layer=layer, split=split, epoch=epoch, length=length)
    assert not app.warning
    data = load(run.data, run.data_seed)
    leaf = records[epoch].leaves[layer, split]
    counts = prefix_counts(leaf_counts(leaf, 3), length)
    even = balance(counts)
    by_class = class_counts(leaf >> (3 - length), data.splits[split].y, length, 3)
    shown = tiles(app)
    effective = statistic_words(STATISTICS["effective_leaves"], even.effective_leaves)
    assert shown["Effective leaves"][0] == f"{effective} of {2**length}"
    assert shown["Unused leaves"][0] == f"{(counts == 0).sum()} of {2**length}"
    times = statistic_words(STATISTICS["max_violation"], counts.max() / counts.mean())
    assert shown["Fullest leaf / mean"][0] == f"{times} times"
    for name in ("gini", "entropy", "cv2"):
        statistic = STATISTICS[name]
        assert shown[statistic.title][0] == statistic_words(statistic, getattr(even, name))
        chance = expected_balance(counts)[name]
        assert statistic_words(statistic, chance.mean) in shown[statistic.title][1]
    adjusted, apart = STATISTICS["adjusted_mutual_information"], STATISTICS["divergence"]
    assert shown[adjusted.title][0] == statistic_words(adjusted, information(by_class).adjusted)
    both = [prefix_counts(leaf_counts(records[epoch].leaves[layer, name], 3), length) for name in ("train", "test")]
    assert shown[apart.title][0] == statistic_words(apart, divergence(*both))
    assert statistic_words(apart, expected_divergence(*both).mean) in shown[apart.title][1]
    assert f"{carrying(counts)} of {2**length}" in words(app)
    written = {name: app.query_params.get(name) for name in ("layer", "split", "epoch", "length")}
    usual = {"layer": 1, "split": "train", "epoch": 3, "length": 3}
    given = {"layer": layer, "split": split, "epoch": epoch, "length": length}
    assert written == {name: None if given[name] == usual[name] else str(given[name]) for name in usual}


@pytest.mark.parametrize("name", list(STATISTICS))
def test_each_statistic_over_the_epochs(lab: Lab, name: str) -> None:
    run = small("wine", depth=3)
    records = trained(lab.finish(run)).records
    app = open_page("balance", run=run.run_id, statistic=name)
    table = table_with(app, "epoch", "value")
    assert table["epoch"].tolist() == [0, 1, 2, 3]
    if name in ("gini", "entropy", "cv2", "max_violation", "effective_leaves", "dead_fraction"):
        expected = [getattr(balance(leaf_counts(record.leaves[0, "train"], 3)), name) for record in records]
        np.testing.assert_allclose(table["value"], expected)
    assert "statistic_epochs" in chart_keys(app)


@pytest.mark.parametrize("aspect", ["epochs", "information", "variants"])
@pytest.mark.parametrize("depth", [0, 1, 5])
def test_every_part_at_every_depth(lab: Lab, aspect: str, depth: int) -> None:
    run = lab.finish(small("wine", depth=depth, kind="flat" if depth == 1 else "tree"))
    app = open_page("balance", run=run.run_id, aspect=aspect, size="projector")
    assert app.query_params.get("aspect") == (None if aspect == "epochs" else aspect)
    assert not app.error
    if depth == 0:
        assert "1 of 1 leaves carries 90 %" in words(app)


def test_variants_stand_beside_the_run_and_are_queued_by_one_press(lab: Lab) -> None:
    run = small("wine", depth=3)
    records = trained(lab.finish(run)).records
    app = open_page("balance", run=run.run_id, aspect="variants", variant_seeds=1)
    table = table_with(app, "variant", "seed", "value")
    assert table["variant"].iloc[0] == "as it is"
    counts = leaf_counts(records[-1].leaves[0, "train"], 3)
    assert table["value"].iloc[0] == pytest.approx(balance(counts).gini)
    assert set(table["status"].iloc[1:]) == {"not trained"}
    count = len(table)
    assert len(set(table["run"])) == count >= 9
    label = f"Train {count} variants for 1 seed ({count - 1} runs"
    next(button for button in app.button if button.label.startswith(label)).click()
    run_app(app)
    queued = [summary for summary in lab.store.list_runs() if summary.status == "queued"]
    assert {summary.run_id for summary in queued} == set(table["run"].iloc[1:])
    assert {summary.config.train.balance for summary in queued} == {0.0, 0.01, 0.1, 1.0}
    assert f"0 of {count}" in words(app) or f"1 of {count}" in words(app)


@pytest.mark.parametrize(
    ("name", "bad", "known"),
    [
        ("length", "4", "from 0 to 3"),
        ("epoch", "77", "one that was recorded, 0 to 3"),
        ("split", "<b>", "train, validation or test"),
        ("aspect", "![x](http://x)", "one of epochs, information, variants"),
    ],
)
def test_what_is_not_there_is_said_and_the_usual_is_shown(lab: Lab, name: str, bad: str, known: str) -> None:
    run = lab.finish(small("wine", depth=3))
    app = open_page("balance", run=run.run_id, **{name: bad})
    (warning,) = app.warning
    assert known in warning.value.replace("\\", "").replace("\u2060", "")
    assert name not in app.query_params
    assert len(app.metric) >= 3


@pytest.mark.parametrize("kind", ["dense", "none", "failed", "running"])
def test_nothing_to_measure_is_a_sentence_and_a_way_back(lab: Lab, kind: str) -> None:
    run = small("wine", **({"kind": "dense"} if kind == "dense" else {}))
    if kind == "dense":
        lab.finish(run)
    elif kind == "failed":
        lab.end(run, "failed", None, "out of memory")
    elif kind == "running":
        lab.start(run, None)
    app = open_page("balance", run=run.run_id)
    assert not app.metric
    said = words(app)
    reason = {"dense": "no gates", "none": "There is no run", "failed": "out of memory", "running": "no epoch yet"}
    assert reason[kind] in said
    if kind in ("none", "failed"):
        lab.finish(small("wine", seed=5))
        button(app, "Show the newest run").click()
        run_app(app)
        assert app.metric


def test_the_choices_go_along_to_leaves(lab: Lab) -> None:
    run = lab.finish(small("wine", depth=3))
    app = open_page("balance", run=run.run_id, epoch=1, split="test")
    go(app, "leaves")
    assert app.query_params["epoch"] == "1"
    assert app.query_params["split"] == "test"
    assert app.select_slider(key="epoch").value == 1


def test_a_running_run_stands_aside_from_what_is_trained_beside_it(lab: Lab) -> None:
    run = small("wine", depth=2)
    lab.start(run, 1)
    app = open_page("balance", run=run.run_id, aspect="variants", variant_seeds=1)
    count = len(table_with(app, "variant", "seed", "value"))
    assert any(button.label.startswith(f"Train {count} variants for 1 seed ({count - 1} runs") for button in app.button)


def test_variants_go_both_ways_and_begin_with_the_run_itself(lab: Lab) -> None:
    plain = small("wine", depth=2, gates="units")
    changes = {"train.balance": 0.1, "train.gate_gradient": "straight_through", "train.gate_noise": 0.5, "split_seed": 3}
    run = changed(plain, changes)
    lab.finish(run)
    app = open_page("balance", run=run.run_id, aspect="variants", variant_seeds=1)
    table = table_with(app, "variant", "seed", "value")
    assert table["run"].iloc[0] == run.run_id
    assert {"no penalty", "no gate noise", "gate gradient: no", "hidden units as gates"} <= set(table["variant"])


def test_chance_stands_beside_what_few_rows_alone_would_give(lab: Lab) -> None:
    run = small("wine", depth=6)
    records = trained(lab.finish(run)).records
    app = open_page("balance", run=run.run_id, statistic="divergence")
    both = [[leaf_counts(record.leaves[0, name], 6) for record in records] for name in ("train", "test")]
    table = table_with(app, "epoch", "value")
    np.testing.assert_allclose(table["value"], [divergence(*pair) for pair in zip(*both, strict=True)])
    assert "under random splits" in words(app)
    for name in ("churn", "settled", "purity", "mutual_information"):
        assert "under random routing" in words(open_page("balance", run=run.run_id, statistic=name)), name


def test_a_new_statistic_of_counts_is_on_the_page(lab: Lab, fullest: Statistic, downloads: dict[str, Any]) -> None:  # noqa: F811
    run = small("wine", depth=3)
    records = trained(lab.finish(run)).records
    app = open_page("balance", run=run.run_id, statistic="fullest")
    counts = [leaf_counts(record.leaves[0, "train"], 3) for record in records]
    shares = [n.max() / n.sum() for n in counts]
    value, below = tiles(app)[fullest.title]
    assert value == statistic_words(fullest, shares[-1])
    chance = expected_balance(counts[-1])["fullest"]
    assert f"random routing: {statistic_words(fullest, chance.mean)}" in below
    assert fullest.title in downloads["balance.csv"]().decode()
    assert fullest.title in app.selectbox(key="statistic").options
    np.testing.assert_allclose(table_with(app, "epoch", "value")["value"], shares)
    assert "under random routing" in words(app)
    app = open_page("balance", run=run.run_id, aspect="variants", compared="fullest", variant_seeds=1)
    assert table_with(app, "variant", "seed", "value")["value"].iloc[0] == pytest.approx(shares[-1])
