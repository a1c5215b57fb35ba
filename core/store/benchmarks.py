"""Benchmarks: the measurements of the benchmark command, stored as JSON after a check of their structure."""

import json
import math
from typing import Any

from sqlalchemy import Row, insert, select

from leafscope.core.store.database.transactions import Transactions
from leafscope.core.store.schema import benchmarks
from leafscope.core.store.values.rows import moment
from leafscope.core.store.values.summaries import Benchmark
from leafscope.core.text import loads


class Benchmarks(Transactions):
    """The part of the store for benchmarks."""

    def add_benchmark(self, result: dict[str, Any]) -> int:
        """Store the measurements of the benchmark command and return their id.

        `result` has `environment` (with `date`, `leafscope`, `machine` and `threads`), `quick`, and `groups`: name -> list
        of rows. Raises ValueError, and stores nothing, if one of them is missing or JSON would change a value.
        """
        row = _row(result)
        with self._write() as connection:
            key: Any = connection.execute(insert(benchmarks).values({"created": self._clock()} | row)).inserted_primary_key
        return int(key[0])

    def benchmarks(self, limit: int = 20) -> list[Benchmark]:
        """List at most `limit` benchmarks, the newest first; damaged ones are left out."""
        if limit < 0:
            raise ValueError(f"limit must be at least 0, got {limit}")
        with self._read() as connection:
            rows = connection.execute(_newest_benchmarks().limit(limit)).all()
        return [found for row in rows if (found := _benchmark(row)) is not None]

    def latest_benchmark(self, group: str | None = None, include_quick: bool = True) -> Benchmark | None:
        """Return the newest benchmark (that measured `group`, if given), or None."""
        query = _newest_benchmarks()
        if not include_quick:
            query = query.where(benchmarks.c.quick.is_(False))
        query = query.execution_options(yield_per=4)  # nearly always, the first row is the one wanted
        with self._read() as connection, connection.execute(query) as rows:
            for row in rows:
                found = _benchmark(row)
                if found is not None and (group is None or group in found.result["groups"]):
                    return found
        return None


def _newest_benchmarks() -> Any:
    return select(benchmarks).order_by(benchmarks.c.created.desc(), benchmarks.c.id.desc())


def _benchmark(row: Row[Any]) -> Benchmark | None:
    """Return a benchmark; None for a damaged one, which can be measured again."""
    try:
        result = loads(row.result)
        said = _row(result)
        return Benchmark(
            row.id, moment(row.created), said["leafscope"], said["machine"], said["threads"], said["quick"], result
        )
    except (ValueError, TypeError, RecursionError):
        return None


_KINDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a dict"}


def _row(result: Any) -> dict[str, Any]:
    _check_kind(result, dict, "result")
    environment = _item(result, "environment", dict, "result")
    _item(environment, "date", str, "result.environment")
    row = {
        "leafscope": _item(environment, "leafscope", str, "result.environment"),
        "machine": _item(environment, "machine", str, "result.environment"),
        "threads": _item(environment, "threads", int, "result.environment"),
        "quick": _item(result, "quick", bool, "result"),
    }
    for name, group in _item(result, "groups", dict, "result").items():
        _check_kind(group, list, f"result.groups.{name}")
        for index, line in enumerate(group):
            _check_kind(line, dict, f"result.groups.{name}[{index}]")
    _check_plain(result, "result")
    return row | {"result": json.dumps(result, allow_nan=False)}


def _item(container: dict[str, Any], key: str, kind: type, path: str) -> Any:
    if key not in container:
        raise ValueError(f"{path} must have the key {key!r}; its keys are {', '.join(map(str, container)) or 'none'}")
    _check_kind(container[key], kind, f"{path}.{key}")
    return container[key]


def _check_kind(value: Any, kind: type, path: str) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{path} must be {_KINDS[kind]}, got {value!r:.80}")


def _check_plain(value: Any, path: str) -> None:
    """Raise ValueError for what JSON cannot represent or would change: tuples, keys that are not text, infinite numbers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the keys of {path} must be text, got {key!r:.80}")
            _check_plain(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_plain(inner, f"{path}[{index}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path} must be a finite number, got {float(value)}")
    elif not (value is None or isinstance(value, (str, int))):
        raise ValueError(f"{path} must be text, a number, true, false, None, a list or a dict, got {type(value).__name__}")
