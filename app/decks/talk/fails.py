"""The slide of where the tree fails: its test error against every rival's, each at its own chosen depth."""

import math

import pandas as pd

from leafscope.app.decks.talk import words
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.ran import Left
from leafscope.app.decks.talk.slides import BEST, figure_slide
from leafscope.app.figures.overfitting.against_rivals import AgainstRivals
from leafscope.core.store.decks import Slide

WHAT = "Where it fails"


def fails(part: Part) -> Slide | Left:
    """Draw the differences from all rivals; the title names one that is shown to be better, if there is one."""
    known = {other: one for other, one in part.against.items() if one.difference.n > 0}
    if not known:
        why = words.lacks(part) or "no rival of the tree has finished on the same seeds"
        return Left(WHAT, why, "Add baselines, above all “dense, same parameters” and “dense, same multiply-adds”")
    rows = [
        (other, math.nan if one.depth is None else one.depth, d.mean, d.low, d.high, d.n, one.shown)
        for other, one in known.items()
        for d in [one.difference]
    ]
    table = pd.DataFrame(rows, columns=["model", "depth", "mean", "low", "high", "n", "shown"])
    shown = AgainstRivals(table, part.tree, part.depth, part.errors)
    worse = [other for other, one in known.items() if one.shown and one.difference.mean > 0]
    other = max(worse or known, key=lambda name: known[name].difference.mean)
    title = (
        words.difference_headline(part.depth, other, known[other].difference, True, part.errors)
        if worse
        else f"K = {part.depth}: shown worse than none of {words.some(len(known), 'rival')}"
    )
    slide = figure_slide(
        part,
        shown,
        title,
        words.difference_subtitle(other, known[other].difference, errors=part.errors),
        [
            words.chosen_words(part),
            f"Holm over {words.some(len(part.against), 'rival')}.",
            BEST,
        ],
        [shown.sentence(), *(f"{words.opponent_words(part, one)}." for one in known), words.interval_words(part)],
    )
    return slide or Left(WHAT, "there is nothing to draw yet", "Wait until some runs have finished")
