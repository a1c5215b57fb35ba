"""Many maps between the same inputs and outputs, such as experts: each is linear, or linear, ReLU, linear.

N rows · E maps · P inputs · Q outputs · H units of the hidden layer, 0 without one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.tree import draw_linear


class Maps(nn.Module):
    """E maps from P to Q; each starts as nn.Linear does, the first with the numbers of a dense layer of the same generator.

    `units` is H. `weight` (E, H or Q, P), `bias` (E, H or Q); `onwards`, with a hidden layer, are the maps from H to Q.
    """

    def __init__(self, n_maps: int, n_inputs: int, n_outputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        first = units or n_outputs
        self.weight = nn.Parameter(torch.empty(n_maps, first, n_inputs))
        self.bias = nn.Parameter(torch.empty(n_maps, first))
        for weight, bias in zip(self.weight, self.bias, strict=True):
            draw_linear(weight, bias, generator)
        self.onwards = Maps(n_maps, units, n_outputs, 0, generator) if units else None

    def forward(self, x: Tensor) -> Tensor:
        """Compute all maps of the same rows (N, P), or of rows for each, (N, E, P): -> (N, E, Q)."""
        if x.ndim == 2:  # one product for all maps
            z = (x @ self.weight.flatten(0, 1).T).unflatten(1, self.bias.shape) + self.bias
        else:
            z = torch.einsum("nep,eqp->neq", x, self.weight) + self.bias
        return z if self.onwards is None else self.onwards(functional.relu(z))

    def own(self, x: Tensor, chosen: Tensor) -> Tensor:
        """Compute one map for each row: (N, P), (N,) int64 -> (N, Q), all rows of a map at once."""
        y = x.new_empty(len(x), self.n_outputs)
        for one in chosen.unique().tolist():
            rows = (chosen == one).nonzero().squeeze(1)
            z = functional.linear(x[rows], self.weight[one], self.bias[one])
            if self.onwards is not None:
                z = functional.linear(functional.relu(z), self.onwards.weight[one], self.onwards.bias[one])
            y = y.index_copy(0, rows, z)
        return y

    @property
    def n_outputs(self) -> int:
        """Q."""
        return self.bias.shape[1] if self.onwards is None else self.onwards.n_outputs
