"""What a benchmark must be to be kept: a plain table of known kinds of rows."""

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


_KINDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a dict"}


def benchmark_row(result: Any) -> dict[str, Any]:
    _check_kind(result, dict, "result")
    environment = _item(result, "environment", dict, "result")
    _item(environment, "date", str, "result.environment")
    row = {
        "leafscope": _item(environment, "leafscope", str, "result.environment"),
        "machine": _item(environment, "machine", str, "result.environment"),
        "threads": _item(environment, "threads", int, "result.environment"),
        "quick": _item(result, "quick", bool, "result"),
    }
    for name, group in _item(result, "groups", dict, "result").items():
        _check_kind(group, list, f"result.groups.{name}")
        for index, line in enumerate(group):
            _check_kind(line, dict, f"result.groups.{name}[{index}]")
    _check_plain(result, "result")
    return row | {"result": json.dumps(result, allow_nan=False)}


def _item(container: dict[str, Any], key: str, kind: type, path: str) -> Any:
    if key not in container:
        raise ValueError(f"{path} must have the key {key!r}; its keys are {', '.join(map(str, container)) or 'none'}")
    _check_kind(container[key], kind, f"{path}.{key}")
    return container[key]


def _check_kind(value: Any, kind: type, path: str) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{path} must be {_KINDS[kind]}, got {value!r:.80}")


def _check_plain(value: Any, path: str) -> None:
    """Refuse what JSON cannot hold, and what it would give back changed: tuples, keys that are not text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the keys of {path} must be text, got {key!r:.80}")
            _check_plain(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_plain(inner, f"{path}[{index}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path} must be a finite number, got {float(value)}")
    elif not (value is None or isinstance(value, (str, int))):
        raise ValueError(f"{path} must be text, a number, true, false, None, a list or a dict, got {type(value).__name__}")
