"""Loading the examples that come with the program into an empty store, once for each store."""

import io
import logging
from importlib.resources import files

from sqlalchemy import Connection, Table, select

from leafscope.core.errors import LeafscopeError
from leafscope.core.store.archive.adding import insert_rows
from leafscope.core.store.archive.layout import TABLES
from leafscope.core.store.archive.opened import OpenedArchive
from leafscope.core.store.schema import decks, runs, sweeps
from leafscope.core.store.store import Store

EXAMPLES = files("leafscope.data") / "examples" / "examples.leafscope"
"""The archive; `tests/tools/examples.py` makes it."""

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
            if any(connection.execute(select(table).limit(1)).first() for table, _ in _KEYS):
                store._note_shipped(connection, ())
                return False
            return _load(store, connection)
    except (LeafscopeError, OSError) as error:
        log.info("the examples were not loaded: %s", error)
        return False


def _load(store: Store, connection: Connection) -> bool:
    archive = OpenedArchive(io.BytesIO(EXAMPLES.read_bytes()), MOST_UNPACKED)
    addresses = [row[key] for table, key in _KEYS for row in archive.trusted(table)]
    if not store._note_shipped(connection, addresses):
        return False  # another server was first
    for table in TABLES:
        insert_rows(connection, table, archive.trusted(table))
    return True


_KEYS: tuple[tuple[Table, str], ...] = ((runs, "run_id"), (sweeps, "sweep_id"), (decks, "deck_id"))
