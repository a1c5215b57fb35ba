"""How much the splits of several seeds share: the term by which the variance of a mean over seeds is corrected.

Seeds that split one table anew share most of their rows, so that their scores depend on one another. Nadeau & Bengio 2003
therefore add n_test / n_train to the 1/J in the variance of a mean over J seeds.
"""

from functools import lru_cache
from typing import Any

import pandas as pd

from leafscope.core.comparison.table import plain
from leafscope.core.config import DataConfig
from leafscope.core.datasets import DATA_SETS, shape


def split_overlap(data: DataConfig) -> float:
    """Give n_test / n_train of a table, which each split seed splits anew; 0 for a generator, which draws fresh rows.

    >>> split_overlap(DataConfig(name="digits", n_train=539)), split_overlap(DataConfig(name="moons"))
    (1.0, 0.0)
    """
    if DATA_SETS[data.name].is_generator:
        return 0.0
    size = shape(data)
    return size.n_test / size.n_train


def overlap(rows: pd.DataFrame) -> float:
    """Give the largest `split_overlap` of those tables that several seeds split; `rows` are of a run table or a sweep's.

    With one split seed all splits are the same, and the term is 0. A row without `split_seed` splits by its `seed`. Of
    several data sets the largest term counts, so that no interval is too narrow.
    """
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
    """Make missing equal to missing, which NaN is not."""
    return None if value != value else value
