"""What gives a leaf statistic a value by chance: the levels that pages draw and name, in the order in which they are shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A chance level: how rows would find their leaves if gates had learned nothing."""

    key: str
    """The beginning of its columns in tables."""
    name: str
    """As legends and sentences write it."""
    short: str
    """Where there is little room."""
    meaning: str
    """One sentence: how it is computed."""


INDEPENDENT_BITS = Level(
    "bits",
    "independent bits",
    "independent bits",
    "Independent bits: each row draws its leaf from the product of the bit frequencies, mean and 95 % range of 200 draws; in "
    "few dimensions no hyperplanes can reach it.",
)
"""What arithmetic alone gives: few rows leave many leaves empty."""

HYPERPLANES = Level(
    "hyperplanes",
    "random hyperplanes on the same rows",
    "random hyperplanes",
    "Random hyperplanes on the same rows: 200 draws of as many hyperplanes through the mean of what the gates see, with "
    "Gaussian normals; what gates that learned nothing would give.",
)
"""What gates that learned nothing would give; sentences compare with this one where it is known."""

RANDOM_SPLITS = Level(
    "splits", "random splits", "random splits", "Random splits: the same rows, dealt at random into splits of the same sizes."
)
"""For statistics of two splits."""
