"""Models and a gate gradient as another person would add them: one object each, registered for as long as a test runs."""

import pytest

from leafscope.core.gates import GATE_GRADIENTS, GateGradient
from leafscope.core.models import MODELS, Line, Model
from leafscope.core.models.counting import DOUBLE, fitting_memory
from leafscope.core.models.registry import Fit, FittedSize


def _fit(run, x, y, chosen):
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(**chosen).fit(x, y), {"neighbours": chosen["n_neighbors"]}


NEAREST = Model(
    name="nearest",
    choice="nearest neighbours",
    lines=(Line("nearest", "nearest neighbours", "the nearest neighbours"),),
    memory=lambda run, p, q, n: fitting_memory(DOUBLE * n * p, p, q, n),
    fit=Fit(
        fit=_fit,
        size=lambda estimator, x: FittedSize(x.size, float(x.size)),
        grid={"n_neighbors": (15, 5, 3, 1)},
        operations="multiply-adds",
        seconds=0.05,
    ),
)

SLOPE_ONE = GateGradient(
    name="slope_one",
    title="slope one",
    meaning="the sign has the gradient of the identity",
    label="S1",
    factor=lambda signs, gate: (signs * gate).cumsum(1),
)


@pytest.fixture
def nearest(monkeypatch) -> Model:
    """The model, registered."""
    MODELS.load()
    monkeypatch.setitem(MODELS._variants, NEAREST.name, NEAREST)
    return NEAREST


@pytest.fixture
def slope_one(monkeypatch) -> GateGradient:
    """The gate gradient, registered."""
    GATE_GRADIENTS.load()
    monkeypatch.setitem(GATE_GRADIENTS._variants, SLOPE_ONE.name, SLOPE_ONE)
    return SLOPE_ONE


MIXTURE = """
import json, sys
import torch
from torch import nn
from leafscope.core.nets import Net, Routed
from leafscope.core.models.counting import linear_weights, training_memory
from leafscope.core.models.registry import MODELS, Line, Model, RoutedLayer, Size
from leafscope.core.options import Option

class Mixture(Net):
    def __init__(self, config, p, q, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.config = config
        self.router = nn.Linear(p, config.members)
        self.experts = nn.ModuleList(nn.Linear(p, q) for _ in range(config.members))

    def routed(self, x, gate_gradient="none", noise=None):
        scores = self.router(x).softmax(1)
        leaf = scores.argmax(1)
        logits = torch.stack([expert(x) for expert in self.experts], 1)[torch.arange(len(x)), leaf]
        return Routed(logits * scores.max(1).values[:, None], [], [leaf])

def size(net, p, q):
    return Size(net.members * (p + 1) * (q + 1), net.members * (p + 1) * (q + 1), p * (net.members + q))

MODELS.register(Model(
    name="mixture",
    choice="toy mixture",
    lines=(Line("mixture", "toy mixture", style="flat"),),
    options=(
        Option(
            name="members", default=16, low=2, high=500, label="Experts", meaning="Linear maps to choose from.", short="E"
        ),
        Option(
            name="router", default="first", label="Router", meaning="How experts are chosen.",
            choices={"first": "the best", "top_2": "the best two"},
        ),
    ),
    is_gated=True,
    routed_layers=lambda net: [RoutedLayer(net.members)],
    cost=size,
    weights=lambda net, p, q: [
        *linear_weights("router", p, net.members),
        *(one for number in range(net.members) for one in linear_weights(f"experts.{number}", p, q)),
    ],
    memory=lambda run, p, q, n: training_memory(run, n, size(run.net, p, q).parameters, p + q),
    build=Mixture,
))
"""
"""A module that registers a net with fields of its own, which must be there before configurations are imported."""
