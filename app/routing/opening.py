"""Opening a file with counts of experts: what is understood of it is shown before it is kept; saving and deleting a log."""

import io
from typing import Any, cast

import streamlit as st

from leafscope.app import theme
from leafscope.app.routing.source import KEY
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.limits import MAX_ROUTING_BYTES
from leafscope.core.routing.reading import read_routing
from leafscope.core.routing.routing import Routing
from leafscope.core.routing.statistics import why_no_chance
from leafscope.core.routing.told import LAYOUTS, Layout
from leafscope.core.store.archive import export_archive

_WORDS = {
    "auto": "as its shape says",
    "counts": "counts of experts",
    "ids": "experts of tokens",
    "logits": "scores of a router",
}
_CHOSEN = "_kept_log"


def offer(is_empty: bool) -> None:
    """Offer to open a file, and to keep what was understood of it."""
    with st.expander("Open a file", icon=":material/upload_file:", expanded=is_empty):
        file = st.file_uploader(
            "Counts of experts: CSV, .npy or safetensors",
            key="_routing_file",
            max_upload_size=MAX_ROUTING_BYTES // 1_000_000,
            help="A CSV with the columns layer, expert and count, or a column for each expert of each layer; an array of "
            "counts, of the experts of each token, or of the router's scores. Pickled files, such as .pt, are refused.",
        )
        if file is None:
            return
        columns = st.columns(3)
        layout = columns[0].selectbox(
            "An array holds",
            ("auto", *LAYOUTS),
            format_func=_WORDS.__getitem__,
            key="_routing_layout",
            help="For .npy and safetensors.",
        )
        top_k = columns[1].number_input(
            "Top-k",
            min_value=1,
            value=None,
            step=1,
            key="_routing_k",
            placeholder="unknown",
            help="Experts of each token; chance needs it.",
        )
        tokens = columns[2].number_input(
            "Tokens",
            min_value=1,
            value=None,
            step=1,
            key="_routing_n",
            placeholder="from the counts",
            help="In each layer, step and domain. Shares do not say it, and chance needs it.",
        )
        try:
            log = _read(str(file.file_id), file.name, layout, top_k, tokens, file)
        except (LeafscopeError, OSError, MemoryError) as error:
            st.error(theme.escape_markdown(f"{file.name}: {error}", 600))
            return
        st.markdown("\n".join(f"- {theme.escape_markdown(line, 300)}" for line in understood(log)))
        if st.button("Keep and show it", type="primary", icon=":material/save:", key="_keep_log"):
            try:
                kept = jobs.default_store().add_log(log)
            except (LeafscopeError, ValueError) as error:
                st.error(theme.escape_markdown(str(error), 300))
                return
            st.session_state[_CHOSEN] = kept.hash
            st.rerun()


def take_kept() -> None:
    """Show the log that was just kept; before the choice of a log is drawn."""
    if (kept := st.session_state.pop(_CHOSEN, None)) is not None:
        st.session_state[KEY] = kept


def understood(log: Routing) -> list[str]:
    """Say what was understood of a log, a line for each thing."""
    lines = [
        f"{theme.thousands(len(log.layers))} layer{'s' * (len(log.layers) != 1)}: {theme.number_words(log.layers)}",
        f"{theme.thousands(log.experts)} experts"
        + (f", top {log.top_k}" if log.top_k is not None else "")
        + (f"; shared experts left out: {theme.enumerate_words([str(one) for one in log.shared])}" if log.shared else ""),
    ]
    if log.steps:
        lines.append(f"{theme.thousands(len(log.steps))} steps, {log.steps[0]:g} to {log.steps[-1]:g}")
    if log.domains:
        lines.append(f"{theme.thousands(len(log.domains))} domains: {theme.enumerate_words(list(log.domains[:8]))}")
    n = log.assignments
    lines.append("shares of assignments" if log.is_shares else f"{theme.thousands(n or 0)} assignments")
    if log.ids is not None:
        lines.append(f"the experts of {theme.thousands(len(log.ids))} tokens")
    return [*lines, *log.notes, *filter(None, [why_no_chance(log)])]


@st.cache_resource(show_spinner="Reading the file", max_entries=2)
def _read(file_id: str, name: str, layout: str, top_k: int | None, tokens: int | None, _file: Any) -> Routing:
    del file_id
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:  # its name tells what is pickled, and names the log
        path = Path(folder) / (Path(name).name or "log")
        path.write_bytes(_file.getvalue())
        return read_routing(path, None if layout == "auto" else cast(Layout, layout), top_k, tokens)


def save_or_remove(log_id: str) -> None:
    """Offer to save the log that is shown as a file for another Leafscope, and to delete it."""
    with st.container(horizontal=True):
        (info,) = [one for one in jobs.default_store().logs() if one.log_id == log_id]
        st.download_button(
            "Save as one file",
            lambda: _archive(log_id),
            file_name="routing.leafscope",
            mime="application/zip",
            icon=":material/archive:",
            type="tertiary",
            on_click="ignore",
            key="_save_log",
            disabled=info.shipped,
            help="Another Leafscope imports it on its page Runs, or with leafscope import."
            if not info.shipped
            else "Every Leafscope comes with this log.",
        )
        _remove(log_id)


def _archive(log_id: str) -> bytes:
    file = io.BytesIO()
    export_archive(jobs.default_store(), file, log_ids=[log_id])
    return file.getvalue()


def _remove(log_id: str) -> None:
    with st.popover("Delete this log", icon=":material/delete:", type="tertiary"):
        st.markdown("The log and its counts are removed from this database; slides keep their figures.")
        if st.button("Delete it", key="_delete_log", type="primary"):
            jobs.default_store().remove_log(log_id)
            st.session_state.pop(KEY, None)
            st.query_params.pop(KEY, None)
            st.rerun()
