"""The plane as a figure for slides: what a trained net predicts on it, where its patterns change, and the training rows."""

from typing import Any

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.citing import asked
from leafscope.app.figures.run.decision_regions import DecisionRegions
from leafscope.app.figures.run.predicted_field import PredictedField
from leafscope.app.parts import drawing
from leafscope.app.playground.scene import COMPONENTS, SECTION, parse_section
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.datasets import DATA_SETS, Dataset, load, shape
from leafscope.core.inspection.components import MOST_FEATURES
from leafscope.core.inspection.planes import Plane, Section, plane_of
from leafscope.core.inspection.trained import TrainedNet, trained_net
from leafscope.core.store.values.summaries import RunSummary

GRID = 160
"""Points along each side of the plane."""

PLANE = "plane"
"""The parameter of the address that names the plane of the figure, as `scene.SECTION` does that of the scene."""


def offer(shown: RunSummary) -> None:
    """Offer the figure below the scene of a net that has been trained, unless its rows are images."""
    size = shape(shown.config.data)
    is_image = DATA_SETS[shown.config.data.name].image_shape is not None
    if shown.config.net.fitted or not shown.last or shown.active or size.n_features < 2 or is_image:
        return
    words = "Decision regions" if size.n_classes else "The prediction on a plane"
    fold = st.expander(f"{words} as a figure for slides", icon=":material/image:", key="_regions", on_change="rerun")
    # drawing it takes longer than the rest of the page; a slide of it is drawn again without the fold
    if fold.open or asked.look_for(_key(size.n_classes)) is not None:
        with fold:
            _show(shown)


def _show(shown: RunSummary) -> None:
    trained = trained_net(jobs.default_store(), shown.run_id)
    if trained is None:
        st.info("The net of this run was not kept, so its plane cannot be drawn.")
        return
    run = shown.config
    data = load(run.data, run.data_seed)
    plane = plane_of(data, (0, 1) if data.n_features == 2 else _section(data, run))
    drawing.show(
        figure_of(data, trained, plane),
        key=_key(data.n_classes),
        caption=f"Predictions on a {GRID} x {GRID} grid, {trained.words(shown.epochs_done)}; lines: where the "
        f"{_changes(shown)}; points: training rows.{_others(data, plane)}",
        subject=shown.label,
    )


def _key(n_classes: int) -> str:
    return "decision_regions" if n_classes else "predicted_field"


def _section(data: Dataset, run: RunConfig) -> Section:
    """Ask for the plane through more than two features; at first that of the address, or else of the scene."""
    usual = _named(SECTION, run) or "0,1"
    kind, across, up = (f"_plane_{what}_{run.data.name}" for what in ("kind", "across", "up"))
    named = _named(PLANE, run) or usual
    if kind not in st.session_state:
        st.session_state[kind] = COMPONENTS if named == COMPONENTS else "columns"
    if across not in st.session_state and named != COMPONENTS:
        st.session_state[across], st.session_state[up] = map(int, named.split(","))
    section = _pick(data, kind, across, up)
    text = section if section == COMPONENTS else ",".join(map(str, section))
    session.publish_to_url(PLANE, text, usual)
    return section


def _named(parameter: str, run: RunConfig) -> str | None:
    """The plane that a parameter of the address names; None for none."""
    try:
        return parse_section(st.query_params.get(parameter, ""), run)
    except ValueError:
        return None


def _pick(data: Dataset, kind: str, across: str, up: str) -> Section:
    """Draw the controls of the plane, which have these keys."""
    names = [theme.one_line(str(name), 40) for name in data.feature_names]
    ways = {"columns": "two columns", COMPONENTS: "principal components 1 and 2"}
    if data.n_features > MOST_FEATURES:
        del ways[COMPONENTS]
        st.session_state[kind] = "columns"
    st.radio("Plane through", list(ways), format_func=ways.__getitem__, key=kind, horizontal=True)
    if st.session_state[kind] == COMPONENTS:
        return "components"
    left, right = st.columns(2)
    first = int(left.selectbox("Across", range(len(names)), format_func=names.__getitem__, key=across))
    others = [one for one in range(len(names)) if one != first]
    if st.session_state.get(up) not in others:
        st.session_state[up] = others[0]
    return first, int(right.selectbox("Up", others, format_func=names.__getitem__, key=up))


def figure_of(data: Dataset, trained: TrainedNet, plane: Plane) -> DecisionRegions | PredictedField:
    """Evaluate a net on a plane: the classes that it predicts there, or the numbers in the unit of the target."""
    (across, up), points = plane.grid(GRID)
    routed = trained.net.routed(data.standardize(points))
    answers = data.answers(routed.logits).reshape(GRID, GRID)
    net = trained.net.config
    given: dict[str, Any] = {
        "xx": across,
        "yy": up,
        "leaf": routed.leaves[-1].reshape(len(points), -1)[:, 0].reshape(GRID, GRID) if routed.leaves else None,
        "depth": net.depth if net.has_leaves else None,
        "x": plane.rows,
        "y": data.train.y,
        "feature_names": plane.names,
        "is_square": plane.is_whole and data.info.is_generator,
    }
    if data.n_classes:
        return DecisionRegions(region=answers, class_names=data.class_names, **given)
    return PredictedField(value=answers, target=data.info.target, **given)


def _changes(shown: RunSummary) -> str:
    net = shown.config.net
    kind = "gated" if net.gated else "routed"
    layers = len(net.routed_layers)
    what = "sign pattern" if net.gated else "likeliest leaf" if net.has_leaves else "likeliest expert"
    return f"{what} changes" + (f", {kind} layer {layers}" if layers > 1 else "")


def _others(data: Dataset, plane: Plane) -> str:
    """Say where the other features stand, where there are others."""
    if plane.is_whole:
        return ""
    n = data.n_features - 2
    if plane.section == "components":
        where = "The plane goes through the mean of the training rows"
    else:
        where = f"The other {'column stands' if n == 1 else f'{n} columns stand'} at the median of the training rows"
    return f" {where}; rows are drawn where they fall on it, and their own pattern and prediction may be others."
