"""The tree layer: a linear layer whose matrix is chosen by a row's sign pattern.

N rows · P input features · Q output features · K depth (gating bits) · L = 2^K leaves · V nodes (2^(K+1) - 1 tree and
shuffled, 2^K flat and flat_mean, 2^K + 1 root_leaf, 2K + 1 additive). Conditional matrices and the
tree over prefixes: Cho & Bengio 2014 (arXiv 1406.7362); decay to the mean: Evgeniou & Pontil 2004 (`core.parametrizations`);
the sum along the path, the other controls and the initialization are this project's choice.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from leafscope.core.gating import check_leaves
from leafscope.core.kernels import Update, leaf_linear
from leafscope.core.kernels.reference import credit_whole
from leafscope.core.limits import check_depth
from leafscope.core.parametrizations import PARAMETRIZATIONS, first_nodes

Parametrization = Literal["tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean"]


class TreeLinear(nn.Module):
    """Multiply each row by the matrix of its leaf: (N, P), leaf (N,) -> (N, Q).

    `tree`: sums the matrices along the path from the root to the leaf; `flat`: each leaf has its own matrix; `shuffled`: a tree
    over the leaves in a fixed random order, whose gates learn as those of `flat`; `root_leaf`: sums the root's matrix and the
    leaf's own; `additive`: sums the root's matrix and for each bit one of two, W_0 + sum_j W_j[b_j], so that a gate learns from
    its own matrices alone; `flat_mean`: `flat`, but weight decay pulls the leaves to their mean (`optim`). The root (separate
    leaves: each, with the same values) is initialized like nn.Linear and deeper nodes are zero, so all leaves start with the
    same function. `sparse` makes the gradients of weight and bias sparse tensors of the touched
    nodes, as in nn.Embedding. Raises ValueError for a depth outside 0..16, sizes below 1, or an unknown parametrization.

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
        if parametrization not in PARAMETRIZATIONS:
            raise ValueError(f"parametrization must be one of {', '.join(PARAMETRIZATIONS)}, got {parametrization!r}")
        self.in_features = in_features
        self.out_features = out_features
        self.depth = depth
        self.parametrization: Parametrization = parametrization
        self.sparse = sparse
        self.levels = PARAMETRIZATIONS[parametrization].levels(depth)
        """The bits that choose the matrix of each level."""
        self.numbering: Tensor | None
        """(L,) int64: the number under which a sign pattern's matrices stand; None: the pattern itself."""
        numbering = PARAMETRIZATIONS[parametrization].numbering(depth)
        self.register_buffer("numbering", None if numbering is None else torch.tensor(numbering), persistent=False)
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
        return PARAMETRIZATIONS[self.parametrization].n_nodes(self.depth)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the root like nn.Linear and set deeper nodes to zero; separate leaves all get the same draw."""
        root_bias = None if self.bias is None else self.bias[0]
        draw_linear(self.weight[0], root_bias, generator)
        for table in (self.weight, self.bias):
            if table is not None:
                table[1:] = table[0].clone() if not PARAMETRIZATIONS[self.parametrization].is_shared else 0

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
        tables, options = (self.weight, self.bias, self.depth), (self.sparse, self.update, gate_gradient)
        if self.numbering is not None:  # a pattern's nodes depend on all of its bits
            y = leaf_linear(x, self.numbering[leaf], *tables, True, None, *options)
            return y if gate is None else credit_whole(y, leaf, gate, gate_gradient)
        levels = self.levels if self.parametrization in ("root_leaf", "additive") else None
        return leaf_linear(x, leaf, *tables, self.parametrization == "tree", gate, *options, levels)

    def leaf_weight(self) -> Tensor:
        """Collapse the tree into one matrix for each leaf: (L, Q, P)."""
        return self._collapse(self.weight)

    def leaf_bias(self) -> Tensor | None:
        """Collapse the tree into one bias for each leaf: (L, Q), None without biases."""
        return None if self.bias is None else self._collapse(self.bias)

    def _collapse(self, table: Tensor) -> Tensor:
        levels = zip(first_nodes(self.levels), self.levels, strict=True)
        parts = [table[first : first + (1 << bits.size)] for first, bits in levels]
        total = parts[0].clone() if len(parts) == 1 else parts[0]
        for bits, part in zip(
            self.levels[1:], parts[1:], strict=True
        ):  # one more prefix at a time; its last bits choose the part
            total = total.repeat_interleave((1 << bits.stop) // len(total), dim=0)
            total = (total.unflatten(0, (-1, len(part))) + part).flatten(0, 1)
        return total if self.numbering is None else total[self.numbering]

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
