"""The section of Overfitting that shows the large map that comes along: best depth and gain against many training rows."""

import streamlit as st

from leafscope.app.address.choice import pick
from leafscope.app.figures.overfitting.best_depth_by_rows import BestDepthByRows
from leafscope.app.large import report
from leafscope.app.parts import drawing


def show() -> None:
    """Draw the figure of one of the map's models below a fold; nothing where no map comes along."""
    if not report.TABLE.exists():
        return
    fold = st.expander("More rows at the same computation", icon=":material/stacked_line_chart:", key="_map", on_change="rerun")
    if not fold.open:  # reading the map takes longer than the rest of the page
        return
    with fold:
        found = _figures(str(report.TABLE))
        if found is None:
            st.info("No number of rows is trained in full yet: `leafscope large` continues.")
            return
        names, figures, words = found
        left, _ = st.columns([1, 2])
        with left:
            model = pick("map_model", "Model", list(names), next(iter(names)), names)
        drawing.show(figures[model], key="best_depth_by_rows", subject=words["subject"], caption=words["caption"])


@st.cache_data(show_spinner=False, max_entries=2)
def _figures(path: str) -> tuple[dict[str, str], dict[str, BestDepthByRows], dict[str, str]] | None:
    """The map's models with their names on the screen, the figure of each, and the figures' subject and caption; or nothing."""
    del path  # of the table, to which what is cached belongs
    made = report.shipped()
    if made is None:
        return None
    names = report.model_names(made)
    words = {"subject": report.subject(made), "caption": f"{report.how_words(made)} Made with leafscope large."}
    return names, report.figures(made), words
