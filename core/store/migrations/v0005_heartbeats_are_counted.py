"""Heartbeats are counts: a time is believed for years if it lies in the future."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for table in ("attempts", "workers"):
        if "beats" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, sa.Column("beats", sa.Integer, nullable=False, server_default="0"))
