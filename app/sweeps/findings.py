"""Findings of a sweep as sentences and small tables with intervals, for the terminal and for pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leafscope.app import always, theme
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps.curves import errors_of
from leafscope.core.comparison.intervals import LEVEL, Difference, holm, paired_difference
from leafscope.core.comparison.overlap import overlap
from leafscope.core.comparison.statistics import Which, are_numbers, best_depth, by_depth, measure
from leafscope.core.config import DataConfig
from leafscope.core.datasets import shape
from leafscope.core.models import gated_lines, is_sized_by_width, tree_lines

OPPONENTS = ("dense", "dense_capacity", "flat", "random_gates", "decision_tree", "logistic", "linear")
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
    if "chosen_by" not in rows:
        return f"Learning rate: the one of {trials} with the lowest mean validation loss, for each model and depth."
    pairs = "weight_decay" in rows["tuned"].iloc[0]
    what = "Learning rate and weight decay: the pair" if pairs else "Learning rate: the one"
    return f"{what} of {trials} with the lowest mean {rows['chosen_by'].iloc[0]}, for each model and depth."


def stage_words(rows: pd.DataFrame) -> str:
    """Say on which seeds a table's trials and depths were chosen, on which it reports, and which were added after an answer."""
    if "chosen_on" not in rows:
        return f"{_capital(seeds_words([], None))}."
    choosing = [int(seed) for seed in str(rows["chosen_on"].iloc[0]).split(", ")]
    words = f"{_capital(seeds_words(choosing, sorted(set(rows['seed']))))}."
    if "second_look_after" not in rows:
        return words
    first = int(rows["second_look_after"].iloc[0])
    return f"{words} {second_look_words(first, rows['seed'].nunique() - first)}"


def second_look_words(first: int, added: int) -> str:
    """Say that seeds were added after the answer from the first ones was seen.

    >>> second_look_words(20, 20)
    'Second look: 20 seeds were added after the answer from the first 20 was seen; intervals do not account for that.'
    """
    what = f"{theme.thousands(added)} seed{' was' if added == 1 else 's were'} added"
    return (
        f"Second look: {what} after the answer from the first {theme.thousands(first)} was seen; intervals do not account "
        "for that."
    )


def seeds_words(choosing: Sequence[int], reporting: Sequence[int] | None) -> str:
    """Say on which seeds a sweep chooses, and on which it reports; None: on the same.

    >>> seeds_words([0, 1, 2, 3, 4], range(5, 25))
    'chosen on seeds 0 to 4, reported on seeds 5 to 24'
    """
    if reporting is None:
        return "chosen and reported on the same seeds"
    of = f"seed{'' if len(choosing) == 1 else 's'} {theme.number_words(choosing)}"
    return f"chosen on {of}, reported on seeds {theme.number_words(reporting)}"


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


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

    Their `variant` is emptied, so that they can be compared.
    """
    parts = []
    for model, rows in cell.groupby("model", sort=False):
        mine = rows["variant"] == closest_variant(cell, str(model), variant)
        parts.append(rows if model == "dense_ladder" else rows[mine].assign(variant=""))
    return pd.concat(parts).sort_index() if parts else cell


def closest_variant(cell: pd.DataFrame, model: str, variant: str) -> str:
    """The variant of a model that is compared with one of the tree: its own such variant, or the closest that it has.

    That is the one whose words are all in it, such as `weight_decay=0.1` for `decay_growth=2, weight_decay=0.1`, else its
    first.
    """
    wanted = set(filter(None, variant.split(", ")))
    own = list(dict.fromkeys(cell.loc[cell["model"] == model, "variant"]))
    fitting = [name for name in own if set(filter(None, name.split(", "))) <= wanted]
    return variant if variant in own else max(fitting, key=len) if fitting else own[0]


def data_fields(row: "pd.Series[Any]") -> dict[str, Any]:
    """The fields of a row's data configuration that are set."""
    return {
        str(name)[5:]: _plain(value) for name, value in row.items() if str(name).startswith("data.") and not _is_missing(value)
    }


def data_words(rows: pd.DataFrame) -> str:
    """Say how many classes and features the data set of a table has, and what always the same answer scores, where a run has
    finished.
    """
    size = shape(DataConfig.model_validate(data_fields(rows.iloc[0])))
    features = f"{theme.thousands(size.n_features)} features"
    if are_numbers(rows):
        words = f"The data have a target of numbers and {features}."
    else:
        words = f"The data have {theme.thousands(size.n_classes)} classes and {features}."
    return f"{words} {always.of_table(rows)}".strip()


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


def difference_words(difference: Difference, shown: bool | None = None, errors: Errors = SHARES) -> str:
    """Write a difference of errors in points or the unit of the target, with its interval, and whether one is shown.

    >>> difference_words(Difference(-0.041, -0.06, -0.022, 5, 0.003))
    '-4.1 points [-6.0, -2.2], n = 5'
    >>> difference_words(Difference(0.004, -0.01, 0.018, 5, 0.6))
    'no difference shown (+0.4 points [-1.0, +1.8], n = 5)'
    """
    if difference.n == 0:
        return "not trained"
    if difference.n == 1:
        return f"{_signed(difference.mean, errors)}{_points(errors)}, one seed: no interval"
    ends = f"[{_signed(difference.low, errors)}, {_signed(difference.high, errors)}]"
    words = f"{_signed(difference.mean, errors)}{_points(errors)} {ends}, n = {difference.n}"
    words = words.replace("-0.0 ", "0.0 ").replace("+0.0 ", "0.0 ")
    is_shown = difference.shown() if shown is None else shown
    return words if is_shown else f"no difference shown ({words})"


def _signed(value: float, errors: Errors) -> str:
    return f"{100 * value:+.1f}" if errors.are_shares else errors.signed(value)


def _points(errors: Errors) -> str:
    return " points" if errors.are_shares else ""


def findings(cell: pd.DataFrame, choices: pd.DataFrame | None = None) -> list[str]:
    """What one data set at one width says: the chosen depth, and the tree at that depth against the other models.

    The differences of a cell are corrected together, by Holm. `choices` are the rows of the seeds on which depths are chosen,
    by default those of the cell.
    """
    sentences = []
    for variant in variants(cell):
        rows = one_variant(cell, variant)
        choosing = rows if choices is None else one_variant(choices, variant)
        model = next((model for model in gated_lines() if (rows["model"] == model).any()), None)
        if model is None:
            continue
        depth = own_depth(choosing, model)
        if depth is None:
            continue
        words = model_words(model, variant)
        sentences.append(f"Chosen on validation: {words} K = {depth}, which has the lowest mean error there.")
        against = against_others(rows, choosing, model, depth)
        for other, beside in against.items():
            at = "" if beside.depth is None else f" at {'' if is_sized_by_width(other) else 'its own '}K = {beside.depth}"
            sentences.append(
                f"Test error of {words} at K = {depth} minus {model_words(other, closest_variant(cell, other, variant))}{at}: "
                f"{difference_words(beside.difference, beside.shown, errors_of(cell))}."
            )
        if against:
            family = f"these {len(against)} differences"
            sentences.append(f"Each interval is 95 %; whether a difference is shown is decided by Holm over {family}.")
    return [*sentences, stage_words(cell)] if sentences else []


@dataclass(frozen=True)
class Against:
    """One model minus another, in test error."""

    depth: int | None
    """The other's: its own, chosen on validation, or that of the first if it follows from it; None: it has none."""
    difference: Difference
    shown: bool
    """By Holm over all models that the first is compared with."""


def against_others(cell: pd.DataFrame, choices: pd.DataFrame, model: str, depth: int) -> dict[str, Against]:
    """Compare a model at a depth with every other of `OPPONENTS` that is there, judged together.

    Each other is at its own depth, but the dense net of equal capacity at the depth of the model, whose capacity it has.
    """
    others = [other for other in OPPONENTS if other != model and not model_at(cell, other).empty]
    own = [own_depth(choices, other) for other in others]
    depths = [depth if at is not None and is_sized_by_width(other) else at for other, at in zip(others, own, strict=True)]
    found = [compare(cell, (model, depth), pair) for pair in zip(others, depths, strict=True)]
    adjusted = holm([one.p for one in found])
    return {
        other: Against(at, difference, bool(p < LEVEL))
        for other, at, difference, p in zip(others, depths, found, adjusted, strict=True)
    }


def own_depth(cell: pd.DataFrame, model: str, variant: str = "") -> int | None:
    """The depth with a model's lowest mean validation error; None if it has no depths."""
    rows = model_at(cell, model, variant=variant)
    if rows["depth"].isna().all():
        return None
    return best_depth(cell, model, variant=variant, which=WHICH)


def summary_table(cell: pd.DataFrame) -> pd.DataFrame:
    """Test error in percent, or RMSE: mean over seeds and its interval, one row per model, one column per depth."""
    errors = errors_of(cell)
    curves = by_depth(cell, WHICH, "test", "error", overlap=overlap(cell))
    depths = sorted(curves["depth"].dropna().unique())
    lines = []
    for (model, variant), rows in curves.groupby(["model", "variant"], sort=False):
        line: dict[str, str] = {"test error (%)" if errors.are_shares else "test RMSE": model_words(str(model), str(variant))}
        by = {float(row["depth"]): row for row in rows.to_dict("records")}
        everywhere = next((row for depth, row in by.items() if math.isnan(depth)), None)
        for depth in depths:
            line[f"K={depth:g}"] = _cell(by.get(depth, everywhere), errors)
        if not depths:
            line["all"] = _cell(everywhere, errors)
        lines.append(line)
    return pd.DataFrame(lines)


def _cell(row: Any, errors: Errors) -> str:
    if row is None or math.isnan(row["mean"]):
        return theme.MISSING
    mean, low, high = (errors.short((100 if errors.are_shares else 1) * row[name]) for name in ("mean", "low", "high"))
    return mean if math.isnan(row["low"]) else f"{mean} [{low}, {high}]"


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) >= 1 else value
