"""The overlap of the splits of several seeds, which corrects the variance of a mean over seeds.

Different splits of the same table share most of their rows, so the scores of the seeds are correlated. Nadeau & Bengio 2003
therefore add n_test / n_train to the 1/J in the variance of a mean over J seeds.
"""

from functools import lru_cache
from typing import Any

import pandas as pd

from leafscope.core.comparison.table import plain
from leafscope.core.config import DataConfig
from leafscope.core.datasets import DATA_SETS, shape


def split_overlap(data: DataConfig) -> float:
    """Return n_test / n_train for a table, of which every seed makes another split; 0 for a generator, which draws new rows.

    >>> split_overlap(DataConfig(name="digits", n_train=539)), split_overlap(DataConfig(name="moons"))
    (1.0, 0.0)
    """
    if DATA_SETS[data.name].is_generator:
        return 0.0
    size = shape(data)
    return size.n_test / size.n_train


def overlap(rows: pd.DataFrame) -> float:
    """Return the largest `split_overlap` of the tables in `rows` that are split by several seeds.

    `rows` are from a run table or the table of a sweep. With one split seed all splits are the same, and the overlap is 0. A
    row without `split_seed` is split by its `seed`. For several data sets the largest value is returned, so that no interval is
    too narrow.
    """
    if rows.empty:
        return 0.0
    names = rows["data.name"].tolist()
    tables = {name for name in set(names) if not DATA_SETS[name].is_generator}
    if not tables:
        return 0.0
    fields = tuple(str(name) for name in rows.columns if str(name).startswith("data."))
    seeds: dict[str, set[float]] = {}
    configs: dict[str, set[tuple[Any, ...]]] = {}
    columns = (rows[name].tolist() for name in ("split_seed", "seed", *fields))
    for name, split_seed, seed, *values in zip(names, *columns, strict=True):
        if name in tables:
            seeds.setdefault(name, set()).add(seed if _cell(split_seed) is None else split_seed)
            configs.setdefault(name, set()).add(tuple(map(_cell, values)))
    return max((_of_fields(fields, one) for name in seeds if len(seeds[name]) > 1 for one in configs[name]), default=0.0)


@lru_cache(maxsize=4096)
def _of_fields(fields: tuple[str, ...], values: tuple[Any, ...]) -> float:
    known = {field.removeprefix("data."): plain(value) for field, value in zip(fields, values, strict=True)}
    return split_overlap(DataConfig.model_validate(known))


def _cell(value: Any) -> Any:
    """Replace NaN by None, so that missing values are equal."""
    return None if value != value else value
