"""Sweeps as TOML files: the fields of `SweepConfig`, nested the same way; errors name file, line and field."""

import re
import tomllib
from pathlib import Path

import tomli_w
from pydantic import ValidationError

from leafscope.core.config.changes import Fault, faults
from leafscope.core.config.sweep import SweepConfig
from leafscope.core.errors import ConfigFileError
from leafscope.core.files import open_file

MOST_BYTES = 1_000_000
"""Most bytes of a sweep file."""

NONE = ""
"""In the values of an axis: leave the field out (for example, all training rows), since TOML has no null."""

_SECTION = re.compile(r"\s*\[+([^\]]+)\]+")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r"""("[^"]*"|'[^']*'|[\w-]+)""")


def read_sweep(path: str | Path) -> SweepConfig:
    """Read a sweep; without a name it gets the name of the file.

    Raises ConfigFileError with one line for each error: file, line if known, field, what must hold and what was given.
    """
    path = Path(path)
    try:
        with open_file(path, MOST_BYTES) as file:
            text = file.read().decode("utf-8-sig")
    except OSError as error:
        raise ConfigFileError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigFileError(f"{path}: must be UTF-8 text; byte {error.start + 1:,} is not") from None
    if not re.sub(r"#.*", "", text).strip():
        raise ConfigFileError(f"{path}: a sweep must have at least one field, such as [axes], got none")
    return parse_sweep(text, str(path), default_name=path.stem)


def parse_sweep(text: str, source: str = "sweep", default_name: str = "sweep") -> SweepConfig:
    r"""Read a sweep from text; errors call it `source`. Raises ConfigFileError as `read_sweep` does.

    >>> parse_sweep('name = "two"\n[axes]\nseed = [0, 1]').axes
    {'seed': [0, 1]}
    """
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ConfigFileError(f"{source}: brackets must not be nested so deeply") from None
    except ValueError as error:  # of TOML, or of a number with more digits than Python reads
        line = getattr(error, "lineno", None) or _line_in(str(error)) or len(text.splitlines())
        words = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise ConfigFileError(f"{source}, line {line}: must be TOML: {words[:1].lower()}{words[1:]}") from None
    if isinstance(axes := values.get("axes"), dict):
        for field, of_field in axes.items():
            if isinstance(of_field, dict):
                words = f'an axis must stand in quotes, such as "{field}.{next(iter(of_field), "depth")}" = [0, 2]'
                raise ConfigFileError(_line(source, _places(text), Fault(words, f"axes.{field}", (f"axes.{field}",))))
        values["axes"] = {
            field: [None if one == NONE else one for one in of_field] if isinstance(of_field, list) else of_field
            for field, of_field in axes.items()
        }
    try:
        return SweepConfig.model_validate({"name": default_name} | values)
    except ValidationError as error:
        places = _places(text)
        raise ConfigFileError("\n".join(_line(source, places, fault) for fault in faults(error))) from None


def write_sweep(sweep: SweepConfig) -> str:
    """Write a sweep as TOML that `parse_sweep` reads back as the same sweep; fields that are not set are left out.

    >>> parse_sweep(write_sweep(SweepConfig(axes={"net.depth": [0, 2]}))) == SweepConfig(axes={"net.depth": [0, 2]})
    True
    """
    values = sweep.model_dump(mode="json", exclude_none=True)
    if "axes" in values:
        values["axes"] = {
            field: [NONE if one is None else one for one in of_field] for field, of_field in values["axes"].items()
        }
    return tomli_w.dumps({name: value for name, value in values.items() if value not in ({}, [])})


def _line_in(words: str) -> int | None:
    found = re.search(r"line (\d+)", words)
    return int(found.group(1)) if found else None


def _line(source: str, places: dict[tuple[str, ...], int], fault: Fault) -> str:
    """The fault with file, line and field: of the fields that one check is about, the first that the file has."""
    known = {".".join(parts): line for parts, line in places.items()}
    key = next((key for key in fault.keys if key in known), fault.keys[0])
    beneath = [line for name, line in known.items() if name.startswith(f"{key}.")][:1]
    above = [line for name, line in known.items() if key.startswith(f"{name}.")]
    lines = [known[key]] if key in known else beneath or above
    field = key if key in known and fault.field in fault.keys else fault.field
    where = f", line {lines[-1]}" if lines else ""
    what = f", {field}" if field else ""
    return f"{source}{where}{what}: {fault.sentence}"


def _places(text: str) -> dict[tuple[str, ...], int]:
    """Find the line of each key: path -> line, from 1. Covers the usual layouts; other keys get no line."""
    section: tuple[str, ...] = ()
    places: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _SECTION.fullmatch(line.split("#")[0].rstrip()):
            section = _parts(header.group(1))
            places.setdefault(section, number)
        elif key := _KEY.match(line):
            path = (*section, *_parts(key.group(1)))
            places[path] = number
            for inner in re.finditer(r"""[{,]\s*((?:"[^"]*"|[\w.-]+))\s*=""", line[key.end() :]):
                places.setdefault((*path, *_parts(inner.group(1))), number)
    return places


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(key))
