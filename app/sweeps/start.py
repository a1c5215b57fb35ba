"""Start a sweep, and say how large it is."""

from typing import Any

from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.core import jobs
from leafscope.core.config import SweepConfig, explain
from leafscope.core.device import n_cores
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import SweepInfo
from leafscope.core.sweep.members import check
from leafscope.core.sweep.results import estimated_seconds
from leafscope.core.worker import stages


def start(sweep: SweepConfig) -> None:
    """Queue a sweep and show it, or notify the user why not."""
    try:
        sweep_id = jobs.submit_sweep(sweep)
    except ValidationError as error:
        session.notify("; ".join(explain(error).values()))
        return
    except LeafscopeError as error:
        session.notify(str(error))
        return
    session.show_sweep(sweep_id)


def size_words(sweep: SweepConfig) -> str:
    """Say how many runs a sweep has and about how long it takes.

    Raises what `core.sweep.members.check` raises.
    """
    check(sweep, jobs.gpus())  # before its runs are listed: there may be millions
    runs, following = stages.statuses(jobs.default_store(), sweep)
    finished = [run_id for run_id, status in runs.items() if status == "finished"]
    seconds = estimated_seconds(sweep, finished, n_cores(), following)
    kept = f", {theme.thousands(len(finished))} of them already here" if finished else ""
    return f"{theme.thousands(len(runs))} runs{kept}: about {theme.duration(max(1.0, seconds))}"


def try_to(action: Any, info: SweepInfo) -> None:
    try:
        action(info.sweep_id)
    except LeafscopeError as error:
        session.notify(str(error))
