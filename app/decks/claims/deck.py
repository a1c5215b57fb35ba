"""A ready-made deck: the paper's three claims against the numbers of one sweep.

K depth · n seeds · a *cell* is one data set, number of training rows and width. Every sentence that could turn out otherwise
is computed (`claims_words`); depths are chosen on validation, and test errors are only reported.
"""

import pandas as pd

from leafscope.app import theme
from leafscope.app.decks.claims import capacity, limits, words
from leafscope.app.decks.claims.part import Part
from leafscope.app.decks.claims.slides import BEST, figure_slide, text_slide, untested
from leafscope.app.decks.snapshot import versions
from leafscope.app.figures.overfitting.differences_by_depth import DifferencesByDepth
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.overfitting.gap_by_depth import GapByDepth
from leafscope.app.figures.overfitting.help_map import HelpMap
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import error_curves, gap_curves
from leafscope.app.theme import Look
from leafscope.core.comparison import statistics
from leafscope.core.config import SweepConfig
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
        capacity.computation(part),
        capacity.growth(part),
        capacity.front(part),
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
        limits.limits_title(part),
        [f"- {point}" for point in limits.limits(part)],
        "These limits are computed from the sweep. What the titles say holds for this data set, width and training only.",
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
            BEST,
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
            BEST,
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
        [chosen, meaning, BEST],
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
        ["Paired over seeds, Holm over all cells.", "No depth is chosen here: all are shown.", BEST],
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
