"""Many nets of one shape as one: parameters with a leading member axis, and whole training steps without a wait for the device.

M nets (members) · N rows of each in a step · P input features · Q output features · C classes · K depth · V nodes · T slots of
a layer (`kernels.slots`). Each step is the same sequence of operations on arrays of the same shape, whatever the data: that is
what a GPU is fast at, and what a CUDA graph can record. The members' torch modules and optimizers become views of the arrays,
so that their states stay current. Steps agree with those of `Trainer` on the reference path up to rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.balancing import BALANCINGS
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.gates.registry import Factor
from leafscope.core.gating import bits_of, leaf_index, sign_bits
from leafscope.core.kernels.reference import factor_zeros
from leafscope.core.kernels.slots import Slots, in_slots, make_slots, products
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.optim import LazyAdamW, adamw_rows
from leafscope.core.parametrizations import PARAMETRIZATIONS, Bits, are_prefixes
from leafscope.core.training.losses import row_losses
from leafscope.core.tree import TreeLinear

Member: TypeAlias = "tuple[DenseNet | TreeNet, LazyAdamW]"


@dataclass
class _Stack:
    """Rows of parameters of all members, each with its own visits: V + 1 nodes of a table, or one row of what has no nodes."""

    values: Tensor
    """(M, V + 1, n), or (M, 1, n); the last row of a table belongs to unused slots and stays zero."""
    m: Tensor
    v: Tensor
    visits: Tensor
    """(M, V + 1) or (M, 1) int64."""
    decay: Tensor
    """(M, V + 1) or (M, 1) float64."""
    shapes: list[torch.Size]
    """Of one row of each parameter, in the order of their entries."""
    decays_to_mean: bool
    """Whether nodes decay to the mean of all V instead of to 0."""

    def parts(self, rows: Tensor) -> list[Tensor]:
        """Split rows (..., n) into the parameters' rows (..., *shape)."""
        sizes = [shape.numel() for shape in self.shapes]
        return [part.unflatten(-1, shape) for part, shape in zip(rows.split(sizes, -1), self.shapes, strict=True)]


@dataclass(frozen=True)
class _Touched:
    """The rows of a layer's table that a step uses, and their gradient's place in autograd."""

    stack: _Stack
    nodes: Tensor
    """(M, T) int64."""
    rows: Tensor
    """(M, T, n), which autograd differentiates by."""


@dataclass(frozen=True)
class BatchedRouted:
    """The result of a forward pass of all members; see `nets.Routed`."""

    logits: Tensor
    """(M, N, C)."""
    gates: list[Tensor]
    """(M, N, K) for each gated layer, with offsets and without noise."""
    leaves: list[Tensor]
    """(M, N) int64 for each gated layer."""


class BatchedNet:
    """Trains members of one shape, each with its own rows, rate and decay; takes over the storage of nets and optimizers.

    `balance` (M,) are their `TrainConfig.balance`. Members whose loss is not finite are not updated again.
    Raises ValueError for nets of different configurations.
    """

    def __init__(self, members: Sequence[Member], gate_gradient: str, balance: Sequence[float] = ()) -> None:
        nets = [net for net, _ in members]
        self.config = nets[0].config
        if any(type(net) is not type(nets[0]) or net.config != self.config for net in nets):
            raise ValueError(f"members must have nets of one shape, got {', '.join({str(net.config) for net in nets})}")
        self._depth = self.config.depth if isinstance(nets[0], TreeNet) else 0
        parametrization = PARAMETRIZATIONS[self.config.model.parametrization if self._depth else "tree"]
        self._levels = parametrization.levels(self._depth)
        numbering = parametrization.numbering(self._depth)
        factor = GATE_GRADIENTS[gate_gradient].factor
        self._factor: Factor | None = factor if self._depth else None
        settings = members[0][1].param_groups[0]
        self._settings = {name: settings[name] for name in ("betas", "eps")}
        device = nets[0].hidden.weight.device
        self._numbering = None if numbering is None else torch.tensor(numbering, device=device)
        self._strength = torch.tensor(balance or [0.0] * len(nets), dtype=torch.float32, device=device)
        self._lowering = BALANCINGS[self.config.balancing].lowering
        self._is_penalized = self._depth > 0 and self._lowering is None and any(balance)

        gated = isinstance(nets[0], TreeNet)
        plain = ["hidden", *([] if gated else _layers("layers", nets[0])), "head"]
        self._plain = _stacked(members, plain)
        self._tables = [_stacked(members, [name]) for name in _layers("layers", nets[0])] if gated else []
        units = _layers("gates", nets[0]) if self._depth and self.config.gates == "units" else []
        self._units = _stacked(members, units) if units else None
        self._normals: list[Tensor] = []
        if self._depth and self.config.gates == "random":
            self._normals = [
                torch.stack([net.get_buffer(f"{name}.normals") for net in nets]) for name in _layers("gates", nets[0])
            ]
        self._offsets: Tensor | None = None
        if self._depth and self._lowering is not None:
            self._offsets = torch.stack([net.get_buffer("offsets") for net in nets], 1)
            for net, own in zip(nets, self._offsets.unbind(1), strict=True):
                net.offsets = own
        count = len(members)
        self._steps = torch.zeros((), dtype=torch.int64, device=device)
        self._alive = torch.ones(count, dtype=torch.bool, device=device)
        self._failed_step = torch.full((count,), -1, dtype=torch.int64, device=device)
        self._failed_loss = torch.zeros(count, device=device)

    def step(self, x: Tensor, y: Tensor, rate: Tensor, noise: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        """Train one step and return the losses (M,).

        x (M, N, P), y (M, N) classes or numbers, rate (M,) float64, noise (layers, M, N, K) or None, weight (M, N) or None.
        """
        touched: list[_Touched] = []
        whole = [self._plain] if self._units is None else [self._plain, self._units]
        leaves_of_autograd = [stack.values.detach().requires_grad_() for stack in whole]
        routed = self._routed(x, leaves_of_autograd, noise, touched)
        losses = _mean_losses(routed.logits, y, weight)
        if self._is_penalized:
            for gate, leaf in zip(routed.gates, routed.leaves, strict=True):
                losses = losses + self._strength * balance_penalties(gate, leaf)
        wanted = [*leaves_of_autograd, *(part.rows for part in touched)]
        gradients = torch.autograd.grad(losses.sum(), wanted, allow_unused=True)
        with torch.no_grad():
            self._note(losses.detach())
            every = torch.zeros(len(x), 1, dtype=torch.int64, device=x.device)
            for stack, gradient in zip(whole, gradients, strict=False):
                if gradient is not None:  # gating units that do not learn stay as they began, without decay
                    self._update(_Touched(stack, every, stack.values), gradient, rate, spare=1)
            for part, gradient in zip(touched, gradients[len(whole) :], strict=True):
                assert gradient is not None
                self._update(part, gradient, rate, spare=part.stack.values.shape[1] - 1)
            self._move_offsets(routed)
        return losses.detach()

    @torch.no_grad()
    def evaluate(
        self, x: Tensor, y: Tensor, rows_at_once: int, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Measure losses (M,), and list outputs (M, N, C) and leaves (M, N); x (M, N, P), y and weight (M, N)."""
        logits, leaves = [], []
        for part in x.split(rows_at_once, 1):
            routed = self._routed(part, [self._plain.values, *([] if self._units is None else [self._units.values])])
            logits.append(routed.logits)
            leaves.append(routed.leaves)
        scores = torch.cat(logits, 1)
        return _mean_losses(scores, y, weight), scores, [torch.cat(layer, 1) for layer in zip(*leaves, strict=True)]

    def failures(self) -> dict[int, tuple[int, float]]:
        """Ask the device which members' losses were not finite: member -> number of the step in this object's, and the loss."""
        steps, losses = self._failed_step.tolist(), self._failed_loss.tolist()
        return {member: (step, losses[member]) for member, step in enumerate(steps) if step >= 0}

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return int(self._steps)

    def _routed(
        self, x: Tensor, whole: list[Tensor], noise: Tensor | None = None, touched: list[_Touched] | None = None
    ) -> BatchedRouted:
        """Compute the logits with plain parameters and gating units (M, 1, n); `touched` takes the nodes to differentiate."""
        plain = [part.squeeze(1) for part in self._plain.parts(whole[0])]
        units = [] if self._units is None else [part.squeeze(1) for part in self._units.parts(whole[1])]
        gates: list[Tensor] = []
        leaves: list[Tensor] = []
        z = _linear(x, *plain[:2])
        for layer in range(self.config.tree_layers):
            h = functional.relu(z)
            if not self._tables:
                z = _linear(h, *plain[2 + 2 * layer : 4 + 2 * layer])
                continue
            if units:
                gate = _linear(h, *units[2 * layer : 2 * layer + 2])
            else:
                gate = h @ self._normals[layer].mT if self._normals else z[:, :, : self._depth]
            gate = gate if self._offsets is None else gate + self._offsets[layer].unsqueeze(1)
            read = gate if noise is None else gate + noise[layer]
            leaf = leaf_index(sign_bits(read.detach()))
            gates.append(gate)
            leaves.append(leaf)
            z = self._layer(self._tables[layer], h, leaf, read, touched)
        return BatchedRouted(_linear(functional.relu(z), *plain[-2:]), gates, leaves)

    def _layer(self, table: _Stack, h: Tensor, leaf: Tensor, gate: Tensor, touched: list[_Touched] | None) -> Tensor:
        """Multiply each row by its leaf's matrix: (M, N, P), (M, N), (M, N, K) -> (M, N, Q)."""
        number = leaf if self._numbering is None else self._numbering[leaf]
        slots = make_slots(number, self._depth, True, self._levels)
        nodes, is_repeated = slots.nodes, not are_prefixes(self._levels)
        if is_repeated:  # every node once; those without rows are as unused slots
            spare = table.values.shape[1] - 1
            nodes = nodes.new_full((len(nodes), spare + 1), spare).scatter_(1, nodes, nodes)
        rows = _select(table.values, nodes)
        if touched is not None:
            rows = rows.requires_grad_()
            touched.append(_Touched(table, nodes, rows))
        weights, biases = table.parts(_select(rows, slots.nodes) if is_repeated else rows)
        ordered = h.gather(1, _wide(slots.order, h))
        last = slots.levels[-1].counts
        y = products(ordered, in_slots(weights, slots)[-1], in_slots(biases, slots)[-1], last)
        if self._factor is not None and gate.requires_grad and self._numbering is not None:
            zeros = self._zeros(leaf, slots, gate, ())  # a pattern's nodes depend on all of its bits
            y = y + zeros[:, :, -1:] * y.detach()
        elif self._factor is not None and gate.requires_grad:
            y = y + self._credit(ordered, leaf, weights.detach(), biases.detach(), slots, gate)
        return y.gather(1, _wide(slots.inverse, y))

    def _credit(self, rows: Tensor, leaf: Tensor, weights: Tensor, biases: Tensor, slots: Slots, gate: Tensor) -> Tensor:
        """Compute a term that is exactly 0 but whose gradient reaches the gates, as `kernels.reference` does: (M, N, Q)."""
        zeros = self._zeros(leaf, slots, gate, self._levels)
        sizes = [level.nodes.shape[1] for level in slots.levels]
        own = zip(self._levels, slots.levels, weights.split(sizes, 1), biases.split(sizes, 1), strict=True)
        term = rows.new_zeros(())
        for bits, level, w, b in own:
            if bits.size == 0:  # the root has no factor
                continue
            with torch.no_grad():
                contribution = products(rows.detach(), w, b, level.counts)
            term = term + zeros[:, :, bits.stop - 1, None] * contribution
        return term

    def _zeros(self, leaf: Tensor, slots: Slots, gate: Tensor, levels: Sequence[Bits]) -> Tensor:
        """Compute zeros with the gradients of the factors, in sorted order: (M, N), (M, N, K) -> (M, N, K)."""
        assert self._factor is not None
        signs = bits_of(leaf, self._depth) * 2 - 1
        zeros = factor_zeros(signs.to(gate.dtype).flatten(0, 1), gate.flatten(0, 1), self._factor, levels).view(gate.shape)
        return zeros.gather(1, _wide(slots.order, zeros))

    def _move_offsets(self, routed: BatchedRouted) -> None:
        """Move the offsets of the gates of members that are alive, as `TreeNet.move_offsets` does."""
        if self._lowering is None or self._offsets is None:
            return
        for offset, gate, leaf in zip(self._offsets, routed.gates, routed.leaves, strict=True):
            lowering = self._lowering(gate, bits_of(leaf, self._depth), self._strength.unsqueeze(1))
            offset -= torch.where(self._alive.unsqueeze(1), lowering, 0.0)

    def _note(self, losses: Tensor) -> None:
        """Remember whose loss is not finite for the first time; its later steps do nothing."""
        failed = self._alive & ~losses.isfinite()
        self._failed_step.copy_(torch.where(failed, self._steps, self._failed_step))
        self._failed_loss.copy_(torch.where(failed, losses, self._failed_loss))
        self._alive &= ~failed
        self._steps += 1

    def _update(self, touched: _Touched, gradient: Tensor, rate: Tensor, spare: int) -> None:
        """Do one AdamW update of touched rows of members that are alive; rows from `spare` on are not the members'."""
        stack, nodes = touched.stack, touched.nodes
        moves = (nodes < spare) & self._alive.unsqueeze(1)
        visits = _select(stack.visits, nodes) + moves
        before = [_select(table, nodes) for table in (stack.values, stack.m, stack.v)]
        w, m, v = (rows.clone().flatten(0, 1) for rows in before)
        rates = rate.unsqueeze(1).expand(nodes.shape).reshape(-1, 1)
        decay = _select(stack.decay, nodes).flatten()
        group = self._settings | {"lr": rates, "weight_decay": 0.0}
        mean = None
        if stack.decays_to_mean:
            mean = stack.values[:, :spare].mean(1).repeat_interleave(nodes.shape[1], 0)
        adamw_rows(w, gradient.flatten(0, 1), m, v, visits.clamp(min=1).flatten(), group, decay, mean)
        index = _flat(nodes, stack.visits.shape[1])
        stack.visits.view(-1).index_copy_(0, index, visits.flatten())
        for table, old, new in zip((stack.values, stack.m, stack.v), before, (w, m, v), strict=True):
            kept = torch.where(moves.unsqueeze(2), new.view(old.shape), old)
            table.view(-1, table.shape[2]).index_copy_(0, index, kept.flatten(0, 1))


def balance_penalties(gate: Tensor, leaf: Tensor) -> Tensor:
    """Measure how unevenly each member's inner nodes send their rows, as `nets.balance_penalty`: (M, N, K), (M, N) -> (M,)."""
    members, _, depth = gate.shape
    total = gate.new_zeros(members)
    tiny = torch.finfo(gate.dtype).eps
    for level in range(depth):
        node = leaf >> (depth - level)
        rows = gate.new_zeros(members, 1 << level).scatter_add(1, node, gate.new_ones(node.shape))
        right = gate.new_zeros(members, 1 << level).scatter_add(1, node, torch.sigmoid(gate[:, :, level]))
        alpha = torch.where(rows > 0, right / rows.clamp(min=1), 0.5).clamp(tiny, 1 - tiny)
        reached = torch.where(rows > 0, alpha.log() + (1 - alpha).log(), 0.0)
        total = total - 0.5 * 2.0**-level * reached.sum(1)
    return total


def _mean_losses(outputs: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
    """Return each member's mean loss: (M, N, C), (M, N), (M, N) or None -> (M,)."""
    losses = row_losses(outputs, y)
    return (losses if weight is None else losses * weight).mean(1)


def release(member: Member) -> None:
    """Give a member storage of its own, so that the arrays that it was a view of can be freed."""
    net, optimizer = member
    for parameter in net.parameters():
        parameter.data = parameter.data.clone()
        state = optimizer.state[parameter]
        for name, values in state.items():
            state[name] = values.clone()
    if isinstance(net, TreeNet) and net.offsets is not None:
        net.offsets = net.offsets.clone()


def _layers(name: str, net: nn.Module) -> list[str]:
    return [f"{name}.{number}" for number in range(len(net.get_submodule(name)))]  # type: ignore[arg-type]


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply each member's dense layer: (M, N, P), (M, Q, P), (M, Q) -> (M, N, Q)."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


@torch.no_grad()
def _stacked(members: Sequence[Member], names: Sequence[str]) -> _Stack:
    """Stack the parameters of some modules of all members, which become views of the stack, and so does their state."""
    first = [parameter for name in names for parameter in members[0][0].get_submodule(name).parameters()]
    is_table = isinstance(members[0][0].get_submodule(names[0]), TreeLinear)
    shapes = [parameter.shape[1:] if is_table else parameter.shape for parameter in first]
    rows = first[0].shape[0] + 1 if is_table else 1
    entries = sum(shape.numel() for shape in shapes)
    like = first[0]
    values, m, v = (like.new_zeros(len(members), rows, entries) for _ in range(3))
    visits = torch.zeros(len(members), rows, dtype=torch.int64, device=like.device)
    decay = torch.zeros(len(members), rows, dtype=torch.float64, device=like.device)
    real = slice(0, rows - 1 if is_table else 1)
    for number, (net, optimizer) in enumerate(members):
        parameters = [parameter for name in names for parameter in net.get_submodule(name).parameters()]
        group = next(g for g in optimizer.param_groups if any(parameters[0] is p for p in g["params"]))
        decay[number, real] = group["row_decay"] if is_table else group["weight_decay"]
        at = 0
        for parameter, shape in zip(parameters, shapes, strict=True):
            state = optimizer.state[parameter]
            own = slice(at, at + shape.numel())
            at = own.stop
            for stack, holder, name in ((values, None, ""), (m, state, "exp_avg"), (v, state, "exp_avg_sq")):
                view = stack[number, real, own].unflatten(1, shape)
                view = view if is_table else view.squeeze(0)
                view.copy_(parameter if holder is None else holder[name])
                if holder is None:
                    parameter.data = view
                else:
                    holder[name] = view
            state["visits"] = visits[number, real].copy_(state["visits"])
    to_mean = any(group["decays_to_mean"] for group in members[0][1].param_groups) and is_table
    return _Stack(values, m, v, visits, decay, shapes, to_mean)


def _flat(index: Tensor, rows: int) -> Tensor:
    """Number the rows of all members in one sequence: (M, T) -> (M * T,)."""
    first = torch.arange(index.shape[0], device=index.device).unsqueeze(1) * rows
    return (index + first).flatten()


def _select(table: Tensor, index: Tensor) -> Tensor:
    """Select rows of each member's table: (M, V, ...), (M, T) -> (M, T, ...)."""
    return table.flatten(0, 1).index_select(0, _flat(index, table.shape[1])).unflatten(0, index.shape)


def _wide(index: Tensor, values: Tensor) -> Tensor:
    """Repeat an index (M, N) along the last axis of values (M, N, n), as `gather` wants it."""
    return index.unsqueeze(2).expand(values.shape)
