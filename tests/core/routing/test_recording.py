"""Recording models: counts against those made by hand, padding, and models of transformers made from a configuration."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from leafscope.core.errors import RoutingError
from leafscope.core.routing import Routing, read_routing, record

EXPERTS, WIDTH, TOP_K = 5, 16, 2


class Block(nn.Module):
    """A mixture of experts as many write it: a linear router beside a list of experts."""

    def __init__(self, router: str = "gate") -> None:
        super().__init__()
        self.top_k = TOP_K
        setattr(self, router, nn.Linear(WIDTH, EXPERTS, bias=False))
        self.router_name = router
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(EXPERTS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight, ids = getattr(self, self.router_name)(x).softmax(-1).topk(self.top_k, -1)
        out = torch.stack([expert(x) for expert in self.experts], -2)
        return x + (weight[..., None] * out.gather(-2, ids[..., None].expand(*ids.shape, WIDTH))).sum(-2)


class Net(nn.Module):
    """Two such blocks, at layers 1 and 3."""

    def __init__(self, router: str = "gate") -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(router) if place % 2 else nn.Linear(WIDTH, WIDTH) for place in range(4))

    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def by_hand(net: nn.Module, x: torch.Tensor, keep: torch.Tensor | None = None) -> np.ndarray:
    counts = np.zeros((2, EXPERTS), np.int64)
    for place, layer in enumerate(net.layers):  # type: ignore[arg-type]
        if place % 2:
            ids = layer.gate(x).topk(TOP_K, -1).indices
            for expert in ids[keep if keep is not None else slice(None)].ravel().tolist():
                counts[place // 2, expert] += 1
        x = layer(x)
    return counts


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


def test_a_router_is_found_by_scores_as_wide_as_there_are_experts(net: Net, tmp_path: Path) -> None:
    x = torch.randn(3, 7, WIDTH)
    with record(net) as routing:
        net(x)
        net(x + 1)
    assert isinstance(routing.read(), Routing)
    assert (routing.layers, routing.top_k, routing.experts) == ((1, 3), TOP_K, EXPERTS)
    np.testing.assert_array_equal(routing.at(), by_hand(net, x) + by_hand(net, x + 1))
    routing.save(tmp_path / "log.safetensors")
    assert read_routing(tmp_path / "log.safetensors").hash == routing.hash
    before = routing.at().copy()
    net(x)
    np.testing.assert_array_equal(routing.at(), before)  # nothing is counted behind the end
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_padding_is_left_out_by_the_attention_mask(net: Net) -> None:
    x = torch.randn(2, 6, WIDTH)
    mask = torch.ones(2, 6, dtype=torch.int64)
    mask[0, 4:] = mask[1, :1] = 0
    with record(net, keep_ids=True) as routing:
        net(x, attention_mask=mask)
    np.testing.assert_array_equal(routing.at(), by_hand(net, x, mask.bool()))
    assert routing.tokens_at().tolist() == [9, 9]
    assert routing.ids.shape == (12, 2, TOP_K)
    assert (routing.ids < 0).all((1, 2)).tolist() == (~mask.bool()).ravel().tolist()
    with record(net) as routing:  # with a cache the mask is longer than what is new
        net(x[:, -1:], attention_mask=mask)
    np.testing.assert_array_equal(routing.at(), by_hand(net, x[:, -1:], mask[:, -1:].bool()))


def test_modules_can_be_named(net: Net) -> None:
    x = torch.randn(9, WIDTH)
    with record(net, modules={"layers.3.gate": TOP_K}) as routing:
        net(x)
    assert routing.layers == (3,)
    np.testing.assert_array_equal(routing.at()[0], by_hand(net, x)[1])


def test_an_unknown_router_is_refused_with_the_candidates() -> None:
    net = Net("chooser")
    with (
        pytest.raises(RoutingError, match=r"no router was found: .* candidates are layers.1.chooser, layers.3.chooser"),
        record(net),
    ):
        net(torch.randn(4, WIDTH))
    with pytest.raises(RoutingError, match=r"no module 'layers.1.gate'; candidates are"), record(net, {"layers.1.gate": 2}):
        pass
    with (
        pytest.raises(RoutingError, match="scores of at least top-k experts, got top-k 9"),
        record(net, {"layers.1.chooser": 9}),
    ):
        net(torch.randn(4, WIDTH))
    with record(net, {"layers.1.chooser": 1}) as routing:
        net(torch.randn(4, WIDTH))
    assert routing.at().sum() == 4


def test_an_error_within_ends_the_recording(net: Net) -> None:
    with pytest.raises(ZeroDivisionError), record(net):
        raise ZeroDivisionError
    assert not any(module._forward_hooks for module in net.modules())


SMALL: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "moe_intermediate_size": 8, "num_hidden_layers": 3,
    "num_attention_heads": 2, "num_key_value_heads": 2, "num_experts_per_tok": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("mixtral", {"num_local_experts": 6}),
        ("qwen2_moe", {"num_experts": 6, "shared_expert_intermediate_size": 16, "decoder_sparse_step": 1}),
        ("olmoe", {"num_experts": 6}),
    ],
)
def test_routers_of_transformers_are_found(family: str, more: dict[str, Any]) -> None:
    pytest.importorskip("transformers", reason="transformers makes these models; the extra `test` has it")
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **SMALL, **more)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    tokens = torch.randint(0, 50, (2, 9))
    mask = torch.ones_like(tokens)
    mask[1, 6:] = 0
    with torch.no_grad(), record(model) as routing:
        out = model(tokens, attention_mask=mask, output_router_logits=True)
    assert (routing.layers, routing.experts, routing.top_k) == ((0, 1, 2), 6, 2)
    for at, scores in zip(routing.at(), out.router_logits, strict=True):
        ids = scores.topk(2, -1).indices[mask.bool().ravel()]
        np.testing.assert_array_equal(at, np.bincount(ids.ravel(), minlength=6))
