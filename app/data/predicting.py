"""Predictions of a run for new rows of its table, as a file."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.data.dropped import MOST_MB
from leafscope.app.parts import run_picker
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.inspection.predictions import Predictions, predict
from leafscope.core.store.values.summaries import RunSummary

MOST_OFFERED = 200
"""Runs among which a person chooses."""


def offer(name: str) -> None:
    """Offer the predictions of a finished run of a data set for the rows of a file."""
    with st.expander("Predict new rows", icon=":material/batch_prediction:"):
        runs = _runs(name)
        if not runs:
            st.caption("Train a net or a decision tree on this data set first; it can then predict the rows of a file.")
            return
        words = {one.run_id: run_picker.run_words(one) for one in runs}
        run_id = st.selectbox("Run", list(words), format_func=words.__getitem__, key=f"_predict_with_{name}")
        file = st.file_uploader(
            "A file with the same columns",
            key=f"_predict_{name}",
            max_upload_size=MOST_MB,
            help="It is read as the table's file was. The column that is predicted may be missing.",
        )
        if file is None or run_id is None:
            return
        try:
            found = predict(jobs.default_store(), run_id, file.getvalue())
        except LeafscopeError as error:
            st.error(theme.escape_markdown(f"{file.name}: {error}", 600), icon=":material/error:")
            return
        _show(found)


def _runs(name: str) -> list[RunSummary]:
    finished = (one for one in jobs.default_store().list_runs() if one.status == "finished")
    of_set = [one for one in finished if run_picker.config_fault(one) is None and one.config.data.name == name]
    return of_set[:MOST_OFFERED]


def _show(found: Predictions) -> None:
    frame = found.table()
    for sentence in found.notes[:5]:
        st.caption(theme.escape_markdown(sentence, 400))
    st.dataframe(frame.head(100), hide_index=True, height=240, key="predictions", alt="Predictions for the rows of the file.")
    st.download_button(
        f"Save {theme.thousands(len(frame))} predictions as CSV",
        lambda: theme.as_csv(frame).encode(),
        file_name="leafscope-predictions.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="_predictions_csv",
    )
