"""One slide of the deck of claims: words, a figure with what is said of it, or why nothing is tested."""

import html
from collections.abc import Sequence

from leafscope.app import theme
from leafscope.app.decks.claims import words
from leafscope.app.decks.claims.part import Part
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.figures.shared.figure import Figure
from leafscope.core.store.decks import Slide

LONGEST_CAPTION = 390
"""Characters of a figure's caption, its subtitle included: three lines on a projector."""

CLAIMS = {
    1: "Claim 1: capacity grows faster than computation",
    2: "Claim 2: the tree controls overfitting",
    3: "Claim 3: the capacity helps",
}
"""What the captions call the claims; the third is this project's question, without which the first two are idle."""

BEST = "Errors at the epoch of the lowest validation loss."
"""How the scores of a figure are taken, for its caption."""


def text_slide(title: str, paragraphs: Sequence[str], notes: str = "") -> Slide:
    """Make a slide of paragraphs."""
    return Slide(kind="text", title=words.fitted(title), text="\n".join(paragraphs), notes=notes)


def untested(claim: int, why: str, *, what: str = "", meaning: str = "") -> Slide:
    """Say what of a claim, or that all of it, is not tested, and why."""
    number = CLAIMS[claim].partition(":")[0]
    return text_slide(
        f"{what or number} is not tested here",
        [f"{CLAIMS[claim]}.", f"Not tested: {why}.", *filter(None, [meaning]), "A sweep with what is missing would test it."],
        f"Nothing is shown for or against {'this part of ' if what else ''}{number.lower()}, since {why}.",
    )


def figure_slide(
    part: Part,
    claim: int,
    shown: Figure,
    title: str,
    sentence: str,
    said: Sequence[str],
    notes: Sequence[str],
    subject: str = "",
) -> Slide:
    """Make a slide of a figure of a subject, by default the cell; the drawing's own title goes into the caption.

    The notes begin with the `sentence` that says what the figure shows. Of what is `said`, in order of importance, the caption
    has what fits, the notes have the rest.
    """
    figure = shown.figure(subject=subject or part.subject, look=part.look)
    if not figure.data:
        return untested(claim, "there is nothing to draw yet")
    about, subtitle = (html.unescape(figure.layout.meta[name]) for name in ("title", "subtitle"))
    room = LONGEST_CAPTION - len(f"{subtitle}. ")
    caption, left = theme.one_line(f"{CLAIMS[claim]}. {about}.", room), []
    for point in filter(None, said):
        if len(f"{caption} {point}") <= room:
            caption = f"{caption} {point}"
        else:
            left.append(point)
    return snapshot(
        figure,
        look=part.look,
        title=title,
        caption=caption,
        notes=" ".join(filter(None, [f"{sentence}.", *notes, *left])),
        sweep=part.sweep,
    )
