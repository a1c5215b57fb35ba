"""Routed nets in NumPy against the modules whose weights they have."""

import numpy as np
import pytest
import torch

from leafscope.core.config import NetConfig
from leafscope.core.inference.net import read_module
from leafscope.core.inference.start import untrained
from leafscope.core.models import build_net
from tests.core.mixtures.nets import drawn

KINDS = (
    {"kind": "moe", "experts": 5, "top_k": 2, "balancing": "bias", "tree_layers": 2},
    {"kind": "moe", "experts": 3, "top_k": 1, "leaf_width": 4},
    {"kind": "fff", "depth": 3, "tree_layers": 2},
    {"kind": "fff", "depth": 0, "leaf_width": 4},
    {"kind": "soft_tree", "depth": 3, "inverse_temperature": 2.0},
    {"kind": "soft_tree", "depth": 0},
)


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: f"{fields['kind']}{fields.get('depth', '')}")
@pytest.mark.parametrize("n", [0, 30])
def test_logits_leaves_and_mixture_are_the_module_s(fields, n):
    theirs = drawn(width=6, **fields).float()
    mine = read_module(theirs)
    x = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    with torch.no_grad():
        expected, found = theirs.routed(torch.tensor(x)), mine.routed(x)
        np.testing.assert_allclose(found.logits, expected.logits.numpy(), atol=1e-5, rtol=1e-5)
        assert [leaf.shape for leaf in found.leaves] == [tuple(leaf.shape) for leaf in expected.leaves]
        assert all(np.array_equal(one, other.numpy()) for one, other in zip(found.leaves, expected.leaves, strict=True))
        assert (found.mixed is None) == (fields["kind"] == "moe")
        if found.mixed is not None:
            np.testing.assert_allclose(found.mixed, theirs.mixed(torch.tensor(x)).numpy(), atol=1e-5, rtol=1e-5)
    assert (mine.n_features, mine.n_outputs) == (5, 3)
    for shares, leaf in zip(found.shares, found.leaves, strict=True):
        np.testing.assert_allclose(shares.sum(1), np.ones(n), atol=1e-5)
        if fields["kind"] == "soft_tree":
            assert np.array_equal(shares.argmax(1), leaf)


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: f"{fields['kind']}{fields.get('depth', '')}")
def test_untrained_nets_are_those_of_torch(fields):
    config = NetConfig(width=6, **fields)
    theirs = build_net(config, 5, 3, seed=7).state_dict()
    mine = untrained(config, 5, 3, seed=7).weights
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        assert np.array_equal(mine[name], values.numpy()), name
