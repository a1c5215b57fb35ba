"""What is chosen on the choosing seeds, and what follows on the reporting seeds."""

from typing import Any

import pytest

from leafscope.core.comparison.statistics import best_depth, differences_by_depth
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.sweep.choice import kept, reported, reporting, reporting_runs
from leafscope.core.sweep.draws import draws
from leafscope.core.sweep.members import distinct_runs, expand, run_ids
from leafscope.core.sweep.results import choosing_results, estimated_seconds, pace, results
from leafscope.core.worker.inline import Outcome

BASE = RunConfig(data=DataConfig(name="wine"), net=NetConfig(width=6, depth=2), train=TrainConfig(epochs=3))
SWEEP = SweepConfig(
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "random_gates", "decision_tree"],
    report_seeds=[7, 8, 9],
    trials=3,
)
BROKEN = Outcome("failed", "the training loss became nan", 0, {}, {}, {"diverged": True})


def outcome(error: float, loss: float = 0.5, test: float = 0.5, status: str = "finished") -> Outcome:
    scores = {
        f"{split}_{metric}": value
        for split, share in (("train", 0.0), ("validation", error), ("test", test))
        for metric, value in (("accuracy", 1 - share), ("loss", loss))
    }
    return Outcome(status, None, 1, scores, scores)


def two(**fields: Any) -> SweepConfig:
    values = {"base": BASE, "axes": {"seed": [0, 1]}, "tune_lr": [0.1, 0.2], "report_seeds": [5, 6]} | fields
    return SweepConfig.model_validate(values)


def outcomes_of(sweep: SweepConfig, values: dict[tuple[int, float], Outcome]) -> dict[str, Outcome]:
    by_run = {(member.run.seed, member.run.train.lr): member.run_id for member in expand(sweep)}
    return {by_run[key]: value for key, value in values.items()}


def all_of(sweep: SweepConfig) -> dict[str, Outcome]:
    """Outcomes of all choosing runs, in which another trial is best for each model and depth."""
    trials = [draw.lr for draw in draws(3)]
    values = {}
    for member in expand(sweep):
        best = (member.run.net.depth + (member.run.net.kind == "flat")) % 3
        is_best = member.run.net.fitted or trials.index(member.run.train.lr) == best
        values[member.run_id] = outcome(0.1 if is_best else 0.2, loss=0.9 if is_best else 0.1)
    return values


def test_without_reporting_seeds_nothing_follows() -> None:
    sweep = two(report_seeds=None)
    outcomes = outcomes_of(sweep, {(seed, rate): outcome(0.1) for seed in (0, 1) for rate in (0.1, 0.2)})
    assert reporting(sweep, outcomes) == ()
    assert reporting_runs(sweep, outcomes, foreseen=True) == {}
    assert results(sweep, outcomes).equals(choosing_results(sweep, outcomes))
    assert "stage" not in results(sweep, outcomes).columns


def test_the_lowest_mean_validation_error_chooses_and_not_the_loss() -> None:
    sweep = two()
    values = {
        (0, 0.1): outcome(0.3, loss=0.1), (0, 0.2): outcome(0.0, loss=5.0),
        (1, 0.1): outcome(0.1, loss=0.1), (1, 0.2): outcome(0.3, loss=5.0),
    }  # fmt: skip
    outcomes = outcomes_of(sweep, values)
    assert {member.run.train.lr for member in reporting(sweep, outcomes)} == {0.2}  # 0.15 against 0.2
    old = two(report_seeds=None)
    assert set(results(old, outcomes)["train.lr"]) == {0.1}
    drawn = two(report_seeds=None, tune_lr=None, trials=2)
    first, second = (draw.lr for draw in draws(2))
    values = {(seed, rate): values[seed, {first: 0.1, second: 0.2}[rate]] for seed in (0, 1) for rate in (first, second)}
    assert set(results(drawn, outcomes_of(drawn, values))["train.lr"]) == {second}


def test_of_equal_errors_the_lower_loss_chooses_even_if_they_differ_in_their_last_bits() -> None:
    sweep = two()
    assert 0.1 + 0.7 != 0.3 + 0.5
    values = {
        (0, 0.1): outcome(0.1, loss=0.5), (0, 0.2): outcome(0.3, loss=0.4),
        (1, 0.1): outcome(0.7, loss=0.5), (1, 0.2): outcome(0.5, loss=0.5),
    }  # fmt: skip
    assert {member.run.train.lr for member in reporting(sweep, outcomes_of(sweep, values))} == {0.2}
    values |= {(0, 0.1): outcome(0.1, loss=0.3)}
    assert {member.run.train.lr for member in reporting(sweep, outcomes_of(sweep, values))} == {0.1}


def test_test_rows_choose_nothing() -> None:
    sweep = two()
    values = {(seed, rate): outcome(rate, test=1 - rate) for seed in (0, 1) for rate in (0.1, 0.2)}
    assert {member.run.train.lr for member in reporting(sweep, outcomes_of(sweep, values))} == {0.1}


@pytest.mark.parametrize("status", [None, "queued", "running", "stopped", "interrupted"])
def test_nothing_follows_before_all_trials_of_all_choosing_seeds_have_ended(status: str | None) -> None:
    sweep = two()
    values = {(seed, rate): outcome(rate) for seed in (0, 1) for rate in (0.1, 0.2)}
    if status is None:
        del values[1, 0.2]
    else:
        values[1, 0.2] = Outcome(status)
    outcomes = outcomes_of(sweep, values)
    assert reporting(sweep, outcomes) == ()
    table = results(sweep, outcomes)
    assert table["seed"].tolist() == [5, 6]
    assert set(table["status"]) == {status or "not trained"}
    assert table["best_test_accuracy"].isna().all()
    assert not any(choice.is_known for choice in kept(sweep, outcomes))


def test_what_failed_has_ended_and_the_other_seeds_choose() -> None:
    sweep = two()
    lost = Outcome("failed", "the disk is full")
    values = {(0, 0.1): outcome(0.3), (0, 0.2): outcome(0.1), (1, 0.1): outcome(0.0), (1, 0.2): lost}
    assert [member.run.train.lr for member in reporting(sweep, outcomes_of(sweep, values))] == [0.2, 0.2]
    values |= {(0, 0.1): lost}
    outcomes = outcomes_of(sweep, values)
    assert reporting(sweep, outcomes) == ()
    table = results(sweep, outcomes)
    assert table["status"].tolist() == ["failed", "failed"]
    assert set(table["error"]) == {"the disk is full"}


def test_a_trial_whose_loss_became_infinite_is_kept_only_where_all_did() -> None:
    sweep = two()
    values = {(0, 0.1): BROKEN, (0, 0.2): outcome(0.9), (1, 0.1): outcome(0.0), (1, 0.2): outcome(0.9)}
    assert {member.run.train.lr for member in reporting(sweep, outcomes_of(sweep, values))} == {0.2}
    everywhere = outcomes_of(sweep, dict.fromkeys(values, BROKEN))
    assert [member.run.seed for member in reporting(sweep, everywhere)] == [5, 6]


def test_exactly_the_chosen_trial_of_each_cell_follows_on_every_reporting_seed() -> None:
    outcomes = all_of(SWEEP)
    trials = [(draw.lr, draw.weight_decay) for draw in draws(3)]
    found = reporting(SWEEP, outcomes)
    cells = {(member.model, member.depth) for member in expand(SWEEP)}
    assert sorted((member.model, member.depth, member.run.seed) for member in found if member.depth is not None) == sorted(
        (model, depth, seed) for model, depth in cells if depth is not None for seed in (7, 8, 9)
    )
    for member in found:
        if not member.run.net.fitted:
            best = (member.run.net.depth + (member.run.net.kind == "flat")) % 3
            assert (member.run.train.lr, member.run.train.weight_decay) == trials[best]
    assert [member.run.seed for member in found] == sorted(member.run.seed for member in found)
    assert not set(reporting_runs(SWEEP, outcomes)) & set(run_ids(SWEEP))


def test_a_cell_follows_by_itself() -> None:
    outcomes = all_of(SWEEP)
    first = next(member for member in expand(SWEEP) if (member.model, member.depth) == ("tree", 2))
    del outcomes[first.run_id]
    left_out = {(member.model, member.depth) for member in expand(SWEEP)} - {
        (member.model, member.depth) for member in reporting(SWEEP, outcomes)
    }
    assert left_out == {("tree", 2)}
    assert {choice.chosen.run.seed for choice in reported(SWEEP, outcomes) if not choice.is_known} == {7, 8, 9}


def test_the_table_is_of_the_reporting_seeds_and_the_depth_is_chosen_on_the_others() -> None:
    outcomes = all_of(SWEEP)
    for member in expand(SWEEP):  # on the choosing seeds depth 2 is best
        outcomes[member.run_id] = outcome(0.3 if member.run.net.depth == 0 else outcomes[member.run_id].best["train_loss"])
    for run_id, run in reporting_runs(SWEEP, outcomes).items():  # on the others depth 0
        outcomes[run_id] = outcome(0.1 if run.net.depth == 0 else 0.4, test=0.2 if run.net.depth == 0 else 0.4)
    table, choosing = results(SWEEP, outcomes), choosing_results(SWEEP, outcomes)
    assert (set(table["seed"]), set(choosing["seed"])) == ({7, 8, 9}, {0, 1})
    assert (set(table["stage"]), set(choosing["stage"])) == ({"reporting"}, {"choosing"})
    assert set(table["chosen_on"]) == set(choosing["chosen_on"]) == {"0, 1"}
    assert list(table.columns) == list(choosing.columns)
    assert (table["status"] == "finished").all()
    assert set(table.loc[table["model"] != "decision_tree", "trials"]) == {3}
    assert set(table.loc[table["model"] == "decision_tree", "trials"]) == {1}
    assert not table.duplicated(["model", "variant", "depth", "seed"]).any()
    assert best_depth(table, "tree") == 0
    assert best_depth(choosing, "tree") == 2
    both = differences_by_depth(table, "tree", "flat", "best", "test", "error")
    assert (both["depth"].tolist(), both["n"].tolist()) == ([0, 2], [3, 3])


def test_the_estimate_counts_both_stages_and_leaves_out_what_is_finished() -> None:
    outcomes = all_of(SWEEP)
    whole = estimated_seconds(SWEEP)
    choosing = estimated_seconds(SWEEP.model_copy(update={"report_seeds": None}))
    assert whole > choosing
    following = reporting_runs(SWEEP, outcomes, foreseen=True)
    assert estimated_seconds(SWEEP, list(outcomes), following=following) == pytest.approx(whole - choosing)
    done = [*outcomes, *reporting_runs(SWEEP, outcomes)]
    assert estimated_seconds(SWEEP, done, following=following) == 0
    assert len(reporting_runs(SWEEP, {}, foreseen=True)) == len(reporting_runs(SWEEP, outcomes))
    assert len(distinct_runs(SWEEP)) == len(outcomes)


def test_the_pace_is_that_of_the_runs_that_ended_last() -> None:
    runs = dict(zip(run_ids(SWEEP), distinct_runs(SWEEP), strict=True))
    ids = list(runs)
    ends = {run_id: 50.0 + 2 * place for place, run_id in enumerate(ids)}
    efforts = {run_id: estimated_seconds(SWEEP, [other for other in ids if other != run_id], following={}) for run_id in ids}
    assert pace(runs, ends) == pytest.approx(2 * (len(ids) - 1) / sum(efforts[run_id] for run_id in ids[1:]))
    late = {run_id: end + (1e4 if place >= 4 else 0) for place, (run_id, end) in enumerate(ends.items())}
    assert pace(runs, late) == pytest.approx(2 * (len(ids) - 5) / sum(efforts[run_id] for run_id in ids[5:]))
    few = dict(list(ends.items())[:9])
    assert pace(runs, few) is None
    assert pace(runs, dict.fromkeys(ids, 50.0)) is None
