"""Checks of an archive's contents: rows must be valid, consistent, and contain nothing but numbers, texts and drawings."""

import hashlib
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from safetensors import SafetensorError, safe_open
from sqlalchemy import Table

from leafscope.core.config import RunConfig
from leafscope.core.errors import ArchiveError
from leafscope.core.store.annotations import COMMENT_LENGTH, NAME_LENGTH, checked_tags
from leafscope.core.store.archive.layout import OF_ATTEMPTS, ORDER, TABLES, is_unicode, refusal, sentence, sweep_config
from leafscope.core.store.archive.opened import OpenedArchive
from leafscope.core.store.decks import MAX_FIGURE_BYTES, MAX_NAME, MAX_SLIDES, MAX_TEXT, Slide
from leafscope.core.store.reading import LEVELS, snapshot_epoch
from leafscope.core.store.records import CHECKPOINT, NET, Ending
from leafscope.core.store.schema import annotations, artifact_parts, attempts
from leafscope.core.store.tensors import MOST_BYTES, plain

_ENDED = get_args(Ending)
_SPLITS = ("train", "validation", "test")
_DTYPES = {np.dtype(f"{order}{kind}{size}").str for order in "<>" for kind in "ui" for size in (1, 2, 4, 8)}


def check(archive: OpenedArchive) -> "Contents":
    """Read the whole archive; raises ArchiveError for the first row that cannot be imported."""
    with tempfile.TemporaryDirectory(prefix="leafscope-") as folder:
        contents = Contents(Path(folder) / "artifact")
        for table in TABLES:
            last: tuple[Any, ...] = ()
            for number, row in archive.rows(table):
                key = tuple(row[name] for name in ORDER[table.name])
                try:
                    if key <= last:
                        raise ValueError(f"rows must be in the order of {', '.join(ORDER[table.name])}, each once")
                    contents.take(table, row)
                except (ValueError, RecursionError) as error:
                    raise refusal(table, number, sentence(error)[:1000]) from error
                last = key
            try:
                contents.end(table)
            except ValueError as error:
                raise ArchiveError(f"{table.name}: {error}") from error
    return contents


@dataclass
class Contents:
    """A summary of the rows read so far; `take` raises ValueError for a row that contradicts them."""

    scratch: Path
    """A temporary file for an artifact."""
    runs: dict[str, None] = field(default_factory=dict)
    newest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Run -> number and status of its newest attempt."""
    decks: dict[str, int] = field(default_factory=dict)
    """Deck -> number of slides."""
    slides: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    """Deck -> checksum of its slides."""
    attempts: set[tuple[str, int]] = field(default_factory=set)
    _artifacts: dict[tuple[str, int, str], tuple[str, int]] = field(default_factory=dict)
    """Artifacts whose parts are not read yet, with version and size."""
    _open: tuple[str, int, str] | None = None
    """The artifact whose parts are being read."""
    _parts: int = 0

    def take(self, table: Table, row: Mapping[str, Any]) -> None:
        """Take the next row of a table."""
        if table in OF_ATTEMPTS and table is not attempts and (row["run_id"], row["attempt"]) not in self.attempts:
            raise ValueError(f"attempt {row['attempt']} of run {row['run_id']} must be in the file")
        if table in (attempts, annotations) and row["run_id"] not in self.runs:
            raise ValueError(f"run {row['run_id']} must be in the file")
        getattr(self, f"_take_{table.name}")(row)

    def end(self, table: Table) -> None:
        """Check a table after its last row."""
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
        """Check the current artifact, after its last part."""
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
                if size <= MOST_BYTES:
                    self.scratch.write_bytes(plain(self.scratch.read_bytes()))
                with safe_open(self.scratch, framework="numpy"):
                    pass
            except (SafetensorError, OSError, ValueError) as error:
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
        if (is_of := sweep_config(row["config"]).sweep_id) != row["sweep_id"]:
            raise ValueError(f"sweep_id must be {is_of}, the address of its configuration, got {row['sweep_id']}")
        if not row["name"].strip() or len(row["name"]) > 200:
            raise ValueError(f"name must have from 1 to 200 characters, got {len(row['name']):,}")

    def _take_decks(self, row: Mapping[str, Any]) -> None:
        if not row["name"].strip() or len(row["name"]) > MAX_NAME:
            raise ValueError(f"name must have from 1 to {MAX_NAME:,} characters, got {len(row['name']):,}")
        self.decks[row["deck_id"]] = 0
        self.digests[row["deck_id"]] = folded("", [])

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
        self.digests[deck_id] = folded(self.digests[deck_id], [row["content"], row["figure"]])


def _check_split(row: Mapping[str, Any]) -> None:
    if row["split"] not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, got {row['split']!r}")


def _parsed(text: str, finite: bool = True) -> Any:
    """Parse JSON; raises ValueError for values that pages cannot show: non-finite numbers and unpaired surrogates."""

    def refuse(word: str) -> None:
        raise ValueError(f"it must have finite numbers, got {word}")

    value = json.loads(text, parse_constant=refuse if finite else None)
    if "\\u" in text and not is_unicode(json.dumps(value, ensure_ascii=False)):
        raise ValueError("text must not contain unpaired surrogates")
    return value


def _check_summary(text: str) -> None:
    summary = _parsed(text, finite=False)
    fits = isinstance(summary, dict) and isinstance(summary.get("facts", {}), dict)
    fits = fits and type(summary.get("best_epoch", 0)) is int
    for which in ("best", "last"):
        values = summary.get(which, {}) if fits else None
        fits = isinstance(values, dict) and all(type(value) in (int, float) for value in values.values())
    if not fits:
        raise ValueError(f"summary must have best_epoch, best, last and facts as this program writes them, got {text[:60]}")


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
    """Return what Plotly would load from the network to draw this, such as images with an address, or maps; None: nothing."""
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


def folded(digest: str, slide: list[str | None]) -> str:
    return hashlib.sha256(json.dumps([digest, *slide]).encode()).hexdigest()
