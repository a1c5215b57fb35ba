"""Which run, split and epoch the pages about leaves show, asked for in the sidebar."""

import streamlit as st

from leafscope.app import always, theme
from leafscope.app.address import session
from leafscope.app.address.choice import seed, warn
from leafscope.app.leaves import without_rows
from leafscope.app.leaves.view import SPLITS, View
from leafscope.app.parts import run_picker, sidebar, store_trouble
from leafscope.core import jobs
from leafscope.core.datasets import load, shape
from leafscope.core.errors import RunNotFoundError
from leafscope.core.store.values.summaries import RunSummary


def open_run(missing: str) -> View | None:
    """Draw the choices and the state of the run; None, with the reason on the page, if there is nothing to show.

    `missing` says what will appear once there is an epoch.
    """
    before = None if session.names_run() else session.chosen_run()
    shown = run_picker.current_run(with_leaves=True)
    if shown is None:
        return None
    if before not in (None, shown.run_id):
        session.notify(f"The run chosen before has no leaves; this page shows {shown.title}.")
    with st.sidebar:
        run_picker.pick_run(jobs.default_store().list_runs(), shown)
    if not shown.config.net.routed_layers:
        st.info(
            "A model of this kind has no gates and no experts, so it has no leaves. Choose a run with tree or flat leaf "
            "weights in the sidebar."
        )
        st.button(
            "Show the last run with leaves",
            type="primary",
            icon=":material/arrow_back:",
            key="_with_leaves",
            on_click=_forget_run,
        )
        return None
    if not shown.last:
        _not_yet(shown, missing)
        return None
    if without_rows.are_removed(shown.config.data.name):
        without_rows.show(shown)
        return None
    view = _ask(shown)
    if shown.status != "finished":
        _note_status(shown)
    if words := always.judged(shown):
        st.info(theme.escape_markdown(words))
    return view


def _not_yet(shown: RunSummary, missing: str) -> None:
    st.markdown(sidebar.status_line(shown))
    if shown.active:
        st.info(f"This run has no epoch yet; {missing} as soon as it has.")
        _when_changed(shown.run_id, shown.epochs_done, shown.status)
        return
    st.error(f"This run ended before its first epoch. {theme.escape_markdown(shown.error or '')}")
    if st.button("Show the newest run", type="primary"):
        session.show_run(None)
        st.rerun()


@store_trouble.fragment(run_every=1.0)
def _when_changed(run_id: str, epochs_done: int, status: str) -> None:
    """Run the page again once the run has its first epoch or has ended."""
    try:
        now = jobs.default_store().run(run_id)
    except RunNotFoundError:
        st.rerun()
        return
    if now.status != status or (epochs_done == 0 and now.epochs_done > 0):
        st.rerun()


def _note_status(shown: RunSummary) -> None:
    done, total = theme.thousands(shown.epochs_done), theme.thousands(shown.epochs_total)
    words = f"{sidebar.status_line(shown)}: epoch {done} of {total}."
    if not shown.active:
        st.markdown(words)
        return
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(words)
    right.button("Show newest epoch", width="stretch", on_click=_newest)
    _when_changed(shown.run_id, shown.epochs_done, shown.status)


def _newest() -> None:
    st.session_state.pop("epoch", None)
    st.query_params.pop("epoch", None)


def _ask(shown: RunSummary) -> View:
    """Draw the choices in the sidebar, and warn about those in the address that do not exist."""
    net = shown.config.net
    epochs = jobs.default_store().recorded_epochs(shown.run_id).tolist()
    layers = list(range(len(net.routed_layers)))
    splits = splits_of(shown)
    with st.sidebar:
        layer_fault = seed("layer", layers, layers[-1])
        layer = layers[-1]
        if len(layers) > 1:
            layer = st.radio(
                "Gated layer" if net.gated else "Routed layer",
                layers,
                format_func=lambda index: str(index + 1),
                key="layer",
                horizontal=True,
                persist_state="session",
            )
        session.publish_to_url("layer", layer, layers[-1])
        split_fault = seed("split", splits, "train")
        split = "train"
        if len(splits) > 1:
            split = st.radio(
                "Rows of split", splits, format_func=SPLITS.__getitem__, key="split", horizontal=True, persist_state="session"
            )
        session.publish_to_url("split", split, "train")
        epoch_fault = seed("epoch", epochs, epochs[-1])
        epoch = epochs[0]
        if len(epochs) > 1:
            epoch = st.select_slider(
                "Epoch", epochs, key="epoch", help="0 is before training. The arrow keys move it.", persist_state="session"
            )
        session.publish_to_url("epoch", epoch, epochs[-1])
    warn("layer", layer_fault, f"from 0 (the first) to {layers[-1]}" if len(layers) > 1 else "0, since there is one")
    warn("split", split_fault, " or ".join(filter(None, (", ".join(splits[:-1]), splits[-1]))))
    warn("epoch", epoch_fault, f"one that was recorded, {epochs[0]} to {epochs[-1]}")
    data = load(shown.config.data, shown.config.data_seed)
    leaves = {name: jobs.default_store().leaves(shown.run_id, layer, name, epoch) for name in SPLITS}
    return View(shown, data, net.tree_depth, layer, split, epoch, epochs, leaves)


def splits_of(shown: RunSummary) -> list[str]:
    """The splits that have rows."""
    size = shape(shown.config.data)
    rows = {"train": size.n_train, "validation": size.n_validation, "test": size.n_test}
    return [name for name in SPLITS if rows[name]]


def _forget_run() -> None:
    st.query_params.pop(session.Keys.RUN, None)
