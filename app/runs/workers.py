"""The workers of a database that several machines share: where each is, and what it does."""

import pandas as pd
import streamlit as st

from leafscope.app.parts import cluster_trouble, store_trouble
from leafscope.core import jobs
from leafscope.core.store.values.summaries import WorkerInfo

LOOK = 2.0
"""Seconds between two looks."""


def section() -> None:
    """List the workers where there can be several; the one that an app brings is in the sidebar."""
    if jobs.default_store().path is None or len(jobs.default_store().workers()) > 1:
        _list()


@store_trouble.fragment(run_every=LOOK)
def _list() -> None:
    cluster_trouble.show()
    workers = jobs.default_store().workers()
    machines = len({worker.machine for worker in workers})
    said = f"{len(workers)} worker{'s' * (len(workers) != 1)} on {machines} machine{'s' * (machines != 1)}"
    with st.expander(said if workers else "No worker", icon=":material/dns:", key="_workers"):
        if workers:
            rows = [
                {
                    "Machine": one.machine,
                    "Device": one.device,
                    "Does": does(one),
                    "Leafscope": one.leafscope,
                    "Process": one.pid,
                }
                for one in workers
            ]
            st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Workers with machine, device and what each trains.")
        st.caption("Any machine that reaches the database can join: `leafscope worker --database ...` there.")


def does(worker: WorkerInfo) -> str:
    """Say what a worker does.

    >>> does(WorkerInfo("w", 1, "cpu", "busy", trains=("digits tree K4", "digits tree K5", "digits tree K6")))
    'trains digits tree K4 and 2 more'
    """
    if worker.trains:
        more = len(worker.trains) - 1
        return f"trains {worker.trains[0]}" + (f" and {more} more" if more else "")
    return {"starting": "starts", "ready": "waits for runs"}.get(worker.state, "is between two runs")
