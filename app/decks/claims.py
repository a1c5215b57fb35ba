"""A ready-made deck: the paper's three claims against the numbers of one sweep.

K depth · n seeds · a *cell* is one data set, number of training rows and width. Every sentence that could turn out otherwise
is computed (`claims_words`); depths are chosen on validation, and test errors are only reported.
"""

from typing import Any

import numpy as np
import pandas as pd

from leafscope.app import theme
from leafscope.app.decks import claims_limits
from leafscope.app.decks import claims_words as words
from leafscope.app.decks.claims_part import Part
from leafscope.app.decks.claims_slides import figure_slide, text_slide, untested
from leafscope.app.decks.snapshot import versions
from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.capacity.error_by_cost import ErrorByCost
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.overfitting.differences_by_depth import DifferencesByDepth
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.overfitting.gap_by_depth import GapByDepth
from leafscope.app.figures.overfitting.help_map import HelpMap
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import cost_points, error_curves, gap_curves, without_width
from leafscope.app.sweeps.headline import headline
from leafscope.app.theme import Look
from leafscope.core.comparison import statistics
from leafscope.core.config import DataConfig, NetConfig, SweepConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.models import net_lines
from leafscope.core.store.decks import Slide

NAME = "The three claims, tested"
"""The deck's name, and the title of its first slide."""

PAPER = (
    "Some weight matrices are switched on only for inputs whose hidden units show certain bit patterns.",
    "So many parameters could overfit; to control that, they form a tree whose nodes are prefixes of a sequence of such bits.",
    "The promise: the ratio of parameters to computation grows up to exponentially, as in decision trees; in dense nets it "
    "stays about 1.",
)
"""The abstract of Cho & Bengio 2014 in our own words."""

FORMULA = r"W(b) = \sum_{l=0}^{K} W_{b_1 b_2 \ldots b_l}"

_BEST = "Errors at the epoch of the lowest validation loss."


def claims_deck(sweep: SweepConfig, results: pd.DataFrame, *, look: Look, choices: pd.DataFrame | None = None) -> list[Slide]:
    """Make the slides of the deck from a sweep and its table, as `core.sweep.results.results` lays it out.

    `choices` is the table of the seeds on which depths are chosen (`core.sweep.results.choosing_results`), by default the same.
    Of several data sets, sizes, widths or variants it shows the first data set with the most rows, the smallest width and
    the first variant, and says so. Where a model is missing or has not finished, a slide says what is not tested. Raises
    ValueError for a missing column or a seed that occurs twice.
    """
    if results.empty:
        why = "The sweep has no runs, so there is nothing to show."
        nothing = text_slide("Nothing is tested: this sweep has no runs", [why], why)
        return [_stamped(slide, sweep, look) for slide in (_first(sweep, "no runs"), *_method(), nothing)]
    part = Part.of(sweep, results, look, choices)
    slides = [
        _first(sweep, words.scope(part)),
        *_method(),
        _computation(part),
        _capacity(part),
        _cost(part),
        *_overfitting(part),
        *_helps(part),
        _limits(part),
    ]
    return [_stamped(slide, sweep, look) for slide in slides]


def _stamped(slide: Slide, sweep: SweepConfig, look: Look) -> Slide:
    """Let words that were computed tell from which sweep, as figures do, on the background that figures have."""
    if slide.sweep:
        return slide
    text = sweep.model_dump_json(exclude_defaults=True)
    return slide.model_copy(update={"sweep": text, "versions": versions(), "dark": look.dark})


# Slides of words


def _first(sweep: SweepConfig, scope: str) -> Slide:
    return Slide(
        kind="title",
        title=NAME,
        text=f"{scope}. Sweep: {theme.one_line(sweep.name, 60)}",
        notes="Three claims, one sweep. Every title that follows is computed from its numbers, whichever way they point.",
    )


def _method() -> list[Slide]:
    paper = text_slide(
        "What the paper states, in three sentences",
        [
            *(f"- {sentence}" for sentence in PAPER),
            "Source: Cho & Bengio 2014, arXiv 1406.7362, abstract. Everything more specific on these slides is this project's "
            "reading.",
        ],
        "The abstract states these three things. The routing, the training and the comparisons that follow are choices of "
        "this project.",
    )
    formula = Slide(
        kind="formula",
        title="A row's matrix is a sum over the prefixes of its bits",
        text=FORMULA,
        caption="b: the signs of K gating units of the row. The empty prefix is the root, which every row uses; each further "
        "bit adds the matrix of a deeper node, which fewer rows share. The flat net has one free matrix for each of the 2^K "
        "patterns instead. K = 0 is a dense net.",
        notes="A tree of depth K stores 2^(K+1) - 1 matrices and a row uses K + 1 of them. After training they are summed "
        "once for each pattern, so that a row then costs one product. The sum is this project's reading of the paper.",
    )
    return [paper, formula]


def _limits(part: Part) -> Slide:
    return text_slide(
        claims_limits.limits_title(part),
        [f"- {point}" for point in claims_limits.limits(part)],
        "These limits are computed from the sweep. What the titles say holds for this data set, width and training only.",
    )


# Claim 1


def _computation(part: Part) -> Slide:
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
            _BEST,
        ],
        [words.interval_words(part), "All widths are shown."],
        subject=part.of_data,
    )


def _capacity(part: Part) -> Slide:
    if part.model is None:
        return untested(1, "this sweep has no tree with learned gates")
    shown = CapacityByDepth(_capacity_lines(part))
    growth = {str(name): rows.set_index("depth")["times"].dropna() for name, rows in shown.table().groupby("quantity")}
    stored, spent = (growth.get(name, pd.Series(dtype=float)) for name in ("stored", "multiply_adds"))
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


def _cost(part: Part) -> Slide:
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
            _BEST,
        ],
        [shown.sentence(), *beside, "All widths are shown, decision trees are not."],
        subject=part.of_data,
    )


# Claim 2


def _overfitting(part: Part) -> list[Slide]:
    if (why := words.lacks(part)) is not None:
        return [untested(2, why)]
    return [_errors(part), _gaps(part), _tree_against_flat(part)]


def _errors(part: Part) -> Slide:
    shown = ErrorByDepth(error_curves(part.rows, findings.WHICH), chosen=part.depth, lit=part.lit)
    return figure_slide(
        part,
        2,
        shown,
        words.errors_headline(part),
        words.errors_title(part),
        [
            words.chosen_words(part),
            "Title: changes paired over seeds, Holm over both errors." if len(part.depths) > 1 else "",
            _BEST,
        ],
        [
            shown.sentence(),
            f"Test rows are on the left, training rows on the right, on one scale. {words.interval_words(part)} "
            f"{findings.rates_words(part.rows)}",
        ],
    )


def _gaps(part: Part) -> Slide:
    shown = GapByDepth(gap_curves(part.rows, findings.WHICH), chosen=part.depth, lit=part.lit)
    sentence, judged = shown.sentence(), ""
    title = "Generalization gap of the tree against depth"
    said = words.fitted(sentence.removesuffix("."), f"{title}, {part.on}")
    beside = next((model for model in ("flat", "dense") if words.lacks(part, model) is None), None)
    if beside is not None:
        differences = statistics.gap_differences_by_depth(
            part.rows, part.tree, beside, findings.WHICH, "error", overlap=part.overlap
        )
        of_gap = differences, "generalization gap", beside, ("smaller", "larger")
        title, said = words.depths_headline(*of_gap), words.depths_title(*of_gap)
        judged = f"Title: paired over seeds, Holm over {words.some(len(differences), 'depth')}."
    return figure_slide(
        part,
        2,
        shown,
        title,
        said,
        [
            "The gap is test error minus training error.",
            judged,
            "A model that fits less has a smaller gap without being better.",
            _BEST,
        ],
        [sentence, "Look at both errors before calling a small gap a success.", words.interval_words(part)],
    )


def _tree_against_flat(part: Part) -> Slide:
    if (why := words.lacks(part, "flat")) is not None:
        meaning = "Without the flat net, whose leaves are separate, the effect of sharing prefixes is not known."
        return untested(2, why, what="Sharing prefixes", meaning=meaning)
    return _differences(part, 2, "flat", "The flat net has one free matrix for each leaf, the tree shares prefixes.")


def _differences(part: Part, claim: int, other: str, meaning: str) -> Slide:
    """Draw the tree minus another model by depth; the title counts the depths for the flat net, else it is of the chosen."""
    differences = statistics.differences_by_depth(
        part.rows, part.tree, other, findings.WHICH, "test", "error", overlap=part.overlap
    )
    shown = DifferencesByDepth(differences, part.tree, other)
    if other == "flat":
        of_error = differences, "test error", other, ("lower", "higher")
        title, sentence, chosen = words.depths_headline(*of_error), words.depths_title(*of_error), ""
    else:
        found, is_shown = words.at_chosen_depth(part, differences)
        title = words.difference_headline(part.depth, other, found, is_shown)
        sentence, chosen = words.difference_title(part, other, found, is_shown), words.chosen_words(part)
    return figure_slide(
        part,
        claim,
        shown,
        title,
        sentence,
        [chosen, meaning, _BEST],
        [
            shown.sentence(),
            f"Each at its own depth, chosen on validation: {words.opponent_words(part, other)}. {words.interval_words(part)}",
        ],
    )


# Claim 3


def _helps(part: Part) -> list[Slide]:
    slides = []
    if (why := words.lacks(part, "dense")) is not None:
        slides.append(untested(3, why))
    else:
        meaning = "The dense net has the same width and multiply-adds, and is the same at every K."
        slides.append(_differences(part, 3, "dense", meaning))
        if len(part.mine.loc[part.mine["model"] == part.model, "width"].unique()) > 1:
            slides.append(_map(part))
    if words.lacks(part) is None:
        slides.append(_control(part))
    return slides


def _map(part: Part) -> Slide:
    cells = statistics.where_it_helps(part.mine, part.tree, "dense", which=findings.WHICH, overlap=part.overlap)
    shown = HelpMap(cells, first=part.tree)
    known = cells.dropna(subset=["mean"])
    better, worse = (int((known["shown"] & side).sum()) for side in (known["mean"] < 0, known["mean"] >= 0))
    where = words.some(len(known), "pair of width and depth", "pairs of width and depth")
    sentence = f"Over {where} the tree's test error is lower than the dense net's in {better}, higher in {worse}"
    return figure_slide(
        part,
        3,
        shown,
        f"Error lower than dense in {better} of {len(known)} cells, higher in {worse}"
        if better + worse
        else "No difference from the dense net shown in any cell",
        words.fitted(sentence if better + worse else f"Over {where} no difference between tree and dense net is shown"),
        ["Paired over seeds, Holm over all cells.", "No depth is chosen here: all are shown.", _BEST],
        [
            shown.sentence(),
            f"Each cell is one width and one depth against the dense net of that width. {words.interval_words(part)}",
        ],
        subject=part.of_data,
    )


def _control(part: Part) -> Slide:
    if (why := words.lacks(part, "random_gates")) is not None:
        meaning = "Without frozen random gates it is not known whether learned gates matter."
        return untested(3, why, what="Learning the gates", meaning=meaning)
    meaning = "Random gates are frozen random hyperplanes: what they achieve is not due to learning the gates."
    return _differences(part, 3, "random_gates", meaning)
