"""The texts of a column in alphabetical order; many are held by Arrow, since Python takes several times more for them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from leafscope.core.tables.parsing.cells import Texts
from leafscope.core.text import storable

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CATEGORIES = 100
"""The most categories of a column that is used by itself; one-hot features of more would be rare and many."""

_SOME = 2000
"""Texts by which words are counted."""


class Words(Sequence[str]):
    """Texts that are storable, in an array of Arrow."""

    def __init__(self, texts: "pa.Array") -> None:
        """Show texts: (n,) strings, none of them null."""
        self._texts = texts

    def __len__(self) -> int:
        """N."""
        return len(self._texts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        """The text at a place, or those of a slice."""
        if isinstance(place, slice):
            return tuple(self._texts[place].to_pylist())
        return str(self._texts[place].as_py())

    def __iter__(self) -> Iterator[str]:
        """The texts in order."""
        for first in range(0, len(self), 1000):
            yield from self._texts[first : first + 1000].to_pylist()

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has the same texts."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """As of a tuple."""
        return hash(tuple(self))


def in_order(cells: Texts) -> tuple[NDArray[np.int32], Sequence[str]]:
    """The place of each row's text among the distinct ones in alphabetical order, and those."""
    import pyarrow.compute as pc

    distinct, codes = cells.distinct, cells.codes
    if not cells.is_sorted:
        order = pc.array_sort_indices(distinct).to_numpy()
        place = np.empty(len(distinct) + 1, np.int32)
        place[order], place[-1] = np.arange(len(distinct)), -1
        distinct, codes = distinct.take(order), place[codes]
    if len(distinct) > MAX_CATEGORIES and not pc.any(pc.match_substring(distinct, "\x00")).as_py():
        return codes, Words(distinct)
    return codes, tuple(storable(text) for text in distinct.to_pylist())


def mean_words(cells: Texts) -> float:
    """The words of a cell on average, by distinct texts that are spread over all."""
    import pyarrow.compute as pc

    n = len(cells.distinct)
    some = cells.distinct.take(np.arange(0, n, max(1, n // _SOME)))
    return float(pc.mean(pc.count_substring_regex(some, r"\s+")).as_py()) + 1
