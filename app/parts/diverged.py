"""Runs whose loss became infinite: resuming would fail in the same way, so a lower learning rate is offered."""

from collections.abc import Sequence

from pydantic import ValidationError

from leafscope.app.address import session
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import RunSummary

LABEL = "Train with a tenth of the learning rate"


def has_diverged(summary: RunSummary) -> bool:
    """Whether a run failed because its loss became infinite."""
    return summary.status == "failed" and bool(summary.facts.get("diverged"))


def slower(run: RunConfig) -> RunConfig:
    """Return the run with a tenth of its learning rate; raises ValidationError where that is no valid rate.

    >>> slower(RunConfig.model_validate({"train": {"lr": 0.07}})).train.lr
    0.007
    """
    return changed(run, {"train.lr": float(f"{run.train.lr / 10:.6g}")})


def train_slower(summaries: Sequence[RunSummary]) -> list[str]:
    """Queue these runs with a tenth of their learning rates, say so, and return the new runs' addresses."""
    queued = []
    for summary in summaries:
        try:
            run = slower(summary.config)
            jobs.default_store().submit(run)
        except (LeafscopeError, ValidationError) as error:
            session.notify(f"{summary.title} cannot be trained with a lower rate: {error}")
        else:
            queued.append(run.run_id)
            session.notify(f"Learning rate {run.train.lr:g} instead of {summary.config.train.lr:g}.")
    return queued
