"""A table: its columns, which of them are features, the target, and the rows that can be used.

N rows · P features after encoding · C classes.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_FEATURES
from leafscope.core.tables import splitting
from leafscope.core.tables.choices import Choices, Task
from leafscope.core.tables.columns import Column
from leafscope.core.tables.target import Target, target

CAP = 50
"""The most categories of a column with a feature of their own; the others share the feature "other"."""


@dataclass(frozen=True)
class Source:
    """How the file was written; None: it is no text."""

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    header: bool = True
    notes: tuple[str, ...] = ()
    """Sentences about what was left out of the file."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table with the rows that can be used."""

    name: str
    source: Source
    columns: tuple[Column, ...]
    """All columns, also those that are left out, with N rows."""
    missing: tuple[int, ...]
    """Missing values of each column, counted before rows were dropped."""
    target: str
    """The column to predict."""
    target_why: str
    task: Task
    classes: tuple[str, ...] | None
    """C names; None: regression."""
    y: NDArray[np.float64]
    """(N,) class, from 0 to C - 1, or number."""
    given: NDArray[np.int32] | None = None
    """(N,) where the file says it: 0 training (and validation, if no row is for it alone), 1 validation, 2 test."""
    group: NDArray[np.int32] | None = None
    """(N,) the group of each row, from 0; rows of one group never stand in two splits."""

    @property
    def split_rows(self) -> list[int] | None:
        """Rows for training, validation and test, where the file says it; None: the splits are drawn."""
        return None if self.given is None else np.bincount(self.given, minlength=3).tolist()

    @property
    def largest_group(self) -> int | None:
        """The rows of the largest group; None: there are no groups."""
        return None if self.group is None else int(np.bincount(self.group).max())

    @property
    def rows(self) -> int:
        """N."""
        return len(self.y)

    @property
    def class_rows(self) -> list[int] | None:
        """The rows of each class; None: regression."""
        return None if self.classes is None else np.bincount(self.y.astype(np.int64), minlength=len(self.classes)).tolist()

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that are used to predict."""
        return tuple(column for column in self.columns if column.name != self.target and not column.left_out)

    @property
    def n_features(self) -> int:
        """P, after encoding."""
        return sum(width(column) for column in self.features)

    @property
    def hash(self) -> str:
        """The address of the content, 16 hexadecimal digits: the same rows and choices give the same, whatever the file."""
        digest = hashlib.sha256()
        used = [column for column in self.columns if column.name == self.target or not column.left_out]
        words = [(column.name, column.kind, tuple(column.categories)) for column in used]
        digest.update(json.dumps([words, self.target, self.task, self.classes], ensure_ascii=True).encode())
        for values in (*(column.values for column in used), self.y):
            # one NaN for all, and no minus zero, so that equal rows have equal bytes
            known = np.where(np.isnan(values), np.nan, values + 0.0) if values.dtype.kind == "f" else values
            digest.update(known.astype(known.dtype.newbyteorder("<")).tobytes())
        for word, of_rows in (("split", self.given), ("group", self.group)):
            if of_rows is not None:
                digest.update(word.encode() + of_rows.astype("<i4").tobytes())
        return digest.hexdigest()[:16]

    def described(self) -> dict[str, Any]:
        """What `leafscope data add --json` prints."""
        return {
            "name": self.name,
            "hash": self.hash,
            "rows": self.rows,
            "task": self.task,
            "classes": None if self.classes is None else list(self.classes),
            "n_features": self.n_features,
            "delimiter": self.source.delimiter,
            "encoding": self.source.encoding,
            "decimal": self.source.decimal,
            "header": self.source.header,
            "columns": [self._of(column, missing) for column, missing in zip(self.columns, self.missing, strict=True)],
        }

    def _of(self, column: Column, missing: int) -> dict[str, Any]:
        about: dict[str, Any] = {"name": column.name, "kind": column.kind}
        why = column.why
        if column.name == self.target:
            about["kind"], why = "target", "; ".join(filter(None, (self.target_why, column.why)))
        elif column.left_out:
            about |= {"kind": "dropped", "was": column.kind}
            why = "; ".join(filter(None, (column.left_out, column.why)))
        return about | {"missing": missing, "why": why}


def width(column: Column) -> int:
    """The features of a column after encoding; one more says where a value is missing, if any is."""
    n = len(column.categories)
    own = {"numeric": 1, "boolean": 1, "date": 3, "categorical": min(n, CAP) + (n > CAP)}[column.kind]
    return own + bool(column.missing)


def table(columns: Sequence[Column], source: Source, choices: Choices, name: str) -> Table:
    """Make a table of the columns of a file; raises TableError if nothing can be learned from it, or it is too large."""
    names = [column.name for column in columns]
    for wanted in (*choices.drop, *choices.keep, *filter(None, (choices.split, choices.group))):
        if wanted not in names:
            raise TableError(f"a column that is named must be one of the table, which has no column {wanted!r:.80}")
    if choices.target is not None and choices.target in choices.drop:
        raise TableError(f"the target must not be left out, got {choices.target!r:.80} for both")
    missing = tuple(column.missing for column in columns)
    given, group = splitting.given(columns, choices), splitting.groups(columns, choices)
    columns = [_chosen(column, choices) for column in columns]
    goal = target(columns, choices)
    if columns[goal.place].name in (choices.split, choices.group):
        raise TableError(f"the target must not say the split or the group, got {columns[goal.place].name!r:.80} for both")
    used = ~np.isnan(goal.values)
    features = [column for place, column in enumerate(columns) if place != goal.place and not column.left_out]
    if not features:  # numbers of rows are better than nothing
        columns = [_taken_back(column, choices) for column in columns]
        features = [column for place, column in enumerate(columns) if place != goal.place and not column.left_out]
    if not features:
        reasons = "; ".join(f"{one.name!r} is left out ({one.left_out})" for one in columns if one.left_out)[:300]
        raise TableError(
            f"a table must have a feature beside the target {names[goal.place]!r}, but {reasons or 'it has one column'}"
        )
    if not choices.fill:
        for column in features:
            used &= ~column.is_missing
    if not used.any():
        raise TableError("a table must have rows without missing values, but there are none")
    made = _made(columns, missing, goal, used, source, name)
    if group is not None:
        group = np.unique(group[used], return_inverse=True)[1].astype(np.int32)
    return splitting.checked(replace(made, given=None if given is None else given[used], group=group))


def _chosen(column: Column, choices: Choices) -> Column:
    if column.name in choices.drop:
        return replace(column, left_out="left out by choice")
    if column.name in (choices.split, choices.group):
        return replace(column, left_out=f"it says the {'split' if column.name == choices.split else 'group'} of each row")
    if column.name in choices.keep and not column.left_out.startswith("empty"):
        return replace(column, left_out="")
    return column


def _taken_back(column: Column, choices: Choices) -> Column:
    if column.kind != "numeric" or not column.left_out.startswith("identifier") or column.name in choices.drop:
        return column
    noted = f"{column.left_out}, but no other column is left"
    return replace(column, left_out="", why="; ".join(filter(None, (noted, column.why))))


def _made(
    columns: Sequence[Column], missing: tuple[int, ...], goal: Target, used: NDArray[np.bool_], source: Source, name: str
) -> Table:
    if not used.all():
        columns = [replace(column, values=column.values[used]) for column in columns]
    for column in columns:
        column.values.setflags(write=False)
    made = Table(
        name=name,
        source=source,
        columns=tuple(columns),
        missing=missing,
        target=columns[goal.place].name,
        target_why=goal.why,
        task=goal.task,
        classes=goal.classes,
        y=goal.values[used],
    )
    if made.n_features > MAX_FEATURES:
        raise TableError(
            f"a table must have at most {MAX_FEATURES:,} features, got {made.n_features:,} after encoding; leave out "
            "some columns"
        )
    return made
