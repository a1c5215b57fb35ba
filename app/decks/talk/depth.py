"""The slides over depth: a curve to guess, the errors, and the tree against the placebo and against separate leaves.

K depth · n seeds.
"""

import pandas as pd

from leafscope.app.decks.talk import words
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.ran import Left
from leafscope.app.decks.talk.slides import BEST, figure_slide
from leafscope.app.figures.overfitting.differences_by_depth import DifferencesByDepth
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import error_curves
from leafscope.core.comparison import statistics
from leafscope.core.store.decks import Slide

GUESS, ERRORS, PLACEBO, SEPARATE = (
    "The curve to guess",
    "Training and test error against depth",
    "The placebo",
    "Shared prefixes against separate leaves",
)

DEPTHS = "Add trees of at least two depths"

RIVALS = {
    "shuffled": (PLACEBO, "Add the kind “shuffled prefixes (control)”"),
    "flat": (SEPARATE, "Add the kind “separate leaves (flat)”"),
}
"""Model -> what its slide is called, and how to get it."""

MEANING = {
    "shuffled": "The placebo is the same tree over leaves that one fixed random permutation renumbered: as many matrices, "
    "summed alike, but what leaves share has nothing to do with their patterns.",
    "flat": "The flat net has one free matrix for each leaf, the tree shares those of prefixes.",
}


def _curves(part: Part) -> pd.DataFrame:
    """The errors of the models in colour; those of all models would hide them on a slide."""
    return error_curves(part.rows[part.rows["model"].isin(part.lit)], findings.WHICH)


def guess(part: Part) -> Slide | Left:
    """Draw the test error with the tree's curve hidden until somebody has drawn it."""
    if (why := words.lacks(part)) is not None:
        return Left(GUESS, why, "Add the kind “shared prefixes (tree)”, and wait until some have finished")
    if len(part.depths) < 2:
        return Left(GUESS, f"K = {part.depths[0]} is the only depth", DEPTHS)
    curves = _curves(part)
    shown = ErrorByDepth(curves[curves["split"] == "test"], lit=part.lit, splits=("test",), errors=part.errors)
    slide = figure_slide(
        part,
        shown,
        f"Guess: the tree's test {part.errors.noun} from K = {part.depths[0]} to {part.depths[-1]}",
        f"{part.subject}, {words.some(part.n, 'seed')}",
        [BEST],
        [f"Ask before the next step. {shown.sentence()}", words.interval_words(part)],
    )
    if slide is None:
        return Left(GUESS, "there is nothing to draw yet", "Wait until some runs have finished")
    return slide.model_copy(update={"guess": model_words(part.tree)})


def errors(part: Part) -> Slide | Left:
    """Draw training and test error, and say how they change from the smallest to the largest depth."""
    if (why := words.lacks(part)) is not None:
        return Left(ERRORS, why, "Add the kind “shared prefixes (tree)”, and wait until some have finished")
    shown = ErrorByDepth(_curves(part), chosen=part.depth, lit=part.lit, errors=part.errors)
    slide = figure_slide(
        part,
        shown,
        words.errors_headline(part),
        words.errors_subtitle(part),
        [
            words.chosen_words(part),
            "Title: changes paired over seeds, Holm over both errors." if len(part.depths) > 1 else "",
            BEST,
        ],
        [
            f"{words.errors_title(part)}.",
            shown.sentence(),
            f"Test rows are on the left, training rows on the right, on one scale. {words.interval_words(part)} "
            f"{findings.rates_words(part.rows)}",
        ],
    )
    return slide or Left(ERRORS, "there is nothing to draw yet", "Wait until some runs have finished")


def against(part: Part, other: str) -> Slide | Left:
    """Draw the tree minus another gated net at each depth, `other` one of `RIVALS`."""
    what, how = RIVALS[other]
    if (why := words.lacks(part, other)) is not None:
        return Left(what, why, how)
    rows = part.rows
    found = statistics.differences_by_depth(rows, part.tree, other, findings.WHICH, "test", "error", overlap=part.overlap)
    if found["mean"].isna().all():
        return Left(what, "no seed has finished with both nets", "Wait until some have")
    if statistics.is_same_net(found.dropna(subset=["mean"])).all():
        return Left(what, "at K = 0 both are the dense net", "Add depths above 0")
    shown = DifferencesByDepth(found, part.tree, other, errors=part.errors)
    of_error = found[~statistics.is_same_net(found)], f"test {part.errors.noun}", other, ("lower", "higher")
    slide = figure_slide(
        part,
        shown,
        words.depths_headline(*of_error),
        words.depths_subtitle(other, found, part.errors),
        [MEANING[other], BEST],
        [f"{words.depths_title(*of_error, part.errors)}.", shown.sentence(), words.interval_words(part)],
    )
    return slide or Left(what, "there is nothing to draw yet", "Wait until some runs have finished")
