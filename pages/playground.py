"""Playground: what does a tree net do? Train one and watch it, on data that can be seen."""

import streamlit as st

from leafscope.app import navigation, server, theme
from leafscope.app.address import link, session
from leafscope.app.figures.run.decision_regions import DecisionRegions
from leafscope.app.gallery import part as gallery
from leafscope.app.parts import drawing, run_picker
from leafscope.app.playground import actions, continuous, controls, live, scene
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.cost import cost
from leafscope.core.datasets import DATA_SETS, load, shape
from leafscope.core.device import check_fits, device_name
from leafscope.core.errors import DataError, DeviceError, LeafscopeError, LimitError, RunNotFoundError
from leafscope.core.inspection.snapshots import grid
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.values.summaries import RunSummary

GRID = 160  # points along each side of the plane of decision regions


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
    spec = DATA_SETS[shown.config.data.name]
    is_plane_of_net = spec.is_plane and spec.task == "classification" and not shown.config.net.fitted
    if is_plane_of_net and shown.last and not shown.active:
        fold = st.expander(
            "Decision regions as a figure for slides", icon=":material/image:", key="_regions", on_change="rerun"
        )
        if fold.open:  # drawing it takes longer than the rest of the page
            with fold:
                _regions(shown)
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


def _regions(shown: RunSummary) -> None:
    trained = trained_net(jobs.default_store(), shown.run_id)
    if trained is None:
        return
    run = shown.config
    data = load(run.data, run.data_seed)
    of_plane = grid(data, GRID)
    region, leaves = trained.predict(data.standardize(of_plane))
    square = (GRID, GRID)
    kind = "gated" if run.net.gated else "routed"
    layer = f", {kind} layer {len(leaves)}" if len(leaves) > 1 else ""
    changes = "sign pattern" if run.net.gated else "likeliest leaf" if run.net.has_leaves else "likeliest expert"
    drawing.show(
        DecisionRegions(
            xx=of_plane[:GRID, 0],
            yy=of_plane[::GRID, 1],
            region=region.reshape(square),
            leaf=leaves[-1].reshape(len(of_plane), -1)[:, 0].reshape(square) if leaves else None,
            depth=run.net.depth if run.net.has_leaves else None,
            x=data.raw[data.train.index],
            y=data.train.y,
            class_names=data.class_names,
            feature_names=(data.feature_names[0], data.feature_names[1]),
        ),
        key="decision_regions",
        caption=f"Predictions on a {GRID} x {GRID} grid, {trained.words(shown.epochs_done)}; lines: where the "
        f"{changes} changes{layer}; points: training rows.",
        subject=shown.label,
    )


main()
