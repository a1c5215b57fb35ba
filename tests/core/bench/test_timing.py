"""Timing in turns: what it calls, what it reports, and that it can tell ten times the work."""

import itertools
import json
from datetime import UTC, datetime

import pytest
import torch

from leafscope.core.bench import timing
from leafscope.core.bench.timing import (
    FEWEST_ROUNDS,
    STEADY,
    Budget,
    OutOfTime,
    Timings,
    Window,
    copying,
    environment,
    interleaved,
    steadiest,
    torch_threads,
    with_threads,
)


def test_ten_times_the_work_takes_clearly_longer():
    def count(n):
        return lambda: sum(range(n))

    timings = interleaved({"little": count(2_000), "much": count(20_000)}, rounds=5, seconds=0.005)
    assert timings.ratio("much", "little") > 3
    assert timings.ratio("little", "much") < 1 / 3
    assert timings.median("much") > 3 * timings.median("little")
    assert all(len(taken) == 5 and min(taken) > 0 for taken in timings.seconds.values())


def test_the_ratio_is_taken_within_a_round():
    # the second round was slow for both; the medians alone would say 4 / 2
    timings = Timings({"a": (3.0, 40.0, 4.0), "b": (1.0, 10.0, 2.0)})
    assert timings.ratio("a", "b") == 3.0
    assert timings.median("a") == 4.0
    assert timings.median("b") == 2.0


def test_the_spread_is_that_of_the_ratios_or_of_the_seconds_of_one():
    timings = Timings({"a": (5.0, 1.0, 2.0, 4.0, 3.0), "b": (5.0, 1.0, 2.0, 4.0, 6.0)})
    assert timings.spread("a") == pytest.approx((4 - 2) / 3)
    assert timings.spread("a", "b") == 0.0  # one disturbed round of five
    assert timings.largest_spread([("a", "b"), ("a", None)]) == timings.spread("a")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only what is timed moves on."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    return now


def taking(clock, *seconds):
    """A function whose calls take so long by the clock, one after the other, over and over."""
    endless = itertools.cycle(seconds)

    def call():
        clock[0] += next(endless)

    return call


def rounds_of(clock, *ratios):
    """Rounds in which a takes so many times as long as b, and b a second."""
    left = iter(ratios)

    def one_round(index):
        clock[0] += 1.0
        return {"a": next(left), "b": 1.0}

    return one_round


PAIRS = [("a", "b")]


def test_a_round_disturbed_a_thousandfold_changes_neither_ratio_nor_steadiness(clock):
    # after the warm-up and the calibration, the third of seven rounds
    calls = {"tree": taking(clock, 4.0), "dense": taking(clock, *[1.0] * 4, 1000.0, *[1.0] * 4)}
    timings = interleaved(calls, rounds=7, ratios=[("tree", "dense")], seconds=0.5)
    assert max(timings.seconds["dense"]) == 1000.0
    assert timings.ratio("tree", "dense") == 4.0
    assert timings.spread("tree", "dense") == 0.0
    assert not timings.unstable([("tree", "dense")])


def test_rounds_that_stay_unsteady_are_measured_until_the_window_ends_and_are_unstable(clock):
    noisy = itertools.cycle([1.0, 5.0, 30.0])
    timings = steadiest(rounds_of(clock, *itertools.islice(noisy, 1000)), 5, PAIRS, Window(most=33.0), Budget(), fewest=3)
    assert timings.unstable(PAIRS, 3)
    assert timings.spread("a", "b") > STEADY
    assert 33.0 <= clock[0] <= 33.0 + 3, "an attempt ends soon after the window"


def test_unsteady_rounds_are_measured_again_and_steady_ones_count(clock):
    ratios = (1.0, 9.0, 80.0, 4.0, 4.1, 3.9, 7.0, 8.0, 9.0)
    timings = steadiest(rounds_of(clock, *ratios), 3, PAIRS, Window(most=100.0), Budget(), fewest=3)
    assert timings.seconds["a"] == (4.0, 4.1, 3.9)
    assert not timings.unstable(PAIRS, 3)
    assert clock[0] == 6.0, "what is steady is not measured again"


def test_steady_rounds_fill_the_least_time_and_the_steadiest_count(clock):
    ratios = (4.0, 4.2, 4.4, 4.0, 4.0, 4.0, 4.0, 4.4, 4.8, 1.0, 1.0, 1.0)
    timings = steadiest(rounds_of(clock, *ratios), 3, PAIRS, Window(least=8.0, most=20.0), Budget(), fewest=3)
    assert clock[0] == 9.0
    assert timings.seconds["a"] == (4.0, 4.0, 4.0)


def test_too_few_rounds_are_unstable_and_give_way_to_more(clock):
    assert Timings({"a": (1.0, 1.0), "b": (1.0, 1.0)}).unstable(PAIRS)
    assert not Timings({"a": (1.0,) * FEWEST_ROUNDS, "b": (1.0,) * FEWEST_ROUNDS}).unstable(PAIRS)
    budget = Budget(Window(most=4.5))

    def one_round(index):
        budget.check()
        return rounds(index)

    rounds = rounds_of(clock, 1.0, 4.0, 9.0, 4.0, 4.0, 4.0)
    timings = steadiest(one_round, 3, PAIRS, Window(most=100.0), budget, fewest=3)
    assert timings.seconds["a"] == (1.0, 4.0, 9.0)
    assert timings.unstable(PAIRS)


def test_a_budget_that_ends_stops_between_two_functions(clock):
    calls = {"a": taking(clock, 10.0), "b": taking(clock, 1.0)}
    with pytest.raises(OutOfTime):
        interleaved(calls, rounds=3, budget=Budget(Window(most=15.0)))
    assert clock[0] == 20.0  # one call to warm up, one to calibrate
    clock[0] = 0.0
    timings = interleaved(calls, rounds=3, budget=Budget(Window(most=40.0)))
    assert timings.rounds == 2
    assert timings.unstable([])


def test_a_budget_is_divided_among_what_is_left_of_it(clock):
    budget = Budget.about(26.0, began=0.0)
    assert (budget.window.least, budget.window.most) == pytest.approx((20.0, 33.8))
    clock[0] = 10.0
    assert budget.part(5, patience=3.0) == Window(pytest.approx(12.0), pytest.approx(10 + 23.8 / 5))
    clock[0] = 50.0
    assert budget.part(1, patience=3.0) == Window(50.0, 50.0)
    assert Budget().part(5, patience=3.0) == Window(most=53.0)
    Budget().check()
    with pytest.raises(OutOfTime):
        budget.check()


@pytest.mark.parametrize(("one", "two", "fastest"), [(1.0, 0.6, "dense, 2"), (1.0, 1.4, "dense, 1")])
def test_of_variants_the_faster_one_counts_also_if_disturbed_once(clock, one, two, fastest):
    with torch_threads(2):
        variants = with_threads("dense")
        assert variants == {"dense, 1": 1, "dense, 2": 2}
        assert torch.get_num_threads() == 2
    with torch_threads(1):
        assert with_threads("dense") == {"dense, 1": 1}
    calls = {name: taking(clock, *[took] * 4, 1000.0, *[took] * 4) for name, took in zip(variants, (one, two), strict=True)}
    timings = interleaved(calls | {"tree": taking(clock, 4.0)}, rounds=7, seconds=0.1, variants={"dense": variants})
    assert timings.fastest(variants) == fastest
    assert timings.seconds["dense"] == timings.seconds[fastest]
    assert timings.ratio("tree", "dense") == pytest.approx(4.0 / min(one, two))


def test_rounds_start_with_another_function_each_time_and_setup_comes_before_each_block():
    calls = []
    slow = iter(range(10**6))

    def noting(name):
        def call():
            calls.append(name)
            while next(slow) % 2000:  # longer than `seconds`, so that each block is one call
                pass

        return call

    names = ["a", "b", "c"]
    timings = interleaved(
        {name: noting(name) for name in names}, rounds=4, seconds=1e-9, setup={"b": lambda: calls.append("setup b")}
    )
    before = ["a", "a", "setup b", "b", "b", "c", "c"]  # warm-up and calibration
    rounds = [["a", "setup b", "b", "c"], ["setup b", "b", "c", "a"], ["c", "a", "setup b", "b"], ["a", "setup b", "b", "c"]]
    assert calls == before + [name for order in rounds for name in order]
    assert [len(timings.seconds[name]) for name in names] == [4, 4, 4]


def test_what_is_timed_is_the_time_of_one_call(monkeypatch):
    clock = [0.0]
    calls = []

    def advance():
        calls.append(clock[0])
        clock[0] += 0.25

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    timings = interleaved({"quarter": advance}, rounds=2, seconds=1.0)
    assert timings.seconds == {"quarter": (0.25, 0.25)}
    # one to warm up, 1 + 2 to find that 4 fill a second, 2 rounds of 4
    assert len(calls) == 1 + 3 + 8


def test_a_call_too_long_for_the_block_is_made_once_a_round(monkeypatch):
    clock = [0.0]
    calls = []

    def advance():
        calls.append(clock[0])
        clock[0] += 7.0

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    assert interleaved({"slow": advance}, rounds=3, seconds=0.02).median("slow") == 7.0
    assert len(calls) == 1 + 1 + 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"calls": {}, "rounds": 1}, "at least one function"),
        ({"calls": {"a": int}, "rounds": 0}, "rounds must be at least 1, got 0"),
        ({"calls": {"a": int}, "rounds": 1, "seconds": 0.0}, "seconds must be positive, got 0.0"),
        ({"calls": {"a": int}, "rounds": 1, "seconds": float("nan")}, "seconds must be positive, got nan"),
        ({"calls": {"a": int}, "rounds": 1, "setup": {"b": int}}, r"functions that are timed \(a\), got b"),
    ],
)
def test_what_cannot_be_timed_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        interleaved(**arguments)


@pytest.mark.parametrize(
    "ask",
    [
        lambda t: t.median("c"),
        lambda t: t.spread("c"),
        lambda t: t.spread("a", "c"),
        lambda t: t.ratio("a", "c"),
        lambda t: t.ratio("c", "a"),
    ],
)
def test_an_unknown_name_is_said_with_those_that_are_known(ask):
    with pytest.raises(ValueError, match=r"one of those timed \(a, b\), got 'c'"):
        ask(Timings({"a": (1.0,), "b": (1.0,)}))


def test_a_copy_touches_the_bytes_asked_for_and_moves_as_many():
    copy, moved = copying(4096.0)
    target = copy()
    assert moved == 4096 == 2 * target.nbytes
    assert bool((target == 1).all()), "the source was not copied"


def test_the_environment_can_be_written_as_json():
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {
        *("date", "leafscope", "python", "torch", "numpy", "numba", "machine", "system", "cores", "threads", "gpu"),
        "memory_bytes",
    }
    assert abs((datetime.now(UTC) - datetime.fromisoformat(found["date"])).total_seconds()) < 60
    assert found["date"].endswith("+00:00")
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["threads"] == torch.get_num_threads()
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 2**28
    assert found["machine"]


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    def missing(package):
        raise timing.importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(timing.importlib.metadata, "version", missing)
    assert environment()["numba"] is None


def test_the_processor_is_named_where_proc_does_not_say(monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "Path", lambda path: tmp_path / "absent")
    monkeypatch.setattr(timing.platform, "processor", lambda: "Some processor")
    assert environment()["machine"] == "Some processor"
