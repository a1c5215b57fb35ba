"""Test error against computation: the figure that Overfitting and the deck of claims open with."""

from collections.abc import Sequence

import pandas as pd

from leafscope.app.figures.overfitting.error_by_computation import ErrorByComputation
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import cost_points, errors_of
from leafscope.core.models import decision_tree_lines, gated_lines, is_sized_by_width

LINEAR = "additive"
"""The net whose capacity grows linearly with its depth, beside which exponential growth has to be worth something."""


def headline(
    table: pd.DataFrame,
    choices: pd.DataFrame,
    *,
    n_train: int | None = None,
    variant: str = "",
    models: Sequence[str] | None = None,
    chosen: int | None = None,
    lit: Sequence[str] | None = None,
) -> tuple[ErrorByComputation, pd.DataFrame]:
    """Make the figure of one data set, at all widths and sizes, from the tables of the reporting and the choosing seeds.

    Returns it with its points, whose column `run_ids` names the runs behind each, in the order of the figure's table. `models`
    are those that are drawn, all by default, of which `lit` are in colour, by default those of `in_colour`; `chosen` is the
    tree's depth, by default that of `chosen_depth`. Columns are those of `core.sweep.results.results`.
    """
    rows = findings.one_variant(findings.with_replicates(table), variant)
    rows = rows if models is None else rows[rows["model"].isin(models)]
    parts = [cost_points(part, "multiply_adds").assign(n_train=size) for size, part in rows.groupby("n_train")]
    points = pd.concat(parts, ignore_index=True)
    size = int(rows["n_train"].max()) if n_train is None else n_train
    if chosen is None:
        choosing = findings.one_variant(choices[choices["n_train"] == size], variant)
        chosen = chosen_depth(choosing[choosing["width"].isna() | (choosing["width"] == choosing["width"].min())])
    return ErrorByComputation(points, size, chosen, in_colour(points) if lit is None else lit, errors_of(table)), points


def in_colour(points: pd.DataFrame) -> list[str]:
    """Choose at most three models in colour: one with a depth, `LINEAR`, one of any width and a decision tree, else others."""
    known = list(dict.fromkeys(points.loc[points["mean"].notna(), "model"]))
    groups = (gated_lines(), [LINEAR], [name for name in known if is_sized_by_width(name)], decision_tree_lines())
    first = [next((name for name in group if name in known), None) for group in groups]
    found = dict.fromkeys(name for name in first if name is not None)
    return [*found, *(name for name in known if name not in found and not is_sized_by_width(name))][:3]


def chosen_depth(rows: pd.DataFrame) -> int | None:
    """The tree's depth with the lowest mean validation error; None without a tree."""
    return findings.own_depth(rows, "tree") if (rows["model"] == "tree").any() else None
