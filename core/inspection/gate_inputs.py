"""What the gates of a layer see of each row, with the trained net only where it matters."""

import contextlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.datasets import load
from leafscope.core.errors import StoreError
from leafscope.core.inference.net import Net
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.store import Store


def gate_inputs(
    config: NetConfig, x: NDArray[np.float32], layer: int, trained: Callable[[], Net | None]
) -> NDArray[np.floating] | None:
    """Compute what the gating units of a gated layer read: standardized rows (N, P) -> (N, P) or (N, Q).

    None for a net that sends rows otherwise than by gates, and where that depends on weights and `trained` gives none; it is
    not called for hidden units of the first layer, which read the rows themselves, as do the same units of a dense net. Raises
    ValueError for a layer that the net does not have.
    """
    if not 0 <= layer < config.tree_layers:
        raise ValueError(f"layer must be from 0 to {config.tree_layers - 1}, got {layer}")
    if config.routed_layers and not config.gated:
        return None
    if sees_the_rows(config, layer):
        return x
    net = trained()
    return None if net is None else net.gate_inputs(x, layer)


def stored_gate_inputs(store: Store, run_id: str, run: RunConfig, split: str, layer: int) -> NDArray[np.floating] | None:
    """Compute what the gates of a finished run read of the rows of a split, as `gate_inputs` does.

    None, too, where the weights that it depends on are damaged. Raises RunNotFoundError.
    """

    def net() -> Net | None:
        with contextlib.suppress(StoreError):  # a damaged run must not hide the others
            trained = trained_net(store, run_id)
            return None if trained is None else trained.net
        return None

    return gate_inputs(run.net, load(run.data, run.data_seed).splits[split].x, layer, net)


def sees_the_rows(config: NetConfig, layer: int) -> bool:
    """Whether the gates read the rows themselves, so that training does not change what they see."""
    return layer == 0 and (not config.gated or config.gates == "hidden")
