"""Scores: every group's score with its interval, the best epoch beside the last."""

import streamlit as st

from leafscope.app.compare.selection import BASELINE, Selection, pick_group
from leafscope.app.figures.compare.group_scores import GroupScore, GroupScores
from leafscope.app.parts import drawing
from leafscope.core.comparison.groups import score_interval, seed_means
from leafscope.core.comparison.overlap import overlap


def show(found: Selection) -> None:
    """Show the scores on validation or, once the choice is made, on test."""
    split = "test" if found.report else "validation"
    with st.sidebar:
        baseline = pick_group(BASELINE, "Baseline", found, 0, none="none")
    drawn = [
        GroupScore(
            style=style,
            best=seed_means(group.rows, found.column(split)),
            last=seed_means(group.rows, found.column(split, "last")),
            interval=interval if split == "validation" else score_interval(group.rows, found.column(split)),
        )
        for group, style, interval in zip(found.groups, found.styles, found.intervals, strict=True)
    ]
    chosen = f" Ranked on validation, {found.among()}." if found.report else ""
    among = found.configurations if found.report else None
    drawing.show(
        GroupScores(drawn, found.metric, split, baseline=baseline, configurations=among),
        key="scores",
        caption=f"Mean over seeds with its 95 % t interval{_overlap_words(found)}; filled: at the epoch of the lowest "
        f"validation loss, open: at the last; small: single seeds. The order is that of the validation score.{chosen}"
        f"{found.averaged()} {found.always(split)}",
        subject=found.subject,
    )


def _overlap_words(found: Selection) -> str:
    widened = any(overlap(group.rows) > 0 for group in found.groups)
    return ", widened where seeds share rows (Nadeau and Bengio)" if widened else ""
