"""The declaration of a data set, and the registry of all data sets.

N rows · P features · C classes. A data set is one file that registers one `DatasetSpec`, in the folder `variants` or in another
package (see `core.registry`). Everything else follows from it: the fields of `DataConfig`, the controls and texts of the
pages.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakSet

from leafscope.core.errors import TableError
from leafscope.core.options import Option, check_names
from leafscope.core.registry import Registry
from leafscope.core.scores.registry import TaskName

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

Fit = Callable[["NDArray[np.int64]"], tuple["NDArray[Any]", tuple[str, ...]]]
"""Row numbers of the training split -> (N, P) features and P names."""

Options = Mapping[str, Any]
"""Each option of a data set and its value."""

Size = int | Callable[[Options], int]
"""A number, or a function of the options, such as `operator.itemgetter("n_samples")`."""

RESERVED = frozenset({"name", "n_train", "test_fraction", "validation_fraction", "options"})
"""Names of `DataConfig` that no option can have."""


TABLE = "table:"
"""A data set with such a name is a table that a person brought; the hash of its content follows."""

TABLE_NAME = TABLE + "[0-9a-f]{16}"
"""The pattern of such names."""


def is_table(name: str) -> bool:
    """Whether a name is that of a table that a person brought."""
    return re.fullmatch(TABLE_NAME, name) is not None


class Rows(NamedTuple):
    """The rows of a data set, before the split."""

    x: "NDArray[Any]"
    """(N, P) features in the units of the source."""
    y: "NDArray[Any]"
    """(N,) class, from 0 to C - 1; or number, in the unit of the target."""
    feature_names: tuple[str, ...] = ()
    """P names; empty: x1, x2, ..."""
    class_names: tuple[str, ...] = ()
    """C names; empty: 0, 1, ..."""
    given: "NDArray[Any] | None" = None
    """(N,) where the splits are given: 0 training, 1 validation, 2 test."""
    group: "NDArray[Any] | None" = None
    """(N,) where rows have groups, from 0, that must not stand in two splits."""
    fit: "Fit | None" = None
    """Computes the features and their names, for a data set whose features depend on the training rows; `x` has no columns."""


class Sizes(NamedTuple):
    """The size of a data set, all splits together."""

    n_rows: int
    n_features: int
    n_classes: int


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """The declaration of a data set: where its rows come from, how many there are, and which options it has.

    Raises ValueError for two options with the same name, or an option with the name of another field.
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
    """C; 0 where numbers are predicted."""
    is_generator: bool
    """Whether each seed generates new rows; otherwise the rows are a fixed table, and each seed only splits it differently."""
    task: TaskName = "classification"
    """What is predicted of a row."""
    target: str = ""
    """The name of the column that is predicted; empty: it has none."""
    options: tuple[Option, ...] = ()
    majority: float | None = None
    """The share of the most frequent class among all rows of a table that a person brought, from 0 to 1; None: not known."""
    given: tuple[int, int, int] | None = None
    """Rows for training, validation and test, where they are given; 0: drawn from those for training. None: all are drawn."""
    largest_group: int = 1
    """The rows of the largest group whose rows must not stand in two splits."""
    image_shape: tuple[int, int] | None = None
    """(height, width) if the features are the pixels of an image, row by row."""
    is_plane: bool = False
    """Whether the rows are points in the plane, which can be plotted directly."""
    fresh: "Callable[[Options, int], Callable[[Generator, int], Rows]] | None" = None
    """For a generator that can draw without end: options and seed -> what draws any number of such rows. None: it cannot."""
    n_held: Size = 0
    """Further numbers held in memory while the rows are generated."""
    place: int = 1000
    """Data sets are listed in the order of this number; equal numbers in the order of registration."""

    def __post_init__(self) -> None:
        check_names(self.name, self.options, RESERVED)

    @property
    def defaults(self) -> dict[str, Any]:
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


class Source(Protocol):
    """A place with tables."""

    def data_set(self, table_id: str) -> DatasetSpec | None:
        """Return a table as a data set; None: it is not there."""


def _missing(name: str) -> DatasetSpec:
    """Stand for a table that is in no open database, so that runs on it can still be read."""
    table_id = name.removeprefix(TABLE)

    def refuse(*_: Any) -> Any:
        raise TableError(
            f"the table {table_id} must be in the database, but it was removed, or never added; add its file again"
        )

    return DatasetSpec(
        name=name,
        title=f"missing table {table_id[:6]}",
        description="A table that is not in this database.",
        source="unknown",
        licence="unknown",
        rows=refuse,
        n_rows=refuse,
        n_features=refuse,
        n_classes=refuse,
        is_generator=False,
    )


_KINDS = {int: "a whole number", float: "a real number", str: "text"}


_WITHIN: ContextVar[tuple[Source, ...]] = ContextVar("_WITHIN", default=())
"""Sources of a block of code."""


class DataSets(Registry[DatasetSpec]):
    """The data sets by name; tables that people brought have names too, but are not listed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._sources: WeakSet[Source] = WeakSet()

    def add_source(self, source: "Source") -> None:
        """Look for tables there too, for as long as it lives."""
        self._sources.add(source)

    @contextmanager
    def also_from(self, source: "Source") -> Iterator[None]:
        """Look for tables there too while the block runs, in this thread, where no other source has them."""
        token = _WITHIN.set((*_WITHIN.get(), source))
        try:
            yield
        finally:
            _WITHIN.reset(token)

    def __getitem__(self, name: str) -> DatasetSpec:
        if not is_table(name):
            return super().__getitem__(name)
        found = (source.data_set(name.removeprefix(TABLE)) for source in (*self._sources, *_WITHIN.get()))
        return next((spec for spec in found if spec is not None), None) or _missing(name)

    def register(self, variant: DatasetSpec) -> DatasetSpec:
        """Add a data set; raises ValueError if its name is taken, or if it shares an option with a value of another type."""
        for option in variant.options:
            for other in self._variants.values():
                shared = other.option(option.name)
                if shared is not None and shared.kind is not option.kind:
                    raise ValueError(
                        f"the default of {option.name} must be {_KINDS[shared.kind]}, as it is for {other.name}, "
                        f"got {option.default!r} for {variant.name}"
                    )
        return super().register(variant)

    def options(self) -> dict[str, Option]:
        """All options by name, in the order of the data sets; a shared option allows what any of them allows."""
        found: dict[str, Option] = {}
        for data_set in self.values():
            for option in data_set.options:
                first = found.setdefault(option.name, option)
                low, high = min(first.low, option.low), max(first.high, option.high)
                found[option.name] = replace(first, low=low, high=high, choices={**first.choices, **option.choices})
        return found

    def with_option(self, name: str) -> list[str]:
        """The names of the data sets with this option."""
        return [data_set.name for data_set in self.values() if data_set.option(name) is not None]


DATA_SETS = DataSets("data set", package="leafscope.core.datasets.variants", key=lambda data_set: data_set.place)
"""All data sets by name."""


def data_words(name: str) -> str:
    """Name a data set in a run's name and in tables: a table that a person brought by its title.

    >>> data_words("breast_cancer"), data_words("table:0123456789abcdef")
    ('breast cancer', 'missing table 012345')
    """
    return DATA_SETS[name].title if is_table(name) else name.replace("_", " ")
