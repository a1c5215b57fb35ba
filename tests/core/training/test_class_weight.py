"""`class_weight` "balanced" of every net: as repeating the rows of a rare class, which is what scikit-learn means by it."""

import numpy as np
import pytest

from leafscope.core.config import NetConfig, TrainConfig
from leafscope.core.models import net_kinds
from leafscope.core.training.arrays import Arrays, Part
from leafscope.core.training.loop import fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = np.repeat([0, 1], [30, 10])
AGAIN = np.concatenate([np.arange(40), np.repeat(np.arange(30, 40), 2)])
"""Rows by which both classes have 30."""


@pytest.mark.parametrize("kind", net_kinds())
def test_weights_are_repeated_rows(kind: str) -> None:
    net = NetConfig(kind=kind, depth=2, width=4)
    found = []
    for rows, weight in ((np.arange(40), "balanced"), (AGAIN, "none"), (np.arange(40), "none")):
        settings = TrainConfig(epochs=3, batch_size=len(rows), class_weight=weight, lr=0.01, device="cpu")
        records = fit(Arrays(Part(X[rows], Y[rows]), n_classes=2), net, settings, compiled=False).records
        found.append([record.metrics["train", "loss"] for record in records])
    assert found[0] == pytest.approx(found[1], rel=4e-3)  # Adam takes the sign of tiny gradients
    assert found[0] != pytest.approx(found[2], rel=1e-2)
