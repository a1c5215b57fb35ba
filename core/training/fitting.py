"""Fitting the models that scikit-learn fits in one go: trials, scores and times. What is special to one is in `core.models`.

N rows · P features · C classes. A model is fitted on the training rows, its one hyperparameter is chosen on validation
(among four values, as many trials as the nets get learning rates; a pruned tree: along its path of alphas), and the test
rows are only scored at the end. Losses are mean log losses in nats, accuracies shares.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.config import RunConfig
from leafscope.core.datasets import Dataset, load
from leafscope.core.device import check_fits
from leafscope.core.errors import DataError
from leafscope.core.inference.trees import Trees
from leafscope.core.models import fitted_kinds
from leafscope.core.models.registry import Choice, Fit
from leafscope.core.training.arrays import Arrays
from leafscope.core.training.events import EpochRecord

TIMINGS = 5
"""How often the test rows are predicted for the time of inference."""


@dataclass(frozen=True)
class FittedModel:
    """What a fit gives."""

    run: RunConfig
    record: EpochRecord
    """Epoch 1: loss and accuracy on train, validation and test; no leaves; seconds of fitting and evaluation."""
    facts: dict[str, Any]
    """JSON values. `parameters` and `trained_parameters` (the same), `multiply_adds` of one example at inference and in
    `operations` whether they are multiply-adds or comparisons, `fit_seconds` of all trials, `inference_seconds` for one row
    (all test rows at once, the median of five), `chosen` (hyperparameter -> value, or empty) and `trials`. Logistic
    regression: `converged`. Boosting: `is_bound`, where only upper bounds of its size are known."""
    estimator: Any
    """The fitted estimator: standardized rows (N, P) -> classes, of which it knows those of training."""
    n_classes: int
    """C of the data set; 0 where numbers are predicted."""

    @property
    def trees(self) -> Trees | None:
        """The fitted tree or forest as arrays; None for another model."""
        fitted = self.run.net.model.fit
        return Trees.of(self.estimator, self.n_classes) if fitted is not None and fitted.has_trees else None


def fit(run: RunConfig, dataset: Dataset | None = None, should_stop: Callable[[], bool] = lambda: False) -> FittedModel | None:
    """Fit a baseline and score it on all splits; None if `should_stop()` before one of its trials.

    `dataset` is the run's, if it is at hand. Raises ValueError for a kind that is trained by gradient, LimitError if the fit
    would not fit in memory, before allocation, and DataError if the data cannot be had or all training rows are of one
    class, of which logistic regression and boosting can make nothing.

    >>> from leafscope.core.config import DataConfig, NetConfig
    >>> model = fit(RunConfig(data=DataConfig(name="iris"), net=NetConfig(kind="decision_tree", depth=0)))
    >>> model.facts["parameters"], model.facts["multiply_adds"]  # one leaf: the share of each class
    (3, 0.0)
    """
    model = run.net.model.fit
    if model is None:
        raise ValueError(f"kind must be one of {', '.join(fitted_kinds())}, got {run.net.kind}")
    check_fits(run)
    data = load(run.data, run.data_seed) if dataset is None else dataset
    if data.n_classes:
        _check_classes(run.net.kind, model, data)
    arrays = Arrays.of(data)
    if arrays.validation is None and (model.choose or model.grid):
        raise DataError(f"there must be validation rows for {run.net.kind}, which is chosen by them; the validation share is 0")
    arrays.weights(run.train.class_weight)  # raises before anything is fitted
    with _one_thread():
        began = time.perf_counter()
        choice = (model.choose or _choose_from_grid)(run, data, should_stop)
        if choice is None:
            return None
        fit_seconds = time.perf_counter() - began
        found = {name: _scores(choice.estimator, arrays, name, run) for name in arrays.parts}
        metrics = {(name, metric): value for name, (scores, _) in found.items() for metric, value in scores.items()}
        tallies = {name: tally for name, (_, tally) in found.items() if tally is not None}
        record = EpochRecord(epoch=1, metrics=metrics, leaves={}, seconds=time.perf_counter() - began, tallies=tallies)
        inference_seconds = _inference_seconds(choice.estimator, (arrays.test or arrays.train).x)
        size = model.size(choice.estimator, data.train.x)
    facts: dict[str, Any] = {
        "parameters": size.parameters,
        "trained_parameters": size.parameters,
        "multiply_adds": size.operations,
        "operations": model.operations,
        "fit_seconds": fit_seconds,
        "inference_seconds": inference_seconds,
        "chosen": choice.chosen,
        "trials": choice.trials,
        **choice.facts,
    }
    if size.is_bound:
        facts["is_bound"] = True
    return FittedModel(run, record, facts, choice.estimator, data.n_classes)


# Choosing on validation


def _choose_from_grid(run: RunConfig, data: Dataset, should_stop: Callable[[], bool]) -> Choice | None:
    """Fit with each value and keep the lowest validation loss, the first of equals; without a grid there is one trial."""
    model = run.net.model.fit
    assert model is not None
    trials = [{name: value} for name, values in model.grid.items() for value in values] or [{}]
    arrays = Arrays.of(data)
    best: Choice | None = None
    lowest = math.inf
    for chosen in trials:
        if should_stop():
            return None
        estimator, facts = model.fit(run, data.train.x, data.train.y, chosen)
        loss = math.inf if arrays.validation is None else _scores(estimator, arrays, "validation", run)[0]["loss"]
        if best is None or loss < lowest:
            best, lowest = Choice(estimator, chosen, len(trials), facts), loss
    return best


# Scoring and timing


def _scores(estimator: Any, arrays: Arrays, name: str, run: RunConfig) -> tuple[dict[str, float], NDArray[np.int64] | None]:
    """Loss and recorded scores of a part, and its counts of `Arrays.tally`; the loss has the weights of rows.

    Of classes the loss is the log loss in nats, probabilities clipped as scikit-learn does, a class unseen in training having
    none; of numbers the mean squared error of the standardized target.
    """
    part, weight = arrays.parts[name], arrays.weights(run.train.class_weight)[name]
    if arrays.n_classes is None:
        mean, deviation = arrays.centre
        outputs = (estimator.predict(part.x).astype(np.float64) - mean) / deviation
        losses = (outputs - (part.y - mean) / deviation) ** 2
        return {"loss": float(losses.mean()), **arrays.scores(name, outputs[:, np.newaxis])}, None
    probabilities = np.zeros((len(part.y), arrays.n_classes))
    probabilities[:, estimator.classes_] = estimator.predict_proba(part.x)
    eps = np.finfo(np.float64).eps
    of_label = probabilities[np.arange(len(part.y)), part.y].clip(eps, 1 - eps)
    losses = -np.log(of_label) if weight is None else -np.log(of_label) * weight
    answers = estimator.predict(part.x)
    return {"loss": float(losses.mean()), "accuracy": float((answers == part.y).mean())}, arrays.tally(name, answers)


def _inference_seconds(estimator: Any, x: NDArray[np.float32]) -> float:
    seconds = []
    for _ in range(TIMINGS):
        began = time.perf_counter()
        estimator.predict(x)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / len(x)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep scikit-learn's OpenMP to one thread, so that a busy machine is not disturbed; other threads are not concerned."""
    with _libraries().limit(limits=1, user_api="openmp"):
        yield


@lru_cache(maxsize=1)
def _libraries() -> Any:
    """The libraries that have threads, looked for once, since that takes longer than a small tree."""
    import sklearn.ensemble  # noqa: F401 -- the library must be loaded to be limited
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _check_classes(kind: str, model: Fit, data: Dataset) -> None:
    classes = len(np.unique(data.train.y))
    if classes < model.min_classes:
        least = "two" if model.min_classes == 2 else str(model.min_classes)
        raise DataError(f"the training split must have rows of at least {least} classes for {kind}, got {classes}")
