"""Which part of a sweep the figures over depth show, and how."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from leafscope.app.sweeps import current, findings
from leafscope.core.comparison import statistics
from leafscope.core.config import RunConfig
from leafscope.core.datasets import shape
from leafscope.core.store.values.summaries import SweepInfo

WIDTH_KEY, DEPTH_KEY, ROWS_KEY, DATA_KEY = "at_width", "at_depth", "at_rows", "at_data"
"""Which part of a sweep is shown: parameters of the URL, and keys of session state."""
ERRORS = {
    "accuracy": "share of wrong rows",
    "balanced_accuracy": "1 - balanced accuracy",
    "macro_f1": "1 - macro F1",
}
"""The share of which the errors in figures are 1 minus, and the choice in words."""
LIT = ("tree", "flat", "dense")


@dataclass(frozen=True)
class Choice:
    """Which part of a sweep is shown, and how."""

    info: SweepInfo
    data: str
    n_train: int
    width: float
    """NaN where the sweep has no nets."""
    depth: int
    """Of the figures that show one cell."""
    which: statistics.Which
    basis: str
    """`epochs` or `train_loss`: at which the tree and the flat net are compared."""
    seeds: bool
    """Whether single seeds are drawn."""
    lit: tuple[str, ...] = LIT
    shown: tuple[str, ...] | None = None
    """Models that are drawn; None: all."""
    variant: str = ""
    """Of the tree, where it has several: the one that is compared."""
    error_of: str = "accuracy"
    """One of `ERRORS`."""

    @property
    def error_words(self) -> str:
        """Say what errors are where they are not shares of wrong rows; a sentence with a blank, or empty."""
        return "" if self.error_of == "accuracy" else f"Error: {ERRORS[self.error_of]}. "

    @property
    def subject(self) -> str:
        """What the figures of one width are of."""
        width = "" if math.isnan(self.width) else f", width {self.width:g}"
        return f"{self.of_data}{width}"

    @property
    def of_data(self) -> str:
        """What the figures of all widths are of."""
        return current.part_words(self.data, self.n_train)


def has_other_errors(table: pd.DataFrame) -> bool:
    """Whether the members of a sweep have other scores than accuracy: old ones do not, nor those that predict numbers."""
    return "best_test_balanced_accuracy" in table and bool(table["best_test_balanced_accuracy"].notna().any())


def with_errors(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The same table, which says what its errors are where they are not shares of wrong rows."""
    return table if choice.error_of == "accuracy" else table.assign(**{statistics.ERROR_OF: choice.error_of})


def cell(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members of one data set, size and width."""
    mine = of_data(table, choice)
    return mine[mine["width"].isna() | (mine["width"] == choice.width)]


def shown(rows: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members whose models are to be drawn."""
    return rows if choice.shown is None else rows[rows["model"].isin(choice.shown)]


def of_data(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members of one data set and size, at all widths."""
    table = findings.with_replicates(table)
    return table[(table["data"] == choice.data) & (table["n_train"] == choice.n_train)]


@dataclass(frozen=True)
class Sizes:
    """What a sweep varies beside model and seed."""

    data: list[str]
    rows: list[int]
    widths: list[int]
    depths: list[int]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Sizes":
        """Those of a table of members, in order; data sets as the sweep names them."""
        return cls(
            data=list(dict.fromkeys(table["data"])),
            rows=sorted(set(table["n_train"])),
            widths=[int(width) for width in sorted(table["width"].dropna().unique())],
            depths=[int(depth) for depth in sorted(table["depth"].dropna().unique())],
        )

    @property
    def middle(self) -> int:
        """The depth of figures that show one cell, unless another is chosen."""
        return self.depths[len(self.depths) // 2] if self.depths else 0


def lit_of(models: Sequence[str]) -> tuple[str, ...]:
    """The models in colour, of those that are shown: at most three."""
    return tuple(model for model in LIT if model in models) or tuple(models[:3])


def opening(info: SweepInfo, table: pd.DataFrame, run: RunConfig) -> Choice:
    """The part of a sweep to which a run belongs; where it belongs to none, what is shown first of a sweep."""
    alike = (table["data.name"] == run.data.name) & (table["n_train"] == shape(run.data).n_train)
    parts = (table[table["run_id"] == run.run_id], table[alike & (table["width"] == run.net.width)], table)
    mine = next(part for part in parts if len(part))
    sizes = Sizes.of(mine)
    return Choice(
        info,
        data=sizes.data[0],
        n_train=sizes.rows[-1],
        width=float(sizes.widths[0]) if sizes.widths else math.nan,
        depth=sizes.middle,
        which="best",
        basis="epochs",
        seeds=False,
        lit=lit_of(list(dict.fromkeys(table["model"]))),
        variant=findings.variants(mine)[0],
    )
