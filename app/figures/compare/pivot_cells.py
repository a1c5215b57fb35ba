"""The cells of a pivot of runs: for each pair of values of two fields, the mean of a score with its interval and n.

R rows · C columns · n = runs behind a cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscope.app import theme

Cell = tuple[int, int]
"""A row and a column."""


@dataclass(frozen=True, eq=False)
class PivotCells:
    """Means of a score by the values of two fields. Raises ValueError for arrays of another shape and for an n below 0."""

    rows: Sequence[str]
    """(R,) values of one field, as written."""
    columns: Sequence[str]
    """(C,) values of the other."""
    mean: NDArray[np.floating]
    """(R, C): NaN where a cell has no run."""
    low: NDArray[np.floating]
    """(R, C): NaN where a cell has no interval."""
    high: NDArray[np.floating]
    n: NDArray[np.integer]
    """(R, C): 0 where a cell has no run."""

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.columns))
        arrays = {name: np.asarray(getattr(self, name), dtype=np.float64) for name in ("mean", "low", "high", "n")}
        for name, array in arrays.items():
            if array.size == 0 and 0 in shape:
                arrays[name] = array.reshape(shape)
            elif array.shape != shape:
                raise ValueError(f"{name} must have shape (R, C) = {shape}, got {array.shape}")
        n = np.nan_to_num(arrays["n"]).astype(np.int64)
        if n.size and n.min() < 0:
            raise ValueError(f"n must be at least 0, got {n.min()}")
        there = (n > 0) & np.isfinite(arrays["mean"])
        for name in ("mean", "low", "high"):
            object.__setattr__(self, name, np.where(there, arrays[name], np.nan))
        object.__setattr__(self, "n", np.where(there, n, 0))

    @property
    def row_words(self) -> list[str]:
        """The values of the rows, each on one line."""
        return [theme.one_line(word) for word in self.rows]

    @property
    def column_words(self) -> list[str]:
        """The values of the columns, each on one line."""
        return [theme.one_line(word) for word in self.columns]

    @property
    def is_empty(self) -> bool:
        """Whether no cell has a run."""
        return not np.isfinite(self.mean).any()

    def first(self, most: int) -> "PivotCells":
        """Take at most so many rows and columns."""
        mean, low, high = (array[:most, :most] for array in (self.mean, self.low, self.high))
        return PivotCells(self.rows[:most], self.columns[:most], mean, low, high, self.n[:most, :most])

    def holds(self, cell: Cell) -> bool:
        """Tell whether a cell is among these."""
        return 0 <= cell[0] < len(self.rows) and 0 <= cell[1] < len(self.columns)

    def best(self, higher: bool) -> Cell | None:
        """Find the best mean, the first of equals; None where no cell has a run."""
        if self.is_empty:
            return None
        at = np.nanargmax(self.mean) if higher else np.nanargmin(self.mean)
        row, column = divmod(int(at), len(self.columns))
        return row, column

    def without_run(self) -> list[Cell]:
        """List the cells that have no run."""
        return [(int(row), int(column)) for row, column in np.argwhere(~np.isfinite(self.mean))]

    def with_runs(self) -> list[Cell]:
        """List the cells that have a run."""
        return [(int(row), int(column)) for row, column in np.argwhere(np.isfinite(self.mean))]
