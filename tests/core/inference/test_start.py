"""Untrained nets: bit for bit the weights that torch draws, which is the oracle here."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.config import NetConfig
from leafscope.core.inference.start import TorchRandom, untrained
from leafscope.core.models import build_net
from tests.core.inference.configs import nets

SEEDS = st.integers(0, 2**63 - 1)


@given(SEEDS, st.integers(1, 700), st.floats(1e-3, 10))
def test_uniform_numbers_are_torch_s(seed: int, n: int, bound: float) -> None:
    theirs = torch.empty(n).uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))
    assert np.array_equal(TorchRandom(seed).uniform((n,), bound), theirs.numpy())


@given(SEEDS, st.integers(1, 700))
def test_normal_numbers_are_torch_s(seed: int, n: int) -> None:
    theirs = torch.randn(n, generator=torch.Generator().manual_seed(seed)).numpy()
    mine = TorchRandom(seed).normal((n,))
    if "AVX2" in torch.backends.cpu.get_cpu_capability() or "AVX512" in torch.backends.cpu.get_cpu_capability():
        assert np.array_equal(mine, theirs)
    else:  # torch then uses the logarithm and the sine of the machine
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


def test_numbers_go_on_where_they_were() -> None:
    generator, mine = torch.Generator().manual_seed(3), TorchRandom(3)
    for _ in range(3):
        assert np.array_equal(mine.uniform((5, 7), 0.5), torch.empty(5, 7).uniform_(-0.5, 0.5, generator=generator).numpy())


@settings(max_examples=60)
@given(st.data())
def test_an_untrained_net_is_torch_s(data: st.DataObject) -> None:
    config = data.draw(nets(widest=24, deepest=6))
    n_features, n_outputs, seed = (
        data.draw(st.integers(1, 70)),
        data.draw(st.integers(2, 11)),
        data.draw(st.integers(0, 2**31 - 1)),
    )
    theirs = build_net(config, n_features, n_outputs, seed).state_dict()
    mine = untrained(config, n_features, n_outputs, seed)
    assert mine.weights.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert np.array_equal(mine.weights[name], tensor.numpy()), name
    assert (mine.n_features, mine.n_outputs) == (n_features, n_outputs)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_layers_have_streams_of_their_own(seed: int) -> None:
    """Nets with the same seed agree in the parts that they share, whatever else they have."""
    one, other = (untrained(NetConfig(kind=kind, width=8, depth=3), 5, 2, seed).weights for kind in ("tree", "dense"))
    assert np.array_equal(one["layers.0.weight"][0], other["layers.0.weight"])
    assert np.array_equal(one["head.weight"], other["head.weight"])
