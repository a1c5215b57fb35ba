"""Trained nets loaded from the store, ready for inference in NumPy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError

from leafscope.core.config import RunConfig
from leafscope.core.errors import StoreError, is_out_of_memory
from leafscope.core.inference.net import Net, leaf_of
from leafscope.core.inference.trees import Trees
from leafscope.core.store.archive.tensors import check_tensors, trees_of
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, TREES
from leafscope.core.store.values.tensors import unpack


@dataclass(frozen=True, eq=False)
class TrainedNet:
    """The net of a run."""

    net: Net
    """Of a run whose leaves share otherwise than by prefix: the net with separate leaves that computes the same."""
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
        routed = self.net.routed(x)
        return routed.logits.argmax(1), routed.leaves

    def unit_leaves(self, x: NDArray[np.float32], layer: int, depth: int) -> NDArray[np.int64]:
        """Compute the leaf that a dense net's units would choose: (N, P) -> (N,), from 0 to 2^depth - 1.

        The bits are the signs of the first `depth` units below middle layer `layer`, the same units that `hidden` gates of a
        tree net read. Raises ValueError for a net with gates, and for a width below `depth`.
        """
        if self.net.config.gated:
            raise ValueError("the net must be dense, got one with gates")
        if depth > self.net.config.width:
            raise ValueError(f"depth must be at most the width ({self.net.config.width}), got {depth}")
        return leaf_of(self.net.units(x, layer)[:, :depth])


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
            return TrainedNet(_with_weights(run.config, NET, unpack(data)), None)
    if (data := store.artifact(run_id, CHECKPOINT)) is not None:
        with _undamaged(run_id, CHECKPOINT):
            state = unpack(data)
            net = _with_weights(run.config, CHECKPOINT, state)
            epoch, step = (int(number) for number in state["progress"][:2].tolist())
            return TrainedNet(net, epoch, step)
    return None


def fitted_trees(store: Store, run_id: str) -> Trees | None:
    """Load the fitted tree or forest of a run; None if it was not kept, as before trees were, or for another model.

    Raises RunNotFoundError, and StoreError if what was kept is damaged.
    """
    run = store.run(run_id).config
    data = store.artifact(run_id, TREES)
    if data is None or run.net.model.fit is None:
        return None
    with _undamaged(run_id, TREES):
        return trees_of(unpack(data), run)


@contextmanager
def _undamaged(run_id: str, name: str) -> Iterator[None]:
    """Turn what safetensors and NumPy raise for tensors of another net into a sentence."""
    try:
        yield
    except (SafetensorError, RuntimeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        if is_out_of_memory(error) or isinstance(error, ValidationError):
            raise
        words = " ".join(str(error).split())
        raise StoreError(f"the {name} of run {run_id} is damaged, or of another net: {words:.300}") from error


def _with_weights(run: RunConfig, name: str, tensors: Mapping[str, NDArray[Any]]) -> Net:
    """The net of an artifact of this name; a checkpoint has more tensors beside the net's.

    What is inspected are trees and separate leaves; leaves that share matrices otherwise are collapsed into separate ones.
    """
    check_tensors(tensors, name, run)
    of_net = "net." if name == CHECKPOINT else ""
    net = Net(run.net, {key.removeprefix(of_net): array for key, array in tensors.items() if key.startswith(of_net)})
    model = net.config.model
    return net if not model.is_gated or model.shares_prefixes or model.has_separate_leaves else net.collapsed()
