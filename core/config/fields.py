"""What all configurations have in common; every error names the field, what must hold and what was given."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from leafscope.core.options import Option, kind_of


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


@cache
def declared(config: type[Config]) -> Mapping[str, Option]:
    """The options of a class's fields and of those of its parts, dotted, with the names and defaults of the class."""
    found: dict[str, Option] = {}
    for name, field in config.model_fields.items():
        if isinstance(part := field.annotation, type) and issubclass(part, Config):
            found |= {f"{name}.{inner}": option for inner, option in declared(part).items()}
        for option in (one for one in field.metadata if isinstance(one, Option)):
            own = {"name": name, "default": field.default, "kind": kind_of(field.annotation)}
            found[name] = option if option.name else replace(option, **own)
    return MappingProxyType(found)


def refused(sentence: str, *fields: str) -> PydanticCustomError:
    """An error of a check over several fields of a model, dotted; it is shown by the first of them."""
    return PydanticCustomError("field", "{sentence}", {"sentence": sentence, "fields": fields})


def unknown(sentence: str, name: str, within: str = "") -> PydanticCustomError:
    """An error of a name that is none; it is shown by the field that has it, or by the whole."""
    return PydanticCustomError("unknown", "{sentence}", {"sentence": sentence, "name": name, "within": within})


def digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
