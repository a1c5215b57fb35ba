"""Leaves are kept compressed, as differences between epochs. Tables stay; older versions must refuse to read them."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Rows that are there keep their form, which is still read."""
