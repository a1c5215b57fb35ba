"""The slides of capacity: what it costs, and what error the nets have for their computation.

K depth · n seeds.
"""

from typing import Any

import pandas as pd

from leafscope.app.decks.talk import words
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.ran import Left
from leafscope.app.decks.talk.slides import BEST, figure_slide
from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.headline import headline
from leafscope.core.config import DataConfig, NetConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.models import is_sized_by_width, net_lines
from leafscope.core.store.decks import Slide

GROWTH, COMPUTATION = "Parameters against computation", "Error against computation"


def computation(part: Part) -> Slide | Left:
    """Draw test error against computation; the title sets the tree beside the dense net that spends as much."""
    if not part.finished["model"].isin(net_lines()).any():
        return Left(COMPUTATION, "no net of this sweep has finished", "Wait until some have")
    models = [model for model in part.mine["model"].unique() if model in part.lit or is_sized_by_width(model)]
    shown, _ = headline(part.mine, part.choices, chosen=part.depth, models=models, lit=part.lit)
    against = part.against.get("dense")
    if against is None:
        return Left(COMPUTATION, "a tree and a dense net that spends as much have not both finished", DENSE)
    slide = figure_slide(
        part,
        shown,
        words.difference_headline(part.depth, "dense", against.difference, against.shown, part.errors),
        words.difference_subtitle("dense", against.difference, errors=part.errors),
        [
            words.chosen_words(part),
            f"Title: Holm over {words.some(len(part.against), 'model')}.",
            BEST,
        ],
        [shown.sentence(), f"{words.opponent_words(part, 'dense')}.", words.interval_words(part), "All widths are shown."],
        subject=part.of_data,
    )
    return slide or Left(COMPUTATION, "there is nothing to draw yet", "Wait until some runs have finished")


DENSE = "Add the baseline “dense, same multiply-adds” and a tree"


def growth(part: Part) -> Slide | Left:
    """Draw what the trees store, compute and train against depth, from counts."""
    if part.model is None:
        return Left(GROWTH, "this sweep has no tree with learned gates", "Add the kind “shared prefixes (tree)”")
    shown = CapacityByDepth(_capacity_lines(part))
    by_quantity = {str(name): rows.set_index("depth")["times"].dropna() for name, rows in shown.table().groupby("quantity")}
    stored, spent = (by_quantity.get(name, pd.Series(dtype=float)) for name in ("stored", "multiply_adds"))
    deep = [depth for depth in stored.index.intersection(spent.index) if depth > 0]
    if not deep:
        return Left(GROWTH, "there is no depth above 0 beside K = 0, or a dense net", "Add depths from 0 to at least 2")
    deepest = max(deep)
    sentence = words.capacity_title(deepest, stored[deepest], spent[deepest])
    times = [times_words(of[deepest]) for of in (stored, spent)]
    costs = "the same multiply-adds" if spent[deepest] == 1 else f"{times[1]} times the multiply-adds"
    title = f"K = {deepest:.0f}: {times[0]} times the parameters, {costs}"
    before = stored[stored.index < deepest]
    factor = stored[deepest] / before.iloc[-1]
    slide = figure_slide(
        part,
        shown,
        title,
        f"A ratio of {times_words(stored[deepest] / spent[deepest])}; a dense net has 1 at every width. Counts, not seeds",
        [
            words.trained_words(part),
            "Multiply-adds are of one example at inference with collapsed leaves.",
            "Whole nets, first and last layers counted.",
        ],
        [
            f"{sentence}.",
            f"From K = {before.index[-1]:.0f} to {deepest:.0f} parameters grow by a factor of {factor:.2f}.",
            "These are counts, not measurements of time: memory traffic and training steps grow as well, see the benchmark.",
        ],
        subject=f"{model_words(part.model, part.variants[0])}, {part.subject}",
    )
    return slide or Left(GROWTH, "there is nothing to draw yet", "Wait until some runs have finished")


def _capacity_lines(part: Part) -> pd.DataFrame:
    """List what the trees store, compute and train, by depth; K = 0 is the dense net of that width where no tree has it."""
    found: list[tuple[str, float, float, str]] = []
    trees = findings.model_at(part.rows, part.tree)
    parts = [(depth, trees[trees["depth"] == depth]) for depth in sorted(trees["depth"].dropna().unique().tolist())]
    dense = findings.model_at(part.rows, "dense")
    if part.model == "tree" and len(dense) and 0.0 not in [depth for depth, _ in parts]:
        parts.append((0.0, dense))
    for depth, rows in parts:
        quantities = {"stored": rows["parameters"].iloc[0], "multiply_adds": rows["multiply_adds"].iloc[0]}
        quantities |= {"distinct": _distinct(rows.iloc[0]), "trained": rows["trained_parameters"].astype(float).mean()}
        found += [
            (name, depth, float(value), "multiply-adds" if name == "multiply_adds" else "parameters")
            for name, value in quantities.items()
            if pd.notna(value)
        ]
    return pd.DataFrame(found, columns=["quantity", "depth", "value", "unit"])


def _distinct(row: "pd.Series[Any]") -> int:
    """Count the parameters of a member's net after collapsing its leaves."""
    fields = {str(name)[4:]: _whole(value) for name, value in row.items() if str(name).startswith("net.") and pd.notna(value)}
    size = shape(DataConfig.model_validate(findings.data_fields(row)))
    return cost(NetConfig.model_validate(fields), size.n_features, size.n_outputs).distinct_parameters


def _whole(value: Any) -> Any:
    """A whole number that a column with gaps made a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
