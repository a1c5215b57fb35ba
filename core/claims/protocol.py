"""The protocol of the claims: data sets, models, depths, seeds and trials, in a file with a checksum of its own.

K depth. A *row* of the protocol is a data set, a number of training rows and a width.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.config.changes import faults
from leafscope.core.config.fields import Config, refused
from leafscope.core.config.toml_file import MOST_BYTES
from leafscope.core.datasets import shape
from leafscope.core.errors import ConfigFileError
from leafscope.core.files import open_file


class Models(Config):
    """Nets that learn their gates in the same way, at every depth, and the models set beside them."""

    kinds: Annotated[list[str], Field(min_length=1)]
    """Kinds of nets, `NetConfig.kind`."""
    gate_gradient: str = "none"
    """How their gates learn, `TrainConfig.gate_gradient`."""
    baselines: list[str] = []  # noqa: RUF012 -- pydantic copies it


class Row(Config):
    """A data set, a number of training rows and a width."""

    name: str
    data: DataConfig
    width: int
    epochs: int


class Protocol(Config):
    """What is trained and compared; each row and group of models is one sweep."""

    choosing_seeds: Annotated[list[int], Field(min_length=1)]
    """The seeds on which rates, decays and depths are chosen."""
    report_seeds: list[int]
    """The seeds that are reported; at least 2, and none of those that choose."""
    trials: int
    """Drawn pairs of a learning rate and a weight decay for each net."""
    depths: Annotated[list[int], Field(min_length=1)]
    models: Annotated[list[Models], Field(min_length=1)]
    rows: Annotated[list[Row], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> "Protocol":
        names = [row.name for row in self.rows]
        if twice := [name for place, name in enumerate(names) if name in names[:place]]:
            raise refused(f"rows must have different names, got {twice[0][:60]} twice", "rows")
        gates = [one.gate_gradient for one in self.models]
        if twice := [name for place, name in enumerate(gates) if name in gates[:place]]:
            raise refused(f"models must have one group for each gate_gradient, got {twice[0][:60]} twice", "models")
        for row in self.rows:
            self.sweeps(row)
        return self

    def grouped(self, row: Row) -> list[tuple[Models, SweepConfig]]:
        """Make the sweeps of a row, each with its group of models; raises ValidationError if one is not valid."""
        return [(models, self._sweep(row, models)) for models in self.models]

    def sweeps(self, row: Row) -> list[SweepConfig]:
        """Make the sweeps of a row, one for each group of models."""
        return [sweep for _, sweep in self.grouped(row)]

    def _sweep(self, row: Row, models: Models) -> SweepConfig:
        gates = "" if models.gate_gradient == "none" else f", gates {models.gate_gradient}"
        return SweepConfig(
            name=f"claims: {row.name}{gates}"[:200],
            base=RunConfig(
                data=row.data,
                net=NetConfig(kind=models.kinds[0], depth=0, width=row.width),
                train=TrainConfig(epochs=row.epochs, gate_gradient=models.gate_gradient),
                seed=self.choosing_seeds[0],
            ),
            axes={"net.kind": list(models.kinds), "net.depth": list(self.depths), "seed": list(self.choosing_seeds)},
            baselines=models.baselines,
            report_seeds=self.report_seeds,
            trials=self.trials,
        )


def read_protocol(path: str | Path) -> tuple[Protocol, str]:
    """Read a protocol and its checksum; raises ConfigFileError that says what must hold and what was given."""
    try:
        with open_file(path, MOST_BYTES) as file:
            values = tomllib.loads(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigFileError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # of UTF-8, TOML, or numbers with too many digits
        raise ConfigFileError(f"{path}: must be TOML in UTF-8: {error}") from None
    try:
        return Protocol.model_validate(values), checksum(values)
    except ValidationError as error:
        raise ConfigFileError("\n".join(f"{path}: {fault.sentence}" for fault in faults(error))) from None


def checksum(values: dict[str, Any]) -> str:
    """Compute the SHA-256 of a protocol's values, whatever their order, comments and layout: 64 hexadecimal digits.

    It is that of the parsed file as JSON with sorted keys and without spaces, so that three lines of Python check it.
    """
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


QUICK_ROWS, QUICK_TRAINING_ROWS = 2, 80


def quick(protocol: Protocol) -> Protocol:
    """Reduce a protocol to seconds: 2 rows of at most 80 training rows, 2 depths, 2 and 3 seeds, 2 trials, 2 epochs."""
    values = protocol.model_dump(exclude_unset=True)
    for row in values["rows"]:
        size = shape(DataConfig.model_validate(row["data"]))
        row["epochs"] = 2
        row["data"]["n_train"] = min(size.n_train, QUICK_TRAINING_ROWS)
    values |= {
        "choosing_seeds": protocol.choosing_seeds[:2],
        "report_seeds": protocol.report_seeds[:3],
        "trials": min(2, protocol.trials),
        "depths": sorted({protocol.depths[0], min(2, protocol.depths[-1])}),
        "rows": values["rows"][:QUICK_ROWS],
    }
    return Protocol.model_validate(values)
