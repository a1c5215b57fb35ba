"""`leafscope bench`: run the benchmark, print its tables, and keep it in the store and, on request, in a file."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say

COLUMNS: dict[str, dict[str, str]] = {
    "capacity": {
        "phase": "phase",
        "depth": "K",
        "rows": "N",
        "milliseconds": "ms",
        "against_dense": "x dense",
        "capacity_time_ratio": "capacity/time",
        "spread": "spread",
        "unstable": "unstable",
        "same_batch_ratio": "same batch again",
        "against_equal_capacity": "x equal capacity",
        "dense_threads": "dense threads",
        "roofline_share": "of bandwidth",
        "error": "deviation",
    },
    "peers": {
        "peer": "peer",
        "depth": "K",
        "phase": "phase",
        "milliseconds": "ms",
        "against_dense": "x dense",
        "spread": "spread",
        "unstable": "unstable",
        "threads": "threads",
        "parameters": "parameters",
        "note": "note",
    },
    "sweep": {
        "sweep": "sweep",
        "way": "way",
        "runs": "runs",
        "seconds": "s",
        "faster": "x the fastest's time",
        "spread": "spread",
        "unstable": "unstable",
        "extrapolated": "extrapolated",
        "threads": "threads",
    },
    "goals": {
        "measure": "goal",
        "reached": "reached",
        "sense": "wanted",
        "goal": "",
        "stretch": "stretch",
        "verdict": "verdict",
    },
}
"""Group -> key of a row -> heading."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("groups", nargs="*", metavar="group", help="capacity, peers, sweep; default: all")
    parser.add_argument("--quick", action="store_true", help="measure less of everything, in about a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to a file")
    parser.add_argument("--threads", type=int, help="threads to use; default: one for each core")
    parser.add_argument(
        "--device",
        default="cpu",
        help="where to measure: cpu, cuda, cuda:1; on a GPU only capacity, which is not kept; default: cpu",
    )
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where the result is kept; default: leafscope.db in the data folder"
    )
    parser.add_argument("--no-store", action="store_true", help="do not keep the result in the database")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    import json

    import psutil

    began = time.perf_counter() - (time.time() - psutil.Process().create_time())  # imports take seconds, too
    from leafscope.core.machine import compile_cache

    if not compile_cache.choose(None):
        say(compile_cache.NOT_KEPT, file=sys.stderr)
    from leafscope.core.bench import suite
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.store import Store

    on_cpu = options.device == "cpu"
    groups = options.groups or (list(suite.GROUPS) if on_cpu else ["capacity"])
    if unknown := [group for group in groups if group not in suite.GROUPS]:
        return refuse(f"a group must be one of {', '.join(suite.GROUPS)}, got {unknown[0]}")
    if options.threads is not None and options.threads < 1:
        return refuse(f"threads must be at least 1, got {options.threads}")
    if options.json is not None and (options.json.is_dir() or not os.access(options.json.parent, os.W_OK)):
        return refuse(f"--json must name a file in a directory that can be written to, got {options.json}")
    try:
        # pages compare what is kept with the CPU, which trains what they show
        store = None if options.no_store or not on_cpu else Store(options.database)
        result = suite.run(groups, options.quick, options.threads, _announce, began, options.device)
        say(report(result))
        if store is not None:
            store.add_benchmark(result)
        if options.json is not None:
            options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    except (LeafscopeError, ValueError, OSError) as error:
        return refuse(str(error))
    return 0


def report(result: dict[str, Any]) -> str:
    """Format a result as text: the machine, a table for each group, and the goals."""
    from leafscope.core.bench import suite
    from leafscope.core.bench.timing import STEADY

    environment = result["environment"]
    versions = ", ".join(f"{name} {environment[name]}" for name in ("leafscope", "python", "torch", "numba"))
    lines = [
        f"{environment['date']}  {_machine(environment)}",
        versions,
    ]
    tables = dict(result["groups"])
    lines += ["", "spread: interquartile range over the median of the ratios of all rounds"]
    lines += [f"unstable: a spread above {STEADY:g} or too few rounds, also when measured again"]
    on_cpu = environment.get("device", "cpu") == "cpu"  # goals are for a CPU
    if on_cpu and (goals := suite.against_goals(result)):
        tables["goals"] = [goal | {"verdict": goal["verdict"] or "unstable"} for goal in goals]
    for name, rows in tables.items():
        lines += ["", name + (" (quick)" if result["quick"] else ""), *_table(rows, COLUMNS[name])]
        if left_out := result["left_out"].get(name):
            lines.append(f"left out, since the time was over: {'; '.join(left_out)}")
    return "\n".join(lines)


def _machine(environment: dict[str, Any]) -> str:
    words = f"{environment['machine']}, {environment['threads']} threads"
    on_gpu = environment.get("device", "cpu") != "cpu"
    return f"{environment['gpu']} ({environment['device']}), {words}" if on_gpu else words


def _table(rows: list[dict[str, Any]], columns: dict[str, str]) -> list[str]:
    cells = [list(columns.values())] + [[_cell(row[key]) for key in columns] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    numeric = [all(isinstance(row[key], int | float | None) for row in rows) for key in columns]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        f"{value:.3g}"
        if isinstance(value, float) and value < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )


def _announce(group: str) -> None:
    say(f"measuring {group} ...", file=sys.stderr)


COMMANDS.register(
    Command(
        name="bench",
        help="measure what capacity costs in time on this machine",
        add_arguments=add_arguments,
        run=run,
        place=10,
    )
)
