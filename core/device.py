"""Devices: which one a run uses, its free memory, and whether runs fit in it.

torch is asked for GPUs only where it trains; whoever does without it hands in what the worker reported: name -> free bytes.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from leafscope.core.config import RunConfig
from leafscope.core.cost import largest_depth, memory
from leafscope.core.datasets import DATA_SETS, shape
from leafscope.core.errors import DataError, DeviceError, LimitError
from leafscope.core.machine.memory_limit import available_bytes

if TYPE_CHECKING:
    import torch

FREE_SHARE = 0.8
"""The share of free memory that a run may use; the rest is for the system and temporary arrays."""

Gpus: TypeAlias = Mapping[str, int]
"""Name, such as cuda:0 -> bytes that are free."""


def resolve_device(name: str) -> "torch.device":
    """Convert `auto`, `cpu`, `cuda` or `cuda:<number>` to a device; raises what `device_name` raises."""
    import torch

    return torch.device(device_name(name))


def device_name(name: str, gpus: Gpus | None = None) -> str:
    """Convert `auto` or `cuda` to the name of a device; auto is the first GPU if there is one, else the CPU.

    Raises DeviceError if the device is missing.
    """
    known = device_names() if gpus is None else ["cpu", *gpus]
    if name == "auto":
        return known[1] if len(known) > 1 else "cpu"
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in known:
        raise DeviceError(f"device must be auto or one of this machine's ({', '.join(known)}), got {name}")
    return wanted


def device_names() -> list[str]:
    """List the devices of this machine that torch can use: `cpu`, `cuda:0`, ..."""
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["cpu", *(f"cuda:{index}" for index in range(n_gpus))]


def gpus_here() -> Gpus:
    """List this machine's GPUs that torch can use, and their free memory."""
    return {name: _free_on_gpu(name) for name in device_names()[1:]}


def _free_on_gpu(name: str) -> int:
    import torch

    return int(torch.cuda.mem_get_info(name)[0])


def free_bytes(device: str, gpus: Gpus | None = None) -> int:
    """Return the bytes of memory that a new run may use on the device."""
    if device == "cpu":
        return int(available_bytes() * FREE_SHARE)
    return int((_free_on_gpu(device) if gpus is None else gpus[device]) * FREE_SHARE)


def check_task(run: RunConfig) -> None:
    """Raise DataError if the run's model cannot predict what its data set asks for."""
    if run.net.model.only_classes and DATA_SETS[run.data.name].task == "regression":
        name = run.net.model.default_line.in_a_sentence
        raise DataError(f"{name} must have classes as its target, but {DATA_SETS[run.data.name].title[:60]} has numbers")


def check_fits(run: RunConfig, device: str | None = None, gpus: Gpus | None = None) -> None:
    """Raise LimitError, before anything is allocated, if training the run would not fit in the device's free memory.

    Without a device, on the run's own; raises DeviceError if that is missing, and what `check_task` raises.
    """
    check_task(run)
    device = device or _device_of(run, gpus)
    size = shape(run.data)
    needed = memory(run, size.n_features, size.n_outputs, size.n_rows).total
    free = free_bytes(device, gpus)
    if needed > free:
        fits = largest_depth(run, size.n_features, size.n_outputs, size.n_rows, free)
        none_fits = "fewer rows need less" if run.net.fitted else "no depth fits at this width"
        advice = none_fits if fits is None else f"the largest depth that fits is {fits}"
        raise LimitError(
            f"training {run.label} needs {_gigabytes(needed)} but only {_gigabytes(free)} are free on {device}; {advice}"
        )


def check_fit_together(runs: Sequence[RunConfig]) -> None:
    """Raise LimitError if runs that fit one by one would not fit together in their device's free memory."""
    needed: dict[str, int] = {}
    for run in runs:
        device, size = _device_of(run), shape(run.data)
        needed[device] = needed.get(device, 0) + memory(run, size.n_features, size.n_outputs, size.n_rows).total
    for device, total in needed.items():
        if total > (free := free_bytes(device)):
            raise LimitError(
                f"training {len(runs)} runs at once needs {_gigabytes(total)} but only {_gigabytes(free)} are free on "
                f"{device}; train fewer at a time"
            )


def _device_of(run: RunConfig, gpus: Gpus | None = None) -> str:
    """Return the device of a run; scikit-learn fits on the CPU."""
    return "cpu" if run.net.fitted or run.train.device == "cpu" else device_name(run.train.device, gpus)


def _gigabytes(n: int) -> str:
    return f"{n / 1e9:,.1f} GB"


def n_threads() -> int:
    """Return the number of training threads: one core is left for the server, and more than 4 do not help small nets.

    Two training threads beside a busy server on two cores wait for each other for whole ticks of the scheduler.
    """
    return max(1, min(4, n_cores() - 1))


def n_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
