"""Runs that differ from one run in a single field."""

from collections.abc import Iterable
from typing import Any

from leafscope.core.comparison.table import SEED_FIELDS
from leafscope.core.config import RunConfig, dotted


def siblings(run: RunConfig, others: Iterable[RunConfig]) -> dict[str, list[tuple[Any, str]]]:
    """List, for each field, its values with the addresses of the runs that differ from one in this field alone.

    The run itself is in each list. A field that a model ignores does not count; the three seeds are one field, "seed", in which
    only runs with equal seeds are listed. Numbers are ascending and come before text; of runs with the same value the first is
    listed.

    >>> found = siblings(RunConfig(), [RunConfig(net={"depth": depth}) for depth in (6, 2)])
    >>> [value for value, _ in found["net.depth"]]
    [2, 4, 6]
    """
    own = _fields(run)
    found: dict[str, dict[Any, str]] = {}
    for other in others:
        fields = _fields(other)
        different = {name for name in own.keys() | fields.keys() if own.get(name) != fields.get(name)}
        if len(different) != 1:
            continue
        (name,) = different
        has_several = name == "seed" and any(isinstance(one[name], tuple) for one in (own, fields))
        if name in own and name in fields and not has_several:
            found.setdefault(name, {own[name]: run.run_id}).setdefault(fields[name], other.run_id)
    return {name: sorted(values.items(), key=lambda one: _order(one[0])) for name, values in sorted(found.items())}


def _fields(run: RunConfig) -> dict[str, Any]:
    """What makes a difference, dotted; its seeds as one value where they are one."""
    fields = dotted(run.canonical())
    seeds = [fields.pop(name, None) for name in SEED_FIELDS]
    fields["seed"] = seeds[0] if seeds == seeds[:1] * len(seeds) else tuple(seeds)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _order(value: Any) -> tuple[bool, Any]:
    is_number = isinstance(value, (int, float))
    return not is_number, value if is_number else str(value)
