"""The table of a large map: one row for each net, written after each teacher, number of rows and seed, and continued there."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from leafscope.core.config import DataConfig, RunConfig
from leafscope.core.cost import cost
from leafscope.core.errors import DataError
from leafscope.core.large.protocol import Cell, LargeMap, words_of
from leafscope.core.sweep.draws import Draw

if TYPE_CHECKING:
    from leafscope.core.large.training import Score

COLUMNS = (
    *("teacher", "rows", "seed", "stage", "model", "depth", "width", "lr", "weight_decay"),
    *("validation_error", "test_error", "part", "diverged", "seconds", "multiply_adds", "parameters"),
)

CELL = ["model", "depth", "width"]
"""The columns that tell the nets on one teacher and number of rows apart."""

_HEADER = "# protocol "


class Unit(NamedTuple):
    """What is trained at once: all nets of one teacher, number of rows and seed."""

    teacher: DataConfig
    rows: int
    seed: int
    stage: str
    """choosing or reporting."""


def units(protocol: LargeMap) -> Iterator[Unit]:
    """List what is to be trained, small numbers of rows first; a choice stands before the reports that need it."""
    for rows in protocol.rows:
        for teacher in protocol.teachers:
            for stage, seeds in (("choosing", protocol.choosing_seeds), ("reporting", protocol.report_seeds)):
                for seed in seeds:
                    yield Unit(teacher, rows, seed, stage)


def make(
    protocol: LargeMap, path: Path, *, threads: int = 1, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> pd.DataFrame:
    """Train what the file does not have yet, adding to it after each unit; returns the whole table.

    Raises DataError if the file is of another protocol, and OSError if it cannot be written.
    """
    known = read(path, protocol) if path.exists() else pd.DataFrame(columns=list(COLUMNS))
    done = set(known[["teacher", "rows", "seed", "stage"]].itertuples(index=False, name=None))
    todo = list(units(protocol))
    for number, unit in enumerate(todo):
        on_progress(number, len(todo))
        if (words_of(unit.teacher), unit.rows, unit.seed, unit.stage) in done:
            continue
        rows = _train(protocol, unit, known, threads)
        known = rows if known.empty else pd.concat([known, rows], ignore_index=True)
        _write(path, protocol, known)
    on_progress(len(todo), len(todo))
    return known


def read(path: Path, protocol: LargeMap | None = None) -> pd.DataFrame:
    """Read a table; raises DataError if it cannot be read, or is of another protocol than this one."""
    try:
        with path.open(encoding="utf-8") as file:
            header = file.readline().strip()
            table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not header.startswith(_HEADER) or list(table.columns) != list(COLUMNS):
        raise DataError(f"{path}: must be the table of a large map, with its protocol in the first line")
    if protocol is not None and (found := header.removeprefix(_HEADER)) != protocol.address:
        raise DataError(f"{path}: must be of the protocol {protocol.address[:16]}, got {found[:16]}; choose another file")
    return table


def chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Choose rate and decay of each net by its mean validation error on the choosing seeds: one row for each teacher, number of
    rows and net, with lr, weight_decay and that mean; of equal ones the first that was drawn.
    """
    keys = ["teacher", "rows", *CELL]
    of = table[table["stage"] == "choosing"]
    means = of.groupby([*keys, "lr", "weight_decay"], sort=False)["validation_error"].mean().reset_index()
    return means.loc[means.groupby(keys, sort=False)["validation_error"].idxmin()].reset_index(drop=True)


def _train(protocol: LargeMap, unit: Unit, known: pd.DataFrame, threads: int) -> pd.DataFrame:
    from leafscope.core.large.training import train  # with torch, which those who only read a table need not wait for

    cells = list(protocol.cells())
    if unit.stage == "choosing":
        entries = [(cell, draw) for cell in cells for draw in protocol.draws()]
    else:
        best = chosen(known[(known["teacher"] == words_of(unit.teacher)) & (known["rows"] == unit.rows)])
        columns = best[[*CELL, "lr", "weight_decay"]].itertuples(index=False, name=None)
        trials = {(model, depth, width): Draw(float(lr), float(decay)) for model, depth, width, lr, decay in columns}
        entries = [(cell, trials[cell.model, cell.depth, cell.width]) for cell in cells]
    runs = [protocol.run(unit.teacher, cell, draw, unit.seed) for cell, draw in entries]
    scores = train(protocol, runs, unit.rows, threads=threads)
    assert scores is not None
    rows = [_row(unit, cell, run, score) for (cell, _), run, score in zip(entries, runs, scores, strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(unit: Unit, cell: Cell, run: RunConfig, score: "Score") -> dict[str, Any]:
    from leafscope.core.large.rows import FreshRows

    source = FreshRows(unit.teacher, unit.seed)
    size = cost(run.net, source.n_features, source.n_classes)
    return {
        "teacher": words_of(unit.teacher),
        "rows": unit.rows,
        "seed": unit.seed,
        "stage": unit.stage,
        "model": cell.model,
        "depth": cell.depth,
        "width": cell.width,
        "lr": run.train.lr,
        "weight_decay": run.train.weight_decay,
        "validation_error": score.validation_error,
        "test_error": round(score.test_error, 6),
        "part": score.part,
        "diverged": score.diverged,
        "seconds": round(score.seconds, 4),
        "multiply_adds": size.multiply_adds,
        "parameters": size.parameters,
    }


def _write(path: Path, protocol: LargeMap, table: pd.DataFrame) -> None:
    """Write the whole table anew, so that an interruption leaves the one before."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(f"{_HEADER}{protocol.address}\n{table.to_csv(index=False)}", encoding="utf-8")
    os.replace(beside, path)
