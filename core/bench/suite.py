"""Running groups of the benchmark, and comparing the results with goals."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch

from leafscope.core.bench import capacity, peers, sweep
from leafscope.core.bench.timing import bandwidth, environment
from leafscope.core.training import compiling

Group = Literal["capacity", "peers", "sweep"]
GROUPS: tuple[Group, ...] = ("capacity", "peers", "sweep")


def run(
    groups: Iterable[Group] = GROUPS,
    quick: bool = False,
    threads: int | None = None,
    on_group: Callable[[Group], None] = lambda group: None,
) -> dict[str, Any]:
    """Run groups of the benchmark and return the result as a JSON document.

    `quick` uses smaller sizes and takes under a minute; `threads` is the number for torch and for populations, by default
    one for each core. `on_group` is called before each group. Raises ValueError if a result deviates from the reference.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or environment()["cores"])
    try:
        compiling.make_ready()
        found: dict[str, list[dict[str, Any]]] = {}
        for group in groups:
            on_group(group)
            found[group] = _RUN[group](quick)
        return {"environment": environment() | {"bandwidth": bandwidth(3)}, "quick": quick, "groups": found}
    finally:
        torch.set_num_threads(before)


def _capacity(quick: bool) -> list[dict[str, Any]]:
    if quick:
        return capacity.run(depths=(0, 4, 8, 12), rows=(1, 1024), rounds=3, seconds=0.01)
    return capacity.run()


def _peers(quick: bool) -> list[dict[str, Any]]:
    return peers.run(depths=(1, 3), rounds=3, budget_s=2.0) if quick else peers.run()


def _sweep(quick: bool) -> list[dict[str, Any]]:
    return sweep.run(quick)


_RUN: dict[Group, Callable[[bool], list[dict[str, Any]]]] = {"capacity": _capacity, "peers": _peers, "sweep": _sweep}

Goal = tuple[str, float, float, bool, Callable[[dict[str, list[dict[str, Any]]]], float | None]]


def _capacity_goal(phase: str, depth: int, rows: int, key: str) -> Callable[[dict[str, list[dict[str, Any]]]], float | None]:
    def value(groups: dict[str, list[dict[str, Any]]]) -> float | None:
        for row in groups.get("capacity", []):
            if (row["phase"], row["depth"], row["rows"]) == (phase, depth, rows):
                return float(row[key])
        return None

    return value


def _sweep_goal(name: str, way: str, key: str) -> Callable[[dict[str, list[dict[str, Any]]]], float | None]:
    whole = {"depths": len(sweep.depths_sweep()), "narrow": len(sweep.narrow_sweep()), "one": 1}

    def value(groups: dict[str, list[dict[str, Any]]]) -> float | None:
        for row in groups.get("sweep", []):
            if (row["sweep"], row["way"]) == (name, way) and row["runs"] == whole[name]:
                return float(row[key])
        return None

    return value


def _worst_inference(groups: dict[str, list[dict[str, Any]]]) -> float | None:
    ratios = [
        row["against_dense"]
        for row in groups.get("capacity", [])
        if row["phase"] == "inference" and row["rows"] == 4096 and 4 <= row["depth"] <= 8
    ]
    return max(ratios) if ratios else None


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

    Goals whose group or size was not run are left out, so a quick result has only some of them.
    """
    table = []
    for measure, least, stretch, more, read in goals():
        if (reached := read(result["groups"])) is None:
            continue
        sign = 1 if more else -1
        verdict = "stretch" if sign * (reached - stretch) >= 0 else "met" if sign * (reached - least) >= 0 else "missed"
        table.append(
            {
                "measure": measure,
                "reached": reached,
                "sense": "at least" if more else "at most",
                "goal": least,
                "stretch": stretch,
                "verdict": verdict,
            }
        )
    return table
