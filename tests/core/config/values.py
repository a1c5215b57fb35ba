"""Values of fields, made from what is declared of them, so that tests know fields that come later."""

from typing import Any

from leafscope.core.options import Option


def other_value(option: Option) -> Any:
    """A valid value that is not the default."""
    if option.choices:
        return next(value for value in option.choices if value != option.default)
    if option.default is None:
        return option.low + 2
    return option.default + (option.step if option.kind is float else 1)
