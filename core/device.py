"""Devices: which one a run uses, its free memory, and whether runs fit in it."""

import os
from collections.abc import Sequence

import torch

from leafscope.core.config import RunConfig
from leafscope.core.cost import largest_depth, memory
from leafscope.core.datasets import shape
from leafscope.core.errors import DeviceError, LimitError
from leafscope.core.memory_limit import available_bytes

FREE_SHARE = 0.8
"""The share of free memory that a run may use; the rest is for the system and temporary arrays."""


def resolve_device(name: str) -> torch.device:
    """Convert `auto`, `cpu`, `cuda` or `cuda:<number>` to a device; auto is the first GPU if there is one, else the CPU.

    Raises DeviceError if the device is missing.
    """
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda:0" if n_gpus else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in device_names():
        raise DeviceError(f"device must be auto or one of this machine's ({', '.join(device_names())}), got {name}")
    return torch.device(wanted)


def device_names() -> list[str]:
    """List the devices of this machine: `cpu`, `cuda:0`, ..."""
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["cpu", *(f"cuda:{index}" for index in range(n_gpus))]


def free_bytes(device: torch.device) -> int:
    """Return the bytes of memory that a new run may use on the device."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_bytes()
    return int(free * FREE_SHARE)


def check_fits(run: RunConfig, device: torch.device | None = None) -> None:
    """Raise LimitError, before anything is allocated, if training the run would not fit in the device's free memory."""
    device = device or _device_of(run)
    size = shape(run.data)
    needed = memory(run, size.n_features, size.n_classes, size.n_rows).total
    free = free_bytes(device)
    if needed > free:
        fits = largest_depth(run, size.n_features, size.n_classes, size.n_rows, free)
        none_fits = "fewer rows need less" if run.net.fitted else "no depth fits at this width"
        advice = none_fits if fits is None else f"the largest depth that fits is {fits}"
        raise LimitError(
            f"training {run.label} needs {_gigabytes(needed)} but only {_gigabytes(free)} are free on {device}; {advice}"
        )


def check_fit_together(runs: Sequence[RunConfig]) -> None:
    """Raise LimitError if runs that fit one by one would not fit together in their device's free memory."""
    needed: dict[torch.device, int] = {}
    for run in runs:
        device, size = _device_of(run), shape(run.data)
        needed[device] = needed.get(device, 0) + memory(run, size.n_features, size.n_classes, size.n_rows).total
    for device, total in needed.items():
        if total > (free := free_bytes(device)):
            raise LimitError(
                f"training {len(runs)} runs at once needs {_gigabytes(total)} but only {_gigabytes(free)} are free on "
                f"{device}; train fewer at a time"
            )


def _device_of(run: RunConfig) -> torch.device:
    """Return the device of a run; scikit-learn fits on the CPU."""
    return torch.device("cpu") if run.net.fitted else resolve_device(run.train.device)


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
