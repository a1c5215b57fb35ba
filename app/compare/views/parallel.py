"""Parallel coordinates: all fields that differ, one axis each, coloured by the score."""

import streamlit as st

from leafscope.app.compare.columns import plotted, score_of
from leafscope.app.compare.selection import Selection
from leafscope.app.figures.compare.parallel import ParallelCoordinates
from leafscope.app.parts import drawing
from leafscope.core.comparison.table import differing, field_words

_MOST_FIELDS = 8


def show(found: Selection) -> None:
    """Show the runs as lines through their fields."""
    fields = [name for name in differing(found.table) if name not in ("split_seed", "init_seed")][:_MOST_FIELDS]
    if not fields:
        st.info("Parallel coordinates need runs that differ in some field.")
        return
    drawing.show(
        ParallelCoordinates(
            fields={field_words(name): plotted(found.table, name) for name in fields},
            scores=found.table[found.score].astype(float).tolist(),
            score=score_of(found.score),
            names=list(found.table["title"]),
        ),
        key="parallel",
        caption=f"One line per run, coloured by its score. {found.always()}",
        subject=found.subject,
        hint="Drag along an axis to keep only some of the runs.",
    )
