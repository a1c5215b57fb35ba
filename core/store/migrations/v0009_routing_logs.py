"""Routing logs that people bring."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    if "routing_logs" not in sa.inspect(op.get_bind()).get_table_names():
        op.create_table(
            "routing_logs",
            sa.Column("log_id", sa.String(16), primary_key=True),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("created", sa.Double, nullable=False),
            sa.Column("about", sa.Text, nullable=False),
            sa.Column("data", sa.LargeBinary, nullable=False),
        )
