"""Field types of configurations; every error names the field, what must hold and what was given."""

import difflib
import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, WrapValidator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo, ValidatorFunctionWrapHandler

# Field types


def field_type(base: Any, must_be: str | Callable[[], str], holds: Callable[[Any], bool]) -> Any:
    """A type whose every failure reads `<field> must be <must_be>, got <value>`."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            if isinstance(value, bool):
                raise ValueError
            parsed = handler(value)
            if not holds(parsed):
                raise ValueError
        except (ValueError, OverflowError):  # a float cannot hold any whole number
            given = shown(value)
            words = must_be if isinstance(must_be, str) else must_be()
            raise PydanticCustomError(
                "field", "{name} must be {must_be}, got {given}", {"name": info.field_name, "must_be": words, "given": given}
            ) from None
        return parsed

    return Annotated[base, WrapValidator(check)]


def shown(value: Any) -> str:
    """Write a value as an error repeats it: at most 80 characters.

    >>> shown(3), len(shown("a" * 100)), shown(10**5000)
    ('3', 80, 'a number of more than 4,300 digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more digits
        return f"a number of more than {sys.get_int_max_str_digits():,} digits"
    return text if len(text) <= 80 else text[:77] + "..."


def whole(low: int, high: int) -> Any:
    return field_type(int, f"a whole number from {low:,} to {high:,}", lambda v: low <= v <= high)


def number(low: float, high: float, open_low: bool = False) -> Any:
    words = f"a number above {low:g} and at most {high:g}" if open_low else f"a number from {low:g} to {high:g}"
    return field_type(float, words, lambda v: math.isfinite(v) and (v > low if open_low else v >= low) and v <= high)


def choice(options: tuple[str, ...]) -> Any:
    return field_type(str, f"one of {', '.join(options)}", lambda v: v in options)


def variant(names: Callable[[], Iterable[str]]) -> Any:
    """One of the names that are registered when a value is checked."""
    return field_type(str, lambda: f"one of {', '.join(names())}", lambda v: v in names())


def is_device(value: str) -> bool:
    return value in ("auto", "cpu", "cuda") or (value.startswith("cuda:") and value[5:].isdecimal())


def optional(base: Any) -> Any:
    """Allow None in addition to a type of this module."""
    inner, wrap = get_args(base)

    def check(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return None if value is None else wrap.func(value, handler, info)

    return Annotated[inner | None, WrapValidator(check)]


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_fields(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name in values:
                if name not in cls.model_fields:
                    near = difflib.get_close_matches(str(name), cls.model_fields, n=1)
                    hint = f"; did you mean {near[0]}?" if near else f"; the fields are {', '.join(cls.model_fields)}"
                    raise unknown(f"unknown field {str(name)[:80]}{hint}", str(name))
        return values


def refused(sentence: str, *fields: str) -> PydanticCustomError:
    """An error of a check over several fields of a model, dotted; it is shown by the first of them."""
    return PydanticCustomError("field", "{sentence}", {"sentence": sentence, "fields": fields})


def unknown(sentence: str, name: str, within: str = "") -> PydanticCustomError:
    """An error of a name that is none; it is shown by the field that has it, or by the whole."""
    return PydanticCustomError("unknown", "{sentence}", {"sentence": sentence, "name": name, "within": within})


def digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
