"""A slide made from a figure, with its title, caption and the configurations it was computed from."""

import html
import json
import platform
import time
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version

import pandas as pd
import plotly.graph_objects as go

from leafscope.app.citing import numbers
from leafscope.app.theme import Look
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.decks import MAX_NUMBERS, Slide

PROGRAMS = ("leafscope", "torch", "plotly", "streamlit", "numpy", "scikit-learn")
"""Programs that a result may depend on; every slide keeps their versions."""

MOST_RUNS = 200
"""Most configurations that a slide keeps; a figure of more runs shows a sweep, which is kept instead."""


def snapshot(
    figure: go.Figure,
    *,
    look: Look,
    caption: str = "",
    title: str | None = None,
    notes: str = "",
    runs: Sequence[RunConfig] = (),
    sweep: SweepConfig | None = None,
    address: str = "",
    source: str = "",
    table: pd.DataFrame | None = None,
) -> Slide:
    """Make a slide of a figure that `frame.frame` dressed: its title moves to the slide.

    `source` is the figure's name on its page, and `table` its numbers, by which it can be drawn again and compared.
    """
    drawn: dict[str, object] = json.loads(figure.to_json())
    layout = drawn["layout"]
    assert isinstance(layout, dict)
    layout.pop("title", None)
    layout.pop("height", None)
    meta = layout.pop("meta", None) or {}
    margin = layout.setdefault("margin", {})
    margin["t"] = max(14, margin.get("t", 14) - meta.get("title_room", 0))
    told = "" if table is None else numbers.as_text(table)
    own_title, subtitle = (html.unescape(meta.get(name, "")) for name in ("title", "subtitle"))
    return Slide(
        kind="figure",
        title=own_title if title is None else title,
        caption=" ".join(filter(None, (subtitle + "." * bool(subtitle), caption))),
        notes=notes,
        figure={"data": drawn["data"], "layout": layout},
        dark=look.dark,
        projector=look.projector,
        runs=tuple(dict.fromkeys(run.model_dump_json(exclude_defaults=True) for run in runs))[:MOST_RUNS],
        sweep="" if sweep is None else sweep.model_dump_json(exclude_defaults=True),
        address=address,
        versions=versions(),
        taken=time.time(),
        source=source,
        numbers=told if len(told) <= MAX_NUMBERS else "",
        digest=numbers.digest(source, told, (run.run_id for run in runs), "" if sweep is None else sweep.sweep_id)
        if told
        else "",
    )


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    return (("python", platform.python_version()), *((name, version(name)) for name in PROGRAMS))


def versions() -> dict[str, str]:
    """Installed versions: program -> version."""
    return dict(_versions())
