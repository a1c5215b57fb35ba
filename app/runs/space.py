"""What the database takes on the disk, and a button that frees the part kept for replays."""

from collections.abc import Sequence

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.space import SpaceUse
from leafscope.core.store.values.summaries import RunSummary

NEWEST = 10
"""Runs that keep their replays when those of older ones are deleted."""


def line(summaries: Sequence[RunSummary], chosen: Sequence[RunSummary]) -> bool:
    """Say what takes the space, with the button that frees some; returns whether its dialog is open."""
    use = jobs.default_store().space()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words(use))
        if st.button("Free space", icon=":material/cleaning_services:", disabled=not use.replays):
            _free(summaries, chosen)
            return True
    return False


def words(use: SpaceUse) -> str:
    """Say what takes the space, as Markdown."""
    runs = f"{theme.thousands(use.replays)} run{'s' * (use.replays != 1)}"
    replays = f"{theme.byte_size(use.snapshots)} to replay the training of {runs}"
    if use.total is None:
        return f"The database keeps {replays}."
    share = f" ({theme.percent(use.snapshots / use.total)})" if use.total else ""
    said = f"The database takes {theme.byte_size(use.total)}, of which {replays}{share}."
    return said if use.obstacle is None else f"{said} {theme.escape_markdown(use.obstacle, 400)}"


@st.dialog("Free space", on_dismiss="rerun")
def _free(summaries: Sequence[RunSummary], chosen: Sequence[RunSummary]) -> None:
    older = [summary for summary in summaries if not summary.active][NEWEST:]
    offers = {}
    if ended := [summary for summary in chosen if not summary.active]:
        offers[f"Of the {len(ended)} chosen runs"] = ended
    if older:
        offers[f"Of the {len(older)} oldest runs; the newest {NEWEST} stay as they are"] = older
    st.markdown(
        "Delete the nets and regions of the epochs between the first and the last. The Playground then shows these runs only "
        "before and after training, and cannot replay them. Their scores, leaves and trained weights are kept. This cannot be "
        "undone."
    )
    if not offers:
        st.info(f"There are at most {NEWEST} runs, so no older ones are offered here. Choose runs in the table first.")
    label = st.radio("Which runs", list(offers)) if offers else None
    left, right = st.columns(2)
    if left.button("Keep", width="stretch"):
        st.rerun()
    if right.button("Delete replays", type="primary", width="stretch", key="_free", disabled=label is None):
        store = jobs.default_store()
        before = store.space()
        try:
            with st.spinner("Deleting replays and giving their space back to the disk ..."):  # seconds, if there are many
                store.drop_snapshots(summary.run_id for summary in offers[label or ""])
        except LeafscopeError as error:
            session.notify(str(error))
        else:
            session.notify(f"{theme.byte_size(before.snapshots - store.space().snapshots)} freed.")
        st.rerun()
