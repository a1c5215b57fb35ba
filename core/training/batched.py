"""Training many nets of one shape as one, on any device: each step is one computation for all members of a group.

M members · R training rows · N rows of a batch · K depth. Members take the same steps at the same time; their seeds, data,
rates, schedules, decays, noise and patience may differ. What must be equal is the shape of every array (`shape_of`). A member
that ends leaves the group, and the others continue. Histories agree with those of `Descent` on the reference path up to
rounding (tests compare them).
"""

import math
import time
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from leafscope.core.errors import OUT_OF_MEMORY, LimitError, NonFiniteLossError, is_out_of_memory
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.training.arrays import Arrays
from leafscope.core.training.batched_net import BatchedNet, Member, release
from leafscope.core.training.descent import EVALUATION_ROWS, Descent, Measured
from leafscope.core.training.events import Ended, EpochRecord
from leafscope.core.training.losses import accuracies, answer_counts
from leafscope.core.training.replayed import Replayed

Events: TypeAlias = Generator[tuple[int, EpochRecord | Ended], None, None]


def shape_of(trainer: Descent) -> Hashable:
    """Return what two trainings must share to be trained as one: the device, and the shape of every array of a step."""
    train, arrays = trainer.train_config, trainer.arrays
    return (
        trainer.device,
        trainer._path,
        type(trainer.net) if isinstance(trainer.net, DenseNet | TreeNet) else id(trainer),  # others are trained alone
        trainer.net.config.model_dump_json(),
        arrays.n_features,
        arrays.n_classes,
        tuple((name, len(part.y)) for name, part in arrays.parts.items()),
        tuple(weight is None for weight in trainer._weights.values()),
        min(train.batch_size, len(arrays.train.y)),
        train.gate_gradient,
        train.balance > 0,  # with a penalty, gating units learn that would not without it
        trainer._progress.step,
    )


def groups(trainers: Sequence[Descent]) -> list[list[int]]:
    """Divide trainers into groups that can be trained as one, in order of their first member: lists of their numbers."""
    found: dict[Hashable, list[int]] = {}
    for number, trainer in enumerate(trainers):
        found.setdefault(shape_of(trainer), []).append(number)
    return list(found.values())


class Batch:
    """Trains a group of members as one; `numbers` are the names of the members in events and for `should_stop`.

    Raises ValueError if the members' shapes differ.
    """

    def __init__(self, numbers: Sequence[int], trainers: Sequence[Descent], should_stop: Callable[[int], bool]) -> None:
        if len({shape_of(trainer) for trainer in trainers}) != 1:
            raise ValueError("members of a group must have one shape, see groups")
        self._numbers, self._trainers = list(numbers), list(trainers)
        self._should_stop = should_stop
        self._device = torch.device(trainers[0].device)
        self._seconds = dict.fromkeys(numbers, 0.0)
        self._data: dict[str, tuple[Tensor, Tensor, Tensor | None]] = {}
        self._net: BatchedNet | None = None
        self._run: Replayed | None = None

    def events(self) -> Events:
        """Train all members as `Population.events` says; a record's seconds are the member's share of the group's time."""
        try:
            yield from self._train()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            for number in self._numbers:
                yield number, Ended("failed", LimitError(OUT_OF_MEMORY))
        finally:
            self._keep([])

    def _train(self) -> Events:
        self._keep(self._numbers)
        if fresh := [number for number in self._numbers if not self._of(number)._progress.begun]:
            records = self._records(time.perf_counter(), fresh)
            for number in fresh:
                self._of(number)._progress.begun = True
            yield from records.items()
        while True:
            done = [number for number in self._numbers if self._is_done(self._of(number))]
            yield from self._leave({number: Ended("finished") for number in done})
            if not self._numbers:
                return
            yield from self._epoch()

    def _epoch(self) -> Events:
        """Train one epoch; a member that is asked to stop leaves between two steps, one that diverges at the end."""
        began = time.perf_counter()
        steps, first = self._trainers[0]._batches, self._trainers[0]._progress.step
        orders, noises, rates = self._draws()
        x, y, weight = self._splits()["train"]
        for step in range(first, steps):
            if stopping := [number for number in self._numbers if self._should_stop(number)]:
                self._share(began)
                yield from self._stop(stopping, step)
                if not self._numbers:
                    return
                began = time.perf_counter()
                orders, noises, rates = self._draws()
                x, y, weight = self._splits()["train"]
            part = slice(step * self._n, (step + 1) * self._n)
            assert self._run is not None
            noise = None if noises is None else noises[:, :, part]
            with self._trainers[0]._path():
                rows = orders[:, part]
                chosen = None if weight is None else _rows_of(weight, rows)
                self._run.step(_rows_of(x, rows), _rows_of(y, rows), rates[:, step], noise, chosen)
        yield from self._leave(self._failures(steps))
        for trainer in self._trainers:
            trainer._progress.epoch += 1
            trainer._progress.step = 0
        if not self._numbers:
            return
        records = self._records(began, self._numbers)
        yield from records.items()
        lost: dict[int, Ended] = {}
        for number, record in records.items():
            progress, loss = self._of(number)._progress, record.metrics["train", "loss"]
            if progress.epoch == self._of(number).train_config.epochs and not math.isfinite(loss):
                lost[number] = Ended("failed", NonFiniteLossError(progress.epoch, None, loss))
        yield from self._leave(lost)

    def _stop(self, stopping: Sequence[int], step: int) -> Events:
        """End members before a step of the epoch, and those that diverged before it, which the others go on without."""
        ends = self._failures(step)
        for trainer in self._trainers:
            trainer._progress.step = trainer._progress.step if self._name(trainer) in ends else step
        for number in stopping:
            if number not in ends:
                self._of(number).stopped = True
                ends[number] = Ended("stopped")
        yield from self._leave(ends)

    def _failures(self, step: int) -> dict[int, Ended]:
        """Find whose loss was not finite, before a step of the epoch; notes the step that failed."""
        assert self._net is not None
        found: dict[int, Ended] = {}
        for place, (failed, loss) in self._net.failures().items():
            progress = self._trainers[place]._progress
            progress.step = step - self._net.steps + failed
            found[self._numbers[place]] = Ended("failed", NonFiniteLossError(progress.epoch + 1, progress.step + 1, loss))
        return found

    def _leave(self, ends: Mapping[int, Ended]) -> Events:
        """End members; the others form a smaller group."""
        if ends:
            self._keep([number for number in self._numbers if number not in ends])
            yield from ends.items()

    def _keep(self, numbers: Sequence[int]) -> None:
        """Train only these members from now on; the others get storage of their own."""
        kept = [self._of(number) for number in numbers]
        for trainer in self._trainers:
            if self._net is not None and trainer not in kept:
                release(_member(trainer))
        self._numbers, self._trainers = list(numbers), kept
        self._net = self._run = None
        self._data = {}
        if not kept:
            return
        strengths = [trainer.train_config.balance for trainer in kept]
        members = [_member(trainer) for trainer in kept]
        self._net = BatchedNet(members, kept[0].train_config.gate_gradient, strengths)
        self._run = Replayed(self._net)

    def _draws(self) -> tuple[Tensor, Tensor | None, Tensor]:
        """Draw the next epoch of each member: order (M, R), noise (layers, M, R, K) or None, rates (M, steps) float64."""
        epochs = [trainer._progress.epoch + 1 for trainer in self._trainers]
        of_epoch = list(zip(self._trainers, epochs, strict=True))
        orders = torch.stack([trainer._order_of(epoch) for trainer, epoch in of_epoch]).to(self._device)
        noises = [trainer._noise_of(epoch) for trainer, epoch in of_epoch]
        noise = None
        if (some := next((drawn for drawn in noises if drawn is not None), None)) is not None:
            noise = torch.stack([torch.zeros_like(some) if drawn is None else drawn for drawn in noises], 1)
        steps = self._trainers[0]._batches
        rates = [[trainer._rate((epoch - 1) * steps + step) for step in range(steps)] for trainer, epoch in of_epoch]
        return orders, noise, torch.tensor(rates, dtype=torch.float64, device=self._device)

    def _records(self, began: float, numbers: Sequence[int]) -> dict[int, EpochRecord]:
        """Evaluate all members as one, and make the records of some."""
        assert self._net is not None
        at_once = max(256, EVALUATION_ROWS // len(self._trainers))
        found: dict[str, list[Measured]] = {}
        for split, (x, y, weight) in self._splits().items():
            with self._trainers[0]._path():
                losses, outputs, leaves = self._net.evaluate(x, y, at_once, weight)
            found[split] = self._measured(split, losses, outputs, y, leaves)
        self._share(began)
        records: dict[int, EpochRecord] = {}
        for place, (number, trainer) in enumerate(zip(self._numbers, self._trainers, strict=True)):
            if number in numbers:
                measured = {split: of_members[place] for split, of_members in found.items()}
                records[number] = trainer._recorded(measured, self._seconds[number])
        return records

    def _measured(self, split: str, losses: Tensor, outputs: Tensor, y: Tensor, leaves: Sequence[Tensor]) -> list[Measured]:
        """Divide what was measured of all members: losses (M,), outputs (M, R, C), y (M, R), leaves (M, R) of each layer."""
        own_leaves = [layer.cpu().numpy() for layer in leaves]
        tallies: list[np.ndarray | None] = [trainer.arrays.tally(split) for trainer in self._trainers]
        if y.dtype.is_floating_point:
            right, own = [math.nan] * len(y), outputs.cpu().numpy()
        else:
            right, own = accuracies(outputs, y).tolist(), np.empty((len(y), 0, 0))
            for tally, counts in zip(tallies, answer_counts(outputs, y).cpu().numpy(), strict=True):
                assert tally is not None
                tally[1:] = counts
        return [
            Measured(
                loss, trainer._scores(split, right[place], own[place]), [layer[place] for layer in own_leaves], tallies[place]
            )
            for place, (loss, trainer) in enumerate(zip(losses.tolist(), self._trainers, strict=True))
        ]

    def _splits(self) -> dict[str, tuple[Tensor, Tensor, Tensor | None]]:
        """Return rows, answers and weights of each split for all members: (M, R, P), (M, R), (M, R) or None.

        They are copied once if they differ.
        """
        if not self._data:
            first = self._trainers[0]
            are_same = all(_are_same(trainer.arrays, first.arrays) for trainer in self._trainers)
            for split in first._splits:
                x, y = zip(*(trainer._splits[split] for trainer in self._trainers), strict=True)
                weights = [weight for trainer in self._trainers if (weight := trainer._weights[split]) is not None]
                joined = torch.stack(weights) if weights else None
                self._data[split] = _joined(x, are_same), _joined(y, are_same), joined
        return self._data

    def _share(self, began: float) -> None:
        """Give each member its share of the time since then."""
        share = (time.perf_counter() - began) / len(self._trainers)
        for number in self._numbers:
            self._seconds[number] += share

    @property
    def _n(self) -> int:
        return self._trainers[0].train_config.batch_size

    def _is_done(self, trainer: Descent) -> bool:
        return trainer._progress.epoch >= trainer.train_config.epochs or trainer._progress.ended

    def _of(self, number: int) -> Descent:
        return self._trainers[self._numbers.index(number)]

    def _name(self, trainer: Descent) -> int:
        return self._numbers[self._trainers.index(trainer)]


def _member(trainer: Descent) -> Member:
    assert isinstance(trainer.net, DenseNet | TreeNet)
    return trainer.net, trainer._optimizer


def _are_same(arrays: Arrays, other: Arrays) -> bool:
    """Whether they are the same rows in memory, so that members can share them."""
    parts = zip(arrays.parts.values(), other.parts.values(), strict=True)
    return arrays.centre == other.centre and all(one.x is same.x and one.y is same.y for one, same in parts)


def _joined(parts: Sequence[Tensor], are_same: bool) -> Tensor:
    return parts[0].expand(len(parts), *parts[0].shape) if are_same else torch.stack(list(parts))


def _rows_of(values: Tensor, index: Tensor) -> Tensor:
    """Select each member's rows: (M, R, ...), (M, N) -> (M, N, ...)."""
    member = torch.arange(len(index), device=index.device).unsqueeze(1)
    return values[member, index]
