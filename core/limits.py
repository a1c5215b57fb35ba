"""Limits on user input, each with its reason; checked before anything is allocated."""

MAX_DEPTH = 16
"""The deepest tree: 2^16 leaves, whose indices fit in 16 bits."""


def check_depth(depth: int) -> None:
    """Raise ValueError unless 0 <= depth <= 16."""
    if not 0 <= depth <= MAX_DEPTH:
        raise ValueError(f"depth must be from 0 to {MAX_DEPTH}, got {depth}")


MAX_FILE_BYTES = 50_000_000
"""The most bytes of a file with a table, unpacked: it is read, checked and shown in about two seconds."""

MAX_TABLE_ROWS = 200_000
"""The most rows of a table, like those of a generator: an epoch of training stays within seconds."""

MAX_FEATURES = 2_000
"""The most features of a table after encoding: 200,000 rows of so many take 3.2 GB."""

MAX_CLASSES = 100
"""The most classes: more can neither be told apart by colour nor read in a matrix of confusions."""
