"""`leafscope reproduce DIGEST`: train what a cited figure lacks, draw it again, and compare its numbers."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import printable, refuse, say

if TYPE_CHECKING:
    from leafscope.core.config import RunConfig
    from leafscope.core.store.decks import Slide
    from leafscope.core.store.store import Store

SHORTEST = 6
"""Characters that a shortened digest must have at least."""

DIFFERENT = 1
"""The exit status where the numbers differ by more than the tolerance."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("digest", metavar="DIGEST", help=f"the figure's digest, or its first {SHORTEST} characters")
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where runs are kept; default: leafscope.db in the data folder"
    )
    _add_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where the files go; default: this folder")
    parser.add_argument(
        "--tolerance", type=float, help="largest share of a column's size by which numbers may differ; default: 0.02"
    )
    parser.add_argument("--threads", type=int, help="runs trained side by side; default: one for each core")
    parser.add_argument("--device", default="auto", help="where to train: auto, cpu, cuda, cuda:1")
    parser.add_argument("--no-training", action="store_true", help="refuse where a run is missing")
    parser.add_argument("--slide", action="store_true", help="print the new slide as JSON, and write no files")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.store import Store

    try:
        store = Store(options.database, create=False)
        return _remake(find(store, options.digest), store, options)
    except (LeafscopeError, OSError, ValueError) as error:
        return refuse(str(error))


def remake(figure: Mapping[str, Any]) -> int:
    """Run a script that remakes a figure, by the process's arguments; returns the exit status."""
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.decks import Slide
    from leafscope.core.store.store import Store

    parser = argparse.ArgumentParser(description="Train what the figure lacks, draw it again, and compare its numbers.")
    parser.add_argument("--database", help="where runs are kept; default: leafscope.db in the data folder")
    _add_options(parser)
    options = parser.parse_args()
    try:
        return _remake(Slide.model_validate(figure), Store(options.database), options)
    except (LeafscopeError, OSError, ValueError) as error:
        return refuse(str(error))


def find(store: "Store", digest: str) -> "Slide":
    """Look up a figure in the decks by its digest or the beginning of it; raises ValueError."""
    wanted = digest.strip().lower()
    if len(wanted) < SHORTEST:
        raise ValueError(f"a digest must have at least {SHORTEST} characters, got {digest[:40]!r}")
    found = {
        slide.digest: slide
        for info in store.decks()
        for slide in store.slides(info.deck_id).values()
        if slide.digest.startswith(wanted)
    }
    if len(found) != 1:
        many = f"{len(found)} figures have digests that begin so" if found else "no deck of this database has such a figure"
        raise ValueError(f"{digest[:40]!r} must be the digest of one figure, but {many}; its script needs no database")
    return next(iter(found.values()))


def _remake(slide: "Slide", store: "Store", options: argparse.Namespace) -> int:
    from leafscope.app.citing import again, numbers

    if options.output is not None and not options.output.is_dir():
        return refuse(f"--output must be a folder, got {options.output}")
    tolerance = numbers.TOLERANCE if options.tolerance is None else options.tolerance
    os.environ["LEAFSCOPE_DATABASE"] = store.url
    _train(slide, store, options)
    now = again.draw(slide)
    if options.slide:
        print(now.model_dump_json())
        return 0
    likeness = numbers.compare(slide.numbers, now.numbers, tolerance) if slide.numbers and now.numbers else None
    if now.digest == slide.digest:
        said, close = "equal, bit for bit", True
    elif likeness is None:
        said, close = "different; the numbers are too many to be kept for a comparison", False
    else:
        said, close = likeness.words, likeness.close
        if likeness.equal:
            said, close = "equal numbers, but of other runs", False
    say(f"{slide.title or slide.source}: {said}.")
    say(f"Digest now {now.digest}, then {slide.digest}.")
    for path in _write(now, options.output or Path()):
        say(f"Wrote {path}")
    return 0 if close else DIFFERENT


def _train(slide: "Slide", store: "Store", options: argparse.Namespace) -> None:
    """Train what is not here; raises ValueError where that is not allowed, or a configuration is of another version."""
    from leafscope.app.cli import sweep
    from leafscope.core.config import RunConfig, SweepConfig

    runs = {run.run_id: run for run in map(RunConfig.model_validate_json, slide.runs)}
    finished = {run_id for run_id, summary in store.runs(runs).items() if summary.status == "finished"}
    missing = [run for run_id, run in runs.items() if run_id not in finished]
    whole = SweepConfig.model_validate_json(slide.sweep) if slide.sweep else None
    if whole is not None and not _is_complete(store, whole.sweep_id):
        if options.no_training:
            raise ValueError("the sweep of this figure is not complete here")
        sweep.train(whole, store, options.threads, options.device)
    if missing:
        if options.no_training:
            raise ValueError(f"{len(missing)} of the {len(runs)} runs of this figure are not here")
        _train_runs(missing, store, options)


def _is_complete(store: "Store", sweep_id: str) -> bool:
    from leafscope.core import jobs
    from leafscope.core.errors import RunNotFoundError

    try:
        return jobs.sweep_progress(sweep_id, store=store).complete
    except RunNotFoundError:
        return False


def _train_runs(missing: "list[RunConfig]", store: "Store", options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from leafscope.app.cli.sweep import compile_first
    from leafscope.core.device import n_cores
    from leafscope.core.machine import compile_cache
    from leafscope.core.worker.inline import train_members

    compile_cache.choose(store.path)
    compile_first()
    store.submit_many(missing)
    with tqdm(total=len(missing), desc=printable(missing[0].label)[:40], unit=" runs", file=sys.stderr) as bar:
        ids = [run.run_id for run in missing]
        train_members(store, ids, options.threads or n_cores(), options.device, lambda done, total: bar.update(done - bar.n))


def _write(slide: "Slide", folder: Path) -> list[Path]:
    """Write the figure as a page that opens without a network, and its numbers."""
    import time

    from leafscope.app.citing import numbers
    from leafscope.app.decks import as_html
    from leafscope.app.theme import as_csv

    stem = folder / f"{slide.source}-{slide.digest}"
    page = Path(f"{stem}.html")
    page.write_text(as_html.deck_html(slide.title or slide.source, [slide], made=time.time()), encoding="utf-8")
    if not slide.numbers:
        return [page]
    table = Path(f"{stem}.csv")
    table.write_text(as_csv(numbers.as_table(slide.numbers)), encoding="utf-8")
    return [page, table]


COMMANDS.register(
    Command(
        name="reproduce",
        help="draw a cited figure again, train what it lacks, and compare its numbers",
        add_arguments=add_arguments,
        run=run,
        place=45,
    )
)
