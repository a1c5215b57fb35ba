"""Runs, their attempts with metrics, leaves and artifacts, and workers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(16), primary_key=True),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.String(16), sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first_attempt", sa.Integer, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("heartbeat", sa.Double),
        sa.Column("worker_id", sa.String(64)),
        sa.Column("pid", sa.Integer),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("device", sa.String(20)),
        sa.Column("resumed_from", sa.Integer, nullable=False),
        sa.Column("epochs_done", sa.Integer, nullable=False),
        sa.Column("epochs_total", sa.Integer, nullable=False),
        sa.Column("seconds_before", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
    )
    op.create_index("attempts_by_status", "attempts", ["status", "priority", "created"])
    op.create_table(
        "metrics",
        *_of_attempt(),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("split", sa.String(12), primary_key=True),
        sa.Column("metric", sa.String(12), primary_key=True),
        sa.Column("value", sa.Double),
        sa.Column("nonfinite", sa.String(4)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leaves",
        *_of_attempt(),
        sa.Column("layer", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("split", sa.String(12), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dtype", sa.String(8), nullable=False),
        sa.Column("shape", sa.String(40), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "artifacts",
        *_of_attempt(),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("size", sa.Double, nullable=False),
    )
    op.create_table(
        "artifact_parts",
        *_of_attempt(),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("version", sa.String(32), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.String(64), primary_key=True),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("device", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("heartbeat", sa.Double, nullable=False),
    )


def _of_attempt() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("run_id", sa.String(16), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.ForeignKeyConstraint(["run_id", "attempt"], ["attempts.run_id", "attempts.attempt"], ondelete="CASCADE"),
    ]
