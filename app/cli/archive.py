"""`leafscope export FILE` and `leafscope import FILE`: runs, sweeps, decks and routing logs in one file."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say

if TYPE_CHECKING:
    from leafscope.core.store.archive import Exported, Imported
    from leafscope.core.store.store import Store

SHORTEST = 4
"""Characters that a shortened address must have at least."""


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `leafscope export`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write, such as talk.leafscope")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    parser.add_argument("--run", metavar="ID", help=f"runs, by their address or its first {SHORTEST} characters", **several)
    parser.add_argument("--sweep", metavar="NAME", help="sweeps with their runs, by name or address", **several)
    parser.add_argument("--deck", metavar="NAME", help="decks, by name or address", **several)
    parser.add_argument("--log", metavar="NAME", help="routing logs, by name or address", **several)
    parser.add_argument(
        "--find", metavar="FILTER", help="runs of which a filter holds, as on Compare: words, field=value, field>=2"
    )
    parser.add_argument(
        "--without-tables",
        action="store_true",
        help="leave out the rows of tables of your own; runs can then be read elsewhere, but not trained again",
    )
    parser.add_argument("--all", action="store_true", help="everything in the database")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    _add_database(parser)


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `leafscope import`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to read")
    _add_database(parser)


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where runs are kept; default: leafscope.db in the data folder"
    )


def run_export(options: argparse.Namespace) -> int:
    """Write the file; returns the exit status."""
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.archive import export_archive
    from leafscope.core.store.store import Store

    if not (options.run or options.sweep or options.deck or options.log or options.find or options.all):
        return refuse("say what to export: --run, --sweep, --deck, --log, --find, or --all for everything in the database")
    if options.file.is_dir():
        return refuse(f"the file to write must not be a folder, got {options.file}")
    if options.file.exists() and not options.force:
        return refuse(f"{options.file} exists already; --force overwrites it")
    try:
        store = Store(options.database, create=False)
        done = export_archive(store, options.file, **_choose(store, options), with_tables=not options.without_tables)
    except (LeafscopeError, OSError, ValueError) as error:
        return refuse(str(error))
    say(f"Wrote {_counted(done)} to {options.file}: {_size(done.bytes)}.")
    _say(done.skipped)
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Read the file; returns the exit status."""
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.archive import import_archive
    from leafscope.core.store.store import Store

    try:
        done = import_archive(Store(options.database), options.file)
    except (LeafscopeError, OSError) as error:
        return refuse(str(error))
    say(imported_words(done, options.file))
    _say(done.skipped)
    return 0


def imported_words(done: "Imported", source: str) -> str:
    """Say in a sentence what was imported."""
    more = []
    if done.attempts:
        more.append(f"; {_number(done.attempts, 'attempt')} added to runs that had ended unfinished here")
    if done.here:
        more.append(f"; {_number(done.here, 'run')} {'was' if done.here == 1 else 'were'} here already")
    return f"Read {_counted(done)} from {source}{''.join(more)}."


def _choose(store: "Store", options: argparse.Namespace) -> dict[str, Any]:
    """Addresses of what is exported, as `export_archive` takes them; raises ValueError for a text that fits none or several."""
    runs, sweeps, decks, logs = store.list_runs(), store.sweeps(), store.decks(), store.logs()
    if options.all:
        own = {
            "run_ids": [run.run_id for run in runs if not run.shipped],
            "sweep_ids": [info.sweep_id for info in sweeps if not info.shipped],
            "deck_ids": [info.deck_id for info in decks if not info.shipped],
            "log_ids": [info.log_id for info in logs if not info.shipped],
        }
        if not any(own.values()):
            raise ValueError("there is nothing to export in this database")
        return own
    chosen = [address("run", text, {run.run_id: "" for run in runs}) for text in options.run]
    if options.find:
        from leafscope.core.comparison.filter import find

        found = find(runs, options.find)
        if not found and not (chosen or options.sweep or options.deck or options.log):
            raise ValueError(f"the filter {options.find[:60]!r} holds of no run")
        chosen += [run.run_id for run in found]
    return {
        "run_ids": list(dict.fromkeys(chosen)),
        "sweep_ids": [address("sweep", text, {info.sweep_id: info.name for info in sweeps}) for text in options.sweep],
        "deck_ids": [address("deck", text, {info.deck_id: info.name for info in decks}) for text in options.deck],
        "log_ids": [address("routing log", text, {info.log_id: info.name for info in logs}) for text in options.log],
    }


def address(kind: str, text: str, names: Mapping[str, str]) -> str:
    """Look up the address that a text gives: in full, by name, or by its beginning; raises ValueError."""
    if text in names:
        return text
    found = [address for address, name in names.items() if text and name == text]
    if not found and len(text) >= SHORTEST:
        found = [address for address in names if address.startswith(text.lower())]
    if len(found) > 1:
        shown = ", ".join(sorted(found)[:5]) + (", ..." if len(found) > 5 else "")
        raise ValueError(f"{text[:60]!r} must mean one {kind}, but {len(found)} fit: {shown}")
    if not found:
        enough = f"; a shortened address must have at least {SHORTEST} characters" if len(text) < SHORTEST else ""
        raise ValueError(f"no {kind} in this database is {text[:60]!r}{enough}")
    return found[0]


def _counted(done: "Exported | Imported") -> str:
    found = {"sweep": done.sweeps, "deck": done.decks, "table": done.tables, "routing log": done.logs}
    parts = [_number(count, noun) for noun, count in found.items() if count]
    if done.runs or not parts:
        parts.insert(0, _number(done.runs, "run"))
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _size(size: int) -> str:
    """Write a number of bytes.

    >>> _size(12_900_000), _size(900), _size(52_000)
    ('12.3 MiB', '900 bytes', '50.8 KiB')
    """
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _say(sentences: Iterable[str], shown: int = 10) -> None:
    """Print what was skipped, one line each, the first few only."""
    lines = list(sentences)
    for line in lines[:shown]:
        say(f"  {line}")
    if len(lines) > shown:
        say(f"  and {len(lines) - shown:,} more")


COMMANDS.register(
    Command(
        name="export",
        help="write runs, sweeps, decks and routing logs to one file, for another database",
        add_arguments=add_export_arguments,
        run=run_export,
        place=30,
    )
)
COMMANDS.register(
    Command(
        name="import",
        help="add the contents of such a file; what is already here stays as it is",
        add_arguments=add_import_arguments,
        run=run_import,
        place=40,
    )
)
