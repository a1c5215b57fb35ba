"""Test and measure everything on a GPU: python -m tests.tools.gpu, in at most ten minutes.

Each part is a process of its own with its own time limit, so that one that fails or hangs stops no other. Their output, the
numbers (JSON) and a profile are in a folder, by default build/gpu; at the end one summary is printed. `--device cpu --quick`
runs every part in tiny sizes, to see that the script works; its numbers say nothing.
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.tools.gpu_layers import Layers

CORES = 2
"""Cores of the CPU that a population on the device is compared with."""

LOSS = 1e-2
"""Largest relative difference of a training loss after the first epochs between the device and the CPU: float32 sums differ in
order, and a row on the border of two leaves can change sides."""

Numbers = dict[str, Any]


class Size(NamedTuple):
    """How much is measured."""

    device: str
    quick: bool
    folder: Path


class Part(NamedTuple):
    """A part: the seconds that it may take, and what it computes."""

    seconds: float
    measure: Callable[[Size], Numbers]


# The parts


def tests(size: Size) -> Numbers:
    """Run the tests that need a GPU, or are about its kernel; without a GPU most are skipped."""
    files = ["tests/core/kernels/test_cuda.py", "tests/core/training/test_batched.py", "tests/core/training/test_training.py"]
    file = size.folder / "tests.xml"
    files = files[:1] if size.quick else files
    wanted = "gpu and not interpreter" if size.device != "cpu" else "on_a_gpu"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-k", wanted, "-rs", "-p", "no:cacheprovider", f"--junitxml={file}"],
        check=False,
    )
    import xml.etree.ElementTree as tree

    suite = next(tree.parse(file).iter("testsuite"))
    numbers: Numbers = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    if done.returncode or (size.device != "cpu" and numbers["skipped"] == numbers["tests"]):
        raise SystemExit(f"tests must pass and run, got {numbers}")
    return numbers


def bench(size: Size) -> Numbers:
    """Run `leafscope bench --device`; where there is no GPU, see that it refuses, and measure one small size on the CPU."""
    from leafscope.app import cli
    from leafscope.core.bench import capacity

    if size.device != "cpu":
        file = size.folder / "bench.json"
        if cli.main(["bench", "--device", size.device, "--quick", "--json", str(file)]):
            raise SystemExit("leafscope bench must succeed")
        rows = json.loads(file.read_text())["groups"]["capacity"]
    else:
        if not cli.main(["bench", "--device", "cuda:99", "--quick"]):
            raise SystemExit("leafscope bench must refuse a GPU that is not there")
        rows = capacity.run(depths=(2,), rows=(64,), effort=capacity.Effort(rounds=3, seconds=0.001, checked_rows=8))
    named = {f"{row['phase']}, K = {row['depth']}, N = {row['rows']}": row for row in rows}
    return {
        "times dense": {name: row["against_dense"] for name, row in named.items()},
        "largest deviation from the reference": max(row["error"] or 0.0 for row in rows),
    }


def population(size: Size) -> Numbers:
    """Train 110 nets on the device, against two cores of the CPU: 22 shapes of five seeds, and one shape of 110 seeds."""
    from leafscope.core.bench.sweep import depths_sweep
    from leafscope.core.config import changed
    from leafscope.core.training import compiling

    compiling.make_ready()
    shapes = depths_sweep()
    seeds = [changed(shapes[0], {"net.depth": 4, "seed": seed}) for seed in range(len(shapes))]
    if size.quick:
        few = {"train.epochs": 1, "data.n_train": 60}
        shapes, seeds = ([changed(run, few) for run in runs] for runs in (shapes[:6], seeds[:4]))
    return {
        "22 shapes of five seeds": _against_cpu(shapes, size),
        "one shape of 110 seeds, K = 4": _against_cpu(seeds, size),
        "nets": len(shapes),
    }


def _against_cpu(runs: list[Any], size: Size) -> Numbers:
    from leafscope.core.config import changed

    on_device = [changed(run, {"train.device": size.device}) for run in runs]
    of_one_shape = [run for run in on_device if run.net == runs[len(runs) // 2].net][:5]
    one_epoch = [changed(run, {"train.epochs": 1}) for run in of_one_shape]
    losses: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {"device": [], "cpu": []}
    _train(one_epoch, as_one=True, losses=[])  # to compile the kernel
    for _ in range(1 if size.quick else 3):
        losses["device"] = []
        seconds["device"].append(_train(on_device, as_one=True, losses=losses["device"]))
        if not seconds["cpu"] or sum(seconds["cpu"]) + seconds["cpu"][0] < 25:
            losses["cpu"] = []
            seconds["cpu"].append(_train(runs, as_one=False, losses=losses["cpu"]))
    apart = max(abs(mine - theirs) / abs(theirs) for mine, theirs in zip(losses["device"], losses["cpu"], strict=True))
    in_turns = statistics.median(_train(one_epoch, as_one=False, losses=[]) for _ in range(1 if size.quick else 3))
    as_one = statistics.median(_train(one_epoch, as_one=True, losses=[]) for _ in range(1 if size.quick else 3))
    numbers = {
        "seconds on the device": statistics.median(seconds["device"]),
        f"seconds on {CORES} cores": statistics.median(seconds["cpu"]),
        "times faster than the cores": statistics.median(seconds["cpu"]) / statistics.median(seconds["device"]),
        "times faster than in turns, one shape, one epoch": in_turns / as_one,
        "largest relative difference of a loss after one epoch": apart,
    }
    if not apart <= LOSS:
        raise SystemExit(f"losses must agree to {LOSS:g}, got {numbers}")
    return numbers


def _train(runs: list[Any], as_one: bool, losses: list[float]) -> float:
    """Train a population, add every net's training loss after the first epoch, and return the seconds."""
    from leafscope.core.training.events import Ended
    from leafscope.core.training.population import Population

    found: dict[int, float] = {}
    members = Population(runs, threads=CORES, as_one=as_one)
    began = time.perf_counter()
    for member, event in members.events():
        if isinstance(event, Ended):
            if event.error is not None:
                raise event.error
        elif event.epoch == 1:
            found[member] = event.metrics["train", "loss"]
    losses += [found[member] for member in range(len(runs))]
    return time.perf_counter() - began


def layer(size: Size) -> Numbers:
    """Time a tree layer with K = 10, N = 4096, P = Q = 256 beside a dense layer and a copy, all in the same rounds."""
    import torch

    from leafscope.core.bench.timing import interleaved
    from leafscope.core.kernels import readiness

    made = Layers(size.device, size.quick)
    wait = partial(torch.cuda.synchronize, size.device) if size.device != "cpu" else lambda: None

    def waited(call: Callable[[], object]) -> Callable[[], None]:
        def timed() -> None:
            call()
            wait()

        return timed

    def reference() -> None:
        with readiness.reference_only():
            made.tree_step()

    def reference_inference() -> None:
        with readiness.reference_only():
            made.tree_inference()

    calls: dict[str, Callable[[], object]] = {
        "step": made.tree_step,
        "step, reference": reference,
        "step, dense": made.dense_step,
        "inference": made.tree_inference,
        "inference, reference": reference_inference,
        "inference, dense": made.dense_inference,
        "copy": made.copy,
        "net step": made.net_step("tree"),
        "net step, dense": made.net_step("dense"),
    }
    if size.device != "cpu":
        calls |= {
            "step, dense, graphed": made.graphed(made.dense_step),
            "inference, dense, graphed": made.graphed(made.dense_inference),
        }
    made.check()
    timings = interleaved(
        {name: waited(call) for name, call in calls.items()}, 3 if size.quick else 15, 0.001 if size.quick else 0.05
    )
    bandwidth = made.copied_bytes / timings.median("copy")
    numbers: Numbers = {f"ms, {name}": 1e3 * timings.median(name) for name in calls}
    for kind in ("step", "inference"):
        for other in ("dense", "dense, graphed", "reference"):
            if f"{kind}, {other}" in calls:
                numbers[f"{kind}, times {other}"] = timings.ratio(kind, f"{kind}, {other}")
    numbers["net step, times dense, both replayed"] = timings.ratio("net step", "net step, dense")
    numbers["copy, GB/s read and written"] = bandwidth / 1e9
    numbers["step, touched GB"] = made.step_bytes / 1e9
    numbers["step, share of the copy's bandwidth"] = made.step_bytes / bandwidth / timings.median("step")
    numbers["inference, touched GB"] = made.inference_bytes / 1e9
    numbers["inference, share of the copy's bandwidth"] = made.inference_bytes / bandwidth / timings.median("inference")
    numbers["spread of step / dense"] = timings.spread("step", "step, dense")
    return numbers


def profile(size: Size) -> Numbers:
    """Write tables of what a layer's step, a population's step and an evaluation spend their time on."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    from leafscope.core.config import NetConfig, RunConfig, TrainConfig

    made = Layers(size.device, size.quick)
    made.tree_step()
    runs = [
        RunConfig(
            net=NetConfig(depth=6),
            train=TrainConfig(epochs=1 if size.quick else 3, batch_size=128, device=size.device),
            seed=seed,
        )
        for seed in range(2 if size.quick else 5)
    ]
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if size.device != "cpu" else [])
    order = "self_cuda_time_total" if size.device != "cpu" else "self_cpu_time_total"
    tables = []
    whole: dict[str, Callable[[], object]] = {
        "three steps of the layer": lambda: [made.tree_step() for _ in range(3)],
        "inference": made.tree_inference,
        "a population as one": lambda: _train(runs, as_one=True, losses=[]),
    }
    for name, call in whole.items():
        with profiler(activities=activities) as found:
            call()
        tables.append(f"{name}\n{found.key_averages().table(sort_by=order, row_limit=25)}")
    file = size.folder / "profile.txt"
    file.write_text("\n\n".join(tables) + "\n")
    return {"written to": str(file)}


PARTS = {
    "tests": Part(130, tests),
    "layer": Part(90, layer),
    "population": Part(170, population),
    "bench": Part(100, bench),
    "profile": Part(60, profile),
}
"""In order of importance; together they may take nine minutes."""


# Running them


def main(arguments: list[str] | None = None) -> int:
    """Run all parts, or one in this process; returns 1 if one failed."""
    parser = argparse.ArgumentParser(description="Tests and measures everything on a GPU, in at most ten minutes.")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that the script works")
    parser.add_argument("--folder", type=Path, default=Path("build/gpu"), help="where outputs are written")
    parser.add_argument("--part", choices=list(PARTS), help="only this part, in this process, without a time limit")
    options = parser.parse_args(arguments)
    from leafscope.core.device import device_name
    from leafscope.core.errors import DeviceError

    try:
        device = device_name(options.device)
    except DeviceError as error:
        print(error, file=sys.stderr)
        return 2
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    size = Size(device, options.quick, folder)
    if options.part is not None:
        numbers = PARTS[options.part].measure(size)
        (folder / f"{options.part}.json").write_text(json.dumps(numbers, indent=1) + "\n")
        return 0
    began = time.monotonic()
    found = {name: _apart(name, part.seconds, size) for name, part in PARTS.items()}
    _print(found, size, time.monotonic() - began)
    return int(any(failure is not None for failure, _ in found.values()))


def _apart(name: str, seconds: float, size: Size) -> tuple[str | None, Numbers]:
    """Run a part in a process of its own; returns why it failed, or None, and its numbers."""
    result = size.folder / f"{name}.json"
    result.unlink(missing_ok=True)
    log = size.folder / f"{name}.log"
    command = [sys.executable, "-m", "tests.tools.gpu", "--part", name, "--device", size.device, "--folder", str(size.folder)]
    command += ["--quick"] if size.quick else []
    print(f"{name}, at most {seconds:.0f} s ...", file=sys.stderr, flush=True)
    with log.open("wb") as output, _ended(command, output) as process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"took more than {seconds:.0f} s", {}
    if status or not result.exists():
        lines = log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"ended with status {status}", {}
    return None, json.loads(result.read_text())


@contextlib.contextmanager
def _ended(command: list[str], output: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process, and end it with all that it started."""
    import signal

    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _print(found: dict[str, tuple[str | None, Numbers]], size: Size, seconds: float) -> None:
    from leafscope.core.bench.timing import environment

    about = environment()
    name = about["gpu"] if size.device != "cpu" else about["machine"]
    print(
        f"{about['date']}  {name} ({size.device}), torch {about['torch']}, {seconds:.0f} s" + (", quick" if size.quick else "")
    )
    for part, (failure, numbers) in found.items():
        print(f"\n{part}: {'done' if failure is None else f'FAILED: {failure}'}")
        for line in _lines(numbers):
            print(f"  {line}")
    print(f"\nOutputs are in {size.folder}")


def _lines(numbers: Numbers, before: str = "") -> Iterator[str]:
    for name, value in numbers.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{before}{name}: ")
        else:
            words = f"{value:.4g}" if isinstance(value, float) and math.isfinite(value) else str(value)
            yield f"{before}{name}: {words}"


if __name__ == "__main__":
    sys.exit(main())
