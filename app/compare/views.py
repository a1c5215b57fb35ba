"""Parts of the Compare page: from a selection to tables and figures, each with its sentence, caption and numbers."""

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.address.choice import pick
from leafscope.app.compare.selection import BASELINE, Selection, pick_group, token
from leafscope.app.figures.compare.field_scatter import field_scatter, field_scatter_sentence, field_scatter_table
from leafscope.app.figures.compare.group_curves import GroupLines, group_curves, group_curves_sentence, group_curves_table
from leafscope.app.figures.compare.group_scores import GroupScore, group_scores, group_scores_sentence, group_scores_table
from leafscope.app.figures.compare.paired_seeds import paired_seeds, paired_sentence, paired_table
from leafscope.app.figures.compare.parallel import parallel, parallel_sentence, parallel_table
from leafscope.app.figures.compare.pivot_map import pivot_map, pivot_map_sentence, pivot_map_table
from leafscope.app.parts import drawing, run_picker
from leafscope.core import jobs
from leafscope.core.comparison.groups import compare, data_overlap, pivot, score_interval, seed_means
from leafscope.core.comparison.statistics import holm
from leafscope.core.comparison.table import MEASURES, SEED_FIELDS, differing, field_words, shared, value_words
from leafscope.core.datasets import shape
from leafscope.core.sweep.outcome import SCORES

MOST_CURVES = 200
"""Runs whose curves are drawn; more would be a carpet, and take seconds to read."""
AXES = {"epoch": "epoch", "step": "step", "seconds": "seconds of training", "multiply_adds": "multiply-adds of training"}
SPLITS_SHOWN = {"validation": "validation", "train": "training", "both": "training and validation"}


def scores(found: Selection) -> None:
    """Every group's score with its interval, the best beside the last."""
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
    numbers: dict[str, Any] = {
        "scores": drawn,
        "metric": found.metric,
        "split": split,
        "baseline": baseline,
    }
    among = found.configurations if found.report else None
    chosen = "" if not found.report else f" Ranked on validation, {found.among()}."
    drawing.figure(
        group_scores(**numbers, configurations=among, subject=found.subject, look=session.look()),
        key="scores",
        sentence=group_scores_sentence(**numbers, configurations=among),
        caption=f"Mean over seeds with its 95 % t interval{_overlap_words(found)}; filled: at the epoch of the lowest "
        f"validation loss, open: at the last; small: single seeds. The order is that of the validation score.{chosen}"
        f"{found.averaged()}",
        table=group_scores_table(**numbers),
    )


def _overlap_words(found: Selection) -> str:
    widened = any(data_overlap(group.rows) > 0 for group in found.groups)
    return ", widened where seeds share rows (Nadeau and Bengio)" if widened else ""


def curves(found: Selection) -> None:
    """The histories of all runs, grouped, with bands."""
    with st.sidebar, st.expander("Curves", expanded=True):
        axis = pick("x_axis", "Across", list(AXES), "epoch", AXES)
        split_options = SPLITS_SHOWN | ({"test": "test", "all": "training, validation and test"} if found.report else {})
        which = pick("curves", "Splits", list(split_options), "both", split_options)
        log_x, log_y = _check("log_x", "Logarithmic across"), _check("log_y", "Logarithmic upward")
        singles = _check("singles", "Single runs", default=True)
    splits = {"both": ("train", "validation"), "all": ("train", "validation", "test")}.get(which, (which,))
    count, runs = 0, 0
    while count < len(found.groups) and (count == 0 or runs + len(found.groups[count].rows) <= MOST_CURVES):
        runs += len(found.groups[count].rows)
        count += 1
    if count < len(found.groups):
        st.info(
            f"Curves are drawn of about {MOST_CURVES} runs at most: here of the best {count} of {len(found.groups):,} groups. "
            "Choose rows or filter to see others."
        )
    lines, overlaps = _lines(found, splits, axis, count)
    numbers: dict[str, Any] = {"lines": lines, "metric": found.metric, "overlap": overlaps}
    drawing.figure(
        group_curves(
            **numbers,
            x_title=AXES[axis],
            log_x=log_x,
            log_y=log_y,
            singles=singles,
            subject=found.subject,
            look=session.look(),
        ),
        key="curves_figure",
        sentence=group_curves_sentence(**numbers, x_title=AXES[axis]),
        caption="Mean over the seeds of a group at each epoch, with its 95 % t interval as a band; thin: single seeds. "
        f"{_axis_words(axis)} Test solid, validation dashed, training dotted.{found.averaged()}",
        table=group_curves_table(**numbers),
    )


def _axis_words(axis: str) -> str:
    return {
        "epoch": "Epoch 0 is before training.",
        "step": "A step is one batch.",
        "seconds": "Seconds: the run's training time, spread evenly over its epochs.",
        "multiply_adds": "Multiply-adds: those of an example at inference, times the training rows, times the epochs; "
        "the backward pass not counted.",
    }[axis]


def _lines(found: Selection, splits: tuple[str, ...], axis: str, count: int) -> tuple[list[GroupLines], list[float]]:
    """The curves of the first `count` groups, and how much the seeds of each share."""
    ids = [str(run_id) for group in found.groups[:count] for run_id in group.rows["run_id"]]
    histories = {split: jobs.default_store().curves(ids, split, found.metric) for split in splits}
    lines: list[GroupLines] = []
    overlaps: list[float] = []
    for group, style in zip(found.groups[:count], found.styles[:count], strict=True):
        for split in splits:
            mine = [row for row in group.rows.to_dict("records") if row["run_id"] in histories[split]]
            if not mine:
                continue
            most = max(int(histories[split][row["run_id"]][0][-1]) for row in mine)
            x, y = np.full((2, len(mine), most + 1), math.nan)
            for number, row in enumerate(mine):
                epochs, values = histories[split][row["run_id"]]
                y[number, epochs] = values
                x[number] = np.arange(most + 1) * _per_epoch(row, found, axis)
            overlaps.append(data_overlap(group.rows))
            lines.append(GroupLines(style, split, *_seeds_averaged(mine, x, y)))
    return lines, overlaps


def _seeds_averaged(rows: list[dict[Any, Any]], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One curve a seed: runs of one seed in a group are averaged, so that n is a number of seeds."""
    seeds: dict[tuple[int, int], list[int]] = {}
    for place, row in enumerate(rows):
        seeds.setdefault((row["split_seed"], row["init_seed"]), []).append(place)
    if len(seeds) == len(rows):
        return x, y, [str(row["title"]) for row in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an epoch that no run of the seed has is NaN
        means = [np.stack([np.nanmean(part[places], axis=0) for places in seeds.values()]) for part in (x, y)]
    names = [f"seed {seed[0]}, mean of {len(places)} runs" for seed, places in seeds.items()]
    return means[0], means[1], names


def _per_epoch(row: dict[Any, Any], found: Selection, axis: str) -> float:
    """How far an epoch is along the axis."""
    if axis == "epoch":
        return 1.0
    if axis == "seconds":
        return float(row["seconds"]) / max(1, int(row["epochs_done"]))
    run = found.summaries[str(row["run_id"])].config
    rows = shape(run.data).n_train
    return float(math.ceil(rows / run.train.batch_size)) if axis == "step" else rows * float(row["multiply_adds"])


def _check(key: str, label: str, default: bool = False) -> bool:
    """A box that lives in the address."""
    session.seed_from_url(key, lambda text: text == "1", default)
    value = st.checkbox(label, key=key, persist_state="session")
    session.publish_to_url(key, "1" if value else "0", "1" if default else "0")
    return value


def pairs(found: Selection) -> None:
    """Two groups, seed by seed, and what differs in their configurations."""
    if len(found.groups) < 2:
        st.info("Two groups are compared here, and there is only one. Choose more runs, or group by another field.")
        return
    left, right = st.columns(2)
    with left:
        first = pick_group("first", "First group", found, 0) or 0
    with right:
        second = pick_group("second", "minus second group", found, 1) or 0
    if first == second:
        st.info("First and second are the same group; choose another for one of them.")
        return
    one, other = found.groups[first], found.groups[second]
    for split in found.splits:
        paired = compare(one, other, found.column(split))
        words = (found.words[first], found.words[second])
        sentence = paired_sentence(difference=paired.difference, words=words, metric=found.metric, split=split)
        if paired.why is not None:
            st.warning(theme.escape_markdown(f"{words[0]} and {words[1]} cannot be paired: {paired.why}", 600))
            continue
        numbers: dict[str, Any] = {
            "seeds": [str(seed) for seed in paired.pairs["seed"]],
            "first": paired.pairs["first"].to_numpy(float),
            "second": paired.pairs["second"].to_numpy(float),
            "metric": found.metric,
            "split": split,
        }
        left_out = paired.left_out_first + paired.left_out_second
        mixed = [field for field in differing(one.rows) if field not in SEED_FIELDS]
        mixed += [field for field in differing(other.rows) if field not in (*SEED_FIELDS, *mixed)]
        averaged = f"; averaged over {theme.enumerate_words([field_words(field) for field in mixed])}" if mixed else ""
        drawing.figure(
            paired_seeds(
                **numbers,
                difference=paired.difference,
                styles=(found.styles[first], found.styles[second]),
                subject=found.subject,
                look=session.look(),
            ),
            key=f"pairs_{split}",
            sentence=sentence,
            caption="Runs of the same data and seed stand beside each other, at the epoch of the lowest validation loss; 95 % "
            "interval of the mean difference, two-sided t test"
            + averaged
            + (f"; {left_out} runs have no partner and are left out" if left_out else "")
            + (f"; {found.among()}." if split == "test" else "."),
            table=paired_table(**numbers),
        )
    st.subheader("What differs")
    st.dataframe(_difference(one.rows, other.rows, (found.words[first], found.words[second])), hide_index=True, key="differs")


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


def pivot_part(found: Selection) -> None:
    """One field across, one down, the mean score in each cell; a click shows its runs."""
    fields = [field for field in ["model", *differing(found.table)] if field not in SEED_FIELDS]
    if len(fields) < 2:
        st.info("A pivot needs two fields in which the runs differ, beside the seed.")
        return
    names = {field: field_words(field) for field in fields}
    left, right, third = st.columns(3)
    with left:
        down = pick("rows", "Down", fields, fields[0], names)
    with right:
        others = [field for field in fields if field != down]
        across = pick("columns", "Across", others, others[-1 if len(others) < 3 else 1], names)
    with third:
        columns = [found.column(split, which) for split in (*found.splits, "train") for which in ("best", "last")]
        column = pick("value", "Score", columns, columns[0], {name: column_words(name) for name in columns})
    cells = pivot(found.table, down, across, column)
    axes = [
        list(dict.fromkeys(_axis_value(field, value) for value in _ordered(cells[name])))
        for field, name in ((down, "row"), (across, "column"))
    ]
    grid = np.full((3, len(axes[0]), len(axes[1])), math.nan)
    n = np.zeros(grid.shape[1:], dtype=np.int64)
    runs: dict[tuple[int, int], tuple[str, ...]] = {}
    mixed: set[str] = set()
    for cell in cells.to_dict("records"):
        place = axes[0].index(_axis_value(down, cell["row"])), axes[1].index(_axis_value(across, cell["column"]))
        grid[:, *place] = cell["mean"], cell["low"], cell["high"]
        n[place], runs[place] = cell["n"], cell["run_ids"]
        mixed |= set(cell["varies"])
    chosen = _cell(runs)
    numbers: dict[str, Any] = {
        "rows": axes[0],
        "columns": axes[1],
        "mean": grid[0],
        "low": grid[1],
        "high": grid[2],
        "n": n,
    }
    look: dict[str, Any] = {
        "row_title": names[down],
        "column_title": names[across],
        "value_title": column_words(column),
        "percent": column.endswith("accuracy"),
        "higher_is_better": column.endswith("accuracy"),
    }
    averaged = f" Averaged over {theme.enumerate_words([field_words(field) for field in sorted(mixed)])}." if mixed else ""
    drawing.figure(
        pivot_map(**numbers, **look, chosen=chosen, subject=found.subject, look=session.look()),
        key="pivot",
        sentence=pivot_map_sentence(**numbers, **look),
        caption=f"Mean over seeds with its 95 % interval, n seeds.{averaged}",
        hint="Click a cell to see its runs.",
        table=pivot_map_table(**numbers),
        on_select=_select_cell,
    )
    if chosen is not None:
        rows = found.table[found.table["run_id"].isin(runs[chosen])]
        st.subheader(f"{len(rows)} runs of this cell")
        st.dataframe(run_lines(found, rows), hide_index=True, key="cell_runs")


def _ordered(values: "pd.Series[Any]") -> list[Any]:
    """Values of an axis: numbers ascending, then others as they come."""
    distinct = list(dict.fromkeys(None if pd.isna(value) else value for value in values))
    numbers = sorted(value for value in distinct if isinstance(value, (int, float)))
    return [
        *numbers,
        *(value for value in distinct if not isinstance(value, (int, float)) and value is not None),
        *([None] * (None in distinct)),
    ]


def _axis_value(field: str, value: Any) -> str:
    return theme.one_line(value_words(field, None if pd.isna(value) else value), 40)


def _select_cell() -> None:
    points = st.session_state["pivot"]["selection"]["points"]
    if points:
        row, column = points[0]["customdata"][:2]
        st.session_state["cell"] = st.session_state["_cell_tokens"].get((int(row), int(column)), "")


def _cell(runs: dict[tuple[int, int], tuple[str, ...]]) -> tuple[int, int] | None:
    """The cell whose runs are shown: the one clicked last, else the address's, which names one of its runs."""
    session.seed_from_url("cell", str, "")
    asked = str(st.session_state["cell"])
    st.session_state["_cell_tokens"] = {place: min(ids) for place, ids in runs.items()}
    session.publish_to_url("cell", asked if any(asked in ids for ids in runs.values()) else "", "")
    return next((place for place, ids in runs.items() if asked in ids), None)


def scatter(found: Selection) -> None:
    """Any two fields or scores against each other, a marker a run."""
    options = [name for name in ("model", *differing(found.table), *MEASURES) if found.report or "test" not in name]
    options = [name for name in options if found.table[name].notna().any()]
    names = {name: column_words(name) for name in options}
    left, right = st.columns(2)
    with left:
        x = pick("x", "Across", options, "parameters" if "parameters" in options else options[0], names)
        log_x = _check("scatter_log_x", "Logarithmic across")
    with right:
        y = pick("y", "Upward", options, found.score if found.score in options else options[-1], names)
        log_y = _check("scatter_log_y", "Logarithmic upward")
    of_run = {run_id: place for place, group in enumerate(found.groups) for run_id in group.rows["run_id"]}
    axes: dict[str, Any] = {"x": _plotted(found.table, x), "y": _plotted(found.table, y)}
    titles: dict[str, Any] = {"x_title": names[x] + _unit(x), "y_title": names[y] + _unit(y)}
    of_group: dict[str, Any] = {
        "group": [of_run[run_id] for run_id in found.table["run_id"]],
        "styles": found.styles,
        "names": list(found.table["title"]),
        "run_ids": list(found.table["run_id"]),
    }
    drawing.figure(
        field_scatter(**axes, **titles, **of_group, log_x=log_x, log_y=log_y, subject=found.subject, look=session.look()),
        key="scatter",
        sentence=field_scatter_sentence(**axes, **titles, log_x=log_x, log_y=log_y),
        caption="One marker a run.",
        hint="Click one to see what it is.",
        table=field_scatter_table(**axes, **of_group),
        on_select=_select_run,
    )
    if (run_id := st.session_state.get("_clicked_run")) in found.summaries:
        rows = found.table[found.table["run_id"] == run_id]
        st.dataframe(run_lines(found, rows), hide_index=True, key="clicked_run")


def _unit(name: str) -> str:
    return " (percent of rows)" if name.endswith("accuracy") else ""


def _plotted(table: pd.DataFrame, name: str) -> list[Any]:
    if pd.api.types.is_numeric_dtype(table[name]):
        return [float(value) * (100 if name.endswith("accuracy") else 1) for value in table[name]]
    return [value_words(name, value) for value in table[name]]


def _select_run() -> None:
    points = st.session_state["scatter"]["selection"]["points"]
    if points:
        data = points[0]["customdata"]
        st.session_state["_clicked_run"] = data if isinstance(data, str) else data[0]


def parallel_part(found: Selection) -> None:
    """All fields that differ, one axis each, coloured by the score."""
    fields = [name for name in differing(found.table) if name not in ("split_seed", "init_seed")][:8]
    columns = {field_words(name): _plotted(found.table, name) for name in fields}
    if not columns:
        st.info("Parallel coordinates need runs that differ in some field.")
        return
    numbers: dict[str, Any] = {
        "columns": columns,
        "score": found.table[found.score].to_numpy(float),
        "score_title": column_words(found.score),
        "names": list(found.table["title"]),
    }
    kind: dict[str, Any] = {"higher_is_better": not found.lower_is_better, "percent": found.metric == "accuracy"}
    drawing.figure(
        parallel(**numbers, **kind, subject=found.subject, look=session.look()),
        key="parallel",
        sentence=parallel_sentence(**numbers, **kind),
        caption="One line a run, coloured by its score.",
        hint="Drag along an axis to keep only some of the runs.",
        table=parallel_table(**numbers),
    )


def run_lines(found: Selection, rows: pd.DataFrame) -> pd.DataFrame:
    """Runs as a table shows them: name, what differs among all compared runs, scores."""
    fields = [field for field in differing(found.table) if field not in ("split_seed", "init_seed")]
    place = {run_id: number for number, group in enumerate(found.groups) for run_id in group.rows["run_id"]}
    columns: dict[str, Any] = {"Run": [theme.one_line(title, 80) for title in rows["title"]]}
    if len(found.groups) > 1:
        columns["Group"] = [
            theme.one_line(found.words[place[run_id]], 60) if run_id in place else "" for run_id in rows["run_id"]
        ]
    for split in found.splits:
        for which in ("best", "last"):
            scores = rows[found.column(split, which)].to_numpy()
            columns[_head(found.column(split, which))] = 100 * scores if found.metric == "accuracy" else scores
    columns["Best epoch"] = rows["best_epoch"].to_numpy()
    for field in fields:
        numeric = pd.api.types.is_numeric_dtype(rows[field])
        columns[_head(field)] = rows[field].to_numpy() if numeric else [value_words(field, value) for value in rows[field]]
    if rows["tags"].map(bool).any():
        columns["Tags"] = [[theme.one_line(tag, 40) for tag in tags] for tags in rows["tags"]]
    if rows["comment"].map(bool).any():
        columns["Comment"] = [theme.one_line(text, 200) for text in rows["comment"]]
    if (rows["status"] != "finished").any():
        columns["Status"] = [run_picker.STATUS_WORDS[status] for status in rows["status"]]
    columns["Time (s)"] = rows["seconds"].to_numpy()
    return pd.DataFrame(columns)


def column_words(column: str) -> str:
    """Name a column; a score at the best epoch by the score alone.

    >>> column_words("best_test_loss"), column_words("last_test_loss"), column_words("net.depth")
    ('test loss', 'test loss at the last epoch', 'depth K')
    """
    which, _, score = column.partition("_")
    if column not in SCORES:
        return field_words(column)
    words = score.replace("_", " ")
    return words if which == "best" else f"{words} at the last epoch"


def _head(field: str) -> str:
    words = column_words(field)
    return words[:1].upper() + words[1:]


def column_config(found: Selection) -> dict[str, Any]:
    """How the columns of `run_lines` are written."""
    form = "%.1f %%" if found.metric == "accuracy" else "%.4f"
    heads = [_head(found.column(split, which)) for split in found.splits for which in ("best", "last")]
    return {head: st.column_config.NumberColumn(format=form) for head in heads} | {
        "Time (s)": st.column_config.NumberColumn(format="%.1f"),
        "Best epoch": st.column_config.NumberColumn(format="%d", help="Of the lowest validation loss."),
        "Tags": st.column_config.ListColumn(),
    }


def shared_words(found: Selection) -> str:
    """What all compared runs have in common, in words."""
    same = shared(found.table)
    parts = [f"{field_words(field)} {theme.one_line(value_words(field, value), 40)}" for field, value in same.items()]
    return ", ".join(parts)


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
            line[f"{name} {found.metric}, best"] = _interval_words(found, at_best)
            line[f"{name}, last"] = _score_words(found, float(last.mean()) if len(last) else math.nan)
        one = differences[place]
        if baseline is not None:
            line["Minus baseline"] = "baseline" if one is None else _difference_words(found, one, bool(adjusted[place] < 0.05))
        lines.append(line)
    return pd.DataFrame(lines)


def _interval_words(found: Selection, interval: Any) -> str:
    if math.isnan(interval.mean):
        return theme.MISSING
    ends = np.clip((interval.low, interval.high), 0, 1 if found.metric == "accuracy" else None)
    low, high = (_score_words(found, float(value)) for value in ends)
    words = _score_words(found, interval.mean)
    # of a share no more than all can be right, whatever the t distribution says; the numbers stay as they are
    return words if math.isnan(interval.low) else f"{words} [{low.removesuffix(' %')}, {high.removesuffix(' %')}]"


def _score_words(found: Selection, value: float) -> str:
    return theme.percent(value) if found.metric == "accuracy" else theme.three_significant(value)


def _difference_words(found: Selection, paired: Any, shown: bool) -> str:
    one = paired.difference
    if math.isnan(one.mean):
        return "no pairs"
    factor, unit = (100, " points") if found.metric == "accuracy" else (1, "")
    digits = 1 if found.metric == "accuracy" else 4
    words = f"{factor * one.mean:+.{digits}f}{unit}"
    if math.isnan(one.low):
        return f"{words}, one seed"
    words += f" [{factor * one.low:+.{digits}f}, {factor * one.high:+.{digits}f}]"
    return words if shown else f"{words}, not shown"
