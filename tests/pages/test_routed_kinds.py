"""Runs of models with routers of their own on every page: each opens, and leaves out what such a model does not have."""

from typing import Any

import pytest

from leafscope.core.config import RunConfig, SweepConfig, changed
from tests.pages.harness import Lab, figures, open_page, run_app, small, table_with, words

KINDS = {
    "moe": {"net.kind": "moe", "net.experts": 5, "net.top_k": 2},
    "fff": {"net.kind": "fff"},
    "soft_tree": {"net.kind": "soft_tree"},
}
RUNS = {name: changed(small("moons", epochs=2), changes) for name, changes in KINDS.items()}
SWEEP = SweepConfig(
    name="of others",
    base=small(epochs=1),
    axes={"net.kind": ["tree", *KINDS], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["moe_computation", "fff_capacity"],
)
OF_LEAVES = ("classes", "all", "epochs", "splits", "errors", "scores", "depths", "decision_tree")
PAGES = ("playground", "leaves", "balance", "balance?aspect=variants", "routing?log=run_layers", "runs", "capacity")
VIEWS = ("table", "scores", "curves", "scatter", "pairs", "pivot", "leaves")


def fill_lab(lab: Lab) -> None:
    for run in RUNS.values():
        lab.work(run)
    lab.sweep(SWEEP)


def opened(page: str, run: RunConfig, **more: object) -> Any:
    name, _, query = page.partition("?")
    at = open_page(name, run=run.run_id, **dict(part.split("=") for part in query.split("&") if part), **more)
    assert not at.error, at.error[0].value
    return at


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_opens(lab: Lab, kind: str) -> None:
    for page in PAGES:
        opened(page, RUNS[kind])


@pytest.mark.parametrize("kind", ["fff", "soft_tree"])
def test_soft_decisions_have_leaves_but_no_gates(lab: Lab, kind: str) -> None:
    for part in OF_LEAVES:
        at = opened("leaves", RUNS[kind], part=part)
        assert "are left out here" in words(at)
        assert ("by the mixture of all leaves" in words(at)) == (part == "scores")
    assert not {"explain", "margins", "matrix"} & set(at.get("button_group")[0].options)
    assert "by the mixture of all leaves" in words(opened("playground", RUNS[kind]))


def test_experts_have_no_prefixes(lab: Lab) -> None:
    at = opened("leaves", RUNS["moe"])
    assert "no tree of prefixes" in words(at)
    assert {"routing_experts", "experts_by_class", "expert_classes"} <= figures(at).keys()
    at = opened("balance", RUNS["moe"])
    assert "no tree of prefixes" in words(at)
    assert "chance gives" in words(at)
    assert "by the mixture" not in words(opened("playground", RUNS["moe"]))


def test_experts_are_balanced_in_their_own_ways(lab: Lab) -> None:
    at = open_page("playground", kind="moe", balancing="bias")
    assert at.selectbox(key="balancing").options == ["auxiliary loss", "bias", "no balancing"]
    assert at.selectbox(key="balancing").value == "bias"
    at.selectbox(key="kind").set_value("tree")
    run_app(at)
    assert "auxiliary loss" not in at.selectbox(key="balancing").options
    at.selectbox(key="kind").set_value("fff")
    run_app(at)
    assert not at.error


@pytest.mark.parametrize("page", ["overfitting", "capacity", *(f"compare?view={view}" for view in VIEWS)])
def test_a_sweep_of_them(lab: Lab, page: str) -> None:
    name, _, query = page.partition("?")
    more = dict(part.split("=") for part in query.split("&") if part)
    at = open_page(name, **{"from" if name == "compare" else "sweep": SWEEP.sweep_id}, **more)
    assert not at.error, at.error[0].value
    if page == "overfitting":
        assert "Not drawn, since experts stand below no tree of prefixes: mixture of experts." in words(at)
    if page.endswith("view=table"):
        both = table_with(at, "group", "validation accuracy, one leaf", "validation accuracy, mixture")
        assert both["group"].str.contains("fff|soft tree").all()
        assert len(both) >= 2
