"""The current tables of the store.

To add a column, change two files: add it here, last in its table, and increase `SCHEMA_VERSION`, and write a script in
`migrations` that adds it to existing databases. It must be nullable, or have a plain `default` and the same `server_default`
for existing rows.
Archives need no change: when an older one is read, the column gets its default.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

SCHEMA_VERSION = 10
"""The version of these tables, stored in the table `meta`; also the revision of the newest script in `migrations`."""

tables = MetaData()

meta = Table("meta", tables, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    tables,
    Column("run_id", String(16), primary_key=True),
    Column("config", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)

attempts = Table(
    "attempts",
    tables,
    Column("run_id", ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("first_attempt", Integer, nullable=False),  # the attempt of its chain that began from scratch
    Column("status", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("heartbeat", Double),  # when it was last counted up, to be shown; nothing is decided by it
    Column("worker_id", String(64)),
    Column("pid", Integer),
    Column("stop_requested", Boolean, nullable=False, default=False),  # before it began: to stop after the next epoch
    Column("error", Text),
    Column("device", String(20)),
    Column("resumed_from", Integer, nullable=False, default=0),  # the epoch of the checkpoint from which it continued
    Column("epochs_done", Integer, nullable=False, default=0),
    Column("epochs_total", Integer, nullable=False),
    Column("seconds_before", Double, nullable=False, default=0.0),  # of the chain's earlier attempts
    Column("seconds", Double, nullable=False, default=0.0),
    Column("summary", Text, nullable=False, default="{}"),  # best and last values of the chain, so a list needs one query
    Column("beats", Integer, nullable=False, default=0, server_default="0"),
    Index("attempts_by_status", "status", "priority", "created"),
)


def _of_attempt() -> list[Any]:
    return [
        Column("run_id", String(16), primary_key=True),
        Column("attempt", Integer, primary_key=True, autoincrement=False),
        ForeignKeyConstraint(["run_id", "attempt"], ["attempts.run_id", "attempts.attempt"], ondelete="CASCADE"),
    ]


metrics = Table(
    "metrics",
    tables,
    *_of_attempt(),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("split", String(12), primary_key=True),
    Column("metric", String(12), primary_key=True),
    Column("value", Double),
    Column("nonfinite", String(4)),  # nan, inf or -inf if value is NULL: SQLite stores NaN as NULL
    sqlite_with_rowid=False,
)

leaves = Table(
    "leaves",
    tables,
    *_of_attempt(),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("split", String(12), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("dtype", String(8), nullable=False),
    Column("shape", String(40), nullable=False),
    Column("data", LargeBinary, nullable=False),
)

artifacts = Table(
    "artifacts",
    tables,
    *_of_attempt(),
    Column("name", String(40), primary_key=True),
    Column("version", String(32), nullable=False),  # the valid one: a replacement becomes visible only when it is complete
    Column("size", Double, nullable=False),
)

artifact_parts = Table(
    "artifact_parts",
    tables,
    *_of_attempt(),
    Column("name", String(40), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

workers = Table(
    "workers",
    tables,
    Column("worker_id", String(64), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("device", String(20), nullable=False),
    Column("state", String(10), nullable=False),
    Column("started", Double, nullable=False),
    Column("heartbeat", Double, nullable=False),
    Column("beats", Integer, nullable=False, default=0, server_default="0"),
    Column("machine", Text, nullable=False, default="", server_default=""),  # its name in the network
    Column("leafscope", Text, nullable=False, default="", server_default=""),  # the version of the program
)

benchmarks = Table(
    "benchmarks",
    tables,
    Column("id", Integer, primary_key=True),
    Column("created", Double, nullable=False),
    Column("leafscope", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("quick", Boolean, nullable=False),
    Column("result", Text, nullable=False),  # the whole document; the columns above repeat what a list needs
)

sweeps = Table(
    "sweeps",
    tables,
    Column("sweep_id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("created", Double, nullable=False),
    # whether the runs on its reporting seeds are to be queued when those on the choosing seeds have ended
    Column("awaits_choice", Boolean, nullable=False, default=False, server_default=false()),
)

annotations = Table(
    "annotations",
    tables,
    Column("run_id", ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, nullable=False),  # empty: the run's own label
    Column("tags", Text, nullable=False),  # a JSON list
    Column("comment", Text, nullable=False),
    Column("changed", Double, nullable=False),
)

decks = Table(
    "decks",
    tables,
    Column("deck_id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
)

slides = Table(
    "slides",
    tables,
    Column("slide_id", String(16), primary_key=True),
    Column("deck_id", ForeignKey("decks.deck_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("content", Text, nullable=False),  # everything except the figure, as JSON
    Column("figure", Text),  # Plotly JSON, in a column of its own because a list of slides does not need it
)

data_tables = Table(
    "data_tables",
    tables,
    Column("table_id", String(16), primary_key=True),  # the hash of its content
    Column("name", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("about", Text, nullable=False),  # what was understood of it, as JSON, because a list does not need the rows
    Column("data", LargeBinary, nullable=False),  # see `core.tables.packing`
)

routing_logs = Table(
    "routing_logs",
    tables,
    Column("log_id", String(16), primary_key=True),  # the hash of its content
    Column("name", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("about", Text, nullable=False),  # its layers, experts and so on, as JSON, because a list does not need the counts
    Column("data", LargeBinary, nullable=False),  # see `core.routing.saving`
)
