"""What the compared runs of a sweep with reporting seeds are: runs that chose, runs that are reported, or both."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.compare.selection import Selection, runs_words
from leafscope.app.sweeps import current, findings
from leafscope.core import jobs
from leafscope.core.store.values.summaries import SweepInfo
from leafscope.core.sweep.members import run_ids


def show(found: Selection) -> None:
    """Say the stage of the members of sweeps; warn where both stages of one sweep are compared together."""
    if found.sweep is not None:
        sweep = found.sweep.config
        if sweep.report_seeds is not None:
            words = findings.seeds_words(sweep.choosing_seeds, sweep.report_seeds)
            st.caption(f"Runs on the reporting seeds of the sweep: {words}.")
        return
    compared = set(found.table["run_id"])
    known = [info for info in jobs.default_store().sweeps() if current.fault(info) is None]
    both, alone = [], []
    for info in (info for info in known if info.config.report_seeds is not None):
        choosing, reporting = _stages(info, compared)
        name = theme.one_line(info.name, 60)
        if choosing and reporting:
            both.append(f"{runs_words(choosing)} that chose and {runs_words(reporting)} that are reported (sweep {name})")
        elif choosing:
            alone.append(f"{runs_words(choosing)} of the sweep {name} on its choosing seeds: scores flatter what was chosen.")
        elif reporting:
            alone.append(f"{runs_words(reporting)} of the sweep {name} on its reporting seeds.")
    if both:
        words = (
            f"Compared together: {theme.enumerate_words(both)}. Scores of runs that chose flatter what was chosen; choose the "
            "sweep under “Runs of” to compare its reported runs alone."
        )
        st.warning(theme.escape_markdown(words), icon=":material/call_split:")
    if alone:
        st.caption(theme.escape_markdown(" ".join(alone)))


def _stages(info: SweepInfo, compared: set[str]) -> tuple[int, int]:
    """How many of the compared runs chose in a sweep, and how many it reports."""
    choosing = compared & set(run_ids(info.config))
    return len(choosing), len(compared & set(current.table(info)["run_id"]) - choosing)
