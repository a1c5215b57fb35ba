"""Parametrizations: which matrices a sign pattern sums in a gated layer.

K depth (gating bits) · L = 2^K leaves · V nodes. On each level, certain consecutive bits of a pattern choose one of the
level's matrices, and a leaf sums what its bits choose. The bits are a prefix of every length (`tree`), all K (`flat`), none and
then all K (`root_leaf`), or none and then each alone (`additive`, with 2K + 1 matrices instead of exponentially many). Nodes
are numbered by level, then by the bits. Conditional matrices and the tree over prefixes: Cho & Bengio 2014 (arXiv 1406.7362).
Decay of separate leaves to their mean (`flat_mean`) is mean-regularized multi-task learning, Evgeniou & Pontil 2004 (doi
10.1145/1014052.1014067); the other controls beside the tree are this project's choice. This module imports neither torch nor
Numba.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.limits import check_depth


class Bits(NamedTuple):
    """The consecutive bits of a sign pattern that choose a level's matrix, from the first, which is 0."""

    start: int
    stop: int
    """The first bit that no longer belongs to them; with `start` 0, the length of a prefix."""

    @property
    def size(self) -> int:
        """How many bits these are: the level has 2^size nodes."""
        return self.stop - self.start


@dataclass(frozen=True)
class Parametrization:
    """A parametrization of gated layers of any depth."""

    name: str
    levels_at: Callable[[int], Sequence[Bits]]
    """Depth K -> the bits of each level of the sum; `stop` ascends, the last is K."""
    is_shuffled: bool = False
    """Whether the leaves are renumbered, so that patterns with a common prefix share nothing in particular."""
    decays_to_mean: bool = False
    """Whether weight decay pulls the matrices of a layer's leaves, which are separate, to their mean instead of to 0."""

    @property
    def is_shared(self) -> bool:
        """Whether leaves share matrices; otherwise each has its own."""
        return len(self.levels_at(1)) > 1

    def levels(self, depth: int) -> tuple[Bits, ...]:
        """List the bits that choose the matrix of each level of the sum."""
        return tuple(self.levels_at(depth))

    def n_nodes(self, depth: int) -> int:
        """Return V, the number of matrices that a layer stores."""
        return sum(1 << bits.size for bits in self.levels(depth))

    def decay_powers(self, depth: int) -> tuple[int, ...]:
        """List, for each level, the power of `decay_growth` in its weight decay.

        It is the number of bits that choose the matrix: the prefix's length, or for `additive` 0 for the root and 1 for the
        rest. It is 0 for a single level.
        """
        levels = self.levels(depth)
        return tuple(bits.size for bits in levels) if len(levels) > 1 else (0,)

    def node_powers(self, depth: int) -> NDArray[np.int64]:
        """Return the same for each node: (V,)."""
        return np.repeat(self.decay_powers(depth), [1 << bits.size for bits in self.levels(depth)]).astype(np.int64)

    def numbering(self, depth: int) -> NDArray[np.int64] | None:
        """Return the number under which each sign pattern's matrices stand, (L,), or None if that is the pattern itself."""
        return leaf_numbering(depth) if self.is_shuffled and depth > 0 else None

    def nodes(self, leaf: int, depth: int) -> NDArray[np.int64]:
        """List the nodes that a sign pattern sums, in the order of the levels."""
        numbering, (first, shift, mask) = self.numbering(depth), walk(self.levels(depth), depth).T
        number = leaf if numbering is None else int(numbering[leaf])
        found: NDArray[np.int64] = first + ((number >> shift) & mask)
        return found


def prefixes(lengths: Sequence[int]) -> tuple[Bits, ...]:
    """Return the levels whose bits are prefixes of certain lengths."""
    return tuple(Bits(0, length) for length in lengths)


def first_nodes(levels: Sequence[Bits]) -> tuple[int, ...]:
    """Return the id of the first node of each level.

    >>> first_nodes(prefixes((0, 1, 2))), first_nodes(prefixes((0, 4))), first_nodes((Bits(0, 0), Bits(0, 1), Bits(1, 2)))
    ((0, 1, 3), (0, 1), (0, 1, 3))
    """
    return tuple(sum(1 << above.size for above in levels[:level]) for level in range(len(levels)))


def are_prefixes(levels: Sequence[Bits]) -> bool:
    """Whether the nodes of all levels are prefixes, so that those of a level divide the rows of the level above."""
    return all(bits.start == 0 for bits in levels)


@lru_cache(maxsize=64)
def walk(levels: tuple[Bits, ...], depth: int) -> NDArray[np.int64]:
    """Return first node, shift and mask of each level: (levels, 3); the node of a pattern is first + (pattern >> shift & mask).

    >>> walk(prefixes((0, 2)), 2).tolist(), walk((Bits(0, 0), Bits(0, 1), Bits(1, 2)), 2).tolist()
    ([[0, 2, 0], [1, 0, 3]], [[0, 2, 0], [1, 1, 1], [3, 0, 1]])
    """
    rows = [(first, depth - bits.stop, (1 << bits.size) - 1) for first, bits in zip(first_nodes(levels), levels, strict=True)]
    return np.array(rows, np.int64).reshape(-1, 3)


@lru_cache(maxsize=17)
def leaf_numbering(depth: int) -> NDArray[np.int64]:
    """Renumber the 2^K sign patterns by a random permutation that is fixed for a depth, whatever the seed of a run: (L,).

    The first permutation of NumPy's `RandomState`, with the depth as its seed, in which no node between root and leaves has the
    patterns of one prefix, and neither half of the tree those of one bit; small trees would often be the same tree, or one of
    other bits first. With one bit there is no other tree. Do not change the result: stored nets depend on it. Raises ValueError
    for a depth outside 0..16.

    >>> leaf_numbering(2).tolist()  # 00 and 11 share a node
    [2, 0, 1, 3]
    """
    check_depth(depth)
    draw = np.random.RandomState(depth)  # no version of NumPy changes its numbers
    while True:
        numbering = draw.permutation(1 << depth).astype(np.int64)
        if not _is_like_a_tree(numbering, depth):
            return numbering


def _is_like_a_tree(numbering: NDArray[np.int64], depth: int) -> bool:
    patterns = np.argsort(numbering)
    for level in range(1, depth):
        prefixes = patterns.reshape(1 << level, -1) >> (depth - level)
        if (prefixes == prefixes[:, :1]).all(1).any():
            return True
    halves = patterns.reshape(2, -1) if depth > 1 else np.empty((0, 0), np.int64)
    return any(np.bitwise_and.reduce(half) or ~np.bitwise_or.reduce(half) & ((1 << depth) - 1) for half in halves)


PARAMETRIZATIONS: Mapping[str, Parametrization] = MappingProxyType(
    {
        one.name: one
        for one in (
            Parametrization("tree", lambda depth: prefixes(range(depth + 1))),
            Parametrization("flat", lambda depth: prefixes((depth,))),
            Parametrization("shuffled", lambda depth: prefixes(range(depth + 1)), is_shuffled=True),
            Parametrization("root_leaf", lambda depth: prefixes((0, depth) if depth else (0,))),
            Parametrization("additive", lambda depth: (Bits(0, 0), *(Bits(bit, bit + 1) for bit in range(depth)))),
            Parametrization("flat_mean", lambda depth: prefixes((depth,)), decays_to_mean=True),
        )
    }
)
"""Name -> parametrization."""
