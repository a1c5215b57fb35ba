"""AdamW that updates only the nodes that a batch visits.

V nodes · T touched nodes. A node that no row of the batch visits keeps its weights, moments and visit count. The bias
correction of a node counts its own visits, because a global count would inflate the first update of a rare node (this
project's choice). On tables without sparse gradients this is AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).

Decay to the mean (`flat_mean`): where AdamW subtracts lr decay w from a matrix, these leaves subtract lr decay (w - mean), and
the same for biases. The mean is that of all L leaves of the layer, touched or not, as they are stored before the step, so that
each step reads the table once; a leaf that no row of the batch visits is not pulled, as it does not decay otherwise.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leafscope.core.kernels import Update
from leafscope.core.kernels.cpu import apart
from leafscope.core.parametrizations import PARAMETRIZATIONS, first_nodes
from leafscope.core.tree import TreeLinear


class LazyAdamW(torch.optim.Optimizer):
    """AdamW whose tables with sparse gradients are updated in the touched rows only.

    A group's `row_decay` (V,), if given, holds the weight decay of each row and replaces `weight_decay`; if its
    `decays_to_mean`, rows decay to the mean of all rows of their table.
    State of a parameter: `exp_avg`, `exp_avg_sq` (its shape) and `visits` ((V,) int64; (1,) without sparse gradients).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self._fused: list[TreeLinear] = []
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "row_decay": None, "decays_to_mean": False},
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters; torch's own method imports torch's compiler first, which takes a second."""
        own = torch.optim.Optimizer.add_param_group
        getattr(own, "__wrapped__", own)(self, param_group)

    def start_state(self) -> None:
        """Allocate the state of every trainable parameter, so no memory is allocated during the first step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.requires_grad and not self.state[parameter]:
                    rows = parameter.shape[0] if group["row_decay"] is not None else 1
                    self.state[parameter] = {
                        "exp_avg": torch.zeros_like(parameter),
                        "exp_avg_sq": torch.zeros_like(parameter),
                        "visits": torch.zeros(rows, dtype=torch.int64, device=parameter.device),
                    }

    @torch.no_grad()
    def fuse(self, layer: TreeLinear) -> bool:
        """Let backward passes through a layer update its tables directly, without gradients; return False if not supported.

        Supported on the CPU in float32. The backward pass is then the optimizer step of this layer, with the group's current
        lr, betas and eps and the `row_decay` at the time of this call; each forward pass must be followed by its backward
        pass before the next one. If a parameter is frozen during the backward pass, the others get ordinary gradients. A deep
        copy of the layer is fused too, with its own moments. Raises ValueError if the layer's parameters are not in one group
        of this optimizer with a `row_decay`.
        """
        tables = [table for table in (layer.weight, layer.bias) if table is not None]
        group = next((g for g in self.param_groups if all(any(t is p for p in g["params"]) for t in tables)), None)
        if group is None or group["row_decay"] is None:
            raise ValueError(
                "a layer to fuse must have its parameters in one group with a row_decay, as made by parameter_groups"
            )
        if not all(
            table.device.type == "cpu" and table.dtype == torch.float32 and table.is_contiguous() and table.requires_grad
            for table in tables
        ):
            return False
        self.start_state()
        for table in tables:
            table.data = torch.from_numpy(apart(table.numel(), 0)).view(table.shape).copy_(table)
            for number, name in enumerate(("exp_avg", "exp_avg_sq"), start=1):
                moment = torch.from_numpy(apart(table.numel(), number)).view(table.shape)
                self.state[table][name] = moment.copy_(self.state[table][name])
            self.state[table]["visits"] = self.state[layer.weight]["visits"]
        level_decay = np.zeros(17)
        for level, first in enumerate(first_nodes(layer.levels)):
            level_decay[level] = group["row_decay"][first].item()
        moments = [(self.state[table]["exp_avg"], self.state[table]["exp_avg_sq"]) for table in tables]
        visits = self.state[layer.weight]["visits"]
        layer.update = Update(
            moments[0], moments[1] if len(moments) > 1 else None, visits, group, level_decay, group["decays_to_mean"]
        )
        if not any(layer is fused for fused in self._fused):
            self._fused.append(layer)
        return True

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state; fused layers use it too."""
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["visits"] = state["visits"].to(torch.int64)  # torch converts the state to the parameter's type
        for layer in self._fused:
            self.fuse(layer)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient, in its touched rows."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.start_state()
        counted: set[int] = set()  # tables of a fused layer share their visits
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    visits = self.state[parameter]["visits"]
                    self._update(parameter, group, 0 if id(visits) in counted else 1)
                    counted.add(id(visits))
        return loss

    def _update(self, parameter: Tensor, group: dict[str, Any], visit: int) -> None:
        state = self.state[parameter]
        gradient = parameter.grad
        assert gradient is not None
        tables = (parameter, state["exp_avg"], state["exp_avg_sq"])
        mean = parameter.flatten(1).mean(0) if group["decays_to_mean"] else None
        if not gradient.is_sparse:
            # the whole table is visited; without separate nodes it counts as one row
            rows = state["visits"].shape[0]
            w, m, v = (table.reshape(rows, -1) for table in tables)
            state["visits"] += visit
            adamw_rows(w, gradient.reshape(rows, -1), m, v, state["visits"], group, group["row_decay"], mean)
            return
        gradient = gradient.coalesce()
        touched = gradient.indices()[0]
        values = gradient.values().flatten(1)
        state["visits"][touched] += visit
        visits = state["visits"][touched]
        decay = group["row_decay"][touched]
        if touched.numel() == parameter.shape[0]:
            w, m, v = (table.flatten(1) for table in tables)
            adamw_rows(w, values, m, v, visits, group, decay, mean)
            return
        w, m, v = (table.flatten(1).index_select(0, touched) for table in tables)
        adamw_rows(w, values, m, v, visits, group, decay, mean)
        for table, rows in zip(tables, (w, m, v), strict=True):
            table.flatten(1).index_copy_(0, touched, rows)


def adamw_rows(
    w: Tensor,
    gradient: Tensor,
    m: Tensor,
    v: Tensor,
    visits: Tensor,
    group: dict[str, Any],
    row_decay: Tensor | None,
    mean: Tensor | None = None,
) -> None:
    """Do one AdamW update of rows (T, n) in place; `visits` (T,) includes this one, `row_decay` (T,), or None for one row.

    The group's lr is a number, or (T, 1) float64 where rows have their own. Rows decay to 0, or to `mean`, (n,) or (T, n).
    """
    beta1, beta2 = group["betas"]
    lr, weight_decay = group["lr"], group["weight_decay"]
    step_size: float | Tensor
    kept: float | Tensor
    if row_decay is None:
        count = visits.item()  # one row needs only plain numbers
        step_size, correction, kept = lr / (1 - beta1**count), math.sqrt(1 - beta2**count), 1 - lr * weight_decay
    else:
        counts = visits.to(torch.float64).unsqueeze(1)
        step_size = (lr / (1 - beta1**counts)).to(w.dtype)
        correction = (1 - beta2**counts).sqrt().to(w.dtype)
        decay = lr * row_decay.to(torch.float64).unsqueeze(1)
        kept = (1 - decay).to(w.dtype)
        if mean is not None:
            w.sub_(decay.to(w.dtype) * (w - mean))
            kept = 1.0
    m.lerp_(gradient, 1 - beta1)
    v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    w.mul_(kept)
    w.sub_(step_size * m / (v.sqrt().div_(correction).add_(group["eps"])))


def parameter_groups(net: nn.Module, weight_decay: float, decay_growth: float) -> list[dict[str, Any]]:
    """Group a net's parameters: nodes decay by weight_decay times a power of decay_growth, the rest by weight_decay."""
    groups: list[dict[str, Any]] = []
    tables: set[int] = set()
    for layer in net.modules():
        if isinstance(layer, TreeLinear):
            params = list(layer.parameters())
            tables |= {id(parameter) for parameter in params}
            to_mean = PARAMETRIZATIONS[layer.parametrization].decays_to_mean
            decay = node_decay(layer, weight_decay, decay_growth)
            groups.append({"params": params, "row_decay": decay, "decays_to_mean": to_mean})
    plain = [parameter for parameter in net.parameters() if id(parameter) not in tables]
    return [{"params": plain, "weight_decay": weight_decay}, *groups]


def node_decay(layer: TreeLinear, weight_decay: float, decay_growth: float) -> Tensor:
    """Compute the weight decay of each node: (V,) float64, weight_decay * decay_growth^power (`node_powers`)."""
    level = torch.tensor(PARAMETRIZATIONS[layer.parametrization].node_powers(layer.depth), device=layer.weight.device)
    return weight_decay * decay_growth ** level.to(torch.float64)
