"""One file that holds runs with all that belongs to them, sweeps and decks, to be taken to another database.

A zip. `manifest.json` says what the other members must be; each table is a `<table>.jsonl` with one JSON object a row, in the
order of its keys. Binary values stand one after another in `<table>.bin`, and the row has their `offset` and `size`.

A file can come from anyone, so nothing in it is believed: it is read twice, to check every byte and row, and then to write.
"""

import hashlib
import io
import itertools
import json
import math
import os
import re
import shutil
import struct
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    Table,
    and_,
    exists,
    func,
    insert,
    select,
    update,
)

from leafscope.core.config import RunConfig, SweepConfig, explain
from leafscope.core.errors import ArchiveError, RunNotFoundError
from leafscope.core.store.annotations import COMMENT_LENGTH, NAME_LENGTH, TAGS, checked_tags
from leafscope.core.store.decks import MAX_FIGURE_BYTES, MAX_NAME, MAX_SLIDES, MAX_TEXT, Slide
from leafscope.core.store.reading import CHUNK, LEVELS, not_found, snapshot_epoch
from leafscope.core.store.records import CHECKPOINT, NET, Ending
from leafscope.core.store.schema import (
    SCHEMA_VERSION,
    annotations,
    artifact_parts,
    artifacts,
    attempts,
    decks,
    leaves,
    metrics,
    runs,
    slides,
    sweeps,
)
from leafscope.core.store.store import Store
from leafscope.core.sweep import members

FORMAT, VERSION = "leafscope archive", 1
"""What the manifest says, and the highest version of the format that this program reads."""

MAX_BYTES = 8 * 2**30
"""Of all members, unpacked."""

MAX_ROW = 64 * 2**20
"""Bytes of one row without its binary value: a slide's largest figure, each of its characters escaped."""

MAX_VALUE = 256 * 2**20
"""Bytes of one binary value; parts of an artifact have at most 64 MiB."""

EXPORTED = "exported while it was training"
"""The error of an attempt that was running at that moment."""

IMPORTED = " (imported)"
"""Ends the name of a deck whose address is taken by one with other slides."""

_MANIFEST, _MAX_MANIFEST = "manifest.json", 2**20
_LEVEL = 3
_BATCH_ROWS, _BATCH_BYTES = 1000, 8 * 2**20

_TABLES = (runs, attempts, metrics, leaves, artifacts, artifact_parts, annotations, sweeps, decks, slides)
_BINARY = (leaves, artifact_parts)
_OF_ATTEMPTS = (attempts, metrics, leaves, artifacts, artifact_parts)

_ORDER = {table.name: tuple(column.name for column in table.primary_key.columns) for table in _TABLES}
_ORDER |= {"slides": ("deck_id", "place", "slide_id")}

_ENDED = get_args(Ending)
_SPLITS = ("train", "validation", "test")
_DTYPES = {np.dtype(f"{order}{kind}{size}").str for order in "<>" for kind in "ui" for size in (1, 2, 4, 8)}
_ADDRESS = re.compile(r"[0-9a-f]{16}")

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError, RuntimeError)
"""What zipfile and json raise for bytes that are not as they were; RuntimeError: encrypted, nested too deep, unknown."""

Place = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True)
class Exported:
    """What an archive holds."""

    runs: int
    sweeps: int
    decks: int
    bytes: int
    """Of the file."""
    skipped: tuple[str, ...]
    """Why runs and sweeps were left out, a sentence for each."""


@dataclass(frozen=True)
class Imported:
    """What an archive brought."""

    runs: int
    """Added."""
    here: int
    """Runs that were here already, and stayed as they are."""
    attempts: int
    """Appended to runs that were here, unfinished."""
    sweeps: int
    decks: int
    skipped: tuple[str, ...]
    """What else was not added, and why, a sentence for each."""


# Export


@dataclass
class _Chosen:
    """Addresses of what is exported, ascending."""

    runs: list[str]
    sweeps: list[str]
    decks: list[str]
    skipped: list[str]

    def of(self, table: Table) -> tuple[Column[Any], list[str]]:
        if table is sweeps:
            return table.c.sweep_id, self.sweeps
        return (table.c.deck_id, self.decks) if table in (decks, slides) else (table.c.run_id, self.runs)


def export_archive(
    store: Store,
    file: Place,
    *,
    run_ids: Iterable[str] = (),
    sweep_ids: Iterable[str] = (),
    deck_ids: Iterable[str] = (),
) -> Exported:
    """Write runs, sweeps (with those of their runs that are here) and decks to a file, as they are at one moment.

    A path shows the file only once it is complete; a binary file must be seekable. Attempts that wait are left out, and
    runs of which nothing else is there; one that trains is `interrupted` in the file. Raises RunNotFoundError, before
    anything is written, for an address that is not here, and ArchiveError if the file cannot be written.
    """
    store._expire()
    with store._read() as connection:
        chosen = _choose(connection, list(run_ids), list(sweep_ids), list(deck_ids))
        manifest = json.dumps(_manifest(connection, chosen, store._clock()), indent=1).encode()
        with _target(file) as target:
            start = target.tell()
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
                archive.writestr(zipfile.ZipInfo(_MANIFEST), manifest)
                for table in _TABLES:
                    for name, content in _members(connection, table, chosen):
                        with archive.open(name, "w", force_zip64=True) as member:
                            for piece in content:
                                member.write(piece)
            target.seek(0, io.SEEK_END)
            size = target.tell() - start
    return Exported(len(chosen.runs), len(chosen.sweeps), len(chosen.decks), size, tuple(chosen.skipped))


def _choose(connection: Connection, run_ids: list[str], sweep_ids: list[str], deck_ids: list[str]) -> _Chosen:
    for table, wanted in ((runs, run_ids), (sweeps, sweep_ids), (decks, deck_ids)):
        here = _present(connection, table, wanted)
        for address in wanted:
            if address not in here:
                raise _not_here(table, address)
    skipped: list[str] = []
    kept_sweeps: list[str] = []
    wanted_runs = list(run_ids)
    for sweep_id in sorted(set(sweep_ids)):
        row = connection.execute(select(sweeps).where(sweeps.c.sweep_id == sweep_id)).one()
        try:
            sweep = _sweep_config(row.config)
        except ValueError as error:
            skipped.append(f"sweep {row.name[:60]!r} was left out: {_sentence(error)}")
            continue
        kept_sweeps.append(sweep_id)
        wanted_runs += members.run_ids(sweep)
    kept_runs: list[str] = []
    for part in _chunks(sorted(set(wanted_runs))):
        begun = exists().where(attempts.c.run_id == runs.c.run_id, attempts.c.status != "queued")
        query = select(runs.c.run_id, runs.c.label, runs.c.config, begun.label("begun")).where(runs.c.run_id.in_(part))
        for row in connection.execute(query.order_by(runs.c.run_id)):
            if (why := _unfit(row.config) if row.begun else "it waits, and nothing of it is there yet") is None:
                kept_runs.append(row.run_id)
            else:
                skipped.append(f"run {row.run_id} ({row.label[:60]}) was left out: {why}")
    return _Chosen(kept_runs, kept_sweeps, sorted(set(deck_ids)), skipped)


def _not_here(table: Table, address: str) -> RunNotFoundError:
    if table is runs:
        return not_found(address)
    return RunNotFoundError(f"no {table.name[:-1]} has the address {address!r:.40} in this database")


def _unfit(config: str) -> str | None:
    """Why a kept configuration could not be imported: an older version of the program wrote what is now invalid."""
    try:
        RunConfig.model_validate_json(config)
    except ValidationError as error:
        return _sentence(error)
    return None


def _sweep_config(text: str) -> SweepConfig:
    """Read a sweep; raises ValueError also for more members than can be listed."""
    sweep = SweepConfig.model_validate_json(text)
    if (number := math.prod(map(len, sweep.axes.values())) * len(sweep.tune_lr or [0.0])) > members.MEMBER_LIMIT:
        raise ValueError(f"a sweep can have at most {members.MEMBER_LIMIT:,} runs, got {number:,}")
    return sweep


def _sentence(error: Exception) -> str:
    return "; ".join(explain(error).values()) if isinstance(error, ValidationError) else str(error)


def _present(connection: Connection, table: Table, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that the table has."""
    (key,) = table.primary_key.columns
    found: set[str] = set()
    for part in _chunks(list(dict.fromkeys(addresses))):
        found |= set(connection.execute(select(key).where(key.in_(part))).scalars())
    return found


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(values), CHUNK):
        yield values[first : first + CHUNK]


def _manifest(connection: Connection, chosen: _Chosen, now: float) -> dict[str, Any]:
    """Say what the members will be: the rows are read once for their sums, and once more to be written."""
    tables: dict[str, dict[str, Any]] = {}
    for table in _TABLES:
        for name, content in _members(connection, table, chosen):
            digest, number, size = hashlib.sha256(), 0, 0
            for piece in content:
                digest.update(piece)
                number, size = number + 1, size + len(piece)
            if name.endswith(".bin"):
                tables[table.name] |= {"blob_bytes": size, "blob_sha256": digest.hexdigest()}
            else:
                tables[table.name] = {"rows": number, "bytes": size, "sha256": digest.hexdigest()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "leafscope": version("leafscope"),
        "created": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "schema": SCHEMA_VERSION,
        "tables": tables,
    }


def _members(connection: Connection, table: Table, chosen: _Chosen) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The members of a table, with their content piece by piece: a line for each row, and its binary value."""
    yield f"{table.name}.jsonl", _lines(connection, table, chosen)
    if table in _BINARY:
        yield f"{table.name}.bin", (row.data for row in _rows(connection, table, chosen, [table.c.data], 1))


def _lines(connection: Connection, table: Table, chosen: _Chosen) -> Iterator[bytes]:
    columns: list[Any] = [column for column in table.columns if not isinstance(column.type, LargeBinary)]
    if table in _BINARY:
        columns.append(func.length(table.c.data).label("size"))
    offset = 0
    for row in _rows(connection, table, chosen, columns, _BATCH_ROWS):
        values = dict(row._mapping)
        if table in _BINARY:
            values["offset"] = offset
            offset += values["size"]
        if table is attempts and values["status"] == "running":
            values |= {"status": "interrupted", "error": EXPORTED, "finished": values["heartbeat"]}
        yield json.dumps(values, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _rows(connection: Connection, table: Table, chosen: _Chosen, columns: list[Any], at_once: int) -> Iterator[Any]:
    """Read what was chosen of a table in its order, a few rows at a time."""
    key, addresses = chosen.of(table)
    query = select(*columns).order_by(*(table.c[name] for name in _ORDER[table.name]))
    if table is attempts:
        query = query.where(attempts.c.status != "queued")
    if table is artifact_parts:  # those of a version that was never completed belong to nothing
        same = [artifacts.c[name] == artifact_parts.c[name] for name in ("run_id", "attempt", "name", "version")]
        query = query.join(artifacts, and_(*same))
    for part in _chunks(addresses):
        with connection.execute(query.where(key.in_(part)).execution_options(yield_per=at_once)) as rows:
            yield from rows


@contextmanager
def _target(file: Place) -> Iterator[BinaryIO]:
    """Give a binary file to write to; a path gets it, complete, at the end."""
    if not isinstance(file, (str, os.PathLike)):
        yield file
        return
    path = Path(file)
    beside = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        with beside.open("xb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


# Import


def import_archive(store: Store, file: Place) -> Imported:
    """Add what a file holds and is not here, all of it or, if anything is wrong with the file, nothing.

    A run that is here stays as it is; only where it ended unfinished, and is finished in the file, the file's attempts are
    appended. Names and comments that were given here stay, tags are united. A deck whose address has other slides here gets
    a new one. Raises ArchiveError, naming the table and the row, for a file that is damaged, foreign or newer.
    """
    store._expire()
    name = os.fspath(file) if isinstance(file, (str, os.PathLike)) else "the file"
    try:
        with Path(file).open("rb") if isinstance(file, (str, os.PathLike)) else nullcontext(file) as source:
            archive = _Archive(source, _room(store))
            contents = archive.check()
            with store._write() as connection:
                return _add(store, connection, archive, contents)
    except ArchiveError as error:
        raise ArchiveError(f"{name} was not imported, and nothing was changed: {error}") from error.__cause__
    except OSError as error:
        raise ArchiveError(f"{name} cannot be read: {error.strerror or error}") from error


def _room(store: Store) -> int:
    """Bytes that the members may have, unpacked."""
    return MAX_BYTES if store.path is None else min(MAX_BYTES, shutil.disk_usage(Path(store.path).parent).free)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str
    blob_bytes: int | None = None
    blob_sha256: str | None = None


class _Archive:
    """An opened file: its manifest, and the rows of its tables, each read with the sums that the manifest has."""

    def __init__(self, source: BinaryIO, room: int) -> None:
        try:
            self._zip = zipfile.ZipFile(source)
        except _DAMAGE as error:
            raise ArchiveError("it is no zip file, or its end is missing") from error
        infos = {info.filename: info for info in self._zip.infolist()}
        if len(infos) < len(self._zip.infolist()):
            raise ArchiveError("two of its members have the same name")
        for name, info in infos.items():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(f"its member {name[:60]!r} must be stored or deflated")
        if _MANIFEST not in infos:
            raise ArchiveError(f"it is no file of exported runs: it has no {_MANIFEST}")
        manifest = self._manifest(infos[_MANIFEST])
        self._is_older = manifest["schema"] < SCHEMA_VERSION
        entries = _entries(manifest)
        sizes = {_MANIFEST: infos[_MANIFEST].file_size}
        for table in _TABLES:
            sizes[f"{table.name}.jsonl"] = entries[table.name].bytes
            if table in _BINARY:
                sizes[f"{table.name}.bin"] = entries[table.name].blob_bytes or 0
        for name in sorted(sizes.keys() ^ infos.keys()):
            raise ArchiveError(f"its member {name} is missing" if name in sizes else f"it has a foreign member, {name[:60]!r}")
        # before anything is unpacked; zipfile gives no more bytes than are declared
        if (total := sum(info.file_size for info in infos.values())) > room:
            raise ArchiveError(f"its members must have at most {room:,} bytes in all, unpacked, but have {total:,}")
        for name, info in infos.items():
            if info.file_size != sizes[name]:
                raise ArchiveError(f"{name} must have {sizes[name]:,} bytes, as {_MANIFEST} says, but has {info.file_size:,}")
        self._entries = entries

    def _manifest(self, info: zipfile.ZipInfo) -> dict[str, Any]:
        if info.file_size > _MAX_MANIFEST:
            raise ArchiveError(f"{_MANIFEST} must have at most {_MAX_MANIFEST:,} bytes, got {info.file_size:,}")
        try:
            manifest = json.loads(self._zip.read(info))
        except _DAMAGE as error:
            raise ArchiveError(f"{_MANIFEST} is damaged: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise ArchiveError(f'it is no file of exported runs: {_MANIFEST} must say "format": "{FORMAT}"')
        for key, highest in (("version", VERSION), ("schema", SCHEMA_VERSION)):
            number = manifest.get(key)
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ArchiveError(f"{_MANIFEST} must have a {key} from 1 to {highest}, got {number!r:.40}")
            if number > highest:
                raise ArchiveError(
                    f"a newer Leafscope, {str(manifest.get('leafscope'))[:20]!r}, made it: its {key} is {number}, and this "
                    f"program reads up to {highest}"
                )
        return manifest

    def lines(self, table: Table) -> Iterator[tuple[int, bytes]]:
        """Give the lines of a table, numbered from 1; raises ArchiveError, at the end, if they are not what was written."""
        name, entry = f"{table.name}.jsonl", self._entries[table.name]
        digest, number = hashlib.sha256(), 0
        try:
            with self._zip.open(name) as member, io.BufferedReader(member, 2**20) as file:  # type: ignore[type-var]
                while line := file.readline(MAX_ROW + 1):
                    number += 1
                    if len(line) > MAX_ROW:
                        raise _refusal(table, number, f"it must have at most {MAX_ROW:,} bytes")
                    digest.update(line)
                    yield number, line
        except _DAMAGE as error:
            raise ArchiveError(f"{name} is damaged: {error}") from error
        if (number, digest.hexdigest()) != (entry.rows, entry.sha256):
            raise ArchiveError(f"{name} must have the {entry.rows:,} rows whose sum {_MANIFEST} has")

    def rows(self, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the rows of a table, numbered, with their binary values as `data`; checked for their columns and types.

        Columns that an older version did not have hold their defaults.
        """
        columns, defaults = _columns(table), _defaults(table) if self._is_older else {}
        if table not in _BINARY:
            for number, line in self.lines(table):
                yield number, _row(table, number, line, columns, defaults)
            return
        name, digest, at = f"{table.name}.bin", hashlib.sha256(), 0
        try:
            with self._zip.open(name) as file:
                for number, line in self.lines(table):
                    row = _row(table, number, line, columns, defaults)
                    offset, size = row.pop("offset"), row.pop("size")
                    if offset != at or size > MAX_VALUE:
                        raise _refusal(
                            table, number, f"offset must be {at} and size at most {MAX_VALUE}, got {offset} and {size}"
                        )
                    row["data"] = file.read(size)
                    if len(row["data"]) < size:
                        raise _refusal(table, number, f"its value must have {size:,} bytes, but {name} ends before")
                    digest.update(row["data"])
                    at += size
                    yield number, row
                if file.read(1) or digest.hexdigest() != self._entries[table.name].blob_sha256:
                    raise ArchiveError(f"{name} must have the {at:,} bytes of its rows, and the sum that {_MANIFEST} has")
        except _DAMAGE as error:
            raise ArchiveError(f"{name} is damaged: {error}") from error

    def check(self) -> "_Contents":
        """Read all of it, and raise ArchiveError for the first row that cannot be kept."""
        with tempfile.TemporaryDirectory(prefix="leafscope-") as folder:
            contents = _Contents(Path(folder) / "artifact")
            for table in _TABLES:
                last: tuple[Any, ...] = ()
                for number, row in self.rows(table):
                    key = tuple(row[name] for name in _ORDER[table.name])
                    try:
                        if key <= last:
                            raise ValueError(f"rows must be in the order of {', '.join(_ORDER[table.name])}, each once")
                        contents.take(table, row)
                    except (ValueError, RecursionError) as error:
                        raise _refusal(table, number, _sentence(error)[:1000]) from error
                    last = key
                try:
                    contents.end(table)
                except ValueError as error:
                    raise ArchiveError(f"{table.name}: {error}") from error
        return contents


def _entries(manifest: Mapping[str, Any]) -> dict[str, _Entry]:
    tables = manifest.get("tables")
    if not isinstance(tables, dict) or tables.keys() != {table.name for table in _TABLES}:
        raise ArchiveError(f"{_MANIFEST} must have the tables {', '.join(table.name for table in _TABLES)}")
    try:
        return {name: _Entry.model_validate(entry) for name, entry in tables.items()}
    except ValidationError as error:
        raise ArchiveError(f"{_MANIFEST}: {_sentence(error)}") from error


def _refusal(table: Table, number: int, sentence: str) -> ArchiveError:
    return ArchiveError(f"{table.name}, row {number:,}: {sentence}")


# One row


_Check = tuple[Callable[[Any], bool], str]
"""Whether a value can be in a column, and what it must be."""


def _columns(table: Table) -> dict[str, _Check]:
    """The columns that a row has in a file."""
    checks = {column.name: _column_check(column) for column in table.columns if not isinstance(column.type, LargeBinary)}
    for name in ("offset", "size") if table in _BINARY else ():
        checks[name] = _whole(2**63 - 1)
    return checks


def _defaults(table: Table) -> dict[str, Any]:
    """What stands in columns that a row need not have."""
    found = {column.name: getattr(column.default, "arg", None) for column in table.columns}
    return {name: value for name, value in found.items() if value is not None or table.c[name].nullable}


def _column_check(column: Column[Any]) -> _Check:
    longest = getattr(column.type, "length", None)
    if isinstance(column.type, Boolean):
        holds, must_be = (lambda value: type(value) is bool), "true or false"
    elif isinstance(column.type, Integer):
        holds, must_be = _whole(2**31 - 1)
    elif isinstance(column.type, Double):
        holds, must_be = (lambda value: type(value) is float and math.isfinite(value)), "a finite number with a decimal point"
    elif column.name.endswith("_id") and longest == 16:
        holds, must_be = (lambda value: type(value) is str and bool(_ADDRESS.fullmatch(value))), "16 hexadecimal digits"
    elif longest is None:
        holds, must_be = (lambda value: type(value) is str and _is_unicode(value)), "text"
    else:
        must_be = f"text of at most {longest} characters"
        holds = partial(_is_short, longest)
    if column.nullable:
        return (lambda value: value is None or holds(value)), must_be
    return holds, must_be


def _is_short(longest: int, value: Any) -> bool:
    return type(value) is str and len(value) <= longest and _is_unicode(value)


def _whole(highest: int) -> _Check:
    return (lambda value: type(value) is int and 0 <= value <= highest), f"a whole number from 0 to {highest}"


def _is_unicode(text: str) -> bool:
    """Whether it can be kept: JSON can hold halves of characters, databases cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _row(table: Table, number: int, line: bytes, columns: Mapping[str, _Check], defaults: Mapping[str, Any]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _refusal(table, number, f"it must be a JSON object: {error}") from error
    if not isinstance(row, dict):
        raise _refusal(table, number, "it must be a JSON object")
    row = {**defaults, **row}
    for name in sorted(row.keys() ^ columns.keys()):
        raise _refusal(table, number, f"column {name} is missing" if name in columns else f"unknown column {name[:40]!r}")
    for name, (holds, must_be) in columns.items():
        if not holds(row[name]):
            raise _refusal(table, number, f"{name} must be {must_be}, got {row[name]!r:.60}")
    return row


@dataclass
class _Contents:
    """What the rows read so far say; `take` raises ValueError for a row that does not fit them."""

    scratch: Path
    """A file to put an artifact into."""
    runs: dict[str, None] = field(default_factory=dict)
    newest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Run -> number and status of its newest attempt."""
    decks: dict[str, int] = field(default_factory=dict)
    """Deck -> slides."""
    slides: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    """Deck -> sum over its slides."""
    attempts: set[tuple[str, int]] = field(default_factory=set)
    _artifacts: dict[tuple[str, int, str], tuple[str, int]] = field(default_factory=dict)
    """Those whose parts were not met yet, with version and size."""
    _open: tuple[str, int, str] | None = None
    """The artifact whose parts are being read."""
    _parts: int = 0

    def take(self, table: Table, row: Mapping[str, Any]) -> None:
        """Take the next row of a table."""
        if table in _OF_ATTEMPTS and table is not attempts and (row["run_id"], row["attempt"]) not in self.attempts:
            raise ValueError(f"attempt {row['attempt']} of run {row['run_id']} must be in the file")
        if table in (attempts, annotations) and row["run_id"] not in self.runs:
            raise ValueError(f"run {row['run_id']} must be in the file")
        getattr(self, f"_take_{table.name}")(row)

    def end(self, table: Table) -> None:
        """Say that a table has no more rows."""
        if table is attempts:
            for run_id in self.runs.keys() - self.newest.keys():
                raise ValueError(f"run {run_id} must have an attempt")
        if table is artifact_parts:
            self._close()
            for run_id, attempt, name in self._artifacts:
                raise ValueError(f"{name!r:.60} of attempt {attempt} of run {run_id} must have parts")

    def _take_runs(self, row: Mapping[str, Any]) -> None:
        if (is_of := RunConfig.model_validate_json(row["config"]).run_id) != row["run_id"]:
            raise ValueError(f"run_id must be {is_of}, the address of its configuration, got {row['run_id']}")
        self.runs[row["run_id"]] = None

    def _take_attempts(self, row: Mapping[str, Any]) -> None:
        run_id, attempt = row["run_id"], row["attempt"]
        if row["status"] not in _ENDED:
            raise ValueError(f"status must be one of {', '.join(_ENDED)}, got {row['status']!r}")
        if not 1 <= row["first_attempt"] <= attempt:
            raise ValueError(f"first_attempt must be from 1 to {attempt}, got {row['first_attempt']}")
        if row["epochs_total"] < 1:
            raise ValueError("epochs_total must be at least 1, got 0")
        _check_summary(row["summary"])
        self.attempts.add((run_id, attempt))
        self.newest[run_id] = attempt, row["status"]

    def _take_metrics(self, row: Mapping[str, Any]) -> None:
        _check_split(row)
        if (row["value"] is None) is (row["nonfinite"] is None) or row["nonfinite"] not in (None, "nan", "inf", "-inf"):
            raise ValueError(f"either value, or nan, inf or -inf in nonfinite, got {row['value']} and {row['nonfinite']!r}")

    def _take_leaves(self, row: Mapping[str, Any]) -> None:
        _check_split(row)
        if row["dtype"] not in _DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(sorted(_DTYPES))}, got {row['dtype']!r}")
        shape = _parsed(row["shape"])
        if not isinstance(shape, list) or not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(f"shape must be a list of lengths, got {row['shape']}")
        if (needed := math.prod(shape) * np.dtype(row["dtype"]).itemsize) != len(row["data"]):
            raise ValueError(f"{row['dtype']} of shape {row['shape']} must have {needed:,} bytes, got {len(row['data']):,}")

    def _take_artifacts(self, row: Mapping[str, Any]) -> None:
        if not row["size"].is_integer() or row["size"] < 0:
            raise ValueError(f"size must be a number of bytes, got {row['size']}")
        self._artifacts[row["run_id"], row["attempt"], row["name"]] = row["version"], int(row["size"])

    def _take_artifact_parts(self, row: Mapping[str, Any]) -> None:
        key = row["run_id"], row["attempt"], row["name"]
        if self._open != key:
            self._close()
            self._open, self._parts = key, 0
            self.scratch.write_bytes(b"")
        if self._artifacts.get(key, ("",))[0] != row["version"]:
            raise ValueError(f"it must be of an artifact in the file, got {row['name']!r:.60} of version {row['version']}")
        if row["part"] != self._parts:
            raise ValueError(f"part must be {self._parts}, the next one, got {row['part']}")
        self._parts += 1
        with self.scratch.open("ab") as file:
            file.write(row["data"])

    def _close(self) -> None:
        """Check the artifact whose parts are all read."""
        if self._open is None:
            return
        run_id, attempt, name = self._open
        _, size = self._artifacts.pop(self._open)
        of_run = f"{name!r:.60} of attempt {attempt} of run {run_id}"
        self._open = None
        if (read := self.scratch.stat().st_size) != size:
            raise ValueError(f"{of_run} must have {size:,} bytes in all its parts, got {read:,}")
        if name in (NET, CHECKPOINT, LEVELS) or snapshot_epoch(name) is not None:
            try:
                with safe_open(self.scratch, framework="numpy"):
                    pass
            except (SafetensorError, OSError) as error:
                raise ValueError(f"{of_run} must be safetensors: {error}") from error

    def _take_annotations(self, row: Mapping[str, Any]) -> None:
        for name, limit in (("name", NAME_LENGTH), ("comment", COMMENT_LENGTH)):
            if len(row[name]) > limit:
                raise ValueError(f"{name} must have at most {limit:,} characters, got {len(row[name]):,}")
        tags = _parsed(row["tags"])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ValueError("tags must be a list of texts")
        if checked_tags(tags) != tags:
            raise ValueError("tags must be different, without spaces around them")

    def _take_sweeps(self, row: Mapping[str, Any]) -> None:
        if (is_of := _sweep_config(row["config"]).sweep_id) != row["sweep_id"]:
            raise ValueError(f"sweep_id must be {is_of}, the address of its configuration, got {row['sweep_id']}")
        if not row["name"].strip() or len(row["name"]) > 200:
            raise ValueError(f"name must have from 1 to 200 characters, got {len(row['name']):,}")

    def _take_decks(self, row: Mapping[str, Any]) -> None:
        if not row["name"].strip() or len(row["name"]) > MAX_NAME:
            raise ValueError(f"name must have from 1 to {MAX_NAME:,} characters, got {len(row['name']):,}")
        self.decks[row["deck_id"]] = 0
        self.digests[row["deck_id"]] = _folded("", [])

    def _take_slides(self, row: Mapping[str, Any]) -> None:
        deck_id, slide_id = row["deck_id"], row["slide_id"]
        if deck_id not in self.decks:
            raise ValueError(f"deck {deck_id} must be in the file")
        if slide_id in self.slides:
            raise ValueError(f"slide_id must be in the file once, got {slide_id}")
        if self.decks[deck_id] == MAX_SLIDES:
            raise ValueError(f"a deck must have at most {MAX_SLIDES} slides")
        _check_slide(row["content"], row["figure"])
        self.slides.add(slide_id)
        self.decks[deck_id] += 1
        self.digests[deck_id] = _folded(self.digests[deck_id], [row["content"], row["figure"]])


def _check_split(row: Mapping[str, Any]) -> None:
    if row["split"] not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, got {row['split']!r}")


def _parsed(text: str, finite: bool = True) -> Any:
    """Read JSON; raises ValueError for what pages could not show: numbers that are not finite, halves of characters."""

    def refuse(word: str) -> None:
        raise ValueError(f"it must have finite numbers, got {word}")

    value = json.loads(text, parse_constant=refuse if finite else None)
    if "\\u" in text and not _is_unicode(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it must have whole characters")
    return value


def _check_summary(text: str) -> None:
    summary = _parsed(text, finite=False)
    fits = isinstance(summary, dict) and isinstance(summary.get("facts", {}), dict)
    fits = fits and type(summary.get("best_epoch", 0)) is int
    for which in ("best", "last"):
        values = summary.get(which, {}) if fits else None
        fits = isinstance(values, dict) and all(type(value) in (int, float) for value in values.values())
    if not fits:
        raise ValueError(f"summary must have best_epoch, best, last and facts as they are written here, got {text[:60]}")


def _check_slide(content: str, figure: str | None) -> None:
    values, drawn = _parsed(content), None if figure is None else _parsed(figure)
    if not isinstance(values, dict) or "figure" in values:
        raise ValueError("content must be a slide without its figure")
    slide = Slide.model_validate(values | {"figure": drawn})
    for name in ("title", "text", "caption", "notes"):
        if len(getattr(slide, name)) > MAX_TEXT:
            raise ValueError(f"{name} must have at most {MAX_TEXT:,} characters, got {len(getattr(slide, name)):,}")
    if figure is not None and len(figure) > MAX_FIGURE_BYTES:
        raise ValueError(f"a figure must have at most {MAX_FIGURE_BYTES:,} bytes, got {len(figure):,}")
    if (what := _fetched(drawn)) is not None:
        raise ValueError(f"a figure must draw what it holds and fetch nothing, but this one has {what[:60]!r}")


def _fetched(figure: Any) -> str | None:
    """What Plotly would ask a network for to draw this: images that are addresses, and maps; None: nothing."""
    waiting = [figure]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            source, kind = inner.get("source"), inner.get("type")
            if isinstance(source, str) and not source.startswith("data:image/"):
                return source
            if isinstance(kind, str) and (kind.endswith(("mapbox", "geo")) or kind in _MAPS):
                return kind
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    return None


_MAPS = ("choropleth", "choroplethmap", "densitymap", "scattermap")


def _folded(digest: str, slide: list[str | None]) -> str:
    return hashlib.sha256(json.dumps([digest, *slide]).encode()).hexdigest()


# Adding to what is here


def _add(store: Store, connection: Connection, archive: _Archive, contents: _Contents) -> Imported:
    here = _present(connection, runs, contents.runs)
    shift = dict.fromkeys(contents.runs.keys() - here, 0)
    for run_id, last in store._newest_of(connection, sorted(here)).items():
        if last.status not in ("queued", "running", "finished") and contents.newest[run_id][1] == "finished":
            shift[run_id] = last.attempt
    _insert(connection, runs, (row for _, row in archive.rows(runs) if row["run_id"] not in here))
    for table in _OF_ATTEMPTS:
        _insert(connection, table, _behind(archive, table, shift))
    skipped = _add_annotations(connection, archive, contents, store._clock())
    known = _present(connection, sweeps, (row["sweep_id"] for _, row in archive.rows(sweeps)))
    new_sweeps = [row for _, row in archive.rows(sweeps) if row["sweep_id"] not in known]
    skipped += [f"sweep {row['name'][:60]!r} was here already" for _, row in archive.rows(sweeps) if row["sweep_id"] in known]
    _insert(connection, sweeps, new_sweeps)
    n_decks, decks_here = _add_decks(connection, archive, contents)
    return Imported(
        runs=len(contents.runs.keys() - here),
        here=sum(1 for run_id in here if run_id not in shift),
        attempts=sum(1 for run_id, _ in contents.attempts if shift.get(run_id)),
        sweeps=len(new_sweeps),
        decks=n_decks,
        skipped=(*skipped, *decks_here),
    )


def _insert(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, some thousand or some MiB at once."""
    waiting: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        waiting.append(row)
        size += len(row.get("data", b""))
        if len(waiting) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            connection.execute(insert(table), waiting)
            waiting, size = [], 0
    if waiting:
        connection.execute(insert(table), waiting)


def _behind(archive: _Archive, table: Table, shift: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """The rows of the runs that are added, their attempts behind those that are here."""
    for _, row in archive.rows(table):
        if (by := shift.get(row["run_id"])) is not None:
            yield row | {name: row[name] + by for name in ("attempt", "first_attempt") if name in row}


def _add_annotations(connection: Connection, archive: _Archive, contents: _Contents, now: float) -> list[str]:
    said: dict[str, list[str]] = {}
    for part in _chunks(list(contents.runs)):
        rows = connection.execute(select(annotations.c.run_id, annotations.c.tags).where(annotations.c.run_id.in_(part)))
        said |= {row.run_id: json.loads(row.tags) for row in rows}
    _insert(connection, annotations, (row for _, row in archive.rows(annotations) if row["run_id"] not in said))
    skipped = []
    for _, row in archive.rows(annotations):
        if (tags := said.get(row["run_id"])) is None:
            continue
        both = list(dict.fromkeys([*tags, *json.loads(row["tags"])]))
        if len(both) > TAGS:
            skipped.append(f"run {row['run_id']} has {TAGS} tags, as many as it can have; {len(both) - TAGS} were not added")
        if (kept := both[:TAGS]) != tags:
            mine = annotations.c.run_id == row["run_id"]
            connection.execute(update(annotations).where(mine).values(tags=json.dumps(kept), changed=now))
    return skipped


def _add_decks(connection: Connection, archive: _Archive, contents: _Contents) -> tuple[int, list[str]]:
    """Add the decks that are not here; how many, and what is said of the others."""
    moved: dict[str, str] = {}
    skipped: list[str] = []
    for _, row in archive.rows(decks):
        deck_id, name = row["deck_id"], row["name"]
        address, is_here = _deck_address(connection, deck_id, contents.digests[deck_id])
        if is_here:
            skipped.append(f"deck {name[:60]!r} was here already")
            continue
        if address != deck_id:
            name = name[: MAX_NAME - len(IMPORTED)] + IMPORTED
        moved[deck_id] = address
        connection.execute(insert(decks).values(row | {"deck_id": address, "name": name}))
    taken = _present(connection, slides, contents.slides)

    def placed() -> Iterator[dict[str, Any]]:
        for _, row in archive.rows(slides):
            if (address := moved.get(row["deck_id"])) is not None:
                slide_id = uuid.uuid4().hex[:16] if row["slide_id"] in taken else row["slide_id"]
                yield row | {"deck_id": address, "slide_id": slide_id}

    _insert(connection, slides, placed())
    return len(moved), skipped


def _deck_address(connection: Connection, deck_id: str, digest: str) -> tuple[str, bool]:
    """Where a deck goes, and whether it is there already; another address, the same each time, if its own is taken."""
    address = deck_id
    for number in itertools.count():
        if not _present(connection, decks, [address]):
            return address, False
        query = select(slides.c.content, slides.c.figure).where(slides.c.deck_id == address)
        found = _folded("", [])
        for row in connection.execute(query.order_by(slides.c.place, slides.c.slide_id)):
            found = _folded(found, [row.content, row.figure])
        if found == digest:
            return address, True
        address = hashlib.sha256(f"{deck_id} {digest} {number}".encode()).hexdigest()[:16]
    raise AssertionError("unreachable")
