"""Timing in turns: what it calls, what it reports, and that it can tell ten times the work."""

import json
from datetime import UTC, datetime

import pytest
import torch

from leafscope.core.bench import timing
from leafscope.core.bench.timing import Timings, bandwidth, environment, interleaved


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


def test_the_spread_is_the_quartiles():
    assert Timings({"a": (5.0, 1.0, 2.0, 4.0, 3.0)}).spread("a") == (2.0, 4.0)


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
    "ask", [lambda t: t.median("c"), lambda t: t.spread("c"), lambda t: t.ratio("a", "c"), lambda t: t.ratio("c", "a")]
)
def test_an_unknown_name_is_said_with_those_that_are_known(ask):
    with pytest.raises(ValueError, match=r"one of those timed \(a, b\), got 'c'"):
        ask(Timings({"a": (1.0,), "b": (1.0,)}))


def test_bandwidth_counts_bytes_read_and_written(monkeypatch):
    asked = []

    def half_a_second(calls, rounds):
        for call in calls.values():
            asked.append(call())
        return Timings(dict.fromkeys(calls, (0.5,) * rounds))

    monkeypatch.setattr(timing, "COPY_BYTES", 2**20)
    monkeypatch.setattr(timing, "interleaved", half_a_second)
    assert bandwidth() == 2 * 2**20 / 0.5
    assert asked[0].nbytes == 2**20
    assert bool((asked[0] == 1).all()), "the source was not copied"


def test_bandwidth_measures_something(monkeypatch):
    monkeypatch.setattr(timing, "COPY_BYTES", 2**22)
    assert bandwidth(rounds=2) > 1e7  # a copy slower than 10 MB/s is no copy


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
