"""What Leaves looks at beyond run, split and epoch: a node of the tree, and the part of the page below it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.address.choice import seed, warn
from leafscope.app.leaves.view import View
from leafscope.core.usage.counts import leaf_counts


@dataclass(frozen=True, eq=False)
class LeafView(View):
    """A view with a chosen node."""

    node: int

    @property
    def level(self) -> int:
        """Bits of the chosen prefix."""
        return (self.node + 1).bit_length() - 1

    @property
    def prefix(self) -> int:
        """The chosen prefix, as a number of `level` bits."""
        return self.node + 1 - (1 << self.level)

    @property
    def title(self) -> str:
        """The chosen node in a heading: "Root", "Prefix 1 0" or "Leaf 1 0 1 1"."""
        if self.node == 0:
            return "Root"
        return f"{'Leaf' if self.level == self.depth else 'Prefix'} {node_words(self.node)}"

    @property
    def name(self) -> str:
        """The chosen node inside a sentence: "the root", "prefix 1 0" or "leaf 1 0 1 1"."""
        return "the root" if self.node == 0 else self.title.lower()

    def members(self) -> NDArray[np.int64]:
        """Positions in the split of the rows that have the chosen prefix."""
        return np.flatnonzero((self.leaves[self.split] >> (self.depth - self.level)) == self.prefix)


def node_words(node: int) -> str:
    """Write a node by its prefix.

    >>> node_words(0), node_words(5)
    ('root', '1 0')
    """
    level = (node + 1).bit_length() - 1
    return theme.bit_pattern(node + 1 - (1 << level), level)


def choose(view: View) -> LeafView:
    """Take the node from session or address, else the fullest leaf."""
    first_leaf = (1 << view.depth) - 1
    fullest = first_leaf + int(leaf_counts(view.leaves[view.split], view.depth).argmax())
    wrong = seed("node", range(2 * first_leaf + 1), fullest)
    node = st.session_state["node"]
    session.publish_to_url("node", node, fullest)
    warn("node", wrong, f"from 0 to {2 * first_leaf}")
    return LeafView(**vars(view), node=node)


def part(words: Mapping[str, str], key: str = "part") -> str:
    """Ask which part of the page to show below the main figures; the first unless chosen."""
    first = next(iter(words))
    wrong = seed(key, list(words), first)
    chosen = st.pills(
        "Look at",
        list(words),
        format_func=words.__getitem__,
        key=key,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    session.publish_to_url(key, chosen, first)
    warn(key, wrong, f"one of {', '.join(words)}")
    return str(chosen)
