"""The fragment that follows a run: status, progress, curves and leaf loads, in charts that do not move on the screen."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from leafscope.app import always, theme
from leafscope.app.address import session
from leafscope.app.figures.routing.layers_by_experts import LayersByExperts
from leafscope.app.figures.run.leaf_loads import LeafLoads
from leafscope.app.figures.run.learning_curves import LearningCurves
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.app.parts import drawing, mixture, store_trouble
from leafscope.app.playground import continuous, ghost
from leafscope.app.playground.ghost import Ghost
from leafscope.app.theme import Look
from leafscope.core import jobs
from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.datasets import DATA_SETS, shape
from leafscope.core.errors import RunNotFoundError
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import choice_counts

REFRESH = 0.3
"""Seconds between two updates of a run that is running."""

GHOST = "run before"
"""The name of the line of the run that was shown before."""

LEGEND_ROOM = 32
"""The smallest width, in multiples of the font size, at which a chart has its legend beside the title instead of below it."""

MAX_POINTS = 500
"""Points of one live curve; longer histories are thinned."""


LOADS_CAPTION = "Leaf loads: each training row's leaf is recorded after each epoch. The numbers are of the epoch that is shown."


def follow(
    summary: RunSummary,
    head: Callable[[RunSummary], Callable[[int], None]],
    main_figure: Callable[[RunSummary, RunSummary | None], tuple[int, int]],
    beside: RunSummary | None = None,
) -> None:
    """Show a run, and keep it up to date while it or the run beside it is queued or running.

    `main_figure` draws the first figure, from the run and the run beside it, and gives the epoch and the gated layer that it
    shows. `head` draws what stands above it, and gives a function that writes that epoch there.
    """
    waits = summary.active or (beside is not None and beside.active)
    before = ghost.of_run_before(summary)
    refresh = REFRESH if waits else None  # a fragment cannot stop its own timer; the rerun below starts one without a timer

    @store_trouble.fragment(run_every=refresh)
    def view() -> None:
        try:
            now = jobs.default_store().run(summary.run_id)
            other = None if beside is None else jobs.default_store().run(beside.run_id)
        except RunNotFoundError:
            st.rerun()
            return
        if waits and not now.active and not (other is not None and other.active):
            st.rerun()
        with st.container(key="head"):
            say_epoch = head(now)
        is_plane = DATA_SETS[now.config.data.name].is_plane and other is None
        with st.container(key="scene_of_plane" if is_plane else "scene_of_other"):
            epoch, layer = main_figure(now, other)
        say_epoch(epoch)
        if _has_loads(now.config.net):
            with st.container(key="loads"):
                _loads(now, epoch, layer)
        with st.container(key="curves"):
            history = _history(now)
            if len(history):
                _curves(now, history, before)
                if words := mixture.sentence(history):
                    st.markdown(words)
            elif now.active:
                st.caption("The first point appears once the untrained net has been measured.")

    view()


def preview(run: RunConfig, head: Callable[[], Callable[[int], None]], main_figure: Callable[[RunConfig], None]) -> None:
    """Show the net of a configuration that is not trained yet, where a run would stand."""

    @store_trouble.fragment(run_every=None)
    def view() -> None:
        with st.container(key="head"):
            say_epoch = head()
        with st.container(key="scene_of_plane" if DATA_SETS[run.data.name].is_plane else "scene_of_other"):
            main_figure(run)
        say_epoch(0)
        if _has_loads(run.net):
            with st.container(key="loads"):
                st.caption(LOADS_CAPTION)
        with st.container(key="curves"):
            words = theme.enumerate_words([_spoken(metric) for metric in _metrics(run)])
            st.caption(f"{sentence_case(words)} appear here once this net is trained.")

    view()


def _has_loads(net: NetConfig) -> bool:
    """Whether rows go to several leaves or experts."""
    layers = net.routed_layers
    return bool(layers) and layers[0].n_leaves > 1


def _history(now: RunSummary) -> pd.DataFrame:
    """The run's history; only new epochs are read from the store."""
    key = (now.run_id, now.first_attempt)
    held_key, held = st.session_state.get(session.Keys.CURVES, (None, None))
    if held_key != key or held is None:
        held = jobs.default_store().history(now.run_id)
    else:
        after = int(held.epoch.max()) if len(held) else -1
        new = jobs.default_store().history(now.run_id, after=after)
        if len(new):
            held = pd.concat([held, new], ignore_index=True) if len(held) else new
    st.session_state[session.Keys.CURVES] = (key, held)
    return held


def _curves(now: RunSummary, history: pd.DataFrame, before: Ghost | None) -> None:
    columns = st.columns(2)
    for column, (metric, title) in zip(columns, _metrics(now.config).items(), strict=True):
        with column:
            spec = curve_spec(now, history, metric, title, before)
            sentence = _curve_sentence(history, metric)
            st.echarts_chart(spec, height=_height(), key=f"live_{metric}", alt=sentence, renderer=_renderer())

    size = shape(now.config.data)
    drawing.numbers(
        history.pivot_table(index="epoch", columns=["split", "metric"], values="value", dropna=False).pipe(_flat_columns),
        "live_curves_table",
        f"Measured after each epoch on all {theme.thousands(size.n_train)} training"
        + (f" and {theme.thousands(size.n_validation)} validation" if size.n_validation else "")
        + " rows; epoch 0 is before training. One seed."
        + (" The loss is the squared error of the standardized target." if "rmse" in _metrics(now.config) else "")
        + ("" if before is None else f" {before.words()}")
        + f" {always.of_runs([now.config], 'validation' if size.n_validation else 'train')}",
        draw=lambda look: _standing_curves(now, history, look),
        sentence=_curve_sentence(history, "loss"),
    )


def _metrics(run: RunConfig) -> dict[str, str]:
    """The two metrics of the live charts, with their titles."""
    if DATA_SETS[run.data.name].task == "classification":
        return {"loss": "Loss (cross-entropy, nats)", "accuracy": "Accuracy (%)"}
    return {"loss": "Loss (squared error)", "rmse": "RMSE (unit of the target)"}


def _standing_curves(now: RunSummary, history: pd.DataFrame, look: Look) -> go.Figure:
    """The loss as a figure for the deck: the live chart is drawn by another library."""
    losses = history[(history["metric"] == "loss") & history["split"].isin(("train", "validation"))]
    wide = losses.pivot_table(index="epoch", columns="split", values="value", dropna=False)
    size = shape(now.config.data)
    is_class = DATA_SETS[now.config.data.name].task == "classification"
    metric = "loss" if is_class else "squared error of the standardized target"
    curves = LearningCurves(
        wide.index.to_numpy(),
        {str(split): wide[split].to_numpy() for split in wide.columns},
        metric=metric,
        best_epoch=now.chosen_epoch,
        n_rows={"train": size.n_train, "validation": size.n_validation},
        model=now.config.net.kind,
        gates=now.config.net.gates,
    )
    return curves.figure(subject=theme.one_line(now.title, 60), look=look)


def _flat_columns(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis(["_".join(column) for column in table.columns], axis=1).reset_index()


def _renderer() -> Literal["svg", "canvas"]:
    """How a chart is drawn, and so what its save button saves."""
    return "svg" if session.image_format() == "svg" else "canvas"


def _height() -> int:
    return 400 if session.look().projector else 270


def curve_spec(now: RunSummary, history: pd.DataFrame, metric: str, title: str, before: Ghost | None = None) -> dict[str, Any]:
    """Describe the live curve of one metric on train and validation, for ECharts; that of the run before is faint."""
    look = session.look()
    net = now.config.net
    colour = theme.model_colour(net.kind, dark=look.dark, gates=net.gates)
    end = continuous.axis_end(now)
    series = [] if before is None or metric not in before.curves else [_ghost_series(*before.curves[metric], metric, end, look)]
    for split in ("validation", "train"):
        rows = history[(history["metric"] == metric) & (history["split"] == split)]
        if len(history) and rows.empty:  # a run without validation rows has no line to explain
            continue
        data = _points(rows["epoch"].to_numpy(), rows["value"].to_numpy(), metric)
        series.append(
            {
                "name": theme.SPLIT_WORDS[split],
                "type": "line",
                "data": data,
                "showSymbol": len(data) == 1,
                "symbol": "rect" if split == "validation" else "diamond",
                "itemStyle": {"color": colour},
                "lineStyle": {
                    "color": colour,
                    "width": theme.LINE_WIDTH[look.projector],
                    "type": {"validation": "dashed", "train": "dotted"}[split],
                },
            }
        )
    return _spec(title, series, look, "epoch", {"min": 0, "max": end}, legend=True)


def _points(epochs: np.ndarray, values: np.ndarray, metric: str) -> list[list[float | None]]:
    """The points of a line, thinned, the first and the last kept; accuracies in percent."""
    step = max(1, len(epochs) // MAX_POINTS)
    kept = sorted({*range(0, len(epochs), step), len(epochs) - 1}) if len(epochs) else []
    factor = 100 if metric == "accuracy" else 1
    return [
        [int(epochs[index]), round(float(values[index]) * factor, 5) if math.isfinite(values[index]) else None]
        for index in kept
    ]


def _ghost_series(epochs: np.ndarray, values: np.ndarray, metric: str, end: int, look: theme.Look) -> dict[str, Any]:
    """The line of the run before, up to the end of the axis, with its name on it."""
    colour = theme.MUTED[look.dark]
    seen = epochs <= end
    return {
        "name": GHOST,
        "type": "line",
        "data": _points(epochs[seen], values[seen], metric),
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"color": colour, "opacity": 0.5, "width": theme.LINE_WIDTH[look.projector], "type": "dashed"},
        "itemStyle": {"color": colour, "opacity": 0.5},
        "endLabel": {
            "show": True,
            "formatter": GHOST,
            "color": colour,
            "fontSize": theme.FONT_SIZE[look.projector],
            "backgroundColor": theme.BACKGROUND[look.dark],
            "padding": [1, 3],
            "align": "right" if seen.any() and epochs[seen][-1] > end / 2 else "left",
            "verticalAlign": "top" if metric == "accuracy" else "bottom",  # away from the chart's edge
        },
    }


def _curve_sentence(history: pd.DataFrame, metric: str) -> str:
    parts = []
    for split in ("train", "validation"):
        rows = history[(history["metric"] == metric) & (history["split"] == split)]
        if len(rows):
            last = rows.iloc[-1]
            words = theme.percent(last["value"]) if metric == "accuracy" else theme.three_significant(last["value"])
            parts.append(f"{theme.SPLIT_WORDS[split]} {words}")
    return f"{sentence_case(_spoken(metric))} at epoch {theme.thousands(history['epoch'].max())}: {', '.join(parts)}."


def _spoken(metric: str) -> str:
    return "RMSE" if metric == "rmse" else metric


def _loads(now: RunSummary, shown: int, layer: int) -> None:
    """The numbers of the scene's bars, at the epoch at which it rests, or at the last one recorded before it."""
    store = jobs.default_store()
    run = now.config
    recorded = store.recorded_epochs(now.run_id)
    epochs = recorded[recorded <= shown]
    if not len(epochs):
        st.caption(LOADS_CAPTION)  # so that nothing moves when they come
        return
    epoch = int(epochs[-1])
    routed = run.net.routed_layers[min(layer, len(run.net.routed_layers) - 1)]
    counts = choice_counts(store.leaves(now.run_id, layer, "train", epoch), routed.n_leaves)
    if not routed.has_prefixes:
        _expert_loads(now, counts, epoch, layer)
        return
    drawing.numbers(
        pd.DataFrame({"epoch": epoch, "leaf": range(len(counts)), "rows": counts, "share": counts / counts.sum()}),
        "live_loads_table",
        LOADS_CAPTION,
        draw=lambda look: LeafLoads(counts, run.net.depth).figure(
            subject=f"{theme.one_line(now.title, 60)}, epoch {theme.thousands(epoch)}", look=look
        ),
        sentence=load_sentence(counts, run.net.depth, epoch),
    )


def _expert_loads(now: RunSummary, counts: np.ndarray, epoch: int, layer: int) -> None:
    """The same of experts, which have no patterns; with top-k, a row makes k choices."""
    figure = LayersByExperts([counts], [str(layer + 1)])
    drawing.numbers(
        pd.DataFrame({"epoch": epoch, "expert": range(len(counts)), "choices": counts, "share": counts / max(1, counts.sum())}),
        "live_loads_table",
        LOADS_CAPTION.replace("Leaf", "Expert").replace("leaf is", "experts are"),
        draw=lambda look: figure.figure(subject=f"{theme.one_line(now.title, 60)}, epoch {epoch}", look=look),
        sentence=figure.sentence(),
    )


def load_sentence(counts: np.ndarray, depth: int, epoch: int) -> str:
    """Say how the training rows are spread over the leaves at an epoch."""
    used = int((counts > 0).sum())
    total = int(counts.sum())
    fullest = int(counts.argmax())
    return (
        f"Epoch {epoch}: {theme.thousands(used)} of {theme.thousands(len(counts))} leaves hold the "
        f"{theme.thousands(total)} training rows; the fullest, {theme.bit_pattern(fullest, depth)}, holds "
        f"{theme.percent(counts[fullest] / total)}. Uniform would be {theme.percent(1 / len(counts))} each."
    )


def _spec(
    title: str, series: list[dict[str, Any]], look: theme.Look, x_name: str, x_axis: dict[str, Any], legend: bool
) -> dict[str, Any]:
    size = theme.FONT_SIZE[look.projector]
    text = {"fontSize": size, "color": theme.TEXT[look.dark]}
    is_narrow = legend and session.look(1 / 2).width < LEGEND_ROOM * size  # the second of two columns
    axis_label = dict(x_axis.pop("axisLabel", {})) | text
    return {
        "animation": False,
        "title": {"text": title, "left": 0, "top": 0, "textStyle": text | {"fontWeight": "bold"}},
        "grid": {"left": 8, "right": 24, "top": (4.5 if is_narrow else 3) * size, "bottom": 2 * size, "containLabel": True},
        "legend": {
            "show": legend,
            "data": [one["name"] for one in series if one["name"] != GHOST],  # which has its name beside it
            **({"left": 0, "top": 1.6 * size} if is_narrow else {"right": 40, "top": 0}),
            "textStyle": text,
            "itemWidth": 40,
        },
        "tooltip": {"trigger": "axis"},
        "toolbox": {
            "right": 0,
            "feature": {
                "saveAsImage": {
                    "title": f"Save {session.image_format().upper()}",
                    "type": session.image_format(),
                    "name": title.split(" (")[0].lower().replace(" ", "-"),
                }
            },
        },
        "xAxis": {
            "type": "value",
            "name": x_name,
            "nameLocation": "middle",
            "nameGap": 1.9 * size,
            "nameTextStyle": text,
            "axisLabel": axis_label,
            "splitLine": {"show": False},
        }
        | x_axis,
        "yAxis": {
            "type": "value",
            "axisLabel": text,
            "splitLine": {"lineStyle": {"color": theme.GRID[look.dark]}},
        },
        "series": series,
    }
