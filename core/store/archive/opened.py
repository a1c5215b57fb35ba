"""Reading an archive without trusting it: checksums cover every byte, and every row is checked against its columns."""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Table

from leafscope.core.errors import ArchiveError
from leafscope.core.store.archive.layout import (
    BINARY,
    FORMAT,
    MANIFEST,
    MAX_ROW,
    MAX_VALUE,
    OPTIONAL,
    TABLES,
    VERSION,
    Check,
    columns_of,
    defaults_of,
    refusal,
    sentence,
)
from leafscope.core.store.schema import SCHEMA_VERSION

_MAX_MANIFEST = 2**20

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError, RuntimeError)
"""The errors of zipfile and json for damaged bytes; RuntimeError is for encrypted, unknown or too deeply nested contents."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str
    blob_bytes: int | None = None
    blob_sha256: str | None = None


class OpenedArchive:
    """An opened file: its manifest, and the rows of its tables, which are checked against the manifest's checksums."""

    def __init__(self, source: BinaryIO, room: int) -> None:
        try:
            self._zip = zipfile.ZipFile(source)
        except _DAMAGE as error:
            raise ArchiveError("it is not a zip file, or its end is missing") from error
        infos = {info.filename: info for info in self._zip.infolist()}
        if len(infos) < len(self._zip.infolist()):
            raise ArchiveError("two of its members have the same name")
        for name, info in infos.items():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(f"its member {name[:60]!r} must be stored or deflated")
        if MANIFEST not in infos:
            raise ArchiveError(f"it is not a file of exported runs: it has no {MANIFEST}")
        manifest = self._manifest(infos[MANIFEST])
        self._is_older = manifest["schema"] < SCHEMA_VERSION
        entries = _entries(manifest)
        sizes = {MANIFEST: infos[MANIFEST].file_size}
        for table in TABLES:
            if table.name not in entries:
                continue
            sizes[f"{table.name}.jsonl"] = entries[table.name].bytes
            if table in BINARY:
                sizes[f"{table.name}.bin"] = entries[table.name].blob_bytes or 0
        for name in sorted(sizes.keys() ^ infos.keys()):
            raise ArchiveError(f"its member {name} is missing" if name in sizes else f"it has a foreign member, {name[:60]!r}")
        # checked before anything is unpacked; zipfile never returns more bytes than are declared
        if (total := sum(info.file_size for info in infos.values())) > room:
            raise ArchiveError(f"its members must have at most {room:,} bytes in all, unpacked, but have {total:,}")
        for name, info in infos.items():
            if info.file_size != sizes[name]:
                raise ArchiveError(f"{name} must have {sizes[name]:,} bytes, as {MANIFEST} says, but has {info.file_size:,}")
        self._entries = entries

    def _manifest(self, info: zipfile.ZipInfo) -> dict[str, Any]:
        if info.file_size > _MAX_MANIFEST:
            raise ArchiveError(f"{MANIFEST} must have at most {_MAX_MANIFEST:,} bytes, got {info.file_size:,}")
        try:
            manifest = json.loads(self._zip.read(info))
        except _DAMAGE as error:
            raise ArchiveError(f"{MANIFEST} is damaged: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise ArchiveError(f'it is not a file of exported runs: {MANIFEST} must have "format": "{FORMAT}"')
        for key, highest in (("version", VERSION), ("schema", SCHEMA_VERSION)):
            number = manifest.get(key)
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ArchiveError(f"{MANIFEST} must have a {key} from 1 to {highest}, got {number!r:.40}")
            if number > highest:
                raise ArchiveError(
                    f"a newer Leafscope, {str(manifest.get('leafscope'))[:20]!r}, made it: its {key} is {number}, and this "
                    f"program reads up to {highest}"
                )
        return manifest

    def lines(self, table: Table) -> Iterator[tuple[int, bytes]]:
        """Yield the lines of a table, numbered from 1; raises ArchiveError, at the end, if the checksum is wrong."""
        if table.name not in self._entries:
            return
        name, entry = f"{table.name}.jsonl", self._entries[table.name]
        digest, number = hashlib.sha256(), 0
        try:
            with self._zip.open(name) as member, io.BufferedReader(member, 2**20) as file:  # type: ignore[type-var]
                while line := file.readline(MAX_ROW + 1):
                    number += 1
                    if len(line) > MAX_ROW:
                        raise refusal(table, number, f"it must have at most {MAX_ROW:,} bytes")
                    digest.update(line)
                    yield number, line
        except _DAMAGE as error:
            raise ArchiveError(f"{name} is damaged: {error}") from error
        if (number, digest.hexdigest()) != (entry.rows, entry.sha256):
            raise ArchiveError(f"{name} must have the {entry.rows:,} rows whose sum {MANIFEST} has")

    def rows(self, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the rows of a table, numbered, with their binary values as `data`; their columns and types are checked.

        Columns that an older version did not have get their defaults.
        """
        columns, defaults = columns_of(table), defaults_of(table) if self._is_older else {}
        if table not in BINARY or table.name not in self._entries:
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
                        raise refusal(
                            table, number, f"offset must be {at} and size at most {MAX_VALUE}, got {offset} and {size}"
                        )
                    row["data"] = file.read(size)
                    if len(row["data"]) < size:
                        raise refusal(table, number, f"its value must have {size:,} bytes, but {name} ends before")
                    digest.update(row["data"])
                    at += size
                    yield number, row
                if file.read(1) or digest.hexdigest() != self._entries[table.name].blob_sha256:
                    raise ArchiveError(f"{name} must have the {at:,} bytes of its rows, and the sum that {MANIFEST} has")
        except _DAMAGE as error:
            raise ArchiveError(f"{name} is damaged: {error}") from error

    def trusted(self, table: Table) -> list[dict[str, Any]]:
        """Return the rows of a table of a file that we made: checksums are checked; rows are not, to save most of the time."""
        rows: list[dict[str, Any]] = json.loads(b"[" + b",".join(line for _, line in self.lines(table)) + b"]")
        defaults = defaults_of(table) if self._is_older else {}
        if table.name not in self._entries:
            return []
        values = self._zip.read(f"{table.name}.bin") if table in BINARY else b""
        if table in BINARY and hashlib.sha256(values).hexdigest() != self._entries[table.name].blob_sha256:
            raise ArchiveError(f"{table.name}.bin must have the sum that {MANIFEST} has")
        for row in rows:
            if table in BINARY:
                offset, size = row.pop("offset"), row.pop("size")
                row["data"] = values[offset : offset + size]
            for name in defaults.keys() - row.keys():
                row[name] = defaults[name]
        return rows


def _entries(manifest: Mapping[str, Any]) -> dict[str, _Entry]:
    tables = manifest.get("tables")
    known, needed = ({table.name: None for table in TABLES if table not in left_out} for left_out in ((), OPTIONAL))
    if not isinstance(tables, dict) or not needed.keys() <= tables.keys() <= known.keys():
        raise ArchiveError(f"{MANIFEST} must have the tables {', '.join(needed)}")
    try:
        return {name: _Entry.model_validate(entry) for name, entry in tables.items()}
    except ValidationError as error:
        raise ArchiveError(f"{MANIFEST}: {sentence(error)}") from error


def _row(table: Table, number: int, line: bytes, columns: Mapping[str, Check], defaults: Mapping[str, Any]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise refusal(table, number, f"it must be a JSON object: {error}") from error
    if not isinstance(row, dict):
        raise refusal(table, number, "it must be a JSON object")
    row = {**defaults, **row}
    for name in sorted(row.keys() ^ columns.keys()):
        raise refusal(table, number, f"column {name} is missing" if name in columns else f"unknown column {name[:40]!r}", row)
    for name, (holds, must_be) in columns.items():
        if not holds(row[name]):
            raise refusal(table, number, f"{name} must be {must_be}, got {row[name]!r:.80}", row)
    return row
