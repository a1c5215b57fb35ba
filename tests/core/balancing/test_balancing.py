"""Offsets of gates: what they change (the leaves), what they do not (units), and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leafscope.core.balancing import BALANCINGS, Balancing
from leafscope.core.config import NetConfig, RunConfig, TrainConfig, changed, explain
from leafscope.core.gating import bits_of, leaf_index
from leafscope.core.models import MODELS, build_net
from leafscope.core.nets import TreeNet
from leafscope.core.training.trainer import Trainer

WITH_OFFSETS = [name for name, one in BALANCINGS.items() if one.has_offsets]


@st.composite
def balanced(draw: st.DrawFn) -> NetConfig:
    depth = draw(st.integers(1, 6))
    gates = draw(st.sampled_from(["hidden", "units", "random"]))
    return NetConfig(
        kind=draw(st.sampled_from([kind for kind, model in MODELS.items() if model.is_gated])),
        depth=depth,
        width=draw(st.integers(depth if gates == "hidden" else 1, 9)),
        tree_layers=draw(st.integers(1, 3)),
        gates=gates,
        balancing=draw(st.sampled_from(WITH_OFFSETS)),
    )


@settings(max_examples=40, deadline=None)
@given(config=balanced(), seed=st.integers(0, 99), n=st.integers(1, 30))
def test_offsets_change_the_bits_and_not_the_units(config: NetConfig, seed: int, n: int) -> None:
    """Before training all leaves are the same function, so that the logits are those of the net without offsets."""
    net = build_net(config, 4, 3, seed)
    without = build_net(config.model_copy(update={"balancing": "penalty"}), 4, 3, seed)
    assert isinstance(net, TreeNet)
    assert net.offsets is not None
    assert net.offsets.shape == (config.tree_layers, config.depth)
    net.offsets.normal_(generator=torch.Generator().manual_seed(seed))
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed + 1))
    ours, theirs = net.routed(x), without.routed(x)
    torch.testing.assert_close(ours.logits, theirs.logits)
    for gate, raw, offset, leaf in zip(ours.gates, theirs.gates, net.offsets, ours.leaves, strict=True):
        torch.testing.assert_close(gate, raw + offset, rtol=1e-4, atol=1e-5)
        assert torch.equal(leaf, leaf_index(gate > 0))
        assert torch.equal(bits_of(leaf, config.depth), (gate > 0).long())


def test_a_bias_moves_against_the_majority_of_bits_and_not_at_a_tie() -> None:
    lowering = BALANCINGS["bias"].lowering
    assert lowering is not None
    bits = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 0, 1], [1, 1, 0, 0]])
    assert lowering(torch.zeros(4, 4), bits, 0.25).tolist() == [0.25, 0.25, -0.25, 0.0]


def test_a_centred_gate_subtracts_the_running_mean_of_its_batches() -> None:
    net = build_net(NetConfig(depth=2, width=3, balancing="centred"), 2, 2)
    assert isinstance(net, TreeNet)
    assert net.offsets is not None
    mean = torch.zeros(2, dtype=torch.float64)
    for _ in range(5):
        x = torch.randn(7, 2)
        raw = net.hidden(x)[:, :2].detach().double()
        net.move_offsets(net.routed(x), 0.0)
        mean = 0.99 * mean + 0.01 * raw.mean(0)
        torch.testing.assert_close(net.offsets[0].double(), -mean, rtol=1e-4, atol=1e-7)


def test_an_address_has_the_balancing_only_where_it_matters() -> None:
    run = RunConfig()
    assert changed(run, {"net.balancing": "penalty"}).run_id == run.run_id
    centred = changed(run, {"net.balancing": "centred"})
    assert centred.run_id != run.run_id
    assert changed(centred, {"train.balance": 0.5}).run_id == centred.run_id  # which ignores the strength
    bias = [changed(run, {"net.balancing": "bias", "train.balance": rate}) for rate in (0.01, 0.02)]
    assert len({one.run_id for one in (run, centred, *bias)}) == 4
    for kind in ({"net.kind": "dense"}, {"net.depth": 0}):
        assert changed(centred, kind).run_id == changed(run, kind).run_id
    assert centred.label == "digits tree K4 w32 centred s0"


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        ({"balancing": "bias"}, "balance must be above 0 with balancing bias, since it is its rate, got 0"),
        ({"balancing": "centered"}, f"balancing must be one of {', '.join(BALANCINGS)}, got 'centered'"),
    ],
)
def test_what_is_refused_is_said_in_a_sentence(net: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RunConfig.model_validate({"net": net})
    assert list(explain(raised.value).values()) == [sentence]
    assert RunConfig.model_validate({"net": {"kind": "dense", "balancing": "bias"}}).train.balance == 0  # which has no gates


def test_what_compiled_code_does_not_know_is_trained_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    low = Balancing(name="low", title="low", meaning="", lowering=lambda gate, bits, strength: 0 * gate.mean(-2) + 1)
    monkeypatch.setitem(BALANCINGS._variants, "low", low)
    run = RunConfig(net=NetConfig(depth=2, width=4, balancing="low"), train=TrainConfig(epochs=1, batch_size=64, device="cpu"))
    trainer = Trainer(changed(run, {"data.name": "iris"}), compiled=True)
    assert trainer._compiled is None
    list(trainer.epochs())
    assert isinstance(trainer.net, TreeNet)
    assert trainer.net.offsets is not None
    assert trainer.net.offsets.tolist() == [[-2.0, -2.0]]
