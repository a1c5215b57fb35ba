"""Runs to compare with the one shown: which are here, and a button that trains the others."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.parts import store_trouble
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.device import check_fits, n_cores
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import RunSummary

REFRESH = 0.7
"""Seconds between updates while they train."""

OVERHEAD = 0.2
"""Seconds to claim, set up and record a run, on top of its training; measured with 26 and 11 runs of digits."""


def siblings(run: RunConfig, changes: Sequence[dict[str, object]], seeds: int) -> list[RunConfig]:
    """List the run with each of these changes, for `seeds` seeds from its own on; its other seeds increase with it."""
    own = {"seed": run.seed, "split_seed": run.split_seed, "init_seed": run.init_seed}
    moved = [{name: value if value is None else value + step for name, value in own.items()} for step in range(seeds)]
    return [changed(run, change | of_step) for of_step in moved for change in changes]


def ask(key: str, shown: RunSummary, runs: Sequence[RunConfig], what: str) -> dict[str, RunSummary]:
    """Offer to train the runs that are not here; returns address -> finished run.

    While they train, a bar shows progress, a button stops them, and the page reruns as they finish. The shown run, which is
    one of them, is followed by its own page.
    """
    by_id = {run.run_id: run for run in runs}
    found = jobs.default_store().runs(by_id)
    finished = {run_id: summary for run_id, summary in found.items() if summary.status == "finished"}
    others = [run_id for run_id in by_id if run_id != shown.run_id or not shown.active]
    active = [run_id for run_id in others if run_id in found and found[run_id].active]
    missing = [by_id[run_id] for run_id in others if run_id not in finished and run_id not in active]
    if active:
        _follow(key, [run_id for run_id in others if run_id in found], active)
    elif missing:
        failed = Counter(summary.error for summary in found.values() if summary.status == "failed")
        if failed:
            why = "; ".join(f"{theme.one_line(str(error), 120)} ({count})" for error, count in failed.items())
            st.warning(f"{sum(failed.values())} of these runs failed: {theme.escape_markdown(why)}")
        _offer(key, shown, missing, what)
    return finished


def again(key: str, run: RunConfig, what: str) -> None:
    """Offer to fit a finished run once more, whose fitted model was not kept, as in versions that kept only its scores."""
    st.button(f"Fit {what} again", icon=":material/refresh:", key=f"_{key}_again", on_click=_again, args=(run,))


def _again(run: RunConfig) -> None:
    try:
        jobs.default_store().submit(run, anew=True)
    except LeafscopeError as error:
        session.notify(str(error))


def _offer(key: str, shown: RunSummary, missing: Sequence[RunConfig], what: str) -> None:
    fitting, refused = [], {}
    for run in missing:
        try:
            check_fits(run, gpus=jobs.gpus())
        except LeafscopeError as error:
            refused[str(error)] = run.label
        else:
            fitting.append(run)
    for why, label in refused.items():
        st.info(theme.escape_markdown(f"{label} and similar runs are left out: {why}"))
    if not fitting:
        return
    seconds = max(1.0, len(fitting) * (shown.seconds / n_cores() + OVERHEAD))
    st.button(
        f"Train {what} ({len(fitting)} run{'s' * (len(fitting) > 1)}, about {theme.duration(seconds)})",
        icon=":material/model_training:",
        type="primary",
        key=f"_{key}_train",
        on_click=_train,
        args=(fitting, shown.config.seed),
    )


def _train(missing: Sequence[RunConfig], seed: int) -> None:
    try:
        # runs with the shown run's seed keep every epoch, to look at; the others keep the first and the last
        jobs.default_store().submit_many([run for run in missing if run.seed == seed], priority="sweep")
        jobs.default_store().submit_many([run for run in missing if run.seed != seed], priority="member")
    except LeafscopeError as error:
        session.notify(str(error))


def _follow(key: str, run_ids: list[str], before: list[str]) -> None:
    @store_trouble.fragment(run_every=REFRESH)
    def bar() -> None:
        statuses = jobs.default_store().statuses(run_ids)
        active = [run_id for run_id, status in statuses.items() if status in ("queued", "running")]
        if len(active) < len(before):
            st.rerun()
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        done = len(run_ids) - len(active)
        left.progress(done / len(run_ids), text=f"{done} of {len(run_ids)} runs")
        right.button("Stop", icon=":material/stop:", key=f"_{key}_stop", width="stretch", on_click=_stop, args=(active,))

    bar()


def _stop(run_ids: Sequence[str]) -> None:
    try:
        jobs.default_store().stop_all(run_ids)
    except LeafscopeError as error:
        session.notify(str(error))
