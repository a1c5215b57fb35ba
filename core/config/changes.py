"""Changing fields of a configuration by dotted name, and saying in sentences what is wrong with one."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from leafscope.core.config.fields import declared
from leafscope.core.config.run import RunConfig
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.options import Option, shown


def suggestion(given: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


# Changing and explaining configurations


def field_names() -> list[str]:
    """All fields of a run, dotted: `data.name`, ..., `seed`."""
    return list(field_options())


def field_options() -> Mapping[str, Option]:
    """All fields of a run, dotted, and what is declared of them."""
    return declared(RunConfig)


def dotted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten the fields of a run, as `RunConfig.model_dump` gives them, to their dotted names.

    >>> dotted({"net": {"depth": 2}, "seed": 0})
    {'net.depth': 2, 'seed': 0}
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= {f"{name}.{inner}": one for inner, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def changed(run: RunConfig, changes: dict[str, Any]) -> RunConfig:
    """Copy a run with dotted fields changed, validated as a whole; raises ValidationError.

    >>> changed(RunConfig(), {"net.depth": 2, "seed": 3}).label
    'digits tree K2 w32 s3'
    """
    values: dict[str, Any] = run.model_dump(exclude_unset=True)
    if changes.get("data.name", run.data.name) != run.data.name:
        # what the old data set filled in is not asked of the new one
        filled = DATA_SETS[run.data.name].defaults
        data = values.get("data", {})
        values["data"] = {field: value for field, value in data.items() if filled.get(field) != value or field not in filled}
    for field, value in changes.items():
        part, _, inner = field.rpartition(".")
        target = values.setdefault(part, {}) if part else values
        target[inner] = value
    return RunConfig.model_validate(values)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field. Fields are dotted."""

    sentence: str
    field: str
    """By which it is shown; empty: by the whole configuration."""
    keys: tuple[str, ...]
    """What a file may hold that is wrong: the field and others of the same check, or a name that is unknown."""


def faults(error: ValidationError) -> list[Fault]:
    """Say what is wrong with each field that is not valid."""
    found = []
    for item in error.errors(include_url=False):
        place, context = ".".join(part for part in item["loc"] if isinstance(part, str)), item.get("ctx", {})
        if item["type"] == "field":
            fields = tuple(_dotted(place, field) for field in context.get("fields") or ("",))
            found.append(Fault(item["msg"], fields[0], fields))
        elif item["type"] == "unknown":
            field = _dotted(place, context["within"])
            found.append(Fault(item["msg"], field, (_dotted(field, context["name"]),)))
        else:
            words = f"{place or 'the configuration'}: {item['msg'][:1].lower()}{item['msg'][1:]}, got {shown(item['input'])}"
            found.append(Fault(words, place, (place,)))
    return found


def explain(error: ValidationError) -> dict[str, str]:
    """Give the sentence for each field that is not valid: dotted field ('' for the whole) -> sentence."""
    sentences: dict[str, str] = {}
    for fault in faults(error):
        sentences.setdefault(fault.field, fault.sentence)
    return sentences


def _dotted(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def explain_change(run: RunConfig, changes: dict[str, Any], only: str | None = None) -> str | None:
    """Say what is wrong with a change, in a sentence; None when it is valid, or when the fault is not by field `only`."""
    try:
        changed(run, changes)
    except ValidationError as error:
        sentences = explain(error)
        if only is not None:
            return sentences.get(only)
        return "; ".join(sentences.values())
    return None
