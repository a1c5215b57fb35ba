"""Offers to train the runs and sweeps of an address that this server lacks."""

from collections.abc import Sequence

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.address.link import plan
from leafscope.core import jobs
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.device import check_fits, n_cores
from leafscope.core.errors import LeafscopeError
from leafscope.core.sweep.results import estimated_seconds


def offer_run(run_id: str) -> bool:
    """Offer to train a run that is not here, if the address holds its configuration; returns whether it does."""
    found = plan()
    run = next((run for run in found.runs if run.run_id == run_id), None) if found is not None else None
    if run is None:
        return False
    offer([run], f"Run {theme.escape_markdown(run.label)} is not here yet: it was made on another machine, or deleted.")
    return True


def offer_sweep(sweep_id: str) -> bool:
    """Offer to train a sweep that is not here, if the address holds its configuration; returns whether it does."""
    from leafscope.app.sweeps import start

    found = plan()
    sweep = found.sweep if found is not None else None
    if sweep is None or sweep.sweep_id != sweep_id:
        return False
    st.info(f"The sweep {theme.escape_markdown(sweep.name, 80)} is not here yet: it was made on another machine, or deleted.")
    try:
        words = start.size_words(sweep)
    except (LeafscopeError, ValueError) as error:
        st.error(theme.escape_markdown(str(error)))
        return True
    st.button(
        f"Train it ({words})",
        key="_train_plan",
        type="primary",
        icon=":material/model_training:",
        on_click=start.start,
        args=(sweep,),
    )
    return True


def offer(missing: Sequence[RunConfig], sentence: str) -> None:
    """Say that runs are not here, and offer to train them."""
    st.info(sentence)
    fitting: list[RunConfig] = []
    for run in missing:
        try:
            check_fits(run, gpus=jobs.gpus())
            fitting.append(run)
        except LeafscopeError as error:
            st.warning(
                f"{theme.escape_markdown(run.label, 80)} cannot be trained here: {theme.escape_markdown(str(error), 300)}"
            )
    if fitting:
        what = "it" if len(fitting) == 1 else f"these {len(fitting)} runs"
        st.button(
            f"Train {what} (about {theme.duration(max(1.0, seconds(fitting)))})",
            key="_train_plan",
            type="primary",
            icon=":material/model_training:",
            on_click=_train,
            args=(fitting,),
        )


def seconds(runs: Sequence[RunConfig]) -> float:
    """Roughly estimate how long runs take on this machine, in seconds."""
    return sum(estimated_seconds(SweepConfig(base=run), (), n_cores()) for run in runs)


def _train(runs: Sequence[RunConfig]) -> None:
    try:
        jobs.default_store().submit_many(runs, priority="interactive" if len(runs) == 1 else "sweep")
    except LeafscopeError as error:
        session.notify(str(error))
