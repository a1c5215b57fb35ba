"""The declaration of a leaf statistic, and the registry of all of them.

N rows · L leaves · E recorded epochs · R sets of counts, one in each row. A statistic is one file that registers one
`Statistic`, in the folder `variants` or in another package (see `core.registry`). Tables over epochs, expectations by chance,
and the names, texts and numbers on pages follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leafscope.core.registry import Registry
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

Needs: TypeAlias = Literal["counts", "classes", "epochs", "splits"]

Reason: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64] | None], str | None]
"""Rows in each leaf (L,) and of each class (C,) or None -> why a statistic is undefined or has one possible value, or None."""


def no_rows(in_leaf: NDArray[np.int64], of_class: NDArray[np.int64] | None) -> str | None:
    """Every statistic is undefined without rows."""
    return None if in_leaf.any() else "there are no rows"


def one_class(in_leaf: NDArray[np.int64], of_class: NDArray[np.int64] | None) -> str | None:
    """A single class leaves nothing to learn about the class."""
    return "all rows are of one class" if of_class is not None and np.count_nonzero(of_class) == 1 else None


def one_leaf(in_leaf: NDArray[np.int64], of_class: NDArray[np.int64] | None) -> str | None:
    """A single leaf leaves nothing to choose."""
    return "at depth 0 there is one leaf and no gate" if len(in_leaf) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """The declaration of a leaf statistic.

    Raises ValueError for a statistic of epochs or splits with a chance level and no function for it.
    """

    name: str
    """The column in tables of statistics."""
    title: str
    """The name on pages."""
    meaning: str
    """One sentence."""
    formula: str = ""
    """How it is computed, in symbols or words."""
    needs: Needs
    """What `measure` gets."""
    measure: Callable[[Any], NDArray[Any]]
    """Computes one value for each set of counts or each epoch.

    counts: `usage.loads.Loads` of R sets of counts -> (R,); classes: `usage.information.ByClass` of E epochs -> (E,);
    epochs: (E, N) leaves -> (E,); splits: a pair of (E, L) counts, of training and test rows -> (E,).
    """
    written: Literal["number", "share", "count"] = "number"
    """How a value is written: with three digits, in percent, or as a whole number. The values of a count are whole numbers."""
    is_quick: bool = True
    """For classes: whether `summarize` includes it; pages measure a slow one at some epochs only."""
    more_is_even: bool = False
    """Whether it is higher where the leaves are used more evenly."""
    chance: tuple[Level, ...] = (INDEPENDENT_BITS, HYPERPLANES)
    """What gives it a value by chance, in the order shown; empty if nothing does.

    Both defaults need no function of their own: `measure` is applied to leaves that are drawn at random. A statistic of epochs
    has independent bits only, one of splits only random splits, and `expected` computes that one.
    """
    expected: Callable[..., Any] | None = None
    """Computes the mean and 95 % range (`usage.chance.Expected`) that its one chance level gives it; by what it `needs`:

    counts, classes: None, because `measure` itself is applied;
    epochs: called as `expected(counts_at, i)` for the i-th recorded epoch, where `counts_at(j)` returns the (L,) counts of the
    j-th, with i and j from 0 to E - 1;
    splits: called as `expected(train, test)` with the (L,) counts of the training and the test rows.
    """
    exact_mean: Callable[[NDArray[np.float64], int], float] | None = None
    """For counts: the mean under independent bits, from the (L,) probabilities of the leaves and N at least 1, where known."""
    undefined: tuple[Reason, ...] = (no_rows, one_leaf)
    """The reasons why it can be undefined or have only one possible value; the first that holds is given."""
    place: int = 1000
    """Statistics are listed in the order of this number; equal numbers in the order of registration."""

    def __post_init__(self) -> None:
        if self.needs in ("epochs", "splits") and len(self.chance) != (self.expected is not None):
            words = "so it must have one level in `chance` and `expected`, or neither"
            raise ValueError(f"{self.name} needs {self.needs}, {words}, got {len(self.chance)} levels")

    @property
    def explanation(self) -> str:
        """The meaning, then the formula."""
        return f"{self.meaning} {self.formula}".rstrip()


class Statistics(Registry[Statistic]):
    """The statistics by name."""

    def that_need(self, needs: Needs) -> list[Statistic]:
        """The statistics that need this, in order."""
        return [statistic for statistic in self.values() if statistic.needs == needs]


STATISTICS = Statistics("statistic", package="leafscope.core.usage.variants", key=lambda statistic: statistic.place)
"""All leaf statistics by name."""
