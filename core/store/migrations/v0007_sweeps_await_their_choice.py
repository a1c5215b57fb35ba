"""Sweeps with reporting seeds: whether their second stage is to be queued when their first has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if "awaits_choice" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("sweeps")}:
        op.add_column("sweeps", sa.Column("awaits_choice", sa.Boolean, nullable=False, server_default=sa.false()))
