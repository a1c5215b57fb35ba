"""Playground: what does a tree net do? Train one and watch it, on data that can be seen."""

import streamlit as st

from leafscope.app import navigation, server, theme
from leafscope.app.address import link, session
from leafscope.app.gallery import part as gallery
from leafscope.app.parts import run_picker
from leafscope.app.playground import actions, continuous, controls, live, plane_figure, scene
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.device import check_fits, device_name
from leafscope.core.errors import DataError, DeviceError, LeafscopeError, LimitError, RunNotFoundError
from leafscope.core.store.values.summaries import RunSummary


def main() -> None:
    """Lay out the page."""
    controls.follow(session.run_id(), _settings_of)
    chosen, faults, action = controls.draw()
    st.title("Train a net that chooses its weights by sign pattern")
    if chosen is not None and (sentence := _misfit(chosen)):
        action.error(theme.escape_markdown(sentence), icon=":material/memory:")
        faults["net.depth"] = sentence
    with action:
        if chosen is not None and not faults:
            _cost(chosen)
        continuous.choose(chosen)
    shown = _shown_run(chosen)
    if shown is None:
        actions.draw(chosen, None, faults)
        return
    controls.belong_to(shown.run_id)
    chosen = controls.meant(chosen, shown.config)
    with action:
        other = scene.choose_beside(shown)
    if chosen is not None and not faults and actions.previews(chosen, shown):
        live.preview(chosen, lambda: actions.draw(chosen, shown, faults), scene.show_untrained)
        return
    live.follow(shown, lambda now: actions.draw(chosen, now, faults), scene.show, scene.run_beside(shown, other))
    plane_figure.offer(shown)
    gallery.draw(shown)
    if not shown.active and shown.last and shown.config.net.routed_layers:
        st.page_link(
            navigation.LEAVES_PAGE,
            label="See the rows in each leaf" if shown.config.net.has_leaves else "See the rows of each expert",
            icon=":material/account_tree:",
            query_params={session.Keys.RUN: shown.run_id},
        )


def _settings_of(run_id: str | None) -> RunConfig | None:
    """The configuration of a run; where none was asked for, of the one that is shown, unless the controls say it already."""
    store = jobs.default_store()
    try:
        if run_id is not None:
            return store.run(run_id).config
        latest = None if store.runs([EXAMPLE.run_id]) else run_picker.latest()
        return None if latest is None else latest.config
    except (LeafscopeError, ValueError):
        return None  # the page says so where it would show the run


def _misfit(run: RunConfig) -> str | None:
    try:
        gpus = jobs.gpus()
        device = device_name(server.device() if run.train.device == "auto" else run.train.device, gpus)
        check_fits(run, device, gpus)
    except (DataError, DeviceError, LimitError) as error:
        return str(error)
    return None


def _cost(run: RunConfig) -> None:
    size = shape(run.data)
    price = cost(run.net, size.n_features, size.n_outputs)
    st.caption(
        f"**{theme.thousands(price.parameters)}** parameters, **{theme.thousands(price.multiply_adds)}** multiply-adds per "
        f"example: a capacity-to-computation ratio of **{theme.three_significant(price.ratio)}** "
        "(dense net of equal width: 1).",
        help="Stored parameters divided by multiply-adds per example (inference with collapsed leaves, gating included), "
        "relative to the dense net of equal width.",
    )


def _shown_run(chosen: RunConfig | None) -> RunSummary | None:
    """The run to show: the URL's, else that of the chosen configuration if it is trained, else the one looked at last."""
    asked = session.run_id()
    if asked is not None and chosen is not None and asked == chosen.run_id:
        link.show([chosen])
        try:
            return run_picker.note(jobs.default_store().run(asked))
        except RunNotFoundError:
            st.info("This run is not here: it was trained on another machine, or deleted. Press Train to train it here.")
            return None
    if asked is None and chosen is not None:
        try:
            return run_picker.note(jobs.default_store().run(chosen.run_id))
        except RunNotFoundError:
            pass
    return run_picker.current_run()


main()
