"""Checks of an archive's contents: rows must be valid, consistent, and contain nothing but numbers, texts and drawings."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
from sqlalchemy import Table

from leafscope.core.config import RunConfig
from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, is_table
from leafscope.core.errors import ArchiveError, DataError, RoutingError, TableError
from leafscope.core.files import unnamed_file
from leafscope.core.store.annotations import checked_tags
from leafscope.core.store.archive.layout import OF_ATTEMPTS, ORDER, TABLES, parsed, refusal, sentence, sweep_config
from leafscope.core.store.archive.opened import OpenedArchive
from leafscope.core.store.archive.summaries import METRICS, SPLITS, check_epoch, check_score, check_summary
from leafscope.core.store.archive.tensors import check_artifact
from leafscope.core.store.decks import MAX_SLIDES, MAX_TEXT, Slide
from leafscope.core.store.routing_logs import check_row
from leafscope.core.store.schema import annotations, artifact_parts, attempts
from leafscope.core.store.tables import data_set_of
from leafscope.core.store.values import leaf_codes
from leafscope.core.store.values.records import PRIORITIES, Ending
from leafscope.core.store.values.rows import LATEST, Sizes, check_leaves
from leafscope.core.store.values.tensors import MOST_BYTES, plain
from leafscope.core.tables.packing import check_packed
from leafscope.core.tables.parsing.header import LONGEST_NAME
from leafscope.core.text import check_storable

_ENDED = get_args(Ending)
MAX_ATTEMPT = 1_000_000
"""The highest number of an attempt, far below what a database can count, since attempts are added behind those of a store."""
_DTYPES = {np.dtype(f"{order}{kind}{size}").str for order in "<>" for kind in "ui" for size in (1, 2, 4, 8)}


def check(archive: OpenedArchive, folder: Path | None = None) -> "Contents":
    """Read the whole archive; raises ArchiveError for the first row that cannot be imported.

    Artifacts are unpacked one by one into a file in the folder; None: where temporary files are.
    """
    with unnamed_file(folder) as scratch, DATA_SETS.also_from(contents := Contents(scratch)):
        for table in TABLES:
            last: tuple[Any, ...] = ()
            for number, row in archive.rows(table):
                key = tuple(row[name] for name in ORDER[table.name])
                try:
                    if key <= last:
                        raise ValueError(f"rows must be in the order of {', '.join(ORDER[table.name])}, each once")
                    contents.take(table, row)
                except (ValueError, RecursionError) as error:
                    raise refusal(table, number, sentence(error)[:1000], row) from error
                last = key
            try:
                contents.end(table)
            except ValueError as error:
                raise ArchiveError(f"{table.name}: {error}") from error
    return contents


@dataclass
class Contents:
    """A summary of the rows read so far; `take` raises ValueError for a row that contradicts them."""

    scratch: BinaryIO
    """A temporary file for an artifact."""
    tables: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Table -> its name and what was understood of it."""
    runs: dict[str, "_Run"] = field(default_factory=dict)
    newest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Run -> number and status of its newest attempt."""
    sweeps: set[str] = field(default_factory=set)
    decks: dict[str, int] = field(default_factory=dict)
    """Deck -> number of slides."""
    slides: set[str] = field(default_factory=set)
    logs: set[str] = field(default_factory=set)
    """Routing logs."""
    digests: dict[str, str] = field(default_factory=dict)
    """Deck -> checksum of its slides."""
    attempts: set[tuple[str, int]] = field(default_factory=set)
    _artifacts: dict[tuple[str, int, str], tuple[str, int]] = field(default_factory=dict)
    """Artifacts whose parts are not read yet, with version and size."""
    _open: tuple[str, int, str] | None = None
    """The artifact whose parts are being read."""
    _parts: int = 0
    _leaf_of: tuple[Any, ...] = ()
    _leaf: np.ndarray | None = None
    """The leaves of the last row, and its key: those of the next epoch may be kept as the difference."""

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

    def data_set(self, table_id: str) -> DatasetSpec | None:
        """Return a table of the file as a data set, of which only the sizes are known."""
        if table_id not in self.tables:
            return None

        def refuse() -> Any:
            raise TableError(f"the table {table_id} is not imported yet")

        return data_set_of(table_id, *self.tables[table_id], refuse)

    def _take_data_tables(self, row: Mapping[str, Any]) -> None:
        check_storable(row["name"], "a table's name")
        if not row["name"].strip() or len(row["name"]) > LONGEST_NAME:
            raise ValueError(f"name must have from 1 to {LONGEST_NAME} characters, got {len(row['name']):,}")
        about = parsed(row["about"])
        try:
            check_packed(row["about"], row["data"], row["table_id"])
        except TableError as error:
            raise ValueError(str(error)) from error
        self.tables[row["table_id"]] = row["name"], about

    def _take_runs(self, row: Mapping[str, Any]) -> None:
        run = RunConfig.model_validate_json(row["config"])
        if (is_of := run.run_id) != row["run_id"]:
            raise ValueError(f"run_id must be the configuration's hash, {is_of}, got {row['run_id']}")
        if is_table(run.data.name):
            try:
                DATA_SETS[run.data.name].sizes()
            except DataError as error:
                raise ValueError(str(error).replace("in the database", "in the file")) from error
        self.runs[row["run_id"]] = _Run(run, Sizes.of(run))

    def _take_attempts(self, row: Mapping[str, Any]) -> None:
        run_id, attempt = row["run_id"], row["attempt"]
        if row["status"] not in _ENDED:
            raise ValueError(f"status must be one of {', '.join(_ENDED)}, got {row['status']!r}")
        if not 1 <= row["first_attempt"] <= attempt:
            raise ValueError(f"first_attempt must be from 1 to {attempt}, got {row['first_attempt']}")
        if attempt > MAX_ATTEMPT:
            raise ValueError(f"attempt must be at most {MAX_ATTEMPT:,}, got {attempt}")
        if row["priority"] not in PRIORITIES.values():
            raise ValueError(f"priority must be from 0 to {max(PRIORITIES.values())}, got {row['priority']}")
        if row["epochs_total"] != (epochs := self.runs[run_id].config.epochs):
            raise ValueError(f"epochs_total must be {epochs}, as in its configuration, got {row['epochs_total']}")
        for name in ("epochs_done", "resumed_from"):
            check_epoch(row[name], self.runs[run_id].config.epochs, name)
        check_summary(row["summary"], self.runs[run_id].config.epochs)
        self.attempts.add((run_id, attempt))
        self.newest[run_id] = attempt, row["status"]

    def _take_metrics(self, row: Mapping[str, Any]) -> None:
        _check_split(row)
        check_epoch(row["epoch"], self.runs[row["run_id"]].config.epochs)
        if row["metric"] not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {row['metric']!r}")
        if row["value"] is not None:
            check_score(row["metric"], row["value"], "value")
        if (row["value"] is None) is (row["nonfinite"] is None) or row["nonfinite"] not in (None, "nan", "inf", "-inf"):
            raise ValueError(f"either value, or nan, inf or -inf in nonfinite, got {row['value']} and {row['nonfinite']!r}")

    def _take_leaves(self, row: Mapping[str, Any]) -> None:
        _check_split(row)
        plain_dtype = row["dtype"].removesuffix(leaf_codes.WHOLE).removesuffix(leaf_codes.DIFFERENCE)
        if plain_dtype not in _DTYPES:
            words = f"dtype must be one of {', '.join(sorted(_DTYPES))}, alone or followed by zip or xor"
            raise ValueError(f"{words}, got {row['dtype']!r}")
        of_run = self.runs[row["run_id"]]
        check_epoch(row["epoch"], of_run.config.epochs)
        sizes = of_run.sizes
        if row["layer"] >= len(sizes.layers):
            raise ValueError(f"layer must be below {len(sizes.layers)}, the layers of its net with leaves, got {row['layer']}")
        needed = list(sizes.shape(row["layer"], row["split"]))
        if (shape := parsed(row["shape"])) != needed or not sizes.rows or any(type(length) is not int for length in shape):
            raise ValueError(f"shape must be {needed}, the rows of the {row['split']} split, got {row['shape']!r:.80}")
        n_leaves = math.prod(needed)
        n_bytes = n_leaves * np.dtype(plain_dtype).itemsize
        if plain_dtype == row["dtype"] and n_bytes != len(row["data"]):
            raise ValueError(f"{row['dtype']} of shape {shape} must have {n_bytes:,} bytes, got {len(row['data']):,}")
        key, epoch = tuple(row[name] for name in ("run_id", "attempt", "layer", "split")), row["epoch"]
        before = self._leaf if self._leaf_of == (*key, epoch - 1) and epoch % leaf_codes.WHOLE_EVERY else None
        leaf = leaf_codes.decode(row["dtype"], row["data"], n_leaves, before)
        check_leaves(leaf, sizes.layers[row["layer"]].n_leaves, "leaves")
        self._leaf_of, self._leaf = (*key, epoch), leaf

    def _take_artifacts(self, row: Mapping[str, Any]) -> None:
        if not row["size"].is_integer() or row["size"] < 0:
            raise ValueError(f"size must be a number of bytes, got {row['size']}")
        self._artifacts[row["run_id"], row["attempt"], row["name"]] = row["version"], int(row["size"])

    def _take_artifact_parts(self, row: Mapping[str, Any]) -> None:
        key = row["run_id"], row["attempt"], row["name"]
        if self._open != key:
            self._close()
            self._open, self._parts = key, 0
            self._empty()
        if self._artifacts.get(key, ("",))[0] != row["version"]:
            raise ValueError(f"it must be of an artifact in the file, got {row['name']!r:.60} of version {row['version']}")
        if row["part"] != self._parts:
            raise ValueError(f"part must be {self._parts}, the next one, got {row['part']}")
        self._parts += 1
        self.scratch.write(row["data"])

    def _empty(self) -> None:
        self.scratch.seek(0)
        self.scratch.truncate()

    def _close(self) -> None:
        """Check the current artifact, after its last part."""
        if self._open is None:
            return
        run_id, attempt, name = self._open
        _, size = self._artifacts.pop(self._open)
        of_run = f"{name!r:.60} of attempt {attempt} of run {run_id}"
        self._open = None
        try:
            if (read := self.scratch.tell()) != size:
                raise ValueError(f"it must have {size:,} bytes in all its parts, got {read:,}")
            if size <= MOST_BYTES:
                self.scratch.seek(0)
                unpacked = plain(self.scratch.read())
                self._empty()
                self.scratch.write(unpacked)
            self.scratch.flush()
            check_artifact(self.scratch, name, self.runs[run_id].config)
        except ValueError as error:  # not of the row that is next
            raise ArchiveError(f"artifact_parts: {of_run}: {error}") from error

    def _take_annotations(self, row: Mapping[str, Any]) -> None:
        tags = parsed(row["tags"])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ValueError("tags must be a list of texts")
        if checked_tags(tags) != tags:
            raise ValueError("tags must be different, without spaces around them")

    def _take_sweeps(self, row: Mapping[str, Any]) -> None:
        if (is_of := sweep_config(row["config"]).sweep_id) != row["sweep_id"]:
            raise ValueError(f"sweep_id must be the configuration's hash, {is_of}, got {row['sweep_id']}")
        if not row["name"].strip() or len(row["name"]) > 200:
            raise ValueError(f"name must have from 1 to 200 characters, got {len(row['name']):,}")
        self.sweeps.add(row["sweep_id"])

    def _take_decks(self, row: Mapping[str, Any]) -> None:
        if not row["name"].strip():
            raise ValueError(f"name must have at least 1 character, got {row['name']!r:.80}")
        self.decks[row["deck_id"]] = 0
        self.digests[row["deck_id"]] = folded("", [])

    def _take_routing_logs(self, row: Mapping[str, Any]) -> None:
        check_storable(row["name"], "a routing log's name")
        try:
            check_row(row)
        except RoutingError as error:
            raise ValueError(str(error)) from error
        self.logs.add(row["log_id"])

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


@dataclass(frozen=True)
class _Run:
    """What the rows of a run must agree with."""

    config: RunConfig
    sizes: Sizes


def _check_split(row: Mapping[str, Any]) -> None:
    if row["split"] not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {row['split']!r}")


def _check_slide(content: str, figure: str | None) -> None:
    values, drawn = parsed(content), None if figure is None else parsed(figure)
    if not isinstance(values, dict) or "figure" in values:
        raise ValueError("content must be a slide without its figure")
    slide = Slide.model_validate(values | {"figure": drawn})
    for name in ("title", "text", "caption", "notes"):
        if len(getattr(slide, name)) > MAX_TEXT:
            raise ValueError(f"{name} must have at most {MAX_TEXT:,} characters, got {len(getattr(slide, name)):,}")
    if not 0 <= slide.taken <= LATEST:
        raise ValueError(f"taken must be from 0 to {LATEST:,.0f}, got {slide.taken!r:.80}")
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
