"""Whatever stands in one cell of the database, every page shows a sentence or what is right, and the run can be deleted.

LEAFSCOPE_FUZZ is the number of examples of each test; without it there are few, always the same.
"""

import gzip
import io
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import Table

from leafscope.app import navigation
from leafscope.app.parts import run_picker
from leafscope.app.sweeps import current
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError, RunStateError
from leafscope.core.inspection.trained import trained_net
from leafscope.core.routing import read_routing
from leafscope.core.store.archive import export_archive
from leafscope.core.store.schema import tables
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, read
from tests.pages.harness import Lab, open_lab, open_page
from tests.pages.test_capacity_page import benchmark

LONG = int(os.environ.get("LEAFSCOPE_FUZZ", "0"))
pytestmark = [pytest.mark.timeout(0)] if LONG else []
FUZZ = settings(max_examples=LONG or 4, derandomize=not LONG, database=None, suppress_health_check=list(HealthCheck))
OLD = Path(__file__).parents[1] / "core" / "store" / "data" / "v0.1.db.gz"
PAGES = [page.name for page in navigation.PAGES]
OF_A_RUN = ("playground", "leaves", "balance")
LISTS = ("runs", "compare", "present")
"""Pages that show all that there is, and so whether something is left of what was deleted."""
TABLES = [table for table in tables.sorted_tables if table.name != "meta"]

EXTREMES: list[Any] = [
    *(None, 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 0.5, -1.5, 1e308, float("inf"), float("-inf")),
    *("", " ", "x", "\x00", "x" * 5000, "0", "-1", "1e999", "NaN", "[]", "{}", "null", "[1]", "[-1]", '"\\ud800"', "[" * 5000),
    *('{"best": {}}', '{"best_epoch": 99}', '{"last": {"test_loss": null}}', '{"facts": []}', '{"facts": {"trials": "x"}}'),
    *(
        '{"kind": "text"}',
        '{"kind": "figure"}',
        '{"data": [{"type": "x"}]}',
        '{"groups": {}}',
        '{"groups": {"capacity": [{}]}}',
    ),
    *("queued", "running", "finished", "failed", "net", "levels", "weights-00000", "weights-99999", "train", "accuracy", "nan"),
    *("<u8", "|O", "M8[ns]", b"", b"\x00", b"\xff" * 100, b"zlib" + b"\x00" * 20, "\u202e<script>alert(1)</script>"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of an older version, migrated, with everything that a store can hold."""
    path = tmp_path_factory.mktemp("whole") / "whole.db"
    path.write_bytes(gzip.decompress(OLD.read_bytes()))
    store = Store(path)
    store.set_worker("w", "ready", "cpu", 1)
    store.add_benchmark(benchmark())
    store.add_table(read(b"a,b,y\n1,2,u\n3,4,v\n5,6,u\n7,9,v\n", Choices(name="mine")))
    store.add_log(read_routing(b"layer,expert,count\n0,0,7\n0,1,3\n1,0,5\n1,1,5\n", name="mine"))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return path


@pytest.fixture(scope="module")
def lab(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The store that the pages use, one for all examples, whose content is replaced."""
    with pytest.MonkeyPatch.context() as patch:
        lab = open_lab(tmp_path_factory.mktemp("damaged"), patch, whole)
        yield lab
        lab.store.close()


def damage(lab: Lab, whole: Path, table: Table, column: str, number: int, value: Any) -> dict[str, Any] | None:
    """Put a value into one cell of a fresh copy of the store; returns the row as it was, None where SQLite refuses it.

    ("other", n) is what the n-th row has there.
    """
    keys, names = [key.name for key in table.primary_key], [one.name for one in table.columns]
    source, target = sqlite3.connect(whole), sqlite3.connect(str(lab.store.path))
    try:
        source.backup(target)
        rows = target.execute(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {', '.join(keys)}").fetchall()
        row = dict(zip(names, rows[number % len(rows)], strict=True))
        if isinstance(value, tuple):
            value = rows[value[1] % len(rows)][names.index(column)]
        where = " AND ".join(f"{key} = ?" for key in keys)
        with target:
            target.execute(f"UPDATE {table.name} SET {column} = ? WHERE {where}", (value, *(row[key] for key in keys)))
    except sqlite3.IntegrityError:  # missing where something must be, or a key twice
        return None
    finally:
        source.close()
        target.close()
    st.cache_data.clear()
    return row


def told(act: Callable[[], Any]) -> Any:
    """What a function gives, or nothing where it says in a sentence what is wrong."""
    try:
        return act()
    except LeafscopeError:
        return None


def read_everything(store: Store, is_changed: Callable[[str], bool]) -> None:
    """Call the store's public functions for reading; those of one run for the runs that may have changed."""
    for summary in told(store.list_runs) or ():
        run_id = summary.run_id
        summary.row(), summary.fraction, summary.seconds_left, summary.searched("x")
        if not is_changed(run_id):
            continue
        for split in ("train", "validation", "test"):
            told(lambda run_id=run_id, split=split: store.leaves(run_id, 0, split))
        for act in (store.run, store.history, store.recorded_epochs, store.queue_position):
            told(lambda act=act, run_id=run_id: act(run_id))
        for kind in ("weights", "regions"):
            told(lambda run_id=run_id, kind=kind: store.snapshots(run_id, kind))
        if run_picker.config_fault(summary) is None:
            told(lambda run_id=run_id: trained_net(store, run_id))
    told(lambda: store.curves([summary.run_id for summary in store.list_runs()], "test", "accuracy"))
    for act in (store.revision, store.is_empty, store.sweeps, store.workers, store.benchmarks, store.space):
        told(act)
    told(store.latest_benchmark)
    for deck in told(store.decks) or ():
        told(lambda deck=deck: store.slides(deck.deck_id))
    for info in told(store.sweeps) or ():
        if current.fault(info) is None:
            told(lambda info=info: jobs.sweep_progress(info.sweep_id, store=store))


def open_pages(pages: Iterable[str], address: dict[str, str]) -> None:
    """Open pages; each shows something other than an exception."""
    for page in pages:
        at = open_page(page, **(address if page in OF_A_RUN else {}))
        assert not at.exception, (page, at.exception[0].message)
        assert at.title or at.header or at.error or at.warning or at.info or at.markdown, page


def export_archive_or_sentence(store: Store) -> None:
    """Save all that is there into one file."""
    runs, decks = [one.run_id for one in store.list_runs()], [one.deck_id for one in store.decks()]
    sweeps = [one.sweep_id for one in store.sweeps()]
    told(lambda: export_archive(store, io.BytesIO(), run_ids=runs, sweep_ids=sweeps, deck_ids=decks))


def remove(store: Store, row: dict[str, Any]) -> None:
    """Delete what the row is of, after which nothing is damaged."""
    if (run_id := row.get("run_id")) is not None:
        try:
            store.delete(run_id)
        except RunStateError:
            assert store.run(run_id).status == "running"
        else:
            assert run_id not in {summary.run_id for summary in store.list_runs()}
            assert not [summary for summary in store.list_runs() if summary.fault]
    if (deck_id := row.get("deck_id")) is not None:
        store.delete_deck(deck_id)
        assert deck_id not in {deck.deck_id for deck in store.decks()}


@strategies.composite
def places(draw: strategies.DrawFn) -> tuple[Table, str, int, Any]:
    """A cell, and what is put there."""
    table = draw(strategies.sampled_from(TABLES))
    column = draw(strategies.sampled_from([column.name for column in table.columns]))
    other = strategies.integers(1, 400).map(lambda number: ("other", number))
    return table, column, draw(strategies.integers(0, 400)), draw(strategies.one_of(strategies.sampled_from(EXTREMES), other))


@settings(FUZZ, max_examples=LONG * 10 or 25)
@given(place=places())
def test_everything_is_read_or_a_sentence_is_said(place: tuple[Table, str, int, Any], lab: Lab, whole: Path) -> None:
    row = damage(lab, whole, *place)
    if row is None:
        return
    _, column, _, _ = place
    read_everything(lab.store, lambda run_id: column == "run_id" or run_id == row.get("run_id"))
    export_archive_or_sentence(lab.store)
    remove(lab.store, row)


@FUZZ
@given(place=places())
def test_every_page_opens_and_the_run_can_be_deleted(place: tuple[Table, str, int, Any], lab: Lab, whole: Path) -> None:
    row = damage(lab, whole, *place)
    if row is None:
        return
    address = {"run": str(row["run_id"])} if "run_id" in row else {}
    open_pages(PAGES, address)
    remove(lab.store, row)
    st.cache_data.clear()
    open_pages(LISTS, {})
