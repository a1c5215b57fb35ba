"""Scores against scikit-learn's, and what they do where they are undefined."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from leafscope.core.scores import SCORES, TASKS, confusion_matrix, precisions, recalls, scores_of
from leafscope.core.scores.confusion import tally, tally_of

PAIRS = st.integers(1, 5).flatmap(
    lambda c: st.lists(st.tuples(st.integers(0, c - 1), st.integers(0, c - 1)), min_size=1, max_size=40)
)
NUMBERS = st.lists(st.tuples(st.floats(-1e3, 1e3, width=32), st.floats(-1e3, 1e3, width=32)), min_size=2, max_size=40)

CLASSES = {
    "accuracy": metrics.accuracy_score,
    "error": metrics.zero_one_loss,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "macro_f1": lambda y, z: metrics.f1_score(y, z, average="macro", zero_division=0),
}

OF_NUMBERS = {
    "rmse": metrics.root_mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "r2": metrics.r2_score,
}


def test_every_score_has_an_oracle() -> None:
    assert set(scores_of("classification")) == set(CLASSES)
    assert set(scores_of("regression")) == set(OF_NUMBERS)


@given(PAIRS)
def test_scores_of_classes_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    y, z = np.array(pairs).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are answered but do not occur
        for name, oracle in CLASSES.items():
            assert SCORES[name].measure(y, z) == pytest.approx(oracle(y, z), abs=1e-12), name


@given(PAIRS)
def test_scores_of_counts_are_those_of_the_rows(pairs: list[tuple[int, int]]) -> None:
    y, z = np.array(pairs).T
    counts = tally(y, z, 6)
    assert np.array_equal(counts, tally_of(confusion_matrix(y, z, 6)))
    counted = [score for score in SCORES.values() if score.of_tally is not None]
    assert {score.name for score in counted} == {name for task in TASKS.values() for name in task.summarized}
    for score in counted:
        assert score.of_tally is not None
        assert score.of_tally(counts) == pytest.approx(score.measure(y, z), abs=1e-12), score.name


@given(PAIRS)
def test_the_confusion_matrix_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    y, z = np.array(pairs).T
    matrix = confusion_matrix(y, z, 5)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(y, z, labels=range(5)))
    precision, recall, _, rows = metrics.precision_recall_fscore_support(y, z, labels=range(5), zero_division=np.nan)
    np.testing.assert_allclose(recalls(matrix), np.where(rows > 0, recall, np.nan))
    np.testing.assert_allclose(precisions(matrix), precision)


@given(NUMBERS)
def test_scores_of_numbers_are_those_of_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    y, z = np.array(pairs).T
    for name, oracle in OF_NUMBERS.items():
        if name == "r2" and np.ptp(y) < 1e-3:
            continue  # scikit-learn has rules of its own for equal targets
        assert SCORES[name].measure(y, z) == pytest.approx(oracle(y, z), rel=1e-9, abs=1e-9), name


def test_what_is_undefined_is_nan() -> None:
    assert all(math.isnan(score.measure([], [])) for score in SCORES.values())
    assert math.isnan(SCORES["r2"].measure([1.0, 1.0], [1.0, 2.0]))
    assert np.isnan(recalls(confusion_matrix([0, 0], [0, 2]))).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([0, 1], [0], "one and the same length"),
        ([0.5], [0], "whole numbers"),
        ([-1], [0], "from 0 to 0"),
        ([3], [0], "from 0 to 1"),
    ],
)
def test_what_cannot_be_counted_is_refused(targets: list[float], predictions: list[int], message: str) -> None:
    n_classes = 2 if targets == [3] else None
    with pytest.raises(ValueError, match=message):
        confusion_matrix(targets, predictions, n_classes)


def test_tasks_record_their_own_scores_and_report_one_that_is_better_when_lower() -> None:
    for name, task in TASKS.items():
        assert set(task.known) <= set(scores_of(name))
        assert task.score.needs == name
        assert not task.score.higher_is_better
