"""The declaration of a data set, and the registry of all data sets.

N rows · P features · C classes. A data set is one file that registers one `DataSet`, in the folder `variants` or in another
package (see `core.registry`). Everything else follows from it: the fields of `DataConfig`, the controls and texts of the
pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from leafscope.core.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

Options = Mapping[str, Any]
"""Each option of a data set and its value."""

Size = int | Callable[[Options], int]
"""A number, or a function of the options, such as `operator.itemgetter("n_samples")`."""

RESERVED = frozenset({"name", "n_train", "test_fraction", "validation_fraction", "options"})
"""Names of `DataConfig` that no option can have."""


class Rows(NamedTuple):
    """The rows of a data set, before the split."""

    x: "NDArray[Any]"
    """(N, P) features in the units of the source."""
    y: "NDArray[Any]"
    """(N,) class, from 0 to C - 1."""
    feature_names: tuple[str, ...] = ()
    """P names; empty: x1, x2, ..."""
    class_names: tuple[str, ...] = ()
    """C names; empty: 0, 1, ..."""


class Sizes(NamedTuple):
    """The size of a data set, all splits together."""

    n_rows: int
    n_features: int
    n_classes: int


@dataclass(frozen=True, kw_only=True)
class Option:
    """A numeric option of a data set: a field of `DataConfig`.

    Raises ValueError for a name that cannot be a field, and for a default out of range.
    """

    name: str
    """The field's name. Data sets may share an option, each with its own default and bounds."""
    default: int | float
    """An int if the values are whole numbers, a float if they are real numbers."""
    low: int | float
    """The smallest value."""
    high: int | float
    """The largest value."""
    label: str
    """The name on pages."""
    meaning: str
    """One sentence."""
    what: str = ""
    """The kind of value in errors, such as `a share of labels`; empty: `a number` or `a whole number`."""
    words: str = ""
    """The name in tables of runs; empty: `name`."""
    step: float = 0.05
    """The step of a page's control for a real value."""
    is_open: bool = False
    """Whether a page shows it directly under the data set's name; other options are folded away."""

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name in RESERVED or self.name.startswith(("_", "model_")):
            raise ValueError(f"an option's name must be an unused field name, got {self.name!r}")
        if not self.allows(self.default):
            raise ValueError(f"the default of {self.name} must be {self.must_be}, got {self.default!r}")

    @property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.default, int)

    @property
    def must_be(self) -> str:
        """The condition for a value, in words.

        >>> Option(name="noise", default=0.1, low=0, high=1, label="", meaning="", what="a share of labels").must_be
        'a share of labels from 0 to 1'
        """
        if self.is_whole:
            return f"{self.what or 'a whole number'} from {self.low:,} to {self.high:,}"
        return f"{self.what or 'a number'} from {self.low:g} to {self.high:g}"

    def allows(self, value: float) -> bool:
        """Whether a value is within the bounds."""
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """The declaration of a data set.

    Raises ValueError for two options with the same name.
    """

    name: str
    """The value of `DataConfig.name`."""
    title: str
    """The name on pages."""
    description: str
    """One sentence."""
    source: str
    """Its authors, and where to find it."""
    licence: str
    """The terms of use."""
    rows: Callable[[Options, int], Rows]
    """Returns the rows for options and a seed. A table ignores both; a generator returns the same rows for the same seed."""
    n_rows: Size
    """N, all splits together."""
    n_features: Size
    n_classes: Size
    is_generator: bool
    """Whether each seed generates new rows; otherwise the rows are a fixed table, and each seed only splits it differently."""
    options: tuple[Option, ...] = ()
    image_shape: tuple[int, int] | None = None
    """(height, width) if the features are the pixels of an image, row by row."""
    is_plane: bool = False
    """Whether the rows are points in the plane, which can be plotted directly."""
    n_held: Size = 0
    """Further numbers held in memory while the rows are generated."""
    place: int = 1000
    """Data sets are listed in the order of this number; equal numbers in the order of registration."""

    def __post_init__(self) -> None:
        names = [option.name for option in self.options]
        if len(set(names)) < len(names):
            raise ValueError(f"the options of {self.name} must have different names, got {', '.join(names)}")

    @property
    def defaults(self) -> dict[str, int | float]:
        """Each option and its default."""
        return {option.name: option.default for option in self.options}

    def option(self, name: str) -> Option | None:
        """The option with this name, or None."""
        return next((option for option in self.options if option.name == name), None)

    def sizes(self, options: Options | None = None) -> Sizes:
        """Compute all sizes for these options; None: for the defaults."""
        return Sizes(*(self.number(size, options) for size in (self.n_rows, self.n_features, self.n_classes)))

    def number(self, size: Size, options: Options | None = None) -> int:
        """Compute one size for these options; None: for the defaults."""
        return size if isinstance(size, int) else size(self.defaults if options is None else options)


class DataSets(Registry[DataSet]):
    """The data sets by name."""

    def register(self, variant: DataSet) -> DataSet:
        """Add a data set; raises ValueError if its name is taken or an option is whole in one data set and real in another."""
        for option in variant.options:
            for other in self._variants.values():
                shared = other.option(option.name)
                if shared is not None and shared.is_whole != option.is_whole:
                    kind = "a whole number" if shared.is_whole else "a real number"
                    raise ValueError(
                        f"the default of {option.name} must be {kind}, as it is for {other.name}, got {option.default!r} for "
                        f"{variant.name}"
                    )
        return super().register(variant)

    def options(self) -> dict[str, Option]:
        """All options by name, in the order of the data sets; a shared option has bounds that include those of each."""
        found: dict[str, Option] = {}
        for data_set in self.values():
            for option in data_set.options:
                first = found.setdefault(option.name, option)
                low, high = min(first.low, option.low), max(first.high, option.high)
                found[option.name] = replace(first, low=low, high=high)
        return found

    def with_option(self, name: str) -> list[str]:
        """The names of the data sets with this option."""
        return [data_set.name for data_set in self.values() if data_set.option(name) is not None]


DATA_SETS = DataSets("data set", package="leafscope.core.datasets.variants", key=lambda data_set: data_set.place)
"""All data sets by name."""
