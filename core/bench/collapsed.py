"""A trained tree layer for inference only: each leaf's matrix is summed once, so a row costs one product at any depth.

N rows · P input features · Q output features · K depth · L = 2^K leaves. The 2^(K+1) - 1 matrices of a tree become L
distinct ones (this project's choice; proposed by Cho & Bengio 2014, arXiv 1406.7362).
"""

import numpy as np
import torch
from torch import Tensor, nn

from leafscope.core.kernels import cpu, leaf_linear, read_leaves, readiness
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

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """Multiply each row by the matrix of its leaf, which the signs of its gating pre-activations choose."""
        shape = x.shape
        if len(shape) != 2 or shape[1] != self.in_features or gate.shape != (shape[0], self.depth):
            raise ValueError(
                f"x must have shape (N, {self.in_features}) and gate (N, {self.depth}), "
                f"got {tuple(shape)} and {tuple(gate.shape)}"
            )
        if x.dtype is torch.float32 and gate.dtype is torch.float32 and self._on_cpu() and readiness.usable():
            _, weight, bias = self._arrays  # type: ignore[misc]
            return cpu.infer(x, gate, weight, bias)
        with torch.no_grad():
            return leaf_linear(x, read_leaves(gate), self.weight, self.bias, self.depth, tree=False)

    def _on_cpu(self) -> bool:
        """Return whether the matrices are float32 on the CPU; if so, keep them as transposed arrays for the next call."""
        weight = self._buffers["weight"]  # ten times as fast as self.weight
        assert weight is not None
        if self._arrays is not None and self._arrays[0] == weight.data_ptr():
            return True
        if weight.dtype is not torch.float32 or weight.device.type != "cpu" or cpu.too_wide(weight):
            return False
        n_leaves, q, p = weight.shape
        table = np.empty((n_leaves, p, q), np.float32)  # numpy requests huge pages, which speed up random access
        table[...] = weight.transpose(1, 2).numpy()
        self.weight = torch.from_numpy(table).transpose(1, 2)
        self._arrays = self.weight.data_ptr(), table, self.bias.numpy()
        return True
