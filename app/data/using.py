"""Using a table: keep it, train on it and open the Playground; and removing it."""

import streamlit as st

from leafscope.app import navigation, theme
from leafscope.app.address import session
from leafscope.app.data.dropped import FILE
from leafscope.app.playground import controls
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import shape
from leafscope.core.datasets.registry import TABLE, is_table
from leafscope.core.errors import LeafscopeError
from leafscope.core.tables import Table


def use(table: Table) -> None:
    """Offer to keep a dropped table, train on it and open the Playground."""
    if st.button(
        "Use this table",
        type="primary",
        icon=":material/play_arrow:",
        key="_use_table",
        help="Keeps the table in the database of this machine, trains a tree of depth 4 on it and opens the Playground.",
    ):
        try:
            kept = jobs.default_store().add_table(table)
        except (LeafscopeError, ValueError) as error:
            st.error(theme.escape_markdown(str(error), 400), icon=":material/error:")
            return
        _train(TABLE + kept.hash)


def open_in_playground(name: str) -> None:
    """Offer to train on a data set that is kept, and to open the Playground."""
    if st.button("Open in the Playground", type="primary", icon=":material/play_arrow:", key="_open_set"):
        _train(name)


def _train(name: str) -> None:
    run = _run(name)
    try:
        shape(run.data)
        jobs.default_store().submit(run)
    except LeafscopeError as error:
        st.error(theme.escape_markdown(str(error), 400), icon=":material/error:")
        return
    controls.take_from(run.run_id)
    st.switch_page(navigation.PLAYGROUND_PAGE, query_params={session.Keys.RUN: run.run_id})


def _run(name: str) -> RunConfig:
    """The run that a data set begins with: the example's net, whose gates must not be more than its units."""
    return changed(EXAMPLE, {"data.name": name})


def remove(name: str) -> None:
    """Offer to remove a table; while runs use it, only if a person confirms that."""
    if not is_table(name):
        return
    table_id, store = name.removeprefix(TABLE), jobs.default_store()
    with st.popover("Remove", icon=":material/delete:"):
        n_runs, n_sweeps = store.uses_of_table(table_id)
        used = [f"{n:,} {noun}{'s' * (n != 1)}" for n, noun in ((n_runs, "run"), (n_sweeps, "sweep")) if n]
        sure = True
        if used:
            verb, they = ("uses", "it") if n_runs + n_sweeps == 1 else ("use", "they")
            st.markdown(f"{' and '.join(used)} {verb} this table. Without it {they} can still be read, but not trained again.")
            sure = st.checkbox("Remove it all the same", key=f"_sure_{table_id}")
        else:
            st.markdown("No run uses this table. Its file is not touched.")
        st.button(
            "Remove this table",
            type="primary",
            key="_remove_table",
            disabled=not sure,
            on_click=_remove,
            args=(table_id, bool(used)),
        )


def _remove(table_id: str, is_used: bool) -> None:
    try:
        jobs.default_store().remove_table(table_id, force=is_used)
    except LeafscopeError as error:
        session.notify(str(error))
        return
    session.notify("The table was removed.")
    st.session_state[session.Keys.SHOWN_DATA] = FILE
