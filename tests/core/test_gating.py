"""Routing against arithmetic done the slow way."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.gating import leaf_index, path_nodes, sign_bits

bit_rows = st.integers(0, 16).flatmap(
    lambda depth: st.lists(st.lists(st.booleans(), min_size=depth, max_size=depth), min_size=1, max_size=20)
)


def test_a_tie_at_zero_is_bit_zero():
    bits = sign_bits(torch.tensor([0.0, -0.0, 1e-45, -1e-45, float("nan"), float("inf"), -float("inf")]))
    assert bits.tolist() == [False, False, True, False, False, True, False]


@given(bit_rows)
def test_leaf_index_reads_bits_as_a_binary_number(rows):
    expected = [int("".join("01"[bit] for bit in row) or "0", 2) for row in rows]
    leaf = leaf_index(torch.tensor(rows, dtype=torch.bool).reshape(len(rows), -1))
    assert leaf.tolist() == expected
    assert leaf.dtype == torch.int64


def test_leaf_index_keeps_leading_dimensions_and_depth_zero():
    assert leaf_index(torch.zeros(2, 3, 0, dtype=torch.bool)).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert leaf_index(torch.ones(2, 3, 2, dtype=torch.bool)).shape == (2, 3)
    assert leaf_index(torch.zeros(0, 4, dtype=torch.bool)).shape == (0,)


@given(st.integers(0, 16), st.data())
def test_path_follows_prefixes(depth, data):
    leaf = data.draw(st.integers(0, 2**depth - 1))
    path = path_nodes(torch.tensor(leaf), depth).tolist()
    pattern = format(leaf, f"0{depth}b") if depth else ""
    assert path == [2**level - 1 + int(pattern[:level] or "0", 2) for level in range(depth + 1)]
    for above, below in itertools.pairwise(path):
        assert (below - 1) // 2 == above


def test_path_of_many_leaves_keeps_their_shape():
    assert path_nodes(torch.zeros(2, 5, dtype=torch.int64), 3).shape == (2, 5, 4)
    assert path_nodes(torch.zeros(0, dtype=torch.int64), 0).shape == (0, 1)


@pytest.mark.parametrize("depth", [-1, 17])
def test_depth_outside_the_limits_is_refused_with_both_numbers(depth):
    with pytest.raises(ValueError, match=f"from 0 to 16, got {depth}"):
        path_nodes(torch.tensor(0), depth)


@pytest.mark.parametrize("leaf", [-1, 8])
def test_a_leaf_that_is_not_there_is_refused(leaf):
    with pytest.raises(IndexError, match=f"from 0 to 7 at depth 3, got {leaf}"):
        path_nodes(torch.tensor([0, leaf]), 3)


def test_more_bits_than_the_deepest_tree_are_refused():
    with pytest.raises(ValueError, match="at most 16 bits, got 17"):
        leaf_index(torch.zeros(1, 17, dtype=torch.bool))
