"""Findings of a sweep as sentences and small tables with intervals, for the terminal and for pages."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from leafscope.app import theme
from leafscope.app.figures.shared.model_style import model_words
from leafscope.core.comparison.intervals import Difference, holm, paired_difference
from leafscope.core.comparison.overlap import overlap
from leafscope.core.comparison.statistics import Which, best_depth, by_depth, measure
from leafscope.core.models import gated_lines, tree_lines

OPPONENTS = ("dense", "dense_capacity", "flat", "random_gates", "decision_tree", "logistic")
"""Models that the sentences compare the tree with."""

WHICH: Which = "best"
"""Scores are those of the epoch with the lowest validation loss."""


def splits_vary(cell: pd.DataFrame) -> bool:
    """Whether the seeds draw or split the data differently; otherwise they change only initial weights and batches."""
    return len(set(_data_seeds(cell))) > 1


def interval_words(rows: pd.DataFrame, *, n: int | None = None, drawn: str = "") -> str:
    """Say how intervals over `n` seeds, by default those of the rows, are computed, and how they are `drawn`."""
    n = rows["seed"].nunique() if n is None else n
    if n < 2:
        return "One seed: no intervals, since they are computed from the spread over seeds."
    how = f"{drawn}{': ' if drawn else ''}95 % t intervals over {n}"
    if term := overlap(rows):
        return f"{how} splits of this data set, with the Nadeau-Bengio factor 1/J + {term:.2f}."
    if splits_vary(rows):
        return f"{how} seeds, each with fresh data."
    return f"{how} seeds, all with the same data: only initial weights and batches differ."


def rates_words(rows: pd.DataFrame) -> str:
    """Say how learning rates were chosen."""
    trials = int(rows["trials"].max())
    if trials == 1:
        return "All nets have the same learning rate."
    return f"Learning rate: the one of {trials} with the lowest mean validation loss, for each model and depth."


def with_replicates(table: pd.DataFrame) -> pd.DataFrame:
    """Number the replicates in `seed` if seed alone does not tell them apart (axes over split_seed or init_seed).

    `split_seed` is then filled in, since a missing one means that the original `seed` splits the data.
    """
    seeds = table[["seed", "split_seed", "init_seed"]]
    if not seeds[["split_seed", "init_seed"]].notna().any(axis=None) or seeds["seed"].nunique() == len(seeds.drop_duplicates()):
        return table
    numbers = seeds.fillna(-1).groupby(list(seeds.columns), sort=False).ngroup()
    return table.assign(seed=numbers, split_seed=_data_seeds(table))


def _data_seeds(table: pd.DataFrame) -> "pd.Series[Any]":
    """The seed that draws and splits the data of each row."""
    return table["split_seed"].where(table["split_seed"].notna(), table["seed"])


def variants(cell: pd.DataFrame) -> list[str]:
    """The variants of the trees in a cell, in order; one empty name if there are none."""
    trees = cell[cell["model"].isin(tree_lines())]
    return list(dict.fromkeys(trees["variant"])) or [""]


def one_variant(cell: pd.DataFrame, variant: str) -> pd.DataFrame:
    """The members to compare for one variant of the tree: each model's own such variant, or the closest that it has.

    Their `variant` is emptied, so that they can be compared. A model without that variant is represented by the one whose
    words are all in it, such as `weight_decay=0.1` for `decay_growth=2, weight_decay=0.1`, else with its first.
    """
    parts = []
    wanted = set(filter(None, variant.split(", ")))
    for _, rows in cell.groupby("model", sort=False):
        own = list(dict.fromkeys(rows["variant"]))
        fitting = [name for name in own if set(filter(None, name.split(", "))) <= wanted]
        chosen = variant if variant in own else max(fitting, key=len) if fitting else own[0]
        parts.append(rows if rows["model"].iloc[0] == "dense_ladder" else rows[rows["variant"] == chosen].assign(variant=""))
    return pd.concat(parts).sort_index() if parts else cell


def data_fields(row: "pd.Series[Any]") -> dict[str, Any]:
    """The fields of a row's data configuration that are set."""
    return {
        str(name)[5:]: _plain(value) for name, value in row.items() if str(name).startswith("data.") and not _is_missing(value)
    }


def model_at(cell: pd.DataFrame, model: str, depth: int | None = None, variant: str = "") -> pd.DataFrame:
    """The rows of a model, at one depth if given; rows without a depth count at every depth."""
    rows = cell[(cell["model"] == model) & (cell["variant"] == variant)]
    return rows if depth is None else rows[rows["depth"].isna() | (rows["depth"] == depth)]


def compare(
    cell: pd.DataFrame,
    first: tuple[str, int | None],
    second: tuple[str, int | None],
    split: str = "test",
    metric: str = "error",
    which: str = WHICH,
) -> Difference:
    """The paired difference over seeds between two models, each (name, depth), in one cell."""
    sides = []
    for model, depth in (first, second):
        rows = model_at(cell, model, depth)
        # drop rows without a score: a model without a score at any depth comes with the rows of all depths
        sides.append(pd.Series(measure(rows, which, split, metric).to_numpy(), index=rows["seed"]).dropna())
    joined = pd.concat(sides, axis=1, join="inner")
    return paired_difference(joined[0].to_numpy(), joined[1].to_numpy(), overlap=overlap(cell))


def difference_words(difference: Difference, shown: bool | None = None) -> str:
    """Write a difference of errors in percentage points with its interval, and whether a difference is shown.

    >>> difference_words(Difference(-0.041, -0.06, -0.022, 5, 0.003))
    '-4.1 points [-6.0, -2.2], n = 5'
    >>> difference_words(Difference(0.004, -0.01, 0.018, 5, 0.6))
    'no difference shown (+0.4 points [-1.0, +1.8], n = 5)'
    """
    if difference.n == 0:
        return "not trained"
    if difference.n == 1:
        return f"{100 * difference.mean:+.1f} points, one seed: no interval"
    words = (
        (f"{100 * difference.mean:+.1f} points [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}], n = {difference.n}")
        .replace("-0.0 ", "0.0 ")
        .replace("+0.0 ", "0.0 ")
    )
    is_shown = difference.shown() if shown is None else shown
    return words if is_shown else f"no difference shown ({words})"


def findings(cell: pd.DataFrame) -> list[str]:
    """What one data set at one width says: the chosen depth, and the tree at that depth against the other models.

    The differences of a cell are corrected together, by Holm.
    """
    sentences = []
    for variant in variants(cell):
        rows = one_variant(cell, variant)
        model = next((model for model in gated_lines() if (rows["model"] == model).any()), None)
        if model is None:
            continue
        depth = best_depth(rows, model, which=WHICH, overlap=overlap(rows), rule="one_standard_error")
        lowest = best_depth(rows, model, which=WHICH, overlap=overlap(rows), rule="lowest")
        if depth is None or lowest is None:
            continue
        words = model_words(model, variant)
        sentences.append(
            f"Chosen on validation: {words} K = {depth} by the one-standard-error rule (lowest mean error at K = {lowest})."
        )
        others = [other for other in OPPONENTS if other != model and not model_at(rows, other).empty]
        depths = [own_depth(rows, other) for other in others]
        differences = [compare(rows, (model, lowest), pair) for pair in zip(others, depths, strict=True)]
        adjusted = holm([difference.p for difference in differences])
        for other, beside, difference, p in zip(others, depths, differences, adjusted, strict=True):
            at = "" if beside is None else f" at its own K = {beside}"
            sentences.append(
                f"Test error of {words} at K = {lowest} minus {model_words(other, '')}{at}: "
                f"{difference_words(difference, bool(p < 0.05))}."
            )
        if others:
            sentences.append(
                f"Each interval is 95 %; whether a difference is shown is decided by Holm over these {len(others)} differences."
            )
    return sentences


def own_depth(cell: pd.DataFrame, model: str, variant: str = "") -> int | None:
    """The depth with a model's lowest mean validation error; None if it has no depths."""
    rows = model_at(cell, model, variant=variant)
    if rows["depth"].isna().all():
        return None
    return best_depth(cell, model, variant=variant, which=WHICH, overlap=overlap(cell), rule="lowest")


def summary_table(cell: pd.DataFrame) -> pd.DataFrame:
    """Test error in percent: mean over seeds ± half the interval, one row per model, one column per depth."""
    curves = by_depth(cell, WHICH, "test", "error", overlap=overlap(cell))
    depths = sorted(curves["depth"].dropna().unique())
    lines = []
    for (model, variant), rows in curves.groupby(["model", "variant"], sort=False):
        line: dict[str, str] = {"test error (%)": model_words(str(model), str(variant))}
        by = {float(row["depth"]): row for row in rows.to_dict("records")}
        everywhere = next((row for depth, row in by.items() if math.isnan(depth)), None)
        for depth in depths:
            line[f"K={depth:g}"] = _cell(by.get(depth, everywhere))
        if not depths:
            line["all"] = _cell(everywhere)
        lines.append(line)
    return pd.DataFrame(lines)


def claims_table(parts: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """The tree against three other models, one row per cell: (words, its results) -> table.

    Each model is taken at the depth with its own lowest mean validation error. Differences are of test errors, paired over
    seeds, with 95 % intervals; `shown` is by Holm over the cells, for each opponent.
    """
    others = ("dense", "flat", "random_gates")
    rows: list[dict[str, Any]] = []
    found: dict[str, list[Difference | None]] = {other: [] for other in others}
    for words, cell in parts:
        cell = one_variant(cell, variants(cell)[0])
        depth = own_depth(cell, "tree")
        rows.append({"cell": words, "depth": depth})
        for other in others:
            known = depth is not None and not model_at(cell, other).empty
            found[other].append(compare(cell, ("tree", depth), (other, own_depth(cell, other))) if known else None)
    for other in others:
        adjusted = holm([math.nan if one is None else one.p for one in found[other]])
        for row, difference, p in zip(rows, found[other], adjusted, strict=True):
            row[other] = difference
            row[f"{other}_shown"] = bool(p < 0.05)
    return pd.DataFrame(rows)


def claims_markdown(table: pd.DataFrame) -> str:
    """Write the table of claims as Markdown: differences in percentage points, bold if shown."""
    heads = ["data, training rows, width", "best K", "minus dense", "minus flat", "minus random gates"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in table.to_dict("records"):
        cells = [str(row["cell"]), "-" if pd.isna(row["depth"]) else f"{row['depth']:g}"]
        for other in ("dense", "flat", "random_gates"):
            difference = row[other]
            if difference is None or difference.n == 0:
                cells.append("-")
                continue
            words = f"{100 * difference.mean:+.1f}"
            if difference.n > 1:
                words += f" [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
            cells.append(f"**{words}**" if row[f"{other}_shown"] else words)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Any) -> str:
    if row is None or math.isnan(row["mean"]):
        return theme.MISSING
    half = (row["high"] - row["low"]) / 2
    return f"{100 * row['mean']:.1f}" if math.isnan(half) else f"{100 * row['mean']:.1f} ± {100 * half:.1f}"


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) >= 1 else value
