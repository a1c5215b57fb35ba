"""`leafscope sweep FILE.toml`: train a sweep in the terminal, keep it in the store, and print its results."""

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import printable, refuse, say

if TYPE_CHECKING:
    import pandas as pd

    from leafscope.core.config import SweepConfig
    from leafscope.core.store.store import Store
    from leafscope.core.worker.inline import Trained


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.toml", help="sweeps, one per file")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the table of all members to a file")
    parser.add_argument("--claims", action="store_true", help=argparse.SUPPRESS)  # until 0.1: says what to use instead
    parser.add_argument("--threads", type=int, help="members trained side by side; default: one for each core")
    parser.add_argument("--device", default="auto", help="where to train: auto, cpu, cuda, cuda:1")
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where runs are kept; default: leafscope.db in the data folder"
    )
    parser.add_argument("--no-store", action="store_true", help="do not keep the runs in the database")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from leafscope.app.theme import as_csv
    from leafscope.core.config import explain
    from leafscope.core.config.toml_file import read_sweep
    from leafscope.core.errors import DataError, LeafscopeError, LimitError
    from leafscope.core.machine import compile_cache
    from leafscope.core.store.store import Store

    if options.claims:
        return refuse("--claims is now a command of its own: leafscope claims trains and compares what a protocol names")
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
                trained = train(sweep, store, options.threads, options.device)
            except ValidationError as error:
                return refuse(f"{file}: {'; '.join(explain(error).values())}")
            except (DataError, LimitError) as error:
                return refuse(f"{file}: {error}")
            tables.append(trained.results.assign(sweep=sweep.name))
            if options.csv is not None:  # after each sweep, so that an interruption loses nothing
                options.csv.write_text(as_csv(pd.concat(tables, ignore_index=True)))
            say(report(sweep.name, trained.results, trained.choices))
    except (LeafscopeError, OSError) as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        kept = "" if options.no_store else "; finished runs are kept, and the same command continues"
        say(f"leafscope: interrupted{kept}", file=sys.stderr)
        return 130
    return 0


def train(sweep: "SweepConfig", store: "Store | None", threads: int | None, device: str = "auto") -> "Trained":
    """Train a sweep with a bar on standard error that says how far it is; raises what `train_sweep` raises."""
    from tqdm import tqdm

    from leafscope.core.sweep.members import check, unequal
    from leafscope.core.worker.inline import train_sweep

    check(sweep)
    for words in unequal(sweep):
        say(f"leafscope: {printable(words)}", file=sys.stderr)
    compile_first()
    name = printable(sweep.name)[:40]
    with tqdm(desc=name, unit=" runs", file=sys.stderr, mininterval=0.2) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return train_sweep(sweep, store=store, threads=threads, device=device, on_progress=show)


def compile_first() -> None:
    """Load the compiled code, and say that it takes a while where it must be compiled, by two processes."""
    from leafscope.core.kernels import readiness
    from leafscope.core.training import compiling

    if readiness.is_ready():
        compiling.make_ready()
        return
    say("compiling, which takes about half a minute ...", file=sys.stderr)
    compiling.make_ready_by_two()


def report(name: str, table: "pd.DataFrame", choices: "pd.DataFrame | None" = None) -> str:
    """Format a sweep's results as text: for each data set and width, errors by model and depth, and the findings.

    `choices` are the results of the seeds on which depths are chosen, by default the same.
    """
    from leafscope.app.sweeps.findings import data_words, findings, summary_table

    lines = [name, "=" * len(name)]
    failed = table[table["status"] != "finished"]
    if len(failed):
        why = "; ".join(sorted(set(failed["error"].dropna()))[:3])
        lines.append(f"{len(failed)} of {len(table)} members have no result{why and f': {why}'}")
    for (words, cell), (_, choosing) in zip(cells(table), cells(table if choices is None else choices), strict=True):
        lines += ["", words, data_words(cell), summary_table(cell).to_string(index=False), *findings(cell, choosing)]
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
