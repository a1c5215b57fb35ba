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

MAX_ROUTING_BYTES = 200_000_000
"""The most bytes of a file of routing: 1,000 steps of 32 layers with 256 experts take 66 MB as 64-bit integers."""

MAX_ROUTING_ROWS = 2_000_000
"""The most rows of a text with counts of experts: more do not fit in the bytes of a table."""

MAX_ROUTING_COLUMNS = 20_000
"""The most columns of a text with a column for each expert of each layer."""

MAX_ROUTING_VALUES = 2**25
"""The most counts, or chosen experts of tokens, of a routing log: as 64-bit integers they take 256 MiB."""

MAX_EXPERTS = 16_384
"""The most experts of a layer: more than any model that logs them, so that a wrong number does not fill the memory."""

MAX_ASSIGNMENTS = 2**53
"""The most assignments of a routing log: floating-point numbers hold every whole number up to here."""
