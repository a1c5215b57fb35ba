"""Snapshots for replaying a run's training: the weights if a browser can compute the net, else the decision regions.

P features · C classes · K depth · L = 2^K leaves · G = SIDE * SIDE grid points. The number of snapshots, the grid and the
permutation of leaves are this project's choice.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.cost import cost, memory
from leafscope.core.datasets import Dataset, shape
from leafscope.core.errors import StoreError
from leafscope.core.inference.net import Net, read_module, softmax
from leafscope.core.inspection.levels import recorded
from leafscope.core.limits import check_depth
from leafscope.core.store.archive.tensors import check_tensors, sign_tensors
from leafscope.core.store.reading import GRID_SIDE, LEVELS, snapshot_name
from leafscope.core.store.values.tensors import compress, pack, unpack

if TYPE_CHECKING:
    from leafscope.core.training.trainer import Trainer

SNAPSHOTS = 41
"""Most snapshots of a run."""

FEWEST_SNAPSHOTS = 9
"""Fewest snapshots of a run with enough epochs, for a net of any size."""

BUDGET = 2**23
"""Most bytes of float32 weights in all snapshots of a run."""

MAX_DEPTH_IN_BROWSER, MAX_WIDTH_IN_BROWSER = 6, 16
"""The largest gated net with 2 features that a browser computes on a grid."""

MAX_DENSE_WIDTH_IN_BROWSER = 64
"""The largest dense net with 2 features that a browser computes on a grid."""

SIDE = GRID_SIDE
"""Grid points on each side of the plane."""

MARGIN = 0.06
"""Margin of the plane on each side, as a share of the data's range."""

SPREAD = 2.5
"""Deviations of the target from its mean that the shades of regions span, on each side."""

MAX_MULTIPLY_ADDS = 2e9
"""Multiply-adds on the whole grid above which no regions are kept."""

MAX_PARAMETERS = 2**25
"""Parameters above which no regions are kept."""

REGIONS_BUDGET = 2**32
"""Most multiply-adds for the regions in all snapshots of a run: about a second."""


def in_browser(net: NetConfig, n_features: int, n_outputs: int) -> bool:
    """Return whether a browser computes the net: with 2 features on a whole grid, otherwise one row at a time.

    >>> in_browser(NetConfig(depth=6, width=16), 2, 2), in_browser(NetConfig(depth=7, width=16), 2, 2)
    (True, False)
    """
    if net.fitted or net.model.forward is not None:
        return False
    if n_features != 2:
        return FEWEST_SNAPSHOTS * _weight_bytes(net, n_features, n_outputs) <= BUDGET
    if net.gated:
        return bool(net.depth <= MAX_DEPTH_IN_BROWSER and net.width <= MAX_WIDTH_IN_BROWSER)
    return bool(net.width <= MAX_DENSE_WIDTH_IN_BROWSER)


def shows_regions(run: RunConfig) -> bool:
    """Return whether a run keeps regions: 2 features, and a net too large for a browser but not for the grid."""
    size = shape(run.data)
    if run.net.fitted or size.n_features != 2 or in_browser(run.net, size.n_features, size.n_outputs):
        return False
    needed = cost(run.net, size.n_features, size.n_outputs)
    return needed.multiply_adds * SIDE**2 <= MAX_MULTIPLY_ADDS and needed.parameters <= MAX_PARAMETERS


def snapshot_epochs(run: RunConfig) -> tuple[int, ...]:
    """List the epochs with a snapshot, evenly spaced from 0 to the last; they depend only on the configuration.

    At most 41; fewer, but at least 9, if the weights are large or the regions slow to compute; none for fitted models.

    >>> snapshot_epochs(RunConfig(train={"epochs": 3}))
    (0, 1, 2, 3)
    """
    if run.net.fitted:
        return ()
    size = shape(run.data)
    if shows_regions(run):
        affordable = REGIONS_BUDGET // (SIDE**2 * cost(run.net, size.n_features, size.n_outputs).multiply_adds)
    else:
        affordable = BUDGET // _weight_bytes(run.net, size.n_features, size.n_outputs)
    last = run.train.epochs
    steps = min(max(FEWEST_SNAPSHOTS, min(SNAPSHOTS, affordable)) - 1, last)
    return tuple((2 * step * last + steps) // (2 * steps) for step in range(steps + 1))


class Snapshots:
    """Takes the snapshots of one run from the net that its trainer trains."""

    def __init__(self, run: RunConfig, trainer: "Trainer") -> None:
        self._trainer = trainer
        self._epochs = frozenset(snapshot_epochs(run))
        size = shape(run.data)
        self._keeps_weights = in_browser(run.net, size.n_features, size.n_outputs)
        self._keeps_regions = shows_regions(run)

    def of(self, epoch: int) -> dict[str, bytes]:
        """Return the artifacts of the net after `epoch`; empty if this epoch has no snapshot."""
        return self._taken(epoch) if epoch in self._epochs else {}

    def at_end(self) -> dict[str, bytes]:
        """Return the further artifacts of a finished run: its last epoch if it ended early, and its net read to each level."""
        taken = {} if self._trainer.epoch in self._epochs else self._taken(self._trainer.epoch)
        if self._keeps_regions and (found := levels(read_module(self._trainer.net), self._trainer.dataset)):
            taken[LEVELS] = compress(pack(found))
        return taken

    def _taken(self, epoch: int) -> dict[str, bytes]:
        if self._keeps_weights:
            return {snapshot_name("weights", epoch): compress(pack(self._trainer.net.state_dict()))}
        if self._keeps_regions:
            drawn = regions(read_module(self._trainer.net), self._trainer.dataset)
            return {snapshot_name("regions", epoch): compress(pack(drawn))}
        return {}


def read(data: bytes, name: str, run: RunConfig) -> dict[str, NDArray[Any]]:
    """Unpack a snapshot or the levels of a run, by its artifact's name; raises StoreError unless it has the run's tensors."""
    try:
        tensors = unpack(data)
        check_tensors(tensors, name, run)
    except (SafetensorError, ValueError) as error:
        raise StoreError(f"{name} of run {run.run_id} is damaged, or of another net: {error}") from error
    return tensors


def plane(dataset: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the drawn part of the plane, in raw units: (2,) low and (2,) high."""
    low, high = dataset.raw.min(0), dataset.raw.max(0)
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def grid(dataset: Dataset, side: int = SIDE) -> NDArray[np.float64]:
    """List the grid points, (side^2, 2) in raw units; feature 0 varies fastest, both from low to high, ends included."""
    low, high = plane(dataset)
    x, y = (np.linspace(low[feature], high[feature], side) for feature in (0, 1))
    return np.stack([values.reshape(-1) for values in np.meshgrid(x, y)], axis=1)


def regions(net: Net, dataset: Dataset) -> dict[str, NDArray[Any]]:
    """Evaluate a net at every grid point.

    "probability" (G, C) uint8 from 0 to 255, of numbers (G, 1) their shades; for a net with leaves or experts also "leaf"
    (layers, G) int32, the likeliest one; for one that mixes its leaves in training "share" (layers, G) uint8 from 0 to 255,
    how much of a point goes to its likeliest leaf; and for a gated net that is not too large the float32 weights that tell
    where signs change in the first gated layer.
    """
    routed = net.routed(dataset.standardize(grid(dataset)))
    found: dict[str, NDArray[Any]] = {"probability": _as_bytes(routed.logits) if dataset.n_classes else _shades(routed.logits)}
    first = [leaf.reshape(len(leaf), -1)[:, 0] for leaf in routed.leaves]
    found |= {"leaf": np.stack(first).astype(np.int32)} if first else {}
    if routed.mixed is not None:
        found["share"] = np.stack(
            [np.nan_to_num(255 * share.max(1), nan=0.0).round().astype(np.uint8) for share in routed.shares]
        )
    return found | {name: net.weights[name] for name in sign_tensors(net.config, net.n_features, net.n_outputs)}


def levels(net: Net, dataset: Dataset) -> dict[str, NDArray[Any]]:
    """Evaluate a gated net with its sum cut off at each level, and with the matrices of its leaves permuted.

    A tree of depth K >= 1 gives "level_0" to "level_K" (G, C) uint8 from 0 to 255, and "level_accuracy" (K + 1, 3) float64
    on train, validation and test; any gated net of depth >= 1 "shuffled" and "shuffled_accuracy" (3,); other nets nothing.
    """
    if not net.config.gated or net.config.depth == 0:
        return {}
    found: dict[str, NDArray[Any]] = {}
    if net.config.model.shares_prefixes:
        cuts = [net.read_to_level(level) for level in range(net.config.depth + 1)]
        found = {f"level_{level}": regions(cut, dataset)["probability"] for level, cut in enumerate(cuts)}
        found["level_accuracy"] = np.stack([_accuracies(cut, dataset) for cut in cuts])
    other = shuffled(net)
    return found | {"shuffled": regions(other, dataset)["probability"], "shuffled_accuracy": _accuracies(other, dataset)}


def leaf_shuffle(depth: int) -> NDArray[np.int64]:
    """Permute the leaves in one cycle: (L,), leaf i gets the matrix of leaf p[i].

    The permutation depends only on the depth, and a browser computes the same. Sattolo 1986, with the linear congruential
    generator of Numerical Recipes. Raises ValueError for a depth outside 0..16.

    >>> leaf_shuffle(1).tolist()
    [1, 0]
    """
    check_depth(depth)
    permutation = list(range(1 << depth))
    draw = _generator(depth + 1)
    for last in range(len(permutation) - 1, 0, -1):
        other = int(draw() * last)
        permutation[last], permutation[other] = permutation[other], permutation[last]
    return np.array(permutation, dtype=np.int64)


def shuffled(net: Net) -> Net:
    """Give leaf i the matrix and bias of leaf p[i] in every gated layer, p from `leaf_shuffle`; the gates are unchanged."""
    return net.permuted(leaf_shuffle(net.config.depth))


def _weight_bytes(net: NetConfig, n_features: int, n_outputs: int) -> int:
    """Count the bytes of a net's float32 weights, frozen ones included."""
    return memory(RunConfig(net=net), n_features, n_outputs, n_rows=1).parameters


def _generator(seed: int) -> Callable[[], float]:
    """Make a generator of numbers in [0, 1) that is exactly reproducible with 32-bit integers and doubles."""
    state = seed

    def draw() -> float:
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state / 2**32

    return draw


def _as_bytes(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert logits to probabilities from 0 to 255; NaN, from a net that diverged, becomes 0."""
    return np.nan_to_num(255 * softmax(logits), nan=0.0).round().astype(np.uint8)


def _shades(outputs: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert standardized numbers (G, 1) to shades: 0 is `SPREAD` deviations below the training mean, 255 as many above."""
    return np.nan_to_num(127.5 * (1 + outputs / SPREAD), nan=0.0).clip(0, 255).round().astype(np.uint8)


def _accuracies(net: Net, dataset: Dataset) -> NDArray[np.float64]:
    """Measure the accuracy, or of numbers the RMSE, on train, validation and test: (3,)."""
    first = dataset.task.recorded[0]
    return np.array([recorded(net, dataset, name)[first] for name in dataset.splits])
