"""The ten-minute talk about one sweep: its slides, from the tables of the sweep and from what the store has of its nets.

K depth · n seeds. Every title is computed; depths are chosen on validation, and test errors are only reported.
"""

from dataclasses import dataclass, field

import pandas as pd

from leafscope.app import theme
from leafscope.app.decks.snapshot import versions
from leafscope.app.decks.talk import capacity, depth, fails, leaves, words
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.ran import Left, left_out, what_was_run
from leafscope.app.decks.talk.slides import text_slide
from leafscope.app.theme import Look
from leafscope.core.config import SweepConfig
from leafscope.core.inspection.leaf_use import LeafUses
from leafscope.core.store.decks import Slide

NAME = "A ten-minute talk"

TITLE = "A net that chooses its weights by sign bits"
"""The title of the first slide."""

PAPER = (
    "Some weight matrices are switched on only for inputs whose hidden units show certain bit patterns.",
    "So many parameters could overfit; to control that, they form a tree whose nodes are prefixes of a sequence of such bits.",
    "The promise: the ratio of parameters to computation grows up to exponentially, as in decision trees; in dense nets it "
    "stays about 1.",
)
"""The abstract of Cho & Bengio 2014 in our own words."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a talk is made from; `gather.gather` takes it from the store."""

    sweep: SweepConfig
    results: pd.DataFrame
    """The table of the sweep, as `core.sweep.results.results` lays it out."""
    choices: pd.DataFrame | None = None
    """That of the seeds on which depths are chosen (`choosing_results`); None: the same."""
    opening: Slide | Left | None = None
    """The slide of one net; None: nothing is said of it."""
    counted: leaves.Counted = field(default_factory=dict)
    uses: LeafUses | None = None


def talk(material: Material, look: Look) -> list[Slide]:
    """Make the slides; what the sweep has no runs for is left out, and the last slide says so and how to get it.

    Of several data sets, sizes, widths or variants the talk shows the first data set with the most rows, the smallest width
    and the first variant, and says so. Raises ValueError for a missing column or a seed that occurs twice.
    """
    sweep = material.sweep
    if material.results.empty:
        why = "The sweep has no runs, so there is nothing to show."
        return [
            _stamped(one, sweep, look) for one in (_first(sweep, "no runs"), text_slide("This sweep has no runs", [why], why))
        ]
    part = Part.of(sweep, material.results, look, material.choices)
    made = [
        *([] if material.opening is None else [material.opening]),
        capacity.growth(part),
        depth.guess(part),
        depth.errors(part),
        leaves.slider(part, material.counted),
        leaves.used(part, material.uses),
        depth.against(part, "shuffled"),
        depth.against(part, "flat"),
        capacity.computation(part),
        fails.fails(part),
    ]
    slides = [_first(sweep, words.scope(part)), *(one for one in made if isinstance(one, Slide)), what_was_run(part)]
    if left := [one for one in made if isinstance(one, Left)]:
        slides.append(left_out(left))
    return [_stamped(slide, sweep, look) for slide in slides]


def _stamped(slide: Slide, sweep: SweepConfig, look: Look) -> Slide:
    """Let words that were computed tell from which sweep, as figures do, on the background that figures have."""
    if slide.sweep or slide.runs:
        return slide
    text = sweep.model_dump_json(exclude_defaults=True)
    return slide.model_copy(update={"sweep": text, "versions": versions(), "dark": look.dark})


def _first(sweep: SweepConfig, scope: str) -> Slide:
    return Slide(
        kind="title",
        title=TITLE,
        text=f"{scope}. Sweep: {theme.one_line(sweep.name, 60)}\nThe idea: Cho & Bengio 2014, arXiv 1406.7362",
        notes=f"What the abstract states: {' '.join(PAPER)} Everything more specific is this project's reading. Every title "
        "that follows is computed from the numbers of one sweep, whichever way they point.",
    )
