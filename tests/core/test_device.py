"""Devices that are not there, and runs that do not fit."""

import pytest
import torch
from torch.cuda import device_count

from leafscope.core import device
from leafscope.core.config import RunConfig, changed
from leafscope.core.cost import memory
from leafscope.core.datasets import shape
from leafscope.core.device import check_fits, resolve_device
from leafscope.core.errors import DeviceError, LimitError

CPU = torch.device("cpu")


def test_cpu() -> None:
    assert resolve_device("cpu") == CPU
    assert device.device_names()[0] == "cpu"


def test_gpu_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match=f"must be auto or one of this machine's .*cpu.*, got cuda:{device_count()}"):
        resolve_device(f"cuda:{device_count()}")


@pytest.mark.parametrize(("n_gpus", "auto", "second"), [(0, "cpu", None), (1, "cuda:0", None), (2, "cuda:0", "cuda:1")])
def test_with_so_many_gpus(monkeypatch: pytest.MonkeyPatch, n_gpus: int, auto: str, second: str | None) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n_gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    assert resolve_device("auto") == torch.device(auto)
    assert device.device_names() == ["cpu", "cuda:0", "cuda:1"][: n_gpus + 1]
    if n_gpus:
        assert resolve_device("cuda") == torch.device("cuda:0")
    else:
        with pytest.raises(DeviceError):
            resolve_device("cuda")
    if second:
        assert resolve_device("cuda:1") == torch.device(second)
    else:
        with pytest.raises(DeviceError, match="got cuda:1"):
            resolve_device("cuda:1")


def test_free_memory_leaves_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_bytes", lambda: 1000)
    assert device.free_bytes("cpu") == 1000 * device.FREE_SHARE


def test_gpus_that_a_worker_reported() -> None:
    """Who has no torch to ask knows what the worker found."""
    run = changed(RunConfig(), {"train.device": "cuda:1"})
    gpus = {"cuda:0": 10**10, "cuda:1": 1000}
    assert [device.device_name(name, gpus) for name in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
        "cpu",
    ]
    with pytest.raises(LimitError, match="are free on cuda:1"):
        check_fits(run, gpus=gpus)
    check_fits(run, gpus={"cuda:1": 10**10})
    for known in ({}, {"cuda:0": 10**10}):
        with pytest.raises(DeviceError, match=r"must be auto or one of this machine's \(cpu.*\), got cuda:1"):
            check_fits(run, gpus=known)
    assert device.device_name("auto", {}) == "cpu"


@pytest.mark.parametrize(("kind", "width", "free"), [("tree", 256, 10**9), ("flat", 64, 10**8), ("tree", 1024, 5 * 10**8)])
def test_largest_depth_named_fits_and_one_more_does_not(
    monkeypatch: pytest.MonkeyPatch, kind: str, width: int, free: int
) -> None:
    monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: free)
    run = changed(RunConfig(), {"net.kind": kind, "net.width": width, "net.depth": 16})
    with pytest.raises(LimitError) as raised:
        check_fits(run, "cpu")
    sentence = str(raised.value)
    size = shape(run.data)
    needed = memory(run, size.n_features, size.n_classes, size.n_rows).total
    assert f"needs {needed / 1e9:,.1f} GB but only {free / 1e9:,.1f} GB are free on cpu" in sentence
    depth = int(sentence.rsplit(" ", 1)[1])
    check_fits(changed(run, {"net.depth": depth}), "cpu")
    with pytest.raises(LimitError):
        check_fits(changed(run, {"net.depth": depth + 1}), "cpu")


def test_no_depth_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: 1000)
    with pytest.raises(LimitError, match="no depth fits at this width"):
        check_fits(RunConfig(), "cpu")


def test_what_needs_all_that_is_free_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunConfig()
    size = shape(run.data)
    needed = memory(run, size.n_features, size.n_classes, size.n_rows).total
    monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: needed)
    check_fits(run, "cpu")
    monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: needed - 1)
    with pytest.raises(LimitError):
        check_fits(run, "cpu")


@pytest.mark.parametrize("name", ["meta", "mps", "xla", "cpu:3", "tpu", "cuda:x"])
def test_what_a_run_cannot_be_trained_on_is_refused(name):
    with pytest.raises(DeviceError, match="must be auto or one of this machine's"):
        resolve_device(name)
