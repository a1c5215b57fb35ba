"""What the large map trains, as a TOML file with an address, so that anyone can check that it came before the results."""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, explain
from leafscope.core.config.fields import Config, refused
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.errors import ConfigFileError
from leafscope.core.sweep.draws import Draw, draws

DENSE = "dense"
"""The model of the ladder; that of the map's own width is what every gated net is at K = 0."""


class GatedModel(Config):
    """A gated model, trained at every depth of the map."""

    kind: str
    gate_gradient: str = "none"

    @property
    def words(self) -> str:
        """The model's name in tables."""
        credit = "" if self.gate_gradient == "none" else f", {self.gate_gradient.replace('_', '-')}"
        return self.kind + credit


@dataclass(frozen=True)
class Cell:
    """A net of the map, before rate and decay are chosen."""

    model: str
    """Its name in tables."""
    depth: int
    width: int
    kind: str
    gate_gradient: str


class LargeMap(Config):
    """The protocol of a large map. Raises pydantic's ValidationError with sentences that say what must hold."""

    teachers: list[DataConfig]
    """Generators that draw without end; their numbers of rows are not used."""
    rows: list[int]
    """Numbers of training rows."""
    depths: list[int]
    """K of the gated models, from 1; K = 0 is the dense net of the same width."""
    width: int
    models: list[GatedModel]
    dense_widths: list[int]
    """The ladder of dense nets; the first is `width`."""
    trials: int
    """Pairs of rate and decay that are drawn for each net, the same for all (`core.sweep.draws`)."""
    choosing_seeds: list[int]
    report_seeds: list[int]
    batch_size: int = 64
    rows_seen: int = 100_000
    """Rows that a net is trained on at least: fewer different ones are seen several times, more are seen once each."""
    validation_rows: int = 4_000
    test_rows: int = 10_000

    @model_validator(mode="after")
    def _check(self) -> "LargeMap":
        for teacher in self.teachers:
            if DATA_SETS[teacher.name].fresh is None:
                possible = ", ".join(name for name, spec in DATA_SETS.items() if spec.fresh is not None)
                raise refused(f"teachers must draw without end, as {possible} do, got {teacher.name}", "teachers")
        for name in ("teachers", "rows", "depths", "models", "choosing_seeds", "report_seeds"):
            values = getattr(self, name)
            if not values or any(value in values[:place] for place, value in enumerate(values)):
                raise refused(f"{name} must hold at least one value, each once, got {values!r:.200}", name)
        if len(self.report_seeds) < 2:
            raise refused(f"report_seeds must hold at least 2 seeds, got {len(self.report_seeds)}", "report_seeds")
        if both := set(self.choosing_seeds) & set(self.report_seeds):
            raise refused(f"report_seeds must be none of the seeds that choose, got {min(both)} among both", "report_seeds")
        if (
            len(self.dense_widths) < 2
            or sorted(set(self.dense_widths)) != self.dense_widths
            or self.dense_widths[0] != self.width
        ):
            raise refused(f"dense_widths must rise from {self.width}, got {self.dense_widths}", "dense_widths")
        for name in ("rows", "depths", "trials", "batch_size", "rows_seen", "validation_rows", "test_rows"):
            given = getattr(self, name)
            if min(given if isinstance(given, list) else [given]) < 1:
                raise refused(f"{name} must be at least 1, got {given}", name)
        for cell in self.cells():
            self.run(self.teachers[0], cell, Draw(0.01, 0.0), 0)
        return self

    def cells(self) -> Iterator[Cell]:
        """List the nets that are compared on each teacher and number of rows: the ladder first."""
        for width in self.dense_widths:
            yield Cell(DENSE, 0, width, DENSE, "none")
        for model in self.models:
            for depth in self.depths:
                yield Cell(model.words, depth, self.width, model.kind, model.gate_gradient)

    def draws(self) -> list[Draw]:
        """List the trials of every cell."""
        return draws(self.trials)

    def epochs(self, rows: int) -> int:
        """Return how often a net sees each of its training rows."""
        return max(1, round(self.rows_seen / rows))

    def run(self, teacher: DataConfig, cell: Cell, draw: Draw, seed: int) -> RunConfig:
        """Return net and training of a cell as a run; raises ValidationError for what no run can have."""
        return RunConfig(
            data=teacher,
            net=NetConfig(kind=cell.kind, depth=cell.depth, width=cell.width),
            train=TrainConfig(
                lr=draw.lr, weight_decay=draw.weight_decay, batch_size=self.batch_size, gate_gradient=cell.gate_gradient
            ),
            seed=seed,
        )

    @property
    def address(self) -> str:
        """The SHA-256 of the protocol, 64 hexadecimal digits: it depends on its values alone, not on spaces or order."""
        values = json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(values.encode()).hexdigest()


def words_of(teacher: DataConfig) -> str:
    """Name a teacher by what is not the default.

    >>> words_of(DataConfig(name="tree_teacher", teacher_depth=6))
    'tree_teacher, teacher_depth 6'
    """
    plain = DATA_SETS[teacher.name].defaults
    known = teacher.model_dump()
    varied = [f"{name} {known[name]}" for name in plain if name.startswith("teacher_") and known.get(name) is not None]
    return ", ".join([teacher.name, *varied])


def read(path: Path) -> LargeMap:
    """Read a protocol; raises ConfigFileError if the file cannot be read, or says something that does not hold."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return LargeMap.model_validate(values)
    except OSError as error:
        raise ConfigFileError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigFileError(f"{path}: {'; '.join(explain(error).values())}") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise ConfigFileError(f"{path}: must be TOML: {error}") from None
