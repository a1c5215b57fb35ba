"""Costs: counted by hand, against modules of torch, and by their definitions."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.cost import (
    cost,
    equal_capacity_width,
    equal_computation_width,
    largest_depth,
    memory,
    trained_parameters,
    training_multiply_adds,
)
from leafscope.core.models import fitted_kinds


@st.composite
def nets(draw, kinds=("tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean", "dense")):
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


def levels_of(net: NetConfig) -> list[int]:
    """The number of bits that choose the matrix of each level."""
    if net.kind == "root_leaf":
        return sorted({0, net.depth})
    if net.kind == "additive":
        return [0] + [1] * net.depth
    return [net.depth] if net.kind in ("flat", "flat_mean") else list(range(net.depth + 1))


def modules(net: NetConfig, n_features: int, n_outputs: int) -> nn.ModuleList:
    """Build the linear maps that a net is made of, each node's matrix one of its own."""
    linear = [nn.Linear(n_features, net.width), nn.Linear(net.width, n_outputs)]
    for _ in range(net.tree_layers):
        if net.kind == "dense":
            linear.append(nn.Linear(net.width, net.width))
            continue
        levels = levels_of(net)
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


class TestCostOfBaselines:
    @pytest.mark.parametrize(("n_outputs", "parameters", "multiply_adds"), [(2, 5, 4), (3, 15, 12), (10, 50, 40)])
    def test_logistic_by_hand(self, n_outputs, parameters, multiply_adds):
        got = cost(NetConfig(kind="logistic"), n_features=4, n_outputs=n_outputs)
        assert (got.parameters, got.distinct_parameters, got.multiply_adds) == (parameters, parameters, multiply_adds)

    @pytest.mark.parametrize(("depth", "parameters"), [(0, 3), (1, 2 + 6), (3, 2 * 7 + 3 * 8)])
    def test_a_decision_tree_is_the_full_tree(self, depth, parameters):
        got = cost(NetConfig(kind="decision_tree", depth=depth), n_features=4, n_outputs=3)
        assert (got.parameters, got.distinct_parameters, got.multiply_adds) == (parameters, parameters, depth)

    @pytest.mark.parametrize("kind", ["logistic", "decision_tree"])
    def test_no_dense_net_has_their_width(self, kind):
        assert math.isnan(cost(NetConfig(kind=kind), 4, 3).ratio)

    def test_width_and_gates_do_not_matter(self):
        plain, other = NetConfig(kind="logistic"), NetConfig(kind="logistic", width=7, gates="units", tree_layers=3)
        assert cost(plain, 4, 3).parameters == cost(other, 4, 3).parameters

    @pytest.mark.parametrize("kind", ["decision_tree_pruned", "random_forest", "gradient_boosting"])
    def test_what_only_the_data_decide(self, kind):
        with pytest.raises(ValueError, match=f"{kind} is known only after its fit"):
            cost(NetConfig(kind=kind), 4, 3)


def nearest_by_brute_force(net, wanted, count):
    """The smallest of the widths, up to 4096, that are nearest."""
    return min(range(1, 4097), key=lambda width: (abs(count(dense(net, width)) - wanted), width))


def dense(net: NetConfig, width: int) -> NetConfig:
    return net.model_copy(update={"kind": "dense", "width": width})


class TestEqualWidths:
    @given(nets(), sizes, sizes)
    def test_computation_with_hidden_gates_is_equal_at_equal_width(self, net, n_features, n_outputs):
        hidden = net.model_copy(update={"gates": "hidden"})
        assert equal_computation_width(hidden, n_features, n_outputs) == net.width

    def test_gating_units_by_hand(self):
        # 4*3 + 9 + 3*3 + 3*2 = 36 multiply-adds; a dense net of 4 units has 16 + 16 + 8 = 40, of 3 units 27
        net = NetConfig(kind="tree", depth=3, width=3, gates="units")
        assert equal_computation_width(net, n_features=4, n_outputs=2) == 4

    @settings(max_examples=15, deadline=None)
    @given(nets(), sizes, sizes)
    def test_computation_is_the_nearest(self, net, n_features, n_outputs):
        wanted = cost(net, n_features, n_outputs).multiply_adds
        expected = nearest_by_brute_force(net, wanted, lambda other: cost(other, n_features, n_outputs).multiply_adds)
        assert equal_computation_width(net, n_features, n_outputs) == expected

    @settings(max_examples=15, deadline=None)
    @given(nets(), sizes, sizes)
    def test_capacity_is_the_nearest(self, net, n_features, n_outputs):
        wanted = cost(net, n_features, n_outputs).parameters
        expected = nearest_by_brute_force(net, wanted, lambda other: cost(other, n_features, n_outputs).parameters)
        width, deviation = equal_capacity_width(net, n_features, n_outputs)
        assert width == expected
        assert deviation == pytest.approx(cost(dense(net, width), n_features, n_outputs).parameters / wanted - 1)

    def test_of_two_that_are_as_near_the_smaller(self):
        # with 1 input and 2 outputs a dense net of 1, 2, 3 units multiplies and adds 4, 10, 18 times; the net 7 times
        net = NetConfig(kind="tree", depth=3, width=1, gates="units")
        assert [cost(dense(net, width), 1, 2).multiply_adds for width in (1, 2)] == [4, 10]
        assert cost(net, 1, 2).multiply_adds == 7
        assert equal_computation_width(net, 1, 2) == 1

    @given(st.integers(8, 64), st.integers(1, 6), st.integers(1, 3), st.sampled_from(["tree", "flat"]), sizes, sizes)
    def test_capacity_is_within_2_percent_of_nets_that_are_not_tiny(self, width, depth, layers, kind, n_features, n_outputs):
        net = NetConfig(kind=kind, depth=depth, width=width, tree_layers=layers)
        _, deviation = equal_capacity_width(net, n_features, n_outputs)
        # half of what one unit more adds is the most that the nearest can miss
        assert abs(deviation) <= 0.125
        if cost(net, n_features, n_outputs).parameters > 12_000:
            assert abs(deviation) <= 0.02

    @given(nets(kinds=("dense",)), sizes, sizes)
    def test_a_dense_net_equals_itself(self, net, n_features, n_outputs):
        assert equal_computation_width(net, n_features, n_outputs) == net.width
        assert equal_capacity_width(net, n_features, n_outputs) == (net.width, 0)

    def test_at_most_the_widest_net_there_is(self):
        width, deviation = equal_capacity_width(NetConfig(kind="tree", depth=16, width=64), 64, 10)
        assert width == 4096
        assert -1 < deviation < -0.95
        deep = NetConfig(kind="tree", depth=16, width=4096, gates="units")
        assert equal_computation_width(deep, 64, 10) == 4096

    @pytest.mark.parametrize("kind", fitted_kinds())
    @pytest.mark.parametrize("function", [equal_computation_width, equal_capacity_width])
    def test_only_for_nets(self, function, kind):
        with pytest.raises(ValueError, match=f"kind must be one of tree, flat, dense, .*got {kind}"):
            function(NetConfig(kind=kind), 4, 2)

    @pytest.mark.parametrize("function", [equal_computation_width, equal_capacity_width])
    def test_sizes_must_be_positive(self, function):
        with pytest.raises(ValueError, match="n_outputs must be at least 1, got 0"):
            function(NetConfig(), 4, 0)


class TestTrainedParameters:
    def test_by_hand(self):
        # 4*3+3 = 15; 5 and 7 nodes of 3*3+3 = 12; 2 gates of 3 weights and a bias in both layers; 3*2+2 = 8
        net = NetConfig(kind="tree", depth=2, width=3, tree_layers=2, gates="units")
        assert trained_parameters(net, 4, 2, visited=[5, 7]) == 15 + 12 * 12 + 2 * 2 * 4 + 8

    @given(nets(), sizes, sizes)
    def test_all_visited_is_all(self, net, n_features, n_outputs):
        nodes = sum(2**level for level in levels_of(net))
        visited = [nodes] * net.tree_layers if net.gated else []
        assert trained_parameters(net, n_features, n_outputs, visited) == cost(net, n_features, n_outputs).parameters

    def test_a_visit_more_is_a_matrix_and_a_bias_more(self):
        net = NetConfig(kind="flat", depth=3, width=5)
        counts = [trained_parameters(net, 4, 2, [visited]) for visited in range(9)]
        assert {after - before for before, after in pairwise(counts)} == {30}

    @pytest.mark.parametrize("visited", [[], [1, 1], [-1], [8]])
    def test_visits_must_be_possible(self, visited):
        with pytest.raises(ValueError, match=r"visited must have, for each of 1 gated layers, a number from 0 to 7"):
            trained_parameters(NetConfig(kind="tree", depth=2), 4, 2, visited)

    def test_a_dense_net_has_no_gated_layer(self):
        with pytest.raises(ValueError, match=r"for each of 0 gated layers.*got \[1\]"):
            trained_parameters(NetConfig(kind="dense"), 4, 2, [1])

    def test_only_for_nets(self):
        with pytest.raises(ValueError, match=r"kind must be one of tree, flat, dense, .*got logistic"):
            trained_parameters(NetConfig(kind="logistic"), 4, 2, [])


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


class TestMemoryOfBaselines:
    @pytest.mark.parametrize("kind", fitted_kinds())
    def test_nothing_is_trained_by_gradient(self, kind):
        got = memory(a_run(kind=kind), 4, 2, n_rows=100)
        assert (got.optimizer, got.gradients, got.records, got.checkpoint) == (0, 0, 0, 0)
        assert got.data == memory(a_run(kind="dense"), 4, 2, n_rows=100).data
        assert got.parameters > 0

    @pytest.mark.parametrize(
        ("kind", "estimator"),
        [
            ("logistic", LogisticRegression()),
            ("decision_tree", DecisionTreeClassifier(max_depth=4)),
            ("decision_tree_pruned", DecisionTreeClassifier()),
            ("random_forest", RandomForestClassifier(3)),
            ("gradient_boosting", HistGradientBoostingClassifier(max_iter=3, early_stopping=False)),
        ],
    )
    @pytest.mark.parametrize("n_rows", [100, 3000])
    def test_is_more_than_the_pickled_model(self, kind, estimator, n_rows):
        random = np.random.default_rng(0)
        x, y = random.normal(size=(n_rows, 4)), random.integers(0, 3, n_rows)  # noise: the trees grow as large as they can
        size = len(pickle.dumps(estimator.fit(x, y)))
        share = 3 / 100 if kind in ("random_forest", "gradient_boosting") else 1
        run = RunConfig(data=DataConfig(name="iris", n_train=n_rows), net=NetConfig(kind=kind, depth=4))
        assert memory(run, 4, 3, n_rows).parameters * share + 4096 > size

    @pytest.mark.parametrize("kind", fitted_kinds())
    def test_the_largest_data_fit_on_a_small_machine(self, kind):
        run = RunConfig(data=DataConfig(name="moons", n_samples=200_000), net=NetConfig(kind=kind, depth=16))
        assert memory(run, 2, 2, 200_000).total < 4e9

    def test_a_deeper_decision_tree_needs_more_until_every_row_has_a_leaf(self):
        needed = [memory(a_run(kind="decision_tree", depth=depth), 4, 2, 100).total for depth in range(17)]
        assert all(shallow < deep for shallow, deep in pairwise(needed[:7]))
        assert len(set(needed[7:])) == 1

    def test_largest_depth_of_a_decision_tree(self):
        run = a_run(kind="decision_tree", depth=2, width=3)  # its width is not looked at
        needed = memory(a_run(kind="decision_tree", depth=4), 4, 2, 1000).total
        assert largest_depth(run, 4, 2, 1000, needed) == 4
        assert largest_depth(run, 4, 2, 1000, needed - 1) == 3
        assert largest_depth(run, 4, 2, 1000, 10**12) == 16
        assert largest_depth(run, 4, 2, 1000, 100) is None

    @pytest.mark.parametrize("kind", sorted(set(fitted_kinds()) - {"decision_tree"}))
    def test_the_others_have_no_depth(self, kind):
        assert largest_depth(a_run(kind=kind), 4, 2, 100, 10**12) == 0
        assert largest_depth(a_run(kind=kind), 4, 2, 100, 100) is None


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


@pytest.mark.parametrize(("kind", "depth", "summed"), [("tree", 0, 1), ("tree", 3, 4), ("flat", 3, 1), ("root_leaf", 3, 2)])
def test_in_training_a_gated_layer_computes_a_product_for_each_matrix_that_its_leaf_sums(
    kind: str, depth: int, summed: int
) -> None:
    net = NetConfig(kind=kind, depth=depth, width=6, tree_layers=2)
    assert training_multiply_adds(net, 5, 3) == 5 * 6 + 2 * summed * 6 * 6 + 6 * 3
    dense = NetConfig(kind="dense", width=6)
    assert training_multiply_adds(dense, 5, 3) == cost(dense, 5, 3).multiply_adds
    with pytest.raises(ValueError, match="kind must be one of"):
        training_multiply_adds(NetConfig(kind="logistic"), 5, 3)
