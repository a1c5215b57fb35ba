"""Names, tags and comments of runs; decks and their slides."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "annotations",
        sa.Column("run_id", sa.String(16), sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("changed", sa.Double, nullable=False),
    )
    op.create_table(
        "decks",
        sa.Column("deck_id", sa.String(16), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("changed", sa.Double, nullable=False),
    )
    op.create_table(
        "slides",
        sa.Column("slide_id", sa.String(16), primary_key=True),
        sa.Column("deck_id", sa.String(16), sa.ForeignKey("decks.deck_id", ondelete="CASCADE"), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("figure", sa.Text),
    )
    op.create_index("ix_slides_deck_id", "slides", ["deck_id"])
