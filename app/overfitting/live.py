"""The curves of a sweep as they fill in, in a chart that keeps its place while the sweep trains."""

import math
from typing import Any, Literal

import pandas as pd
import streamlit as st

from leafscope.app import always, theme
from leafscope.app.address import session
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.sweeps.curves import errors_of
from leafscope.core.comparison.statistics import measure


def show(table: pd.DataFrame) -> None:
    """Show the mean test error so far against depth."""
    known = table.dropna(subset=["best_test_loss"])
    if known.empty:
        st.caption("The first points appear when all trials of a member have ended, and what was chosen has been trained.")
        return
    first = known.iloc[0]
    part = known[(known["data"] == first["data"]) & (known["n_train"] == first["n_train"])]
    widths = part["width"].dropna().unique()
    if len(widths):
        part = part[part["width"].isna() | (part["width"] == widths[0])]
    depths = sorted(table["depth"].dropna().unique())
    spec = _spec(part, [int(depth) for depth in depths])
    done = f"{theme.thousands(len(known))} of {theme.thousands(len(table))} members have a result"
    renderer: Literal["svg", "canvas"] = "svg" if session.image_format() == "svg" else "canvas"
    alt = f"Test error against depth so far; {done}."
    st.echarts_chart(spec, height=400, key="live_depths", alt=alt, renderer=renderer)
    st.caption(
        f"{done}; means over the seeds that are there. Intervals and differences follow when all have finished. "
        f"{always.of_table(part)}"
    )


def _spec(part: pd.DataFrame, depths: list[int]) -> dict[str, Any]:
    """Describe the live curves for ECharts: mean test error by depth, a line for each model."""
    errors = errors_of(part)
    title = f"Test error so far ({errors.axis})"
    part = part.assign(error=(100 if errors.are_shares else 1) * measure(part, "best", "test", "error"))
    look = session.look()
    size = theme.FONT_SIZE[look.projector]
    text = {"fontSize": size, "color": theme.TEXT[look.dark]}
    series = []
    for model, variant in dict.fromkeys(zip(part["model"], part["variant"])):
        mine = part[(part["model"] == model) & (part["variant"] == variant)]
        means = mine.groupby("depth", dropna=False)["error"].mean()
        everywhere = means[means.index.isna()]
        by = {depth: float(means[depth]) for depth in means.index if not math.isnan(depth)}
        points = [round(by.get(depth, float(everywhere.iloc[0]) if len(everywhere) else math.nan), 3) for depth in depths]
        style = model_style(str(model), str(variant), look)
        series.append(
            {
                "name": model_words(str(model), str(variant)),
                "type": "line",
                "data": [None if math.isnan(point) else point for point in points],
                "symbolSize": 8,
                "itemStyle": {"color": style["colour"]},
                "lineStyle": {"color": style["colour"], "width": theme.LINE_WIDTH[look.projector]},
            }
        )
    return {
        "animation": False,
        "title": {
            "text": title,
            "left": 0,
            "top": 6,
            "textStyle": text | {"fontWeight": "bold"},
        },
        "grid": {"left": 8, "right": 24 + 14 * size, "top": 3 * size, "bottom": 2 * size, "containLabel": True},
        "legend": {"orient": "vertical", "right": 0, "top": 2 * size, "textStyle": text},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "category",
            "data": [str(depth) for depth in depths],
            "name": "depth K (gating bits)",
            "nameLocation": "middle",
            "nameGap": 1.9 * size,
            "nameTextStyle": text,
            "axisLabel": text,
        },
        "yAxis": {
            "type": "value",
            "scale": True,
            "axisLabel": text,
            "splitLine": {"lineStyle": {"color": theme.GRID[look.dark]}},
        },
        "series": series,
    }
