"""Data: what is in this data set? Bring a table of one's own."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import data_sets, session
from leafscope.app.data import choices, described, dropped, predicting, using
from leafscope.app.data.dropped import FILE, Dropped
from leafscope.app.parts import run_picker
from leafscope.core import jobs
from leafscope.core.config import DataConfig
from leafscope.core.datasets import DATA_SETS, load
from leafscope.core.datasets.registry import TABLE, is_table
from leafscope.core.errors import LeafscopeError, TableError
from leafscope.core.tables import Table


class _Shown(NamedTuple):
    """What the page shows."""

    table: Table
    first_rows: Sequence[Sequence[str]]
    train: Sequence[int] | None
    test: Sequence[int] | None
    name: str | None
    """Of a data set that is kept; None: the dropped file."""


def main() -> None:
    """Lay out the page."""
    st.title("What is in this data set?")
    file = dropped.upload()
    chosen = _choose(file)
    shown, fault = _of_file(file) if chosen == FILE and file is not None else _of_set(chosen)
    if fault:
        st.error(theme.escape_markdown(fault, 600), icon=":material/error:")
    if shown is None:
        return
    if fault and chosen == FILE:
        st.caption("Below is what was understood before. Change a choice in the sidebar to correct this.")
    _show(shown, can_use=not fault)


def _choose(file: Dropped | None) -> str:
    """Ask which data set is shown: the dropped file, or one that is kept."""
    state, key = st.session_state, session.Keys.SHOWN_DATA
    first = _first()
    wrong = session.seed_from_url(key, data_sets.parse, FILE if file is not None else first)
    if wrong is not None:
        session.notify(f"set in the address must be a data set, got {wrong[:40]!r}; {DATA_SETS[first].title} is shown")
    if state[key] == FILE and file is None:
        state[key] = first
    titles = data_sets.titles(None if state[key] == FILE else state[key])
    if file is not None:
        titles = {FILE: f"The file {theme.one_line(file.name, 40)}"} | titles
    with st.sidebar:
        st.selectbox("Data set", list(titles), format_func=titles.__getitem__, key=key, persist_state="session")
    session.publish_to_url(key, state[key], FILE if file is not None else first)
    return str(state[key])


def _first() -> str:
    """The data set that a first visit shows: that of the run on the other pages, else digits."""
    try:
        latest = run_picker.latest()
    except LeafscopeError:
        latest = None
    name = DataConfig().name if latest is None else latest.config.data.name
    has_rows = not is_table(name) or name in data_sets.titles()
    return name if has_rows else DataConfig().name


def _of_file(file: Dropped) -> tuple[_Shown | None, str]:
    use = st.sidebar.container()  # what is predicted stands above how the file is read
    with st.sidebar:
        reading = choices.of_reading(file)
    try:
        understood = file.read(reading)
    except TableError as error:
        if file.understood is None:
            return None, f"{file.name}: {error}"
        return _shown_file(file, file.understood.table()), str(error)
    with use:
        wanted = choices.of_use(file, understood, reading)
    table, fault = dropped.table_of(file, wanted)
    if table is not None and not fault:
        with st.sidebar:
            table = choices.test_file(table, file.token)
    return (None if table is None else _shown_file(file, table)), fault


def _shown_file(file: Dropped, table: Table) -> _Shown:
    assert file.understood is not None
    splits = described.first_splits(table)
    train, test = (None, None) if splits is None else (splits.train.tolist(), splits.test.tolist())
    return _Shown(table, file.understood.first_rows, train, test, None)


def _of_set(name: str) -> tuple[_Shown | None, str]:
    try:
        if is_table(name):
            table = jobs.default_store().table(name.removeprefix(TABLE))
        data = load(DataConfig(name=name), 0)
        table = table if is_table(name) else described.as_table(data)
    except LeafscopeError as error:
        return None, str(error)
    return _Shown(table, described.first_rows(table), data.train.index.tolist(), data.test.index.tolist(), name), ""


def _show(shown: _Shown, can_use: bool) -> None:
    table, name = shown.table, shown.name
    st.markdown(described.heading(table))
    with st.container(horizontal=True, vertical_alignment="center"):
        if name is None:
            if can_use:
                using.use(table)
            if st.button("Close this file", icon=":material/close:", key="_close_file"):
                dropped.forget()
                st.rerun()
        else:
            using.open_in_playground(name)
            using.remove(name)
    left, right = st.columns(2)
    with left:
        described.preview([column.name for column in table.columns], shown.first_rows, table.rows)
        if words := described.source_words(table):
            st.caption(theme.escape_markdown(words))
        for note in table.source.notes:
            st.caption(theme.escape_markdown(f"{note[:1].upper()}{note[1:]}.", 300))
        if name is not None and not is_table(name):
            about = DATA_SETS[name]
            seeds = " Each seed draws other rows; these are those of seed 0." if about.is_generator else ""
            st.caption(theme.escape_markdown(f"{about.description} Source: {about.source}. Licence: {about.licence}.{seeds}"))
    with right:
        described.target(table)
    described.columns(table)
    described.duplicates(table, shown.train, shown.test)
    if name is not None:
        predicting.offer(name)


main()
