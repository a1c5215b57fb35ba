"""`leafscope sweep FILE.toml`: train a sweep in the terminal, keep it in the store, and print its results."""

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import printable, refuse, say

if TYPE_CHECKING:
    import pandas as pd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.toml", help="sweeps, one per file")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the table of all members to a file")
    parser.add_argument("--claims", action="store_true", help="print one Markdown table of all cells at the end")
    parser.add_argument("--threads", type=int, help="members trained side by side; default: one for each core")
    parser.add_argument("--device", default="auto", help="where to train: auto, cpu, cuda, cuda:1")
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where runs are kept; default: leafscope.db in the data folder"
    )
    parser.add_argument("--no-store", action="store_true", help="do not keep the runs in the database")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from leafscope.app.theme import as_csv
    from leafscope.core import compile_cache
    from leafscope.core.config import explain
    from leafscope.core.config.toml_file import read_sweep
    from leafscope.core.errors import DataError, LeafscopeError, LimitError
    from leafscope.core.store.store import Store

    if options.threads is not None and options.threads < 1:
        return refuse(f"--threads must be at least 1, got {options.threads}")
    if options.csv is not None and (options.csv.is_dir() or not os.access(options.csv.absolute().parent, os.W_OK)):
        return refuse(f"--csv must name a file in a directory that can be written to, got {options.csv}")
    import pandas as pd
    from pydantic import ValidationError

    tables: list[pd.DataFrame] = []
    try:
        sweeps = [read_sweep(file) for file in options.files]
        store = None if options.no_store else Store(options.database)
        if not compile_cache.choose(None if store is None else store.path):
            say(compile_cache.NOT_KEPT, file=sys.stderr)
        for file, sweep in zip(options.files, sweeps, strict=True):
            try:
                table = _train(sweep, store, options)
            except ValidationError as error:
                return refuse(f"{file}: {'; '.join(explain(error).values())}")
            except (DataError, LimitError) as error:
                return refuse(f"{file}: {error}")
            tables.append(table.assign(sweep=sweep.name))
            if options.csv is not None:  # after each sweep, so that an interruption loses nothing
                options.csv.write_text(as_csv(pd.concat(tables, ignore_index=True)))
            say(report(sweep.name, table))
        if options.claims:
            from leafscope.app.sweeps.findings import claims_markdown, claims_table

            say(claims_markdown(claims_table([part for table in tables for part in cells(table)])))
    except (LeafscopeError, OSError) as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        kept = "" if options.no_store else "; finished runs are kept, and the same command continues"
        say(f"leafscope: interrupted{kept}", file=sys.stderr)
        return 130
    return 0


def _train(sweep: Any, store: Any, options: argparse.Namespace) -> "pd.DataFrame":
    from tqdm import tqdm

    from leafscope.core.kernels import readiness
    from leafscope.core.sweep.members import check, distinct_runs
    from leafscope.core.training import compiling
    from leafscope.core.worker.inline import run_sweep

    check(sweep)
    if not readiness.is_ready():
        say("compiling, which takes about half a minute ...", file=sys.stderr)
    compiling.make_ready()
    name = printable(sweep.name)[:40]
    with tqdm(total=len(distinct_runs(sweep)), desc=name, unit=" runs", file=sys.stderr, mininterval=0.2) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return run_sweep(sweep, store=store, threads=options.threads, device=options.device, on_progress=show)


def report(name: str, table: "pd.DataFrame") -> str:
    """Format a sweep's results as text: for each data set and width, errors by model and depth, and the findings."""
    from leafscope.app.sweeps.findings import findings, summary_table

    lines = [name, "=" * len(name)]
    failed = table[table["status"] != "finished"]
    if len(failed):
        why = "; ".join(sorted(set(failed["error"].dropna()))[:3])
        lines.append(f"{len(failed)} of {len(table)} members have no result{why and f': {why}'}")
    for words, cell in cells(table):
        lines += ["", words, summary_table(cell).to_string(index=False), *findings(cell)]
    return "\n".join(lines) + "\n"


def cells(table: "pd.DataFrame") -> "list[tuple[str, pd.DataFrame]]":
    """Split a table of results by data set and width; rows without a width go into every part."""
    from leafscope.app.sweeps.findings import with_replicates

    parts = []
    table = with_replicates(table)
    for (data, n_train), of_data in table.groupby(["data", "n_train"], sort=False):
        widths = sorted(of_data["width"].dropna().unique())
        for width in widths or [float("nan")]:
            part = of_data[of_data["width"].isna() | (of_data["width"] == width)]
            words = f"{str(data).replace('_', ' ')}, {n_train:,} training rows"
            parts.append((words if math.isnan(width) else f"{words}, width {width:g}", part))
    return parts


COMMANDS.register(
    Command(
        name="sweep",
        help="train a sweep that a TOML file describes, and print its results",
        add_arguments=add_arguments,
        run=run,
        place=20,
    )
)
