"""One slide of the talk: words, or a figure with its title, the line below it, caption and notes."""

import html
from collections.abc import Sequence

from leafscope.app import theme
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.decks.talk import words
from leafscope.app.decks.talk.part import Part
from leafscope.app.figures.shared.figure import Figure
from leafscope.core.store.decks import Slide

LONGEST_CAPTION = 390
"""Characters of a figure's caption: three lines on a projector."""

BEST = "Errors at the epoch of the lowest validation loss."
"""How the scores of a figure are taken, for its caption."""


def text_slide(title: str, paragraphs: Sequence[str], notes: str = "") -> Slide:
    """Make a slide of paragraphs."""
    return Slide(kind="text", title=words.fitted(title), text="\n".join(paragraphs), notes=notes)


def figure_slide(
    part: Part,
    shown: Figure,
    title: str,
    subtitle: str,
    said: Sequence[str],
    notes: Sequence[str],
    subject: str = "",
) -> Slide | None:
    """Make a slide of a figure of a subject, by default the cell; None where there is nothing to draw yet.

    The drawing's own title goes into the caption. Of what is `said`, in order of importance, the caption has what fits, the
    notes have the rest.
    """
    figure = shown.figure(subject=subject or part.subject, look=part.look)
    if not figure.data:
        return None
    about, drawn = (html.unescape(figure.layout.meta[name]) for name in ("title", "subtitle"))
    room = LONGEST_CAPTION - len(f"{drawn}. ")
    caption, left = theme.one_line(f"{about}.", room), []
    for point in filter(None, said):
        if len(f"{caption} {point}") <= room:
            caption = f"{caption} {point}"
        else:
            left.append(point)
    slide = snapshot(
        figure,
        look=part.look,
        title=title,
        caption=caption,
        notes=" ".join(filter(None, [*notes, *left])),
        sweep=part.sweep,
    )
    return slide.model_copy(update={"text": subtitle})
