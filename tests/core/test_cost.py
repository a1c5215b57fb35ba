"""Costs: counted by hand, against modules of torch, and by their definitions."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from core.cost import cost, largest_depth, memory


@st.composite
def nets(draw, kinds=("tree", "flat", "dense")):
    width = draw(st.integers(1, 9))
    gates = draw(st.sampled_from(["hidden", "units", "random"]))
    return NetConfig(
        kind=draw(st.sampled_from(kinds)),
        depth=draw(st.integers(0, min(width, 6) if gates == "hidden" else 6)),
        width=width,
        tree_layers=draw(st.integers(1, 3)),
        gates=gates,
    )


sizes = st.integers(1, 12)


def modules(net: NetConfig, n_features: int, n_outputs: int) -> nn.ModuleList:
    """Build the linear maps that a net is made of, each node's matrix one of its own."""
    linear = [nn.Linear(n_features, net.width), nn.Linear(net.width, n_outputs)]
    for _ in range(net.tree_layers):
        if net.kind == "dense":
            linear.append(nn.Linear(net.width, net.width))
            continue
        levels = range(net.depth + 1) if net.kind == "tree" else [net.depth]
        linear += [nn.Linear(net.width, net.width) for level in levels for _ in range(2**level)]
        if net.gates == "units":
            linear += [nn.Linear(net.width, 1) for _ in range(net.depth)]
    return nn.ModuleList(linear)


class TestCost:
    def test_tree_by_hand(self):
        # 4*3+3 = 15; 2 layers of 7 nodes of 3*3+3 = 12; 3*2+2 = 8
        got = cost(NetConfig(kind="tree", depth=2, width=3, tree_layers=2), n_features=4, n_outputs=2)
        assert got.parameters == 15 + 2 * 7 * 12 + 8 == 191
        assert got.distinct_parameters == 15 + 2 * 4 * 12 + 8 == 119
        assert got.multiply_adds == 12 + 2 * 9 + 6 == 36
        # the dense net has 15 + 24 + 8 parameters and as many multiply-adds
        assert got.ratio == pytest.approx(191 / 47)

    def test_flat_by_hand(self):
        got = cost(NetConfig(kind="flat", depth=2, width=3), n_features=4, n_outputs=2)
        assert got.parameters == got.distinct_parameters == 15 + 4 * 12 + 8
        assert got.multiply_adds == 12 + 9 + 6

    def test_gating_units_by_hand(self):
        # 2 units of 3 weights and a bias
        got = cost(NetConfig(kind="tree", depth=2, width=3, gates="units"), n_features=4, n_outputs=2)
        assert got.parameters == 15 + 7 * 12 + 2 * 4 + 8 == 115
        assert got.distinct_parameters == 15 + 4 * 12 + 2 * 4 + 8
        assert got.multiply_adds == 12 + 9 + 2 * 3 + 6 == 33
        assert got.ratio == pytest.approx((115 / 33) / (35 / 27))

    def test_random_gates_cost_products_but_no_parameters(self):
        hidden, units, random = (
            cost(NetConfig(kind="tree", depth=2, width=3, gates=gates), n_features=4, n_outputs=2)
            for gates in ("hidden", "units", "random")
        )
        assert random.parameters == hidden.parameters
        assert random.multiply_adds == units.multiply_adds == hidden.multiply_adds + 2 * 3

    @given(nets(), sizes, sizes)
    def test_parameters_are_those_of_torch_modules(self, net, n_features, n_outputs):
        counted = sum(parameter.numel() for parameter in modules(net, n_features, n_outputs).parameters())
        assert cost(net, n_features, n_outputs).parameters == counted

    @given(nets(), sizes, sizes)
    def test_collapsed_is_flat(self, net, n_features, n_outputs):
        as_flat = net if net.kind == "dense" else net.model_copy(update={"kind": "flat"})
        distinct = cost(net, n_features, n_outputs).distinct_parameters
        assert distinct == cost(as_flat, n_features, n_outputs).parameters

    @given(nets(kinds=("dense",)), sizes, sizes)
    def test_dense_ignores_depth_and_gates(self, net, n_features, n_outputs):
        plain = NetConfig(kind="dense", width=net.width, tree_layers=net.tree_layers, depth=0, gates="hidden")
        assert cost(net, n_features, n_outputs) == cost(plain, n_features, n_outputs)
        assert cost(net, n_features, n_outputs).ratio == 1

    @given(nets(), sizes, sizes)
    def test_depth_0_is_dense(self, net, n_features, n_outputs):
        dense = net.model_copy(update={"kind": "dense"})
        assert cost(net.model_copy(update={"depth": 0}), n_features, n_outputs) == cost(dense, n_features, n_outputs)

    def test_hidden_gates_cost_the_same_at_every_depth(self):
        costs = [cost(NetConfig(kind="tree", depth=depth, width=32), 64, 10) for depth in range(17)]
        assert len({each.multiply_adds for each in costs}) == 1
        assert all(deeper.ratio > each.ratio for each, deeper in pairwise(costs))

    def test_deepest_and_widest(self):
        got = cost(NetConfig(kind="tree", depth=16, width=4096, tree_layers=3), 1000, 100)
        assert got.parameters > 3 * (2**17 - 1) * 4096**2
        assert isinstance(got.parameters, int)

    @pytest.mark.parametrize("wrong", ["n_features", "n_outputs"])
    def test_sizes_must_be_positive(self, wrong):
        with pytest.raises(ValueError, match=f"{wrong} must be at least 1, got 0"):
            cost(NetConfig(), **{"n_features": 3, "n_outputs": 2, wrong: 0})


def a_run(epochs=9, batch_size=8, **net) -> RunConfig:
    return RunConfig(
        data=DataConfig(name="iris"), net=NetConfig(**net), train=TrainConfig(epochs=epochs, batch_size=batch_size)
    )


class TestMemory:
    def test_by_hand(self):
        got = memory(a_run(kind="tree", depth=2, width=3, tree_layers=2), n_features=4, n_outputs=2, n_rows=100)
        assert got.parameters == got.gradients == 4 * 191
        assert got.optimizer == 2 * 4 * 191 + 8 * 2 * 7
        assert got.records == 10 * 100 * 2
        # raw and standardized in float64, split and tensor in float32, labels of both
        assert got.data == 100 * (2 * 8 * 4 + 2 * 4 * 4 + 2 * 8)
        assert got.checkpoint == 2 * (got.parameters + got.optimizer)
        # 8 rows of 4 inputs, 3 layers of 3 units before and after ReLU, 2 gates in 2 layers, 2 logits; 4 leaves in 2 layers
        assert got.activations == 2 * 4 * (8 * (4 + 18 + 4 + 2) + 2 * 4 * 12)
        parts = got.parameters + got.gradients + got.optimizer + got.records + got.data + got.activations + got.checkpoint
        assert got.total == parts

    def test_a_deep_teacher_counts_its_classifiers(self):
        teachers = [
            RunConfig(data={"name": "tree_teacher", "n_features": 20, "n_classes": 5, "teacher_depth": depth})
            for depth in (2, 12)
        ]
        shallow, deep = (memory(run, 20, 5, 1000).data for run in teachers)
        assert deep - shallow == 8 * (2**12 - 2**2) * 20 * 5

    def test_two_bytes_for_a_leaf_beyond_depth_8(self):
        at_8, at_9 = (memory(a_run(kind="flat", depth=depth, width=9), 4, 2, n_rows=100) for depth in (8, 9))
        assert at_8.records == 10 * 100
        assert at_9.records == 10 * 100 * 2

    def test_dense_records_no_leaves_and_counts_no_visits(self):
        got = memory(a_run(kind="dense", width=3), 4, 2, n_rows=100)
        assert got.records == 0
        assert got.optimizer == 2 * got.parameters

    def test_random_hyperplanes_are_kept_but_not_trained(self):
        hidden, random = (memory(a_run(depth=2, width=3, gates=gates), 4, 2, 100) for gates in ("hidden", "random"))
        assert random.parameters == hidden.parameters + 4 * 2 * 3
        assert (random.gradients, random.optimizer) == (hidden.gradients, hidden.optimizer)

    def test_a_batch_is_not_larger_than_the_rows(self):
        big, all_rows = (memory(a_run(depth=2, width=3, batch_size=size), 4, 2, n_rows=5) for size in (64, 5))
        assert big.activations == all_rows.activations

    def test_rows_must_be_positive(self):
        with pytest.raises(ValueError, match="n_rows must be at least 1, got 0"):
            memory(a_run(), 4, 2, n_rows=0)


class TestLargestDepth:
    @given(nets(kinds=("tree", "flat")), st.integers(3, 30))
    def test_fits_and_the_next_does_not(self, net, log_free):
        run, free = a_run(**net.model_dump()), 2**log_free
        depth = largest_depth(run, 4, 2, 100, free)

        def total(at):
            return memory(RunConfig(net=net.model_copy(update={"depth": at}), train=run.train), 4, 2, 100).total

        highest = min(16, net.width) if net.gates == "hidden" else 16
        if depth is None:
            assert total(0) > free
        else:
            assert total(depth) <= free
            assert depth == highest or total(depth + 1) > free

    def test_at_the_byte(self):
        run = a_run(kind="tree", depth=0, width=32)
        needed = memory(a_run(kind="tree", depth=5, width=32), 64, 10, 1797).total
        assert largest_depth(run, 64, 10, 1797, needed) == 5
        assert largest_depth(run, 64, 10, 1797, needed - 1) == 4

    def test_the_run_s_own_depth_does_not_matter(self):
        assert len({largest_depth(a_run(depth=depth, width=20), 4, 2, 100, 10**7) for depth in (0, 3, 16)}) == 1

    def test_hidden_gates_stop_at_the_width(self):
        assert largest_depth(a_run(depth=0, width=3), 4, 2, 100, 10**15) == 3
        assert largest_depth(a_run(depth=0, width=3, gates="units"), 4, 2, 100, 10**15) == 16

    def test_nothing_fits(self):
        assert largest_depth(a_run(), 4, 2, 100, 100) is None

    def test_dense_has_depth_0(self):
        assert largest_depth(a_run(kind="dense", depth=4), 4, 2, 100, 10**15) == 0
        assert largest_depth(a_run(kind="dense", depth=4), 4, 2, 100, 100) is None
