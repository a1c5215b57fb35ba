"""The Playground's scene: a net's plane and its tree of prefixes, replayed and explored in the browser."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import link, session
from leafscope.app.decks import current, scene_slide
from leafscope.app.parts import train_missing
from leafscope.app.scene import component, payload
from leafscope.app.sweeps import offer
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import DATA_SETS, shape
from leafscope.core.errors import LeafscopeError, RunNotFoundError
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.values.summaries import RunSummary

EPOCH, LEVEL, SHUFFLED, HELD, LAYER, STEP, SECTION, HELD_AT = (
    *("epoch_at", "read_to", "shuffled", "held", "scene_layer", "step"),
    *("section", "held_at"),
)
"""Parameters of the address: epoch, level read to, shuffled leaves, held point, gated layer from 0, guided step from 1, the
plane through more than two columns ("components", or the numbers of two columns, from 0), and the held point's place on it."""

PLACE = (EPOCH, LEVEL, SHUFFLED, HELD, LAYER, STEP, SECTION, HELD_AT)

BESIDE = "beside"
"""The parameter of the address that names the model to compare with."""

STEPS = 5
"""Steps of the guided minute; the last one compares with the dense net."""

DENSE = "dense"
"""The value of `BESIDE` for a dense net of the same computation."""

COMPONENTS = "components"
"""The plane of the first two principal components."""

INK = 16
"""The value of a digit's cell full of ink."""

LARGEST = 1e12
"""The largest size of a held point's feature; nets compute in single precision."""

MAX_HELD = 16
"""Most features of a held row in an address; digits take one character per cell instead."""

_KEY = "scene"


def prepare() -> None:
    """Compute the scene of the run that a first visit shows, if it is here, so that the visit finds it ready."""
    with contextlib.suppress(RunNotFoundError, ValueError):
        payload.scene(jobs.default_store(), jobs.default_store().run(EXAMPLE.run_id))


def choose_beside(summary: RunSummary) -> RunConfig | None:
    """Ask what to compare a run with, and train it if it is not here: its configuration, None for nothing."""
    try:
        others = payload.partners(summary.config)
    except LeafscopeError:
        others = {}
    words = {payload.NOTHING: payload.NOTHING} | {name.replace(" ", "_"): name for name in others}
    by_value = {name.replace(" ", "_"): other for name, other in others.items()}
    is_last_step = st.query_params.get(STEP) == str(STEPS) and BESIDE not in st.query_params
    usual = DENSE if is_last_step and DENSE in words else payload.NOTHING
    text = session.seed_from_url(BESIDE, lambda value: _known(value, words), usual)
    if text is not None:
        session.notify(f"{BESIDE} in the address must be one of {', '.join(words)}, got {text[:40]!r}; no comparison is shown")
    if st.session_state[BESIDE] not in words:
        st.session_state[BESIDE] = payload.NOTHING
    chosen = st.selectbox(
        "Compare with",
        list(words),
        format_func=words.__getitem__,
        key=BESIDE,
        on_change=lambda: _train(by_value.get(st.session_state[BESIDE])),
        help="A second net on the same rows, with the same seeds and training; it is trained if it is not here yet.",
        persist_state="session",
    )
    session.publish_to_url(BESIDE, chosen, payload.NOTHING)
    return by_value.get(chosen)


def run_beside(summary: RunSummary, other: RunConfig | None) -> RunSummary | None:
    """Look up the run to compare with; None for nothing, and after offering to train one that is not here."""
    if other is None:
        return None
    link.show([summary.config, other])
    try:
        return jobs.default_store().run(other.run_id)
    except RunNotFoundError:
        offer.offer([other], f"The run to compare with is not here yet: {theme.escape_markdown(other.label)}.")
        return None


def show(summary: RunSummary, beside: RunSummary | None = None) -> tuple[int, int]:
    """Draw the scene of a run, and of another one for comparison, as recorded so far.

    Gives the epoch at which it rests, and the gated layer that it shows.
    """
    runs = [summary] if beside is None else [summary, beside]
    live = any(run.active for run in runs)
    scenes = []
    for run in runs:
        try:
            scenes.append(payload.scene(jobs.default_store(), run, live=run.active))
        except (LeafscopeError, ValueError) as error:
            words = f"Nothing to draw for {theme.escape_markdown(run.title, 80)}: {theme.escape_markdown(str(error), 300)}"
            st.info(words, icon=":material/info:")
            if run is summary:
                return summary.epochs_done, 0
    last = max(run.config.epochs for run in runs)
    _enter(summary.run_id)
    _keep(summary, last)
    place = _from_url(summary.config, last)
    explained = _explained(summary, scenes[0], place)
    _mount(scenes, live=live, autoplay=summary.status == "finished" and not live, explained=explained)
    if not live and _can_be_slide(scenes):
        _offer_slide(scenes, [run.config for run in runs], place, explained)
    for run, drawn in zip(runs, scenes):
        if run.status == "finished" and drawn["kind"] == "decision_tree" and drawn["tree"] is None:
            train_missing.again(f"scene_{run.run_id}", run.config, "the decision tree")
    newest, epoch = int(scenes[0]["epochs"][-1]), place["epoch"]
    return (newest if epoch is None else min(newest, int(epoch))), place["layer"] or 0


def _can_be_slide(scenes: list[dict[str, Any]]) -> bool:
    """Whether something is drawn of every net."""
    return all(drawn["weights"] or drawn["ready"] or drawn["tree"] for drawn in scenes)


def _offer_slide(
    scenes: list[dict[str, Any]], runs: list[RunConfig], place: dict[str, Any], explained: dict[str, Any] | None
) -> None:
    if current.button(
        "scene", "Keep this scene, as it is now, as a slide that can be replayed and explored without a network."
    ):
        current.keep(
            lambda: scene_slide.slide(
                scenes, place | {"step": None}, runs, look=session.look(), explained=explained, address=link.address()
            )
        )


def show_untrained(run: RunConfig) -> None:
    """Draw the data of a run that is not here yet, and its net before training."""
    try:
        scene = payload.untrained(run)
    except (LeafscopeError, ValueError) as error:
        st.info(theme.escape_markdown(f"Nothing to draw for {run.label}: {error}", 300), icon=":material/info:")
        return
    _enter(run.run_id)
    _mount([scene], live=True, preview=True)


def _mount(
    scenes: list[dict[str, Any]],
    *,
    live: bool,
    preview: bool = False,
    autoplay: bool = False,
    explained: dict[str, Any] | None = None,
) -> None:
    looks = [payload.look(replace(session.look(), dark=dark)) for dark in (False, True)]
    component.scene()(
        key=_KEY,
        data={
            "scenes": scenes,
            "looks": looks,
            "dark": session.look().dark,
            "autoplay": autoplay,
            "live": live,
            "preview": preview,
            "explained": explained,
            "guide": EXAMPLE.run_id if jobs.default_store().runs([EXAMPLE.run_id]) else None,
        },
        on_place_change=lambda: None,  # the rerun writes it into the address
        on_scheme_change=lambda: None,  # the rerun draws the rest of the page in the other theme
    )


def _known(value: str, words: dict[str, str]) -> str:
    if value not in words:
        raise ValueError(value)
    return value


def _train(run: RunConfig | None) -> None:
    if run is None:
        return
    try:
        jobs.default_store().submit(run)
    except LeafscopeError as error:
        session.notify(str(error))


# The state of the scene: epoch, level, shuffle, held point, layer


def _enter(run_id: str) -> None:
    """Drop the place of the run before from the address."""
    if st.session_state.get(session.Keys.SCENE, run_id) != run_id:
        for name in PLACE:
            st.query_params.pop(name, None)
    st.session_state[session.Keys.SCENE] = run_id


def _from_url(run: RunConfig, last: int) -> dict[str, Any]:
    """The place in the address, which the browser reads too; what cannot be is said, and dropped from the address."""
    bounds: dict[str, tuple[Callable[[str], Any], str]] = {
        EPOCH: (lambda text: _whole(text, last), f"an epoch from 0 to {last}"),
        LEVEL: (lambda text: _whole(text, run.net.depth), f"a level from 0 to {run.net.depth}"),
        SHUFFLED: (lambda text: bool(_whole(text, 1)), "0 or 1"),
        LAYER: (lambda text: _whole(text, run.net.tree_layers - 1), f"a layer from 0 to {run.net.tree_layers - 1}"),
        HELD: (lambda text: parse_held(text, run), "a point of this run's data"),
        SECTION: (lambda text: parse_section(text, run), "components, or the numbers of two columns"),
        HELD_AT: (lambda text: parse_held_at(text, st.query_params.get(SECTION), run), "two numbers, beside a section"),
        STEP: (lambda text: 1 + _whole(str(int(text) - 1), STEPS - 1), f"a step from 1 to {STEPS}"),
    }
    found: dict[str, Any] = {}
    for name, (parse, wanted) in bounds.items():
        text = st.query_params.get(name)
        found[name] = None
        if text is None:
            continue
        try:
            found[name] = parse(text)
        except ValueError:
            st.query_params.pop(name, None)
            session.notify(f"{name} in the address must be {wanted}, got {text[:40]!r}; it is ignored")
    keys = {
        EPOCH: "epoch",
        LEVEL: "level",
        SHUFFLED: "shuffled",
        LAYER: "layer",
        HELD: "held",
        STEP: "step",
        SECTION: "section",
        HELD_AT: "held_at",
    }
    return {keys[name]: value for name, value in found.items()}


def _whole(text: str, most: int) -> int:
    value = int(text)
    if not 0 <= value <= most:
        raise ValueError(text)
    return value


def parse_held(text: str, run: RunConfig) -> list[float]:
    """Read a point from an address: numbers separated by commas, or a digit's cells as one character each, 0 to g (16).

    Raises ValueError unless there is one number for each feature, none beyond 1e12 in size.

    >>> parse_held("0.5,-1", RunConfig(data={"name": "moons"}))
    [0.5, -1.0]
    """
    n = shape(run.data).n_features
    values = [int(sign, INK + 1) for sign in text] if _is_drawn(run) else [float(part) for part in text.split(",")]
    if len(values) != n or not all(map(_is_number, values)):
        raise ValueError(f"a point must have {n} features, none beyond {LARGEST:g} in size, got {text[:80]!r}")
    return [float(value) for value in values]


def parse_section(text: str, run: RunConfig) -> str:
    """Read the plane on which a net with more than two inputs is drawn; raises ValueError for what is none.

    >>> parse_section("3,0", RunConfig(data={"name": "wine"})), parse_section("components", RunConfig(data={"name": "wine"}))
    ('3,0', 'components')
    """
    n = shape(run.data).n_features
    columns = [int(part) for part in text.split(",")] if text != COMPONENTS else [0, 1]
    if n < 3 or _is_drawn(run) or len(set(columns)) != 2 or len(columns) != 2 or not all(0 <= one < n for one in columns):
        raise ValueError(f"a plane must be {COMPONENTS!r} or two different columns from 0 to {n - 1}, got {text[:80]!r}")
    return text if text == COMPONENTS else f"{columns[0]},{columns[1]}"


def parse_held_at(text: str, section: str | None, run: RunConfig) -> list[float]:
    """Read the place of a point on the plane of a net with more than two inputs; raises ValueError for what is none.

    >>> parse_held_at("0.5,-1", "components", RunConfig(data={"name": "wine"}))
    [0.5, -1.0]
    """
    parse_section(section or "", run)
    values = [float(part) for part in text.split(",")]
    if len(values) != 2 or not all(map(_is_number, values)):
        raise ValueError(f"a place on a plane must be two numbers, none beyond {LARGEST:g} in size, got {text[:80]!r}")
    return values


def write_held(held: list[float], run: RunConfig) -> str | None:
    """Write a point as `parse_held` reads it; None if it has more features than an address takes.

    >>> write_held([0.5, -1.0], RunConfig(data={"name": "moons"}))
    '0.5,-1'
    """
    if _is_drawn(run):
        return "".join(np.base_repr(round(min(INK, max(0, value))), INK + 1).lower() for value in held)
    return ",".join(f"{value:.6g}" for value in held) if len(held) <= MAX_HELD else None


def _is_drawn(run: RunConfig) -> bool:
    return DATA_SETS[run.data.name].image_shape is not None


def _keep(summary: RunSummary, last: int) -> None:
    """Write into the address where the scene came to rest, once.

    All of it in one message, and noted only then: Streamlit may break off a script at each message that it sends.
    """
    told = (st.session_state.get(_KEY) or {}).get("place")
    place = _place(summary, last)
    if place is None or told == st.session_state.get(session.Keys.SCENE_WRITTEN):
        return
    held, held_at = place["held"], place["held_at"]
    written = None if held is None else write_held(held, summary.config)
    parts = {
        EPOCH: place["epoch"],
        LEVEL: place["level"],
        SHUFFLED: 1 if place["shuffled"] else None,
        HELD: written,
        LAYER: place["layer"],
        STEP: place["step"],
        SECTION: place["section"],
        HELD_AT: None if held_at is None or written is not None else ",".join(f"{value:.6g}" for value in held_at),
    }
    before = st.query_params.to_dict()
    after = {name: text for name, text in before.items() if name not in PLACE}
    after |= {name: session.format_value(value) for name, value in parts.items() if value is not None}
    if after != before:
        st.query_params.from_dict(after)
    st.session_state[session.Keys.SCENE_WRITTEN] = told


def _place(summary: RunSummary, last: int) -> dict[str, Any] | None:
    """The state that the browser sent last, if it is valid and of this run."""
    told = st.session_state.get(_KEY)
    place = told.get("place") if told is not None else None
    if not isinstance(place, dict) or place.get("id") != summary.run_id:
        return None
    run = summary.config
    whole = (("epoch", last), ("level", run.net.depth), ("layer", run.net.tree_layers - 1), ("step", STEPS))
    kept: dict[str, Any] = {"shuffled": place.get("shuffled") is True, "section": None}
    for name, most in whole:
        value = place.get(name)
        kept[name] = value if type(value) is int and 0 <= value <= most else None
    held = place.get("held")
    n = shape(run.data).n_features
    point = held if isinstance(held, list) and len(held) == n and all(map(_is_number, held)) else None
    section = place.get("section")
    with contextlib.suppress(ValueError):
        kept["section"] = parse_section(section, run) if isinstance(section, str) else None
    kept["held"] = None if point is None else [float(value) for value in point]
    at = place.get("held_at")
    kept["held_at"] = None
    if kept["section"] is not None and isinstance(at, list) and len(at) == 2 and all(map(_is_number, at)):
        kept["held_at"] = [float(value) for value in at]
    return kept


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= LARGEST


def _explained(summary: RunSummary, scene: dict[str, Any], place: dict[str, Any]) -> dict[str, Any] | None:
    """What each node adds for the held point, for a net that the browser cannot compute."""
    if not scene["ready"] or not summary.config.net.gated or summary.active:
        return None
    held, layer = place["held"], place["layer"] or 0
    trained = trained_net(jobs.default_store(), summary.run_id) if held is not None else None
    if trained is None or held is None:
        return None
    return payload.parts(trained, summary.config, held, layer) | {"raw": held}
