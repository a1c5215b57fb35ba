"""A figure of one run with a control: drawn for every value that one setting has among the runs, as states of one slide."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.citing.again import place
from leafscope.app.decks import figure_parts
from leafscope.app.decks.editing import redraw, undo
from leafscope.core import jobs
from leafscope.core.comparison.siblings import siblings
from leafscope.core.comparison.table import field_words, value_words
from leafscope.core.config import RunConfig
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.decks import Slide

NOTHING, EPOCH = "nothing", "epoch"
"""Choices of a control: none, and the recorded epochs of the run."""

MOST = 9
"""Most states that are drawn: each takes some seconds."""

OF_EPOCHS = ("leaves", "balance")
"""Pages that show one epoch of a run."""


def offer(slide_id: str, slide: Slide) -> None:
    """Let a person choose what varies in an open figure of one run, and draw its states."""
    found = controls(slide)
    if not found:
        return
    words = {NOTHING: NOTHING} | {name: f"{_name(name)} ({len(states)} values)" for name, states in found.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "What if: vary",
            list(words),
            format_func=words.__getitem__,
            key=f"_slide_{slide_id}_vary",
            help="The same figure of other runs here, which differ from its run in this alone, or at other epochs. A slider on "
            "the slide goes through them, without a network.",
        )
        pressed = st.button(
            "Draw its states", icon=":material/tune:", key=f"_slide_{slide_id}_states_drawn", disabled=chosen == NOTHING
        )
    if pressed:
        _draw(slide_id, slide, chosen, found[chosen])


def controls(slide: Slide) -> dict[str, dict[str, str]]:
    """List what can vary in a figure: field or "epoch" -> value in words -> the address that shows it; empty for others."""
    page, parameters = place(slide.address)
    run_id = parameters.get(session.Keys.RUN, "")
    if slide.kind != "figure" or not slide.source or slide.sweep or not run_id or session.Keys.SWEEP in parameters:
        return {}
    store = jobs.default_store()
    found: dict[str, dict[str, str]] = {}
    try:
        epochs = store.recorded_epochs(run_id).tolist() if page in OF_EPOCHS else []
        others = _siblings(store.url, store.revision(), run_id)
    except LeafscopeError:
        return {}
    if len(epochs) > 1:
        found[EPOCH] = {f"{epoch:,}": _address(page, parameters | {EPOCH: str(epoch)}) for epoch in _thinned(epochs)}
    for field, runs in others.items():
        found[field] = {
            value_words(field, value): _address(page, parameters | {session.Keys.RUN: other}) for value, other in _thinned(runs)
        }
    return {name: states for name, states in found.items() if len(states) > 1}


@lru_cache(maxsize=8)
def _siblings(url: str, revision: tuple[Any, ...], run_id: str) -> Mapping[str, list[tuple[Any, str]]]:
    """Field -> values with the runs that have them, of finished runs that differ from one in this field alone."""
    del url, revision
    summaries = jobs.default_store().list_runs()
    runs: dict[str, RunConfig] = {}
    for one in summaries:
        if one.status == "finished":
            try:
                runs[one.run_id] = one.config
            except ValueError:  # of another version
                continue
    return siblings(runs[run_id], list(runs.values())) if run_id in runs else {}


def _thinned(values: Sequence[Any]) -> list[Any]:
    """At most MOST of them, evenly spaced, with the first and the last."""
    last = len(values) - 1
    places = dict.fromkeys(round(step * last / (MOST - 1)) for step in range(MOST)) if last >= MOST else range(last + 1)
    return [values[at] for at in places]


def _address(page: str, parameters: Mapping[str, str]) -> str:
    return f"/{page}?{urlencode(parameters)}"


def _name(field: str) -> str:
    return field if field == EPOCH else field_words(field)


def _draw(slide_id: str, slide: Slide, field: str, addresses: Mapping[str, str]) -> None:
    """Draw the states, one after the other, with a bar; what cannot be drawn is left out and said."""
    bar = st.progress(0.0, "Drawing ...")
    wanted = {value: slide.model_copy(update={"address": address}) for value, address in addresses.items()}
    drawn: dict[str, Slide] = {}
    faults: list[str] = []
    for done, (value, found) in enumerate(redraw.redrawn(wanted, session.slide_look(), keep=()), start=1):
        bar.progress(min(1.0, done / len(wanted)), f"{done} of {len(wanted)}")
        if isinstance(found, str):
            faults.append(f"{_name(field)} {value}: {found}")
        else:
            drawn[value] = found
    if len(drawn) < 2:
        session.notify(f"A slider needs two states, but {len(drawn)} could be drawn. {'; '.join(faults)}")
    else:
        made = figure_parts.in_states(slide, _name(field), drawn)
        names = ("kind", "figure", "runs", "reveal", "guess")
        changes = {name: getattr(made, name) for name in names}
        undo.of_open(lambda: jobs.default_store().change_slide(slide_id, **changes))
        if faults:
            session.notify(theme.one_line(f"Left out: {'; '.join(faults)}", 400))
    st.rerun()
