"""The part of a sweep that the talk shows, and what is read from it.

K depth · n seeds · a *cell* is one data set, number of training rows and width.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from leafscope.app import theme
from leafscope.app.figures.shared.errors import Errors
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import errors_of
from leafscope.app.theme import Look
from leafscope.core.comparison.overlap import overlap
from leafscope.core.config import SweepConfig
from leafscope.core.models import tree_lines


@dataclass(frozen=True)
class Part:
    """The part of a sweep that is shown, and what is read from it."""

    sweep: SweepConfig
    look: Look
    table: pd.DataFrame
    """All members."""
    mine: pd.DataFrame
    """The members of one data set and size, of one variant, at all widths."""
    choices: pd.DataFrame
    """The same members on the seeds on which depths are chosen."""
    all_choices: pd.DataFrame
    """All members on those seeds."""
    variants: tuple[str, ...]
    """Of the tree; the first is shown."""
    data: str
    n_train: int
    width: float
    """NaN where the sweep has no nets."""

    @classmethod
    def of(cls, sweep: SweepConfig, results: pd.DataFrame, look: Look, choices: pd.DataFrame | None = None) -> "Part":
        """Take the first data set with the most training rows at its smallest width, as the Overfitting page does."""
        table = _plain(results)
        of_choice = table if choices is None else _plain(choices)
        data = table["data"].iloc[0]
        mine = table[table["data"] == data]
        n_train = int(mine["n_train"].max())
        mine = mine[mine["n_train"] == n_train]
        variants = tuple(findings.variants(mine))
        one = findings.one_variant(mine, variants[0])
        chosen = of_choice[(of_choice["data"] == data) & (of_choice["n_train"] == n_train)]
        chosen = findings.one_variant(chosen, variants[0])
        return cls(sweep, look, table, one, chosen, of_choice, variants, str(data), n_train, float(mine["width"].min()))

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The members of the cell."""
        return self.mine[self.mine["width"].isna() | (self.mine["width"] == self.width)]

    @cached_property
    def choosing(self) -> pd.DataFrame:
        """The members of the cell on the seeds on which depths are chosen."""
        return self.choices[self.choices["width"].isna() | (self.choices["width"] == self.width)]

    @cached_property
    def finished(self) -> pd.DataFrame:
        return self.rows[self.rows["status"] == "finished"]

    @cached_property
    def model(self) -> str | None:
        """The tree that is tested; None without one."""
        return next((model for model in tree_lines() if (self.rows["model"] == model).any()), None)

    @property
    def tree(self) -> str:
        """The tree that is tested, where there is one."""
        assert self.model is not None
        return self.model

    @cached_property
    def depth(self) -> int | None:
        """The tree's depth with the lowest mean validation error; None where none has finished."""
        if self.model is None or not (self.finished["model"] == self.model).any():
            return None
        return findings.own_depth(self.choosing, self.model)

    @cached_property
    def depths(self) -> list[int]:
        """The depths at which the tree has finished."""
        return sorted({int(depth) for depth in self.finished.loc[self.finished["model"] == self.model, "depth"].dropna()})

    @cached_property
    def errors(self) -> Errors:
        """What errors are measured in."""
        return errors_of(self.table)

    @cached_property
    def overlap(self) -> float:
        return overlap(self.mine)

    @cached_property
    def n(self) -> int:
        """Seeds with a result."""
        return int(self.finished["seed"].nunique())

    @cached_property
    def cells(self) -> int:
        """Cells of the whole sweep."""
        nets = self.table.dropna(subset=["width"])
        return len(nets[["data", "n_train", "width"]].drop_duplicates())

    @cached_property
    def against(self) -> dict[str, findings.Against]:
        """The tree at its depth against every other model at its own, judged together by Holm."""
        if self.model is None or self.depth is None:
            return {}
        return findings.against_others(self.finished, self.choosing, self.model, self.depth)

    def multiple(self, other: str, column: str) -> float:
        """Parameters or multiply-adds of another model at its own depth as a multiple of the tree's at its depth."""
        rows = findings.model_at(self.rows, other, self.against[other].depth)
        trees = findings.model_at(self.rows, self.tree, self.depth)
        return float(rows[column].astype(float).mean() / trees[column].astype(float).mean())

    @property
    def lit(self) -> tuple[str, ...]:
        """The models in colour."""
        known = set(self.rows["model"])
        return tuple(model for model in (self.model or "tree", "flat", "dense") if model in known)

    @property
    def on(self) -> str:
        """The data set, for titles."""
        return theme.one_line(self.data.replace("_", " "), 30)

    @property
    def of_data(self) -> str:
        """What figures of all widths are of."""
        return f"{self.on}, {theme.thousands(self.n_train)} training row{'' if self.n_train == 1 else 's'}"

    @property
    def subject(self) -> str:
        """What figures of the cell are of."""
        return self.of_data if math.isnan(self.width) else f"{self.of_data}, width {self.width:g}"


def _plain(results: pd.DataFrame) -> pd.DataFrame:
    table = findings.with_replicates(results)
    # every selection of rows takes each Arrow column by itself, slowly
    return table.astype(dict.fromkeys(table.select_dtypes("str").columns, object))
