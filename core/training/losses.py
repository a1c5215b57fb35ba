"""The losses that training lowers, in torch: cross-entropy in nats of classes, squared error of standardized numbers.

N rows · C outputs. Leading axes, such as that of members, may stand before N.
"""

import torch
from torch import Tensor
from torch.nn import functional


def row_losses(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the loss of each row: (..., N, C), (..., N) int64 classes or float numbers -> (..., N)."""
    if y.dtype.is_floating_point:
        return (outputs.squeeze(-1) - y) ** 2
    return functional.cross_entropy(outputs.flatten(0, -2), y.flatten(), reduction="none").view(y.shape)


def mean_loss(outputs: Tensor, y: Tensor, weight: Tensor | None = None, are_log_shares: bool = False) -> Tensor:
    """Return the mean loss of rows, each times its weight: (N, C), (N,), (N,) or None -> scalar.

    `are_log_shares`: the outputs are mean logarithms of class probabilities (`nets.Routed`). Raises ValueError for those of
    numbers.
    """
    if are_log_shares:
        if y.dtype.is_floating_point:
            raise ValueError("a soft decision tree must have classes as its target, got numbers")
        losses = functional.nll_loss(outputs, y, reduction="none")
        return (losses if weight is None else losses * weight).mean()
    if weight is None and not y.dtype.is_floating_point:
        return functional.cross_entropy(outputs, y)
    losses = row_losses(outputs, y)
    return (losses if weight is None else losses * weight).mean()


@torch.no_grad()
def accuracies(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the share of rows whose largest output is their class: (..., N, C), (..., N) int64 -> (...) float64."""
    return (outputs.argmax(-1) == y).double().mean(-1)


@torch.no_grad()
def answer_counts(outputs: Tensor, y: Tensor) -> Tensor:
    """Count the answers of each class and the right ones: (M, N, C), (M, N) int64 -> (M, 2, C) int64."""
    answers = outputs.argmax(-1)
    counts = torch.zeros(len(y), 2, outputs.shape[-1], dtype=torch.int64, device=y.device)
    counts[:, 0].scatter_add_(1, answers, torch.ones_like(answers))
    counts[:, 1].scatter_add_(1, answers, (answers == y).long())
    return counts
