"""Gates with each way of balancing, and frozen gates with and without credit, against plain PyTorch in float64.

The plain net multiplies each row by the sum of its path's matrices; AdamW updates the nodes that a batch visits.
"""

import itertools

import pytest
import torch
from torch.nn import functional

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.nets import TreeNet
from leafscope.core.training.events import Ended
from leafscope.core.training.population import Population
from leafscope.core.training.trainer import Trainer

DEPTH = 2
RUN = RunConfig(
    data=DataConfig(name="moons", n_samples=90),
    net=NetConfig(depth=DEPTH, width=5, tree_layers=2),
    train=TrainConfig(epochs=2, batch_size=20, lr=0.003, schedule="constant", weight_decay=0.1, device="cpu"),
    seed=3,
)
SETTINGS = [
    {"net.gates": gates, "train.gate_gradient": credit, **balancing}
    for gates, credit, balancing in itertools.product(
        ("hidden", "units", "random"),
        ("none", "straight_through"),
        ({}, {"net.balancing": "centred"}, {"net.balancing": "bias", "train.balance": 0.03}),
    )
]


class Plain:
    """The net of a run in float64, from the same initial weights."""

    def __init__(self, run: RunConfig, net: TreeNet) -> None:
        self.run = run
        self.weights = {name: tensor.detach().double().clone() for name, tensor in net.state_dict().items()}
        self.trained = {name: self.weights[name].requires_grad_() for name, _ in net.named_parameters()}
        self.state = {name: [torch.zeros_like(weight.detach()) for _ in range(3)] for name, weight in self.trained.items()}
        self.visited: dict[int, set[int]] = {}
        self.offsets = torch.zeros(run.net.tree_layers, DEPTH, dtype=torch.float64)

    def gate(self, layer: int, z: torch.Tensor) -> torch.Tensor:
        if self.run.net.gates == "hidden":
            return z[:, :DEPTH]
        h = functional.relu(z)
        if self.run.net.gates == "units":
            return h @ self.weights[f"gates.{layer}.weight"].T + self.weights[f"gates.{layer}.bias"]
        return h @ self.weights[f"gates.{layer}.normals"].T

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Compute the loss, and move the offsets."""
        moved = self.offsets.clone()
        self.visited = {layer: {0} for layer in range(self.run.net.tree_layers)}
        z = x @ self.weights["hidden.weight"].T + self.weights["hidden.bias"]
        for layer in range(self.run.net.tree_layers):
            raw = self.gate(layer, z)
            gate = raw + self.offsets[layer]
            bits = gate.detach() > 0
            table, bias = self.weights[f"layers.{layer}.weight"], self.weights[f"layers.{layer}.bias"]
            slope = torch.sigmoid(torch.where(bits, gate, -gate)).cumprod(1)
            h, prefix = functional.relu(z), torch.zeros(len(z), dtype=torch.int64)
            z = h @ table[0].T + bias[0]
            for level in range(1, DEPTH + 1):
                prefix = 2 * prefix + bits[:, level - 1]
                node = (1 << level) - 1 + prefix
                self.visited[layer] |= set(node.tolist())
                part = (table[node] @ h.unsqueeze(2)).squeeze(2) + bias[node]
                if self.run.train.gate_gradient == "straight_through":
                    factor = slope[:, level - 1] / slope[:, level - 1].detach()
                    part = part + (factor - 1).unsqueeze(1) * part.detach()
                z = z + part
            if self.run.net.balancing == "centred":
                moved[layer] = -(0.99 * -self.offsets[layer] + 0.01 * raw.detach().mean(0))
            elif self.run.net.balancing == "bias":
                moved[layer] -= self.run.train.balance * torch.sign(bits.double().mean(0) - 0.5)
        self.offsets = moved
        logits = functional.relu(z) @ self.weights["head.weight"].T + self.weights["head.bias"]
        return functional.cross_entropy(logits, y)

    @torch.no_grad()
    def update(self) -> None:
        lr, decay = self.run.train.lr, self.run.train.weight_decay
        for name, weight in self.trained.items():
            if weight.grad is None:
                continue
            of_table = name.startswith("layers.")
            rows = sorted(self.visited[int(name.split(".")[1])]) if of_table else slice(None)
            visits, m, v = self.state[name]
            g = weight.grad[rows]
            visits[rows] += 1
            m[rows] = 0.9 * m[rows] + 0.1 * g
            v[rows] = 0.999 * v[rows] + 0.001 * g**2
            size = m[rows] / (1 - 0.9 ** visits[rows]) / ((v[rows] / (1 - 0.999 ** visits[rows])).sqrt() + 1e-8)
            weight[rows] = weight[rows] * (1 - lr * decay) - lr * size
            weight.grad = None

    def train(self, trainer: Trainer) -> None:
        train = self.run.train
        x, y = (torch.tensor(part) for part in (trainer.dataset.train.x, trainer.dataset.train.y))
        for epoch in range(1, train.epochs + 1):
            for rows in trainer._order_of(epoch).split(train.batch_size):
                self.step(x[rows].double(), y[rows]).backward()
                self.update()


def trained_by(path: str, run: RunConfig) -> Trainer:
    if path == "batched":
        population = Population([run, changed(run, {"seed": 8})], compiled=False, as_one=True)
        assert [event for _, event in population.events() if isinstance(event, Ended)] == [Ended("finished")] * 2
        return population.members[0]
    trainer = Trainer(run, compiled=path == "compiled")
    assert (trainer._compiled is not None) == (path == "compiled")
    list(trainer.epochs())
    return trainer


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: "-".join(str(value) for value in one.values()))
def test_weights_and_offsets_are_those_of_the_plain_net(settings):
    run = changed(RUN, settings)
    start = Trainer(run, compiled=False)
    assert isinstance(start.net, TreeNet)
    before = {name: tensor.clone() for name, tensor in start.net.state_dict().items()}
    plain = Plain(run, start.net)
    plain.train(start)
    for path in ("module", "compiled", "batched"):
        state = trained_by(path, run).net.state_dict()
        for name, tensor in state.items():
            wanted = plain.offsets if name == "offsets" else plain.weights[name].detach()
            words = f"{path}, {name}: "
            torch.testing.assert_close(tensor.double(), wanted, rtol=1e-4, atol=2e-6, msg=words.__add__)
            if name.endswith("normals"):
                assert torch.equal(tensor, before[name])
        assert ("offsets" in state) == (run.net.balancing != "penalty")


def test_credit_reaches_the_layer_below_frozen_gates():
    """Through frozen gates the units below learn from the bits: with credit their gradient is another, and gates stay."""
    found = []
    for credit in ("none", "straight_through"):
        trainer = Trainer(changed(RUN, {"net.gates": "random", "train.gate_gradient": credit}), compiled=False)
        with torch.no_grad():
            for layer in trainer.net.layers:
                layer.weight.normal_(generator=torch.Generator().manual_seed(1))  # at the start all leaves are the same
        x, y = trainer._splits["train"]
        routed = trainer.net.routed(x, credit)
        functional.cross_entropy(routed.logits, y).backward()
        found.append((trainer.net.hidden.weight.grad, routed.leaves))
        assert not list(trainer.net.gates.parameters())
    assert all(torch.equal(*pair) for pair in zip(found[0][1], found[1][1], strict=True))
    assert not torch.allclose(found[0][0], found[1][0], rtol=0.1)
