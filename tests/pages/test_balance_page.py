"""Balance: its numbers are the core's for the run, layer, split, epoch and length in the address, and wrong ones are said."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leafscope.app.parts.statistic import statistic_words
from leafscope.core.config import SweepConfig, changed
from leafscope.core.config.presets import depth_sweep
from leafscope.core.datasets import load
from leafscope.core.inspection.trained import trained_net
from leafscope.core.sweep import run_sweep
from leafscope.core.usage.chance import expected_balance, expected_divergence
from leafscope.core.usage.change import divergence
from leafscope.core.usage.counts import class_counts, leaf_counts, prefix_counts
from leafscope.core.usage.evenness import balance, carrying
from leafscope.core.usage.hyperplanes import expected_under_hyperplanes
from leafscope.core.usage.information import information
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from leafscope.core.usage.statistics import STATISTICS, Statistic
from tests.core.usage.toys import fullest  # noqa: F401 -- a fixture
from tests.pages.harness import (
    Lab,
    button,
    chart_keys,
    figures,
    go,
    open_page,
    press,
    run_app,
    small,
    table_with,
    trained,
    words,
)


def tiles(app: Any) -> dict[str, tuple[str, str]]:
    """Title of each number on the page -> its value and what stands below it."""
    return {metric.label: (metric.value, f"{metric.delta} | {metric.help}") for metric in app.metric}


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


OF_MORE_THAN_COUNTS = ("churn", "settled", "purity", "mutual_information")
"""Statistics with a chance level, which is said below their epochs."""


@pytest.mark.parametrize("name", [name for name in STATISTICS if name not in (*OF_MORE_THAN_COUNTS, "divergence")])
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


@pytest.mark.parametrize(
    ("aspect", "depth"),
    [*(("epochs", depth) for depth in (0, 5)), *(("information", depth) for depth in (0, 5)), ("variants", 0), ("variants", 1)],
)
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
    for name in OF_MORE_THAN_COUNTS:
        level = INDEPENDENT_BITS if name in ("churn", "settled") else HYPERPLANES
        app = open_page("balance", run=run.run_id, statistic=name)
        assert f"under {level.name}" in words(app), name
        assert table_with(app, "epoch", "value")["epoch"].tolist() == [0, 1, 2, 3]
        assert "statistic_epochs" in chart_keys(app)


@pytest.mark.parametrize("gates", ["hidden", "units"])
def test_both_chance_levels_are_said_where_they_are_known(lab: Lab, gates: str, downloads: dict[str, Any]) -> None:
    """Hidden gates see the rows at any epoch; separate units see what a net computes that is kept of the last one only."""
    run = small("wine", depth=3, gates=gates)
    lab.finish(run)
    net = trained_net(lab.store, run.run_id)
    assert net is not None
    x = load(run.data, run.data_seed).train.x
    seen = x if gates == "hidden" else np.maximum(net.net.linear("hidden", x), 0)
    statistic = STATISTICS["effective_leaves"]
    expected = expected_under_hyperplanes(seen, 3)
    for epoch in (3, 0):
        app = open_page("balance", run=run.run_id, epoch=epoch)
        below = tiles(app)[statistic.title][1]
        assert "independent bits: " in below
        is_known = gates == "hidden" or epoch == 3
        assert (f"random hyperplanes: {statistic_words(statistic, expected['effective_leaves'].mean)}" in below) == is_known
        needed = f"{HYPERPLANES.name} would need {expected['carrying_90'].mean:.0f}"
        assert (needed in words(app)) == is_known
        saved = pd.read_csv(io.StringIO(downloads["balance.csv"]().decode())).set_index("statistic")
        means = saved.loc[statistic.title, ["bits_mean", "hyperplanes_mean"]].astype(float)
        assert means.notna().tolist() == [True, is_known]
        lines = {trace.get("name") for trace in figures(app)["lorenz"]["data"]}
        assert (HYPERPLANES.name in lines) == is_known
        assert INDEPENDENT_BITS.name in lines


def test_a_new_statistic_of_counts_is_on_the_page(lab: Lab, fullest: Statistic, downloads: dict[str, Any]) -> None:  # noqa: F811
    run = small("wine", depth=3)
    records = trained(lab.finish(run)).records
    app = open_page("balance", run=run.run_id, statistic="fullest")
    counts = [leaf_counts(record.leaves[0, "train"], 3) for record in records]
    shares = [n.max() / n.sum() for n in counts]
    value, below = tiles(app)[fullest.title]
    assert value == statistic_words(fullest, shares[-1])
    chance = expected_balance(counts[-1])["fullest"]
    assert f"independent bits: {statistic_words(fullest, chance.mean)}" in below
    assert fullest.title in downloads["balance.csv"]().decode()
    assert fullest.title in app.selectbox(key="statistic").options
    np.testing.assert_allclose(table_with(app, "epoch", "value")["value"], shares)
    assert f"under {HYPERPLANES.name}" in words(app)
    app = open_page("balance", run=run.run_id, aspect="variants", compared="fullest", variant_seeds=1)
    assert table_with(app, "variant", "seed", "value")["value"].iloc[0] == pytest.approx(shares[-1])


OWN = SweepConfig(
    name="own",
    base=small("wine"),
    axes={"net.kind": ["tree", "flat"], "net.depth": [1, 2], "net.width": [4, 6], "seed": [1, 2]},
    baselines=["dense", "decision_tree"],
    report_seeds=[5, 6],
)
LATER = SweepConfig(name="later", base=small("iris"), axes={"net.depth": [0, 1], "seed": [1, 2]})


def across_depths(app: Any, downloads: dict[str, Any]) -> tuple[str, pd.DataFrame, tuple[str, str]]:
    """The title of the figure of leaf use across depths, its numbers, and the words and address of the link below it."""
    (link,) = [link.proto for link in app.get("page_link") if "this sweep" in link.proto.label]
    table = pd.read_csv(io.BytesIO(downloads["leaf_use_by_depth.csv"]()))
    return figures(app)["leaf_use_by_depth"]["layout"]["title"]["text"], table, (link.label, link.query_string)


def test_leaf_use_across_depths_is_that_of_the_runs_own_sweep_as_overfitting_shows_it(
    lab: Lab, downloads: dict[str, Any]
) -> None:
    for sweep in (OWN, LATER):
        run_sweep(sweep, store=lab.store)
    own = changed(OWN.base, {"net.width": 6})
    for seed in (2, 6):  # one that chooses, one that is reported
        run = changed(own, {"seed": seed})
        title, table, link = across_depths(open_page("balance", run=run.run_id, leaf_use="used_leaves"), downloads)
        assert link == ("Errors of this sweep: own", f"sweep={OWN.sweep_id}")
        there = open_page("overfitting", sweep=OWN.sweep_id, leaf_use="used_leaves", at_width=6)
        assert title == figures(there)["leaf_use_by_depth"]["layout"]["title"]["text"]
        assert "width 6" in title
        pd.testing.assert_frame_equal(table, pd.read_csv(io.BytesIO(downloads["leaf_use_by_depth.csv"]())))
        assert set(table["model"]) >= {"tree", "flat", "dense", HYPERPLANES.name, INDEPENDENT_BITS.name}


def test_of_a_run_that_no_sweep_has_leaf_use_is_that_of_the_current_sweep(lab: Lab, downloads: dict[str, Any]) -> None:
    for sweep in (OWN, LATER):
        run_sweep(sweep, store=lab.store)
    alone = lab.finish(small("moons"))
    app = open_page("balance", run=alone.run_id)
    assert "The run on screen belongs to no sweep" in words(app)
    title, table, link = across_depths(app, downloads)
    assert (set(table["depth"]), link[0]) == ({0.0, 1.0}, "Errors of this sweep: later")
    assert "iris" in title
    title, table, link = across_depths(open_page("balance", run=alone.run_id, sweep=OWN.sweep_id), downloads)
    assert (set(table["depth"]), link[0]) == ({1.0, 2.0}, "Errors of this sweep: own")
    assert "wine, 98 training rows, width 4" in title
    title, _, _ = across_depths(open_page("balance", run=alone.run_id, sweep="gone"), downloads)
    assert "iris" in title


def test_without_a_sweep_a_button_trains_the_first_one(lab: Lab) -> None:
    alone = lab.finish(small("wine"))
    app = open_page("balance", run=alone.run_id)
    assert "leaf_use_by_depth" not in figures(app)
    assert "This section will show" in words(app)
    app = press(app, "Train the first sweep")
    (sweep,) = lab.store.sweeps()
    assert sweep.config == depth_sweep()
    assert app.title[0].value == "How train and test error move with depth"
