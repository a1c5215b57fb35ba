"""Figures that answer: one in several states with a control, two side by side, and a series that is guessed first."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from leafscope.app import theme
from leafscope.app.scene import assets
from leafscope.core.config import RunConfig, dotted
from leafscope.core.store.decks import Slide

MOST_STATES = 24
"""Most states of a figure: more cannot be told apart on one slider."""

BESIDE = 2
"""Figures that can stand side by side: more would be too narrow for the last row of a room."""

MAX_NAME = 60
"""Most characters of a control and of a state's name that are shown."""

_TAG = re.compile(r"<[^>]*>")


def needs(slide: Slide) -> bool:
    """Return whether a slide is a figure that answers."""
    return slide.kind == "states" or (slide.kind == "figure" and bool(slide.guess) and slide.guess in series(slide))


def join(above: Slide, below: Slide) -> Slide:
    """Make one slide of two figures, or of a figure and one in states: the lower one becomes the last state.

    The control is the field of the configurations, or else the parameter of the addresses, in which the states differ.
    Raises ValueError for other kinds of slides, figures of different themes or sizes, or too many states.
    """
    if above.kind not in ("figure", "states") or below.kind != "figure":
        raise ValueError(f"only figures can be states of one slide, got slides of kind {above.kind} and {below.kind}")
    if (above.dark, above.projector) != (below.dark, below.projector):
        raise ValueError("both figures must be drawn for the same theme and size, got two different ones")
    states = [*states_of(above), _state(below)]
    if stands_beside(above):
        raise ValueError(f"at most {BESIDE} figures can stand side by side, got one more")
    if len(states) > MOST_STATES:
        raise ValueError(f"a figure must have at most {MOST_STATES} states, got {len(states)}")
    control, names = _names(states)
    for state, name in zip(states, names):
        state["name"] = name
    return above.model_copy(
        update={
            "kind": "states",
            "figure": {"control": control, "states": states},
            "runs": tuple(dict.fromkeys((*above.runs, *below.runs))),
            "reveal": False,
            "guess": "",
        }
    )


def in_states(slide: Slide, control: str, drawn: Mapping[str, Slide]) -> Slide:
    """Make a slide of a figure that was drawn anew for several values of a control: value in words -> its slide.

    Titles and captions change with the state, unless a person has written others. Raises ValueError for too many states.
    """
    if len(drawn) > MOST_STATES:
        raise ValueError(f"a figure must have at most {MOST_STATES} states, got {len(drawn)}")
    own = [name for name in ("title", "caption") if any(getattr(slide, name) == getattr(one, name) for one in drawn.values())]
    states = [
        _state(one) | {"name": theme.one_line(value, MAX_NAME)} | {name: getattr(one, name) for name in own}
        for value, one in drawn.items()
    ]
    runs = tuple(dict.fromkeys(run for one in drawn.values() for run in one.runs))
    figure = {"control": control, "states": states}
    return slide.model_copy(update={"kind": "states", "figure": figure, "runs": runs, "reveal": False, "guess": ""})


def states_of(slide: Slide) -> list[dict[str, Any]]:
    """List a slide's states, each with its name, figure, runs and address; a figure is one state."""
    if slide.kind == "figure":
        return [_state(slide)]
    found = (slide.figure or {}).get("states")
    return [dict(state) for state in found if isinstance(state, dict)] if isinstance(found, list) else []


def stands_beside(slide: Slide) -> bool:
    """Return whether the states of a slide are shown at once, side by side."""
    return slide.kind == "states" and (slide.figure or {}).get("beside") is True and len(states_of(slide)) == BESIDE


def series(slide: Slide) -> list[str]:
    """List the names of a figure's lines, as they are read, each once."""
    found = (slide.figure or {}).get("data")
    traces = [trace for trace in found if isinstance(trace, dict)] if isinstance(found, list) else []
    lines = [one for one in traces if one.get("type", "scatter") == "scatter" and "lines" in str(one.get("mode", "lines"))]
    names = [html.unescape(_TAG.sub("", str(one.get("name") or ""))) for one in lines]
    return list(dict.fromkeys(" ".join(name.split()) for name in names if name.strip()))


def _state(slide: Slide) -> dict[str, Any]:
    return {"name": "", "figure": slide.figure, "runs": list(slide.runs), "address": slide.address}


def _names(states: Sequence[dict[str, Any]]) -> tuple[str, list[str]]:
    """The control, and a name of each state: its value in the one field, or parameter, in which all states differ."""
    fields = [_fields(state["runs"]) for state in states]
    params = [{name: values[-1] for name, values in parse_qs(urlsplit(state["address"]).query).items()} for state in states]
    for values in (fields, params):
        for name in values[0]:
            found = [one.get(name) for one in values]
            if None not in found and len(set(found)) == len(found):
                return name.split(".")[-1].replace("_", " "), [theme.one_line(str(one), MAX_NAME) for one in found]
    return "state", [str(number) for number in range(1, len(states) + 1)]


def _fields(runs: Sequence[str]) -> dict[str, str]:
    """The fields in which all runs of a state agree."""
    try:
        known = [dotted(RunConfig.model_validate_json(run).model_dump(mode="json")) for run in runs]
    except ValueError:
        return {}
    if not known:
        return {}
    return {name: str(value) for name, value in known[0].items() if all(one.get(name) == value for one in known)}


# In the deck's file


def body(slide: Slide, data: str, label: str) -> str:
    """Write a figure's place in the document; `data` is JSON for a script element, `label` is escaped."""
    scale = theme.STAGE_SCALE[slide.projector]
    if slide.kind == "states":
        return (
            f'<div class="states room" role="group" aria-label="{label}" data-part="states" data-scale="{scale:g}">'
            f'<script type="application/json">{data}</script></div>'
        )
    guess = html.escape(slide.guess)
    return (
        f'<div class="figure room" role="group" aria-label="{label}" data-part="guess" data-guess="{guess}" '
        f'data-scale="{scale:g}"><script type="application/json">{data}</script></div>'
    )


def style() -> str:
    """Give the style sheet of figures that answer."""
    return assets.read("deck_figure.css")


def script() -> str:
    """Give the scripts of figures that answer."""
    return f"(() => {{\n{assets.read('deck_figure.js')}}})();"
