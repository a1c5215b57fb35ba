"""Options: what is declared of a field of a configuration. Its check, control, address, column and words follow from it."""

import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Literal, get_args

from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import (
    CoreSchema,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    with_info_wrap_validator_function,
)


@dataclass(frozen=True, kw_only=True)
class Option:
    """A field of a configuration: of its class, as `Annotated[int, Option(...)]`, or added by a data set or a model.

    A data set adds it to `DataConfig`, a model to `NetConfig`; None there means that it has no such field. Raises ValueError
    for a default that is not an allowed value.
    """

    name: str = ""
    """The field's name; in a class, that of the attribute. Several data sets, or several models, may share an option."""
    default: int | float | str | None = None
    """An int if the values are whole numbers, a float if they are real numbers, one of `choices` if they are text. In a class,
    that of the attribute; None: the field may be empty."""
    label: str
    """The name on pages."""
    meaning: str
    """One sentence."""
    kind: type = NoneType
    """int, float or str: that of the default, or in a class that of the attribute."""
    low: int | float = 0
    """The smallest number."""
    high: int | float = 1_000_000
    """The largest number."""
    excludes_low: bool = False
    """Whether a real number must be above `low`."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """The values of a text option, and the words for each on pages; pages do not offer a value without words."""
    pattern: str = ""
    """A regular expression of further values of a text option, which `what` names."""
    what: str = ""
    """The kind of number in errors, such as `a share of labels`; empty: `a number` or `a whole number`."""
    words: str = ""
    """The name in tables of runs; empty: `name`."""
    short: str | Callable[[Any], str] = ""
    """What precedes a value other than the default in a run's name, or a function that returns all that the name says of the
    value; empty: the name leaves it out. Options of data sets have none."""
    is_always_named: bool = False
    """Whether a run's name has the default too."""
    read_by: Literal["all", "nets", "gates", "levels"] = "nets"
    """Which models read a field of `TrainConfig`: all models, all nets, those with the field `gates`, or those whose leaves
    share prefixes. A field of `NetConfig` is read by the models that name it."""
    key: str = ""
    """The name in a page's address; empty: `name`."""
    step: float = 0.05
    """The step of a page's control for a real number."""
    empty: str = ""
    """What a page says in an empty control; empty: the default."""
    is_open: bool = False
    """Whether a page shows it at once, options of a data set directly under its name; others are folded away."""
    is_of_rows: bool = False
    """Whether it is folded away with the fields of the data; others are with those of the net and its training."""
    place: int = 500
    """Controls are in the order of this number; equal numbers in the order of the fields."""

    def __post_init__(self) -> None:
        if self.default is not None:
            object.__setattr__(self, "kind", type(self.default))
            if not self.allows(self.default):
                raise ValueError(f"the default of {self.name} must be {self.must_be}, got {self.default!r}")

    @property
    def must_be(self) -> str:
        """The condition for a value, in words.

        >>> Option(name="noise", default=0.1, low=0, high=1, label="", meaning="", what="a share of labels").must_be
        'a share of labels from 0 to 1'
        """
        if self.kind is str:
            return self.what or f"one of {', '.join(self.choices)}"
        if self.kind is int:
            return f"{self.what or 'a whole number'} from {self.low:,} to {self.high:,}"
        bounds = f"above {self.low:g} and at most {self.high:g}" if self.excludes_low else f"from {self.low:g} to {self.high:g}"
        return f"{self.what or 'a number'} {bounds}"

    def allows(self, value: float | str) -> bool:
        """Whether a value is one of the choices, or within the bounds."""
        if isinstance(value, str):
            return value in self.choices or bool(self.pattern and re.fullmatch(self.pattern, value))
        return self.low <= value <= self.high and not (self.excludes_low and value == self.low)

    def write(self, value: float | str) -> str:
        """Write a value as text, numbers without trailing zeros."""
        return value if isinstance(value, str) else f"{value:g}"

    @property
    def placeholder(self) -> str | None:
        """What a page says in an empty control."""
        return self.empty or (None if self.default is None else self.write(self.default))

    def named(self, value: Any) -> str:
        """Return what a run's name says of a value."""
        if callable(self.short):
            return self.short(value)
        return f"{self.short}{f'{value:g}' if self.kind is float else value}" if self.short else ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], CoreSchema]) -> CoreSchema:
        """Let pydantic check values: every failure reads `<field> must be <must_be>, got <value>`."""
        option, is_optional = replace(self, kind=kind_of(source)), NoneType in get_args(source)

        def check(value: Any, parse: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            if value is None and is_optional:
                return None
            try:
                if isinstance(value, bool) or not option.allows(parsed := parse(value)):
                    raise ValueError
            except (ValueError, OverflowError):  # a float cannot hold any whole number
                words = {"name": info.field_name, "must_be": option.must_be, "given": shown(value)}
                raise PydanticCustomError("field", "{name} must be {must_be}, got {given}", words) from None
            return parsed

        return with_info_wrap_validator_function(check, handler(source))


def kind_of(annotation: Any) -> type:
    """Return the type of a field's values, without None."""
    return next(kind for kind in get_args(annotation) or (annotation,) if kind is not NoneType)


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


def check_names(owner: str, options: Collection[Option], reserved: Collection[str]) -> None:
    """Raise ValueError unless the options of a data set or model have different names, none of them reserved."""
    names = [option.name for option in options]
    for name in names:
        if not name.isidentifier() or name in reserved or name.startswith(("_", "model_")):
            raise ValueError(f"an option of {owner} must have an unused field name, got {name!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"the options of {owner} must have different names, got {', '.join(names)}")
