"""The groups of compared runs as a table: one line a group."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import always, theme
from leafscope.app.compare.selection import BASELINE, Selection, token
from leafscope.app.figures.compare.scores import title
from leafscope.core.comparison.groups import Paired, compare, score_interval, seed_means
from leafscope.core.comparison.intervals import Interval, holm
from leafscope.core.comparison.table import predict_numbers


def group_lines(found: Selection) -> pd.DataFrame:
    """One line a group: scores with intervals and, beside a baseline, the paired difference with Holm's correction."""
    lines: list[dict[str, Any]] = []
    base = st.session_state.get(BASELINE, "")
    tokens = [token(group) for group in found.groups]
    baseline = tokens.index(base) if base in tokens else None
    differences = [
        None if baseline is None or place == baseline else compare(group, found.groups[baseline], found.score)
        for place, group in enumerate(found.groups)
    ]
    adjusted = holm([math.nan if one is None else one.difference.p for one in differences])
    for place, (group, interval) in enumerate(zip(found.groups, found.intervals, strict=True)):
        line: dict[str, Any] = {"Group": theme.one_line(found.words[place], 80), "Seeds": interval.n, "Runs": len(group.rows)}
        for split in found.splits:
            at_best = interval if split == "validation" else score_interval(group.rows, found.column(split))
            last = seed_means(group.rows, found.column(split, "last"))
            name = "Validation" if split == "validation" else "Test"
            line[f"{name} {title(found.metric)}, best"] = _interval_words(found, at_best)
            line[f"{name}, last"] = _score_words(found, float(last.mean()) if len(last) else math.nan)
        one = differences[place]
        if baseline is not None:
            line["Minus baseline"] = "baseline" if one is None else _difference_words(found, one, bool(adjusted[place] < 0.05))
        lines.append(line)
    always_line = [_always_line(found)] if lines and len(found.data) == 1 else []
    return pd.DataFrame([*always_line, *lines]).astype({name: "Int64" for name in ("Seeds", "Runs") if lines})


def _always_line(found: Selection) -> dict[str, Any]:
    """What always the same answer scores, in the columns of the groups."""
    answer = "always the mean" if predict_numbers(found.table) else "always the same"
    line: dict[str, Any] = {"Group": answer, "Seeds": None, "Runs": None}
    for split in found.splits:
        scores = always.scores_of(found.configs(), split)
        name = "Validation" if split == "validation" else "Test"
        said = _score_words(found, scores.get(found.metric, math.nan))
        line |= {f"{name} {title(found.metric)}, best": said, f"{name}, last": said}
    return line


def _interval_words(found: Selection, interval: Interval) -> str:
    if math.isnan(interval.mean):
        return theme.MISSING
    least = -math.inf if found.metric == "r2" else 0.0  # no loss is below 0
    low, high = (_score_words(found, max(least, value)) for value in (interval.low, interval.high))
    words = _score_words(found, interval.mean)
    return words if math.isnan(interval.low) else f"{words} [{low.removesuffix(' %')}, {high.removesuffix(' %')}]"


def _score_words(found: Selection, value: float) -> str:
    return theme.percent(value) if found.is_share else theme.three_significant(value)


def _difference_words(found: Selection, paired: Paired, shown: bool) -> str:
    one = paired.difference
    if math.isnan(one.mean):
        return "no pairs"
    factor, unit = (100, " points") if found.is_share else (1, "")
    digits = 1 if found.is_share else 4
    words = f"{factor * one.mean:+.{digits}f}{unit}"
    if math.isnan(one.low):
        return f"{words}, one seed"
    words += f" [{factor * one.low:+.{digits}f}, {factor * one.high:+.{digits}f}]"
    return words if shown else f"{words}, not shown"
