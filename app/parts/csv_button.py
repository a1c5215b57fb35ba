"""Tables saved as CSV: one button, and cells that no spreadsheet takes for a formula."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from leafscope.app.theme import as_csv


def csv_button(
    make: Callable[[], pd.DataFrame],
    file_name: str,
    *,
    key: str | None = None,
    label: str = "Save as CSV",
    hint: str | None = None,
) -> None:
    """Show the button that saves a table, which is made when it is pressed."""
    st.download_button(
        label,
        lambda: as_csv(make()).encode(),
        file_name=file_name,
        mime="text/csv",
        key=key,
        icon=":material/download:",
        on_click="ignore",
        help=hint,
    )
