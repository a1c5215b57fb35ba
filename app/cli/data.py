"""`leafscope data add FILE`, `data list` and `data remove`: tables of one's own."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import or_refuse, print_json, refuse, say

if TYPE_CHECKING:
    from leafscope.core.tables import Choices, Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    _add_add(actions.add_parser("add", help="read a CSV or Parquet file, packed with gzip or not, and keep it as a data set"))
    listing = actions.add_parser("list", help="list the tables in the database")
    removal = actions.add_parser("remove", help="remove a table")
    removal.add_argument("table", metavar="TABLE", help="a table, by its address, the first characters of that, or its name")
    removal.add_argument("--force", action="store_true", help="also while runs use it; they can still be read")
    for one in (listing, removal):
        _add_common(one)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where tables are kept; default: leafscope.db in the data folder"
    )


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict; default: proposed by its name, or the last")
    parser.add_argument("--task", metavar="{classification,regression}", help="default: by the values of the target")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": [], "metavar": "COLUMN"}
    parser.add_argument("--drop", help="columns to leave out", **several)
    parser.add_argument("--keep", help="columns to use that would be left out", **several)
    parser.add_argument("--split", metavar="COLUMN", help="a column that says train, validation or test in each row")
    parser.add_argument("--group", metavar="COLUMN", help="rows with the same value here never stand in two splits")
    parser.add_argument("--test", type=Path, metavar="FILE", help="a file of test rows, with the same columns")
    parser.add_argument("--name", help="the table's name; default: the file's")
    parser.add_argument(
        "--rare", choices=("keep", "drop", "merge"), default="keep", help="what to do with classes of fewer than 3 rows"
    )
    parser.add_argument("--drop-missing", action="store_true", help="drop rows with missing values; default: fill them")
    reading = parser.add_argument_group("how the file is read", "each is found by default")
    reading.add_argument("--delimiter", metavar="CHARACTER", help="the character between cells, tab, or whitespace")
    reading.add_argument("--encoding", help="such as utf-8 or cp1252")
    reading.add_argument("--decimal", choices=(".", ","), help="the decimal mark")
    header = reading.add_mutually_exclusive_group()
    header.add_argument("--header", action="store_true", default=None, help="the first row holds names")
    header.add_argument("--no-header", dest="header", action="store_false", default=None, help="the first row holds values")
    order = reading.add_mutually_exclusive_group()
    order.add_argument("--day-first", action="store_true", default=None, help="01/02/2024 is the first of February")
    order.add_argument(
        "--month-first", dest="day_first", action="store_false", default=None, help="01/02/2024 is the second of January"
    )
    _add_common(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    action = {"add": _run_add, "list": _run_list, "remove": _run_remove}[options.action]
    return or_refuse(lambda: action(options), "the table")


def _run_add(options: argparse.Namespace) -> int:
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.store import Store
    from leafscope.core.tables import add_test, read
    from leafscope.core.tables.choices import Task

    if options.task not in (None, *get_args(Task)):
        return refuse(f"the task must be classification or regression, got {options.task!r:.40}")
    try:
        table = read(options.file, _choices(options))
    except LeafscopeError as error:
        return refuse(f"{options.file.name}: {error}")
    if options.test is not None:
        try:
            table = add_test(table, options.test)
        except LeafscopeError as error:
            return refuse(f"{options.test.name}: {error}")
    table = Store(options.database).add_table(table, rename=options.name is not None)
    print_json(table.described()) if options.json else say(report(table))
    return 0


def _choices(options: argparse.Namespace) -> "Choices":
    from leafscope.core.tables import Choices

    return Choices(
        name=options.name,
        target=options.target,
        task=options.task,
        drop=tuple(options.drop),
        keep=tuple(options.keep),
        split=options.split,
        group=options.group,
        rare=options.rare,
        fill=not options.drop_missing,
        delimiter={"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter),
        encoding=options.encoding,
        decimal=options.decimal,
        header=options.header,
        day_first=options.day_first,
    )


def report(table: "Table") -> str:
    """Say what was understood of a table: a line for all, a line for each column, and what was left out of the file."""
    source = table.source
    goal = "regression" if table.classes is None else f"{len(table.classes):,} classes"
    lines = [f"{table.name}: {table.rows:,} rows, {table.n_features:,} features after encoding, {goal}; address {table.hash}"]
    if source.encoding is not None:
        between = {"\t": "tabs", ",": "commas", ";": "semicolons", "whitespace": "spaces", None: "nothing"}
        marks = between.get(source.delimiter, repr(source.delimiter))
        mark = "comma" if source.decimal == "," else "point"
        names = "names in the first row" if source.header else "no names in the first row"
        lines.append(f"read as {source.encoding}, {marks} between cells, decimal mark {mark}, {names}")
    lines += [f"note: {sentence}" for sentence in source.notes]
    if table.split_rows is not None:
        words = zip(table.split_rows, ("training", "validation", "test"), strict=True)
        lines.append("splits as given: " + ", ".join(f"{n:,} rows for {word}" for n, word in words if n))
    if table.group is not None:
        lines.append(f"{len(set(table.group.tolist())):,} groups, none of which stands in two splits")
    columns = table.described()["columns"]
    longest = min(30, max(len(one["name"]) for one in columns))
    for one in columns:
        missing = f"{one['missing']:,} missing" if one["missing"] else ""
        lines.append(
            f"  {one['name']:<{longest}}  {one['kind']:<11}  {'; '.join(filter(None, (missing, one['why'])))}".rstrip()
        )
    return "\n".join(lines)


def _run_list(options: argparse.Namespace) -> int:
    from leafscope.core.store.store import Store

    tables = Store(options.database).tables()
    if options.json:
        keys = ("rows", "task", "n_features")
        print_json(
            {"tables": [{"name": one.name, "hash": one.table_id} | {key: one.about.get(key) for key in keys} for one in tables]}
        )
    elif not tables:
        say("There are no tables in this database; leafscope data add FILE adds one.")
    else:
        for one in tables:
            rows, features, task = (one.about.get(key) for key in ("rows", "n_features", "task"))
            say(f"{one.table_id}  {one.name}: {rows} rows, {features} features, {task}")
    return 0


def _run_remove(options: argparse.Namespace) -> int:
    from leafscope.app.cli.archive import address
    from leafscope.core.store.store import Store

    store = Store(options.database)
    table_id = address("table", options.table, {one.table_id: one.name for one in store.tables()})
    store.remove_table(table_id, force=options.force)
    print_json({"removed": table_id}) if options.json else say(f"Removed table {table_id}.")
    return 0


COMMANDS.register(
    Command(
        name="data",
        help="add a table of your own as a data set, list tables, or remove one",
        add_arguments=add_arguments,
        run=run,
        place=28,
    )
)
