"""Models of equal cost against a search over all widths or numbers of experts."""

import pytest

from leafscope.core.config import NetConfig, RunConfig, SweepConfig
from leafscope.core.cost import cost
from leafscope.core.models.equal_cost import equal_cost
from leafscope.core.models.registry import baselines
from leafscope.core.sweep.members import expand, unequal


@pytest.mark.parametrize("kind", ["moe", "fff", "soft_tree", "dense"])
@pytest.mark.parametrize("what", ["multiply_adds", "parameters"])
@pytest.mark.parametrize(("depth", "width"), [(0, 3), (4, 8)])
def test_no_other_whole_number_is_closer(kind, what, depth, width):
    net = NetConfig(depth=depth, width=width, gates="units")
    changes, deviation = equal_cost(net, kind, what, 6, 3)
    fields = {name.removeprefix("net."): value for name, value in changes.items()}
    solved = "experts" if kind == "moe" and what == "parameters" else "width"
    assert set(fields) == {"kind", solved}
    goal = getattr(cost(net, 6, 3), what)
    other = {"depth": depth, "width": width, "kind": kind}
    tried = range(2 if solved == "experts" else 1, 120)
    away = {value: getattr(cost(NetConfig(**{**other, solved: value}), 6, 3), what) / goal - 1 for value in tried}
    best = min(away, key=lambda value: (abs(away[value]), value))
    assert (fields[solved], deviation) == (best, pytest.approx(away[best]))


def test_a_sweep_has_them_beside_its_nets_and_says_what_is_not_equal():
    asked = ["moe_computation", "moe_capacity", "fff_computation", "fff_capacity", "soft_tree_capacity", "dense_capacity"]
    assert set(asked) <= set(baselines())
    base = RunConfig(data={"name": "iris"}, net={"width": 4})
    sweep = SweepConfig(base=base, axes={"net.depth": [2], "seed": [0]}, baselines=asked)
    found = {member.model: member.run.net for member in expand(sweep)}
    assert set(found) == {*asked, "tree"}
    assert (found["moe_capacity"].kind, found["moe_capacity"].width, found["moe_computation"].experts) == ("moe", 4, 16)
    assert found["fff_computation"].depth == 2
    sentences = unequal(sweep)
    assert any(
        one.startswith("the mixture of experts of equal computation beside the tree of depth 2 and width 4")
        for one in sentences
    )
    assert unequal(SweepConfig(base=base, baselines=["dense"])) == []


def test_each_kind_of_a_sweep_has_baselines_of_its_own_cost():
    """Nets with gates share those of the tree; a net with a router of its own has others, so that no two stand in one place."""
    axes = {"net.kind": ["tree", "flat", "fff", "soft_tree"], "net.depth": [0, 3], "seed": [0]}
    asked = ["dense", "dense_capacity", "moe_computation", "fff_capacity"]
    sweep = SweepConfig(base=RunConfig(data={"name": "iris"}, net={"width": 6}), axes=axes, baselines=asked)
    members = expand(sweep)
    places = [(one.model, one.variant, one.depth) for one in members]
    assert len(set(places)) == len(places)
    nets = {place: one.run.net for place, one in zip(places, members, strict=True)}
    assert ("fff_capacity", "as fast feedforward", 3) not in nets  # itself
    for kind, variant, what in (
        ("tree", "", "dense_capacity"),
        ("fff", "as fast feedforward", "dense_capacity"),
        ("fff", "as fast feedforward", "dense"),
    ):
        count = "parameters" if what == "dense_capacity" else "multiply_adds"
        goal, found = (getattr(cost(nets[place], 4, 3), count) for place in ((kind, "", 3), (what, variant, 3)))
        assert abs(found / goal - 1) < 0.1
