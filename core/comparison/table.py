"""The table of runs: one row per run, with the fields of its configuration that its model uses, and its results.

Filters, groups and figures of selected runs use this table. A missing value (None or NaN) means that the run's model
ignores the field, or that nothing was measured.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import pandas as pd
from pydantic import ValidationError

from leafscope.core.config import RunConfig, dotted, field_options
from leafscope.core.datasets.registry import DATA_SETS, data_words
from leafscope.core.models import line_of_task
from leafscope.core.scores import TASKS
from leafscope.core.scores.registry import TaskName
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.sweep.outcome import SCORES, measures, net_cost, score_columns

_OPTIONS = field_options()

CONFIG_FIELDS = tuple(_OPTIONS)
"""Fields of a configuration, dotted, in order."""

SEED_FIELDS = ("seed", "split_seed", "init_seed")
"""Fields that distinguish replicates of one configuration."""

TEXT_FIELDS = (
    *("run_id", "title", "label", "status", "comment", "note", "device", "model"),
    *(name for name, option in _OPTIONS.items() if option.kind is str),
)
"""Columns of text; `tags` are tuples of text, all other columns are numbers."""

_MEASURED = ("best_epoch", *SCORES, "parameters", "multiply_adds", "trained_parameters", "inference_seconds")

MEASURES = ("epochs_done", "seconds", *_MEASURED)
"""Columns of numbers that a run measured."""

_SUMMARY_FIELDS = (
    *("run_id", "title", "label", "status", "tags", "comment", "note", "created", "device", "epochs_done", "seconds"),
)

COLUMNS = (*_SUMMARY_FIELDS, _MEASURED[0], "model", *CONFIG_FIELDS, *_MEASURED[1:])
"""All columns, in order."""

_WHOLE = ("epochs_done", *SEED_FIELDS)
"""Columns of whole numbers without missing values."""


_WORDS = {
    "run_id": "address",
    "created": "submitted",
    "epochs_done": "epochs trained",
    "seconds": "training time (s)",
    "multiply_adds": "multiply-adds",
    "inference_seconds": "inference time per row (s)",
} | {name: option.words for name, option in _OPTIONS.items() if option.words}
"""Names of columns; for all others, the last part of the field with blanks for _ is clear enough."""

NAME_FIELDS = frozenset({"model", *(name for name, option in _OPTIONS.items() if option.kind is str and not option.pattern)})
"""Columns of text whose values are names in this program, shown with blanks for _."""

EXACT = 1e15
"""Whole numbers from here on are not written with all digits."""


def run_table(summaries: Sequence[RunSummary]) -> pd.DataFrame:
    """Make the table of runs, one row per run, in order; runs whose configuration is no longer valid are left out.

    Columns are COLUMNS: `created` is in seconds since 1970 (UTC), `tags` a tuple, `model` one of tree, tree_units,
    random_gates, flat, dense or the fitted kind. Configuration fields that do not matter to the run are missing; seeds are
    resolved. Multiply-adds of a decision tree are comparisons; parameters and multiply-adds of a fitted model were measured
    by its fit.

    >>> run_table([])[["run_id", "net.depth"]].shape
    (0, 2)
    """
    found = [(one, known) for one in summaries if (known := _known(one.config_json)) is not None]
    columns: dict[str, pd.Series[Any]] = {}
    cells = _cells(found)
    for name in COLUMNS:
        is_text = name in TEXT_FIELDS or name == "tags"
        dtype = "object" if is_text else "int64" if name in _WHOLE else "float64"
        columns[name] = pd.Series(cells[name], dtype=dtype)
    return pd.DataFrame(columns)


def predict_numbers(table: pd.DataFrame) -> bool:
    """Whether all runs of a run table predict numbers."""
    return len(table) > 0 and set(_tasks(table)) == {"regression"}


def measures_of(table: pd.DataFrame) -> list[str]:
    """List MEASURES without the scores of tasks that no run of a run table has."""
    known = {name for task in _tasks(table) for name in score_columns(TASKS[task])}
    return [name for name in MEASURES if name in known or name not in SCORES]


def _tasks(table: pd.DataFrame) -> list[TaskName]:
    names = [str(name) for name in table["data.name"].unique()]
    return list(dict.fromkeys(_task(name) for name in names if name in DATA_SETS)) or ["classification"]


def _task(data: str) -> TaskName:
    """The task of a data set, classes where it is not known."""
    return DATA_SETS[data].task if data in DATA_SETS else "classification"


def differing(table: pd.DataFrame) -> list[str]:
    """List the fields of the configuration whose values differ among the rows, in order; missing equals missing.

    `split_seed` and `init_seed` are left out if they equal the seed in every row.
    """
    return [field for field in _distinct_seeds(table) if varies(table[field])]


def shared(table: pd.DataFrame) -> dict[str, Any]:
    """Return the fields with one value in all rows, missing ones left out: field -> value, whole numbers as int.

    `split_seed` and `init_seed` are left out if they equal the seed in every row.
    """
    if table.empty:
        return {}
    firsts = {field: plain(table[field].iloc[0]) for field in _distinct_seeds(table)}
    return {field: value for field, value in firsts.items() if value is not None and not varies(table[field])}


def varies(column: "pd.Series[Any]") -> bool:
    """Return whether a column has more than one value; missing (None or NaN) is one value.

    >>> varies(pd.Series([None, math.nan], dtype=object)), varies(pd.Series([4.0, math.nan]))
    (False, True)
    """
    values = column.to_numpy()
    missing = pd.isna(values)
    return not missing.all() if missing.any() else bool((values != values[:1]).any())


def field_words(field: str) -> str:
    """Return a short name of a column.

    >>> field_words("net.depth"), field_words("best_validation_accuracy"), field_words("some.other_one")
    ('depth K', 'best validation accuracy', 'some other one')
    """
    if field in _WORDS:
        return _WORDS[field]
    known = field in CONFIG_FIELDS
    return (field.rpartition(".")[2] if known else field).replace("_", " ").replace(".", " ")


def value_words(field: str, value: Any) -> str:
    """Format a value of a column in short words, not escaped.

    >>> value_words("data.n_train", 1437.0), value_words("train.lr", 0.005), value_words("net.depth", None)
    ('1,437', '0.005', 'none')
    >>> value_words("data.name", "breast_cancer"), value_words("tags", ("talk", "draft"))
    ('breast cancer', 'talk, draft')
    """
    value = plain(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _when(value) if field == "created" else _number_words(value)
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "none"
    if field == "data.name":
        return data_words(str(value))
    return str(value).replace("_", " ") if field in NAME_FIELDS else str(value)


def plain(value: Any) -> Any:
    """Convert a cell to a Python value: None if missing, whole numbers as int.

    >>> plain(math.nan), plain(4.0), plain("tree")
    (None, 4, 'tree')
    """
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() and abs(value) < EXACT else value
    return value


def _number_words(value: int | float) -> str:
    if abs(value) < EXACT and value == int(value):
        return f"{int(value):,}"
    try:
        return f"{float(value):,.6g}"
    except OverflowError:
        return f"{'-' if value < 0 else ''}inf"


def _when(seconds: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # out of the calendar's range
        return _number_words(seconds)


def _distinct_seeds(table: pd.DataFrame) -> list[str]:
    """List the fields of the configuration, without seeds that only repeat `seed`."""
    repeated = [field for field in ("split_seed", "init_seed") if bool((table[field] == table["seed"]).all())]
    return [field for field in CONFIG_FIELDS if field not in repeated]


@lru_cache(maxsize=16_384)
def _known(config_json: str) -> Mapping[str, Any] | None:
    """Return the columns that follow from a configuration alone; None if it is not valid."""
    try:
        run = RunConfig.model_validate_json(config_json)
    except ValidationError:
        return None
    flat: dict[str, Any] = dict.fromkeys(CONFIG_FIELDS) | dotted(run.canonical())
    model = run.net.model
    # a tree of depth 0 has no gates, so their source does not matter
    has_choice = run.matters.issuperset(f"net.{field}" for field in model.line_fields)
    flat["model"] = model.line_of(run.net) if has_choice else model.default_line.name
    return MappingProxyType(flat | {"cost": net_cost(run.net, run.data)})


def _cells(found: Sequence[tuple[RunSummary, Mapping[str, Any]]]) -> dict[str, list[Any]]:
    cells: dict[str, list[Any]] = {name: [getattr(one, name) for one, _ in found] for name in _SUMMARY_FIELDS}
    for name in CONFIG_FIELDS:
        cells[name] = [known[name] for _, known in found]
    cells["model"] = [line_of_task(known["model"], _task(str(known["data.name"]))) for _, known in found]
    measured = [measures(one, known["cost"]) for one, known in found]
    for name in _MEASURED:
        cells[name] = [one[name] for one in measured]
    return cells
