"""What always the same answer scores, in words: beside every accuracy and error, and whether a run is better.

99 % of rows answered rightly is nothing where 99 % of them have one class.
"""

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from leafscope.app import theme
from leafscope.core.config import RunConfig
from leafscope.core.datasets.always import always
from leafscope.core.datasets.registry import data_words
from leafscope.core.scores.always import is_no_better
from leafscope.core.store.values.summaries import RunSummary

ANSWER = {False: "always the commonest class of training", True: "always the mean of the training rows"}
"""The answer in words, by whether numbers are predicted."""

UNLEARNED = "It has learned nothing: its training loss is no lower than before training."
BEST_UNTRAINED = "Its validation loss was lowest before training: scores at the best epoch are those of the untrained net."
LEAST = 1e-3
"""The share by which a loss must have fallen for something to be learned."""

MOST_DATA = 3
"""Data sets of which a sentence names the scores."""

NO_BETTER = "no better than always the same answer"
"""What is said of a run that is."""


def words(scores: Mapping[str, float]) -> str:
    """Write the scores of always the same answer as a sentence; empty if they are not known.

    >>> words({"accuracy": 0.9915, "balanced_accuracy": 0.5})
    'Always the commonest class of training: accuracy 99.2 % (error 0.8 %), balanced accuracy 50.0 %.'
    >>> words({"rmse": 2.5})
    'Always the mean of the training rows: RMSE 2.50.'
    """
    said = _values(scores)
    start = "Always the mean of the training rows" if "rmse" in scores else "Always the commonest class of training"
    return f"{start}: {said}." if said else ""


def _values(scores: Mapping[str, float]) -> str:
    known = {name: value for name, value in scores.items() if math.isfinite(value)}
    if "rmse" in known:
        return f"RMSE {theme.three_significant(known['rmse'])}"
    if "accuracy" not in known:
        return ""
    said = f"accuracy {theme.percent(known['accuracy'])} (error {theme.percent(1 - known['accuracy'])})"
    balanced = known.get("balanced_accuracy")
    return said if balanced is None else f"{said}, balanced accuracy {theme.percent(balanced)}"


def scores_of(runs: Iterable[RunConfig], split: str = "test") -> dict[str, float]:
    """Return the scores of always the same answer, means over the seeds of the runs' data; none where they are not known."""
    of_data = [always(data, seed, split) for data, seed in dict.fromkeys((run.data, run.data_seed) for run in runs)]
    return {str(name): float(mean) for name, mean in pd.DataFrame(list(map(dict, of_data))).mean().items()}


def of_runs(runs: Iterable[RunConfig], split: str = "test") -> str:
    """Write the same of some runs as a sentence; of a few data sets each by its name, of more nothing."""
    by_name: dict[str, list[RunConfig]] = {}
    for run in runs:
        by_name.setdefault(run.data.name, []).append(run)
    if len(by_name) > MOST_DATA:
        return ""
    found = {name: scores_of(mine, split) for name, mine in by_name.items()}
    if len(found) == 1:
        return words(next(iter(found.values())))
    said = [f"{theme.one_line(data_words(name), 40)} {_values(scores)}" for name, scores in found.items() if _values(scores)]
    return f"Always the same answer: {'; '.join(said)}." if said else ""


def of_table(results: pd.DataFrame) -> str:
    """Write the same of a sweep's table of results; empty before a run has finished."""
    mine = [str(name) for name in results.columns if str(name).startswith("chance_")]
    means = results.drop_duplicates(["data", "n_train", "seed"])[mine].mean()
    return words({name.removeprefix("chance_"): float(means[name]) for name in mine if not math.isnan(means[name])})


def are_no_better(results: pd.DataFrame, which: str = "best") -> "pd.Series[bool]":
    """Say of each row of a sweep's table of results whether its test scores are no better than those of the same answer."""
    names = [str(name).removeprefix("chance_") for name in results.columns if str(name).startswith("chance_")]
    mine = {name: results[f"{which}_test_{name}"].to_numpy(float) for name in names}
    same = {name: results[f"chance_{name}"].to_numpy(float) for name in names}
    return pd.Series(is_no_better(mine, same), index=results.index, dtype=bool)


def no_better(summary: RunSummary, which: str = "last", split: str = "test") -> bool:
    """Say whether an ended run's scores on a split are no better than those of always the same answer."""
    values = summary.best if which == "best" else summary.last
    mine = {name.removeprefix(f"{split}_"): value for name, value in values.items() if name.startswith(f"{split}_")}
    return bool(is_no_better(mine, always(summary.config.data, summary.config.data_seed, split)))


def judged(summary: RunSummary, split: str = "test") -> str:
    """Say in a sentence or two that a run is no better than always the same answer, or has learned nothing; empty: neither."""
    if summary.active or not summary.last:
        return ""
    said = []
    if no_better(summary, split=split):
        answer = "the mean of the training rows" if f"{split}_rmse" in summary.last else "the commonest class of training"
        said.append(f"This run is no better than always {answer} ({theme.SPLIT_WORDS[split]} rows, last epoch).")
    return " ".join([*said, *filter(None, [unlearned(summary)])])


def unlearned(summary: RunSummary) -> str:
    """Say in a sentence that a trained net has learned nothing, or was best before; empty: neither, or that is not known."""
    before, after = (values.get("train_loss", math.nan) for values in (summary.first, summary.last))
    if summary.epochs_done and after > before * (1 - LEAST):
        return UNLEARNED
    return BEST_UNTRAINED if summary.chosen_epoch == 0 and summary.epochs_done else ""


def counted(summaries: Iterable[RunSummary], split: str = "test", which: str = "last") -> str:
    """Count in a sentence the ended runs that are no better than always the same answer; empty: none."""
    ended = [summary for summary in summaries if not summary.active and summary.last]
    bad = sum(no_better(summary, which, split) for summary in ended)
    if not bad:
        return ""
    if len(ended) == 1:
        return f"It is {NO_BETTER}."
    return f"{theme.thousands(bad)} of {theme.thousands(len(ended))} runs {'is' if bad == 1 else 'are'} {NO_BETTER}."
