"""The curve of the run before, which stays behind that of the run that is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.parts import run_picker
from leafscope.core import jobs
from leafscope.core.store.values.summaries import RunSummary

SPLIT = "validation"
"""The split whose curve stays: one line, so that the new ones are read before it."""


@dataclass(frozen=True, eq=False)
class Ghost:
    """The validation curves of a run: metric -> epochs and values."""

    title: str
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def words(self) -> str:
        """Say which run the faint line is of, as Markdown."""
        return f"Faint: {theme.SPLIT_WORDS[SPLIT]} of the run before, {theme.escape_markdown(self.title, 80)}."


def of_run_before(shown: RunSummary) -> Ghost | None:
    """The net on the same data set that was looked at before the run that is shown; None if there is none."""
    store = jobs.default_store()
    before = [run_id for run_id in session.looked_at() if run_id != shown.run_id]
    found = store.runs(before)
    for run_id in before:
        one = found.get(run_id)
        if one is None or run_picker.config_fault(one) is not None or one.config.net.fitted or not one.last:
            continue
        if one.config.data.name == shown.config.data.name:
            curves = {metric: store.curves([run_id], SPLIT, metric).get(run_id) for metric in ("loss", "accuracy", "rmse")}
            return Ghost(one.title, {metric: curve for metric, curve in curves.items() if curve is not None})
    return None
