"""The benchmark's groups at a small size: complete rows, results held against the reference, goals read from them."""

import json
import math

import pytest
import torch

from leafscope.core.bench import capacity, suite, sweep
from leafscope.core.config import changed
from leafscope.core.kernels import compiled, cpu

SMALL = {"rounds": 2, "seconds": 0.001}


@pytest.fixture(scope="module")
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
    training = rows[6]
    assert training["parameters"] == 31 * (64 * 64 + 64)
    assert training["touched_bytes"] == 4 * training["parameters"]  # 1024 rows reach all 31 nodes
    assert rows[4]["touched_bytes"] == pytest.approx(4 * 5 * 65 * 64)  # one row reaches its path


def test_a_wrong_update_is_found(monkeypatch):
    right = compiled.merge_spilled

    def wrong(spill, tables, takes, sink):
        right(spill, tables, takes, sink)
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

    def other(runs, sample):
        seconds, losses = right(runs, sample)
        return seconds, {run: [loss * 1.01 for loss in own] for run, own in losses.items()}

    monkeypatch.setattr(sweep, "_extrapolated", other)
    monkeypatch.setattr(sweep, "depths_sweep", lambda: few)
    with pytest.raises(ValueError, match=r"the train loss of digits n300 tree K0 w6 .* at epoch 0 must be"):
        sweep.run(quick=True, threads=1)


def test_goals_are_read_from_the_rows_and_judged(rows):
    capacity_rows = [dict(rows[6], depth=8, capacity_time_ratio=110.0), dict(rows[7], against_none=1.5)]
    sweep_rows = [
        {"sweep": "depths", "way": "population", "runs": 110, "seconds": 70.0, "faster": 1.0},
        {"sweep": "narrow", "way": "population", "runs": 10, "seconds": 1.0, "faster": 1.0},  # not the whole sweep
    ]
    table = suite.against_goals({"groups": {"capacity": capacity_rows, "sweep": sweep_rows}})
    assert [(row["reached"], row["verdict"]) for row in table] == [(110.0, "met"), (1.5, "stretch"), (70.0, "missed")]


def test_threads_are_put_back(monkeypatch):
    seen = []
    monkeypatch.setitem(suite._RUN, "peers", lambda quick: seen.append(torch.get_num_threads()) or [])
    before = torch.get_num_threads()
    result = suite.run(["peers"], quick=True, threads=2)
    assert seen == [2]
    assert torch.get_num_threads() == before
    assert result["groups"] == {"peers": []}
    assert result["environment"]["threads"] == 2
