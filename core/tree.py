"""The tree layer: a linear layer whose matrix is chosen by a row's sign pattern.

N rows · P input features · Q output features · K depth (gating bits) · L = 2^K leaves · V nodes (2^(K+1) - 1 tree,
2^K flat). Conditional matrices and the tree over prefixes: Cho & Bengio 2014 (arXiv 1406.7362); the sum along the path
and the initialization are this project's choice.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from leafscope.core.gating import check_leaves
from leafscope.core.kernels import Update, leaf_linear
from leafscope.core.limits import check_depth

Parametrization = Literal["tree", "flat"]


class TreeLinear(nn.Module):
    """Multiply each row by the matrix of its leaf: (N, P), leaf (N,) -> (N, Q).

    `tree`: sums the matrices along the path from the root to the leaf; `flat`: each leaf has its own matrix. The root (flat:
    every leaf, with the same values) is initialized like nn.Linear and deeper nodes are zero, so all leaves start with the
    same function. `sparse` makes the gradients of weight and bias sparse tensors of the touched nodes, as in nn.Embedding.
    Raises ValueError for a depth outside 0..16, sizes below 1, or an unknown parametrization.

    >>> layer = TreeLinear(4, 3, depth=2)
    >>> layer(torch.zeros(5, 4), torch.tensor([0, 3, 1, 1, 2])).shape, layer.weight.shape
    (torch.Size([5, 3]), torch.Size([7, 3, 4]))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        depth: int,
        parametrization: Parametrization = "tree",
        bias: bool = True,
        *,
        sparse: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_depth(depth)
        if in_features < 1 or out_features < 1:
            raise ValueError(f"in_features and out_features must be at least 1, got {in_features} and {out_features}")
        if parametrization not in ("tree", "flat"):
            raise ValueError(f"parametrization must be tree or flat, got {parametrization!r}")
        self.in_features = in_features
        self.out_features = out_features
        self.depth = depth
        self.parametrization: Parametrization = parametrization
        self.sparse = sparse
        self.update: Update | None = None
        """Set by `LazyAdamW.fuse`; if set, the backward pass updates the tables."""
        self.weight = nn.Parameter(torch.empty(self.n_nodes, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(self.n_nodes, out_features)) if bias else None
        self.reset_parameters(generator)

    @property
    def n_leaves(self) -> int:
        """L, the number of sign patterns."""
        return 1 << self.depth

    @property
    def n_nodes(self) -> int:
        """V, the number of matrices stored."""
        return 2 * self.n_leaves - 1 if self.parametrization == "tree" else self.n_leaves

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the root like nn.Linear and set deeper nodes to zero; flat: give every leaf the same draw."""
        root_bias = None if self.bias is None else self.bias[0]
        draw_linear(self.weight[0], root_bias, generator)
        for table in (self.weight, self.bias):
            if table is not None:
                table[1:] = 0 if self.parametrization == "tree" else table[0].clone()

    def forward(self, x: Tensor, leaf: Tensor, gate: Tensor | None = None, gate_gradient: str = "straight_through") -> Tensor:
        """Multiply each row by its leaf's matrix: x (N, P), leaf (N,) integers in 0..L - 1 -> (N, Q).

        `gate` (N, K) are the gating pre-activations, given when gates learn from their bits, and `gate_gradient` names how
        (`core.gates`). Raises ValueError for shapes that do not fit, TypeError for leaves that are not integers, IndexError
        for a leaf outside 0..L - 1 (on the CPU; a GPU does not look), KeyError for an unknown gate gradient.
        """
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise ValueError(f"x must have shape (N, {self.in_features}), got {tuple(x.shape)}")
        if leaf.shape != x.shape[:1]:
            raise ValueError(f"leaf must have shape ({x.shape[0]},), one for each row of x, got {tuple(leaf.shape)}")
        if leaf.is_floating_point() or leaf.is_complex() or leaf.dtype == torch.bool:
            raise TypeError(f"leaf must hold integers, got {leaf.dtype}")
        if gate is not None and gate.shape != (x.shape[0], self.depth):
            raise ValueError(f"gate must have shape ({x.shape[0]}, {self.depth}), got {tuple(gate.shape)}")
        leaf = leaf.to(torch.int64)
        check_leaves(leaf, self.depth)
        is_tree = self.parametrization == "tree"
        return leaf_linear(x, leaf, self.weight, self.bias, self.depth, is_tree, gate, self.sparse, self.update, gate_gradient)

    def leaf_weight(self) -> Tensor:
        """Collapse the tree into one matrix for each leaf: (L, Q, P)."""
        return self._collapse(self.weight)

    def leaf_bias(self) -> Tensor | None:
        """Collapse the tree into one bias for each leaf: (L, Q), None without biases."""
        return None if self.bias is None else self._collapse(self.bias)

    def _collapse(self, table: Tensor) -> Tensor:
        if self.parametrization == "flat":
            return table.clone()
        total = table[:1]
        for level in range(1, self.depth + 1):
            first = (1 << level) - 1
            total = total.repeat_interleave(2, dim=0) + table[first : 2 * first + 1]
        return total.clone() if self.depth == 0 else total

    def extra_repr(self) -> str:
        """Describe the layer in its repr."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, depth={self.depth}, "
            f"parametrization={self.parametrization!r}, bias={self.bias is not None}"
        )


@torch.no_grad()
def draw_linear(weight: Tensor, bias: Tensor | None, generator: torch.Generator | None = None) -> None:
    """Draw a matrix (Q, P) and a bias (Q,) in place, distributed like the initial values of nn.Linear."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    if bias is not None:
        bound = 1 / math.sqrt(weight.shape[1])
        nn.init.uniform_(bias, -bound, bound, generator=generator)
