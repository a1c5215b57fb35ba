"""What a sweep consists of: combinations, baselines, trials, and what is refused before anything is trained."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.errors import DataError, LimitError
from leafscope.core.sweep import members as members_module
from leafscope.core.sweep.draws import draws
from leafscope.core.sweep.members import check, distinct_runs, effort, expand

BASE = RunConfig(data=DataConfig(name="wine"), net=NetConfig(width=8), train=TrainConfig(epochs=2))


def sweep(**fields: object) -> SweepConfig:
    return SweepConfig.model_validate({"base": BASE} | fields)


@given(
    depths=st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True),
    kinds=st.lists(st.sampled_from(["tree", "flat", "dense"]), min_size=1, max_size=3, unique=True),
    seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
    rates=st.none() | st.lists(st.sampled_from([0.001, 0.01, 0.1]), min_size=1, max_size=3, unique=True),
)
@settings(max_examples=30, deadline=None)
def test_every_combination_is_there_with_every_rate(depths, kinds, seeds, rates):
    made = expand(sweep(axes={"net.depth": depths, "net.kind": kinds, "seed": seeds}, tune_lr=rates))
    wanted = {
        changed(
            BASE, {"net.depth": depth, "net.kind": kind, "seed": seed} | ({} if rate is None else {"train.lr": rate})
        ).run_id
        for depth, kind, seed, rate in itertools.product(depths, kinds, seeds, rates or [None])
    }
    assert {member.run.run_id for member in made} == wanted
    gated = [kind for kind in kinds if kind != "dense"]
    members = len(seeds) * (len(gated) * len(depths) + ("dense" in kinds))
    assert len(made) == members * len(rates or [None])
    assert len({member.identity for member in made}) == members
    assert [member.run.seed for member in made] == sorted((member.run.seed for member in made), key=seeds.index)


def test_baselines_stand_beside_each_cell():
    fitted = ["logistic", "decision_tree", "decision_tree_pruned", "random_forest", "gradient_boosting"]
    beside = ["dense", "dense_capacity", "dense_ladder", "random_gates", *fitted]
    made = expand(sweep(axes={"net.depth": [0, 2], "seed": [3, 4]}, baselines=beside))
    of_seed = [(member.model, member.variant, member.depth, member.width) for member in made if member.run.seed == 3]
    assert sorted(of_seed, key=str) == sorted(
        [
            ("tree", "", 0, 8), ("tree", "", 2, 8), ("dense", "", None, 8),
            ("dense_capacity", "", 0, 8), ("dense_capacity", "", 2, 8),
            ("dense_ladder", "w16", None, 8), ("dense_ladder", "w32", None, 8),
            ("random_gates", "", 0, 8), ("random_gates", "", 2, 8),
            ("logistic", "", None, None), ("decision_tree", "", 0, None), ("decision_tree", "", 2, None),
            ("decision_tree_pruned", "", None, None), ("random_forest", "", None, None), ("gradient_boosting", "", None, None),
        ],
        key=str,
    )  # fmt: skip
    assert {member.run.data for member in made} == {BASE.data}
    assert all(member.run.seed in (3, 4) for member in made)


def test_dense_nets_of_equal_capacity_and_computation_are_what_they_are_called():
    axes = {"net.depth": [3], "net.gates": ["hidden", "units"]}
    made = {
        (member.model, member.run.net.gates): member.run.net
        for member in expand(sweep(axes=axes, baselines=["dense_capacity", "dense"]))
    }
    size = shape(BASE.data)
    price = {key: cost(net, size.n_features, size.n_classes) for key, net in made.items()}
    assert abs(price["dense_capacity", "hidden"].parameters / price["tree", "hidden"].parameters - 1) < 0.02
    assert price["dense", "hidden"].multiply_adds == price["tree", "hidden"].multiply_adds
    units, dense = price["tree_units", "units"].multiply_adds, price["dense", "units"].multiply_adds
    wider = made["dense", "units"].model_copy(update={"width": made["dense", "units"].width + 1})
    assert abs(dense - units) <= abs(cost(wider, size.n_features, size.n_classes).multiply_adds - units)
    assert dense > price["tree", "hidden"].multiply_adds


def test_what_is_the_same_at_every_depth_is_trained_once():
    runs = distinct_runs(sweep(axes={"net.depth": [0, 1, 2, 3]}, baselines=["dense", "logistic", "decision_tree_pruned"]))
    kinds = [run.net.kind for run in runs]
    assert sorted(kinds) == ["decision_tree_pruned", "dense", "logistic", *["tree"] * 4]


def test_what_is_not_tuned_has_one_trial():
    made = expand(sweep(axes={"net.depth": [1]}, baselines=["decision_tree", "dense"], tune_lr=[0.1, 0.01]))
    assert [(member.model, member.run.train.lr) for member in made if member.model != "decision_tree"] == [
        ("dense", 0.1), ("dense", 0.01), ("tree", 0.1), ("tree", 0.01),
    ]  # fmt: skip
    assert sum(member.model == "decision_tree" for member in made) == 1


def test_other_axes_make_variants_only_where_they_matter():
    axes = {"net.kind": ["tree", "flat"], "net.depth": [0, 2], "train.decay_growth": [1.0, 2.0], "train.weight_decay": [0.1]}
    made = expand(sweep(axes=axes, baselines=["dense"]))
    assert sorted({(member.model, member.depth, member.variant) for member in made}, key=str) == sorted(
        [
            ("dense", None, "weight_decay=0.1"), ("flat", 0, "weight_decay=0.1"), ("flat", 2, "weight_decay=0.1"),
            ("tree", 0, "decay_growth=1, weight_decay=0.1"), ("tree", 0, "decay_growth=2, weight_decay=0.1"),
            ("tree", 2, "decay_growth=1, weight_decay=0.1"), ("tree", 2, "decay_growth=2, weight_decay=0.1"),
        ],
        key=str,
    )  # fmt: skip


def test_a_cell_shares_its_rate_over_seeds_and_not_over_data():
    made = expand(sweep(axes={"data.n_train": [50, 60], "seed": [0, 1]}))
    assert len({member.cell for member in made}) == 2
    assert len({member.identity for member in made}) == 4


def test_refused_before_it_is_trained(monkeypatch):
    with pytest.raises(ValidationError, match=r"depth must be at most the width \(8\) with hidden gates"):
        check(sweep(axes={"net.depth": [2, 9]}))
    with pytest.raises(ValidationError, match=r"depth must be at most the width \(4\)"):
        check(sweep(axes={"net.width": [8, 4], "net.depth": [2, 6]}))
    with pytest.raises(DataError, match="n_train must be at most"):
        check(sweep(axes={"data.n_train": [10, 1000]}))
    with pytest.raises(LimitError, match="the largest depth that fits is"):
        check(sweep(base=changed(BASE, {"net.width": 4000}), axes={"net.depth": [1, 16]}))
    for name in ("test", "validation"):
        with pytest.raises(DataError, match=f"a sweep must have {name} rows"):
            check(sweep(base=changed(BASE, {f"data.{name}_fraction": 0.0})))
    monkeypatch.setattr(members_module, "MEMBER_LIMIT", 7)
    with pytest.raises(LimitError, match=r"a sweep can have at most 7 runs, but sweep has 8, including all learning rates"):
        check(sweep(axes={"seed": [0, 1, 2, 3]}, tune_lr=[0.1, 0.01]))
    with pytest.raises(LimitError, match="but sweep has 8"):
        check(sweep(axes={"seed": [0, 1, 2, 3]}, baselines=["logistic"]))
    check(sweep(axes={"seed": [0, 1, 2]}, baselines=["logistic"]))


def test_effort_grows_with_work():
    longer = changed(BASE, {"train.epochs": 20})
    wider = changed(BASE, {"net.width": 256})
    assert 0 < effort(BASE) < effort(longer)
    assert effort(BASE) < effort(wider)
    assert effort(changed(BASE, {"net.kind": "logistic"})) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"train": {"decay_growth": 1.0}}, {"train": {"decay_growth": 2.0}}),
        ({"net": {"gates": "hidden"}}, {"net": {"gates": "units"}}),
        ({"train": {"gate_noise": 0.0}}, {"train": {"gate_noise": 0.5}}),
        ({"data": {"name": "wine"}}, {"data": {"name": "iris"}}),
    ],
)
def test_sweeps_that_train_different_runs_have_different_addresses(one, other):
    first, second = (SweepConfig(base=base, axes={"net.depth": [0, 2], "seed": [0, 1]}) for base in (one, other))
    assert first.sweep_id != second.sweep_id


def test_what_axes_override_and_the_name_make_no_other_address():
    axes = {"net.depth": [1, 2], "net.width": [8], "train.decay_growth": [1]}
    first = SweepConfig(name="a", base={"net": {"depth": 0, "width": 6}}, axes=axes)
    second = SweepConfig(name="b", base={"net": {"depth": 4, "width": 8}}, axes={"net.depth": [1, 2]})
    assert first.sweep_id == second.sweep_id
    tuned = [SweepConfig(base={"train": {"lr": lr}}, tune_lr=[0.1, 0.2]).sweep_id for lr in (0.5, 0.6)]
    assert tuned[0] == tuned[1]


def test_dense_nets_beside_gates_that_cost_spend_as_much_at_each_depth():
    made = expand(sweep(axes={"net.gates": ["units"], "net.depth": [0, 2, 6]}, baselines=["dense"]))
    dense = {member.depth: member.run.net.width for member in made if member.model == "dense"}
    assert set(dense) == {0, 2, 6}
    assert dense[0] == 8 < dense[6]


def test_depth_and_width_are_checked_together():
    SweepConfig(base={"net": {"width": 4, "depth": 2}}, axes={"net.depth": [0, 6], "net.width": [8, 16]})
    with pytest.raises(ValidationError, match=r"axis net.depth: depth must be at most the width \(8\)"):
        SweepConfig(axes={"net.depth": [0, 9], "net.width": [8, 16]})


def test_trials_are_the_same_pairs_for_every_net_and_depth():
    axes = {"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]}
    made = expand(sweep(axes=axes, baselines=["dense", "logistic"], trials=5))
    pairs: dict[object, list[tuple[float, float]]] = {}
    for member in made:
        pairs.setdefault(member.identity, []).append((member.run.train.lr, member.run.train.weight_decay))
    for identity, tried in pairs.items():
        if identity[0] == "logistic":
            assert tried == [(BASE.train.lr, BASE.train.weight_decay)]
        else:
            assert tried == [(draw.lr, draw.weight_decay) for draw in draws(5)], identity
    assert len(pairs) == 2 * (4 + 1 + 1)
    assert {member.variant for member in made} == {""}


def test_trials_make_no_variants_and_keep_those_of_axes():
    base = changed(BASE, {"train.weight_decay": 0.0})  # without a decay its growth would make no difference
    made = expand(sweep(base=base, axes={"net.depth": [2], "train.decay_growth": [1.0, 2.0]}, trials=3))
    assert [member.variant for member in made] == ["decay_growth=1"] * 3 + ["decay_growth=2"] * 3
    same = sweep(axes={"net.depth": [2], "train.decay_growth": [1.0, 2.0]}, trials=3)
    assert [member.run_id for member in expand(same)] == [member.run_id for member in made]


def test_what_is_registered_is_named_by_its_title_and_its_default_not_at_all():
    axes = {"net.depth": [2], "train.gate_gradient": ["none", "straight_through"], "net.balancing": ["penalty", "centred"]}
    made = expand(sweep(axes=axes, baselines=["random_gates", "dense"]))
    variants = ["", "straight-through", "centred", "straight-through, centred"]
    for model in ("tree", "random_gates"):
        assert sorted(member.variant for member in made if member.model == model) == sorted(variants)
    assert [member.variant for member in made if member.model == "dense"] == [""]
    of_random = {member.variant: member.run for member in made if member.model == "random_gates"}
    assert {name: run.train.gate_gradient for name, run in of_random.items()} == {
        name: "straight_through" if "straight" in name else "none" for name in variants
    }
    assert all(run.net.gates == "random" for run in of_random.values())
    assert len({run.run_id for run in of_random.values()}) == 4


def test_a_baseline_of_random_gates_follows_the_gate_gradient_of_the_sweep():
    base = changed(BASE, {"train.gate_gradient": "straight_through"})
    made = expand(sweep(base=base, axes={"net.depth": [2]}, baselines=["random_gates"]))
    assert {(member.model, member.variant, member.run.train.gate_gradient) for member in made} == {
        ("tree", "", "straight_through"), ("random_gates", "", "straight_through"),
    }  # fmt: skip


def test_both_stages_count_towards_the_limit(monkeypatch):
    monkeypatch.setattr(members_module, "MEMBER_LIMIT", 11)
    check(sweep(axes={"seed": [0, 1]}, trials=4, report_seeds=[5, 6, 7]))
    with pytest.raises(LimitError, match=r"sweep has 12, including all trials; use fewer depths, widths, seeds or trials"):
        check(sweep(axes={"seed": [0, 1]}, trials=4, report_seeds=[5, 6, 7, 8]))
    check(sweep(axes={"seed": [0, 1]}, baselines=["logistic"], trials=2, report_seeds=[5, 6]))  # 4 + 2, 2 + 2
    with pytest.raises(LimitError, match="sweep has 12"):
        check(sweep(axes={"seed": [0, 1]}, baselines=["logistic"], trials=2, report_seeds=[5, 6, 7]))
