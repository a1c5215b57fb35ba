"""Benchmarks in the store."""

import copy
import math
from typing import Any

import numpy as np
import pytest

from leafscope.core.config import RunConfig
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import Benchmark
from tests.core.clock import Clock
from tests.postgres import ON_SQLITE

RUN = RunConfig(seed=7)


def document(quick: bool = False, **groups: list[dict[str, Any]]) -> dict[str, Any]:
    environment = {"date": "2001-09-09T01:46:40+00:00", "leafscope": "0.1.0", "machine": "a laptop", "threads": 2, "torch": "2"}
    rows = [{"depth": 4, "path": "gather", "seconds": 0.1 + 0.2, "fastest": True, "error": None}]
    return {"environment": environment, "quick": quick, "groups": groups or {"forward": rows}}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The good document with another value at this place; Ellipsis: without it."""
    result = document()
    place: Any = result
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return result


def test_round_trip(db: Store, clock: Clock) -> None:
    result = document(quick=True)
    before = copy.deepcopy(result)
    key = db.add_benchmark(result)
    assert result == before
    found = db.benchmarks()
    assert found == [Benchmark(key, clock.now, "0.1.0", "a laptop", 2, True, result)]
    assert found[0].quick is True
    assert found[0].result["groups"]["forward"][0]["fastest"] is True
    assert db.latest_benchmark() == found[0]


def test_newest_first(db: Store, clock: Clock) -> None:
    first, second = db.add_benchmark(document()), db.add_benchmark(document())  # at the same moment
    clock.now += 5
    third = db.add_benchmark(document())
    clock.now -= 3600  # the clock was set back
    fourth = db.add_benchmark(document())
    assert [found.id for found in db.benchmarks()] == [third, second, first, fourth]
    assert [found.id for found in db.benchmarks(limit=2)] == [third, second]
    assert db.benchmarks(limit=0) == []
    with pytest.raises(ValueError, match="limit must be at least 0, got -1"):
        db.benchmarks(limit=-1)


def test_twenty_unless_told(db: Store) -> None:
    for _ in range(21):
        db.add_benchmark(document())
    assert len(db.benchmarks()) == 20
    assert len(db.benchmarks(limit=30)) == 21


def test_latest_by_group(db: Store, clock: Clock) -> None:
    def add(**groups: Any) -> int:
        clock.now += 1
        return db.add_benchmark(document(**groups))

    assert db.latest_benchmark() is None
    forward = add(forward=[{"seconds": 1.0}], step=[])
    for _ in range(6):
        add(memory=[])
    quick = add(quick=True, forward=[])

    def latest(*arguments: Any) -> int | None:
        found = db.latest_benchmark(*arguments)
        return None if found is None else found.id

    assert latest() == latest("forward") == quick
    assert latest("forward", False) == latest("step") == forward
    assert latest(None, False) == quick - 1
    assert latest("nothing") is None
    assert latest("forwar") is None  # a whole name
    db.add_benchmark(document())  # no read is left open that would keep a writer out


def test_runs_are_apart(db: Store) -> None:
    db.add_benchmark(document())
    assert db.is_empty()
    assert db.list_runs() == []
    run_id = db.submit(RUN).run_id
    db.delete([run_id])
    assert db.is_empty()
    assert len(db.benchmarks()) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (None, "result must be a dict, got None"),
        ({}, "result must have the key 'environment'; its keys are none"),
        (changed("environment", to=...), "result must have the key 'environment'; its keys are quick, groups"),
        (changed("environment", to="here"), "result.environment must be a dict, got 'here'"),
        (
            changed("environment", "date", to=...),
            "result.environment must have the key 'date'; its keys are leafscope, machine,",
        ),
        (changed("environment", "leafscope", to=...), "result.environment must have the key 'leafscope'"),
        (changed("environment", "machine", to=None), "result.environment.machine must be text, got None"),
        (changed("environment", "threads", to=2.5), "result.environment.threads must be a whole number, got 2.5"),
        (changed("environment", "threads", to=True), "result.environment.threads must be a whole number, got True"),
        (changed("quick", to=...), "result must have the key 'quick'"),
        (changed("quick", to=1), "result.quick must be true or false, got 1"),
        (changed("groups", to=...), "result must have the key 'groups'"),
        (changed("groups", to=[]), "result.groups must be a dict, got []"),
        (changed("groups", "forward", to={}), "result.groups.forward must be a list, got {}"),
        (changed("groups", "forward", 0, to=3), "result.groups.forward[0] must be a dict, got 3"),
        (changed("groups", "forward", 0, "seconds", to=math.nan), "forward[0].seconds must be a finite number, got nan"),
        (changed("groups", "forward", 0, "seconds", to=-math.inf), "forward[0].seconds must be a finite number, got -inf"),
        (
            changed("groups", "forward", 0, "seconds", to=np.float32(1)),
            "forward[0].seconds must be text, a number, true, false",
        ),
        (changed("groups", "forward", 0, "shape", to=(3, 4)), "forward[0].shape must be .* got tuple"),
        (changed("groups", "forward", 0, 4, to=3), "the keys of result.groups.forward[0] must be text, got 4"),
        (
            changed("environment", "libraries", to=[{"torch": b"2"}]),
            "result.environment.libraries[0].torch must be .* got bytes",
        ),
    ],
)
def test_a_damaged_document_is_refused(db: Store, result: Any, sentence: str) -> None:
    pattern = sentence.replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(ValueError, match=pattern):
        db.add_benchmark(result)
    assert db.benchmarks() == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("column", "value"), [("result", "{"), ("result", "1"), ("result", '{"groups": {}}'), ("created", "9e999")]
)
def test_a_damaged_one_is_left_out(db: Store, column: str, value: str) -> None:
    first, second = db.add_benchmark(document()), db.add_benchmark(document())
    with db._write() as connection:
        connection.exec_driver_sql(f"UPDATE benchmarks SET {column} = ? WHERE id = ?", (value, second))
    assert [found.id for found in db.benchmarks()] == [first]
    newest = db.latest_benchmark("forward")
    assert newest is not None
    assert newest.id == first
