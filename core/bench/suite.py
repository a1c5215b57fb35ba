"""Running groups of the benchmark, and comparing the results with goals."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from leafscope.core.bench import QUICK_SECONDS, capacity, peers, sweep
from leafscope.core.bench.timing import Budget, environment, torch_threads
from leafscope.core.device import device_name
from leafscope.core.kernels import readiness
from leafscope.core.training import compiling

Group = Literal["capacity", "peers", "sweep"]
GROUPS: tuple[Group, ...] = ("capacity", "peers", "sweep")


def run(
    groups: Sequence[Group] = GROUPS,
    quick: bool = False,
    threads: int | None = None,
    on_group: Callable[[Group], None] = lambda group: None,
    began: float | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Run groups of the benchmark and return the result as a JSON document.

    `quick` uses smaller sizes and takes about `QUICK_SECONDS` for each group, counted from `began` (on the clock of
    `time.perf_counter`, by default now; compiling, once per machine, comes on top); what there is no time for is left out.
    `threads` is the number for torch and for populations, by default one for each core. `on_group` is called before each
    group. On a GPU (`device` cuda, cuda:1, ...) only `capacity` can be measured. Raises ValueError if a result deviates from
    the reference or a group is not for the device, DeviceError if the device is missing.
    """
    device = device_name(device)
    if device != "cpu" and (others := [group for group in groups if group != "capacity"]):
        raise ValueError(f"groups must be capacity on a GPU, the others are measured on the CPU, got {others[0]}")
    began, seconds = time.perf_counter() if began is None else began, 0.0
    with torch_threads(threads or environment()["cores"]):
        if (
            device == "cpu" and not readiness.is_ready()
        ):  # otherwise each function is loaded by its first call, which is not timed
            now = time.perf_counter()
            compiling.make_ready()
            began += time.perf_counter() - now
        found: dict[str, list[dict[str, Any]]] = {}
        left_out: dict[str, list[str]] = {}
        for group in groups:
            on_group(group)
            seconds += QUICK_SECONDS[group]
            budget = Budget.about(seconds, began) if quick else Budget()
            found[group] = _RUN[group](quick, budget) if device == "cpu" else _capacity(quick, budget, device)
            left_out[group] = budget.left_out
        return {"environment": environment() | {"device": device}, "quick": quick, "groups": found, "left_out": left_out}


def _capacity(quick: bool, budget: Budget, device: str = "cpu") -> list[dict[str, Any]]:
    if quick:  # what figures show first comes first
        return capacity.run(depths=(8, 0, 12, 4), rows=(1024, 1), effort=capacity.QUICK, budget=budget, device=device)
    return capacity.run(budget=budget, device=device)


def _peers(quick: bool, budget: Budget) -> list[dict[str, Any]]:
    return peers.run(depths=(1, 3), seconds=0.002, budget_s=2.0, budget=budget) if quick else peers.run(budget=budget)


def _sweep(quick: bool, budget: Budget) -> list[dict[str, Any]]:
    return sweep.run(quick, budget=budget)


_RUN: dict[Group, Callable[[bool, Budget], list[dict[str, Any]]]] = {"capacity": _capacity, "peers": _peers, "sweep": _sweep}

Reached = tuple[float, bool]
"""A value, and whether it is unstable."""

Read = Callable[[dict[str, list[dict[str, Any]]]], Reached | None]

Goal = tuple[str, float, float, bool, Read]


def _capacity_goal(phase: str, depth: int, rows: int, key: str) -> Read:
    def value(groups: dict[str, list[dict[str, Any]]]) -> Reached | None:
        for row in groups.get("capacity", []):
            if (row["phase"], row["depth"], row["rows"]) == (phase, depth, rows):
                return float(row[key]), row["unstable"]
        return None

    return value


def _sweep_goal(name: str, way: str, key: str) -> Read:
    def value(groups: dict[str, list[dict[str, Any]]]) -> Reached | None:
        for row in groups.get("sweep", []):
            if (row["sweep"], row["way"]) == (name, way) and row["runs"] == sweep.whole(name):
                return float(row[key]), row["unstable"]
        return None

    return value


def _worst_inference(groups: dict[str, list[dict[str, Any]]]) -> Reached | None:
    rows = [
        row
        for row in groups.get("capacity", [])
        if row["phase"] == "inference" and row["rows"] == 4096 and 4 <= row["depth"] <= 8
    ]
    if not rows:
        return None
    return max(row["against_dense"] for row in rows), any(row["unstable"] for row in rows)


def goals() -> list[Goal]:
    """List the goals on two cores: measure, goal, stretch goal, whether more is better, and how to read the value."""
    ratio = "capacity_time_ratio"
    listed: list[Goal] = [
        (
            f"capacity-time ratio, training, N = 1024, K = {depth}",
            least,
            stretch,
            True,
            _capacity_goal("training", depth, 1024, ratio),
        )
        for depth, least, stretch in ((8, 100, 120), (10, 120, 150), (12, 150, 200))
    ]
    listed += [
        (f"capacity-time ratio, inference, K = 12, N = {n}", least, stretch, True, _capacity_goal("inference", 12, n, ratio))
        for n, least, stretch in ((1, 1200, 2000), (64, 1200, 1800), (1024, 340, 500))
    ]
    straight = _capacity_goal("straight_through", 4, 1024, "against_none")
    listed += [
        ("inference against dense, N = 4096, K = 4 to 8, the slowest", 5, 3, False, _worst_inference),
        ("straight-through training step against none, K = 4", 3, 2, False, straight),
        ("seconds for the sweep of 110 nets", 60, 25, False, _sweep_goal("depths", "population", "seconds")),
        ("that sweep, times faster than one by one, same kernels", 3, 3, True, _sweep_goal("depths", "one by one", "faster")),
        ("that sweep, times faster than one by one, reference", 3, 3, True, _sweep_goal("depths", "reference", "faster")),
        ("one run, digits, K = 4, times faster than the reference", 3, 3, True, _sweep_goal("one", "reference", "faster")),
        ("seconds for a sweep of 100 nets of width 6", 10, 4, False, _sweep_goal("narrow", "population", "seconds")),
    ]
    return listed


def against_goals(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare a result with the goals: `measure`, `reached`, `goal`, `stretch`, `sense` (at least or at most), `verdict`.

    What is unstable has no verdict (None). Goals whose group or size was not run are left out, so a quick result has only
    some of them.
    """
    table = []
    for measure, least, stretch, more, read in goals():
        if (found := read(result["groups"])) is None:
            continue
        reached, unstable = found
        sign = 1 if more else -1
        verdict = "stretch" if sign * (reached - stretch) >= 0 else "met" if sign * (reached - least) >= 0 else "missed"
        table.append(
            {
                "measure": measure,
                "reached": reached,
                "sense": "at least" if more else "at most",
                "goal": least,
                "stretch": stretch,
                "verdict": None if unstable else verdict,
            }
        )
    return table
