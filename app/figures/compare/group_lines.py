"""Curves of a group's runs: their mean with its interval at each recorded epoch, and how far it goes.

J runs of a group · E recorded epochs · n = runs that have a value at an epoch · intervals are those of the mean over runs ·
a mean ends where the first of its runs does, since the runs that go on are another group.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.compare.scores import UNITS, check_words, factor
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.figures.shared.interval_lines import INTERVAL, in_unit, n_words
from leafscope.core.comparison.intervals import FEWEST


@dataclass(frozen=True, eq=False)
class GroupLines:
    """The curves of a group's runs on one split. Raises ValueError for another split, and for arrays that do not fit."""

    style: GroupStyle
    split: str
    """train, validation or test."""
    x: NDArray[np.floating[Any]]
    """(J, E): where each run was at each recorded epoch, in the unit of the axis."""
    y: NDArray[np.floating[Any]]
    """(J, E): a share of rows, or nats; NaN where a run has no such epoch, infinite where it diverged."""
    names: Sequence[str]
    """(J,): titles of the runs, as written."""
    overlap: float = 0.0
    """How much the seeds share, as `mean_interval` takes it."""

    def __post_init__(self) -> None:
        check_words("loss", self.split)
        if np.ndim(self.y) != 2 or np.shape(self.x) != np.shape(self.y):
            raise ValueError(f"x and y must have the same shape (J, E), got {np.shape(self.x)} and {np.shape(self.y)}")
        if len(self.names) != len(self.y):
            raise ValueError(f"names must have one entry for each of {len(self.y)} runs, got {len(self.names)}")
        if not 0 <= self.overlap < math.inf:
            raise ValueError(f"overlap must be finite and at least 0, got {self.overlap}")

    def means(self, *, are_shares: bool = False) -> pd.DataFrame:
        """Give `mean_interval` at each of E epochs at once: x, mean, low, high, n; an infinite value leaves no interval.

        `are_shares`: that of `share_interval`.
        """
        from scipy.special import expit, logit, stdtrit  # takes a third of a second to import

        x, y = np.asarray(self.x, dtype=np.float64), np.asarray(self.y, dtype=np.float64)
        there = ~np.isnan(y)
        n = there.sum(axis=0)
        finite = np.isfinite(np.where(there, y, 0.0)).all(axis=0)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            mean = np.where(there, y, 0.0).sum(axis=0) / n
            lowest = np.where(there, y, math.inf).min(axis=0, initial=math.inf)
            # Exactly, where a computed mean is off by rounding
            mean = np.where(lowest == np.where(there, y, -math.inf).max(axis=0, initial=-math.inf), lowest, mean)
            variance = (np.where(there, y - mean, 0.0) ** 2).sum(axis=0) / (n - 1)
            half = stdtrit(np.maximum(n - 1, 1), 0.975) * np.sqrt(variance * (1 / n + self.overlap))
            half = np.where(finite & (n > 1), half, math.nan)
            placed = there & ~np.isnan(x)
            at = np.where(placed, x, 0.0).sum(axis=0) / placed.sum(axis=0)
            low, high = mean - half, mean + half
            if are_shares:
                reach = np.where(half == 0, 0.0, half / (mean * (1 - mean)))
                inside = [np.where(half == 0, mean, expit(logit(mean) + sign * reach)) for sign in (-1, 1)]
                low, high = (np.where(n < FEWEST, math.nan, end) for end in inside)
        return pd.DataFrame({"x": at, "mean": mean, "low": low, "high": high, "n": n})

    def common_end(self) -> int:
        """Give the last record that all runs have, but for runs without any value; without one, where the first run ends."""
        there = ~np.isnan(self.y)
        there = there[there.any(axis=1)]
        common = np.flatnonzero(there.all(axis=0))
        if len(there) == 0 or len(common):
            return int(common[-1]) if len(common) else -1
        return min(int(np.flatnonzero(run)[-1]) for run in there)


@dataclass(frozen=True, eq=False)
class Curve:
    """A group on one split, in the unit of the axis; what cannot be drawn is NaN."""

    style: GroupStyle
    split: str
    rows: pd.DataFrame
    """x, mean, low, high, n by recorded epoch."""
    x: NDArray[np.float64]
    """(J, E)."""
    y: NDArray[np.float64]
    """(J, E)."""
    names: Sequence[str]
    ends_early: bool
    """Some runs go on after the last epoch that all have."""
    left_out: int
    """Means that a log axis cannot show."""
    lit: bool = True
    """Drawn in the group's colour, else grey."""
    banded: bool = False
    """Drawn with its band and its runs."""

    @classmethod
    def of(cls, line: GroupLines, metric: str, *, log_x: bool = False, log_y: bool = False) -> "Curve":
        """Take what the axes can show of a group."""
        rows = in_unit(line.means(are_shares=UNITS[metric] == "percent"), INTERVAL, UNITS[metric])
        end = line.common_end()
        mean = rows["mean"].where(np.isfinite(rows["mean"]) & rows["x"].notna() & (rows.index <= end))
        hidden = (rows["x"].le(0) if log_x else False) | (mean.le(0) if log_y else pd.Series(False, rows.index))
        left_out = int((hidden & mean.notna()).sum())
        rows = rows.assign(mean=mean.mask(hidden)).reset_index(drop=True)
        rows.loc[rows["mean"].isna(), ["low", "high"]] = math.nan
        x = np.asarray(line.x, dtype=np.float64)
        y = factor(metric) * np.asarray(line.y, dtype=np.float64)
        shown = np.isfinite(y) & ~((x <= 0) & log_x) & ~((y <= 0) & log_y)
        early = not np.isnan(y[:, end + 1 :]).all()
        return cls(line.style, line.split, rows, x, np.where(shown, y, np.nan), line.names, early, left_out)

    @property
    def is_empty(self) -> bool:
        """Whether there is no mean to draw."""
        return not self.rows["mean"].notna().any()

    def words(self, limit: int, suffix: str = "") -> str:
        """Write the group with n, cut to `limit` characters without cutting n, not yet escaped."""
        end = f", {n_words(self.rows.loc[self.rows['mean'].notna(), 'n'])}{suffix}"
        return theme.one_line(self.style.words, max(6, limit - len(end))) + end


def gap_words(lines: Sequence[GroupLines]) -> list[str]:
    """Count, in sentences, the runs that diverged, those that end before others of their group, and those without a value."""
    diverged = sum(int(np.isinf(line.y).any(axis=1).sum()) for line in lines)
    early, absent = 0, 0
    for line in lines:
        there = ~np.isnan(line.y)
        known = np.flatnonzero(there.any(axis=0))
        if len(known):
            missing = ~there[:, known[-1]]
            early += int((missing & there.any(axis=1)).sum())
            absent += int((~there.any(axis=1)).sum())
    words = []
    if diverged:
        runs = "runs diverged, their groups have" if diverged > 1 else "run diverged, its group has"
        words.append(f"{theme.thousands(diverged)} {runs} no mean there.")
    if early:
        runs = (
            "runs end early: the means of their groups end there"
            if early > 1
            else "run ends early: the mean of its group ends there"
        )
        words.append(f"{theme.thousands(early)} {runs}.")
    if absent:
        words.append(f"{theme.thousands(absent)} {'runs have' if absent > 1 else 'run has'} no value.")
    return words
