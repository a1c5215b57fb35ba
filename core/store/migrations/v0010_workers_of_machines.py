"""Workers of several machines: where each is, and which version of the program it is of."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("workers")}
    for name in ("machine", "leafscope"):
        if name not in there:
            op.add_column("workers", sa.Column(name, sa.Text, nullable=False, server_default=""))
