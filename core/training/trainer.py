"""Training of one net: mini-batches, cosine schedule, one record per epoch, exact to the step when stopped and resumed.

N rows · K depth · C classes. Epoch 0 is before training. Losses (mean cross-entropy in nats) and accuracies (from 0 to 1)
are measured on a whole split after the epoch, without gate noise.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from leafscope.core.balancing import BALANCINGS
from leafscope.core.config import RunConfig
from leafscope.core.datasets import Dataset, load
from leafscope.core.device import check_fits, resolve_device
from leafscope.core.errors import NonFiniteLossError
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.kernels import readiness
from leafscope.core.models import build_net, net_kinds
from leafscope.core.nets import DenseNet, Net, TreeNet, balance_penalty
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.training.compiled_net import CompiledNet, takes
from leafscope.core.tree import TreeLinear

EVALUATION_ROWS = 8192
"""Rows in one forward pass of the evaluation, whose memory therefore does not grow with the data."""

LOOK = 0.02
"""Seconds of compiled steps between two calls of `should_stop`."""


@dataclass(frozen=True)
class EpochRecord:
    """Metrics and leaves after an epoch."""

    epoch: int
    """0 is before training."""
    metrics: dict[tuple[str, str], float]
    """(split, metric) -> value; splits train, validation, test; metrics loss, accuracy, and of a net that mixes leaves in
    training mix_loss, mix_accuracy, of the mixture of all leaves."""
    leaves: dict[tuple[int, str], np.ndarray]
    """(routed layer from 0, split) -> (rows,), with top-k (rows, k): uint8 or, above 256 leaves, uint16."""
    seconds: float
    """Training and evaluation time since this trainer started."""


@dataclass
class _Progress:
    epoch: int = 0
    step: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    begun: bool = False
    ended: bool = field(default=False)


class _Stopwatch:
    """Measures the time of one training, without the turns of other members."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._began = time.perf_counter()

    def pause(self) -> float:
        """Stop, and return the seconds until now."""
        self._seconds += time.perf_counter() - self._began
        return self._seconds

    def goes_on(self) -> None:
        self._began = time.perf_counter()


class Trainer:
    """Trains one run; training from a saved and loaded state continues the same history, bit for bit on the CPU.

    `should_stop` is called before every step, or every `seconds_between_looks` with compiled code. `dataset` is the run's,
    if already loaded. `compiled`: whether to use compiled code for nets that it supports; None: if it is ready. Both paths
    agree in a step to 1e-5. `checked`: the run is known to fit in memory. Raises LimitError, before allocation, if the run
    does not fit in memory, DeviceError if its device is missing, DataError if its data cannot be loaded, ValueError for a kind
    that scikit-learn fits.
    """

    def __init__(
        self,
        run: RunConfig,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        dataset: Dataset | None = None,
        compiled: bool | None = None,
        seconds_between_looks: float = LOOK,
        checked: bool = False,
    ) -> None:
        if run.net.fitted:
            raise ValueError(
                f"kind must be one of {', '.join(net_kinds())}, which are trained by gradient descent, got {run.net.kind}; "
                "scikit-learn fits it: use leafscope.core.training.fitting.fit(run)"
            )
        where = resolve_device(run.train.device)
        if not checked:
            check_fits(run, str(where))
        self.run = run
        self.device = str(where)
        self.dataset: Dataset = load(run.data, run.data_seed) if dataset is None else dataset
        self.net = build_net(run.net, self.dataset.n_features, self.dataset.n_classes, run.weight_seed)
        if where.type != "cpu":
            self.net.to(where)
        self.stopped = False
        self._should_stop = should_stop
        self._splits = {
            name: (torch.tensor(split.x, device=where), torch.tensor(split.y, device=where))
            for name, split in self.dataset.splits.items()
        }
        groups = parameter_groups(self.net, run.train.weight_decay, run.train.decay_growth)
        self._optimizer = LazyAdamW(groups, lr=run.train.lr)
        self._optimizer.start_state()
        self._has_gates = "gates" in run.net.model.reads
        waits_for_nobody = compiled is None and where.type != "cpu"  # kernels for a GPU are not what Numba compiles
        compiled = readiness.usable() if compiled is None else compiled
        self._may_compile = compiled
        self._path = contextlib.nullcontext if compiled or waits_for_nobody else readiness.reference_only
        self._compiled: CompiledNet | None = None
        if compiled and self._is_compiled():
            assert isinstance(self.net, DenseNet | TreeNet)
            self._compiled = CompiledNet(self.net, self._optimizer, run.train)
        self._look = seconds_between_looks
        self._steps_at_once = 1
        self._progress = _Progress()
        rows = len(self.dataset.train.y)
        self._batches = math.ceil(rows / run.train.batch_size)

    @property
    def epoch(self) -> int:
        """The last complete epoch."""
        return self._progress.epoch

    def epochs(self) -> Iterator[EpochRecord]:
        """Train; yield epoch 0 first unless a state was loaded, then each epoch as it ends.

        Ends after the last epoch, by early stopping, or soon after `should_stop()` returns True, also within an epoch; then
        `stopped` is True. Raises NonFiniteLossError at the first loss that is not finite, before the update.
        """
        clock = _Stopwatch()
        progress = self._progress
        if not progress.begun:
            progress.begun = True
            yield self._record(clock)
            clock.goes_on()
        while progress.epoch < self.run.train.epochs and not progress.ended:
            if not self._train_epoch():
                self.stopped = True
                return
            progress.epoch += 1
            progress.step = 0
            record = self._record(clock)
            yield record
            clock.goes_on()
            if progress.epoch == self.run.train.epochs and not math.isfinite(loss := record.metrics["train", "loss"]):
                raise NonFiniteLossError(progress.epoch, None, loss)  # no later step would find it

    def facts(self) -> dict[str, Any]:
        """Measure further properties of the current net, as JSON values.

        `trained_parameters`: the parameters outside of nodes, and those of nodes visited by at least one step;
        `inference_seconds`: time for one row when all test rows are computed at once, the median of three; `compiled`:
        whether compiled code was ready (steps round differently without it).
        """
        from leafscope.core.cost import trained_parameters

        size = self.dataset
        visited = [
            int((self._optimizer.state[layer.weight]["visits"] > 0).sum())
            for layer in self.net.modules()
            if isinstance(layer, TreeLinear)
        ]
        x, y = self._splits["test"]
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            self._measure(x, y)
            seconds.append((time.perf_counter() - began) / max(1, len(y)))
        return {
            "trained_parameters": trained_parameters(self.run.net, size.n_features, size.n_classes, visited),
            "inference_seconds": statistics.median(seconds),
            "compiled": self._may_compile,
        }

    def state(self) -> dict[str, Tensor]:
        """Copy everything needed to continue, exact to the step: name -> tensor on the CPU."""
        state = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
        for index, parameter in enumerate(self.net.parameters()):
            for name, tensor in self._optimizer.state[parameter].items():
                state[f"optimizer.{index}.{name}"] = tensor
        progress = self._progress
        state["progress"] = torch.tensor(
            [progress.epoch, progress.step, progress.best_epoch, progress.begun, progress.ended], dtype=torch.int64
        )
        state["best_loss"] = torch.tensor(progress.best_loss, dtype=torch.float64)
        return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()}

    def load_state(self, state: Mapping[str, Tensor | np.ndarray]) -> None:
        """Continue from the state of a trainer of the same run; raises ValueError for the state of another net."""
        state = {name: torch.as_tensor(values) for name, values in state.items()}
        names = set(self.state())
        if names != set(state):
            raise ValueError(f"a state must be of the same net, but these entries differ: {sorted(names ^ set(state))[:4]}")
        self.net.load_state_dict({name[4:]: tensor for name, tensor in state.items() if name.startswith("net.")})
        for index, parameter in enumerate(self.net.parameters()):
            for name, tensor in self._optimizer.state[parameter].items():
                tensor.copy_(state[f"optimizer.{index}.{name}"])
        epoch, step, best_epoch, begun, ended = state["progress"].tolist()
        self._progress = _Progress(epoch, step, float(state["best_loss"]), best_epoch, bool(begun), bool(ended))

    def _train_epoch(self) -> bool:
        """Finish the current epoch; return False if stopped before its end."""
        progress, train = self._progress, self.run.train
        x, y = self._splits["train"]
        epoch = progress.epoch + 1
        order = self._order_of(epoch).to(x.device)
        if self._compiled is not None:
            return self._compiled_epoch(self._compiled, x, y, order.numpy())
        noise = self._stream(epoch, 1)
        for step in range(self._batches):
            rows = order[step * train.batch_size : (step + 1) * train.batch_size]
            gate_noise = self._draw_noise(len(rows), (epoch - 1) * self._batches + step, noise)
            if step < progress.step:
                continue  # done before the stop; its noise is still drawn, so later steps get the same noise
            if self._should_stop():
                return False
            with self._path():
                self._step(x[rows], y[rows], gate_noise, epoch, step)
            progress.step = step + 1
        return True

    def _compiled_epoch(self, net: CompiledNet, x: Tensor, y: Tensor, order: np.ndarray) -> bool:
        progress, batch = self._progress, self.run.train.batch_size
        before = progress.epoch * self._batches
        drawn = self._noise_of(progress.epoch + 1)
        noise = None if drawn is None else drawn.numpy()
        while progress.step < self._batches:
            if self._should_stop():
                return False
            first, last = progress.step, min(progress.step + self._steps_at_once, self._batches)
            part = slice(first * batch, last * batch)
            part_noise = None if noise is None else np.ascontiguousarray(noise[:, part])
            began = time.perf_counter()
            failed, loss = net.steps(x, y, order[part], part_noise, before + first, self._batches * self.run.train.epochs)
            if failed >= 0:
                progress.step = failed - before
                raise NonFiniteLossError(progress.epoch + 1, progress.step + 1, loss)
            progress.step = last
            took = time.perf_counter() - began
            self._steps_at_once = max(1, min(2 * self._steps_at_once, int((last - first) * self._look / max(took, 1e-9))))
        return True

    def _step(self, x: Tensor, y: Tensor, noise: list[Tensor] | None, epoch: int, step: int) -> None:
        train = self.run.train
        routed = self.net.learning(x, train, noise)
        loss = (functional.nll_loss if routed.are_log_shares else functional.cross_entropy)(routed.logits, y)
        loss = loss if routed.extra is None else loss + routed.extra
        if self._penalty > 0:
            for gate, leaf in zip(routed.gates, routed.leaves, strict=True):
                if gate.requires_grad:
                    loss = loss + self._penalty * balance_penalty(gate, leaf)
        if not math.isfinite(value := loss.item()):
            raise NonFiniteLossError(epoch, step + 1, value)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        rate = self._rate((epoch - 1) * self._batches + step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self.net.move_offsets(routed, train.balance)

    def _rate(self, step: int) -> float:
        if self.run.train.schedule == "constant":
            return self.run.train.lr
        return self.run.train.lr * 0.5 * (1 + math.cos(math.pi * step / (self._batches * self.run.train.epochs)))

    def _draw_noise(self, rows: int, step: int, stream: torch.Generator) -> list[Tensor] | None:
        spread = self.run.train.gate_noise * (1 - step / (self._batches * self.run.train.epochs))
        if spread <= 0 or not self._has_gates:
            return None
        shape = (rows, self.run.net.depth)
        return [
            (torch.randn(shape, generator=stream) * spread).to(self._splits["train"][0].device)
            for _ in range(self.run.net.tree_layers)
        ]

    def _stream(self, epoch: int, use: int) -> torch.Generator:
        """Make the random numbers of one epoch and one use from the seed alone, so resuming needs no saved state."""
        words = np.random.SeedSequence((self.run.seed, 7, epoch, use)).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))

    def _order_of(self, epoch: int) -> Tensor:
        """Draw the order of the training rows in an epoch: (R,) int64 on the CPU."""
        return torch.randperm(len(self.dataset.train.y), generator=self._stream(epoch, 0))

    def _noise_of(self, epoch: int) -> Tensor | None:
        """Draw the gate noise of all steps of an epoch, in the order of its rows: (layers, R, K), or None without noise."""
        if self.run.train.gate_noise <= 0 or not self._n_gates:
            return None
        stream, batch = self._stream(epoch, 1), self.run.train.batch_size
        n, before = len(self.dataset.train.y), (epoch - 1) * self._batches
        sizes = [min(batch, n - first) for first in range(0, n, batch)]
        drawn = [self._draw_noise(rows, before + step, stream) for step, rows in enumerate(sizes)]
        return torch.cat([torch.stack(of_step) for of_step in drawn if of_step is not None], dim=1)

    @property
    def _penalty(self) -> float:
        """The weight of the balance penalty."""
        is_penalized = self._has_gates and not BALANCINGS[self.run.net.balancing].has_offsets
        return self.run.train.balance if is_penalized else 0.0

    @property
    def _n_gates(self) -> int:
        return self.run.net.depth if self._has_gates else 0

    def _is_compiled(self) -> bool:
        """Whether compiled code has the whole step of this net."""
        net = self.run.net
        known = not net.gated or (GATE_GRADIENTS[self.run.train.gate_gradient].compiled and BALANCINGS[net.balancing].compiled)
        return known and isinstance(self.net, DenseNet | TreeNet) and takes(self.net)

    def _record(self, clock: "_Stopwatch") -> EpochRecord:
        measured = {split: self._measure(x, y) for split, (x, y) in self._splits.items()}
        mixed = {split: evaluate_mixed(self.net, x, y) for split, (x, y) in self._splits.items() if self.net.mixes}
        record = self._recorded(measured, clock.pause())
        for split, (loss, accuracy) in mixed.items():
            record.metrics.update({(split, "mix_loss"): loss, (split, "mix_accuracy"): accuracy})
        return record

    def _recorded(self, measured: Mapping[str, tuple[float, float, list[np.ndarray]]], seconds: float) -> EpochRecord:
        """Make the record of an epoch from the loss, accuracy and leaves of each split, and note its validation loss."""
        metrics: dict[tuple[str, str], float] = {}
        leaves: dict[tuple[int, str], np.ndarray] = {}
        for split, (loss, accuracy, split_leaves) in measured.items():
            metrics[split, "loss"] = loss
            metrics[split, "accuracy"] = accuracy
            for layer, (of_layer, leaf) in enumerate(zip(self.run.net.routed_layers, split_leaves)):
                leaves[layer, split] = leaf.astype(np.uint8 if of_layer.n_leaves <= 256 else np.uint16)
        self._note_validation(metrics["validation", "loss"])
        return EpochRecord(self._progress.epoch, metrics, leaves, seconds)

    def _measure(self, x: Tensor, y: Tensor) -> tuple[float, float, list[np.ndarray]]:
        """Compute loss, accuracy and each gated layer's leaves for all rows of a split."""
        if self._compiled is None:
            with self._path():
                return evaluate(self.net, x, y)
        return self._compiled.evaluate(x, y, EVALUATION_ROWS)

    def _note_validation(self, loss: float) -> None:
        progress, patience = self._progress, self.run.train.patience
        if loss < progress.best_loss:
            progress.best_loss = loss
            progress.best_epoch = progress.epoch
        progress.ended = patience is not None and progress.epoch - progress.best_epoch >= patience


@torch.no_grad()
def evaluate(net: Net, x: Tensor, y: Tensor) -> tuple[float, float, list[np.ndarray]]:
    """Compute mean cross-entropy (nats), accuracy and each row's leaf at every gated layer.

    Shapes: x (N, P), y (N,) -> loss, accuracy, one (N,) int64 array for each gated layer. NaN and NaN without rows.
    """
    logits: list[Tensor] = []
    leaves: list[list[Tensor]] = []
    for part in x.split(EVALUATION_ROWS):
        routed = net.routed(part)
        logits.append(routed.logits)
        leaves.append(routed.leaves)
    loss, accuracy = _scored(torch.cat(logits), y)
    return loss, accuracy, [torch.cat(layer).cpu().numpy() for layer in zip(*leaves, strict=True)]


@torch.no_grad()
def evaluate_mixed(net: Net, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Compute mean cross-entropy (nats) and accuracy of a net that mixes all its leaves, as in training: x (N, P), y (N,)."""
    return _scored(torch.cat([net.mixed(part) for part in x.split(EVALUATION_ROWS)]), y)


def _scored(scores: Tensor, y: Tensor) -> tuple[float, float]:
    return functional.cross_entropy(scores, y).item(), (scores.argmax(1) == y).double().mean().item()
