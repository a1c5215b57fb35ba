"""The target: which column is proposed, whether it is classified or regressed, and its classes."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_CLASSES
from leafscope.core.tables.choices import Choices, Rare, Task
from leafscope.core.tables.columns import Column, shown

_NAMES = (
    *(
        "target",
        "class",
        "label",
        "y",
        "classes",
        "labels",
        "outcome",
        "category",
        "species",
        "diagnosis",
        "response",
        "survived",
    ),
    *("klasse", "zielvariable", "ziel", "kategorie"),
)
"""Names that propose a target, the likeliest first."""

FEW = 20
"""The most different whole numbers that are classes."""

RARE = 3
"""The least rows of a class: one for each split."""

OTHER = "other"
"""The class of merged rare ones."""


class Target(NamedTuple):
    """The target of a table."""

    place: int
    """Its column."""
    task: Task
    classes: tuple[str, ...] | None
    """The names of the classes; None: regression."""
    values: NDArray[np.float64]
    """(rows,) class, from 0 to C - 1, or number; NaN: the row cannot be used."""
    why: str
    """How it was chosen, and what was found."""


def target(columns: Sequence[Column], choices: Choices) -> Target:
    """Choose the target and read its values; raises TableError for one class, or too many."""
    place, why = _place(columns, choices)
    column = columns[place]
    task = choices.task or proposed_task(column)
    if task == "regression":
        if column.kind not in ("numeric", "boolean", "date"):
            raise TableError(
                f"the target of a regression must hold numbers, but column {column.name!r} holds words; the task "
                "classification fits"
            )
        values = column.values.astype(np.float64)
        if not len(np.unique(values[~np.isnan(values)])) > 1:
            raise TableError(f"the target must have at least 2 different values, but {_alone(column)}")
        return Target(place, task, None, values, why)
    codes, classes = _classes(column)
    if len(classes) < 2:
        raise TableError(f"the target must have at least 2 classes, but {_alone(column)}; choose another column")
    if len(classes) > MAX_CLASSES:
        hint = "; the task regression may fit" if column.kind in ("numeric", "date") else "; choose another column"
        raise TableError(
            f"the target must have at most {MAX_CLASSES} classes, but column {column.name!r} has {len(classes):,} different "
            f"values{hint}"
        )
    codes, classes, rare = _with_rare(codes, classes, choices.rare)
    if len(classes) < 2:
        raise TableError(
            f"the target must have at least 2 classes with {RARE} rows or more, but column {column.name!r} has {len(classes)}"
        )
    return Target(place, task, classes, codes, "; ".join(filter(None, (why, rare))))


def proposed_task(column: Column) -> Task:
    """Propose a task: words and few whole numbers are classes, many numbers a regression."""
    if column.kind in ("categorical", "boolean"):
        return "classification"
    known = column.values[~column.is_missing]
    distinct = np.unique(known)
    is_whole = bool((distinct == np.floor(distinct)).all())
    return "classification" if is_whole and len(distinct) <= min(FEW, max(2, len(known) // 2)) else "regression"


def _place(columns: Sequence[Column], choices: Choices) -> tuple[int, str]:
    names = [column.name for column in columns]
    if choices.target is not None:
        if choices.target not in names:
            raise TableError(f"the target must be a column, one of {_listed(names)}, got {choices.target!r:.80}")
        return names.index(choices.target), "chosen"
    free = [
        place
        for place, name in enumerate(names)
        if name not in choices.drop and not columns[place].left_out.startswith("empty")
    ]
    plain = {place: re.sub(r"[^a-zäöüß]", "", names[place].lower()) for place in free}
    for name in _NAMES:
        for place in free:
            if plain[place] == name:
                return place, f"proposed, since it is named {names[place]}"
    for place in reversed(free):
        column = columns[place]
        if column.left_out.startswith("constant") or (not column.left_out and column.kind != "date"):
            return place, "proposed, since it is the last column" if place == free[
                -1
            ] else "proposed, since it is the last that can be predicted"
    raise TableError("a table must have a column to predict, but none fits: each is empty, an identifier, free text or a date")


def _listed(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(repr(name[:60]) for name in names[:most]) + (
        f" and {len(names) - most:,} more" if len(names) > most else ""
    )


def _alone(column: Column) -> str:
    known = column.values[~column.is_missing]
    if not len(known):
        return f"column {column.name!r} has no value"
    return f"every row of column {column.name!r} has {shown(column, float(known[0]))!r}"


def _classes(column: Column) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Number the classes of a column in order: (rows,) NaN where missing, and their names."""
    known = ~column.is_missing
    distinct, numbered = np.unique(column.values[known], return_inverse=True)
    if column.kind == "boolean" and len(distinct) == 2 and column.categories[0] > column.categories[1]:
        distinct, numbered = distinct[::-1], 1 - numbered  # words in their order, as of other classes
    codes = np.full(len(column.values), np.nan)
    codes[known] = numbered
    if len(distinct) > MAX_CLASSES:
        return codes, ("",) * len(distinct)
    return codes, tuple(shown(column, float(value)) for value in distinct)


def _with_rare(
    codes: NDArray[np.float64], classes: tuple[str, ...], rare: Rare
) -> tuple[NDArray[np.float64], tuple[str, ...], str]:
    """Name classes with fewer than 3 rows, and keep, drop or merge them."""
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(classes))
    few = np.flatnonzero(counts < RARE)
    if not len(few):
        return codes, classes, ""
    named = ", ".join(f"{classes[place]!r} ({counts[place]})" for place in few[:5])
    named += f" and {len(few) - 5:,} more" if len(few) > 5 else ""
    words = f"classes with fewer than {RARE} rows: {named}"
    if rare == "keep":
        return codes, classes, f"{words}; they can be dropped or merged"
    kept = [place for place in range(len(classes)) if counts[place] >= RARE]
    new = np.full(len(classes) + 1, np.nan)
    new[kept] = np.arange(len(kept))
    names = tuple(classes[place] for place in kept)
    if rare == "merge":
        new[few] = len(kept)
        other = OTHER
        while other in names:
            other += "_"
        names = (*names, other)
    return (
        new[np.where(np.isnan(codes), len(classes), codes).astype(np.int64)],
        names,
        f"{words}; they were {'dropped' if rare == 'drop' else 'merged'}",
    )
