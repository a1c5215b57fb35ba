"""Loading the examples that come with the program into an empty store, once for each store."""

import csv
import io
import logging
from importlib.resources import files

import numpy as np
from sqlalchemy import Connection, Table, select

from leafscope.core.errors import LeafscopeError
from leafscope.core.routing.routing import Routing
from leafscope.core.store.archive.adding import insert_rows
from leafscope.core.store.archive.layout import TABLES
from leafscope.core.store.archive.opened import OpenedArchive
from leafscope.core.store.database.transactions import insert_new
from leafscope.core.store.routing_logs import row_of
from leafscope.core.store.schema import decks, routing_logs, runs, sweeps
from leafscope.core.store.store import Store

EXAMPLES = files("leafscope.data") / "examples" / "examples.leafscope"
"""The archive; `tests/tools/examples.py` makes it."""

ROUTING = files("leafscope.data") / "examples" / "olmoe_expert_counts.csv"
"""Counts of experts; the comments at its top say whose."""

MOST_BYTES = 2_000_000
"""The most bytes of the archive, which everyone downloads."""

MOST_UNPACKED = 10 * MOST_BYTES

log = logging.getLogger("leafscope.examples")


def load_examples(store: Store) -> bool:
    """Load the examples unless the store has, or an app has opened it before; return whether they were loaded.

    They are marked as shipped. Where the store cannot be written to at once, or the archive cannot be read, nothing is changed,
    and a later call tries again. The archive comes from us: its checksums are checked, its rows are not.
    """
    try:
        if store.is_marked():
            return False
        with store._write_at_once() as connection:
            keys = (*(table.c[key] for table, key in _KEYS), routing_logs.c.log_id)
            if any(connection.execute(select(key).limit(1)).first() for key in keys):
                store._note_shipped(connection, ())
                return False
            return _load(store, connection)
    except (LeafscopeError, OSError) as error:
        log.info("the examples were not loaded: %s", error)
        return False


def example_log() -> Routing:
    """Return the counts of OLMoE-1B-7B, as `read_routing` reads them too, but without loading pandas as the app starts."""
    lines = (line for line in ROUTING.read_text().splitlines() if not line.startswith("#"))
    rows = [(row["domain"], int(row["layer"]), int(row["expert"]), int(row["count"])) for row in csv.DictReader(lines)]
    domains, layers = list(dict.fromkeys(row[0] for row in rows)), sorted({row[1] for row in rows})
    counts = np.zeros((len(domains), 1, len(layers), 1 + max(row[2] for row in rows)), np.int64)
    for domain, layer, expert, count in rows:
        counts[domains.index(domain), 0, layers.index(layer), expert] = count
    return Routing(name="OLMoE-1B-7B", counts=counts, layers=tuple(layers), domains=tuple(domains), top_k=8)


def _load(store: Store, connection: Connection) -> bool:
    archive = OpenedArchive(io.BytesIO(EXAMPLES.read_bytes()), MOST_UNPACKED)
    log = row_of(example_log(), store._clock())
    addresses = [log["log_id"], *(row[key] for table, key in _KEYS for row in archive.trusted(table))]
    if not store._note_shipped(connection, addresses):
        return False  # another server was first
    for table in TABLES:
        insert_rows(connection, table, archive.trusted(table))
    connection.execute(insert_new(connection, routing_logs), log)
    return True


_KEYS: tuple[tuple[Table, str], ...] = ((runs, "run_id"), (sweeps, "sweep_id"), (decks, "deck_id"))
