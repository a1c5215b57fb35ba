"""`leafscope routing add FILE`, `routing list` and `routing remove`: counts of the experts of any model."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import or_refuse, print_json, refuse, say

if TYPE_CHECKING:
    from leafscope.core.routing import Routing

_LINES = 60
"""The most lines about parts of a log; `--json` has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    adding = actions.add_parser("add", help="read counts of experts from CSV, .npy or safetensors, and keep them")
    adding.add_argument("file", type=Path, metavar="FILE")
    adding.add_argument("--layout", choices=("counts", "ids", "logits"), help="what an array holds; default: by its shape")
    adding.add_argument("--top-k", type=int, metavar="K", help="experts of each token; chance and logits need it")
    adding.add_argument(
        "--tokens", type=int, metavar="N", help="tokens in each layer, step and domain; for shares, chance needs it"
    )
    adding.add_argument("--name", help="the log's name; default: the file's")
    listing = actions.add_parser("list", help="list the routing logs in the database")
    removal = actions.add_parser("remove", help="remove a routing log")
    removal.add_argument("log", metavar="LOG", help="a routing log, by its address, the first characters of that, or its name")
    for one in (adding, listing, removal):
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.add_argument(
            "--database", default=argparse.SUPPRESS, help="where logs are kept; default: leafscope.db in the data folder"
        )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    action = {"add": _run_add, "list": _run_list, "remove": _run_remove}[options.action]
    return or_refuse(lambda: action(options), "the routing log")


def _run_add(options: argparse.Namespace) -> int:
    from leafscope.core.errors import RoutingError
    from leafscope.core.routing import read_routing
    from leafscope.core.routing.statistics import described
    from leafscope.core.store.store import Store

    try:
        log = read_routing(options.file, options.layout, options.top_k, options.tokens, options.name)
    except RoutingError as error:
        return refuse(f"{options.file.name}: {error}")
    about = described(log)  # before it is kept, so that nothing is kept where that fails
    log = Store(options.database).add_log(log, rename=options.name is not None)
    print_json(about | {"name": log.name}) if options.json else say(report(log, about["statistics"]))
    return 0


def report(log: "Routing", statistics: list[dict[str, Any]]) -> str:
    """Say what was understood of a log: a line for all, notes, and a line for each of its parts."""
    from leafscope.core.routing.statistics import why_no_chance

    several = [(len(log.steps), "step"), (len(log.domains), "domain"), (len(log.layers), "layer"), (log.experts, "expert")]
    sizes = ", ".join(f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in several if n)
    top_k = "top-k unknown" if log.top_k is None else f"top {log.top_k}"
    n = "shares" if log.assignments is None else f"{log.assignments:,} assignments"
    lines = [f"{log.name}: {sizes}, {top_k}, {n}; address {log.hash}"]
    lines += [f"note: {sentence}" for sentence in (*log.notes, why_no_chance(log)) if sentence]
    for row in statistics[:_LINES]:
        where = ", ".join(f"{row[key]}" for key in ("domain", "step") if row[key] is not None) or "all"
        chance = row["chance"] and row["chance"]["effective_experts"]
        by_chance = f"; chance {chance['mean']:.2f} ({chance['low']:.2f} to {chance['high']:.2f})" if chance else ""
        used = "no assignments" if row["entropy"] is None else f"used like {row['effective_experts']:.1f} of {log.experts:,}"
        most = "" if row["entropy"] is None else f", MaxVio {row['max_violation']:.2f}"
        lines.append(f"  layer {row['layer']}, {where}: {used}{most}{by_chance}")
    if len(statistics) > _LINES:
        lines.append(f"  and {len(statistics) - _LINES:,} more; --json prints all")
    return "\n".join(lines)


def _run_list(options: argparse.Namespace) -> int:
    from leafscope.core.store.store import Store

    logs = Store(options.database).logs()
    if options.json:
        print_json({"logs": [{"name": one.name, "hash": one.log_id} | one.about for one in logs]})
    elif not logs:
        say("There are no routing logs in this database; leafscope routing add FILE adds one.")
    else:
        for one in logs:
            layers, experts = one.about.get("layers"), one.about.get("experts")
            say(f"{one.log_id}  {one.name}: {layers} layers, {experts} experts{', shipped' if one.shipped else ''}")
    return 0


def _run_remove(options: argparse.Namespace) -> int:
    from leafscope.app.cli.archive import address
    from leafscope.core.store.store import Store

    store = Store(options.database)
    log_id = address("routing log", options.log, {one.log_id: one.name for one in store.logs()})
    store.remove_log(log_id)
    print_json({"removed": log_id}) if options.json else say(f"Removed routing log {log_id}.")
    return 0


COMMANDS.register(
    Command(
        name="routing",
        help="add counts of the experts of any model, list such logs, or remove one",
        add_arguments=add_arguments,
        run=run,
        place=29,
    )
)
