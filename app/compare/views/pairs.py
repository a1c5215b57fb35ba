"""Two groups: compared seed by seed, and what differs in their configurations."""

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.compare.selection import Selection, pick_group
from leafscope.app.figures.compare.paired_seeds import PairedSeeds
from leafscope.app.parts import drawing
from leafscope.core.comparison.groups import Group, compare, group_fields
from leafscope.core.comparison.table import differing, field_words, value_words


def show(found: Selection) -> None:
    """Ask for the two groups, and show their paired differences and the fields in which they differ."""
    if len(found.groups) < 2:
        st.info("This view compares two groups, and there is only one. Choose more runs, or group by another field.")
        return
    left, right = st.columns(2)
    with left:
        first = pick_group("first", "First group", found, 0) or 0
    with right:
        second = pick_group("second", "Second group", found, 1) or 0
    if first == second:
        st.info("The first and the second group are the same. Choose another group for one of them.")
        return
    one, other = found.groups[first], found.groups[second]
    words = (found.words[first], found.words[second])
    for split in found.splits:
        paired = compare(one, other, found.column(split))
        if paired.why is not None:
            st.warning(theme.escape_markdown(f"{words[0]} and {words[1]} cannot be paired: {paired.why}", 600))
            continue
        left_out = paired.left_out_first + paired.left_out_second
        drawing.show(
            PairedSeeds(
                seeds=[str(seed) for seed in paired.pairs["seed"]],
                first=paired.pairs["first"].to_numpy(float),
                second=paired.pairs["second"].to_numpy(float),
                difference=paired.difference,
                styles=(found.styles[first], found.styles[second]),
                metric=found.metric,
                split=split,
            ),
            key=f"pairs_{split}",
            caption="Runs of the same data and seed are paired, at the epoch of the lowest validation loss; 95 % "
            f"interval of the mean difference, two-sided t test{_averaged_words(one, other)}"
            + (f"; {left_out} runs have no partner and are left out" if left_out else "")
            + (f"; {found.among()}." if split == "test" else ".")
            + f" {found.always(split)}",
            subject=found.subject,
        )
    st.header("What differs")
    st.dataframe(_difference(one.rows, other.rows, words), hide_index=True, placeholder=theme.MISSING, key="differs")


def _averaged_words(one: Group, other: Group) -> str:
    mixed = list(dict.fromkeys([*group_fields(one.rows), *group_fields(other.rows)]))
    return f"; averaged over {theme.enumerate_words([field_words(field) for field in mixed])}" if mixed else ""


def _difference(first: pd.DataFrame, second: pd.DataFrame, words: tuple[str, str]) -> pd.DataFrame:
    """The fields in which two groups differ, with the values that each has."""
    fields = differing(pd.concat([first, second]))
    heads = [theme.one_line(text, 60) for text in words]
    if heads[0] == heads[1]:
        heads = [f"{head} ({number})" for number, head in enumerate(heads, 1)]
    lines = []
    for field in fields:
        values = [_values(rows, field) for rows in (first, second)]
        if values[0] != values[1]:
            lines.append({"Field": field_words(field), heads[0]: values[0], heads[1]: values[1]})
    return pd.DataFrame(lines, columns=["Field", *heads])


def _values(rows: pd.DataFrame, field: str) -> str:
    found = list(dict.fromkeys(value_words(field, value) for value in rows[field]))
    return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
