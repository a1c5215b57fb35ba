"""Tasks: what is predicted, and so which loss is trained and which scores are recorded. A task belongs to a data set."""

from dataclasses import dataclass

from leafscope.core.scores.registry import SCORES, Score, TaskName


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is predicted of a row: one of several classes, or a number."""

    name: TaskName
    loss: str
    """The name of the training loss on pages."""
    loss_unit: str
    recorded: tuple[str, ...]
    """The scores that each epoch of a run records, beside the loss."""
    summarized: tuple[str, ...]
    """Further scores that a run has at the epoch of the lowest validation loss and at the last one alone, from counts
    of rows by class (`Score.of_tally`). Recording them at every epoch would double what a sweep's histories take."""
    reported: str
    """The score that comparisons, error bars and choices on validation use; lower is better."""
    constant: str
    """The answer that needs no features, in words: what a run is compared with."""

    @property
    def known(self) -> tuple[str, ...]:
        """The scores that tables of runs have, in order."""
        return (*self.recorded, *self.summarized)

    @property
    def score(self) -> Score:
        """The score that is reported."""
        return SCORES[self.reported]


TASKS = {
    task.name: task
    for task in (
        Task(
            name="classification",
            loss="Cross-entropy",
            loss_unit="nats",
            recorded=("accuracy",),
            summarized=("balanced_accuracy", "macro_f1"),
            reported="error",
            constant="always the commonest class of the training rows",
        ),
        Task(
            name="regression",
            loss="Squared error of the standardized target",
            loss_unit="",
            recorded=("rmse", "mae", "r2"),
            summarized=(),
            reported="rmse",
            constant="always the mean of the training rows",
        ),
    )
}
"""The tasks by name."""
