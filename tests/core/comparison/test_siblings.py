"""Runs that differ in one field: each is listed under that field, and no other run."""

from leafscope.core.comparison.siblings import siblings
from leafscope.core.config import RunConfig, changed

BASE = RunConfig()


def test_each_run_is_listed_under_the_one_field_in_which_it_differs() -> None:
    depths = [changed(BASE, {"net.depth": depth}) for depth in (6, 2)]
    seed, gates = changed(BASE, {"seed": 3}), changed(BASE, {"net.gates": "units"})
    both = changed(BASE, {"seed": 3, "net.depth": 2})
    other_start = changed(BASE, {"init_seed": 7})
    found = siblings(BASE, [*depths, seed, gates, both, other_start, BASE, depths[0]])
    assert [(value, address) for value, address in found["net.depth"]] == [
        *((2, depths[1].run_id), (4, BASE.run_id), (6, depths[0].run_id)),
    ]
    assert found["seed"] == [(0, BASE.run_id), (3, seed.run_id)]
    assert found["net.gates"] == [("hidden", BASE.run_id), ("units", gates.run_id)]
    assert both.run_id not in {address for values in found.values() for _, address in values}


def test_a_field_that_the_model_ignores_does_not_count() -> None:
    dense = changed(BASE, {"net.kind": "dense"})
    assert siblings(dense, [changed(dense, {"net.depth": 2})]) == {}
    assert siblings(BASE, []) == {}
