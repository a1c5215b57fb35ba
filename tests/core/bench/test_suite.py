"""The benchmark's groups at a small size: complete rows, results held against the reference, goals read from them."""

import itertools
import json
import math

import pytest
import torch

from leafscope.core.bench import QUICK_SECONDS, capacity, suite, sweep, timing
from leafscope.core.bench.timing import Budget, Timings, Window
from leafscope.core.config import changed
from leafscope.core.kernels import compiled, cpu

SMALL = {"effort": capacity.Effort(rounds=3, seconds=0.001)}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nothing is measured again, however busy the machine is."""
    for module in (capacity, sweep):
        monkeypatch.setattr(module, "PATIENCE", 0.0)


@pytest.fixture
def rows():
    return capacity.run(depths=(0, 4), rows=(1, 1024), **SMALL)


def test_capacity_rows_are_complete_and_consistent(rows):
    assert [(row["phase"], row["depth"], row["rows"]) for row in rows] == [
        ("training", 0, 1),
        ("inference", 0, 1),
        ("training", 0, 1024),
        ("inference", 0, 1024),
        ("training", 4, 1),
        ("inference", 4, 1),
        ("training", 4, 1024),
        ("straight_through", 4, 1024),
        ("inference", 4, 1024),
    ]
    json.dumps(rows, allow_nan=False)
    for row in rows:
        assert row["milliseconds"] > 0
        stored = 16 if row["phase"] == "inference" else 31
        assert row["capacity_time_ratio"] == pytest.approx((stored if row["depth"] else 1) / row["against_dense"])
        assert row["error"] <= 1e-5
        assert row["dense_threads"] in (1, torch.get_num_threads())
        assert row["spread"] >= 0
        assert isinstance(row["unstable"], bool)
        assert row["bandwidth"] > 1e6  # a copy slower than 1 MB/s is no copy
        assert row["roofline_share"] > 0
    training = rows[6]
    assert training["parameters"] == 31 * (64 * 64 + 64)
    assert training["touched_bytes"] == 4 * training["parameters"]  # 1024 rows reach all 31 nodes
    assert rows[4]["touched_bytes"] == pytest.approx(4 * 5 * 65 * 64)  # one row reaches its path


def fake_times(monkeypatch, tree, dense):
    """Rounds of the benchmark's rows that take so long, whatever they do; a copy takes a millisecond."""

    def fake(calls, rounds, seconds, setup, **rest):
        times = {"tree": tree, "again": tree} | dict.fromkeys(("dense", "dense, 1", "dense, 2"), dense)
        named = [name for name in calls if not name.startswith("equal_capacity")]
        return Timings({name: times.get(name, (1e-3,) * len(tree)) for name in [*named, "dense"]})

    monkeypatch.setattr(capacity, "interleaved", fake)


def test_a_disturbed_round_changes_no_ratio(monkeypatch):
    fake_times(monkeypatch, tree=(4.0,) * 7, dense=(1.0, 1.0, 1000.0, 1.0, 1.0, 1.0, 1.0))
    for row in capacity.run(depths=(4,), rows=(64,), **SMALL):
        capacity_ratio = 31 if row["phase"] == "training" else 16
        assert row["capacity_time_ratio"] == capacity_ratio / 4
        assert (row["spread"], row["unstable"]) == (0.0, False)


def test_noisy_rounds_make_a_row_unstable(monkeypatch):
    fake_times(monkeypatch, tree=(4.0,) * 7, dense=(1.0, 2.0, 1000.0, 4.0, 7.0, 3.0, 1.0))
    for row in capacity.run(depths=(4,), rows=(64,), **SMALL):
        assert row["unstable"]
        assert row["spread"] > 0.25


def test_the_share_is_that_of_a_copy_of_as_many_bytes_in_the_same_rounds(monkeypatch):
    asked = []
    monkeypatch.setattr(capacity, "copying", lambda n_bytes: (asked.append(n_bytes), (int, 1000))[1])
    fake_times(monkeypatch, tree=(2e-3,) * 3, dense=(1.0,) * 3)
    training, inference = capacity.run(depths=(4,), rows=(1024,), **SMALL)[::2]
    assert asked[0] == 3 * training["touched_bytes"] == 3 * 4 * 31 * 4160
    assert asked[-1] == inference["touched_bytes"] == 4 * 16 * 4160
    assert inference["bandwidth"] == 1000 / 1e-3
    assert inference["roofline_share"] == pytest.approx(inference["touched_bytes"] / inference["bandwidth"] / 2e-3)
    assert training["roofline_share"] == pytest.approx(7 * training["touched_bytes"] / training["bandwidth"] / 2e-3)


def test_a_quick_run_compares_the_first_batch_of_a_depth(monkeypatch):
    fake_times(monkeypatch, tree=(1.0,) * 7, dense=(1.0,) * 7)
    compared = []
    right = capacity._check_inference
    monkeypatch.setattr(capacity, "_check_inference", lambda *of: (compared.append(len(of[2][0])), right(*of))[1])
    rows = capacity.run(depths=(1, 0), rows=(256, 1), effort=capacity.QUICK)
    assert compared == [64, 64]
    assert [row["error"] is None for row in rows] == [row["rows"] == 1 for row in rows]


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on by a second whenever it is read."""
    now = itertools.count(0.0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(now))
    return now


@pytest.mark.parametrize("seconds", [0.0, 60.0, 150.0])
def test_a_budget_is_kept_and_what_is_left_out_is_named(clock, seconds):
    budget = Budget(Window(least=0.0, most=seconds))
    rows = capacity.run(depths=(2, 0), rows=(64, 1), effort=SMALL["effort"], budget=budget)
    assert next(clock) <= seconds + 20  # what is being done is finished, and the clock read for each row left out
    assert len(rows) + len(budget.left_out) == 8
    assert len(rows) == 0 if seconds == 0 else 0 < len(rows) < 8
    measured = [f"{row['phase']}, K = {row['depth']}, N = {row['rows']}" for row in rows]
    planned = [f"{phase}, K = {k}, N = {n}" for k in (2, 0) for n in (64, 1) for phase in ("training", "inference")]
    assert budget.left_out == [words for words in planned if words not in measured]
    assert [row["depth"] for row in rows] == sorted(row["depth"] for row in rows)


def test_a_sweep_keeps_its_budget(clock):
    budget = Budget(Window(most=0.0))
    assert sweep.run(quick=True, threads=1, budget=budget) == []
    assert budget.left_out == ["depths", "narrow", "one, 4 epochs"]


def test_a_quick_suite_shares_the_time_and_says_what_it_left_out(monkeypatch):
    budgets = {}

    def group(name):
        def run(quick, budget):
            budgets[name] = budget
            budget.left_out.append(f"all of {name}")
            return []

        return run

    for name in suite.GROUPS:
        monkeypatch.setitem(suite._RUN, name, group(name))
    monkeypatch.setattr(suite.readiness, "is_ready", lambda: True)
    result = suite.run(quick=True, began=100.0)
    assert result["left_out"] == {name: [f"all of {name}"] for name in suite.GROUPS}
    ends = [budgets[name].window.most - 100.0 for name in suite.GROUPS]
    assert ends == sorted(ends)
    assert ends[-1] <= 60.0, "a quick run of everything takes a minute"
    assert ends[0] == pytest.approx(timing.QUICK_FACTOR * QUICK_SECONDS["capacity"])
    suite.run(quick=False, began=100.0)
    assert all(budget.window.most == math.inf for budget in budgets.values())


def test_a_wrong_update_is_found(monkeypatch):
    right = compiled.merge_spilled

    def wrong(spill, tables, takes, sink, repeated):
        right(spill, tables, takes, sink, repeated)
        compiled.Sink(*sink).m[0, 0] *= 1.01  # first moment of the root

    monkeypatch.setattr(compiled, "merge_spilled", wrong)
    with cpu.ranges(2), pytest.raises(ValueError, match="moments after a step at depth 2 with 64 rows must agree"):
        capacity.run(depths=(2,), rows=(64,), **SMALL)


def test_a_wrong_kernel_is_found(monkeypatch):
    right = cpu._forward

    def wrong(*arguments):
        y, *others = right(*arguments)
        y[-1, 0] += 0.01
        return y, *others

    monkeypatch.setattr(cpu, "_forward", wrong)
    with pytest.raises(ValueError, match="must agree with the reference"):
        capacity.run(depths=(2,), rows=(64,), **SMALL)


def test_sweeps_are_those_announced():
    depths, narrow = sweep.depths_sweep(), sweep.narrow_sweep()
    assert len(depths) == 110
    assert {run.net.depth for run in depths} == set(range(11))
    assert all((run.net.width, run.train.epochs, run.train.batch_size) == (32, 60, 128) for run in depths)
    assert len({run.run_id for run in narrow}) == 100
    assert all((run.net.width, run.data.n_train, run.train.epochs) == (6, 300, 60) for run in narrow)


def test_sweep_rows(monkeypatch):
    few = [changed(run, {"train.epochs": 3}) for run in sweep.narrow_sweep()[:12]]
    monkeypatch.setattr(sweep, "depths_sweep", lambda: few)
    monkeypatch.setattr(sweep, "narrow_sweep", lambda: few)
    monkeypatch.setattr(sweep, "RunConfig", lambda: few[0])
    found = sweep.run(quick=True, threads=2)
    assert [(row["sweep"], row["way"]) for row in found] == [
        (name, way) for name in ("depths", "narrow") for way in ("population", "one by one", "reference")
    ] + [("one, 4 epochs", "compiled"), ("one, 4 epochs", "reference")]
    assert [row["extrapolated"] for row in found] == [False, False, True] * 2 + [False, False]
    assert all(row["seconds"] > 0 and math.isfinite(row["faster"]) for row in found)
    assert all(row["spread"] >= 0 and isinstance(row["unstable"], bool) for row in found)


def test_a_member_with_another_history_is_found(monkeypatch):
    few = [changed(run, {"train.epochs": 2}) for run in sweep.narrow_sweep()[:2]]
    right = sweep._population
    monkeypatch.setattr(sweep, "_population", lambda runs, threads: right(runs[::-1], threads))
    monkeypatch.setattr(sweep, "depths_sweep", lambda: few)
    with pytest.raises(ValueError, match="member 0's is not"):
        sweep.run(quick=True, threads=1)


def test_losses_that_are_not_the_references_are_found(monkeypatch):
    few = [changed(run, {"train.epochs": 2}) for run in sweep.narrow_sweep()[:2]]
    right = sweep._extrapolated

    def other(runs, sample, budget):
        seconds, losses = right(runs, sample, budget)
        return seconds, {run: [loss * 1.01 for loss in own] for run, own in losses.items()}

    monkeypatch.setattr(sweep, "_extrapolated", other)
    monkeypatch.setattr(sweep, "depths_sweep", lambda: few)
    with pytest.raises(ValueError, match=r"the train loss of digits n300 tree K0 w6 .* at epoch 0 must be"):
        sweep.run(quick=True, threads=1)


def test_goals_are_read_from_the_rows_and_judged(rows):
    capacity_rows = [
        dict(rows[6], depth=8, capacity_time_ratio=110.0, unstable=False),
        dict(rows[6], depth=12, capacity_time_ratio=59_799.0, unstable=True),
        dict(rows[7], against_none=1.5, unstable=False),
    ]
    sweep_rows = [
        {"sweep": "depths", "way": "population", "runs": 110, "seconds": 70.0, "faster": 1.0, "unstable": False},
        {
            "sweep": "narrow",
            "way": "population",
            "runs": 10,
            "seconds": 1.0,
            "faster": 1.0,
            "unstable": False,
        },  # not the whole sweep
    ]
    table = suite.against_goals({"groups": {"capacity": capacity_rows, "sweep": sweep_rows}})
    assert [(row["reached"], row["verdict"]) for row in table] == [
        (110.0, "met"),
        (59_799.0, None),
        (1.5, "stretch"),
        (70.0, "missed"),
    ]


def test_threads_are_put_back(monkeypatch):
    seen = []
    monkeypatch.setitem(suite._RUN, "peers", lambda quick, budget: seen.append(torch.get_num_threads()) or [])
    before = torch.get_num_threads()
    result = suite.run(["peers"], quick=True, threads=2)
    assert seen == [2]
    assert torch.get_num_threads() == before
    assert result["groups"] == {"peers": []}
    assert result["left_out"] == {"peers": []}
    assert result["environment"]["threads"] == 2
