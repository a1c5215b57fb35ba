"""What Compare looks at: the runs that scope, filter and chosen rows leave, in groups, ranked; all of it in the address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import always, theme
from leafscope.app.address import link, session
from leafscope.app.address.choice import pick
from leafscope.app.compare import naming
from leafscope.app.compare.naming import BY, MOST_KEPT
from leafscope.app.figures.compare.scores import better_sign
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.parts import filters, run_picker
from leafscope.app.sweeps import current, offer
from leafscope.core import jobs
from leafscope.core.comparison.filter import FilterError, parse, term
from leafscope.core.comparison.groups import Group, chosen_among, group_fields, groups, rank_means, score_interval
from leafscope.core.comparison.intervals import Interval
from leafscope.core.comparison.table import differing, field_words, predict_numbers, run_table, value_words
from leafscope.core.config import RunConfig
from leafscope.core.store.values.summaries import RunSummary, SweepInfo
from leafscope.core.sweep.outcome import SHARES

FROM, FILTER, CHOSEN, METRIC, REPORT, BASELINE = ("from", "filter", "chosen", "metric", "report", "baseline")
"""Parameters of the address: a sweep, the filter, chosen runs, the score, whether test is reported, and the baseline group."""

DATA = "data_set"
"""The parameter of the address that names the data set."""

ALL, SINGLE = "all", "single"
METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1", "loss": "loss"}
OF_NUMBERS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²"}
"""Scores by which runs that predict numbers are ranked."""
MOST_CHOSEN = 100
"""Runs that an address names one by one; of more, it holds the filter."""
CHOSEN_KEY = "_chosen_runs"
"""Key of session state: what the address holds, for when the page is opened again."""

_NAMES_DATA = re.compile(r"\bdata(\.name)?!?=", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Selection:
    """The runs that are compared, and how."""

    shown: pd.DataFrame
    """What scope and filter leave; rows are chosen from it."""
    table: pd.DataFrame
    """The runs that are compared: the chosen rows, or all that is shown."""
    summaries: dict[str, RunSummary]
    sweep: SweepInfo | None
    fields: list[str]
    """By which the runs are grouped."""
    groups: list[Group]
    """The best first, by the mean of the validation score."""
    words: list[str]
    """Of each group, by the fields in which groups differ."""
    styles: list[GroupStyle]
    intervals: list[Interval]
    """Of the validation score at the best epoch."""
    metric: str
    report: bool
    """Whether test scores are shown."""
    configurations: int
    """How many there are among all runs of the scope, filtered out or not: the best was chosen among them."""

    @property
    def score(self) -> str:
        """The column that ranks."""
        return self.column("validation")

    @property
    def is_share(self) -> bool:
        """Whether the score is a share of rows, which is written in percent."""
        return self.score in SHARES

    def column(self, split: str, which: str = "best") -> str:
        """The column of a score."""
        return f"{which}_{split}_{self.metric}"

    @property
    def splits(self) -> list[str]:
        """The splits whose scores may be seen."""
        return ["validation", "test"] if self.report else ["validation"]

    def always(self, split: str = "") -> str:
        """Say what always the same answer scores, by default on the rows whose scores are reported."""
        return always.of_runs(self.configs(), split or ("test" if self.report else "validation"))

    def no_better(self) -> str:
        """Count the runs that are no better than always the same answer, at the best epoch; empty: none."""
        runs = [self.summaries[run_id] for run_id in self.table["run_id"]]
        return always.counted(runs, "test" if self.report else "validation", "best")

    def configs(self) -> list[RunConfig]:
        """The configurations of the compared runs."""
        return [self.summaries[run_id].config for run_id in self.table["run_id"]]

    def among(self) -> str:
        """Say among how many configurations the best was chosen."""
        return f"chosen among {self.configurations:,} configuration{'s' * (self.configurations != 1)}"

    def averaged(self) -> str:
        """Say, in a sentence, over which fields besides the seed the groups are averaged; empty where there are none."""
        if not st.session_state.get(BY):
            return ""  # grouped by everything but the seed
        mixed: list[str] = []
        for one in self.groups:
            mixed += [field for field in group_fields(one.rows) if field not in mixed]
        if not mixed:
            return ""
        words = [field_words(field) for field in mixed[:6]] + [f"{len(mixed) - 6} more fields"] * (len(mixed) > 6)
        return f" Groups are averaged over {theme.enumerate_words(words)} first: one value a seed."

    @property
    def data(self) -> list[str]:
        """The data sets of the compared runs, in words."""
        return [value_words("data.name", name) for name in dict.fromkeys(self.table["data.name"])]

    @property
    def subject(self) -> str:
        """What the figures are of."""
        return self.subject_of(self.table["run_id"])

    def subject_of(self, run_ids: Sequence[str] | pd.Series) -> str:
        """What a figure is of that draws these of the compared runs."""
        drawn = self.table[self.table["run_id"].isin(run_ids)]
        names = list(dict.fromkeys(drawn["data.name"]))
        data = theme.enumerate_words([theme.one_line(value_words("data.name", name), 40) for name in names[:3]]) + (
            " and others" if len(names) > 3 else ""
        )
        return f"{data}, {theme.thousands(len(drawn))} run{'s' * (len(drawn) != 1)}"


def select() -> Selection | None:
    """Ask in the sidebar what to compare; without anything to compare, say why and return None."""
    revision = jobs.default_store().revision()
    summaries, everything = _all_runs(jobs.default_store().url, revision)
    asked = st.query_params.get(CHOSEN) or st.session_state.get(CHOSEN_KEY, "")
    choose_rows([run_id for run_id in asked.split(".") if run_id])
    is_whole = _offer(summaries, asked)
    if not summaries:
        run_picker.waiting_for_first_run()
        return None
    sweep, table = _scope(summaries, _own(summaries, everything, asked), asked)
    if sweep is None and table is None:
        return None
    assert table is not None
    table = _of_one_data_set(table, asked)
    shown = _filtered(table)
    if sweep is None and (unread := len(summaries) - len(everything)):
        st.caption(
            f"{unread} run{'s were' if unread != 1 else ' was'} made by another version of the program and cannot be read; "
            "the page Runs lists them."
        )
    if shown.empty:
        filtered = "No run matches the filter in the sidebar. Clear the filter to see all runs."
        st.info("No run here can be compared." if table.empty else filtered)
        return None
    rows = shown[shown["run_id"].isin(set(asked.split(".")))]
    compared = rows if len(rows) else shown
    found = _grouped(table, shown, compared, summaries, sweep, revision)
    if not is_whole:
        link.keep_plan()
    elif sweep is not None and not len(rows):
        link.show(sweep=sweep.config)
    else:
        link.show(found.configs() if len(compared) <= MOST_CHOSEN else ())
    return found


@lru_cache(maxsize=2)
def _all_runs(url: str, revision: tuple[Any, ...]) -> tuple[dict[str, RunSummary], pd.DataFrame]:
    """All runs and their table, kept until one of them changes; callers must not change them."""
    del url, revision
    summaries = {summary.run_id: summary for summary in jobs.default_store().list_runs()}
    return summaries, run_table(list(summaries.values()))


def _own(summaries: dict[str, RunSummary], everything: pd.DataFrame, asked: str) -> pd.DataFrame:
    """The rows of a person's own runs, and of those that are chosen; of all, where none is their own."""
    kept = {run_id for run_id, summary in summaries.items() if not summary.shipped}
    return everything[everything["run_id"].isin(kept | set(asked.split(".")))] if kept else everything


def _scope(
    summaries: dict[str, RunSummary], everything: pd.DataFrame, asked_rows: str
) -> tuple[SweepInfo | None, pd.DataFrame | None]:
    """The runs that no sweep has queued, all runs, or those of one sweep whose learning rate was kept."""
    known = {info.sweep_id: info for info in jobs.default_store().sweeps() if current.fault(info) is None}
    asked = st.query_params.get(FROM)
    if asked not in (None, "", ALL, *known) and FROM not in st.session_state:
        if not offer.offer_sweep(str(asked)):
            name = str(asked)[:40].replace("`", "")
            st.error(f"There is no sweep `{name}` here; it was made on another machine, or deleted. All runs are shown below.")
        else:
            return None, None
        st.query_params.pop(FROM, None)
    single = {run_id for run_id, summary in summaries.items() if not summary.is_member}
    has_single = bool(everything["run_id"].isin(single).any())
    names = {SINGLE: "Runs trained one by one"} if has_single else {}
    names |= {ALL: "All runs"} | {sweep_id: current.sweep_words(info) for sweep_id, info in known.items()}
    is_first_visit = all(summary.shipped for summary in summaries.values())
    first = SINGLE if has_single and not is_first_visit else next(iter(known), ALL)
    with st.sidebar:
        chosen = pick(FROM, "Runs of", list(names), ALL if asked_rows else first, names, help="Or the members of one sweep.")
    if chosen == ALL:
        return None, everything
    if chosen == SINGLE:
        return None, everything[everything["run_id"].isin(single | set(asked_rows.split(".")))]
    members = [run_id for run_id in current.table(known[chosen])["run_id"] if run_id in summaries]
    return known[chosen], run_table([summaries[run_id] for run_id in dict.fromkeys(members)])


def _of_one_data_set(table: pd.DataFrame, asked_rows: str) -> pd.DataFrame:
    """Ask for a data set where there are several, since scores on different data do not compare; chosen rows stay."""
    names = list(dict.fromkeys(table["data.name"].astype(str)))
    if len(names) < 2:
        return table
    words = {ALL: "all data sets"} | {name: value_words("data.name", name) for name in names}
    is_named = _NAMES_DATA.search(str(st.session_state.get(FILTER) or st.query_params.get(FILTER) or "")) is not None
    shown = table.loc[table["run_id"] == session.run_id(), "data.name"]
    first = ALL if asked_rows or is_named else str(shown.iloc[0]) if len(shown) else names[0]
    with st.sidebar:
        chosen = pick(DATA, "Data", [*names, ALL], first, words)
    if chosen == ALL:
        return table
    return table[(table["data.name"] == chosen) | table["run_id"].isin(asked_rows.split("."))]


def _filtered(table: pd.DataFrame) -> pd.DataFrame:
    with st.sidebar:
        session.seed_from_url(FILTER, str, "")
        text = st.text_input(
            "Filter",
            key=FILTER,
            placeholder="digits depth>=4 kind=tree|flat",
            help=filters.HELP,
            persist_state="session",
        )
        session.publish_to_url(FILTER, text.strip(), "")
        if "_test_" in text and not st.session_state.get(REPORT) and st.query_params.get(REPORT) != "1":
            st.error(
                "Runs are not chosen by test scores: to use this filter, switch on “Report on test”.", icon=":material/block:"
            )
            return table
        try:
            mask = parse(text).mask(table)
        except FilterError as error:
            filters.refuse(text, error)
            return table
        _add_term(table)
    return table[mask]


def _add_term(table: pd.DataFrame) -> None:
    """Build a term of the filter from a field and its values."""
    fields = [*differing(table), *(["tags"] if table["tags"].map(bool).any() else []), "status"]
    with st.popover("Add a filter", icon=":material/filter_alt:", width="stretch"):
        field = st.selectbox("Field", fields, format_func=field_words, key="_filter_field")
        if field == "tags":
            values = sorted({tag for tags in table["tags"] for tag in tags})
        else:
            values = list(dict.fromkeys(table[field].where(table[field].notna(), None)))
        chosen = st.multiselect(
            "Values", values, format_func=lambda value: theme.one_line(value_words(field, value), 60), key=f"_filter_{field}"
        )
        st.button(
            "Add", key="_filter_add", disabled=not chosen, on_click=_add, args=("tag" if field == "tags" else field, chosen)
        )


def _add(field: str, values: list[Any]) -> None:
    before = str(st.session_state.get(FILTER, "")).strip()
    st.session_state[FILTER] = f"{before} {term(field, values)}".strip()


def _offer(summaries: dict[str, RunSummary], asked: str) -> bool:
    """Say which runs of the address are not here, and offer to train those that it describes; return whether all are here."""
    plan = link.incoming()
    missing = [run for run in plan.runs if run.run_id not in summaries] if plan is not None else []
    described = {run.run_id for run in missing}
    unknown = [run_id for run_id in asked.split(".") if run_id and run_id not in summaries and run_id not in described]
    if unknown:
        verb = "is" if len(unknown) == 1 else "are"
        st.warning(f"{runs_words(len(unknown))} in this address {verb} not here: deleted, or made on another machine.")
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        offer.offer(missing, f"{runs_words(len(missing))} in this address {verb} not here yet.")
        st.button("Continue without them", key="_forget_plan", on_click=link.forget_incoming)
    return not missing


def runs_words(count: int) -> str:
    """Write a number of runs.

    >>> runs_words(1), runs_words(1200)
    ('1 run', '1,200 runs')
    """
    return f"{count:,} run{'s' * (count != 1)}"


def _grouped(
    scope: pd.DataFrame,
    shown: pd.DataFrame,
    compared: pd.DataFrame,
    summaries: dict[str, RunSummary],
    sweep: SweepInfo | None,
    revision: tuple[Any, ...],
) -> Selection:
    with st.sidebar:
        metrics = OF_NUMBERS if predict_numbers(compared) else METRICS
        metric = pick(METRIC, "Ranked by validation", list(metrics), next(iter(metrics)), metrics)
        fields = _fields(shown, compared)
        session.seed_from_url(REPORT, lambda text: text == "1", False)
        report = st.toggle(
            "Report on test",
            key=REPORT,
            persist_state="session",
            help="Choices are made on validation. Test rows say how good the choice is, once it is made.",
        )
        session.publish_to_url(REPORT, "1" if report else "0", "0")
    asked = _Asked(jobs.default_store().url, revision, tuple(compared["run_id"]), tuple(fields), metric, compared)
    made, intervals, words = _ranked(asked)
    return Selection(
        shown=shown,
        table=compared,
        summaries=summaries,
        sweep=sweep,
        fields=fields,
        groups=made,
        words=words,
        styles=naming.styles(made, words),
        intervals=intervals,
        metric=metric,
        report=report,
        configurations=chosen_among(scope),
    )


@dataclass(frozen=True)
class _Asked:
    """What is ranked: the runs of a store at one time, identified by their addresses."""

    url: str
    revision: tuple[Any, ...]
    run_ids: tuple[str, ...]
    fields: tuple[str, ...]
    metric: str
    table: pd.DataFrame = field(compare=False)
    """Their rows."""


@lru_cache(maxsize=4)
def _ranked(asked: _Asked) -> tuple[list[Group], list[Interval], list[str]]:
    """The groups, the best first, with their scores and names, kept until a run changes; callers must not change them."""
    made = groups(asked.table, asked.fields, short=[*asked.fields] == group_fields(asked.table))
    intervals = [score_interval(one.rows, f"best_validation_{asked.metric}") for one in made]
    order = rank_means([interval.mean for interval in intervals], lowest=better_sign(asked.metric) < 0)
    made, intervals = [made[place] for place in order], [intervals[place] for place in order]
    return made, intervals, naming.group_words(made)


def _fields(shown: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """Ask by which fields runs are grouped: by all but the seed, unless some are chosen."""
    automatic = group_fields(compared)
    options = automatic if shown is compared else group_fields(shown)
    options = ["model", *options, *(["tags"] if shown["tags"].map(bool).any() else [])]
    nothing: list[str] = []
    session.seed_from_url(BY, lambda text: [options[options.index(one)] for one in text.split(",") if one], nothing)
    st.session_state[BY] = [field for field in st.session_state[BY] if field in options]
    chosen: list[str] = st.multiselect(
        "Group by",
        options,
        format_func=field_words,
        key=BY,
        placeholder="everything but the seed",
        persist_state="session",
        help="Runs that agree in these fields are one group: a mean with its interval over seeds.",
    )
    session.publish_to_url(BY, ",".join(chosen), "")
    return chosen or automatic


@lru_cache(maxsize=MOST_KEPT)
def token(one: Group) -> str:
    """A group's name in the address: the lowest address of its runs."""
    return str(min(one.rows["run_id"]))


def pick_group(key: str, label: str, found: Selection, default: int, *, none: str | None = None) -> int | None:
    """Ask for one of the groups and give its place; the address holds its token."""
    tokens = [token(one) for one in found.groups]
    asked = str(st.session_state.get(key) or st.query_params.get(key, ""))
    if asked and asked not in tokens:  # a run that is no longer the first of its group
        of_run = next((name for name, one in zip(tokens, found.groups, strict=True) if asked in set(one.rows["run_id"])), None)
        if of_run is not None:
            st.session_state[key] = of_run
    options = ([""] if none is not None else []) + tokens
    names = dict(zip(tokens, found.words, strict=True)) | {"": none or ""}
    first = "" if none is not None else tokens[min(default, len(tokens) - 1)]
    chosen = pick(key, label, options, first, {name: theme.one_line(words, 80) for name, words in names.items()})
    return tokens.index(chosen) if chosen else None


def choose_rows(run_ids: Sequence[str]) -> None:
    """Compare these runs from now on, or without any all runs that are shown."""
    st.session_state[CHOSEN_KEY] = ".".join(run_ids)
    session.publish_to_url(CHOSEN, ".".join(run_ids) if len(run_ids) <= MOST_CHOSEN else "", "")
