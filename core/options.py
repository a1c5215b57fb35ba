"""Options: the fields that a data set or a model adds to a configuration."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Option:
    """A field that a data set adds to `DataConfig`, or a model to `NetConfig`; None there means that it has no such field.

    Raises ValueError for a default that is not an allowed value.
    """

    name: str
    """The field's name. Several data sets, or several models, may share an option."""
    default: int | float | str
    """An int if the values are whole numbers, a float if they are real numbers, one of `choices` if they are text."""
    label: str
    """The name on pages."""
    meaning: str
    """One sentence."""
    low: int | float = 0
    """The smallest number."""
    high: int | float = 1_000_000
    """The largest number."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """The values of a text option, and the words for each on pages."""
    what: str = ""
    """The kind of number in errors, such as `a share of labels`; empty: `a number` or `a whole number`."""
    words: str = ""
    """The name in tables of runs; empty: `name`."""
    short: str = ""
    """What precedes a value other than the default in a run's name (models only); empty: the name leaves it out."""
    step: float = 0.05
    """The step of a page's control for a real number."""
    is_open: bool = False
    """Whether a page shows it directly under the data set's name; other options of data sets are folded away."""

    def __post_init__(self) -> None:
        if not self.allows(self.default):
            raise ValueError(f"the default of {self.name} must be {self.must_be}, got {self.default!r}")

    @property
    def kind(self) -> type:
        """The type of the values: int, float or str."""
        return type(self.default)

    @property
    def must_be(self) -> str:
        """The condition for a value, in words.

        >>> Option(name="noise", default=0.1, low=0, high=1, label="", meaning="", what="a share of labels").must_be
        'a share of labels from 0 to 1'
        """
        if self.kind is str:
            return f"one of {', '.join(self.choices)}"
        if self.kind is int:
            return f"{self.what or 'a whole number'} from {self.low:,} to {self.high:,}"
        return f"{self.what or 'a number'} from {self.low:g} to {self.high:g}"

    def allows(self, value: float | str) -> bool:
        """Whether a value is one of the choices, or within the bounds."""
        return value in self.choices if isinstance(value, str) else self.low <= value <= self.high

    def write(self, value: float | str) -> str:
        """Write a value as text, numbers without trailing zeros."""
        return value if isinstance(value, str) else f"{value:g}"


def check_names(owner: str, options: Collection[Option], reserved: Collection[str]) -> None:
    """Raise ValueError unless the options of a data set or model have different names, none of them reserved."""
    names = [option.name for option in options]
    for name in names:
        if not name.isidentifier() or name in reserved or name.startswith(("_", "model_")):
            raise ValueError(f"an option of {owner} must have an unused field name, got {name!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"the options of {owner} must have different names, got {', '.join(names)}")
