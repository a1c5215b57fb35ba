"""Whole training steps of a net in compiled code: routing, forward, backward and AdamW, with no call between them.

P input features · K depth · V nodes · w width. The net's parameters and the optimizer's moments become views of flat
arrays, so that the torch module, its state_dict and the optimizer's state stay what they are and are always current.
One net runs on one thread and releases the interpreter while it does, so that nets train side by side on many.
"""

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from leafscope.core.balancing.centred import MOMENTUM
from leafscope.core.config import TrainConfig
from leafscope.core.kernels import compiled
from leafscope.core.kernels.cpu import apart
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.optim import LazyAdamW
from leafscope.core.parametrizations import PARAMETRIZATIONS, Parametrization, walk
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


Answered: TypeAlias = "tuple[Tensor, Tensor, Tensor | None]"
"""Rows of a split: x (N, P), y (N,) int64 classes or float32 numbers, and (N,) float32 weights of their losses, if any."""


class CompiledNet:
    """Trains and evaluates a net in place; takes over the storage of its parameters and of the optimizer's state."""

    def __init__(self, net: DenseNet | TreeNet, optimizer: LazyAdamW, train: TrainConfig) -> None:
        config = net.config
        self._n_layers, self._n_outputs = config.tree_layers, net.head.out_features
        self._depth = config.depth if isinstance(net, TreeNet) else 0
        parts, layout = _layout(net)
        total = sum(parameter.numel() for parameter in parts)
        theta, m, v = (apart(total, number) for number in range(3))
        first = net.layers[0]
        nodes = first.n_nodes if isinstance(first, TreeLinear) else 1
        visits, plain_visits = np.zeros((config.tree_layers, nodes), np.int64), np.zeros(2, np.int64)
        normals = np.zeros((config.tree_layers, self._depth, config.width), np.float32)
        if isinstance(net, TreeNet) and config.gates == "random":
            for layer, gate in enumerate(net.gates):
                normals[layer] = gate.get_buffer("normals").numpy()
        offsets = net.offsets.numpy() if isinstance(net, TreeNet) and net.offsets is not None else np.empty((0, 0), np.float32)
        flat = compiled.Net(layout, theta, m, v, visits, plain_visits, normals, offsets)
        _adopt(net, optimizer, parts, flat)
        powers = _parametrization(net).decay_powers(self._depth)
        level_decay = np.full(17, train.weight_decay)
        level_decay[: len(powers)] = train.weight_decay * (train.decay_growth ** np.arange(17.0))[list(powers)]
        group = optimizer.param_groups[0]
        settings = compiled.Settings(
            batch=train.batch_size,
            straight_through=train.gate_gradient == "straight_through",
            balance=0.0 if offsets.size else float(train.balance),
            centring=1 - MOMENTUM if config.balancing == "centred" else 0.0,
            bias_rate=float(train.balance) if config.balancing == "bias" else 0.0,
            lr=float(train.lr),
            cosine=train.schedule == "cosine",
            rates=np.array([group["lr"], *group["betas"], group["eps"]]),
            level_decay=level_decay,
            decays_to_mean=_parametrization(net).decays_to_mean and train.weight_decay > 0,
        )
        self._net, self._settings = _plain(flat), _plain(settings)

    def steps(self, answered: Answered, rows: np.ndarray, noise: np.ndarray | None, first: int, of: int) -> tuple[int, float]:
        """Train on consecutive batches of rows: the number of the step that failed, or -1, and its loss.

        `answered` is the whole split, rows (R,) int64 the order of training, noise (layers, R, K) or None; `first` is the
        number of the first step in the run and `of` how many the run has.
        """
        drawn = _NO_NOISE if noise is None else noise
        x, answers = _of(answered, slice(None))
        failed, loss = compiled.train_steps(self._net, self._settings, x, answers, rows, drawn, first, of)
        return int(failed), float(loss)

    def evaluate(
        self, answered: Answered, rows_at_once: int, tally: np.ndarray | None = None
    ) -> tuple[float, float, list[np.ndarray], np.ndarray]:
        """Measure the mean loss and the share of right rows, and list each row's leaf at every gated layer, and the outputs.

        Of classes, answers and right ones are added to the counts of `confusion.tally` (3, C), and the outputs are (0, C); of
        numbers there is no tally, and the outputs are (N, 1).
        """
        n = len(answered[1])
        leaves = np.zeros((self._n_layers, n), np.int64)
        outputs = np.zeros((n if tally is None else 0, self._n_outputs), np.float32)
        counts = _NO_COUNTS if tally is None else tally
        loss, right = 0.0, 0
        for first in range(0, n, rows_at_once):
            part = slice(first, min(first + rows_at_once, n))
            part_leaves = np.empty((self._n_layers, part.stop - first), np.int64)
            x, answers = _of(answered, part)
            sums = compiled.evaluate_rows(self._net, x, answers, part_leaves, outputs[part], counts)
            leaves[:, part] = part_leaves
            loss += sums[0]
            right += sums[1]
        if n == 0:
            return float("nan"), float("nan"), list(leaves), outputs
        return loss / n, right / n, list(leaves), outputs


def _of(answered: Answered, part: slice) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows of a split as compiled code takes them: features, and `compiled.Answers` without names."""
    x, y, weight = answered
    values = y.numpy()[part]
    classes, targets = (_NO_CLASSES, values) if y.dtype.is_floating_point else (values, _NO_NUMBERS)
    return x.numpy()[part], (classes, targets, _NO_NUMBERS if weight is None else weight.numpy()[part])


_NO_CLASSES, _NO_NUMBERS = np.empty(0, np.int64), np.empty(0, np.float32)
_NO_COUNTS = np.empty((3, 0), np.int64)
_NO_NOISE = np.empty((0, 0, 0), np.float32)


def _plain(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same without names, as compiled code takes it from Python."""
    return tuple(_plain(value) if isinstance(value, tuple) else value for value in values)


@torch.no_grad()
def _adopt(net: DenseNet | TreeNet, optimizer: LazyAdamW, parts: list[Tensor], flat: compiled.Net) -> None:
    """Move parameters and state into the flat arrays."""
    optimizer.start_state()
    tables = [list(layer.parameters()) for layer in net.layers]
    gates = [] if isinstance(net, DenseNet) else list(net.gates.parameters())
    table_visits = [torch.from_numpy(visits) for visits in flat.visits]
    plain_visits = [torch.from_numpy(flat.plain_visits[part : part + 1]) for part in range(2)]
    at = 0
    for parameter in parts:
        state = optimizer.state[parameter]
        for values, holder, name in ((flat.theta, None, ""), (flat.m, state, "exp_avg"), (flat.v, state, "exp_avg_sq")):
            view = torch.from_numpy(values[at : at + parameter.numel()]).view(parameter.shape)
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


def _parametrization(net: DenseNet | TreeNet) -> Parametrization:
    """That of the gated layers; a plain layer is a tree of depth 0."""
    return PARAMETRIZATIONS[net.config.model.parametrization if isinstance(net, TreeNet) else "tree"]


def _layout(net: DenseNet | TreeNet) -> tuple[list[Tensor], compiled.Layout]:
    """The parameters in their order in the flat arrays, and where each begins."""
    config = net.config
    depth = config.depth if isinstance(net, TreeNet) else 0
    gates = _GATES[config.gates] if depth else compiled.HIDDEN_GATES
    pairs: list[nn.Module] = [net.hidden, net.head]
    for number, layer in enumerate(net.layers):
        pairs.append(layer)
        if isinstance(net, TreeNet) and gates == compiled.UNIT_GATES:
            pairs.append(net.gates[number])
    parts: list[Tensor] = []
    begins: list[tuple[int, int]] = []
    begin = 0
    for pair in pairs:
        assert isinstance(pair, TreeLinear | nn.Linear)
        assert pair.bias is not None
        begins.append((begin, begin + pair.weight.numel()))
        begin += pair.weight.numel() + pair.bias.numel()
        parts += [pair.weight, pair.bias]
    of_layers = np.array(begins[2:], np.int64)
    with_gating = len(pairs) > 2 + config.tree_layers
    parametrization = _parametrization(net)
    numbering = parametrization.numbering(depth)
    return parts, compiled.Layout(
        n_features=net.hidden.in_features,
        width=config.width,
        n_classes=net.head.out_features,
        depth=depth,
        layers=config.tree_layers,
        bits=walk(parametrization.levels(depth), depth),
        numbering=np.empty(0, np.int64) if numbering is None else numbering,
        nodes=parametrization.n_nodes(depth),
        gates=gates,
        hidden=begins[0],
        head=begins[1],
        tables=of_layers[::2].copy() if with_gating else of_layers,
        gating=of_layers[1::2].copy() if with_gating else np.empty((0, 2), np.int64),
    )
