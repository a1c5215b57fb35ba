"""Leaf use of the members of a sweep: the store's leaves and weights, counted row by row."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.inspection.leaf_use import OWN_SIGNS, LeafMember, leaf_uses
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import Member, expand
from leafscope.core.usage.leaf_use import MEASURES, leaf_use, leaf_use_by_chance
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from leafscope.core.worker.inline import run_sweep

SWEEP = SweepConfig(
    name="leaves",
    base=RunConfig(data=DataConfig(name="wine"), net=NetConfig(width=6, gates="units"), train=TrainConfig(epochs=2, lr=0.03)),
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "random_gates", "decision_tree", "decision_tree_pruned", "logistic"],
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(tmp_path_factory.mktemp("leaves") / "leaves.db")
    run_sweep(SWEEP, store=found)
    yield found
    found.close()


UNITS = "tree_units"


def of(model: str, depth: float | None, seed: int = 0) -> Member:
    return next(one for one in expand(SWEEP) if (one.model, one.depth, one.run.seed) == (model, depth, seed))


def member(model: str, depth: float | None, seed: int = 0, read: float = math.nan) -> LeafMember:
    one = of(model, depth, seed)
    at = read if one.depth is None else float(one.depth)
    return LeafMember(model, OWN_SIGNS if model == "dense" else "", at, seed, one.run_id)


def counted(leaves: list[int], n_leaves: int) -> list[int]:
    return [sum(1 for leaf in leaves if leaf == one) for one in range(n_leaves)]


def test_soft_decisions_have_leaves_and_experts_have_none(tmp_path: Path) -> None:
    kinds = ("fff", "soft_tree", "moe")
    sweep = SweepConfig(base=SWEEP.base, axes={"net.kind": list(kinds), "net.depth": [2], "seed": [0]})
    other = Store(tmp_path / "other.db")
    run_sweep(sweep, store=other)
    members = [LeafMember(one.model, "", 2.0, 0, one.run_id) for one in expand(sweep)]
    found = leaf_uses(other, members)
    assert found.values["model"].tolist() == ["fff", "soft_tree"]
    assert [one.model for one in found.missing] == ["moe"]
    n = len(load(SWEEP.base.data, 0).train.x)
    for one in (one for one in members if one.model != "moe"):
        leaf = other.last_leaves([one.run_id], 0, "train")[one.run_id]
        line = found.values[found.values["run_id"] == one.run_id].iloc[0]
        assert line["used_leaves"] == len(set(leaf.tolist()))
        assert line["fullest_share"] == max(counted(leaf.tolist(), 4)) / n
    other.close()


def test_each_model_is_counted_row_by_row(store: Store) -> None:
    x = load(SWEEP.base.data, 0).train.x
    expected = {}
    for model in (UNITS, "flat", "random_gates"):
        net = trained_net(store, of(model, 2).run_id)
        assert net is not None
        expected[member(model, 2)] = counted(net.net.routed(x).leaves[0].tolist(), 4)
    dense = next(one for one in expand(SWEEP) if one.model == "dense" and one.run.seed == 0)
    net = trained_net(store, dense.run_id)
    assert net is not None
    units = net.net.linear("hidden", x)
    signs = LeafMember("dense", OWN_SIGNS, 2.0, 0, dense.run_id)
    expected[signs] = counted([2 * int(row[0] > 0) + int(row[1] > 0) for row in units], 4)
    for one in (member("decision_tree", 2), member("decision_tree_pruned", None)):
        trees = fitted_trees(store, one.run_id)
        assert trees is not None
        nodes = trees.apply(x).tolist()
        expected[one] = [nodes.count(node) for node in sorted(set(nodes))]
    found = leaf_uses(store, list(expected))
    assert found.missing == ()
    for line, (one, counts) in zip(found.values.to_dict("records"), expected.items(), strict=True):
        assert line["run_id"] == one.run_id
        wanted = {name: values[0] for name, values in leaf_use([counts]).items()}
        assert {name: line[name] for name in MEASURES} == pytest.approx(wanted)
    assert found.values.set_index("model")["depth"].isna().to_dict()["decision_tree_pruned"]


def test_a_dense_net_has_as_many_signs_as_asked(store: Store) -> None:
    dense = next(one for one in expand(SWEEP) if one.model == "dense")
    members = [LeafMember("dense", OWN_SIGNS, float(depth), 0, dense.run_id) for depth in (0, 1, 3)]
    values = leaf_uses(store, members).values
    assert (values["used_leaves"] + values["dead_leaves"]).tolist() == [1, 2, 8]
    with pytest.raises(ValueError, match="depth must be the number of signs"):
        leaf_uses(store, [LeafMember("dense", OWN_SIGNS, math.nan, 0, dense.run_id)])


@pytest.mark.parametrize("model", [UNITS, "random_gates"])
def test_chance_is_that_of_the_gates_of_one_model(store: Store, model: str) -> None:
    members = [member(model, 2, seed) for seed in (0, 1)]
    found = leaf_uses(store, [*members, member("flat", 2)], model)
    assert set(found.chance["seed"]) == {0, 1}
    for one in members:
        x = load(SWEEP.base.data, one.seed).train.x
        net = trained_net(store, one.run_id)
        assert net is not None
        seen = np.maximum(net.net.linear("hidden", x), 0)  # separate gates read the layer's input
        counts = np.array(counted(net.net.routed(x).leaves[0].tolist(), 4))
        expected = leaf_use_by_chance(counts, seen)
        mine = found.chance[found.chance["seed"] == one.seed].set_index(["level", "name"])
        for level in (INDEPENDENT_BITS, HYPERPLANES):
            for name, wanted in expected[level].items():
                assert mine.loc[(level.key, name), ["mean", "low", "high"]].tolist() == pytest.approx([*vars(wanted).values()])
    assert leaf_uses(store, members).chance.empty


def test_what_is_not_kept_is_missing_and_hides_nothing(tmp_path: Path) -> None:
    copy = Store(tmp_path / "some.db")
    run_sweep(SWEEP, store=copy)
    dense = next(one for one in expand(SWEEP) if one.model == "dense").run_id
    tree, flat, fitted = member(UNITS, 2), member("flat", 2), member("decision_tree", 2)
    gone = [flat, fitted, LeafMember(UNITS, "", 2.0, 9, "0" * 16), LeafMember("dense", OWN_SIGNS, 2.0, 0, dense)]
    copy.drop_nets([dense, tree.run_id])
    with copy._write() as connection:
        connection.exec_driver_sql("UPDATE leaves SET data = ? WHERE run_id = ?", (b"x", flat.run_id))
        connection.exec_driver_sql("UPDATE artifact_parts SET data = ? WHERE run_id = ?", (b"x", fitted.run_id))
    found = leaf_uses(copy, [tree, *gone], UNITS)
    copy.close()
    assert found.values["run_id"].tolist() == [tree.run_id]  # its leaves are recorded, its weights are gone
    assert found.missing == tuple(gone)
    assert set(found.chance["level"]) == {INDEPENDENT_BITS.key}  # what its gates see is not known
