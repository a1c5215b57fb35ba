"""Which sweep a page shows, its table so far, its progress, and its failed runs."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.address import choice, link, session
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import offer
from leafscope.app.sweeps.start import start, try_to
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed, explain
from leafscope.core.errors import RunNotFoundError
from leafscope.core.store.values.summaries import SweepInfo
from leafscope.core.sweep.members import run_ids

FIRST_REFRESH, REFRESH = 0.5, 2.0
"""Seconds between updates of a sweep in training, before and after its first points; an update with a few hundred members
costs the training a tenth of a second.
"""

NAMED = 3
"""Reasons of failures that are said, and runs that are named for each."""


def fault(info: SweepInfo) -> str | None:
    """Say why a sweep's configuration, written by another version of Leafscope, is not valid; None if it is."""
    try:
        info.config  # noqa: B018
    except ValidationError as error:
        return "; ".join(explain(error).values())
    return None


def current() -> SweepInfo | None:
    """The sweep to show: the URL's, else the newest; None if there is none, after reporting a wrong URL."""
    asked = session.sweep_id()
    if asked is not None:
        try:
            info = jobs.default_store().sweep(asked)
        except RunNotFoundError:
            name = asked[:40].replace("`", "")
            if not offer.offer_sweep(asked):
                st.error(f"There is no sweep `{name}` here; it may have been deleted, or made on another machine.")
        else:
            if (words := fault(info)) is None:
                link.show(sweep=info.config)
                return info
            st.error(f"This sweep cannot be shown: it comes from another version of Leafscope. {theme.escape_markdown(words)}")
        if st.button("Show the newest sweep", type="primary", icon=":material/arrow_back:"):
            session.show_sweep(None)
            st.rerun()
        return None
    known = [info for info in jobs.default_store().sweeps() if fault(info) is None]
    if not known:
        return None
    link.show(sweep=known[0].config)
    return known[0]


def beside() -> SweepInfo | None:
    """The sweep to show on a page that is about a run: the session's if it is here, else the newest; None if there is none."""
    known = {info.sweep_id: info for info in jobs.default_store().sweeps() if fault(info) is None}
    return known.get(session.sweep_id() or "", next(iter(known.values()), None))


def pick(shown: SweepInfo | None) -> None:
    """Let the user pick a sweep in the sidebar; the choice goes to the URL."""
    known = {info.sweep_id: info for info in jobs.default_store().sweeps()}
    if not known:
        return

    choice.picker(
        "_picked_sweep",
        "Sweep",
        {sweep_id: sweep_words(info) for sweep_id, info in known.items()},
        shown.sweep_id if shown is not None and shown.sweep_id in known else next(iter(known)),
        session.show_sweep,
        help="Newest first, examples that came with Leafscope last.",
    )
    if shown is not None and shown.shipped:
        st.caption(theme.shipped_words(shown.created))


def sweep_of(run: RunConfig) -> SweepInfo | None:
    """The newest sweep with this run, on a seed that chooses or one that is reported; None if there is none."""
    known = {info.sweep_id: info for info in jobs.default_store().sweeps() if fault(info) is None}
    found = _sweep_of(tuple(known), jobs.default_store().url, run.run_id, list(known.values()), run)
    return None if found is None else known[found]


@st.cache_data(show_spinner=False, max_entries=256)
def _sweep_of(
    known: tuple[str, ...], url: str, run_id: str, _infos: list[SweepInfo], _run: RunConfig
) -> str | None:  # Streamlit hashes neither of the last two
    del known, url, run_id
    for info in _infos:
        sweep = info.config
        seed = sweep.choosing_seeds[0] if _run.seed in (sweep.report_seeds or ()) else _run.seed
        if changed(_run, {"seed": seed}).run_id in run_ids(sweep):
            return info.sweep_id
    return None


def sweep_words(info: SweepInfo) -> str:
    """Name a sweep, and say whether it came with the program."""
    return theme.one_line(info.name, 60) + (f" ({theme.SHIPPED})" if info.shipped else "")


def table(info: SweepInfo) -> pd.DataFrame:
    """The results of a sweep so far, one row per member."""
    return _table(jobs.default_store().url, info.sweep_id, _state(info), of_choice=False)


def choices(info: SweepInfo) -> pd.DataFrame:
    """The results so far on the seeds on which depths are chosen; without reporting seeds the same table."""
    return _table(jobs.default_store().url, info.sweep_id, _state(info), of_choice=info.config.report_seeds is not None)


def _state(info: SweepInfo) -> tuple[int, ...]:
    progress = jobs.sweep_progress(info.sweep_id)
    return (progress.finished, progress.failed, progress.diverged, progress.running, progress.queued, progress.stopped)


@st.cache_data(show_spinner=False, max_entries=8)
def _table(url: str, sweep_id: str, state: tuple[int, ...], of_choice: bool) -> pd.DataFrame:
    """The table of results, cached until the store or a member's state changes.

    Streamlit hashes all arguments but those whose names begin with an underscore.
    """
    del url, state
    return jobs.sweep_choices(sweep_id) if of_choice else jobs.sweep_results(sweep_id)


def part_words(data: str, n_train: int) -> str:
    """Name a data set and training size of a sweep.

    >>> part_words("tree_teacher", 1000)
    'tree teacher, 1,000 training rows'
    """
    return f"{data.replace('_', ' ')}, {theme.thousands(n_train)} training rows"


def progress_bar(info: SweepInfo, progress: jobs.SweepProgress) -> None:
    """Show the progress of a sweep, with a button that stops or resumes it."""
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        words = f"{theme.thousands(progress.finished + progress.failed)} of {theme.thousands(progress.total)} runs"
        if progress.active and progress.seconds_left is not None:
            words += f", about {theme.duration(max(1.0, progress.seconds_left))} left"
        elif progress.stopped:
            words += f", {theme.thousands(progress.stopped)} stopped"
        st.progress(progress.fraction, text=words)
    with right:
        if progress.active:
            st.button(
                "Stop",
                icon=":material/stop:",
                key="_stop_sweep",
                width="stretch",
                on_click=try_to,
                args=(jobs.stop_sweep, info),
            )
        elif not progress.complete:
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                key="_resume_sweep",
                width="stretch",
                on_click=_resume,
                args=(info,),
                help="Train the missing runs; finished ones are kept.",
            )


def _resume(info: SweepInfo) -> None:
    start(info.config)


def failed_runs(info: SweepInfo) -> str | None:
    """Say how many runs of a sweep failed, and why; None if none did. An infinite loss is a result, not a failure.

    A member can have a result without such a run, if another seed chose the learning rate.
    """
    store = jobs.default_store()
    statuses = store.statuses(jobs.sweep_runs(info.sweep_id))
    failed = store.runs(run_id for run_id, status in statuses.items() if status == "failed").values()
    reasons = sorted((str(one.error), one.label) for one in failed if not one.facts.get("diverged"))
    if not reasons:
        return None
    return f"{theme.thousands(len(reasons))} of {theme.thousands(len(statuses))} runs failed: {_reason_words(reasons)}"


def failures(results: pd.DataFrame) -> str | None:
    """Say how many members of a sweep that is not in training have no result, and why; None if all have one."""
    failed = results[results["status"] != "finished"]  # also "running": some learning rates are missing
    if failed.empty:
        return None
    reasons = [(str(row["error"]), _member_words(row)) for _, row in failed[failed["error"].notna()].iterrows()]
    words = f"{theme.thousands(len(failed))} of {theme.thousands(len(results))} members have no result"
    return f"{words}: {_reason_words(reasons)}" if reasons else f"{words}; press Resume to train them."


def _member_words(row: "pd.Series[Any]") -> str:
    """Name a member: its model, depth and width, data set and seed."""
    sizes = [f"{letter}{row[field]:.0f}" for field, letter in (("depth", "K"), ("width", "w")) if not math.isnan(row[field])]
    return " ".join([row["data"], model_words(row["model"], row["variant"]), *sizes, f"s{row['seed']}"])


def _reason_words(reasons: Iterable[tuple[str, str]]) -> str:
    """Say the most frequent reasons, each with the number of its runs and the names of some of them."""
    named: dict[str, list[str]] = {}
    for reason, name in reasons:
        named.setdefault(reason, []).append(name)
    words = []
    for reason, names in sorted(named.items(), key=lambda item: -len(item[1]))[:NAMED]:
        some = [*(theme.one_line(name, 60) for name in names[:NAMED]), *(["..."] if len(names) > NAMED else [])]
        words.append(f"{theme.one_line(reason, 120)} ({theme.thousands(len(names))}: {', '.join(some)})")
    return "; ".join(words)
