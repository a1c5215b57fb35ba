"""Scenes: one net of each group, side by side on one clock."""

import streamlit as st

from leafscope.app.compare.selection import Selection
from leafscope.app.decks.scene_slide import MOST_SCENES
from leafscope.app.parts import side_by_side


def show(found: Selection) -> None:
    """Show the scene of the first run of each group, the best groups first."""
    if len(found.data) > 1:
        st.info("Nets are shown side by side on one data set: choose one in the sidebar.")
        return
    if not found.report:
        st.info("Scenes show test errors: switch on “Report on test” in the sidebar to see them.")
        return
    runs = {}
    for place, group in enumerate(found.groups[:MOST_SCENES]):
        ended = [found.summaries[run_id] for run_id in group.rows.sort_values("seed")["run_id"]]
        ended = [run for run in ended if run.status == "finished"]
        if ended:
            runs[found.words[place]] = ended[0]
    side_by_side.show(runs, key="scenes_beside")
