"""The answers of a large map: tables in Markdown, and the figure of the best depth against the number of rows."""

import math
from pathlib import Path

import pandas as pd

from leafscope.app import theme
from leafscope.app.figures.overfitting.best_depth_by_rows import BestDepthByRows
from leafscope.app.figures.shared.model_style import model_words
from leafscope.core.comparison.exchange import ExchangeRate
from leafscope.core.large import answers, table
from leafscope.core.large.protocol import DENSE

FOLDER = Path(__file__).resolve().parents[2] / "data" / "large"
PROTOCOL, TABLE = FOLDER / "protocol.toml", FOLDER / "map.csv"
"""What comes along: the protocol, and the table that it gave."""

LEVEL = 0.05


def figures(made: pd.DataFrame) -> dict[str, BestDepthByRows]:
    """The figure of each of the map's models; teachers that are no tree are set back."""
    best = answers.best_depths(made)
    return {model: _figure(best, model) for model in model_names(made)}


def _figure(best: pd.DataFrame, model: str) -> BestDepthByRows:
    best = best[best["model"] == model].sort_values(["teacher", "rows"], kind="stable")
    known = [teacher_words(str(teacher)) for teacher in best["teacher"]]
    depths = best.assign(data=known, is_lit=[str(teacher).startswith("tree_teacher") for teacher in best["teacher"]])
    name, variant = _model(model)
    return BestDepthByRows(name, depths, variant)


def model_names(made: pd.DataFrame) -> dict[str, str]:
    """The map's models with a depth, each with its name on the screen."""
    return {str(model): model_words(*_model(model)) for model in made["model"].unique() if model != DENSE}


def subject(made: pd.DataFrame) -> str:
    """What the figures of a map are of."""
    return f"fresh rows of teachers, width {made.loc[made['model'] != DENSE, 'width'].iloc[0]}"


def how_words(made: pd.DataFrame) -> str:
    """Say how a map was made."""
    seeds = made[made["stage"] == "reporting"]["seed"].nunique()
    least, most = (theme.thousands(rows) for rows in (made["rows"].min(), made["rows"].max()))
    return (
        f"Fresh rows, from {least} to {most}; from 100,000 on each is seen once. Rate, decay and K are chosen on other seeds "
        f"than the {seeds} that are reported. Gain: test error minus that of the dense net of the same width (K = 0), in "
        "percentage points with 95 % intervals; below 0 is better."
    )


def teacher_words(teacher: str) -> str:
    """Name a teacher on the screen.

    >>> teacher_words("tree_teacher, teacher_depth 6"), teacher_words("net_teacher, teacher_units 32")
    ('tree of depth 6', 'no tree')
    """
    name, _, option = teacher.partition(", ")
    return f"tree of depth {option.removeprefix('teacher_depth ')}" if name == "tree_teacher" and option else "no tree"


def markdown(made: pd.DataFrame, address: str) -> str:
    """Write the answers: best depth and gain, growth, exchange rate, and what the controls leave of it."""
    left_out = sorted(set(made["rows"]))
    made = answers.complete(made)
    left_out = [rows for rows in left_out if rows not in set(made["rows"])]
    if made.empty:
        return "# More rows at the same computation\n\nNo number of rows is trained in full yet.\n"
    models = model_names(made)
    lines = [
        "# More rows at the same computation",
        "",
        how_words(made),
        f"Protocol `{address}`; made with `leafscope large`.",
        *(f"Not trained in full yet, and left out: {theme.thousands(rows)} rows." for rows in left_out),
        "",
    ]
    best = answers.best_depths(made)
    for model, name in models.items():
        lines += [f"## {name}", "", *_best(made, best[best["model"] == model], model), ""]
    for other in models:
        if other != "tree" and "tree" in models and "," not in other:
            lines += [f"## Tree minus {model_words(other)}, same K", "", *_same(made, "tree", other), ""]
    seconds = made["seconds"].sum()
    diverged = int(made["diverged"].sum())
    lines.append(
        f"{theme.thousands(len(made))} nets, {theme.thousands(round(seconds))} seconds of training steps on one thread; "
        f"{theme.thousands(diverged)} diverged and are counted as always predicting the commonest class."
    )
    return "\n".join(lines) + "\n"


def shipped() -> pd.DataFrame | None:
    """Read what is complete of the table that comes along; None if there is nothing."""
    made = answers.complete(table.read(TABLE)) if TABLE.exists() else None
    return None if made is None or made.empty else made


def _model(name: str) -> tuple[str, str]:
    model, _, variant = name.partition(", ")
    return model, variant


def _best(made: pd.DataFrame, best: pd.DataFrame, model: str) -> list[str]:
    sizes = sorted(best["rows"].unique())
    heads = [f"{theme.thousands(rows)} rows" for rows in sizes]
    found = ["| teacher | " + " | ".join(heads) + " | K for ten times the rows | as good as a dense net of |"]
    found.append("|---" * (len(sizes) + 3) + "|")
    for teacher in best["teacher"].unique():
        rows = best[best["teacher"] == teacher].set_index("rows")
        cells = [_gain(rows.loc[size]) for size in sizes]
        growth = answers.growth(made, teacher, model)
        said = theme.MISSING if math.isnan(growth.slope) else f"{growth.slope:+.1f} [{growth.low:+.1f}, {growth.high:+.1f}]"
        rate = answers.as_good_as(made, teacher, sizes[-1], model)
        found.append(f"| {teacher_words(teacher)} | {' | '.join(cells)} | {said} | {_rate(rate)} |")
    return found


def _gain(row: pd.Series) -> str:
    if row["depth"] == 0:
        return "the same net (K = 0)"
    words = f"K = {row['depth']:.0f}: {_interval(row['gain'], row['low'], row['high'])}"
    return f"**{words}**" if row["p"] < LEVEL else words


def _same(made: pd.DataFrame, model: str, other: str) -> list[str]:
    found = answers.at_same_depth(made, model, other)
    depths = sorted(found["depth"].unique())
    lines = ["| teacher | rows | " + " | ".join(f"K = {depth}" for depth in depths) + " |", "|---" * (len(depths) + 2) + "|"]
    for (teacher, _), part in found.groupby(["teacher", "rows"], sort=False):
        cells = []
        for _, row in part.sort_values("depth").iterrows():
            words = _interval(row["mean"], row["low"], row["high"])
            cells.append(f"**{words}**" if row["p"] < LEVEL else words)
        size = theme.thousands(part["rows"].iloc[0])
        lines.append(f"| {teacher_words(str(teacher))} | {size} | {' | '.join(cells)} |")
    return [*lines, "", "Bold: shown at the level of 5 % over the K of a line (Holm)."]


def _interval(mean: float, low: float, high: float) -> str:
    values = [f"{100 * value:+.1f}" if math.isfinite(value) else theme.MISSING for value in (mean, low, high)]
    return f"{values[0]} [{values[1]}, {values[2]}]"


def _rate(rate: ExchangeRate) -> str:
    def times(value: float) -> str:
        if math.isinf(value):
            return f"> {rate.widest:.1f}"
        return f"< {rate.narrowest:.1f}" if value == 0 else f"{value:.1f}"

    return f"{times(rate.factor)} [{times(rate.low)}, {times(rate.high)}] times the multiply-adds"
