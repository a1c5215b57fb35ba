"""What a person can choose of a table; all else is found in the file."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["classification", "regression"]

Rare = Literal["keep", "drop", "merge"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How to read a file and use its columns; None: as proposed."""

    name: str | None = None
    """The table's name; None: the file's."""
    target: str | None = None
    """The column to predict."""
    task: Task | None = None
    drop: tuple[str, ...] = ()
    """Columns to leave out."""
    keep: tuple[str, ...] = ()
    """Columns to use that would be left out."""
    split: str | None = None
    """A column that says which rows are for training, validation and test."""
    group: str | None = None
    """A column whose values are groups: rows of one group never stand in two splits."""
    rare: Rare = "keep"
    """What becomes of the rows of classes with fewer than 3 rows: kept, dropped, or merged to one class "other"."""
    fill: bool = True
    """Whether missing values are filled; otherwise rows with missing values are dropped."""
    delimiter: str | None = None
    """A character, or "whitespace"."""
    encoding: str | None = None
    decimal: Literal[".", ","] | None = None
    header: bool | None = None
    """Whether the first row holds names."""
    day_first: bool | None = None
    """Whether 01/02/2024 is the first of February."""
