"""The plan of a step: every node's rows stand together, on every level."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.kernels.reference import path_sums
from leafscope.core.kernels.row_order import make_plan


@given(st.integers(0, 8), st.booleans(), st.data())
@settings(deadline=None)
def test_rows_of_every_node_are_consecutive(depth, tree, data):
    leaf = torch.tensor(data.draw(st.lists(st.integers(0, 2**depth - 1), min_size=1, max_size=30)))
    plan = make_plan(leaf, depth, tree)
    assert plan.order[plan.inverse].tolist() == list(range(len(leaf)))
    assert len(plan.levels) == (depth + 1 if tree else 1)
    for number, level in enumerate(plan.levels):
        first_node = 2**number - 1 if tree else 0
        shift = depth - number if tree else 0
        first = 0
        for node, rows in zip(level.nodes.tolist(), level.rows):
            members = plan.order[first : first + rows]
            assert ((leaf[members] >> shift) + first_node == node).all()
            first += rows
        assert first == len(leaf)


def test_rows_of_one_leaf_keep_their_order():
    assert make_plan(torch.tensor([1, 0, 1, 0, 1]), 1, True).order.tolist() == [1, 3, 0, 2, 4]


def test_path_sums_by_hand():
    # depth 2, leaves 0 and 3: nodes 0; 1, 2; 3, 6 with values 1; 10, 20; 100, 200
    plan = make_plan(torch.tensor([3, 0, 3]), 2, True)
    assert plan.nodes.tolist() == [0, 1, 2, 3, 6]
    assert path_sums(torch.tensor([1.0, 10, 20, 100, 200]), plan).tolist() == [111.0, 221.0]
