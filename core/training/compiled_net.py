"""Whole training steps of a net in compiled code: routing, forward, backward and AdamW, with no call between them.

P input features · K depth · V nodes · w width. The net's parameters and the optimizer's moments become views of flat
arrays, so that the torch module, its state_dict and the optimizer's state stay what they are and are always current.
One net runs on one thread and releases the interpreter while it does, so that nets train side by side on many.
"""

import numpy as np
import torch
from torch import Tensor, nn

from leafscope.core.config import TrainConfig
from leafscope.core.kernels import compiled
from leafscope.core.kernels.cpu import apart
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.optim import LazyAdamW
from leafscope.core.tree import TreeLinear

LARGEST_MATRIX = 1 << 16
"""Entries of a matrix above which the products of BLAS, on the reference path, are the faster way."""

_GATES = {"hidden": compiled.HIDDEN_GATES, "units": compiled.UNIT_GATES, "random": compiled.RANDOM_GATES}


def takes(net: DenseNet | TreeNet) -> bool:
    """Whether compiled steps can train this net: float32 on the CPU, and no matrix so large that BLAS is faster."""
    parameters = list(net.parameters())
    width = net.config.width
    largest = width * max(width, net.hidden.in_features, net.head.out_features)
    return largest <= LARGEST_MATRIX and all(
        p.device.type == "cpu" and p.dtype == torch.float32 and p.requires_grad for p in parameters
    )


class CompiledNet:
    """Trains and evaluates a net in place; takes over the storage of its parameters and of the optimizer's state."""

    def __init__(self, net: DenseNet | TreeNet, optimizer: LazyAdamW, train: TrainConfig) -> None:
        config = net.config
        self._train = train
        self._n_layers = config.tree_layers
        self._depth = config.depth if isinstance(net, TreeNet) else 0
        parts, layout = _layout(net)
        total = sum(parameter.numel() for parameter in parts)
        self._theta, self._m, self._v = (apart(total, number) for number in range(3))
        self._layout = layout
        first = net.layers[0]
        nodes = first.n_nodes if isinstance(first, TreeLinear) else 1
        self._visits = np.zeros((config.tree_layers, nodes), np.int64)
        self._plain_visits = np.zeros(2, np.int64)
        self._normals = np.zeros((config.tree_layers, self._depth, config.width), np.float32)
        if isinstance(net, TreeNet) and config.gates == "random":
            for layer, gate in enumerate(net.gates):
                self._normals[layer] = gate.get_buffer("normals").numpy()
        self._adopt(net, optimizer, parts)
        growth = train.decay_growth if config.kind == "tree" else 1.0
        self._level_decay = train.weight_decay * growth ** np.arange(17.0)
        group = optimizer.param_groups[0]
        self._rates = np.array([group["lr"], *group["betas"], group["eps"]])

    def steps(self, x: Tensor, y: Tensor, rows: np.ndarray, noise: np.ndarray | None, first: int, of: int) -> tuple[int, float]:
        """Train on consecutive batches of rows: the number of the step that failed, or -1, and its loss.

        x (N, P) and y (N,) are the whole split, rows (R,) int64 the order of training, noise (layers, R, K) or None;
        `first` is the number of the first step in the run and `of` how many the run has.
        """
        train = self._train
        failed, loss = compiled.train_steps(
            self._theta, self._m, self._v, self._layout, self._visits, self._plain_visits, self._normals,
            x.numpy(), y.numpy(), rows, train.batch_size, _NO_NOISE if noise is None else noise,
            train.gate_gradient == "straight_through", float(train.balance), float(train.lr), train.schedule == "cosine",
            first, of, self._rates, self._level_decay,
        )  # fmt: skip
        return int(failed), float(loss)

    def evaluate(self, x: Tensor, y: Tensor, rows_at_once: int) -> tuple[float, float, list[np.ndarray]]:
        """Measure mean cross-entropy (nats) and accuracy, and list each row's leaf at every gated layer."""
        n = len(y)
        leaves = np.zeros((self._n_layers, n), np.int64)
        loss, right = 0.0, 0
        for first in range(0, n, rows_at_once):
            part = slice(first, min(first + rows_at_once, n))
            part_leaves = np.empty((self._n_layers, part.stop - first), np.int64)
            sums = compiled.evaluate_rows(
                self._theta, self._layout, self._normals, x.numpy()[part], y.numpy()[part], part_leaves
            )
            leaves[:, part] = part_leaves
            loss += sums[0]
            right += sums[1]
        if n == 0:
            return float("nan"), float("nan"), list(leaves)
        return loss / n, right / n, list(leaves)

    @torch.no_grad()
    def _adopt(self, net: DenseNet | TreeNet, optimizer: LazyAdamW, parts: list[Tensor]) -> None:
        """Move parameters and state into the flat arrays."""
        optimizer.start_state()
        tables = [list(layer.parameters()) for layer in net.layers]
        gates = [] if isinstance(net, DenseNet) else list(net.gates.parameters())
        table_visits = [torch.from_numpy(visits) for visits in self._visits]
        plain_visits = [torch.from_numpy(self._plain_visits[part : part + 1]) for part in range(2)]
        at = 0
        for parameter in parts:
            state = optimizer.state[parameter]
            for flat, holder, name in (
                (self._theta, None, ""),
                (self._m, state, "exp_avg"),
                (self._v, state, "exp_avg_sq"),
            ):
                view = torch.from_numpy(flat[at : at + parameter.numel()]).view(parameter.shape)
                view.copy_(parameter if holder is None else holder[name])
                if holder is None:
                    parameter.data = view
                else:
                    holder[name] = view
            at += parameter.numel()
            layer = next((n for n, table in enumerate(tables) if any(parameter is p for p in table)), None)
            of_gates = any(parameter is p for p in gates)
            visits = plain_visits[int(of_gates)] if layer is None else table_visits[layer]
            state["visits"] = visits.copy_(state["visits"])


_NO_NOISE = np.empty((0, 0, 0), np.float32)


def _layout(net: DenseNet | TreeNet) -> tuple[list[Tensor], np.ndarray]:
    """The parameters in the order in which they stand in the flat arrays, and where each begins."""
    c = compiled
    config = net.config
    layout = np.zeros(c.FIRST_LAYER + c.PER_LAYER * config.tree_layers, np.int64)
    depth = config.depth if isinstance(net, TreeNet) else 0
    layout[c.N_FEATURES], layout[c.WIDTH], layout[c.N_CLASSES] = net.hidden.in_features, config.width, net.head.out_features
    layout[c.DEPTH], layout[c.LAYERS] = depth, config.tree_layers
    layout[c.TREE] = isinstance(net, DenseNet) or config.kind == "tree"
    layout[c.GATES] = _GATES[config.gates] if depth else c.HIDDEN_GATES
    places: list[tuple[int, Tensor]] = [
        (c.HIDDEN_W, net.hidden.weight), (c.HIDDEN_B, net.hidden.bias), (c.HEAD_W, net.head.weight), (c.HEAD_B, net.head.bias)
    ]  # fmt: skip
    for number, layer in enumerate(net.layers):
        assert isinstance(layer, TreeLinear | nn.Linear)
        at = c.FIRST_LAYER + c.PER_LAYER * number
        assert layer.bias is not None
        places += [(at + c.LAYER_W, layer.weight), (at + c.LAYER_B, layer.bias)]
        if isinstance(net, TreeNet) and layout[c.GATES] == c.UNIT_GATES:
            gate = net.gates[number]
            assert isinstance(gate, nn.Linear)
            places += [(at + c.GATE_W, gate.weight), (at + c.GATE_B, gate.bias)]
    begin = 0
    for place, parameter in places:
        layout[place] = begin
        begin += parameter.numel()
    return [parameter for _, parameter in places], layout
