"""Trained nets loaded from the store, ready for inference."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from torch.nn import functional

from leafscope.core.config import RunConfig
from leafscope.core.datasets import shape
from leafscope.core.errors import StoreError, is_out_of_memory
from leafscope.core.gating import leaf_index, sign_bits
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET
from leafscope.core.store.values.tensors import unpack


@dataclass(frozen=True, eq=False)
class TrainedNet:
    """The net of a run, on the CPU."""

    net: DenseNet | TreeNet
    epoch: int | None
    """Complete epochs of training; None: the last of a finished run."""
    step: int = 0
    """Further steps in the next epoch, if the run was stopped within it."""

    def words(self, last_epoch: int) -> str:
        """Describe in words how far it is trained; `last_epoch` is the last complete epoch of a finished run."""
        epoch = last_epoch if self.epoch is None else self.epoch
        return f"net after epoch {epoch}" if self.step == 0 else f"net {self.step} steps into epoch {epoch + 1}"

    def predict(self, x: NDArray[np.float32]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Predict the class of each standardized row and its leaf at every gated layer: (N, P) -> (N,), list of (N,)."""
        with torch.no_grad():
            routed = self.net.routed(torch.tensor(x))
        return routed.logits.argmax(1).numpy(), [leaf.numpy() for leaf in routed.leaves]

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the logits of each standardized row: (N, P) -> (N, C)."""
        with torch.no_grad():
            scores: NDArray[np.float32] = self.net(torch.tensor(x)).numpy()
        return scores

    def unit_leaves(self, x: NDArray[np.float32], layer: int, depth: int) -> NDArray[np.int64]:
        """Compute the leaf that a dense net's units would choose: (N, P) -> (N,), from 0 to 2^depth - 1.

        The bits are the signs of the first `depth` units below middle layer `layer`, the same units that `hidden` gates of a
        tree net read. Raises ValueError for a net with gates, and for a width below `depth`.
        """
        if not isinstance(self.net, DenseNet):
            raise ValueError("the net must be dense, got one with gates")
        if depth > self.net.config.width:
            raise ValueError(f"depth must be at most the width ({self.net.config.width}), got {depth}")
        with torch.no_grad():
            z = self.net.hidden(torch.tensor(x))
            for below in list(self.net.layers)[:layer]:
                z = below(functional.relu(z))
            leaf: NDArray[np.int64] = leaf_index(sign_bits(z[:, :depth])).numpy()
        return leaf


def trained_net(store: Store, run_id: str) -> TrainedNet | None:
    """Load the net of a run, else of its last checkpoint; None if there is neither.

    Raises RunNotFoundError, and StoreError if what was kept is damaged.
    """
    run = store.run(run_id)
    try:
        run.config  # noqa: B018
    except ValidationError as error:
        raise StoreError(f"the configuration of run {run_id} is damaged, or of another version") from error
    if (data := store.artifact(run_id, NET)) is not None:
        with _undamaged(run_id, NET):
            return TrainedNet(_with_weights(run.config, unpack(data)), None)
    if (data := store.artifact(run_id, CHECKPOINT)) is not None:
        with _undamaged(run_id, CHECKPOINT):
            state = unpack(data)
            weights = {name.removeprefix("net."): tensor for name, tensor in state.items() if name.startswith("net.")}
            epoch, step = (int(number) for number in state["progress"][:2].tolist())
            return TrainedNet(_with_weights(run.config, weights), epoch, step)
    return None


@contextmanager
def _undamaged(run_id: str, name: str) -> Iterator[None]:
    """Turn what torch and safetensors raise for tensors of another net into a sentence."""
    try:
        yield
    except (SafetensorError, RuntimeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        if is_out_of_memory(error) or isinstance(error, ValidationError):
            raise
        words = " ".join(str(error).split())
        raise StoreError(f"the {name} of run {run_id} is damaged, or of another net: {words:.300}") from error


def _with_weights(run: RunConfig, weights: dict[str, torch.Tensor]) -> DenseNet | TreeNet:
    size = shape(run.data)
    net = build_net(run.net, size.n_features, size.n_classes, run.weight_seed)
    net.load_state_dict(weights)
    return net.eval()
