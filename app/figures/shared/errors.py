"""What errors are measured in: shares of rows, or the root of the mean squared error in the unit of the target."""

import math
from dataclasses import dataclass

from leafscope.app import theme
from leafscope.core.comparison.intervals import FEWEST


@dataclass(frozen=True)
class Errors:
    """The unit of errors and of their differences, and what axes say of it."""

    axis: str
    """What an axis says in brackets."""
    unit: str
    """Of an error, as `interval_lines.in_unit` knows it; empty: the target's own."""
    difference: str
    """Of a difference of two errors."""
    ceiling: float
    """The highest error that there can be, in its unit."""

    @property
    def are_shares(self) -> bool:
        """Whether errors are shares of rows."""
        return self.unit == "percent"

    @property
    def noun(self) -> str:
        """What an error is called in a sentence."""
        return "error" if self.are_shares else "RMSE"

    @property
    def difference_axis(self) -> str:
        """What an axis of differences says in brackets."""
        return self.difference or self.axis

    @property
    def fewest(self) -> int:
        """The fewest seeds that have an interval."""
        return FEWEST if self.are_shares else 2

    def scaled(self, value: float) -> float:
        """Bring an error as tables have it, a share from 0 to 1 or a number, to its unit."""
        return 100 * value if self.are_shares else value

    def words(self, value: float) -> str:
        """Write an error that is in its unit.

        >>> SHARES.words(12.14), of_target("price").words(3.14159)
        ('12.1 %', '3.14')
        """
        return theme.percent(value / 100) if self.are_shares else theme.three_significant(value)

    def short(self, value: float) -> str:
        """Write an error or a difference where there is little room: without a unit, differences with their sign."""
        return f"{value:.1f}" if self.are_shares else theme.three_significant(value)

    def signed(self, value: float) -> str:
        """Write a difference with its sign, without a unit."""
        words = self.short(value)
        return words if words.startswith("-") or not math.isfinite(value) else f"+{words}"


SHARES = Errors("percent of rows", "percent", "percentage points", 100.0)
"""Wrong answers among classes."""


BALANCED = Errors("1 - balanced accuracy, percent", "percent", "percentage points", 100.0)
MACRO_F1 = Errors("1 - macro F1, percent", "percent", "percentage points", 100.0)
"""Errors that uneven classes cannot flatter."""


def of_target(name: str) -> Errors:
    """Errors of predicted numbers; `name` is that of the target, not yet escaped.

    >>> of_target("price").axis
    'RMSE, in the unit of price'
    """
    return Errors(f"RMSE, in the unit of {theme.one_line(name, 40) or 'the target'}", "", "", math.inf)
