"""Tables saved as CSV, LaTeX or Markdown, with cells that no spreadsheet, TeX or Markdown takes for a command."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from leafscope.app.theme import as_csv, as_latex, as_markdown

_OTHERS = {"tex": ("LaTeX", "application/x-tex", as_latex), "md": ("Markdown", "text/markdown", as_markdown)}
"""Suffix -> words of the button, type of the file, and what writes it."""


def save_table(
    make: Callable[[], pd.DataFrame], name: str, *, key: str, label: str = "Save as CSV", hint: str | None = None
) -> None:
    """Show the buttons that save a table, which is made when one is pressed; `name` is the file's without its suffix."""
    st.download_button(
        label,
        lambda: as_csv(make()).encode(),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=key,
        icon=":material/download:",
        on_click="ignore",
        help=hint,
    )
    for suffix, (words, mime, write) in _OTHERS.items():
        st.download_button(
            words,
            lambda write=write: write(make()).encode("utf-8", "backslashreplace"),  # type: ignore[misc]
            file_name=f"{name}.{suffix}",
            mime=mime,
            key=f"{key}_{suffix}",
            type="tertiary",
            on_click="ignore",
            help=f"The same table as {words}.",
        )
