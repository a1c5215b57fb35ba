"""Runs: what is running, queued, done? Stop, resume, delete, export."""

import contextlib
import hashlib
import json
from collections import Counter
from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import always, navigation, theme
from leafscope.app.address import session
from leafscope.app.address.choice import pick
from leafscope.app.cli.archive import imported_words
from leafscope.app.compare import selection
from leafscope.app.parts import diverged, filters, run_picker, store_trouble
from leafscope.app.parts.save_table import save_table
from leafscope.app.runs import actions, lines, space, workers
from leafscope.app.sweeps import current
from leafscope.core import jobs
from leafscope.core.config.run import of_numbers
from leafscope.core.datasets import DATA_SETS
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.archive import import_archive
from leafscope.core.store.values.summaries import RunSummary

_SWEEPS_NAMED = 12
"""Sweeps that are named; Overfitting lists all."""


def main() -> None:
    """Lay out the page."""
    st.title("All runs")
    summaries = jobs.default_store().list_runs()
    if not summaries:
        run_picker.waiting_for_first_run()
        return
    with st.sidebar:
        session.seed_from_url("find", str, "")
        find = st.text_input(
            "Find",
            key="find",
            placeholder="digits tree depth>=4",
            help=filters.HELP,
            persist_state="session",
        )
        session.publish_to_url("find", find.strip(), "")
        scope = _of_scope(summaries)
        by_id = {line.summary.run_id: line for line in lines.lines(summaries)}
        found = [by_id[one.run_id] for one in filters.held(scope, find, lambda one: by_id[one.run_id].text)]
    shown = [line.summary for line in found]
    active = [summary for summary in summaries if summary.active]
    no_better = always.counted([one for one in shown if run_picker.config_fault(one) is None])
    st.markdown(f"{_sentence(summaries, shown)} {no_better}".strip())
    if len(scope) < len(summaries):
        _sweeps(len(summaries) - len(scope))
    if not shown:
        st.info("The filter holds of no run. Clear the field in the sidebar to see all runs.")
        return
    chosen = _table(found)
    confirming = _actions(chosen)
    _export(shown, chosen)
    _import()
    workers.section()
    confirming |= space.line(summaries, chosen)
    if active and not confirming:  # a rerun would close the dialog
        _follow(_signature(summaries))


def _of_scope(summaries: list[RunSummary]) -> list[RunSummary]:
    """Ask whether runs of sweeps are listed, where there are others."""
    single = [summary for summary in summaries if not summary.is_member]
    if len(single) in (0, len(summaries)):
        return summaries
    words = {"single": "Runs trained one by one", "all": "All runs, those of sweeps too"}
    return single if pick("runs_of", "List", list(words), "single", words) == "single" else summaries


def _sweeps(members: int) -> None:
    """Say what is not listed, and name the sweeps to which it belongs."""
    known = jobs.default_store().sweeps()
    of = f"{theme.thousands(len(known))} sweep{'s' * (len(known) != 1)}"
    with st.expander(f"{selection.runs_words(members)} of {of}, not listed", icon=":material/folder:"):
        for info in known[:_SWEEPS_NAMED]:
            name = theme.escape_markdown(current.sweep_words(info))
            st.page_link(navigation.OVERFITTING_PAGE, label=name, query_params={session.Keys.SWEEP: info.sweep_id})
        st.caption("Each opens on Overfitting. Choose “All runs” in the sidebar to list their runs.")


def _sentence(summaries: list[RunSummary], shown: list[RunSummary]) -> str:
    """Count a person's own runs, and apart from them those that came with the program."""
    own = [summary for summary in summaries if not summary.shipped]
    counts = Counter(summary.status for summary in own)
    words = run_picker.STATUS_WORDS.items()
    parts = [f"{theme.thousands(counts[status])} {said}" for status, said in words if counts[status]]
    said = []
    if own:
        said.append(f"{theme.thousands(len(own))} run{'s' * (len(own) != 1)}: {theme.enumerate_words(parts)}.")
    if shipped := len(summaries) - len(own):
        said.append(
            f"{theme.thousands(shipped)} {theme.SHIPPED} example{'s' * (shipped != 1)}, with which every page has something to "
            "show. They are not exported, and once deleted they do not come back."
        )
    if len(shown) < len(summaries):
        said.append(f"{theme.thousands(len(shown))} shown.")
    return " ".join(said)


def _table(found: list[lines.Line]) -> list[RunSummary]:
    """Draw the table; returns the selected runs."""
    shown = [line.summary for line in found]
    table = pd.DataFrame([line.cells for line in found])
    table[list(lines.SHARES.values())] *= 100
    numbers = table[list(lines.RMSES.values())].notna().any(axis=None)
    if not numbers:
        table = table.drop(columns=list(lines.RMSES.values()))
    elif table[list(lines.SHARES.values())].isna().all(axis=None):
        table = table.drop(columns=list(lines.SHARES.values()))
    event = st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * len(table), 480),
        on_select="rerun",
        selection_mode="multi-row",
        key=f"runs_table_{_order(shown)}",  # selections are row numbers: drop them when rows move
        column_config={
            "Progress": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0, width="small"),
            "Created": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            **{
                name: st.column_config.NumberColumn(format="%.1f %%", help="At the last epoch, one seed.")
                for name in lines.SHARES.values()
            },
            **{
                name: st.column_config.NumberColumn(
                    format="%.4g", help="In the unit of the target, at the last epoch, one seed; lower is better."
                )
                for name in lines.RMSES.values()
            },
            "Time (s)": st.column_config.NumberColumn(format="%.1f", help="Training time."),
        },
        placeholder=theme.MISSING,
        alt="Runs with status, progress, scores and configuration.",
    )
    st.caption(
        "Scores at the last epoch; “Always ...” is what the same answer scores for all test rows. Select rows with the boxes "
        "on the left; click a column's name to sort. "
        "Test scores are for reporting only: choose between runs by validation."
    )
    rows = event["selection"]["rows"]
    return [shown[row] for row in rows if row < len(shown)]


def _order(shown: list[RunSummary]) -> str:
    return hashlib.sha256(" ".join(summary.run_id for summary in shown).encode()).hexdigest()[:12]


def _actions(chosen: list[RunSummary]) -> bool:
    """Buttons for the selected rows; returns whether the deletion dialog is open."""
    active = [summary for summary in chosen if summary.active]
    lost = [summary for summary in chosen if diverged.has_diverged(summary) and run_picker.config_fault(summary) is None]
    stopped = [summary for summary in chosen if summary.status in ("failed", "stopped", "interrupted")]
    ended = [summary for summary in stopped if not diverged.has_diverged(summary)]
    one = chosen[0] if len(chosen) == 1 else None
    words = f"{len(chosen)} chosen" if chosen else "None chosen"
    with st.container(horizontal=True, key="run_buttons", vertical_alignment="center"):
        st.markdown(words)
        if st.button("Show curves", icon=":material/play_circle:", disabled=one is None) and one is not None:
            session.show_run(one.run_id)
            st.switch_page(navigation.PLAYGROUND_PAGE, query_params={session.Keys.RUN: one.run_id})
        if st.button("Show leaves", icon=":material/account_tree:", disabled=one is None) and one is not None:
            session.show_run(one.run_id)
            st.switch_page(navigation.LEAVES_PAGE, query_params={session.Keys.RUN: one.run_id})
        actions.annotate(chosen, "runs")
        actions.python(chosen)
        if st.button("Stop", icon=":material/stop:", disabled=not active):
            _each(active, jobs.default_store().stop)
        if st.button("Resume", icon=":material/play_arrow:", disabled=not ended):
            _each(ended, jobs.default_store().resume)
        if lost and st.button(
            diverged.LABEL,
            icon=":material/speed:",
            key="_slower",
            help="From scratch, for each chosen run whose loss became infinite. Resuming it would fail in the same way.",
        ):
            queued = diverged.train_slower(lost)
            if len(queued) == 1:
                session.show_run(queued[0])
                st.switch_page(navigation.PLAYGROUND_PAGE, query_params={session.Keys.RUN: queued[0]})
            st.rerun()
        if st.button("Delete", icon=":material/delete:", disabled=not chosen):
            _confirm_deletion(chosen)
            return True
    return False


def _each(summaries: list[RunSummary], action: Any) -> None:
    for summary in summaries:
        try:
            action(summary.run_id)
        except LeafscopeError as error:
            session.notify(str(error))
    st.rerun()


@st.dialog("Delete runs", on_dismiss="rerun")
def _confirm_deletion(chosen: list[RunSummary]) -> None:
    names = [f"- {theme.escape_markdown(summary.title, 80)}" for summary in chosen[:8]]
    if len(chosen) > 8:
        names.append(f"- and {len(chosen) - 8} more")
    st.markdown("\n".join(names))
    running = [summary for summary in chosen if summary.status == "running"]
    ended = [summary for summary in chosen if summary.status != "running"]
    if running:
        st.warning(f"{len(running)} of these are training and will be kept. Stop them first to delete them.")
    st.markdown("Their curves, leaves and weights are deleted too. This cannot be undone.")
    left, right = st.columns(2)
    if left.button("Keep", width="stretch"):
        st.rerun()
    if right.button(f"Delete {len(ended)}", type="primary", width="stretch", key="_delete", disabled=not ended):
        try:
            with st.spinner("Deleting ..."):  # which also gives the space back to the disk
                jobs.default_store().delete(summary.run_id for summary in ended)
        except LeafscopeError as error:
            session.notify(str(error))
        if session.run_id() in {summary.run_id for summary in ended}:
            session.show_run(None)
        st.rerun()


def _export(shown: list[RunSummary], chosen: list[RunSummary]) -> None:
    own = [summary for summary in shown if not summary.shipped]
    with st.container(horizontal=True, vertical_alignment="center"):
        if own:
            save_table(
                lambda: _export_table(own),
                "leafscope-runs",
                key="_runs_csv",
                label="Export table as CSV",
                hint="All of your runs shown: names, tags, comments, every configuration field, and all scores at the best and "
                "last epoch.",
            )
            actions.save_archive(chosen or own, "runs")
        if chosen and st.button("Compare", icon=":material/compare_arrows:", key="_to_compare"):
            selection.choose_rows([summary.run_id for summary in chosen])
            st.switch_page(navigation.COMPARE_PAGE, query_params={selection.CHOSEN: st.session_state[selection.CHOSEN_KEY]})


def _import() -> None:
    """Import runs from a file that another Leafscope wrote."""
    with st.expander("Import runs from a file", icon=":material/upload:"):
        file = st.file_uploader(
            "A file written by “Save as one file” or `leafscope export`",
            key=f"_import_{st.session_state.get('_imports', 0)}",
            max_upload_size=50,
            help="The whole file is checked before anything is kept; runs already here stay as they are.",
        )
        if file is None or not st.button("Import", type="primary", icon=":material/upload:", key="_import"):
            return
        try:
            found = import_archive(jobs.default_store(), file)
        except LeafscopeError as error:
            st.error(f"Nothing was imported: {theme.escape_markdown(str(error), 400)}", icon=":material/error:")
            return
        session.notify(" ".join((imported_words(found, file.name), *found.skipped)))
        st.session_state["_imports"] = st.session_state.get("_imports", 0) + 1  # empties the upload field
        st.rerun()


def _export_table(shown: list[RunSummary]) -> pd.DataFrame:
    rows = []
    for summary in shown:
        config: dict[str, Any] = {}
        is_valid = run_picker.config_fault(summary) is None
        with contextlib.suppress(ValueError, TypeError, IndexError):  # a damaged configuration is left out
            values = summary.config.model_dump(mode="json") if is_valid else json.loads(summary.config_json)
            config = {str(name): value for name, value in pd.json_normalize(values).iloc[0].to_dict().items()}
            if is_valid and summary.config.data.name in DATA_SETS and DATA_SETS[summary.config.data.name].task == "regression":
                config = of_numbers(config)
        said = {"name": summary.name, "tags": ", ".join(summary.tags), "comment": summary.comment}
        same = always.scores_of([summary.config]) if is_valid and summary.last else {}
        rows.append(said | summary.row() | {f"always_test_{name}": value for name, value in same.items()} | config)
    return pd.DataFrame(rows)


def _signature(summaries: list[RunSummary]) -> list[tuple[str, str, int]]:
    return [(summary.run_id, summary.status, summary.epochs_done) for summary in summaries if summary.active]


@store_trouble.fragment(run_every=1.0)
def _follow(signature: list[tuple[str, str, int]]) -> None:
    """Rerun the page when an active run has progressed."""
    ids = [run_id for run_id, _, _ in signature]
    found = jobs.default_store().runs(ids)
    if _signature([found[run_id] for run_id in ids if run_id in found]) != signature:
        st.rerun()


main()
