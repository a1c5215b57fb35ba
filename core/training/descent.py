"""Training of one net by gradient descent: mini-batches, cosine schedule, one record per epoch, exact to the step when stopped
and resumed.

N rows · K depth · C classes. Epoch 0 is before training. Losses (mean cross-entropy in nats, or squared error of the
standardized target) and scores are measured on a whole part after the epoch, without gate noise. A loss has the weights of
rows and classes that training has; scores have none.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from leafscope.core.balancing import BALANCINGS
from leafscope.core.config import NetConfig, TrainConfig
from leafscope.core.device import resolve_device
from leafscope.core.errors import NonFiniteLossError
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.kernels import readiness
from leafscope.core.models import build_net, net_kinds
from leafscope.core.nets import DenseNet, Net, TreeNet, balance_penalty
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.training.arrays import Arrays
from leafscope.core.training.compiled_net import CompiledNet, takes
from leafscope.core.training.events import EpochRecord
from leafscope.core.training.losses import accuracies, mean_loss

EVALUATION_ROWS = 8192
"""Rows in one forward pass of the evaluation, whose memory therefore does not grow with the data."""

LOOK = 0.02
"""Seconds of compiled steps between two calls of `should_stop`."""


class Measured(NamedTuple):
    """What is measured of all rows of a part."""

    loss: float
    scores: dict[str, float]
    """Those that the task records."""
    leaves: list[np.ndarray]
    """(R,) int64 for each routed layer, with top-k (R, k)."""
    tally: np.ndarray | None
    """(3, C) int64, the counts of `scores.confusion.tally`; None where numbers are predicted."""


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


class Descent:
    """Trains one net on arrays; training from a saved and loaded state continues the same history, bit for bit on the CPU.

    `seed` sets the order of the rows and the noise, `weight_seed` the initial weights; None: the same. `should_stop` is called
    before every step, or every `seconds_between_looks` with compiled code. `compiled`: whether to use compiled code for nets
    that it supports; None: if it is ready. Both paths agree in a step to 1e-5. Raises DeviceError if the device is missing,
    ValueError for a kind that scikit-learn fits, for patience without validation rows, and for class weights of numbers.
    """

    def __init__(
        self,
        arrays: Arrays,
        net: NetConfig,
        train: TrainConfig,
        seed: int = 0,
        *,
        weight_seed: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        compiled: bool | None = None,
        seconds_between_looks: float = LOOK,
    ) -> None:
        if net.fitted:
            raise ValueError(
                f"kind must be one of {', '.join(net_kinds())}, which are trained by gradient descent, got {net.kind}; "
                "scikit-learn fits it: use leafscope.core.training.fitting.fit(run)"
            )
        if train.patience is not None and arrays.validation is None:
            raise ValueError(f"patience must be left out without validation rows, got {train.patience}")
        where = resolve_device(train.device)
        self.arrays, self.net_config, self.train_config, self.seed = arrays, net, train, seed
        self.device = str(where)
        self.net = build_net(net, arrays.n_features, arrays.n_outputs, seed if weight_seed is None else weight_seed)
        if where.type != "cpu":
            self.net.to(where)
        self.stopped = False
        self._should_stop = should_stop
        self._splits = {
            name: (torch.tensor(part.x, device=where), torch.tensor(arrays.trained_on(part), device=where))
            for name, part in arrays.parts.items()
        }
        self._weights = {
            name: None if weight is None else torch.tensor(weight, device=where)
            for name, weight in arrays.weights(train.class_weight).items()
        }
        groups = parameter_groups(self.net, train.weight_decay, train.decay_growth)
        self._optimizer = LazyAdamW(groups, lr=train.lr)
        self._optimizer.start_state()
        self._has_gates = "gates" in net.model.reads
        waits_for_nobody = compiled is None and where.type != "cpu"  # kernels for a GPU are not what Numba compiles
        compiled = readiness.usable() if compiled is None else compiled
        self.may_compile = compiled
        """Whether compiled code may be used where it has the whole step."""
        self._path = contextlib.nullcontext if compiled or waits_for_nobody else readiness.reference_only
        self._compiled: CompiledNet | None = None
        if compiled and self._is_compiled():
            assert isinstance(self.net, DenseNet | TreeNet)
            self._compiled = CompiledNet(self.net, self._optimizer, train)
        self._look = seconds_between_looks
        self._steps_at_once = 1
        self._progress = _Progress()
        self._batches = math.ceil(len(arrays.train.y) / train.batch_size)

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
        while progress.epoch < self.train_config.epochs and not progress.ended:
            if not self._train_epoch():
                self.stopped = True
                return
            progress.epoch += 1
            progress.step = 0
            record = self._record(clock)
            yield record
            clock.goes_on()
            if progress.epoch == self.train_config.epochs and not math.isfinite(loss := record.metrics["train", "loss"]):
                raise NonFiniteLossError(progress.epoch, None, loss)  # no later step would find it

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
        progress, train = self._progress, self.train_config
        x, y = self._splits["train"]
        weight = self._weights["train"]
        epoch = progress.epoch + 1
        order = self._order_of(epoch).to(x.device)
        if self._compiled is not None:
            return self._compiled_epoch(self._compiled, order.numpy())
        noise = self._stream(epoch, 1)
        for step in range(self._batches):
            rows = order[step * train.batch_size : (step + 1) * train.batch_size]
            gate_noise = self._draw_noise(len(rows), (epoch - 1) * self._batches + step, noise)
            if step < progress.step:
                continue  # done before the stop; its noise is still drawn, so later steps get the same noise
            if self._should_stop():
                return False
            with self._path():
                self._step(x[rows], y[rows], None if weight is None else weight[rows], gate_noise, epoch, step)
            progress.step = step + 1
        return True

    def _compiled_epoch(self, net: CompiledNet, order: np.ndarray) -> bool:
        answered = *self._splits["train"], self._weights["train"]
        progress, batch = self._progress, self.train_config.batch_size
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
            failed, loss = net.steps(
                answered, order[part], part_noise, before + first, self._batches * self.train_config.epochs
            )
            if failed >= 0:
                progress.step = failed - before
                raise NonFiniteLossError(progress.epoch + 1, progress.step + 1, loss)
            progress.step = last
            took = time.perf_counter() - began
            self._steps_at_once = max(1, min(2 * self._steps_at_once, int((last - first) * self._look / max(took, 1e-9))))
        return True

    def _step(self, x: Tensor, y: Tensor, weight: Tensor | None, noise: list[Tensor] | None, epoch: int, step: int) -> None:
        train = self.train_config
        routed = self.net.learning(x, train, noise)
        loss = mean_loss(routed.logits, y, weight, routed.are_log_shares)
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
        if self.train_config.schedule == "constant":
            return self.train_config.lr
        return self.train_config.lr * 0.5 * (1 + math.cos(math.pi * step / (self._batches * self.train_config.epochs)))

    def _draw_noise(self, rows: int, step: int, stream: torch.Generator) -> list[Tensor] | None:
        spread = self.train_config.gate_noise * (1 - step / (self._batches * self.train_config.epochs))
        if spread <= 0 or not self._has_gates:
            return None
        shape = (rows, self.net_config.depth)
        return [
            (torch.randn(shape, generator=stream) * spread).to(self._splits["train"][0].device)
            for _ in range(self.net_config.tree_layers)
        ]

    def _stream(self, epoch: int, use: int) -> torch.Generator:
        """Make the random numbers of one epoch and one use from the seed alone, so resuming needs no saved state."""
        words = np.random.SeedSequence((self.seed, 7, epoch, use)).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))

    def _order_of(self, epoch: int) -> Tensor:
        """Draw the order of the training rows in an epoch: (R,) int64 on the CPU."""
        return torch.randperm(len(self.arrays.train.y), generator=self._stream(epoch, 0))

    def _noise_of(self, epoch: int) -> Tensor | None:
        """Draw the gate noise of all steps of an epoch, in the order of its rows: (layers, R, K), or None without noise."""
        if self.train_config.gate_noise <= 0 or not self._n_gates:
            return None
        stream, batch = self._stream(epoch, 1), self.train_config.batch_size
        n, before = len(self.arrays.train.y), (epoch - 1) * self._batches
        sizes = [min(batch, n - first) for first in range(0, n, batch)]
        drawn = [self._draw_noise(rows, before + step, stream) for step, rows in enumerate(sizes)]
        return torch.cat([torch.stack(of_step) for of_step in drawn if of_step is not None], dim=1)

    @property
    def _penalty(self) -> float:
        """The weight of the balance penalty."""
        is_penalized = self._has_gates and not BALANCINGS[self.net_config.balancing].has_offsets
        return self.train_config.balance if is_penalized else 0.0

    @property
    def _n_gates(self) -> int:
        return self.net_config.depth if self._has_gates else 0

    def _is_compiled(self) -> bool:
        """Whether compiled code has the whole step of this net."""
        net = self.net_config
        known = not net.gated or (
            GATE_GRADIENTS[self.train_config.gate_gradient].compiled and BALANCINGS[net.balancing].compiled
        )
        return known and isinstance(self.net, DenseNet | TreeNet) and takes(self.net)

    def _record(self, clock: "_Stopwatch") -> EpochRecord:
        measured = {split: self._measure(split) for split in self._splits}
        return self._recorded(measured, clock.pause())

    def _recorded(self, measured: Mapping[str, Measured], seconds: float) -> EpochRecord:
        """Make the record of an epoch from what was measured of each split, and note its validation loss."""
        metrics: dict[tuple[str, str], float] = {}
        leaves: dict[tuple[int, str], np.ndarray] = {}
        for split, (loss, scores, split_leaves, _) in measured.items():
            metrics[split, "loss"] = loss
            for score, value in scores.items():
                metrics[split, score] = value
            for layer, (of_layer, leaf) in enumerate(zip(self.net_config.routed_layers, split_leaves)):
                leaves[layer, split] = leaf.astype(np.uint8 if of_layer.n_leaves <= 256 else np.uint16)
        self._note_validation(metrics.get(("validation", "loss")))
        tallies = {split: of_split.tally for split, of_split in measured.items() if of_split.tally is not None}
        return EpochRecord(self._progress.epoch, metrics, leaves, seconds, tallies)

    def _measure(self, split: str) -> Measured:
        """Compute loss, scores and each gated layer's leaves for all rows of a split."""
        answered = *self._splits[split], self._weights[split]
        if self._compiled is not None:
            tally = self.arrays.tally(split)
            loss, right, leaves, outputs = self._compiled.evaluate(answered, EVALUATION_ROWS, tally)
            return Measured(loss, self._scores(split, right, outputs), leaves, tally)
        with self._path():
            found, leaves = outputs_of(self.net, answered[0])
        _, y, weight = answered
        loss, scores = self._measured(split, found, y, weight)
        if self.net.mixes:
            mixed = mixed_outputs_of(self.net, answered[0])
            scores["mix_loss"], of_mixture = self._measured(split, mixed, y, weight)
            scores |= {f"mix_{name}": value for name, value in of_mixture.items()}
        return Measured(loss, scores, leaves, self.arrays.tally(split, found.argmax(1).cpu().numpy()))

    def _measured(self, split: str, outputs: Tensor, y: Tensor, weight: Tensor | None) -> tuple[float, dict[str, float]]:
        """Compute the loss and the scores of outputs for all rows of a split."""
        right = float("nan") if self.arrays.n_classes is None else accuracies(outputs, y).item()
        return mean_loss(outputs, y, weight).item(), self._scores(split, right, outputs.cpu().numpy())

    def _scores(self, split: str, right: float, outputs: np.ndarray) -> dict[str, float]:
        """Compute the scores that are recorded, from the share of right rows or the outputs for numbers."""
        return {"accuracy": right} if self.arrays.n_classes is not None else self.arrays.scores(split, outputs)

    def _note_validation(self, loss: float | None) -> None:
        progress, patience = self._progress, self.train_config.patience
        if loss is None or loss < progress.best_loss:
            progress.best_loss = math.inf if loss is None else loss
            progress.best_epoch = progress.epoch
        progress.ended = patience is not None and progress.epoch - progress.best_epoch >= patience


@torch.no_grad()
def outputs_of(net: Net, x: Tensor) -> tuple[Tensor, list[np.ndarray]]:
    """Compute the outputs and each row's leaf at every gated layer: x (N, P) -> (N, C), one (N,) int64 array for each layer."""
    outputs: list[Tensor] = []
    leaves: list[list[Tensor]] = []
    for part in x.split(EVALUATION_ROWS):
        routed = net.routed(part)
        outputs.append(routed.logits)
        leaves.append(routed.leaves)
    return torch.cat(outputs), [torch.cat(layer).cpu().numpy() for layer in zip(*leaves, strict=True)]


@torch.no_grad()
def mixed_outputs_of(net: Net, x: Tensor) -> Tensor:
    """Compute the outputs of a net that mixes all its leaves, as in training: x (N, P) -> (N, C)."""
    return torch.cat([net.mixed(part) for part in x.split(EVALUATION_ROWS)])
