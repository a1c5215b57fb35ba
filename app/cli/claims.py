"""`leafscope claims`: train the protocol of the claims into the store, and write its tables, figure and sentences."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say

if TYPE_CHECKING:
    from leafscope.app.claims.page import Cell
    from leafscope.core.claims.protocol import Protocol
    from leafscope.core.store.store import Store

PROTOCOL = Path(__file__).parents[2] / "data" / "claims" / "protocol.toml"
OUT = Path("data/docs/results.md")

OTHERS = "\n<!-- Written by python -m tests.tools.routed"
"""What begins a part of the page that is written otherwise, and kept."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--protocol", type=Path, default=PROTOCOL, metavar="FILE.toml", help="default: the one that comes along"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.md", help=f"the page to write, and an .svg beside it; default: {OUT}")
    parser.add_argument(
        "--readme", type=Path, metavar="FILE.md", help="also put sentences and figure between the marks of a file"
    )
    parser.add_argument("--archive", type=Path, metavar="FILE", help="also write the reported runs, with scores only")
    parser.add_argument("--quick", action="store_true", help="a trial of seconds with few rows, seeds and epochs; needs --out")
    parser.add_argument("--threads", type=int, help="nets trained side by side; default: one for each core")
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where runs are kept; default: leafscope.db in the data folder"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if options.threads is not None and options.threads < 1:
        return refuse(f"--threads must be at least 1, got {options.threads}")
    if options.quick and options.out is None:
        return refuse(f"--quick writes no results: name a file for its page with --out, since {OUT} is for the whole protocol")
    out = options.out or OUT
    if out == OUT and OUT.parent.parent.is_dir():  # in a checkout
        OUT.parent.mkdir(exist_ok=True)
    for option, file in (("--out", out), ("--archive", options.archive)):
        if file is not None and (file.is_dir() or not os.access(file.absolute().parent, os.W_OK)):
            return refuse(f"{option} must name a file in a directory that can be written to, got {file}")
    from leafscope.app.claims.page import between_marks
    from leafscope.core.claims.protocol import quick, read_protocol
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.machine import compile_cache
    from leafscope.core.store.store import Store

    try:
        if options.readme is not None:  # before an hour of training
            between_marks(options.readme.read_text(encoding="utf-8"), [], "", "")
        protocol, checksum = read_protocol(options.protocol)
        say(f"Protocol {options.protocol}, SHA-256 {checksum}")
        if options.quick:
            protocol = quick(protocol)
            say("--quick: a reduced protocol, whose results are no evidence")
        store = Store(options.database)
        if not compile_cache.choose(store.path):
            say(compile_cache.NOT_KEPT, file=sys.stderr)
        began = time.monotonic()
        cells = trained_cells(protocol, store, options.threads)
        say(f"Trained or found in {(time.monotonic() - began) / 60:.1f} minutes.")
        write(cells, provenance(cells, options, checksum), out, options.readme)
        if options.archive is not None:
            archive(cells, store, options.archive)
    except (LeafscopeError, OSError, ValueError) as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        say("leafscope: interrupted; finished runs are kept, and the same command continues", file=sys.stderr)
        return 130
    return 0


def trained_cells(protocol: "Protocol", store: "Store", threads: int | None) -> "list[Cell]":
    """Train what the store does not have yet, row by row, and compare the models of each row."""
    from leafscope.app.claims.page import Cell
    from leafscope.app.cli.sweep import train
    from leafscope.core.claims.judging import merged
    from leafscope.core.sweep.choice import reporting_runs
    from leafscope.core.sweep.members import check, run_ids

    sweeps = [sweep for row in protocol.rows for sweep in protocol.sweeps(row)]
    for sweep in sweeps:
        check(sweep)
    runs = sum(len(run_ids(sweep)) + len(reporting_runs(sweep, {}, foreseen=True)) for sweep in sweeps)
    say(f"{len(protocol.rows)} data sets, {len(sweeps)} sweeps, {runs:,} runs in all")
    cells = []
    for row in protocol.rows:
        trained = [(models.gate_gradient, train(sweep, store, threads)) for models, sweep in protocol.grouped(row)]
        tables = [(gates, one.results) for gates, one in trained], [(gates, one.choices) for gates, one in trained]
        cells.append(Cell.of(row.name, row.width, *map(merged, tables)))
    return cells


def provenance(cells: "list[Cell]", options: argparse.Namespace, checksum: str) -> list[str]:
    """Say from which protocol, by which command, with which version and when the results were made."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    runs = {run for cell in cells for table in (cell.results, cell.choices) for run in table["run_id"]}
    name = "/".join(options.protocol.parts[-3:])
    trial = "This is a trial with `--quick`: a reduced protocol, whose results are no evidence.\n\n" if options.quick else ""
    return [
        f"{trial}Written by `leafscope claims` (version {version('leafscope')}, {datetime.now(UTC):%Y-%m-%d}) from "
        f"`{name}`; the tables are of {len(runs):,} runs, beside the trials that were not chosen. SHA-256 of the protocol: "
        f"`{checksum}`. To check it against a commit from before the reporting:",
        "```python\n"
        "import hashlib, json, tomllib\n\n"
        f'values = tomllib.load(open("{name}", "rb"))\n'
        'print(hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest())\n'
        "```",
    ]


def write(cells: "list[Cell]", provenance: list[str], out: Path, readme: Path | None) -> None:
    """Write the page and its figure, and put the sentences and the figure between the marks of another document."""
    from leafscope.app.claims.figure import results_figure
    from leafscope.app.claims.page import between_marks, results_page
    from leafscope.app.claims.words import short_sentences

    own = [(cell.name, cell.models) for cell in cells]
    figure = out.with_suffix(".svg")
    figure.write_text(results_figure(own), encoding="utf-8")
    others = out.read_text(encoding="utf-8").partition(OTHERS)[1:] if out.exists() else ()
    out.write_text("".join([results_page(cells, figure.name, provenance), *others]), encoding="utf-8")
    sentences = short_sentences(own)
    if readme is not None:
        beside = [Path(os.path.relpath(file.absolute(), readme.absolute().parent)).as_posix() for file in (figure, out)]
        readme.write_text(between_marks(readme.read_text(encoding="utf-8"), sentences, *beside), encoding="utf-8")
    say("\n".join([*sentences, f"Wrote {out} and {figure}."]))


def archive(cells: "list[Cell]", store: "Store", file: Path) -> None:
    """Write the reported runs with their scores."""
    from leafscope.core.store.archive import export_archive

    runs = sorted({run for cell in cells for run in cell.results["run_id"]})
    done = export_archive(store, file, run_ids=runs, only_scores=True)
    say(f"Wrote {done.runs:,} runs to {file}: {done.bytes / 1e6:.2f} MB.")


COMMANDS.register(
    Command(
        name="claims",
        help="train the protocol of the claims, and write its tables and figure",
        add_arguments=add_arguments,
        run=run,
        place=25,
    )
)
