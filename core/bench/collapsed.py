"""A trained tree layer for inference only: each leaf's matrix is summed once, so a row costs one product at any depth.

N rows · P input features · Q output features · K depth · L = 2^K leaves. The 2^(K+1) - 1 matrices of a tree become L
distinct ones (this project's choice; proposed by Cho & Bengio 2014, arXiv 1406.7362).
"""

import numpy as np
import torch
from torch import Tensor, nn

from leafscope.core.kernels import cpu, read_leaves, readiness, reference
from leafscope.core.tree import TreeLinear


class CollapsedLinear(nn.Module):
    """Route each row by the signs of its gates and multiply it by its leaf's matrix: (N, P), (N, K) -> (N, Q).

    Copies the layer's current matrices; it has no trainable parameters. `forward` raises ValueError for wrong shapes.
    """

    def __init__(self, layer: TreeLinear) -> None:
        super().__init__()
        self.depth = layer.depth
        self.in_features, self.out_features = layer.in_features, layer.out_features
        bias = layer.leaf_bias()
        weight = layer.leaf_weight().detach()
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", weight)
        self.register_buffer("bias", weight.new_zeros(weight.shape[:2]) if bias is None else bias.detach())
        self._arrays: tuple[int, np.ndarray, np.ndarray] | None = None

    @torch.no_grad()
    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """Multiply each row by the matrix of its leaf, which the signs of its gating pre-activations choose."""
        if x.ndim != 2 or x.shape[1] != self.in_features or gate.shape != (x.shape[0], self.depth):
            raise ValueError(
                f"x must have shape (N, {self.in_features}) and gate (N, {self.depth}), "
                f"got {tuple(x.shape)} and {tuple(gate.shape)}"
            )
        if x.dtype is torch.float32 and gate.dtype is torch.float32 and self._on_cpu() and readiness.usable():
            _, weight, bias = self._arrays  # type: ignore[misc]
            return cpu.infer(x, gate, weight, bias)
        return reference.leaf_linear(x, read_leaves(gate), self.weight, self.bias, self.depth, tree=False)

    def _on_cpu(self) -> bool:
        """Return whether the matrices are float32 on the CPU; if so, keep them as arrays for the next call."""
        weight = self.weight
        if weight.dtype is not torch.float32 or weight.device.type != "cpu" or cpu.too_wide(weight):
            return False
        if self._arrays is None or self._arrays[0] != weight.data_ptr():
            table = np.empty(weight.shape, np.float32)  # numpy requests huge pages, which speed up random access
            table[...] = weight.numpy()
            self.weight = torch.from_numpy(table)
            self._arrays = self.weight.data_ptr(), table, self.bias.numpy()
        return True
