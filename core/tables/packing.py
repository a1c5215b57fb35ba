"""A table as text and bytes, to be kept: what was understood as JSON, and the columns as compressed safetensors."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from leafscope.core.errors import TableError
from leafscope.core.tables.columns import Column
from leafscope.core.tables.table import Source, Table

MOST_BYTES = 1_000_000_000
"""The most bytes of the columns, unpacked: 50 MB of the shortest cells become 200 MB of numbers."""


def pack(table: Table) -> tuple[str, bytes]:
    """Return what a list of tables shows, as JSON, and the rows."""
    from safetensors.numpy import save

    about = table.described() | {"target": table.target, "target_why": table.target_why, "notes": table.source.notes}
    about["class_rows"] = table.class_rows
    arrays = {str(place): np.ascontiguousarray(column.values) for place, column in enumerate(table.columns)}
    texts = [[one.kind, one.why, one.left_out, one.categories] for one in table.columns]
    arrays["texts"] = np.frombuffer(json.dumps(texts, ensure_ascii=False).encode(), np.uint8)
    arrays["y"] = np.ascontiguousarray(table.y)
    return json.dumps(about, ensure_ascii=False), zlib.compress(save(arrays), 1)


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
    from safetensors.numpy import load

    reader = zlib.decompressobj()
    plain = reader.decompress(data, MOST_BYTES)
    if not reader.eof:
        raise ValueError(f"its rows must be complete and have at most {MOST_BYTES:,} bytes")
    arrays = load(plain)
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
    )
