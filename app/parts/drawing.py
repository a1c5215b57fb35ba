"""A figure on a page, with its sentence, caption, numbers and downloads."""

import re
from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.decks import current
from leafscope.app.figures.shared.figure import Figure
from leafscope.app.parts.csv_button import csv_button


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
) -> None:
    """Show a figure: its sentence and `words` above, its caption and folded numbers below.

    `hint` says what the page lets you do with it; slides leave it out. `share` is the share of the main column that the
    figure fills.
    """
    figure(
        shown.figure(subject=subject, look=session.look(share)),
        key=key,
        sentence=f"{shown.sentence()} {words}".strip(),
        caption=caption,
        table=shown.table(),
        hint=hint,
        on_select=on_select,
    )


def figure(
    shown: go.Figure,
    *,
    key: str,
    sentence: str,
    caption: str,
    table: pd.DataFrame,
    hint: str = "",
    on_select: Callable[[], None] | None = None,
) -> None:
    """Show a figure: its sentence above, its caption and folded numbers below.

    `hint` says what the page lets you do with it; slides leave it out. The camera above it saves SVG or PNG, as chosen in
    the sidebar; the numbers can be saved as CSV.
    """
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
    numbers(table, key, caption, drawing=shown, sentence=sentence, hint=hint)


def numbers(
    table: pd.DataFrame, key: str, caption: str, *, drawing: current.Drawing | None = None, sentence: str = "", hint: str = ""
) -> None:
    """Show a figure's caption with "Add to deck" and its folded numbers, which a button saves as CSV."""
    with st.container(horizontal=True, vertical_alignment="top", horizontal_alignment="distribute"):
        st.caption(theme.escape_markdown(f"{caption} {hint}".strip()), width="stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            if drawing is not None:
                current.add_button(drawing, key=key, sentence=sentence, caption=caption)
            with st.popover("Numbers", icon=":material/table:", type="tertiary"):
                st.dataframe(table, hide_index=True, height=240, key=f"{key}_numbers", column_config=in_words(table))
                csv_button(lambda: table, f"{_file_name(key)}.csv", key=f"{key}_csv")


def in_words(table: pd.DataFrame) -> dict[str, str]:
    """Name the columns of a table for a person, as `st.dataframe` takes it."""
    return {str(name): theme.column_words(str(name)) for name in table.columns}


def _file_name(key: str) -> str:
    return re.sub(r"[^\w-]+", "-", key)
