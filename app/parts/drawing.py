"""A figure on a page, with its sentence, caption, numbers and downloads."""

import re
from collections.abc import Callable, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.decks import cite, current
from leafscope.app.figures.shared.figure import Figure
from leafscope.app.parts.save_table import save_table
from leafscope.app.theme import Look
from leafscope.core.config import RunConfig, SweepConfig


def show(
    shown: Figure,
    *,
    key: str,
    caption: str,
    subject: str = "",
    words: str = "",
    hint: str = "",
    share: float = 1.0,
    on_select: Callable[[], None] | None = None,
    runs: Sequence[RunConfig] = (),
    sweep: SweepConfig | None = None,
) -> None:
    """Show a figure: its sentence and `words` above, its caption and folded numbers below.

    `hint` says what the page lets you do with it; slides leave it out. `share` is the share of the main column that the
    figure fills. `runs` are those that it shows beside the page's own; `sweep` is its sweep, where that is not the page's.
    """
    figure(
        lambda look: shown.figure(subject=subject, look=look),
        key=key,
        sentence=f"{shown.sentence()} {words}".strip(),
        caption=caption,
        table=shown.table(),
        hint=hint,
        share=share,
        on_select=on_select,
        runs=runs,
        sweep=sweep,
    )


def figure(
    draw: Callable[[Look], go.Figure],
    *,
    key: str,
    sentence: str,
    caption: str,
    table: pd.DataFrame,
    hint: str = "",
    share: float = 1.0,
    on_select: Callable[[], None] | None = None,
    runs: Sequence[RunConfig] = (),
    sweep: SweepConfig | None = None,
) -> None:
    """Show a figure that a function draws in a look: its sentence above, its caption and folded numbers below.

    The camera above it saves SVG or PNG, as chosen in the sidebar; the other parameters are those of `show`.
    """
    shown = draw(session.look(share))
    st.markdown(theme.escape_markdown(sentence))
    # Streamlit makes a new DOM node whenever the data change: the chart flickers and loses zoom, with or without a key or
    # `uirevision`, so live curves use other elements. Clicks arrive from bars, histograms, markers and box points, and from
    # treemaps, sunbursts and icicles with explicit ids; never from heatmaps, lines or pies.
    with st.container(height=int(shown.layout.height or 450), border=False, key=f"place_{key}"):  # its own until it arrives
        st.plotly_chart(
            shown,
            key=key,
            theme=None,
            on_select=on_select or "ignore",
            selection_mode="points",
            alt=sentence,
            config={
                "displaylogo": False,
                "toImageButtonOptions": {"format": session.image_format(), "filename": _file_name(key), "scale": 2},
                "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
            },
        )
    numbers(table, key, caption, draw=draw, sentence=sentence, hint=hint, share=share, runs=runs, sweep=sweep)


def numbers(
    table: pd.DataFrame,
    key: str,
    caption: str,
    *,
    draw: Callable[[Look], go.Figure],
    sentence: str = "",
    hint: str = "",
    share: float = 1.0,
    runs: Sequence[RunConfig] = (),
    sweep: SweepConfig | None = None,
) -> None:
    """Show a figure's caption with "Add to deck" and its folded numbers, with buttons that save them and cite the figure."""
    origin = cite.Origin(key, draw, table, sentence, caption, runs, sweep)
    cite.answer(origin)
    with st.container(horizontal=True, vertical_alignment="top", horizontal_alignment="distribute"):
        st.caption(theme.escape_markdown(f"{caption} {hint}".strip()), width="stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            current.add_button(origin, share=share)
            with st.popover("Numbers", icon=":material/table:", type="tertiary"):
                st.dataframe(table, hide_index=True, height=240, key=f"{key}_numbers", column_config=in_words(table))
                with st.container(horizontal=True):
                    save_table(lambda: table, _file_name(key), key=f"{key}_csv")
            # not among the numbers, which would stay in front of the dialog
            cited = st.button(
                "Cite",
                icon=":material/format_quote:",
                key=f"{key}_cite",
                type="tertiary",
                help="This figure for a paper: SVG and PDF 85 mm wide, numbers, script, BibTeX, and its digest.",
            )
        if cited:
            cite.dialog(origin)


def in_words(table: pd.DataFrame) -> dict[str, str]:
    """Name the columns of a table for a person, as `st.dataframe` takes it."""
    return {str(name): theme.column_words(str(name)) for name in table.columns}


def _file_name(key: str) -> str:
    return re.sub(r"[^\w-]+", "-", key)
