"""What a way of balancing gates or experts is, and the registry of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leafscope.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Lowering = Callable[["Tensor", "Tensor", "float | Tensor"], "Tensor"]


@dataclass(frozen=True)
class Balancing:
    """A way of balancing: a penalty in the loss, or an offset of each gate or expert that moves after each batch.

    An offset is added to a gate before its sign is read, in training and afterwards; it starts at 0. It belongs to the gate
    alone: what a hidden unit passes on as an activation is unchanged.
    """

    name: str
    """Its value of `NetConfig.balancing`."""
    title: str
    """Its name where it is chosen: an answer to "Balancing of the gates"."""
    meaning: str
    """What it does, in words that follow its title and a colon."""
    label: str = ""
    """Its part of a run's name; empty: none."""
    lowering: Lowering | None = None
    """Gates (..., N, K) with their offsets and without noise, bits (..., N, K) as they were read, and `TrainConfig.balance`,
    which is a number or broadcasts to the result -> what the offsets are lowered by after the batch, (..., K), by torch. None:
    there are no offsets, and `TrainConfig.balance` is the weight of a penalty."""
    strength: str = ""
    """What `TrainConfig.balance` is, in a word; empty: it makes no difference."""
    of: tuple[str, ...] = ("gates",)
    """What it balances: the bits of `gates`, the loads of `experts`, or both (`Model.router`)."""
    compiled: bool = False
    """Whether compiled training knows it; where it does not, the reference path trains."""
    place: int = 1000
    """Its place in lists, the smallest first."""

    @property
    def has_offsets(self) -> bool:
        """Whether gates have offsets."""
        return self.lowering is not None


BALANCINGS: Registry[Balancing] = Registry("way of balancing", "leafscope.core.balancing", key=lambda one: one.place)
"""Name -> way of balancing."""
