"""A table as text and bytes, to be kept: what was understood as JSON, and the columns as compressed safetensors."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_CLASSES, MAX_FEATURES, MAX_TABLE_ROWS
from leafscope.core.tables.columns import Column, Kind
from leafscope.core.tables.table import Source, Table

MOST_WORDS = 10_000_000
"""The most characters of what was understood of a table: 2,000 columns of the longest names and sentences."""

MOST_BYTES = 1_000_000_000
"""The most bytes of the columns, unpacked: 50 MB of the shortest cells become 200 MB of numbers."""


def pack(table: Table) -> tuple[str, bytes]:
    """Return what a list of tables shows, as JSON, and the rows."""
    from safetensors.numpy import save

    about = table.described() | {"target": table.target, "target_why": table.target_why, "notes": table.source.notes}
    about["class_rows"] = table.class_rows
    about |= {name: value for name, value in _splits_of(table).items() if value is not None}
    arrays = {str(place): np.ascontiguousarray(column.values) for place, column in enumerate(table.columns)}
    texts = [[one.kind, one.why, one.left_out, tuple(one.categories)] for one in table.columns]
    arrays["texts"] = np.frombuffer(json.dumps(texts, ensure_ascii=False).encode(), np.uint8)
    arrays["y"] = np.ascontiguousarray(table.y)
    arrays |= {name: one for name, one in (("given", table.given), ("group", table.group)) if one is not None}
    return json.dumps(about, ensure_ascii=False), zlib.compress(save(arrays), 1)


def _splits_of(table: Table) -> dict[str, Any]:
    return {"split_rows": table.split_rows, "largest_group": table.largest_group}


def check_packed(about: str, data: bytes, table_id: str) -> None:
    """Raise TableError unless a table that comes from anyone is whole and says of itself what is so.

    Without rows, which were removed or left out, only what was understood is checked.
    """
    try:
        told = json.loads(about)
        check_about(told)
        if not data:
            return
        table = unpack(about, data, table_id)
        _check_rows(table)
        is_so = json.loads(pack(table)[0])
        for key in told.keys() & is_so.keys():
            if told[key] != is_so[key]:
                raise ValueError(f"{key} must be as its rows say")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise TableError(f"the table {table_id} is damaged: {error}") from None


def check_about(about: Any) -> None:
    """Raise ValueError or TypeError unless what was understood of a table has the types and sizes that it must have."""
    if not isinstance(about, dict):
        raise TypeError("what was understood must be an object")
    for key, kinds in _KINDS.items():
        if (key in about and not isinstance(about[key], kinds)) or (key not in about and key != "class_rows"):
            raise TypeError(f"{key} must be of another type, got {about.get(key)!r:.80}")
    for key, most in (("rows", MAX_TABLE_ROWS), ("n_features", MAX_FEATURES)):
        if isinstance(about[key], bool) or not 1 <= about[key] <= most:
            raise ValueError(f"{key} must be from 1 to {most:,}, got {about[key]!r:.80}")
    classes = about["classes"]
    if (classes is None) is not (about["task"] == "regression") or about["task"] not in ("classification", "regression"):
        raise ValueError(f"task must be classification, with classes, or regression, got {about['task']!r:.80}")
    if classes is not None and not (2 <= len(classes) <= MAX_CLASSES and all(isinstance(one, str) for one in classes)):
        raise ValueError(f"classes must be from 2 to {MAX_CLASSES} texts, got {classes!r:.80}")
    _check_splits(about)
    for column in about["columns"]:
        if not isinstance(column["name"], str) or not isinstance(column["why"], str) or type(column["missing"]) is not int:
            raise TypeError(f"a column must have a name, why and missing, got {column!r:.80}")


def _check_splits(about: Mapping[str, Any]) -> None:
    """Raise ValueError unless what is said of given splits and groups fits the rows."""
    rows, largest, n = about.get("split_rows"), about.get("largest_group"), about["rows"]
    if rows is not None and not (
        isinstance(rows, list) and len(rows) == 3 and all(type(one) is int and one >= 0 for one in rows) and sum(rows) == n
    ):
        raise ValueError(f"split_rows must be the rows of each split, {n:,} together, got {rows!r:.80}")
    if largest is not None and not (type(largest) is int and 1 <= largest <= n):
        raise ValueError(f"largest_group must be from 1 to {n:,}, got {largest!r:.80}")


_KINDS: Mapping[str, Any] = {
    "name": str,
    "rows": int,
    "n_features": int,
    "task": str,
    "classes": (list, type(None)),
    "class_rows": (list, type(None)),
    "columns": list,
    "target": str,
    "target_why": str,
    "notes": list,
}


def _check_rows(table: Table) -> None:
    """Raise ValueError unless all columns have the table's rows, and values of their kind."""
    for word, of_rows, most in (("split", table.given, 3), ("group", table.group, table.rows)):
        if of_rows is not None and not (
            of_rows.shape == (table.rows,) and of_rows.dtype == np.int32 and of_rows.min() >= 0 and of_rows.max() < most
        ):
            raise ValueError(f"the {word} of each row must be a whole number from 0 to {most - 1:,}")
    names = [column.name for column in table.columns]
    if table.target not in names or len(set(names)) < len(names) or len(table.missing) != len(names):
        raise ValueError("columns must have different names, one of them the target's")
    for values, column in [(column.values, column) for column in table.columns] + [(table.y, None)]:
        if values.shape != (table.rows,) or values.dtype not in (np.float64, np.int32):
            raise ValueError(f"a column must have {table.rows:,} numbers, got {values.dtype} of shape {values.shape}")
        if column is None:
            highest = np.inf if table.classes is None else len(table.classes) - 1
            if not (np.isfinite(values).all() and (table.classes is None or bool((values == np.floor(values)).all()))):
                raise ValueError("the target must have a class or a finite number in each row")
            if table.classes is not None and not (values.min() >= 0 and values.max() <= highest):
                raise ValueError(f"the target must have classes from 0 to {highest}")
        elif column.kind not in get_args(Kind) or not all(isinstance(text, str) for text in column.categories):
            raise ValueError(f"a column must be one of {', '.join(get_args(Kind))}, got {column.kind!r:.40}")
        elif column.kind == "categorical":
            if values.dtype != np.int32 or values.min() < -1 or values.max() >= len(column.categories):
                raise ValueError(f"column {column.name!r:.80} must have codes of its categories")
        elif values.dtype != np.float64 or np.isinf(values).any():
            raise ValueError(f"column {column.name!r:.80} must have finite numbers, or none")
        elif column.kind == "boolean" and not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
            raise ValueError(f"column {column.name!r:.80} must have 0 and 1")


def unpack(about: str, data: bytes, table_id: str) -> Table:
    """Return a table that was packed; raises TableError if it is damaged, or not the one with this address."""
    try:
        table = _unpacked(json.loads(about), data)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, zlib.error, RecursionError) as error:
        raise TableError(f"the table {table_id} is damaged: {type(error).__name__}: {error}") from None
    if table.hash != table_id:
        raise TableError(f"the table {table_id} is damaged: its rows have the address {table.hash}")
    return table


def _unpacked(about: Mapping[str, Any], data: bytes) -> Table:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    reader = zlib.decompressobj()
    plain = reader.decompress(data, MOST_BYTES)
    if not reader.eof:
        raise ValueError(f"its rows must be complete and have at most {MOST_BYTES:,} bytes")
    try:
        arrays = load(plain)
    except SafetensorError as error:
        raise ValueError(f"its rows must be safetensors: {error}") from error
    columns = []
    for place, (kind, why, left_out, categories) in enumerate(json.loads(arrays["texts"].tobytes())):
        values = arrays[str(place)]
        values.setflags(write=False)
        columns.append(Column(about["columns"][place]["name"], kind, values, tuple(categories), why, left_out))
    written = {key: about[key] for key in ("delimiter", "encoding", "decimal", "header")}
    source = Source(**written, notes=tuple(about["notes"]))
    return Table(
        name=about["name"],
        source=source,
        columns=tuple(columns),
        missing=tuple(one["missing"] for one in about["columns"]),
        target=about["target"],
        target_why=about["target_why"],
        task=about["task"],
        classes=None if about["classes"] is None else tuple(about["classes"]),
        y=arrays["y"],
        given=arrays.get("given"),
        group=arrays.get("group"),
    )
