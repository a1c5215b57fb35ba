"""Reading a trained tree net to a level: the sum over prefixes is cut off there, without retraining.

K depth. Level 0 is the root alone, which has the weights of one dense layer; level K is the trained net itself.
"""

import copy

import torch

from leafscope.core.datasets import Dataset
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.training.trainer import evaluate
from leafscope.core.tree import TreeLinear


def read_to_level(net: TreeNet, level: int) -> TreeNet:
    """Copy a net and set every node below `level` to zero; the gates are unchanged.

    Raises ValueError for separate leaves, which have no levels, and for a level outside 0 to K.
    """
    if net.config.kind != "tree":
        raise ValueError(f"only a net with shared prefixes (tree) has levels, got {net.config.kind}")
    if not 0 <= level <= net.config.depth:
        raise ValueError(f"level must be from 0 to the depth ({net.config.depth}), got {level}")
    cut = copy.deepcopy(net)
    first_below = (1 << (level + 1)) - 1
    with torch.no_grad():
        for layer in cut.layers:
            assert isinstance(layer, TreeLinear)
            for table in layer.parameters():
                table[first_below:] = 0
    return cut


def scores_by_level(net: TreeNet | DenseNet, dataset: Dataset) -> dict[tuple[str, str], list[float]]:
    """Evaluate the net read to each level from 0 to K: (split, loss or accuracy) -> K + 1 values.

    Raises ValueError for a net without levels.
    """
    if not isinstance(net, TreeNet):
        raise ValueError("only a net with shared prefixes (tree) has levels, got dense")
    scores: dict[tuple[str, str], list[float]] = {}
    for level in range(net.config.depth + 1):
        cut = read_to_level(net, level)
        for name, split in dataset.splits.items():
            loss, accuracy, _ = evaluate(cut, torch.tensor(split.x), torch.tensor(split.y))
            scores.setdefault((name, "loss"), []).append(loss)
            scores.setdefault((name, "accuracy"), []).append(accuracy)
    return scores
