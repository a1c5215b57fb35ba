"""The slides of the first claim: what capacity costs, and what it is worth."""

from typing import Any

import numpy as np
import pandas as pd

from leafscope.app.decks.claims import words
from leafscope.app.decks.claims.part import Part
from leafscope.app.decks.claims.slides import BEST, figure_slide, untested
from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.capacity.error_by_cost import ErrorByCost
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import cost_points, without_width
from leafscope.app.sweeps.headline import headline
from leafscope.core.config import DataConfig, NetConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.models import net_lines
from leafscope.core.store.decks import Slide


def computation(part: Part) -> Slide:
    """Draw test error against computation, a line for each capacity."""
    if not part.finished["model"].isin(net_lines()).any():
        return untested(1, "no net has finished", what="What the capacity is worth")
    shown, _ = headline(part.mine, part.choices, chosen=part.depth)
    return figure_slide(
        part,
        1,
        shown,
        "Test error against computation",
        shown.sentence().removesuffix("."),
        [
            "" if part.depth is None else words.chosen_words(part),
            BEST,
        ],
        [words.interval_words(part), "All widths are shown."],
        subject=part.of_data,
    )


def growth(part: Part) -> Slide:
    """Draw what the trees store, compute and train against depth, from counts."""
    if part.model is None:
        return untested(1, "this sweep has no tree with learned gates")
    shown = CapacityByDepth(_capacity_lines(part))
    by_quantity = {str(name): rows.set_index("depth")["times"].dropna() for name, rows in shown.table().groupby("quantity")}
    stored, spent = (by_quantity.get(name, pd.Series(dtype=float)) for name in ("stored", "multiply_adds"))
    deep = [depth for depth in stored.index.intersection(spent.index) if depth > 0]
    if not deep:
        meaning = "To see growth, a sweep needs trees of K = 0, or a dense net, and of a larger K."
        return untested(1, "there is no depth above 0 beside K = 0", meaning=meaning)
    deepest = max(deep)
    sentence = words.capacity_title(deepest, stored[deepest], spent[deepest])
    times = [times_words(of[deepest]) for of in (stored, spent)]
    costs = "the same multiply-adds" if spent[deepest] == 1 else f"{times[1]} times the multiply-adds"
    title = f"K = {deepest:.0f}: {times[0]} times the parameters, {costs}"
    before = stored[stored.index < deepest]
    factor = stored[deepest] / before.iloc[-1]
    return figure_slide(
        part,
        1,
        shown,
        title,
        sentence,
        [
            words.trained_words(part),
            "Multiply-adds are of one example at inference with collapsed leaves.",
            "Whole nets, first and last layers counted.",
        ],
        [
            f"From K = {before.index[-1]:.0f} to {deepest:.0f} parameters grow by a factor of {factor:.2f}.",
            "These are counts, not measurements of time: memory traffic and training steps grow as well, see the benchmark.",
        ],
        subject=f"{model_words(part.model, part.variants[0])}, {part.subject}",
    )


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
    return cost(NetConfig.model_validate(fields), size.n_features, size.n_classes).distinct_parameters


def _whole(value: Any) -> Any:
    """A whole number that a column with gaps made a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def front(part: Part) -> Slide:
    """Draw test error against cost; the front is chosen on validation, and the title compares with equal capacity if it can."""
    rows = part.mine[~part.mine["model"].str.startswith("decision_tree")]
    # of a dense net's variants the first, as of the others
    variant = rows["variant"].map(without_width)
    rows = rows[variant == variant.groupby(rows["model"]).transform("first")]
    points = cost_points(rows, "multiply_adds", part.choices)
    points = points.assign(variant="")
    known = points["mean"].notna() & np.isfinite(points["cost"].astype(float))
    if not known.any():
        why = "no model but decision trees is here" if points.empty else "no run has finished"
        return untested(1, why, what="What the capacity buys")
    shown = ErrorByCost(points, cost="multiply_adds")
    sentence, judged = words.front_title(points), ""
    title = f"{words.some(int(points['on_front'].sum()), 'net')} on the front of validation error and cost"
    beside = ["A dense net of as many parameters is not in this sweep."]
    if "dense_capacity" in part.against:
        against = part.against["dense_capacity"]
        sentence = words.difference_title(part, "dense_capacity", against.difference, against.shown)
        title = words.difference_headline(part.depth, "dense_capacity", against.difference, against.shown)
        judged = f"Title: both nets chosen on validation, Holm over {words.some(len(part.against), 'model')}."
        times = times_words(part.multiple("dense_capacity", "multiply_adds"))
        beside = [
            f"{sentence_case(words.opponent_words(part, 'dense_capacity'))}.",
            f"That dense net has about as many parameters as the tree at K = {against.depth}, and spends {times} times the "
            f"multiply-adds of the tree at K = {part.depth}.",
        ]
    return figure_slide(
        part,
        1,
        shown,
        title,
        sentence,
        [
            judged,
            f"The front is chosen on validation among {words.some(len(points), 'model')}; test rows are only reported.",
            BEST,
        ],
        [shown.sentence(), *beside, "All widths are shown, decision trees are not."],
        subject=part.of_data,
    )
