"""Sweeps as a whole: the table they give, with and without a store, rates chosen on validation, resumed where they stopped."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leafscope.app.cli.sweep import report
from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed, field_names
from leafscope.core.cost import cost
from leafscope.core.datasets import load, shape
from leafscope.core.errors import DeviceError
from leafscope.core.scores import TASKS
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from leafscope.core.sweep.members import distinct_runs, expand
from leafscope.core.sweep.outcome import score_columns
from leafscope.core.sweep.results import kept, results
from leafscope.core.training.loop import train
from leafscope.core.worker.inline import Outcome, run_sweep

SCORES = score_columns(TASKS["classification"])
BASE = RunConfig(
    data=DataConfig(name="wine"),
    net=NetConfig(width=6),
    train=TrainConfig(epochs=3, batch_size=16, weight_decay=0.1, device="cpu"),
)
SWEEP = SweepConfig(
    name="small",
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "dense_capacity", "random_gates", "logistic", "decision_tree"],
)
TUNED = SWEEP.model_copy(update={"tune_lr": [0.001, 0.05], "baselines": ["dense"]})


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return run_sweep(SWEEP)


def scores_of(run: RunConfig) -> dict[str, float]:
    """The scores of a run trained alone, from its history."""
    result = train(run)
    scores = {}
    for which, epoch in (("best", result.best_epoch), ("last", result.history["epoch"].max())):
        rows = result.history[result.history["epoch"] == epoch]
        scores |= {f"{which}_{row.split}_{row.metric}": row.value for row in rows.itertuples()}
    return scores | {"best_epoch": result.best_epoch}


def test_one_row_a_member_with_every_field_and_score(table: pd.DataFrame) -> None:
    assert len(table) == len({member.identity for member in expand(SWEEP)}) == 2 * (4 + 1 + 2 + 2 + 1 + 2)
    assert set(field_names()) <= set(table.columns)
    assert set(SCORES) <= set(table.columns)
    assert (table["status"] == "finished").all()
    assert table[SCORES].notna().all(axis=None)
    assert not table.duplicated(["model", "variant", "depth", "seed"]).any()


def test_scores_are_those_of_the_runs_alone(table: pd.DataFrame) -> None:
    for row in table[table["model"].isin(["tree", "flat", "dense", "random_gates"])].to_dict("records")[::3]:
        run = next(member.run for member in expand(SWEEP) if member.run.run_id == row["run_id"])
        for name, value in scores_of(run).items():
            assert row[name] == value, (row["model"], name)


def test_tree_flat_and_dense_at_depth_0_are_one_line(table: pd.DataFrame) -> None:
    for seed in (0, 1):
        rows = table[(table["seed"] == seed) & (table["depth"].isna() | (table["depth"] == 0))].set_index("model")
        for model in ("flat", "dense", "dense_capacity", "random_gates"):
            assert (rows.loc[model, SCORES] == rows.loc["tree", SCORES]).all(), model


def test_depth_0_of_the_decision_tree_is_the_majority_class(table: pd.DataFrame) -> None:
    rows = table[(table["model"] == "decision_tree") & (table["depth"] == 0)]
    for row in rows.to_dict("records"):
        data = load(BASE.data, row["seed"])
        majority = np.bincount(data.train.y).argmax()
        assert row["best_test_accuracy"] == (data.test.y == majority).mean() == row["chance_accuracy"]


def test_costs_are_those_of_the_models(table: pd.DataFrame) -> None:
    size = shape(BASE.data)
    tree = table[(table["model"] == "tree") & (table["depth"] == 2)].iloc[0]
    price = cost(changed(BASE, {"net.depth": 2}).net, size.n_features, size.n_classes)
    assert (tree["parameters"], tree["multiply_adds"]) == (price.parameters, price.multiply_adds)
    assert 0 < tree["trained_parameters"] <= price.parameters
    capacity = table[(table["model"] == "dense_capacity") & (table["depth"] == 2)].iloc[0]
    assert abs(capacity["parameters"] / price.parameters - 1) < 0.02
    assert (table["inference_seconds"] > 0).all()
    assert (table["seconds"] > 0).all()


def test_a_store_gives_the_same_table_and_keeps_the_runs(table: pd.DataFrame, tmp_path: Path) -> None:
    store = Store(tmp_path / "sweep.db")
    seen: list[tuple[int, int]] = []
    stored = run_sweep(SWEEP, store=store, threads=2, on_progress=lambda done, total: seen.append((done, total)))
    times = ["seconds", "inference_seconds"]
    pd.testing.assert_frame_equal(stored.drop(columns=times), table.drop(columns=times))
    assert seen[-1] == (len(distinct_runs(SWEEP)),) * 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    for row in stored.to_dict("records"):
        history = store.history(row["run_id"])
        at_best = history[
            (history["epoch"] == row["best_epoch"]) & (history["split"] == "test") & (history["metric"] == "accuracy")
        ]
        assert at_best["value"].tolist() == [row["best_test_accuracy"]]
    run_id = stored[(stored["model"] == "tree") & (stored["depth"] == 2)]["run_id"].iloc[0]
    assert store.recorded_epochs(run_id).tolist() == [0, BASE.train.epochs]
    assert store.artifact(run_id, NET) is not None
    assert store.workers() == []

    # again: nothing is trained, the table is the same to the last bit
    before = {summary.run_id: summary.attempt for summary in store.list_runs()}
    pd.testing.assert_frame_equal(run_sweep(SWEEP, store=store), stored)
    assert {summary.run_id: summary.attempt for summary in store.list_runs()} == before
    pd.testing.assert_frame_equal(jobs.sweep_results(SWEEP.sweep_id, store=store), stored)
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=store)
    assert (progress.complete, progress.active, progress.fraction, progress.seconds_left) == (True, False, 1.0, None)


def test_a_larger_sweep_reuses_the_members_of_a_smaller_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "sweep.db")
    small = SWEEP.model_copy(update={"axes": {"net.depth": [1], "seed": [0]}, "baselines": ["dense"]})
    run_sweep(small, store=store)
    first = {summary.run_id: summary.finished for summary in store.list_runs()}
    larger = small.model_copy(update={"axes": {"net.depth": [1, 2], "seed": [0]}})
    run_sweep(larger, store=store)
    again = {summary.run_id: summary.finished for summary in store.list_runs()}
    assert len(again) == 3
    assert all(again[run_id] == finished for run_id, finished in first.items())


def test_the_rate_with_the_lowest_mean_validation_loss_is_kept_for_all_seeds(tmp_path: Path) -> None:
    store = Store(tmp_path / "sweep.db")
    table = run_sweep(TUNED, store=store)
    assert len(table) == len({member.identity for member in expand(TUNED)})
    assert (table["trials"] == 2).all()
    losses: dict[Any, dict[float, list[float]]] = {}
    for member in expand(TUNED):
        loss = store.run(member.run.run_id).best["validation_loss"]
        losses.setdefault((member.model, member.depth), {}).setdefault(member.run.train.lr, []).append(loss)
    for row in table.to_dict("records"):
        depth = None if math.isnan(row["depth"]) else row["depth"]
        by_rate = losses[row["model"], depth]
        assert row["train.lr"] == min(by_rate, key=lambda rate: sum(by_rate[rate]))
    # weights are kept of the chosen trials only
    chosen = set(table["run_id"])
    for member in expand(TUNED):
        assert (store.artifact(member.run.run_id, NET) is not None) == (member.run.run_id in chosen)


def outcome(loss: float, status: str = "finished", accuracy: float = 0.5) -> Outcome:
    scores = {
        f"{split}_{metric}": loss if metric == "loss" else accuracy
        for split in ("train", "validation", "test")
        for metric in ("loss", "accuracy")
    }
    return Outcome(status, None, 1, scores, scores)


def outcomes_of(values: dict[tuple[int, float], Outcome]) -> tuple[SweepConfig, dict[str, Outcome]]:
    sweep = SweepConfig(base=BASE, axes={"seed": [0, 1]}, tune_lr=[0.1, 0.2])
    by_run = {(member.run.seed, member.run.train.lr): member.run.run_id for member in expand(sweep)}
    return sweep, {by_run[key]: value for key, value in values.items()}


def test_rates_are_compared_over_seeds_that_have_all_of_them() -> None:
    sweep, outcomes = outcomes_of({(0, 0.1): outcome(0.5), (0, 0.2): outcome(0.4), (1, 0.1): outcome(0.0)})
    table = results(sweep, outcomes)
    assert table["train.lr"].tolist() == [0.2, 0.2]
    assert table["status"].tolist() == ["finished", "not trained"]
    assert table["best_validation_loss"].tolist()[0] == 0.4


def test_before_a_seed_has_all_rates_nothing_is_chosen() -> None:
    sweep, outcomes = outcomes_of({(0, 0.1): outcome(0.5), (1, 0.2): outcome(0.1)})
    table = results(sweep, outcomes)
    assert table["best_test_accuracy"].isna().all()
    assert "finished" not in set(table["status"])
    assert [choice.is_known for choice in kept(sweep, outcomes)] == [False, False]


def test_a_rate_at_which_the_loss_became_infinite_is_never_kept() -> None:
    broken = Outcome("failed", "the training loss became nan", 0, {"validation_loss": 0.01}, {}, {"diverged": True})
    sweep, outcomes = outcomes_of({(0, 0.1): broken, (0, 0.2): outcome(0.9), (1, 0.1): outcome(0.1), (1, 0.2): outcome(0.9)})
    assert results(sweep, outcomes)["train.lr"].tolist() == [0.2, 0.2]
    sweep, outcomes = outcomes_of(dict.fromkeys(((0, 0.1), (0, 0.2), (1, 0.1), (1, 0.2)), broken))
    table = results(sweep, outcomes)
    assert table["status"].tolist() == ["failed", "failed"]
    assert table["best_test_accuracy"].isna().all()


def test_a_trial_lost_with_its_worker_is_not_a_bad_rate() -> None:
    lost = Outcome("failed", "the worker died", 1, {"validation_loss": 0.01}, {})
    sweep, outcomes = outcomes_of({(0, 0.1): lost, (0, 0.2): outcome(0.9), (1, 0.1): outcome(0.1), (1, 0.2): outcome(0.9)})
    table = results(sweep, outcomes).set_index("seed")
    assert table["train.lr"].tolist() == [0.1, 0.1]  # by the seed that has both
    assert table["status"].tolist() == ["failed", "finished"]
    assert table["error"].fillna("").tolist() == ["the worker died", ""]
    assert table["best_test_accuracy"].isna().tolist() == [True, False]
    sweep, outcomes = outcomes_of({(0, 0.1): outcome(0.1), (0, 0.2): lost, (1, 0.1): outcome(0.1), (1, 0.2): outcome(0.9)})
    assert results(sweep, outcomes)["status"].tolist() == ["finished", "finished"]  # the kept trial is there


def test_test_scores_choose_nothing() -> None:
    values = {(seed, rate): outcome(0.1 * rate, accuracy=1 - rate) for seed in (0, 1) for rate in (0.1, 0.2)}
    sweep, outcomes = outcomes_of(values)
    first = results(sweep, outcomes)["train.lr"].tolist()
    flipped = {
        run_id: Outcome(
            "finished", None, 1, dict(one.best) | {"test_accuracy": 1 - one.best["test_accuracy"], "test_loss": -1.0}, one.last
        )
        for run_id, one in outcomes.items()
    }
    assert results(sweep, flipped)["train.lr"].tolist() == first


def test_a_member_that_fails_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "sweep.db")
    wild = SweepConfig(
        base=changed(BASE, {"train.lr": 10.0, "train.schedule": "constant", "train.epochs": 30}),
        axes={"train.lr": [10.0, 0.01]},
    )
    table = run_sweep(wild, store=store)
    assert table[table["train.lr"] == 0.01]["status"].tolist() == ["finished"]
    assert len(table) == 2


def test_stopped_sweeps_go_on(tmp_path: Path) -> None:
    store = Store(tmp_path / "sweep.db")
    store.submit_sweep(SWEEP, distinct_runs(SWEEP))
    jobs.stop_sweep(SWEEP.sweep_id, store=store)
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=store)
    assert (progress.active, progress.stopped, progress.complete) == (False, progress.total, False)
    assert jobs.submit_sweep(SWEEP, store=store) == SWEEP.sweep_id
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=store)
    assert (progress.queued, progress.stopped) == (progress.total, 0)
    assert progress.seconds_left is not None
    assert progress.seconds_left > 0


def test_runs_from_before_a_sweep_say_nothing_of_its_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "sweep.db")
    run_sweep(SWEEP, store=store)
    larger = SWEEP.model_copy(update={"axes": SWEEP.axes | {"seed": [0, 1, 2]}})
    jobs.submit_sweep(larger, store=store)
    began = store.sweep(larger.sweep_id).created

    def seconds_left(since: float) -> float:
        slow = {run.run_id: since + 20.0 * place for place, run in enumerate(distinct_runs(SWEEP))}
        monkeypatch.setattr(Store, "ends", lambda self, ids: {one: slow[one] for one in ids if one in slow})
        left = jobs.sweep_progress(larger.sweep_id, store=store).seconds_left
        assert left is not None
        return left

    assert seconds_left(began - 1e4) * 10 < seconds_left(began + 1)


def test_an_interrupted_sweep_goes_on_to_the_same_table(tmp_path: Path, table: pd.DataFrame) -> None:
    store = Store(tmp_path / "sweep.db")

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(SWEEP, store=store, on_progress=interrupt)
    assert store.workers() == []
    times = ["seconds", "inference_seconds"]
    pd.testing.assert_frame_equal(run_sweep(SWEEP, store=store).drop(columns=times), table.drop(columns=times))


def test_weights_that_another_sweep_has_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "sweep.db")
    first = SweepConfig(base=changed(BASE, {"train.lr": 0.001}), axes={"seed": [0]})
    (run_id,) = run_sweep(first, store=store)["run_id"]
    table = run_sweep(SweepConfig(base=BASE, axes={"seed": [0]}, tune_lr=[0.001, 0.05]), store=store)
    assert table["train.lr"].tolist() == [0.05]
    assert store.artifact(run_id, NET) is not None


def test_a_device_that_is_not_there_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(DeviceError):
        run_sweep(SWEEP, device="cuda:7")


@pytest.mark.parametrize(
    "axes",
    [{"seed": [0, 1]}, {"train.lr": [0.01, 0.1]}, {"data.name": ["wine", "iris"]}, {"init_seed": [1, 2]},
     {"split_seed": [1, 2]}, {"data.n_train": [None, 40]}, {"net.tree_layers": [1, 2]},
     {"net.gates": ["hidden", "units", "random"]}, {}],
)  # fmt: skip
def test_sweeps_over_any_field_have_a_row_for_each_member(axes: dict[str, list[Any]]) -> None:
    sweep = SweepConfig(base=changed(BASE, {"train.epochs": 1}), axes=axes, baselines=["dense", "dense_capacity", "logistic"])
    table = run_sweep(sweep)
    trees = table[~table["model"].isin(["dense", "dense_capacity", "logistic"])]
    assert len(trees) == math.prod(map(len, axes.values()))
    assert (table["status"] == "finished").all()
    report("any", table)
