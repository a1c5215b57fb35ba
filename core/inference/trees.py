"""Fitted decision trees and forests as arrays: the same predictions as scikit-learn's, without it.

N rows · P features · C classes · T trees. The nodes of all trees stand one after another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trees:
    """The nodes of one tree or several, each with its root first and a parent before its children."""

    feature: NDArray[np.int32]
    """(nodes,) standardized feature that a node compares; -2 at leaves."""
    threshold: NDArray[np.float64]
    """(nodes,): a row whose feature, in float32, is at most this goes left; -2 at leaves."""
    left: NDArray[np.int32]
    """(nodes,) id of the left child; -1 at leaves."""
    right: NDArray[np.int32]
    """(nodes,) id of the right child; -1 at leaves."""
    value: NDArray[np.float64]
    """(nodes, C) share of each class among a node's training rows, in the data set's order: 0 if unseen in training.

    Or (nodes, 1) the mean of their numbers."""
    root: NDArray[np.int32]
    """(T,) id of each tree's root."""

    @classmethod
    def of(cls, estimator: Any, n_classes: int) -> "Trees":
        """Read a fitted tree or forest of scikit-learn; `n_classes` are those of the data set, 0 where it predicts numbers."""
        found = [one.tree_ for one in getattr(estimator, "estimators_", [estimator])]
        root = np.cumsum([0, *(tree.node_count for tree in found[:-1])])
        value = np.zeros((sum(tree.node_count for tree in found), max(1, n_classes)))
        value[:, estimator.classes_ if n_classes else [0]] = np.concatenate([tree.value[:, 0] for tree in found])

        def below(name: str) -> NDArray[np.int32]:
            moved = [np.where((child := getattr(tree, name)) < 0, -1, child + first) for tree, first in zip(found, root)]
            return np.concatenate(moved).astype(np.int32)

        return cls(
            feature=np.concatenate([tree.feature for tree in found]).astype(np.int32),
            threshold=np.concatenate([tree.threshold for tree in found]),
            left=below("children_left"),
            right=below("children_right"),
            value=value,
            root=root.astype(np.int32),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int, n_classes: int, is_one: bool) -> "Trees":
        """Check arrays that may come from elsewhere; raises ValueError unless they are trees (`is_one`: a single tree)."""
        names = [part.name for part in fields(cls)]
        if set(arrays) != set(names):
            raise ValueError(f"it must have the arrays {', '.join(names)}, got {sorted(arrays)!r:.80}")
        n = arrays["feature"].shape[0] if arrays["feature"].ndim == 1 else 0
        kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = dict.fromkeys(names, (np.dtype(np.int32), (n,)))
        kinds |= {"threshold": (np.dtype(np.float64), (n,)), "value": (np.dtype(np.float64), (n, max(1, n_classes)))}
        several = not is_one and arrays["root"].ndim == 1
        kinds["root"] = (np.dtype(np.int32), arrays["root"].shape if several else (1,))
        for name, (dtype, lengths) in kinds.items():
            if (arrays[name].dtype, arrays[name].shape) != (dtype, lengths):
                raise ValueError(f"{name} must be {dtype} of shape {list(lengths)}, got {list(arrays[name].shape)!r:.80}")
        trees = cls(**arrays)
        trees._check(n_features)
        if n_classes and not ((trees.value >= 0) & (trees.value <= 1)).all():
            raise ValueError("value must be from 0 to 1")
        return trees

    def _check(self, n_features: int) -> None:
        n, place = len(self.feature), np.arange(len(self.feature))
        inner = self.left >= 0
        ends = np.append(self.root[1:], n)
        if not len(self.root) or self.root[0] != 0 or (ends <= self.root).any() or ends[-1] > n:
            raise ValueError("root must list the first node of each tree, ascending from 0")
        end = np.repeat(ends, ends - self.root)  # of the tree that a node is in
        for name, child in (("left", self.left), ("right", self.right)):
            if not np.where(inner, (child > place) & (child < end), child == -1).all():
                raise ValueError(f"{name} must be a later node of the same tree, or -1 at leaves")
        times = np.bincount(np.concatenate([self.left[inner], self.right[inner]]), minlength=n)
        times[self.root] += 1
        if (times != 1).any():  # shared nodes would have more paths than can be listed
            raise ValueError("each node must be a root or the child of one other node")
        if not np.where(inner, (self.feature >= 0) & (self.feature < n_features), self.feature == -2).all():
            raise ValueError(f"feature must be from 0 to {n_features - 1}, or -2 at leaves")
        if not (np.isfinite(self.threshold).all() and np.isfinite(self.value).all()):
            raise ValueError("threshold and value must be finite")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, for the store."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @cached_property
    def depth(self) -> int:
        """Comparisons on the longest path."""
        level = np.zeros(len(self.feature), np.int64)
        for node in np.flatnonzero(self.left >= 0).tolist():  # a parent comes before its children
            level[[self.left[node], self.right[node]]] = level[node] + 1
        return int(level.max())

    def apply(self, x: NDArray[np.float32], tree: int = 0) -> NDArray[np.int64]:
        """Find the leaf of each standardized row in one tree: (N, P) -> (N,) node ids."""
        node = np.full(len(x), self.root[tree], np.int64)
        ahead = np.flatnonzero(self.left[node] >= 0)
        while len(ahead):
            here = node[ahead]
            goes_left = x[ahead, self.feature[here]] <= self.threshold[here]
            node[ahead] = np.where(goes_left, self.left[here], self.right[here])
            ahead = ahead[self.left[node[ahead]] >= 0]
        return node

    def predict_proba(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Average the class shares, or the means, of each row's leaves: (N, P) -> (N, C), or (N, 1)."""
        total = np.zeros((len(x), self.value.shape[1]))
        for tree in range(len(self.root)):
            total += self.value[self.apply(x, tree)]
        return total / len(self.root)

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        """Predict the class of each standardized row: (N, P) -> (N,)."""
        return self.predict_proba(x).argmax(1)

    def leaves(self) -> Iterator[tuple[int, str]]:
        """List the leaves of the first tree from left to right: their ids and paths, 0 for left and 1 for right."""
        ahead = [(0, "")]
        while ahead:
            node, path = ahead.pop()
            if self.left[node] < 0:
                yield node, path
            else:
                ahead += [(int(self.right[node]), path + "1"), (int(self.left[node]), path + "0")]
