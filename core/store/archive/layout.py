"""The format of an archive: its members, the columns of each table, and the size limits.

An archive is a zip file. `manifest.json` describes the other members. Each table is a member `<table>.jsonl` with one JSON
object per row, sorted by the primary key. The binary values of a table are concatenated in `<table>.bin`, and each row has the
`offset` and `size` of its value.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, BinaryIO

from pydantic import ValidationError
from sqlalchemy import Boolean, Column, Connection, Double, Integer, LargeBinary, Table, select

from leafscope.core.config import SweepConfig, explain
from leafscope.core.errors import ArchiveError
from leafscope.core.store.annotations import COMMENT_LENGTH
from leafscope.core.store.database.transactions import chunks
from leafscope.core.store.decks import MAX_FIGURE_BYTES, MAX_NAME
from leafscope.core.store.schema import (
    annotations,
    artifact_parts,
    artifacts,
    attempts,
    data_tables,
    decks,
    leaves,
    metrics,
    routing_logs,
    runs,
    slides,
    sweeps,
)
from leafscope.core.store.values.rows import LATEST
from leafscope.core.sweep import members
from leafscope.core.tables.packing import MOST_WORDS

FORMAT, VERSION = "leafscope archive", 1
"""The format's name in the manifest, and the highest version of it that this program reads."""

MAX_BYTES = 8 * 2**30
"""The most bytes of all members together, unpacked."""

MAX_ROW = 64 * 2**20
"""The most bytes of one row without its binary value: a slide's largest figure with every character escaped."""

MAX_VALUE = 256 * 2**20
"""The most bytes of one binary value; parts of an artifact have at most 64 MiB."""

MAX_TEXT = 1_000_000
"""The most characters of a text that has no limit of its own, such as a label or an error."""

MAX_SECONDS = 1e12
"""The most seconds of training."""

BATCH_ROWS = 1000
"""Rows that are read or written at once."""

MANIFEST = "manifest.json"

Place = str | os.PathLike[str] | BinaryIO
"""The location of an archive: a path, or a binary file."""

TABLES = (
    *(data_tables, runs, attempts, metrics, leaves, artifacts, artifact_parts, annotations, sweeps, decks, slides),
    routing_logs,
)
OPTIONAL = (data_tables, routing_logs)
"""Tables that a file without such rows does not have: older programs read it."""

BINARY = (data_tables, leaves, artifact_parts, routing_logs)
OF_ATTEMPTS = (attempts, metrics, leaves, artifacts, artifact_parts)
"""The tables with a binary value, and the tables whose rows belong to an attempt."""

ORDER = {table.name: tuple(column.name for column in table.primary_key.columns) for table in TABLES}
ORDER |= {"slides": ("deck_id", "place", "slide_id")}
"""Table -> the columns by which its rows are ordered."""

_HIGHEST = dict.fromkeys(("created", "started", "finished", "heartbeat", "changed"), LATEST)
_HIGHEST |= {"seconds": MAX_SECONDS, "seconds_before": MAX_SECONDS, "size": float(MAX_BYTES)}
"""Column of numbers with a decimal point that are not negative -> the highest."""

_LONGEST = {
    "about": MOST_WORDS,
    "name": MAX_NAME,
    "content": MAX_FIGURE_BYTES,
    "figure": MAX_FIGURE_BYTES,
    "comment": COMMENT_LENGTH,
}
"""Column of texts with a limit of its own -> the most characters."""

_ADDRESS = re.compile(r"[0-9a-f]{16}")

Check = tuple[Callable[[Any], bool], str]
"""Whether a column accepts a value, and the condition in words."""


def columns_of(table: Table) -> dict[str, Check]:
    """Return the columns of a row in a file, and the check of each."""
    checks = {column.name: _column_check(column) for column in table.columns if not isinstance(column.type, LargeBinary)}
    for name in ("offset", "size") if table in BINARY else ():
        checks[name] = _whole(2**63 - 1)
    return checks


def defaults_of(table: Table) -> dict[str, Any]:
    """Return the defaults of columns that may be missing from a row of an older version."""
    found = {column.name: getattr(column.default, "arg", None) for column in table.columns}
    return {name: value for name, value in found.items() if value is not None or table.c[name].nullable}


def _column_check(column: Column[Any]) -> Check:
    longest = getattr(column.type, "length", None)
    if isinstance(column.type, Boolean):
        holds, must_be = (lambda value: type(value) is bool), "true or false"
    elif isinstance(column.type, Integer):
        holds, must_be = _whole(2**31 - 1)
    elif isinstance(column.type, Double):
        holds, must_be = _real(_HIGHEST.get(column.name))
    elif column.name.endswith("_id") and longest == 16:
        holds, must_be = (lambda value: type(value) is str and bool(_ADDRESS.fullmatch(value))), "16 hexadecimal digits"
    else:
        longest = longest or _LONGEST.get(column.name, MAX_TEXT)
        must_be = f"text of at most {longest:,} characters"
        holds = partial(_is_short, longest)
    if column.nullable:
        return (lambda value: value is None or holds(value)), must_be
    return holds, must_be


def _is_short(longest: int, value: Any) -> bool:
    return type(value) is str and len(value) <= longest and is_unicode(value)


def _real(highest: float | None) -> Check:
    if highest is None:
        return (lambda value: type(value) is float and math.isfinite(value)), "a finite number with a decimal point"
    words = f"a finite number with a decimal point, from 0 to {highest:,.0f}"
    return (lambda value: type(value) is float and 0 <= value <= highest), words


def _whole(highest: int) -> Check:
    return (lambda value: type(value) is int and 0 <= value <= highest), f"a whole number from 0 to {highest}"


def is_unicode(text: str) -> bool:
    """Whether a database can store the text: JSON can contain unpaired surrogates, which databases refuse."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def sweep_config(text: str) -> SweepConfig:
    """Parse a sweep; raises ValueError, also for a sweep with too many members."""
    sweep = SweepConfig.model_validate_json(text)
    if (number := sweep.n_combinations) > members.MEMBER_LIMIT:
        raise ValueError(f"a sweep can have at most {members.MEMBER_LIMIT:,} runs, got {number:,}")
    return sweep


def sentence(error: Exception) -> str:
    return "; ".join(explain(error).values()) if isinstance(error, ValidationError) else str(error)


def present(connection: Connection, table: Table, addresses: Iterable[str]) -> set[str]:
    """Return those of the addresses that exist in the table."""
    (key,) = table.primary_key.columns
    found: set[str] = set()
    for part in chunks(list(dict.fromkeys(addresses))):
        found |= set(connection.execute(select(key).where(key.in_(part))).scalars())
    return found


def refusal(table: Table, number: int, sentence: str, row: Mapping[str, Any] | None = None) -> ArchiveError:
    """Return the error for a row; it names the run, if the row says which."""
    run_id = (row or {}).get("run_id")
    run = f", run {run_id}" if isinstance(run_id, str) and _ADDRESS.fullmatch(run_id) else ""
    return ArchiveError(f"{table.name}, row {number:,}{run}: {sentence}")


def parsed(text: str, finite: bool = True) -> Any:
    """Parse JSON; raises ValueError for values that pages cannot show: non-finite numbers and unpaired surrogates."""

    def refuse(word: str) -> None:
        raise ValueError(f"it must have finite numbers, got {word}")

    value = json.loads(text, parse_constant=refuse if finite else None)
    if "\\u" in text and not is_unicode(json.dumps(value, ensure_ascii=False)):
        raise ValueError("text must not contain unpaired surrogates")
    return value
