"""Groups of runs: means over seeds with intervals, paired comparisons, and pivot tables.

A *group* consists of runs with equal values of some fields; missing values are equal. A *seed* is the pair (split_seed,
init_seed), which determines the data, their split and the initial weights. Runs of the same seed in a group are averaged
first, so n is always a number of seeds. Only finished runs have scores.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.comparison.intervals import Difference, Interval, interval_of, paired_difference
from leafscope.core.comparison.overlap import overlap
from leafscope.core.comparison.table import (
    CONFIG_FIELDS,
    SEED_FIELDS,
    TEXT_FIELDS,
    differing,
    field_words,
    plain,
    value_words,
    varies,
)
from leafscope.core.sweep.outcome import SCORES, SHARES

_SEED = ["split_seed", "init_seed"]

_DATA_FIELDS = [field for field in CONFIG_FIELDS if field.startswith("data.")]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs with equal values of some fields."""

    key: tuple[Any, ...]
    """The values, None where missing."""
    fields: tuple[str, ...]
    words: str
    """Its name, such as `tree, depth K 4`, not escaped."""
    rows: pd.DataFrame
    """Its rows of the run table."""

    @property
    def n(self) -> int:
        """The number of runs."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Paired:
    """The comparison of two groups, paired by seed."""

    difference: Difference
    """First minus second; NaN without pairs."""
    pairs: pd.DataFrame
    """One row per seed: `seed` (a number, or text if split and initialization differ), and the means `first` and `second`."""
    left_out_first: int
    """Runs of the first group without a pair."""
    left_out_second: int
    why: str | None
    """A sentence with the reason why there are no pairs; None if there are pairs."""


def group_fields(table: pd.DataFrame, ignore: Sequence[str] = SEED_FIELDS) -> list[str]:
    """List the fields of the configuration that differ among the rows, without those to ignore."""
    return [field for field in differing(table) if field not in ignore]


def groups(table: pd.DataFrame, fields: Sequence[str], *, short: bool = False) -> list[Group]:
    """Split a run table into groups with equal values of the fields, sorted by the fields in turn.

    Numbers are ascending, text is in order of first appearance, and missing values are last. Fields are columns of the table;
    all `tags` of a run are one value. Without fields, all runs are one group. An empty table has no groups.
    Short names leave out the fields that all groups either lack or agree in, if the others tell the groups apart.
    """
    if table.empty:
        return []
    coded = [_coded(table, field) for field in fields]
    places = np.stack([codes for codes, _ in coded], axis=1) if coded else np.zeros((len(table), 0), np.int64)
    unique, inverse = np.unique(places, axis=0, return_inverse=True) if coded else (places[:1], np.zeros(len(table), np.int64))
    keys = [tuple(values[code] for code, (_, values) in zip(row, coded, strict=True)) for row in unique]
    words = _names(fields, keys, short)
    of_row = inverse.reshape(-1)
    ends = np.cumsum(np.bincount(of_row, minlength=len(keys)))[:-1]
    rows = [table.take(places) for places in np.split(np.argsort(of_row, kind="stable"), ends)]
    return [Group(key, tuple(fields), name, part) for key, name, part in zip(keys, words, rows, strict=True)]


def by_seed(rows: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Average a column over the runs of each seed: a value for each (split_seed, init_seed), ascending.

    Missing values and the scores of unfinished runs are left out.
    """
    seeds, means = _means(rows, column)
    return pd.Series(means, index=pd.MultiIndex.from_arrays(list(seeds.T), names=_SEED), name="value")


def seed_means(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return the values of `by_seed` as an array: (S,), by ascending seed."""
    return _means(rows, column)[1]


def score_interval(rows: pd.DataFrame, column: str) -> Interval:
    """Return the mean of a column over seeds with its 95 % interval, which is wider if splits overlap.

    A share of rows, such as an accuracy, has that of `share_interval`; those of all others but R² end at 0.
    """
    counted = _counted(rows, column)
    term = overlap(rows if counted.all() else rows[counted])
    return interval_of(column in SHARES, _means(rows, column)[1], overlap=term, is_size=not column.endswith("_r2"))


def compare(first: Group, second: Group, column: str) -> Paired:
    """Compare two groups paired by seed: the mean over seeds of first minus second, with its interval.

    The two runs of a pair have the same seed and data, and the same value of every field that varies within both groups, if the
    groups have a value of it in common. Repeated runs are averaged. A seed's difference is the mean over its pairs.
    """
    ones, others = (group.rows[_counted(group.rows, column)] for group in (first, second))
    matched = [field for field in CONFIG_FIELDS if field in _DATA_FIELDS or _is_matched(ones, others, field)]
    matched = [field for field in matched if field not in SEED_FIELDS]
    keys = [_tuples(side, [*_SEED, *matched]) for side in (ones, others)]
    scores = [_by_key(mine, side[column]) for mine, side in zip(keys, (ones, others), strict=True)]
    pairs = [key for key in scores[0] if key in scores[1]]
    pairs_of = [sum(key in scores[0] and key in scores[1] for key in mine) for mine in keys]
    left_out = [len(group.rows) - count for group, count in zip((first, second), pairs_of, strict=True)]
    of_seed: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
    for key in pairs:
        of_seed.setdefault(key[:2], []).append((scores[0][key], scores[1][key]))
    seeds = sorted(of_seed)
    sides = np.array([np.mean(of_seed[seed], axis=0) for seed in seeds]).reshape(-1, 2)
    named = pd.DataFrame(
        {"seed": pd.Series([_seed_words(*seed) for seed in seeds], dtype=object), "first": sides[:, 0], "second": sides[:, 1]}
    )
    paired = set(pairs)
    rows = pd.concat([side[[key in paired for key in mine]] for mine, side in zip(keys, (ones, others))])
    difference = paired_difference(sides[:, 0], sides[:, 1], overlap=overlap(rows))
    why = None if len(named) else _why(ones, others, matched)
    return Paired(difference, named, left_out[0], left_out[1], why)


def pivot(table: pd.DataFrame, rows: str, columns: str, column: str) -> pd.DataFrame:
    """Summarize a column in each cell of two fields, one row for each cell with runs, in the order of `groups`.

    Columns: `row`, `column` (values of the fields, None if missing), `mean`, `low`, `high`, `n` (seeds), `runs` (number of
    runs, including those without a value), `run_ids`, and `varies` (other fields of the configuration, without the seeds, that
    differ within the cell and are averaged over).
    """
    names = ["row", "column", "mean", "low", "high", "n", "runs", "run_ids", "varies"]
    lines = []
    for cell in groups(table, [rows, columns]):
        interval = score_interval(cell.rows, column)
        lines.append(
            {
                **dict(zip(("row", "column"), cell.key, strict=True)),
                **{name: getattr(interval, name) for name in ("mean", "low", "high", "n")},
                "runs": cell.n,
                "run_ids": tuple(cell.rows["run_id"]),
                "varies": tuple(group_fields(cell.rows, (*SEED_FIELDS, rows, columns))),
            }
        )
    whole, real = dict.fromkeys(("n", "runs"), "int64"), dict.fromkeys(("mean", "low", "high"), "float64")
    return pd.DataFrame(lines, columns=names, dtype=object).astype(whole | real)


def rank(groups: Sequence[Group], column: str, lowest: bool) -> list[int]:
    """Return the indices of groups, ordered by the mean of a column over seeds, the best first and groups without one last."""
    return rank_means([_mean(_means(group.rows, column)[1]) for group in groups], lowest)


def rank_means(means: Sequence[float], lowest: bool) -> list[int]:
    """Return the indices of means, the best first and NaN last; equal means keep their order.

    >>> rank_means([0.5, math.nan, 0.75], lowest=False)
    [2, 0, 1]
    """
    signed = [mean if lowest else -mean for mean in means]
    return sorted(range(len(means)), key=lambda place: (math.isnan(signed[place]), signed[place]))


def chosen_among(table: pd.DataFrame) -> int:
    """Count the configurations of a run table that differ in more than their seeds: the number of candidates of a choice."""
    fields = [field for field in CONFIG_FIELDS if field not in SEED_FIELDS]
    return table.groupby(fields, sort=False, dropna=False).ngroups


def _coded(table: pd.DataFrame, field: str) -> tuple[NDArray[np.int64], list[Any]]:
    """Encode a field, with numbers ascending, text in order of appearance and missing last: codes (rows,) and the values."""
    column = table[field]
    if field == "tags":
        column = column.map(lambda tags: ", ".join(sorted(tags)) or None).astype(object)
    elif field in TEXT_FIELDS:
        column = column.map(lambda text: text or None).astype(object)
    codes, values = pd.factorize(column, sort=pd.api.types.is_numeric_dtype(column))
    found = [plain(value) for value in values]
    return np.where(codes < 0, len(found), codes).astype(np.int64), [*found, None]


def _names(fields: Sequence[str], keys: Sequence[tuple[Any, ...]], short: bool) -> list[str]:
    """Name groups, with more words only where fewer do not tell them apart."""
    told = [at for at in range(len(fields)) if len({key[at] for key in keys} - {None}) > 1] if short else []
    words = [_group_words([fields[at] for at in told], [key[at] for at in told]) for key in keys]
    if not told or len(set(words)) < len(words):
        words = [_group_words(fields, key) for key in keys]
    if len(set(words)) < len(words):  # some groups differ only in which values are missing
        words = [_group_words(fields, key, name_missing=True) for key in keys]
    return words


def _group_words(fields: Sequence[str], key: Sequence[Any], name_missing: bool = False) -> str:
    """Name a group; missing values are left out of the name unless all are missing or the name would be ambiguous."""
    parts = []
    for field, value in zip(fields, key, strict=True):
        words = value_words(field, value)
        if value is None:
            if name_missing or all(one is None for one in key):
                parts.append(f"without {field_words(field)}")
        else:
            parts.append(words if isinstance(value, str) and words != "none" else f"{field_words(field)} {words}")
    return ", ".join(parts) or "all runs"


def _counted(rows: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """Mark the rows to count: those with a value and, if it is a score, of a finished run."""
    known = ~np.isnan(rows[column].to_numpy(np.float64))
    return known & (rows["status"].to_numpy() == "finished") if column in SCORES else known


def _means(rows: pd.DataFrame, column: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the seeds, ascending, and the mean of a column over the runs of each: (S, 2) and (S,)."""
    counted = _counted(rows, column)
    split_seeds, init_seeds = (rows[field].to_numpy(np.int64)[counted] for field in _SEED)
    order = np.lexsort((init_seeds, split_seeds))
    seeds = np.stack([split_seeds[order], init_seeds[order]], axis=1)
    first = np.ones(len(seeds), np.bool_)
    first[1:] = (seeds[1:] != seeds[:-1]).any(axis=1)
    sums = np.bincount(np.cumsum(first) - 1, rows[column].to_numpy(np.float64)[counted][order], int(first.sum()))
    return seeds[first], sums / np.diff(np.flatnonzero(np.append(first, True)))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _by_key(keys: Sequence[tuple[Any, ...]], values: "pd.Series[float]") -> dict[tuple[Any, ...], float]:
    """Average the values of each key."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for key, value in zip(keys, values, strict=True):
        found.setdefault(key, []).append(float(value))
    return {key: float(np.mean(several)) for key, several in found.items()}


def _tuples(rows: pd.DataFrame, fields: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the values of some fields, row by row; missing values are None, so that they are equal."""
    if not len(rows):
        return []
    return list(zip(*(_cells(rows[field]) for field in fields), strict=True)) if fields else [()] * len(rows)


def _cells(column: "pd.Series[Any]") -> list[Any]:
    values = column.tolist()
    return [None if value is None or value != value else value for value in values]


def _is_matched(ones: pd.DataFrame, others: pd.DataFrame, field: str) -> bool:
    """Return whether pairs must agree in a field: it varies within both groups, and they have a value in common."""
    first = set(_cells(ones[field]))
    if len(first) < 2:
        return False
    second = set(_cells(others[field]))
    return len(second) > 1 and not first.isdisjoint(second)


def _seed_words(split_seed: int, init_seed: int) -> int | str:
    return int(split_seed) if split_seed == init_seed else f"split {split_seed}, initialization {init_seed}"


def _why(ones: pd.DataFrame, others: pd.DataFrame, matched: Sequence[str]) -> str:
    for name, rows in (("first", ones), ("second", others)):
        if rows.empty:
            return f"no run of the {name} group has a value yet"
    if {*ones["data.name"]}.isdisjoint(others["data.name"]):
        return "the groups have different data sets, so their seeds cannot be paired"
    apart = [field for field in _DATA_FIELDS if {*map(plain, ones[field])}.isdisjoint(map(plain, others[field]))]
    if apart:
        return f"the groups have different data ({_listed(apart)}), so their seeds cannot be paired"
    if not {*ones[_SEED].itertuples(index=False, name=None)} & {*others[_SEED].itertuples(index=False, name=None)}:
        return "no seed is in both groups"
    agreed = [field for field in matched if varies(ones[field]) or varies(others[field])]
    return f"no run of one group has the same seed and {_listed(agreed)} as one of the other"


def _listed(fields: Sequence[str]) -> str:
    words = [field_words(field) for field in fields]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
