"""Overfitting: every number of every figure is the store's; sweeps are started, stopped and resumed; bad input is said."""

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
import torch
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from leafscope.app import theme
from leafscope.app.large import report
from leafscope.core import jobs
from leafscope.core.comparison import intervals, statistics
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed, presets
from leafscope.core.config.toml_file import parse_sweep
from leafscope.core.datasets import load
from leafscope.core.errors import NonFiniteLossError
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.large import answers
from leafscope.core.large import protocol as large_protocol
from leafscope.core.large import table as large_table
from leafscope.core.store.schema import sweeps
from leafscope.core.store.store import Store
from leafscope.core.sweep.choice import reporting_runs
from leafscope.core.sweep.members import distinct_runs, expand, run_ids
from leafscope.core.training.loop import train
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.leaf_use import leaf_use_by_chance
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from leafscope.core.worker.inline import run_sweep
from leafscope.core.worker.worker import Worker
from tests.pages.harness import (
    MAIN,
    Lab,
    decoded,
    figures,
    go,
    live_charts,
    open_lab,
    open_page,
    param,
    plain,
    press,
    progress,
    run_app,
    stock,
    words,
)

BASE = RunConfig(
    data=DataConfig(name="wine"), net=NetConfig(width=6), train=TrainConfig(epochs=3, batch_size=32, device="auto", lr=0.03)
)
SWEEP = SweepConfig(
    name="wine, small",
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 1, 2], "net.width": [6], "seed": [0, 1]},
    baselines=["dense", "dense_capacity", "random_gates", "logistic", "decision_tree"],
    tune_lr=[0.003, 0.05],
)
ROWS = SweepConfig(
    name="two sizes, two widths",
    base=changed(BASE, {"data.n_train": 40}),
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 1], "net.width": [4, 6], "data.n_train": [40, 80], "seed": [0, 1]},
    baselines=["dense", "decision_tree"],
)
GROWTH = SweepConfig(
    name="growth",
    base=BASE,
    axes={"net.depth": [0, 1, 2], "train.decay_growth": [1.0, 4.0], "seed": [0, 1]},
    baselines=["dense"],
)
ONE = SweepConfig(
    name="one seed",
    base=changed(BASE, {"train.lr": 0.3, "train.epochs": 4}),
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 1], "seed": [0]},
    baselines=["dense"],
)
TREES = SweepConfig(
    name="trees",
    base=changed(BASE, {"net.kind": "decision_tree"}),
    axes={"net.depth": [0, 2], "data.n_train": [40, 80], "seed": [0, 1]},
)
KEYS = [
    "error_by_computation",
    "help_map",
    "error_by_depth",
    "leaf_use_by_depth",
    "gap_by_depth",
    "tree_against_flat",
    "level_accuracy",
    "seed_curves",
]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which the sweeps above are trained, the first one last."""

    def fill(lab: Lab) -> None:
        for sweep in (TREES, ONE, GROWTH, ROWS, SWEEP):
            run_sweep(sweep, store=lab.store)

    return stock(tmp_path_factory.mktemp("sweeps"), fill)


@pytest.fixture
def swept(stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The store of those sweeps."""
    lab = open_lab(tmp_path, monkeypatch, stocked)
    yield lab
    lab.store.close()


@pytest.fixture(scope="module")
def kept(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The store of those sweeps for tests that only look at it, so that what pages compute of it is computed once."""
    with pytest.MonkeyPatch.context() as patch:
        lab = open_lab(tmp_path_factory.mktemp("kept"), patch, stocked)
        yield lab
        lab.store.close()


def show(sweep: SweepConfig | str | None = None, **address: object) -> AppTest:
    """Open the page at an address."""
    asked = {} if sweep is None else {"sweep": sweep if isinstance(sweep, str) else sweep.sweep_id}
    return open_page("overfitting", **asked, **address)


def csv(downloads: dict[str, Any], key: str) -> pd.DataFrame:
    """What the button below a figure saves."""
    table = pd.read_csv(io.BytesIO(downloads[f"{key}.csv"]()))
    return table.assign(variant=table["variant"].astype(object).fillna("")) if "variant" in table else table


def scores(store: Store, sweep: SweepConfig) -> pd.DataFrame:
    """Brute force: of each member the trial whose rate has the lowest mean of lowest validation losses, from histories."""
    lines = []
    for member in expand(sweep):
        history = store.history(member.run_id).pivot_table(index="epoch", columns=["split", "metric"], values="value")
        losses = history["validation", "loss"]
        line: dict[str, Any] = {
            "model": member.model, "variant": member.variant, "depth": math.nan if member.depth is None else member.depth,
            "width": math.nan if member.width is None else member.width, "n_train": member.run.data.n_train,
            "seed": member.run.seed, "rate": member.run.train.lr, "run_id": member.run_id, "validation_loss": losses.min(),
        }  # fmt: skip
        for which, epoch in (("best", losses.idxmin()), ("last", history.index.max())):
            for split in ("train", "test"):
                line[f"{which}_{split}"] = 1 - history.loc[epoch, (split, "accuracy")]
        lines.append(line)
    table = pd.DataFrame(lines)
    cell = ["model", "variant", "depth", "width", "n_train"]
    parts = []
    for _, trials in table.groupby(cell, dropna=False, sort=False):
        by_rate = trials.groupby("rate")["validation_loss"].mean()
        parts.append(trials[trials["rate"] == by_rate.idxmin()])
    return pd.concat(parts, ignore_index=True)


def at_depth(table: pd.DataFrame, model: str, depth: float, variant: str = "") -> pd.DataFrame:
    rows = table[(table["model"] == model) & (table["variant"] == variant)]
    return rows[rows["depth"].isna() | (rows["depth"] == depth)]


# The first visit


def test_an_empty_store_says_what_will_be_here_and_offers_it(lab: Lab) -> None:
    at = show()
    said = words(at)
    sweep = presets.depth_sweep()
    assert "train and test error of tree, flat and dense nets" in said
    total = len(run_ids(sweep)) + len(reporting_runs(sweep, {}, foreseen=True))
    assert f"{total:,} runs: about " in said
    assert "closing the browser stops nothing" in said
    assert figures(at) == {}
    for name in presets.DATA:
        assert at.button(key="_first_sweep" if name == "tree_teacher" else f"_first_{name}").label
    press(at, "_first_sweep")
    assert param(at, "sweep") == sweep.sweep_id
    assert lab.store.statuses(run_ids(sweep)) == dict.fromkeys(run_ids(sweep), "queued")
    assert len(lab.store.list_runs()) == len(run_ids(sweep))
    assert progress(at).startswith(f"0 of {total:,} runs, about ")
    assert "The first points appear when" in words(at)
    assert at.button(key="_stop_sweep").label == "Stop"


def test_other_data_are_one_click_away(lab: Lab) -> None:
    at = press(show(), "_first_spirals")
    sweep = presets.depth_sweep("spirals")
    assert param(at, "sweep") == sweep.sweep_id
    assert set(lab.store.statuses(run_ids(sweep))) == {summary.run_id for summary in lab.store.list_runs()}


def test_what_is_in_the_url_is_kept_for_the_first_sweep(lab: Lab) -> None:
    at = show(sweep_data="wine", sweep_depths="0-2", sweep_seeds="0", sweep_models="")
    press(at, "_train_sweep")
    (info,) = lab.store.sweeps()
    assert info.config.axes["net.depth"] == [0, 1, 2]
    assert info.config.base.data.name == "wine"


# A finished sweep: numbers


def test_the_figures_are_their_tables_and_the_store(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show()
    assert sorted(figures(at)) == sorted(KEYS)
    brute = scores(kept.store, SWEEP)
    shown = figures(at)
    share = np.mean([load(BASE.data, seed).majority_accuracy for seed in (0, 1)])
    same = f"accuracy {theme.percent(share)} (error {theme.percent(1 - share)}), balanced accuracy {theme.percent(1 / 3)}"
    assert f"The data have 3 classes and 13 features. Always the commonest class of training: {same}." in words(at)
    errors = csv(downloads, "error_by_depth")
    assert len(errors) == 2 * (3 * 4 + 2 + 3)  # both splits; tree, flat, capacity, gates by depth; dense, logistic; trees
    for row in errors.to_dict("records"):
        values = at_depth(brute, row["model"], row["depth"], row["variant"])[f"best_{row['split']}"]
        assert row["n"] == 2
        assert row["mean"] == pytest.approx(100 * values.mean())
        assert np.isnan([row["low"], row["high"]]).all()  # two seeds are too few
    gaps = csv(downloads, "gap_by_depth")
    for row in gaps.to_dict("records"):
        rows = at_depth(brute, row["model"], row["depth"], row["variant"])
        assert row["mean"] == pytest.approx(100 * (rows["best_test"] - rows["best_train"]).mean())

    def points(key: str, axis: str, name: str) -> list[tuple[float, float]]:
        trace = next(trace for trace in shown[key]["data"] if trace.get("name") == name and trace.get("xaxis", "x") == axis)
        pairs = zip(decoded(trace["x"]).tolist(), decoded(trace["y"]).tolist(), strict=True)
        return [(float(x), float(y)) for x, y in pairs]

    for name, model in (("tree", "tree"), ("flat", "flat"), ("dense, same parameters", "dense_capacity")):
        for axis, split in (("x", "test"), ("x2", "train")):
            of_model = errors[(errors["model"] == model) & (errors["split"] == split)]
            assert points("error_by_depth", axis, name) == list(zip(of_model["depth"], of_model["mean"], strict=True))
        of_model = gaps[gaps["model"] == model]
        assert points("gap_by_depth", "x", name) == list(zip(of_model["depth"], of_model["mean"], strict=True))
    dense = errors[(errors["model"] == "dense") & (errors["split"] == "test")]["mean"].item()
    assert {y for _, y in points("error_by_depth", "x", "dense, same multiply-adds")} == {dense}

    # depth 0 is one net, whatever its parametrization
    at_0 = errors[errors["depth"].isna() | (errors["depth"] == 0)].set_index(["model", "split"])
    for split in ("test", "train"):
        for model in ("flat", "dense", "dense_capacity", "random_gates"):
            for column in ("mean", "low", "high"):
                np.testing.assert_equal(at_0.loc[(model, split), column], at_0.loc[("tree", split), column])


def test_differences_levels_and_curves_are_the_stores(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show(at_depth=2)
    shown = figures(at)
    brute = scores(kept.store, SWEEP)
    tree, flat, dense = (
        {k: at_depth(brute, model, k).set_index("seed") for k in (0, 1, 2)} for model in ("tree", "flat", "dense")
    )
    for key, other in (("tree_against_flat", flat), ("help_map", dense)):
        table = csv(downloads, key)
        assert table["depth"].tolist() == [0, 1, 2]
        for row in table.to_dict("records"):
            k = row["depth"]
            differences = tree[k]["best_test"] - other[k]["best_test"]
            assert row["mean"] == pytest.approx(100 * differences.mean())
    difference = next(trace for trace in shown["tree_against_flat"]["data"] if trace.get("name") == "difference")
    assert decoded(difference["y"]).tolist() == csv(downloads, "tree_against_flat")["mean"].tolist()

    levels = csv(downloads, "level_accuracy")
    assert sorted(set(levels["level"])) == [0, 1, 2]
    read = []
    for run_id in tree[2]["run_id"]:
        net = trained_net(kept.store, run_id)
        assert net is not None
        read.append(scores_by_level(net.net, load(SWEEP.base.data, kept.store.run(run_id).config.seed)))
    for row in levels.to_dict("records"):
        expected = np.mean([scores[row["split"], "accuracy"][row["level"]] for scores in read])
        assert row["mean"] == pytest.approx(100 * expected)
    for split in ("test", "train"):
        whole = levels[(levels["split"] == split) & (levels["level"] == 2)]["mean"].item()
        assert whole == pytest.approx(100 * (1 - tree[2][f"last_{split}"].mean()))

    curves = csv(downloads, "seed_curves").set_index(["model", "split", "epoch"])["mean"]
    assert len(curves) == 3 * 2 * 4
    for model in ("tree", "flat", "dense"):
        histories = [kept.store.history(run_id) for run_id in at_depth(brute, model, 2)["run_id"]]
        losses = pd.concat([history[history["metric"] == "loss"] for history in histories])
        for (split, epoch), rows in losses[losses["split"] != "validation"].groupby(["split", "epoch"]):
            assert curves[model, split, epoch] == pytest.approx(rows["value"].mean())


@pytest.mark.parametrize("measure", ["effective_leaves", "fullest_share", "rows_per_leaf"])
def test_leaf_use_is_counted_from_the_stores_leaves(kept: Lab, downloads: dict[str, Any], measure: str) -> None:
    at = show(leaf_use=measure)
    table = csv(downloads, "leaf_use_by_depth")
    brute = scores(kept.store, SWEEP)

    def use(leaf: np.ndarray) -> float:
        counts = np.unique(leaf, return_counts=True)[1]
        share = counts / counts.sum()
        return {
            "effective_leaves": np.exp(-(share * np.log(share)).sum()),
            "fullest_share": 100 * share.max(),
            "rows_per_leaf": counts.mean(),
        }[measure]

    def leaves(model: str, run_id: str, depth: float) -> np.ndarray:
        x = load(SWEEP.base.data, kept.store.run(run_id).config.seed).train.x
        if model.startswith("decision_tree"):
            trees = fitted_trees(kept.store, run_id)
            assert trees is not None
            return trees.apply(x)
        net = trained_net(kept.store, run_id)
        assert net is not None
        if model == "dense":
            return (net.net.linear("hidden", x)[:, : int(depth)] > 0) @ (1 << np.arange(int(depth)))
        return net.net.routed(x).leaves[0]

    models = table[table["n"].notna()]
    assert set(models["model"]) == {"tree", "flat", "dense", "random_gates", "decision_tree"}
    assert len(models) == 5 * 3
    for row in models.to_dict("records"):
        runs = at_depth(brute, row["model"], row["depth"])["run_id"]
        expected = [use(leaves(row["model"], run_id, row["depth"])) for run_id in runs]
        assert len(expected) == row["n"] == 2
        found = intervals.mean_interval(np.array(expected), overlap=53 / 98)
        assert [row["mean"], row["low"], row["high"]] == pytest.approx([found.mean, found.low, found.high])

    trees = {k: at_depth(brute, "tree", k)["run_id"] for k in (0, 1, 2)}
    factor = 100 if measure == "fullest_share" else 1
    for level in (INDEPENDENT_BITS, HYPERPLANES):
        rows = table[table["model"] == level.name]
        assert rows["depth"].tolist() == [0, 1, 2]
        for row in rows.to_dict("records"):
            means = []
            for run_id in trees[row["depth"]]:
                x = load(SWEEP.base.data, kept.store.run(run_id).config.seed).train.x
                counts = leaf_counts(leaves("tree", run_id, row["depth"]), int(row["depth"]))
                means.append(leaf_use_by_chance(counts, x)[level][measure].mean)
            assert row["mean"] == pytest.approx(factor * np.mean(means))
    said = words(at)
    assert "Random hyperplanes on the same rows would give" in said
    assert "Chance is that of the gates of the tree, averaged over the seeds." in said
    assert "Not drawn" not in said
    drawn = figures(at)["leaf_use_by_depth"]["layout"]["xaxis"]
    assert drawn["range"] == figures(at)["error_by_depth"]["layout"]["xaxis"]["range"]


def test_leaves_that_are_not_kept_are_said(swept: Lab, downloads: dict[str, Any]) -> None:
    dense = {member.run_id for member in expand(ONE) if member.model == "dense"}
    swept.store.drop_nets(dense)
    said = words(show(ONE))
    assert "Not drawn, since neither leaves nor weights are kept here: dense, same multiply-adds (own signs) (1 run)." in said
    assert set(csv(downloads, "leaf_use_by_depth")["model"]) == {"tree", "flat", INDEPENDENT_BITS.name, HYPERPLANES.name}
    with swept.store._write() as connection:
        connection.exec_driver_sql("DELETE FROM leaves")
    st.cache_data.clear()
    at = show(ONE)
    assert "How the leaves are used cannot be shown. Not drawn, since neither leaves nor weights are kept here: " in words(at)
    assert "leaf_use_by_depth" not in figures(at)


def test_only_models_with_leaves_are_counted(kept: Lab, downloads: dict[str, Any]) -> None:
    show(ONE, show="dense")
    table = csv(downloads, "leaf_use_by_depth")
    assert table[["model", "variant", "depth"]].values.tolist() == [["dense", "own signs", 0.0], ["dense", "own signs", 1.0]]
    at = show(SWEEP, show="logistic")
    assert "leaf_use_by_depth" not in figures(at)
    assert "No model of this sweep that is shown has leaves" in words(at)


def test_the_members_are_the_table_of_the_sweep_and_how_it_was_computed_is_said(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show()
    expected = jobs.sweep_results(SWEEP.sweep_id)
    saved = pd.read_csv(io.BytesIO(downloads[f"leafscope-sweep-{SWEEP.sweep_id}.csv"]()))
    assert saved["run_id"].tolist() == expected["run_id"].tolist()
    assert saved["best_test_accuracy"].tolist() == pytest.approx(expected["best_test_accuracy"].tolist())
    shown = next(element.value for element in at.dataframe if "run_id" in element.value.columns)
    pd.testing.assert_frame_equal(shown, expected[shown.columns], check_dtype=False)
    assert parse_sweep(downloads[f"leafscope-sweep-{SWEEP.sweep_id}.toml"]().decode()) == SWEEP
    assert not at.warning
    assert not at.info  # the form describes the sweep that is shown
    assert not at.error
    said = words(at)
    assert "95 % t intervals over 2 splits of this data set, with the Nadeau-Bengio factor 1/J + 0.54" in said
    assert "the one of 2 with the lowest mean validation loss" in said
    assert "The depth with the lowest mean validation error is chosen" in said
    chosen = statistics.best_depth(expected, "tree")
    assert f"Test error at K = {chosen}, chosen on validation" in said


# Choices


def test_the_last_epoch(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show(ONE, at="last")
    brute = scores(kept.store, ONE)
    assert param(at, "at") == "last"
    assert "Errors at the last epoch" in words(at)
    for row in csv(downloads, "error_by_depth").to_dict("records"):
        values = at_depth(brute, row["model"], row["depth"])[f"last_{row['split']}"]
        assert row["mean"] == pytest.approx(100 * values.mean())
    best = brute["best_test"].to_numpy()
    assert (best != brute["last_test"].to_numpy()).any()  # so that the choice can be seen


def test_tree_and_flat_at_the_same_train_loss_and_single_seeds(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show(ROWS, basis="train_loss", seeds=1)
    brute = scores(kept.store, ROWS)
    brute = brute[(brute["n_train"] == 80) & (brute["width"] == 4)]
    places = set()
    said = words(at)
    assert "Each pair at the first epochs at which both have reached the higher of their lowest training losses" in said
    assert "at the same train loss" in said
    for row in csv(downloads, "tree_against_flat").to_dict("records"):
        differences = []
        for seed in (0, 1):
            histories = []
            for model in ("tree", "flat"):
                run_id = at_depth(brute, model, row["depth"]).set_index("seed").loc[seed, "run_id"]
                wide = kept.store.history(run_id).pivot_table(index="epoch", columns=["split", "metric"], values="value")
                histories.append(wide)
            target = max(wide["train", "loss"].min() for wide in histories)
            places.add(tuple(int((wide["train", "loss"] <= target).argmax()) for wide in histories))
            ends = [1 - wide["test", "accuracy"][wide["train", "loss"] <= target].iloc[0] for wide in histories]
            differences.append(ends[0] - ends[1])
        assert row["mean"] == pytest.approx(100 * np.mean(differences))
    assert any(first != second for first, second in places)  # so that the sides cannot be taken for one another
    assert at.checkbox(key="seeds").value is True
    spread = False  # where the seeds differ, the means are others
    for key, column in (("error_by_depth", "best_test"), ("gap_by_depth", "gap")):
        drawn = np.concatenate([decoded(trace["y"]).astype(float) for trace in figures(at)[key]["data"] if "y" in trace])
        for model in ("tree", "flat"):
            values = at_depth(brute.assign(gap=brute["best_test"] - brute["best_train"]), model, 1)[column]
            spread |= len(set(values)) == 2
            assert all(np.isclose(drawn, 100 * value).any() for value in values)
    assert spread


def test_one_seed_has_curves_without_intervals_and_says_why(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show()
    at.selectbox(key="_picked_sweep").set_value(ONE.sweep_id)
    run_app(at)
    assert param(at, "sweep") == ONE.sweep_id
    assert at.text_input(key="sweep_seeds").value == "0"
    assert not at.info  # the form describes what is shown
    assert sorted(figures(at)) == sorted(KEYS)
    assert "One seed: no intervals, since they are computed from the spread over seeds." in words(at)
    for key in ("error_by_depth", "gap_by_depth", "level_accuracy", "seed_curves", "tree_against_flat"):
        table = csv(downloads, key)
        assert table["mean"].notna().all()
        assert table[["low", "high"]].isna().all(axis=None)
    assert "nan" not in words(at).lower()
    assert "No difference in test error" in words(at)


def test_several_sizes_and_widths(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show(ROWS, at_rows=40, at_width=4, at_depth=1)
    brute = scores(kept.store, ROWS)
    assert sorted(figures(at)) == sorted([*KEYS, "error_by_rows"])
    here = brute[brute["width"].isna() | (brute["width"] == 4)]
    for row in csv(downloads, "error_by_rows").to_dict("records"):
        values = at_depth(here[here["n_train"] == row["n_train"]], row["model"], row["depth"])["best_test"]
        assert row["mean"] == pytest.approx(100 * values.mean())
    assert set(csv(downloads, "error_by_rows")["n_train"]) == {40, 80}
    for row in csv(downloads, "error_by_depth").query("split == 'test'").to_dict("records"):
        values = at_depth(here[here["n_train"] == 40], row["model"], row["depth"])["best_test"]
        assert row["mean"] == pytest.approx(100 * values.mean())
    cells = csv(downloads, "help_map")
    assert list(zip(cells["width"], cells["depth"], strict=True)) == [(4, 0), (4, 1), (6, 0), (6, 1)]
    for row in cells.to_dict("records"):
        mine = brute[(brute["width"] == row["width"]) & (brute["n_train"] == 40)]
        sides = [at_depth(mine, model, row["depth"]).set_index("seed")["best_test"] for model in ("tree", "dense")]
        assert row["mean"] == pytest.approx(100 * (sides[0] - sides[1]).mean())
    # the choices are there, and go to the URL
    assert (param(at, "at_width"), param(at, "at_rows"), param(at, "at_depth")) == (None, "40", None)  # defaults are left out
    at.selectbox(key="at_width").set_value(6)
    at.selectbox(key="at_rows").set_value(80)
    run_app(at)
    assert (param(at, "at_width"), param(at, "at_rows")) == ("6", None)
    assert "80 training rows, width 6" in str(figures(at)["error_by_depth"]["layout"])


def test_a_click_on_the_map_chooses_a_cell(kept: Lab, click_point: Any) -> None:
    click_point("help_map", {"customdata": [6, 0]})
    at = show(ROWS)
    assert "width 4, K = 1" in str(figures(at)["seed_curves"]["layout"])
    press(at, "help_map_click")
    assert (param(at, "at_width"), param(at, "at_depth")) == ("6", "0")
    assert "width 6, K = 0" in str(figures(at)["seed_curves"]["layout"])
    assert "width 6" in str(figures(at)["error_by_depth"]["layout"])


def test_variants_of_decay_growth_are_lines_of_their_own(kept: Lab, downloads: dict[str, Any]) -> None:
    at = show(GROWTH)
    brute = scores(kept.store, GROWTH)
    table = csv(downloads, "error_by_depth").query("split == 'test' and model == 'tree'")
    for growth in ("1", "4"):
        line = table[table["variant"] == f"decay_growth={growth}"]
        assert line["depth"].tolist() == [0, 1, 2]
        for row in line.to_dict("records"):
            values = at_depth(brute, "tree", row["depth"], row["variant"])["best_test"]
            assert row["mean"] == pytest.approx(100 * values.mean())
    names = {trace.get("name") for trace in figures(at)["error_by_depth"]["data"]}
    assert {"tree (decay_growth=1)", "tree (decay_growth=4)"} <= names
    # what compares takes one variant, chosen in the sidebar
    assert at.selectbox(key="variant").options == ["decay_growth=1", "decay_growth=4"]
    dense = at_depth(brute, "dense", math.nan, "")["best_test"].to_numpy()
    for growth in ("1", "4"):
        show(GROWTH, variant=f"decay_growth={growth}")
        cells = csv(downloads, "help_map")
        assert cells["depth"].tolist() == [0, 1, 2]
        for row in cells.to_dict("records"):
            tree = at_depth(brute, "tree", row["depth"], f"decay_growth={growth}")["best_test"].to_numpy()
            assert row["mean"] == pytest.approx(100 * (tree - dense).mean())


def test_without_nets_there_are_the_curves_that_there_can_be(swept: Lab, downloads: dict[str, Any]) -> None:
    at = show(TREES)
    assert sorted(figures(at)) == ["error_by_computation", "error_by_depth", "gap_by_depth", "leaf_use_by_depth"]
    said = words(at)
    assert "A sweep with a tree and a dense net of the same multiply-adds would show it here." in said
    assert "Add the flat net to the sweep" in said
    assert "nan" not in said.lower()
    assert set(csv(downloads, "error_by_depth")["model"]) == {"decision_tree"}


# A sweep that trains


def train_some(store: Store, ids: list[str]) -> None:
    """Train some of the queued members, as a worker would."""
    worker = Worker(store, "w", only=ids)
    worker.watch.started.set()
    while worker.work_once():
        pass
    store.remove_worker("w")


def test_a_sweep_is_followed_stopped_and_resumed(lab: Lab, downloads: dict[str, Any]) -> None:
    jobs.submit_sweep(SWEEP)
    ids = run_ids(SWEEP)
    of_seed_0 = [run.run_id for run in distinct_runs(SWEEP) if run.seed == 0]
    train_some(lab.store, of_seed_0)
    at = show(SWEEP)
    done, total = len(of_seed_0), len(ids)
    assert progress(at).startswith(f"{done} of {total} runs, about ")
    assert figures(at) == {}
    (chart,) = live_charts(at).values()
    brute = scores_of_seed_0(lab.store)
    assert chart["xAxis"]["data"] == ["0", "1", "2"]
    by_name = {series["name"]: series["data"] for series in chart["series"]}
    expected = [round(100 * at_depth(brute, "tree", k)["best_test"].item(), 3) for k in (0, 1, 2)]
    assert by_name["tree"] == pytest.approx(expected, abs=1e-3)
    assert len(set(by_name["dense, same multiply-adds"])) == 1
    members = jobs.sweep_results(SWEEP.sweep_id)
    assert f"{len(members) // 2} of {len(members)} members have a result" in words(at)

    press(at, "_stop_sweep")
    statuses = lab.store.statuses(ids)
    assert {statuses[run_id] for run_id in of_seed_0} == {"finished"}
    assert {statuses[run_id] for run_id in ids if run_id not in of_seed_0} == {"stopped"}
    assert progress(at) == f"{done} of {total} runs, {total - done} stopped"
    assert f"{len(members) // 2} of {len(members)} members have no result; press Resume to train them." in words(at)
    assert sorted(figures(at)) == sorted(KEYS)
    assert set(csv(downloads, "level_accuracy")["n"]) == {1}

    press(at, "_resume_sweep")
    statuses = lab.store.statuses(ids)
    assert {statuses[run_id] for run_id in of_seed_0} == {"finished"}
    assert {statuses[run_id] for run_id in ids if run_id not in of_seed_0} == {"queued"}
    assert {lab.store.run(run_id).attempt for run_id in of_seed_0} == {1}
    train_some(lab.store, ids)
    at = run_app(at)
    assert sorted(figures(at)) == sorted(KEYS)
    assert not at.get("progress")
    assert set(csv(downloads, "level_accuracy")["n"]) == {2}  # nothing that was cached before is taken for the whole
    assert set(csv(downloads, "error_by_depth")["n"]) == {2}


def scores_of_seed_0(store: Store) -> pd.DataFrame:
    return scores(store, SWEEP.model_copy(update={"axes": SWEEP.axes | {"seed": [0]}}))


def test_members_without_all_of_their_rates_have_no_result(lab: Lab) -> None:
    jobs.submit_sweep(SWEEP)
    first = next(member.run_id for member in expand(SWEEP) if member.model == "tree" and member.depth == 1)
    train_some(lab.store, [first])
    jobs.stop_sweep(SWEEP.sweep_id)
    at = show(SWEEP)
    members = jobs.sweep_results(SWEEP.sweep_id)
    assert f"{len(members)} of {len(members)} members have no result; press Resume to train them." in words(at)
    assert "No member of this sweep has a result yet." in words(at)
    assert figures(at) == {}


def test_failed_and_diverged_members_are_counted_with_their_reason(lab: Lab) -> None:
    jobs.submit_sweep(ONE)
    runs = distinct_runs(ONE)
    fails = {run.net.kind: run.run_id for run in runs if run.net.depth == 1 and run.net.kind in ("tree", "flat")}
    error = NonFiniteLossError(1, 2, math.nan)
    for run_id, words_, facts in (
        (fails["tree"], str(error), {"diverged": True}), (fails["flat"], "<b>boom</b> ![x](http://x)", {}),
    ):  # fmt: skip
        (claim,) = lab.store.claim_members("w", lambda run: 1.0, 0.1, "cpu", [run_id])
        lab.store.end(claim, "failed", words_, facts=facts)
    train_some(lab.store, run_ids(ONE))
    at = show(ONE)
    said = words(at)
    count = len(jobs.sweep_results(ONE.sweep_id))
    assert f"2 of {count} members have no result: " in said
    assert str(error)[:60] in said
    assert "<b>boom</b> ![x](http://x) (1: wine flat K1 w6 s0)" in said
    assert "<b>boom</b>" in said
    assert all("![x](http" not in str(warning.value) and "<b>" not in str(warning.value) for warning in at.warning)
    assert at.button(key="_resume_sweep").label == "Resume"  # the one that did not diverge is tried again
    press(at, "_resume_sweep")
    assert lab.store.statuses(fails.values()) == {fails["tree"]: "failed", fails["flat"]: "queued"}


def test_collapsed_nets_are_drawn_and_counted(lab: Lab, downloads: dict[str, Any]) -> None:
    slow = SweepConfig(
        name="slow", base=changed(BASE, {"train.lr": 1e-9, "train.epochs": 1}), axes={"net.depth": [0, 1], "seed": [0, 1, 2]}
    )
    run_sweep(slow, store=lab.store)
    collapsed = 0
    for run in distinct_runs(slow):
        data = load(run.data, run.seed)
        majority = (data.test.y == np.bincount(data.train.y).argmax()).mean()
        trained = train(run)
        answers = trained.net(torch.tensor(data.test.x)).argmax(1).numpy()  # a rate so low changes no answer
        history = trained.history
        scored = history[(history["epoch"] == 0) & (history["split"] == "test") & (history["metric"] == "accuracy")]
        assert scored["value"].item() == pytest.approx((answers == data.test.y).mean())
        balanced = np.mean([(answers[data.test.y == one] == one).mean() for one in range(3)])
        collapsed += scored["value"].item() <= majority and balanced <= 1 / 3
    assert collapsed > 0
    said = words(show(slow))
    assert f"{collapsed} of 6 nets {'is' if collapsed == 1 else 'are'} no better than always the commonest class" in said
    assert set(csv(downloads, "error_by_depth")["n"]) == {3}


# Bad input


def test_an_unknown_sweep_is_said_with_a_way_back(kept: Lab) -> None:
    at = show("`<b>x</b>` ![x](http://x)")
    assert at.error[0].value.startswith("There is no sweep `<b>x</b> ![x](http://x)` here")  # code, which is shown as it is
    assert figures(at) == {}
    next(button for button in at.button if button.label == "Show the newest sweep").click()
    run_app(at)
    assert not at.error
    assert sorted(figures(at)) == sorted(KEYS)


def test_choices_that_the_sweep_does_not_have_are_said(kept: Lab) -> None:
    at = show(SWEEP, at_depth=9, at_width="<b>", at="first", basis="x", at_rows=3, at_data="![x](http://x)")
    assert sorted(figures(at)) == sorted(KEYS)
    toasts = [plain(toast.value) for toast in at.toast]
    assert len(toasts) == 1
    assert "in the address must be one of" in toasts[0]
    assert all(param(at, name) is None for name in ("at_depth", "at_width", "at", "basis", "at_rows", "at_data"))
    assert "K = 1" in str(figures(at)["seed_curves"]["layout"])


def test_a_hostile_name_is_shown_as_text(swept: Lab) -> None:
    name = "<img src=x> ![x](http://x/y.png)" + 160 * "a"
    with swept.store._write() as connection:
        connection.execute(update(sweeps).where(sweeps.c.sweep_id == ONE.sweep_id).values(name=name))
    at = show(ONE, sweep_seeds="0-7")
    (info,) = [element.value for element in at.info]
    assert plain(info).startswith(f"Figures show the sweep {name[:32]}")
    assert all(mark not in info.replace(f"\\{mark[0]}", "") for mark in ("![x]", "[x](", "<img"))
    assert any(option.startswith(name[:40]) for option in at.selectbox(key="_picked_sweep").options)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"sweep_seeds": ""}, "seeds must have at least one number, got none"),
        ({"sweep_seeds": "0-63", "sweep_widths": "6-60", "sweep_depths": "0-5"}, "a sweep can have at most 5,000 runs"),
        ({"sweep_data": "wine", "sweep_depths": "8", "sweep_widths": "9, 6"}, "depths must be at most the smallest width (6)"),
    ],
)
def test_a_fault_of_the_form_is_said_and_nothing_is_trained(lab: Lab, typed: dict[str, str], sentence: str) -> None:
    at = show(**typed)
    assert at.button(key="_train_sweep").disabled
    (error,) = at.sidebar.error
    assert plain(error.value).startswith(sentence)
    for key, value in typed.items():
        assert at.session_state[key] == value
        assert param(at, key) == value or (key == "sweep_seeds" and value == "")
    assert lab.store.list_runs() == []


def test_other_choices_wait_for_train(swept: Lab) -> None:
    at = show(ONE)
    before = {summary.run_id for summary in swept.store.list_runs()}
    at.text_input(key="sweep_seeds").set_value("0-2")
    run_app(at)
    assert "Figures show the sweep one seed; press Train to apply your choices." in plain(at.info[0].value)
    assert {summary.run_id for summary in swept.store.list_runs()} == before
    press(at, "_train_sweep")
    wanted = swept.store.sweep(str(param(at, "sweep"))).config
    assert wanted.axes["seed"] == [0, 1, 2]
    assert before < {summary.run_id for summary in swept.store.list_runs()}
    statuses = swept.store.statuses(run_ids(wanted))
    assert {statuses[run_id] for run_id in run_ids(ONE)} == {"finished"}
    assert {statuses[run_id] for run_id in statuses if run_id not in before} == {"queued"}


def test_a_sweep_with_reporting_seeds_shows_them_and_says_what_chose(lab: Lab) -> None:
    fair = SweepConfig.model_validate(SWEEP.model_dump() | {"tune_lr": None, "trials": 2, "report_seeds": [2, 3, 4]})
    jobs.submit_sweep(fair, store=lab.store)
    at = open_page("overfitting")
    total = len(distinct_runs(fair)) + len(reporting_runs(fair, {}, foreseen=True))
    assert progress(at).startswith(f"0 of {total} runs, about ")
    assert (at.text_input(key="sweep_report").value, at.text_input(key="sweep_trials").value) == ("3", "2")
    work(lab)
    at = open_page("overfitting")
    said = words(at)
    assert said.count("Chosen on seeds 0 and 1, reported on seeds 2 to 4.") >= 2
    assert "the pair of 2 with the lowest mean validation error" in said
    assert "95 % t intervals over 3" in said
    capacity = open_page("capacity")
    assert not capacity.exception


def work(lab: Lab) -> None:
    worker = Worker(lab.store, "w")
    while worker.work_once():
        pass


TWICE = SweepConfig(
    name="twice",
    base=BASE,
    axes={"net.depth": [0, 1], "seed": [0, 1]},
    baselines=["dense", "dense_ladder"],
    report_seeds=[4, 6],
)


def test_added_reporting_seeds_are_a_second_look_and_train_nothing_again(lab: Lab) -> None:
    run_sweep(TWICE, store=lab.store)
    before = {summary.run_id for summary in lab.store.list_runs()}
    at = open_page("overfitting")
    assert "Second look" not in words(at)
    assert at.text_input(key="sweep_report").value == "4, 6"
    assert at.number_input(key="_more_seeds").value == 2
    press(at, "_add_seeds")
    larger = lab.store.sweep(str(param(at, "sweep"))).config
    assert (larger.report_seeds, larger.second_look_after) == ([4, 6, 7, 8], 2)
    work(lab)
    runs = lab.store.list_runs()
    assert {summary.attempt for summary in runs} == {1}
    new = [summary for summary in runs if summary.run_id not in before]
    assert {summary.config.seed for summary in new} == {7, 8}
    at = open_page("overfitting", sweep=larger.sweep_id)
    said = words(at)
    look = "Second look: 2 seeds were added after the answer from the first 2 was seen; intervals do not account for that."
    assert look in said
    assert "press Train to apply" not in said  # the form holds the same sweep
    assert look in words(open_page("capacity", sweep=larger.sweep_id))


def test_a_point_of_error_against_computation_opens_its_runs(
    kept: Lab, downloads: dict[str, Any], click_point: Callable[[str, dict[str, Any]], None]
) -> None:
    drawn = figures(show())["error_by_computation"]["data"]
    tree = next(trace for trace in drawn if str(trace.get("name")).startswith("tree, K"))
    place = int(decoded(tree["customdata"])[2])
    row = csv(downloads, "error_by_computation").iloc[place]
    own = at_depth(scores(kept.store, SWEEP), "tree", 2)
    assert (row["model"], row["depth"], row["n"]) == ("tree", 2, 2)
    assert row["mean"] == pytest.approx(100 * own["best_test"].mean())
    assert decoded(tree["y"])[2] == pytest.approx(row["mean"])
    click_point("error_by_computation", {"customdata": place})
    at = press(show(), "error_by_computation_click")
    button = next(one for one in at.button if one.key == "_open_computation_runs")
    assert plain(button.label) == "tree, K = 2, width 6: open its 2 runs in Compare"
    press(at, "_open_computation_runs")
    assert sorted(str(param(at, "chosen")).split(".")) == sorted(own["run_id"])


def test_the_slider_over_training_rows_moves_the_page(kept: Lab) -> None:
    at = show(ROWS)
    slider = at.select_slider(key="_computation_rows")
    assert slider.value == 80
    slider.set_value(40)
    run_app(at)
    assert param(at, "at_rows") == "40"
    assert "40 training rows" in figures(at)["error_by_computation"]["layout"]["title"]["text"]


LARGE = """
rows = [40, 80]
depths = [1, 2]
width = 4
dense_widths = [4, 6]
trials = 1
choosing_seeds = [0]
report_seeds = [5, 6, 7]
rows_seen = 40
validation_rows = 50
test_rows = 50
teachers = [{ name = "tree_teacher", n_features = 4, teacher_depth = 1 }, { name = "net_teacher", n_features = 4 }]
models = [{ kind = "tree" }, { kind = "tree", gate_gradient = "straight_through" }]
"""


def test_the_map_of_more_rows_is_drawn_below_its_fold(
    kept: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, downloads: dict[str, Any]
) -> None:
    monkeypatch.setattr(report, "TABLE", tmp_path / "map.csv")
    titles = "More rows at the same computation"
    assert not [fold for fold in show(ONE).expander if fold.label == titles]
    file = tmp_path / "protocol.toml"
    file.write_text(LARGE)
    made = large_table.make(large_protocol.read(file), report.TABLE)
    at = show(ONE)
    assert [fold for fold in at.expander if fold.label == titles]
    assert "best_depth_by_rows" not in figures(at)
    for model, name in (("tree", "tree"), ("tree, straight-through", "tree (straight-through)")):
        at = AppTest.from_file(str(MAIN), default_timeout=60.0)
        at.session_state["_map"] = True
        at.query_params["sweep"] = ONE.sweep_id
        at.query_params["map_model"] = model
        run_app(go(at, "overfitting"))
        assert f"Best depth of the {name} against" in figures(at)["best_depth_by_rows"]["layout"]["title"]["text"]
        best = answers.best_depths(made)
        drawn = csv(downloads, "best_depth_by_rows").set_index(["data", "rows"])
        for _, row in best[best["model"] == model].iterrows():
            found = drawn.loc[(report.teacher_words(row["teacher"]), row["rows"])]
            assert (found["depth"], found["gain"]) == (row["depth"], pytest.approx(100 * row["gain"]))
