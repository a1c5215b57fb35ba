"""Models say everything about themselves: what they read, how they are shown, what they cost; a new one is one object."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from leafscope.core.config import (
    DataConfig,
    NetConfig,
    RunConfig,
    SweepConfig,
    TrainConfig,
    changed,
    field_names,
    field_options,
)
from leafscope.core.cost import cost
from leafscope.core.models import (
    MODELS,
    Line,
    Model,
    baselines,
    build_net,
    compares,
    fitted_kinds,
    lines,
    net_kinds,
    net_lines,
)
from leafscope.core.models.registry import RESERVED, Memory, Models
from leafscope.core.options import Option
from leafscope.core.sweep import run_sweep
from leafscope.core.training.fitting import fit
from tests.core.config.values import other_value
from tests.core.models.toys import MIXTURE, NEAREST, nearest  # noqa: F401 -- a fixture
from tests.plugin import run_python

IRIS = DataConfig(name="iris")
HEAVY = ("torch", "sklearn", "numba", "scipy")

GATED = ("tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean")


def test_reading_the_registries_imports_nothing_heavy():
    program = f"""
import sys
import leafscope.core.config, leafscope.core.models, leafscope.core.gates
from leafscope.core.config import RunConfig
assert list(leafscope.core.models.MODELS) and list(leafscope.core.gates.GATE_GRADIENTS)
RunConfig(net={{"kind": "random_forest"}}).run_id
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    assert run_python(program).stdout.strip() == "[]"


def test_every_field_is_read_by_a_model_that_knows_it():
    """What no model reads would be in no run's address."""
    known = {field for field in field_names() if field.startswith(("net.", "train."))}
    assert set().union(*(RunConfig(net=NetConfig(kind=kind)).reads for kind in MODELS)) == known


@pytest.mark.parametrize("kind", MODELS)
def test_a_run_s_address_follows_exactly_the_fields_that_its_model_reads(kind):
    run = RunConfig(data=IRIS, net=NetConfig(kind=kind, depth=2))
    options = {field: option for field, option in field_options().items() if field.startswith(("net.", "train."))}
    others = {field: other_value(option) for field, option in options.items() if field != "net.kind"}
    others["net.balancing"] = "none" if kind == "moe" else "centred"  # experts and gates have ways of their own
    moved = {field for field, value in others.items() if changed(run, {field: value}).run_id != run.run_id}
    other_way = {"net.bias_rate"} if kind == "moe" else set()  # read with balancing by bias
    assert moved | {"net.kind"} | other_way == run.reads
    of_net = {field for field in moved if field.startswith("net.")}
    options_of_kind = (option.name for option in MODELS[kind].options)
    assert of_net | other_way == {f"net.{field}" for field in (*MODELS[kind].net_fields, *options_of_kind)}
    gates = {"train.gate_gradient", "train.gate_noise", "train.balance"}
    routed = {"train.balance"} if kind in ("moe", "fff", "soft_tree") else set()
    assert gates & moved == (gates if kind in GATED else routed)
    assert ("train.decay_growth" in moved) == (kind in GATED and "flat" not in kind)
    assert ("train.epochs" in moved) == (kind in net_kinds())


def test_kinds_and_baselines_are_in_the_order_of_lists():
    nets, fitted = ("tree", "flat", "dense"), ("logistic", "decision_tree", "decision_tree_pruned", "random_forest")
    assert net_kinds()[:3] == nets
    assert fitted_kinds()[:4] == fitted
    assert baselines()[:4] == ("dense", "dense_capacity", "dense_ladder", "random_gates")
    assert [name for name in baselines() if name in fitted_kinds()] == list(fitted_kinds())
    assert set(nets).isdisjoint(fitted_kinds())


def test_lines_of_nets_and_what_compares():
    assert set(net_lines()) | {name for name in lines() if compares(name)} | {"logistic", "linear"} == set(lines())
    controls = ("shuffled", "root_leaf", "additive", "flat_mean")
    ours = ("tree", "tree_units", "flat", "dense", "dense_capacity", "dense_ladder", "random_gates", *controls)
    assert tuple(name for name in net_lines() if name in ours) == ours
    assert not compares("logistic")
    assert not compares("unknown")


def test_lines_have_names_and_words_of_their_own():
    found = [line for model in MODELS.values() for line in model.lines]
    assert len({line.name for line in found}) == len({line.words for line in found}) == len(found) == len(lines())


@pytest.mark.parametrize("kind", net_kinds())
@pytest.mark.parametrize("gates", ["hidden", "units", "random"])
def test_routed_layers_are_those_of_which_the_net_gives_leaves(kind, gates):
    config = NetConfig(kind=kind, depth=3, width=5, tree_layers=2, gates=gates)
    leaves = [leaf.numpy() for leaf in build_net(config, 4, 3).routed(torch.randn(50, 4)).leaves]
    assert len(config.routed_layers) == len(leaves) == {"dense": 0, "soft_tree": 1}.get(kind, 2)
    for layer, leaf in zip(config.routed_layers, leaves, strict=True):
        assert (layer.n_leaves, layer.top_k, layer.has_prefixes) == ((16, 2, False) if kind == "moe" else (8, 1, True))
        assert leaf.shape == ((50,) if layer.top_k == 1 else (50, layer.top_k))
        assert 0 <= leaf.min() <= leaf.max() < layer.n_leaves


@pytest.mark.parametrize("kind", net_kinds())
def test_weights_are_those_of_the_net_in_the_order_of_its_parameters(kind):
    for more in ({"depth": 0, "leaf_width": 3}, {"depth": 2, "balancing": "bias"}):
        config = NetConfig(kind=kind, width=5, tree_layers=2, **more)
        weights, net = config.model.weights(config, 4, 3), build_net(config, 4, 3)
        assert {one.name: one.shape for one in weights} == {name: tuple(one.shape) for name, one in net.state_dict().items()}
        assert [one.name for one in weights if one.is_trained] == [name for name, _ in net.named_parameters()]
        assert config.model.cost(config, 4, 3).parameters == sum(one.numel() for one in net.parameters())


def test_only_nets_are_built():
    with pytest.raises(ValueError, match=r"kind must be one of tree, flat, dense.*, got logistic"):
        build_net(NetConfig(kind="logistic"), 4, 3)


def test_a_model_is_built_or_fitted():
    def memory(run, p, q, n):
        return Memory(parameters=0, activations=0)

    with pytest.raises(ValueError, match="either build or fit, got neither"):
        Model(name="none", lines=(Line("none", "none"),), memory=memory)
    with pytest.raises(ValueError, match="must have a cost and weights, got None"):
        Model(name="none", lines=(Line("none", "none"),), memory=memory, build=lambda *_: None)
    with pytest.raises(ValueError, match="either build or fit, got both"):
        Model(name="both", lines=(Line("both", "both"),), memory=memory, build=lambda *_: None, fit=MODELS["logistic"].fit)


@pytest.mark.parametrize("name", ["depth", "gates", "fitted", "model_x", "_x", "two words"])
def test_an_option_has_an_unused_name(name):
    with pytest.raises(ValueError, match=f"unused field name, got '{name}'"):
        replace(NEAREST, options=(Option(name=name, default=1, label="", meaning=""),))


@pytest.mark.parametrize(
    "bounds", [{"default": 0, "low": 1}, {"default": 5, "high": 4}, {"default": "c", "choices": {"a": "A"}}]
)
def test_the_default_of_an_option_is_one_of_its_values(bounds):
    with pytest.raises(ValueError, match=f"the default of x must be .* got {bounds['default']!r}"):
        Option(name="x", label="", meaning="", **bounds)


def test_what_a_model_shares_with_others_is_said_alike():
    mine = Models("model")
    first = replace(NEAREST, options=(Option(name="rank", default=2, label="Rank", meaning=""),))
    mine.register(first)
    with pytest.raises(ValueError, match="another rank"):
        mine.register(replace(first, name="b", lines=(Line("b", "b"),), options=(replace(first.options[0], default=3),)))
    with pytest.raises(ValueError, match="a second one called 'nearest'"):
        mine.register(replace(first, name="b"))
    assert list(mine) == ["nearest"]
    assert mine.register(replace(first, name="b", lines=(Line("b", "b"),))).name == "b"


def test_every_reserved_name_is_one_of_a_configuration():
    names = {*NetConfig.model_fields, "model", "gated", "fitted", "routed_layers", "has_leaves", "tree_depth"}
    assert names - MODELS.options().keys() == RESERVED


# A model of another person


def test_before_it_is_registered_it_is_refused():
    with pytest.raises(ValidationError, match=r"kind must be one of tree, .*, got 'nearest'"):
        NetConfig(kind="nearest")


@pytest.mark.usefixtures("nearest")
def test_a_new_fitted_model_is_fitted_named_and_compared():
    run = RunConfig(data=IRIS, net=NetConfig(kind="nearest"), seed=3)
    assert run.label == "iris nearest s3"
    assert run.run_id == changed(run, {"net.width": 5, "train.lr": 1.0}).run_id
    model = fit(run)
    assert model.facts["trials"] == 4
    assert model.facts["neighbours"] == model.facts["chosen"]["n_neighbors"]
    assert model.facts["operations"] == "multiply-adds"
    with pytest.raises(ValueError, match="known only after its fit"):
        cost(run.net, 4, 3)
    base = RunConfig(data=IRIS, net=NetConfig(width=4, depth=1), train=TrainConfig(epochs=1, device="cpu"))
    sweep = SweepConfig(base=base, axes={"seed": [0, 3]}, baselines=["nearest", "dense"])
    table = run_sweep(sweep, threads=1).set_index(["model", "seed"])
    row = table.loc["nearest", 3]
    assert row["status"] == "finished"
    assert row["run_id"] == run.run_id
    assert row["best_test_accuracy"] == model.record.metrics["test", "accuracy"]
    assert row["parameters"] == model.facts["parameters"]
    assert np.isnan(row["width"])


USE = """
from leafscope.core.comparison.table import CONFIG_FIELDS, TEXT_FIELDS, field_words
from leafscope.core.config import NetConfig, RunConfig, SweepConfig, as_python, changed, explain_change, field_names, link
from leafscope.core.sweep.members import expand
from leafscope.core.training import train

run = RunConfig(data={"name": "iris"}, net={"kind": "mixture", "members": 300}, train={"epochs": 2, "device": "cpu"})
result = train(run)
axes = SweepConfig(base=run, axes={"net.kind": ["mixture", "dense"], "net.members": [2, 4]})
print(json.dumps({
    "plain": [RunConfig().run_id, SweepConfig().sweep_id, RunConfig().model_dump_json(exclude_none=True)],
    "fields": [name for name in field_names() if name.startswith("net.")],
    "run": [run.label, changed(run, {"net.members": 16}).label, run.canonical()["net"]],
    "default": NetConfig(kind="mixture").model_dump(mode="json", exclude_none=True, include={"members", "router"}),
    "other": NetConfig(kind="dense", members=5).members,
    "same": changed(run, {"net.width": 3, "net.depth": 1}).run_id == run.run_id,
    "other address": changed(run, {"net.router": "top_2"}).run_id != run.run_id,
    "refused": [explain_change(run, {"net.members": 1}), explain_change(run, {"net.router": "x"})],
    "link": link.decode(link.encode([run])).runs[0] == run,
    "python": as_python.script(run),
    "words": field_words("net.members"),
    "columns": ["net.members" in CONFIG_FIELDS, "net.members" in TEXT_FIELDS, "net.router" in TEXT_FIELDS],
    "members": [[one.model, one.variant, one.depth] for one in expand(axes)],
    "counts": [result.leaf_counts[0, "train"].shape, result.leaves[0, "train"].dtype.name, result.net is not None],
    "losses": result.history["value"].notna().all().item(),
}))
"""


def test_a_new_net_brings_fields_of_its_own_and_is_trained():
    found = json.loads(run_python(MIXTURE + USE).stdout)
    assert found["plain"] == [RunConfig().run_id, SweepConfig().sweep_id, RunConfig().model_dump_json(exclude_none=True)]
    assert found["fields"] == [*(f"net.{name}" for name in NetConfig.model_fields), "net.members", "net.router"]
    assert found["run"][0] == "iris mixture E300 e2 s0"
    assert found["run"][1] == "iris mixture e2 s0"
    assert found["run"][2] == {"kind": "mixture", "members": 300, "router": "first"}
    assert found["default"] == {"members": 16, "router": "first"}
    assert found["other"] is None
    assert found["same"]
    assert found["other address"]
    assert found["refused"][0] == "members must be a whole number from 2 to 500, got 1"
    assert found["refused"][1] == "router must be one of first, top_2, got 'x'"
    assert found["link"]
    assert "members=300" in found["python"]
    assert found["words"] == "members"
    assert found["columns"] == [True, False, True]
    assert found["members"] == [["mixture", "members=2", None], ["mixture", "members=4", None], ["dense", "", None]]
    assert found["counts"] == [[3, 300], "uint16", True]
    assert found["losses"]
