"""Peers beside a dense layer: rows are complete, wrong products are caught, what is missing says why."""

import json

import pytest
import torch
from torch import nn

from leafscope.core.bench import peers
from leafscope.core.bench.peers import (
    N_FEATURES,
    N_ROWS,
    PEERS,
    Peer,
    check_output,
    check_products,
    grouped_product,
    make_batch,
    run,
)
from leafscope.core.bench.timing import Budget, Window
from leafscope.core.gating import path_nodes

KEYS = ["peer", "depth", "rows", "phase", "milliseconds", "against_dense", "spread", "unstable", "threads"]
KEYS += ["parameters", "finished", "note"]


@pytest.fixture(autouse=True)
def _short_blocks(monkeypatch):
    whole = peers.interleaved
    monkeypatch.setattr(
        peers, "interleaved", lambda calls, rounds, seconds, *rest, **more: whole(calls, rounds, 0.001, *rest, **more)
    )
    monkeypatch.setattr(peers, "PATIENCE", 0.0)


def only(monkeypatch, **builds):
    monkeypatch.setattr(peers, "PEERS", builds)


def fake(step=None, output=None):
    """A peer of three parameters whose calls do as told."""
    y = torch.zeros(N_ROWS, N_FEATURES) if output is None else output
    return Peer(nn.Linear(2, 1), step or (lambda: None), lambda: y, check_output)


def test_rows_are_complete(monkeypatch):
    only(monkeypatch, leafscope=PEERS["leafscope"], grouped_mm=PEERS["grouped_mm"])
    rows = run(depths=(2, 0), rounds=2)
    assert json.loads(json.dumps(rows)) == rows
    assert [list(row) for row in rows] == [KEYS] * len(rows)
    assert [(row["peer"], row["depth"], row["phase"]) for row in rows] == [
        (peer, depth, phase)
        for peer, depths in (("dense", (0,)), ("leafscope", (0, 2)), ("grouped_mm", (0, 2)))
        for depth in depths
        for phase in ("training", "inference")
    ]
    for row in rows:
        assert row["finished"] is True
        assert row["note"] == ""
        assert row["rows"] == 256
        assert row["milliseconds"] > 0
        assert row["against_dense"] > 0
        assert row["spread"] >= 0
        assert row["threads"] in (1, torch.get_num_threads())
    assert [row["against_dense"] for row in rows[:2]] == [1.0, 1.0]
    matrix, bias = N_FEATURES**2, N_FEATURES
    assert [row["parameters"] for row in rows[::2]] == [
        matrix + bias,
        matrix + bias,
        7 * (matrix + bias),
        matrix,
        4 * matrix,
    ]


@pytest.mark.parametrize("name", ["leafscope", "grouped_mm"])
@pytest.mark.parametrize("depth", [0, 3])
def test_the_check_sees_right_products_and_a_wrong_matrix(name, depth):
    batch = make_batch(depth)
    peer = PEERS[name](batch, depth)
    peer.step()  # so that the nodes under the root are no longer zero
    peer.check(peer.infer())
    y = peer.infer().clone()
    with torch.no_grad():
        peer.module.weight[-1, 0, 0] += 0.01
    with pytest.raises(ValueError, match="within 1e-05 of the float64 products"):
        peer.check(y)
    peer.check(peer.infer())


def test_the_check_sees_a_missing_bias_and_swapped_rows():
    torch.manual_seed(0)
    batch = make_batch(2)
    nodes = path_nodes(batch.leaf, 2)
    weight, bias = torch.randn(7, N_FEATURES, N_FEATURES), torch.randn(7, N_FEATURES)
    y = torch.stack([weight[own].sum(0) @ row + bias[own].sum(0) for own, row in zip(nodes, batch.x, strict=True)])
    check_products(y, batch.x, nodes, weight, bias)
    with pytest.raises(ValueError, match="float64 products"):
        check_products(y, batch.x, nodes, weight)
    with pytest.raises(ValueError, match="float64 products"):
        check_products(y.roll(1, 0), batch.x, nodes, weight, bias)


def test_the_check_sees_shapes_and_what_is_not_finite():
    with pytest.raises(ValueError, match=r"shape \(256, 64\), got \(256, 63\)"):
        check_output(torch.zeros(N_ROWS, N_FEATURES - 1))
    y = torch.zeros(N_ROWS, N_FEATURES)
    y[3, 5] = torch.nan
    with pytest.raises(ValueError, match="must be finite"):
        check_output(y)
    with pytest.raises(ValueError, match="must be finite"):
        check_products(y, make_batch(0).x, torch.zeros(N_ROWS, 1, dtype=torch.int64), torch.ones(1, N_FEATURES, N_FEATURES))


def test_grouped_products_have_the_gradients_of_plain_ones_and_zero_for_empty_leaves():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(40, 16, generator=generator, requires_grad=True)
    weight = torch.randn(8, 12, 16, generator=generator, requires_grad=True)
    leaf = torch.randint(0, 3, (40,), generator=generator) * 2  # leaves 0, 2 and 4; the others are empty
    grouped_product(x, leaf, weight).square().sum().backward()
    found = x.grad, weight.grad
    x.grad = weight.grad = None
    torch.einsum("np,nqp->nq", x.double(), weight[leaf].double()).square().sum().backward()
    torch.testing.assert_close(found[0], x.grad, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found[1], weight.grad, rtol=1e-5, atol=1e-4)
    assert not found[1][[1, 3, 5, 6, 7]].any()


def test_training_is_done_in_training_mode_and_inference_is_not(monkeypatch):
    modes = {"training": set(), "inference": set()}

    def build(batch, depth):
        module = nn.Linear(2, 1)

        def infer():
            modes["inference"].add(module.training)
            return torch.zeros(N_ROWS, N_FEATURES)

        return Peer(module, lambda: modes["training"].add(module.training), infer, check_output)

    only(monkeypatch, watched=build)
    run(depths=(1,), rounds=1)
    assert modes == {"training": {True}, "inference": {False}}


def test_a_budget_that_is_over_is_kept_and_what_is_left_out_is_named(monkeypatch):
    only(monkeypatch, quick=lambda batch, depth: fake(), slow=lambda batch, depth: fake())
    budget = Budget(Window(most=0.0))
    assert run(depths=(1,), budget=budget) == []
    assert budget.left_out == [f"{name}, {phase}, K = 1" for name in ("quick", "slow") for phase in peers.PHASES]


def test_a_step_learns():
    batch = make_batch(2)
    for name in ("leafscope", "grouped_mm"):
        peer = PEERS[name](batch, 2)
        before = (peer.infer() - batch.target).square().mean()
        for _ in range(20):
            peer.step()
        assert (peer.infer() - batch.target).square().mean() < before, name


def test_a_peer_that_is_not_installed_has_one_row_that_names_the_extra(monkeypatch):
    def refuse(module):
        raise ModuleNotFoundError(f"No module named {module!r}")

    monkeypatch.setattr(peers.importlib, "import_module", refuse)
    rows = [row for row in run(depths=(0, 1), rounds=1) if not row["finished"]]
    assert [row["peer"] for row in rows] == ["fastfeedforward", "neural-trees"]
    for row in rows:
        assert list(row) == KEYS
        assert row["depth"] is row["phase"] is row["milliseconds"] is row["against_dense"] is row["parameters"] is None
        assert 'pip install "leafscope[bench]"' in row["note"]


def test_an_error_is_a_note_and_the_rest_goes_on(monkeypatch):
    def build(batch, depth):
        if depth == 0:
            raise TypeError("no depth 0\nhere")
        no_step = RuntimeError("no gradient on the CPU")

        def step():
            raise no_step

        return fake(step=step if depth == 1 else None, output=torch.zeros(1) if depth == 2 else None)

    only(monkeypatch, odd=build)
    rows = {(row["depth"], row["phase"]): row for row in run(depths=(0, 1, 2), rounds=1) if row["peer"] == "odd"}
    notes = {key: row["note"] for key, row in rows.items()}
    assert notes.pop((2, "inference")).startswith("ValueError: the output must have shape")
    assert notes == {
        (0, "training"): "TypeError: no depth 0",
        (0, "inference"): "TypeError: no depth 0",
        (1, "training"): "RuntimeError: no gradient on the CPU",
        (1, "inference"): "",
        (2, "training"): "",
    }
    assert rows[1, "inference"]["finished"]
    assert not rows[1, "training"]["finished"]


def test_what_takes_too_long_is_stopped_and_deeper_ones_are_not_tried(monkeypatch):
    built = []

    def build(batch, depth):
        built.append(depth)
        return fake()

    only(monkeypatch, slow=build)
    monkeypatch.setattr(peers, "_first_call", lambda peer, phase: 12.34 if built and phase == "training" else 0.0)
    rows = [row for row in run(depths=(3, 1), rounds=5, budget_s=20.0) if row["peer"] == "slow"]
    assert built == [1, 3]
    by_phase = {phase: [row for row in rows if row["phase"] == phase] for phase in peers.PHASES}
    assert [row["finished"] for row in by_phase["inference"]] == [True, True]
    stopped, untried = by_phase["training"]
    assert not stopped["finished"]
    assert not untried["finished"]
    assert stopped["note"] == "stopped: one step took 12.3 s"
    assert stopped["parameters"] == 3
    assert untried["note"] == "not tried: one step took 12 s at depth 1, so timing depth 3 could take 395 s"

    built.clear()
    monkeypatch.setattr(peers, "_first_call", lambda peer, phase: 12.34 if built else 0.0)
    run(depths=(1, 3), rounds=5, budget_s=20.0)
    assert built == [1], "what is not tried in either phase is not built"


@pytest.mark.parametrize(
    ("seen", "depth", "fits"),
    [
        ([], 9, True),
        ([(7, 1.0)], 8, True),  # 2 s a step, 8 calls: 16 s
        ([(7, 1.0)], 9, False),  # 4 s a step
        ([(5, 0.9), (7, 1.0)], 9, False),  # slow growth is not trusted
        ([(7, 0.1), (8, 0.5)], 9, True),  # five times a level, 2.5 s a step, 8 calls: 20 s
        ([(7, 0.1), (8, 0.6)], 9, False),  # six times a level, 3.6 s a step
    ],
)
def test_the_forecast_follows_the_growth_so_far(seen, depth, fits):
    note = peers._too_slow(seen, depth, rounds=5, budget_s=20.001)
    assert (note == "") is fits


def test_depths_are_checked():
    with pytest.raises(ValueError, match="at least one depth"):
        run(depths=())
    with pytest.raises(ValueError, match="depth must be from 0 to 16, got 17"):
        run(depths=(1, 17))


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        # 4 leaves of two 64 x 64 matrices with biases, 3 gates
        ("fastfeedforward", "fastfeedforward", 4 * 2 * (64 * 64 + 64) + 3 * 65),
        # 3 gates and their temperatures, a vector for each of 7 nodes
        ("neural_trees", "neural-trees", 3 * 65 + 3 + 7 * 64),
    ],
)
def test_a_peer_that_is_installed_is_timed(monkeypatch, module, name, parameters):
    pytest.importorskip(module)
    only(monkeypatch, **{name: PEERS[name]})
    rows = [row for row in run(depths=(2,), rounds=1) if row["peer"] == name]
    assert [row["note"] for row in rows] == ["", ""]
    assert [row["phase"] for row in rows] == ["training", "inference"]
    assert [row["parameters"] for row in rows] == [parameters, parameters]
    peer = PEERS[name](make_batch(2), 2)
    before = [parameter.clone() for parameter in peer.module.parameters()]
    peer.step()
    after = list(peer.module.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True)), "the step changed nothing"
