"""Actions on chosen runs: name, tag and comment, save as one file, show as a Python script."""

import io
from collections.abc import Sequence

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.parts import run_picker
from leafscope.core import jobs
from leafscope.core.config.as_python import estimator, script
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.annotations import COMMENT_LENGTH, NAME_LENGTH
from leafscope.core.store.archive import export_archive
from leafscope.core.store.values.summaries import RunSummary


def annotate(chosen: Sequence[RunSummary], key: str) -> None:
    """Name and comment on one run, or tag several, in a popover."""
    with st.popover("Name and tags", icon=":material/edit:", disabled=not chosen):
        if not chosen:
            return
        with st.form(f"_{key}_annotate", border=False):
            one = chosen[0] if len(chosen) == 1 else None
            token = chosen[0].run_id if one is not None else "many"
            name = comment = None
            if one is not None:
                name = st.text_input(
                    "Name",
                    one.name,
                    key=f"_{key}_name_{token}",
                    placeholder=theme.one_line(one.label, 80),
                    max_chars=NAME_LENGTH,
                )
                comment = st.text_area(
                    "Comment", one.comment, key=f"_{key}_comment_{token}", height=100, max_chars=COMMENT_LENGTH
                )
                tags = st.text_input("Tags, separated by commas", ", ".join(one.tags), key=f"_{key}_tags_{token}")
            else:
                st.caption(f"{len(chosen)} runs are chosen. Choose one run to name it or comment on it.")
                tags = st.text_input("Add tags, separated by commas", key=f"_{key}_add")
                removed = st.text_input("Remove tags, separated by commas", key=f"_{key}_remove")
            if not st.form_submit_button("Save", type="primary", icon=":material/save:"):
                return
        store = jobs.default_store()
        try:
            if one is not None:
                store.annotate(one.run_id, name=name, comment=comment, tags=_split(tags))
            else:
                store.tag([summary.run_id for summary in chosen], add=_split(tags), remove=_split(removed))
        except (LeafscopeError, ValueError) as error:
            st.error(theme.escape_markdown(str(error), 300))
            return
        session.notify(f"{len(chosen)} run{'s' * (len(chosen) != 1)} changed.")
        st.rerun()


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def python(chosen: Sequence[RunSummary]) -> None:
    """Show the script that reproduces a run's history."""
    can = len(chosen) == 1 and run_picker.config_fault(chosen[0]) is None
    with st.popover("Python", icon=":material/code:", disabled=not can, help="A script that reproduces the run."):
        if can:
            st.caption("Reproduces the history on the same device with the same number of threads, bit for bit on the CPU.")
            st.code(script(chosen[0].config, chosen[0].facts.get("compiled")), language="python", width=680)
            if (words := estimator(chosen[0].config)) is not None:
                st.caption("The same settings as an estimator of scikit-learn, for rows of your own: estimator.fit(X, y).")
                st.code(words, language="python", width=680)


def save_archive(chosen: Sequence[RunSummary], key: str, sweep_ids: Sequence[str] = ()) -> None:
    """Save runs and everything kept of them as one file; those that came with the program are left out."""
    chosen = [summary for summary in chosen if not summary.shipped]
    st.download_button(
        "Save as one file",
        lambda: _archive([summary.run_id for summary in chosen], sweep_ids),
        file_name="runs.leafscope",
        mime="application/zip",
        icon=":material/archive:",
        on_click="ignore",
        key=f"_{key}_archive",
        disabled=not chosen,
        help="Configurations, histories, leaves, weights, names and tags; another Leafscope imports them on its page Runs, or "
        "with leafscope import.",
    )


def _archive(run_ids: Sequence[str], sweep_ids: Sequence[str]) -> bytes:
    file = io.BytesIO()
    export_archive(jobs.default_store(), file, run_ids=run_ids, sweep_ids=sweep_ids)
    return file.getvalue()
