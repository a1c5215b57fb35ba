"""What Compare looks at: the runs that scope, filter and chosen rows leave, in groups, ranked; all of it in the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import link, session
from leafscope.app.address.choice import pick
from leafscope.app.figures.shared.group_style import GroupStyle, group_styles
from leafscope.app.parts import run_picker
from leafscope.app.sweeps import current, offer
from leafscope.core import jobs
from leafscope.core.comparison.filter import FilterError, parse, term
from leafscope.core.comparison.groups import Group, chosen_among, group_fields, groups, rank_means, score_interval
from leafscope.core.comparison.statistics import Interval
from leafscope.core.comparison.table import (
    CONFIG_FIELDS,
    SEED_FIELDS,
    differing,
    field_words,
    plain,
    run_table,
    value_words,
    varies,
)
from leafscope.core.config import RunConfig
from leafscope.core.store.summaries import RunSummary, SweepInfo

FROM, FILTER, CHOSEN, BY, METRIC, REPORT, BASELINE, SLOTS = (
    "from",
    "filter",
    "chosen",
    "by",
    "metric",
    "report",
    "baseline",
    "slots",
)
"""Parameters of the address: a sweep, the filter, chosen runs, fields of the groups, the score, whether test is reported,
the group that others stand beside, and the places of the groups in the palette where they are not 0, 1, ...
"""

ALL = "all"
METRICS = {"accuracy": "accuracy", "loss": "loss"}
MOST_CHOSEN = 100
"""Runs that an address names one by one; more are said by the filter."""
MOST_FIELDS = 3
"""Fields that a group's name is made of; of more, the short forms of labels are easier to read."""
NAMES_ALONE = ("model", "data.name", "net.kind", "tags")
"""Fields whose values say by themselves what they are."""
MOST_SLOTS = 60
"""Groups whose colour is remembered while they are not shown."""
_SLOTS = "_slots"
CHOSEN_KEY = "_chosen_runs"
"""Of session state: what the address holds, for the way back to the page."""


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
    """By which runs are grouped."""
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
    """Of all runs of the scope, filtered out or not: among so many was chosen."""

    @property
    def lower_is_better(self) -> bool:
        """Whether the score is a loss."""
        return self.metric == "loss"

    @property
    def score(self) -> str:
        """The column that ranks."""
        return self.column("validation")

    def column(self, split: str, which: str = "best") -> str:
        """The column of a score."""
        return f"{which}_{split}_{self.metric}"

    @property
    def splits(self) -> list[str]:
        """The splits whose scores may be seen."""
        return ["validation", "test"] if self.report else ["validation"]

    def configs(self) -> list[RunConfig]:
        """The configurations of the compared runs."""
        return [self.summaries[run_id].config for run_id in self.table["run_id"]]

    def among(self) -> str:
        """Among how many configurations was chosen, in words."""
        return f"chosen among {self.configurations:,} configuration{'s' * (self.configurations != 1)}"

    def averaged(self) -> str:
        """Over which fields beside the seed a group's mean goes, in a sentence; empty: over none."""
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
    def subject(self) -> str:
        """What the figures are of."""
        names = list(dict.fromkeys(self.table["data.name"]))
        data = theme.enumerate_words([str(name).replace("_", " ") for name in names[:3]]) + (
            " and others" if len(names) > 3 else ""
        )
        return f"{data}, {theme.thousands(len(self.table))} run{'s' * (len(self.table) != 1)}"


def select() -> Selection | None:
    """Ask in the sidebar what is compared; None, after saying why, if there is nothing."""
    summaries, everything = _all_runs(jobs.default_store().url, jobs.default_store().revision())
    asked = st.query_params.get(CHOSEN) or st.session_state.get(CHOSEN_KEY, "")
    choose_rows([run_id for run_id in asked.split(".") if run_id])
    is_whole = _offer(summaries, asked)
    if not summaries:
        run_picker.waiting_for_first_run()
        return None
    sweep, table = _scope(summaries, everything)
    if sweep is None and table is None:
        return None
    assert table is not None
    shown = _filtered(table)
    if sweep is None and (unread := len(summaries) - len(table)):
        st.caption(
            f"{unread} run{'s were' if unread != 1 else ' was'} made by another version of the program and cannot be read; "
            "Runs lists all."
        )
    if shown.empty:
        filtered = "No run is left by the filter in the sidebar. Clear it to see all runs."
        st.info("There is no run here that can be compared." if table.empty else filtered)
        return None
    rows = shown[shown["run_id"].isin(set(asked.split(".")))]
    compared = rows if len(rows) else shown
    found = _grouped(table, shown, compared, summaries, sweep)
    if not is_whole:
        link.keep_plan()
    elif sweep is not None and not len(rows):
        link.show(sweep=sweep.config)
    else:
        link.show(found.configs() if len(compared) <= MOST_CHOSEN else ())
    return found


@lru_cache(maxsize=2)
def _all_runs(url: str, revision: tuple[Any, ...]) -> tuple[dict[str, RunSummary], pd.DataFrame]:
    """All runs, and their table, kept until one of them changes; nobody changes what is given here."""
    del url, revision
    summaries = {summary.run_id: summary for summary in jobs.default_store().list_runs()}
    return summaries, run_table(list(summaries.values()))


def _scope(summaries: dict[str, RunSummary], everything: pd.DataFrame) -> tuple[SweepInfo | None, pd.DataFrame | None]:
    """All runs, or those of one sweep whose learning rate was kept."""
    known = {info.sweep_id: info for info in jobs.default_store().sweeps() if current.fault(info) is None}
    asked = st.query_params.get(FROM)
    if asked not in (None, "", ALL, *known) and FROM not in st.session_state:
        if not offer.offer_sweep(str(asked)):
            name = str(asked)[:40].replace("`", "")
            st.error(
                f"There is no sweep `{name}` here; it was made on another machine, or forgotten. All runs are shown below."
            )
        else:
            return None, None
        st.query_params.pop(FROM, None)
    names = {ALL: "All runs"} | {sweep_id: theme.one_line(info.name, 60) for sweep_id, info in known.items()}
    with st.sidebar:
        chosen = pick(FROM, "Runs of", list(names), ALL, names, help="All runs, or the members of one sweep.")
    if chosen == ALL:
        return None, everything
    members = [run_id for run_id in current.table(known[chosen])["run_id"] if run_id in summaries]
    return known[chosen], run_table([summaries[run_id] for run_id in dict.fromkeys(members)])


def _filtered(table: pd.DataFrame) -> pd.DataFrame:
    with st.sidebar:
        session.seed_from_url(FILTER, str, "")
        text = st.text_input(
            "Filter",
            key=FILTER,
            placeholder="digits depth>=4 kind=tree|flat",
            help="Words of a name, tag or comment; field=value, field=a|b, field!=a, field>=2, field=2..6; tag=talk. "
            "All must hold.",
            persist_state="session",
        )
        session.publish_to_url(FILTER, text.strip(), "")
        if "_test_" in text and not st.session_state.get(REPORT) and st.query_params.get(REPORT) != "1":
            st.error("Runs are not chosen by test scores: this filter works with “Report on test” on.", icon=":material/block:")
            return table
        try:
            mask = parse(text).mask(table)
        except FilterError as error:
            st.error(theme.escape_markdown(str(error), 300), icon=":material/filter_alt_off:")
            return table
        _add_term(table)
    return table[mask]


def _add_term(table: pd.DataFrame) -> None:
    """Build a term of the filter by choosing."""
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
    """Say which runs of the address are not here, and offer to train those that it describes; tells whether all are here."""
    plan = link.incoming()
    missing = [run for run in plan.runs if run.run_id not in summaries] if plan is not None else []
    described = {run.run_id for run in missing}
    unknown = [run_id for run_id in asked.split(".") if run_id and run_id not in summaries and run_id not in described]
    if unknown:
        verb = "is" if len(unknown) == 1 else "are"
        st.warning(f"{_runs(len(unknown))} of this address {verb} not here; deleted, or made on another machine.")
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        offer.offer(missing, f"{_runs(len(missing))} of this address {verb} not here yet.")
        st.button("Go on without", key="_forget_plan", on_click=link.forget_incoming)
    return not missing


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def _grouped(
    scope: pd.DataFrame, shown: pd.DataFrame, compared: pd.DataFrame, summaries: dict[str, RunSummary], sweep: SweepInfo | None
) -> Selection:
    with st.sidebar:
        metric = pick(METRIC, "Ranked by validation", list(METRICS), "accuracy", METRICS)
        fields = _fields(shown, compared)
        session.seed_from_url(REPORT, lambda text: text == "1", False)
        report = st.toggle(
            "Report on test",
            key=REPORT,
            persist_state="session",
            help="Choices are made on validation. Test rows say how good the choice is, once it is made.",
        )
        session.publish_to_url(REPORT, "1" if report else "0", "0")
    score = f"best_validation_{metric}"
    made = groups(compared, fields)
    intervals = [score_interval(one.rows, score) for one in made]
    order = rank_means([interval.mean for interval in intervals], lowest=metric == "loss")
    made, intervals = [made[place] for place in order], [intervals[place] for place in order]
    words = group_words(made)
    return Selection(
        shown=shown,
        table=compared,
        summaries=summaries,
        sweep=sweep,
        fields=fields,
        groups=made,
        words=words,
        styles=_styles(made, words),
        intervals=intervals,
        metric=metric,
        report=report,
        configurations=chosen_among(scope),
    )


def _fields(shown: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """Ask by what runs are grouped: everything but the seed, unless fields are chosen."""
    automatic = group_fields(compared)
    options = group_fields(shown)
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


def group_words(made: Sequence[Group]) -> list[str]:
    """Name groups by the few fields in which they differ; where those are many, by what the labels of their runs differ in."""
    if len(made) < 2:
        return [str(one.rows["title"].iloc[0]) if one.n == 1 else one.words for one in made]
    differ = [place for place in range(len(made[0].fields)) if len({str(one.key[place]) for one in made}) > 1]
    if len(differ) > MOST_FIELDS:
        short = _short_labels(made)
        if len(set(short)) == len(short):
            return short
    named = [[place for place in differ if one.key[place] is not None] or differ for one in made]
    words = [
        ", ".join(_value(one.fields[place], one.key[place]) for place in places)
        for one, places in zip(made, named, strict=True)
    ]
    return words if len(set(words)) == len(words) else [one.words for one in made]


def _short_labels(made: Sequence[Group]) -> list[str]:
    """What is special in the label of each group's runs: the model, and of the rest what not all have."""
    parts = []
    for one in made:
        first = one.rows.iloc[0]
        data, kind = (str(first[field]).replace("_", " ") for field in ("data.name", "net.kind"))
        before, _, after = str(first["label"]).rpartition(" s")[0].removeprefix(data).partition(kind)
        parts.append((kind, [data, *before.split()], after.split()))
    common = set.intersection(*({*before, *after} for _, before, after in parts))
    return [
        " ".join([*(word for word in before if word not in common), kind, *(word for word in after if word not in common)])
        for kind, before, after in parts
    ]


def _value(field: str, value: Any) -> str:
    words = value_words(field, value)
    return words if field in NAMES_ALONE and value is not None else f"{field_words(field)} {words}"


def _styles(made: Sequence[Group], words: Sequence[str]) -> list[GroupStyle]:
    """Draw each group as before, for as long as the selection lives."""
    tokens = [_identity(one, bool(st.session_state.get(BY))) for one in made]
    held: dict[str, int] = st.session_state.setdefault(_SLOTS, {})
    if not held and (text := st.query_params.get(SLOTS)):
        parts = text.split(".")
        if len(parts) == len(tokens) and all(part.isdecimal() and len(part) < 4 for part in parts):
            held |= dict(zip(tokens, map(int, parts), strict=True))
    if len(held) > MOST_SLOTS:
        for name in [name for name in held if name not in tokens]:
            del held[name]
    for name in tokens:
        if name not in held:
            taken = set(held.values())
            held[name] = next(slot for slot in range(len(taken) + 1) if slot not in taken)
    slots = [held[name] for name in tokens]
    is_plain = slots == list(range(len(slots))) or len(slots) > 40
    session.publish_to_url(SLOTS, None if is_plain else ".".join(map(str, slots)), None)
    models = [
        str(one.rows["model"].iloc[0]) if not varies(one.rows["model"]) else f"several {place}"
        for place, one in enumerate(made)
    ]
    return group_styles(words, models=models, numbers=_numbers(made), slots=slots, look=session.look())


def _identity(one: Group, by_fields: bool) -> str:
    """What a group is, whichever of its runs are chosen: its key or, where it is everything but the seed, that."""
    if by_fields:
        return repr((one.fields, one.key))
    first = one.rows.iloc[0]
    return repr([str(plain(first[field])) for field in CONFIG_FIELDS if field not in SEED_FIELDS])


def _numbers(made: Sequence[Group]) -> list[float] | None:
    """The one number in which groups differ; None if they differ in something else too."""
    if not made:
        return None
    differ = [place for place in range(len(made[0].fields)) if len({str(one.key[place]) for one in made}) > 1]
    if len(differ) != 1:
        return None
    values = [one.key[differ[0]] for one in made]
    if any(not isinstance(value, (int, float)) for value in values):
        return None
    return [float(value) for value in values]


def token(one: Group) -> str:
    """A group's name in the address: the lowest address of its runs."""
    return str(min(one.rows["run_id"]))


def pick_group(key: str, label: str, found: Selection, default: int, *, none: str | None = None) -> int | None:
    """Ask for one of the groups; the address holds its token."""
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
    """Compare these runs from now on; none: all that is shown."""
    st.session_state[CHOSEN_KEY] = ".".join(run_ids)
    session.publish_to_url(CHOSEN, ".".join(run_ids) if len(run_ids) <= MOST_CHOSEN else "", "")
