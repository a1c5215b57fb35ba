"""What else a reader of the tables must know: nets still improving, disagreeing scores, collapsed and failed nets."""

from dataclasses import dataclass

import pandas as pd

from leafscope.core.models import net_lines


@dataclass(frozen=True)
class Remarks:
    """Counts over the reported nets of one data set; each run is counted once."""

    nets: int
    """Nets with a result."""
    late: int
    """Whose lowest validation loss is at one of the last two epochs: longer training might still help them."""
    disagree: int
    """Whose validation error at the last epoch is lower than at the epoch of the lowest validation loss, which is reported."""
    collapsed: int
    """No better on the test rows than always answering with the majority class; they count as any other."""
    without: int
    """Runs without a result, fitted models included."""


def remarks(results: pd.DataFrame) -> Remarks:
    """Count in a table of reported runs."""
    once = results.drop_duplicates("run_id")
    finished = once[once["status"] == "finished"]
    nets = finished[finished["model"].isin(net_lines())]
    return Remarks(
        nets=len(nets),
        late=int((nets["best_epoch"] >= nets["train.epochs"] - 1).sum()),
        disagree=int((nets["last_validation_accuracy"] > nets["best_validation_accuracy"]).sum()),
        collapsed=int((nets["best_test_accuracy"] <= nets["chance_accuracy"]).sum()),
        without=int((once["status"] != "finished").sum()),
    )
