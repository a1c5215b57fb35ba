"""Tables that people bring."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    if "data_tables" not in sa.inspect(op.get_bind()).get_table_names():
        op.create_table(
            "data_tables",
            sa.Column("table_id", sa.String(16), primary_key=True),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("created", sa.Double, nullable=False),
            sa.Column("about", sa.Text, nullable=False),
            sa.Column("data", sa.LargeBinary, nullable=False),
        )
