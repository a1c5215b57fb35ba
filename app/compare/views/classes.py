"""Classes: the scores that uneven classes cannot flatter, beside always the same answer, for each group."""

import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.compare.selection import Selection, runs_words
from leafscope.app.parts.save_table import save_table
from leafscope.core import jobs
from leafscope.core.comparison.groups import seed_means
from leafscope.core.comparison.intervals import FEWEST, Interval, interval_of
from leafscope.core.comparison.overlap import overlap
from leafscope.core.datasets import Dataset, load
from leafscope.core.inspection.answers import answers_of
from leafscope.core.scores.always import is_no_better
from leafscope.core.scores.confusion import confusion_matrix, f1_scores, mean_of_known, recalls

MOST_GROUPS, MOST_RUNS = 20, 200
"""Groups that are listed, the best first, and runs that are read for them: each takes some milliseconds."""

MOST_CLASSES = 20
"""Of more classes, those with the fewest rows have a recall here."""

_RUN, _ALWAYS = "_run_", "_always_"


def show(found: Selection) -> None:
    """Show a table of groups: accuracy, balanced accuracy, macro F1 and the recall of each class, means over seeds."""
    if len(found.data) > 1:
        st.info("Classes of different data do not compare: choose one data set in the sidebar.")
        return
    split = "test" if found.report else "validation"
    scored, left_out = _scored(found, split)
    if not scored:
        st.info(
            "None of these runs has kept what classes are counted with: the net, or the trees, after its last epoch. Runs of a "
            "sweep keep them only at the learning rate that was chosen."
        )
        return
    first = scored[0][1]
    measures = list(dict.fromkeys(name.removeprefix(_RUN) for name in first.columns if name.startswith(_RUN)))
    intervals = {words: {one: _interval(rows, _RUN + one) for one in measures} for words, rows in scored}
    every = pd.concat([rows for _, rows in scored])
    always = {one: _mean(every, _ALWAYS + one) for one in measures}
    lines = {"always the commonest class": always} | intervals
    st.markdown(theme.escape_markdown(_sentence(intervals, always, every)))
    st.dataframe(_in_words(lines), hide_index=True, placeholder=theme.MISSING, key="classes_table")
    rest = f" {runs_words(left_out)} kept no net of the last epoch, or stand beyond the first {MOST_GROUPS} groups."
    st.caption(
        theme.escape_markdown(
            f"{theme.SPLIT_WORDS[split].capitalize()} rows after the last epoch; means over seeds, from {FEWEST} seeds on with "
            f"their 95 % intervals. Balanced accuracy is the mean recall of the classes; macro F1 the mean of their harmonic "
            f"means of precision and recall. Recall: the share of a class that is answered with it.{rest * bool(left_out)}"
            f"{found.averaged()}"
        )
    )
    with st.container(horizontal=True):
        save_table(lambda: _numbers(lines), "classes", key="classes_csv")


def _scored(found: Selection, split: str) -> tuple[list[tuple[str, pd.DataFrame]], int]:
    """The rows of each group's runs, with a column for each measure of the run and of always the same answer."""
    scored: list[tuple[str, pd.DataFrame]] = []
    left = MOST_RUNS
    for group, words in list(zip(found.groups, found.words, strict=True))[:MOST_GROUPS]:
        rows = _of_group(group.rows.head(left), found, split)
        left -= len(rows)
        if len(rows):
            scored.append((words, rows))
    return scored, len(found.table) - sum(len(rows) for _, rows in scored)


def _of_group(rows: pd.DataFrame, found: Selection, split: str) -> pd.DataFrame:
    kept, measured = [], []
    for place, run_id in enumerate(rows["run_id"]):
        summary = found.summaries[run_id]
        key = (summary.attempt, summary.status, summary.epochs_done)
        one = _of_run(jobs.default_store().url, run_id, key, split)
        if one is not None:
            kept.append(place)
            measured.append(one)
    return rows.iloc[kept].assign(**pd.DataFrame(measured, index=rows.index[kept])) if kept else rows.iloc[:0]


@st.cache_data(show_spinner=False, max_entries=2000)
def _of_run(url: str, run_id: str, state: tuple[int, str, int], split: str) -> dict[str, Any] | None:
    """The measures of a run and of always the same answer; cached until the run goes on."""
    del url, state
    store = jobs.default_store()
    if (answers := answers_of(store, run_id, split)) is None:
        return None
    config = store.run(run_id).config
    data = load(config.data, config.data_seed)
    labels = data.splits[split].y
    matrix = confusion_matrix(labels, answers, data.n_classes)
    same = confusion_matrix(labels, np.full(len(labels), data.majority_class), data.n_classes)
    measures = {f"{start}{name}": value for start, one in ((_RUN, matrix), (_ALWAYS, same)) for name, value in _of(one, data)}
    return measures | {
        "_no_better": is_no_better(*map(_two, (matrix, same))),
    }


def _two(matrix: NDArray[np.int64]) -> dict[str, float]:
    return {"accuracy": float(matrix.trace() / max(1, matrix.sum())), "balanced_accuracy": mean_of_known(recalls(matrix))}


def _of(matrix: NDArray[np.int64], data: Dataset) -> list[tuple[str, float]]:
    recall = recalls(matrix)
    names = [theme.one_line(name, 40) for name in data.class_names]
    told = [name if names.count(name) == 1 else f"{name} (class {place + 1})" for place, name in enumerate(names)]
    rarest = sorted(np.argsort(np.bincount(data.train.y, minlength=data.n_classes), kind="stable")[:MOST_CLASSES].tolist())
    return [
        ("accuracy", float(matrix.trace() / max(1, matrix.sum()))),
        ("balanced accuracy", mean_of_known(recall)),
        ("macro F1", mean_of_known(f1_scores(matrix))),
        *((f"recall of {told[place]}", float(recall[place])) for place in rarest),
    ]


def _interval(rows: pd.DataFrame, column: str) -> Interval:
    return interval_of(True, seed_means(rows, column), overlap=overlap(rows))


def _mean(rows: pd.DataFrame, column: str) -> Interval:
    """The mean over seeds of what no net has a part in: without an interval."""
    values = seed_means(rows, column)
    return Interval(float(values.mean()), math.nan, math.nan, len(values))


def _sentence(groups: dict[str, dict[str, Interval]], always: dict[str, Interval], rows: pd.DataFrame) -> str:
    """Say which group has the best balanced accuracy, what always the same answer has, and how many runs are no better."""
    balanced = {words: of["balanced accuracy"].mean for words, of in groups.items()}
    best = max(balanced, key=lambda words: -math.inf if math.isnan(balanced[words]) else balanced[words])
    beside = (
        f"always the commonest class of training has {theme.percent(always['balanced accuracy'].mean)}, at an accuracy of "
        f"{theme.percent(always['accuracy'].mean)}"
    )
    best_words = f"{theme.one_line(best, 100)} has the highest balanced accuracy"
    start = f"After the last epoch {best_words if len(groups) > 1 else 'balanced accuracy is'}"
    value = theme.percent(balanced[best])
    no_better = int(rows["_no_better"].sum())
    rest = f" {no_better:,} of {runs_words(len(rows))} {'is' if no_better == 1 else 'are'} no better than that."
    return f"{start}{', ' if len(groups) > 1 else ' '}{value}; {beside}.{rest * bool(no_better)}"


def _in_words(lines: dict[str, dict[str, Interval]]) -> pd.DataFrame:
    """The table on the page: a line a group, each mean with its interval."""
    names = list(next(iter(lines.values())))
    table: dict[str, list[str]] = {"Group": [theme.one_line(words, 80) for words in lines]}
    for name in names:
        heading = name[:1].upper() + name[1:]
        table[heading] = [_words(of[name]) for of in lines.values()]
    table["Seeds"] = [f"{of['accuracy'].n:,}" for of in lines.values()]
    return pd.DataFrame(table)


def _words(interval: Interval) -> str:
    """Write a mean with its interval.

    >>> _words(Interval(0.5, 0.25, 0.75, 5)), _words(Interval(0.5, math.nan, math.nan, 1))
    ('50.0 % [25.0, 75.0]', '50.0 %')
    """
    ends = f" [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" if math.isfinite(interval.low) else ""
    return f"{theme.percent(interval.mean)}{ends}"


def _numbers(lines: dict[str, dict[str, Interval]]) -> pd.DataFrame:
    """The table as numbers: group, measure, mean, low, high and n; shares from 0 to 1."""
    return pd.DataFrame(
        [
            {"group": words, "measure": name, "mean": one.mean, "low": one.low, "high": one.high, "n": one.n}
            for words, of in lines.items()
            for name, one in of.items()
        ]
    )
