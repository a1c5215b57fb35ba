"""A slide that is a scene: nets with their recorded epochs, replayed and explored in the deck's own file."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from leafscope.app import always, theme
from leafscope.app.decks.snapshot import versions
from leafscope.app.scene import assets
from leafscope.core.config import RunConfig
from leafscope.core.datasets.registry import data_words
from leafscope.core.errors import LimitError
from leafscope.core.store.decks import Slide

MAX_BYTES = 2_400_000
"""Most bytes of a scene in a deck: four of them, the drawing library and twenty figures stay below 15 MB."""

FEWEST_EPOCHS = 2
"""Fewest epochs that are kept of a net that has as many."""

MOST_SCENES = 7
"""Most scenes that stand side by side."""

CAPTION = "The slide computes the net from recorded weights; between recorded epochs they are interpolated."
NOTES = "Keys: K plays, S shuffles the leaves, [ and ] change the level, < and > step through the epochs, P opens this window."

_NOUNS = {"tree": "tree net", "flat": "net with separate leaves", "dense": "dense net", "decision_tree": "decision tree"}


def slide(
    scenes: Sequence[Mapping[str, Any]],
    place: Mapping[str, Any],
    runs: Sequence[RunConfig],
    *,
    look: theme.Look,
    explained: Mapping[str, Any] | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
    title: str | None = None,
    address: str = "",
) -> Slide:
    """Make a slide of scenes of `payload.scene`, up to `MOST_SCENES`; it begins at a place (`epoch`, `level`, `held` ...).

    `steps` are changes of the place, which "next" goes through; with `plays` the net's training is replayed from there.
    Scenes above `MAX_BYTES` keep fewer epochs; raises LimitError if even the fewest are too large.
    """
    fewest = _sizes(scenes, place, explained, steps)
    kept = next((one for one in fewest if _size(one) <= MAX_BYTES), None)
    if kept is None:
        raise LimitError(
            f"a scene on a slide must have at most {theme.byte_size(MAX_BYTES)}, got {theme.byte_size(_size(fewest[-1]))} "
            f"with {FEWEST_EPOCHS} epochs"
        )
    return Slide(
        kind="scene",
        title=_title(scenes, place, runs) if title is None else title,
        caption=f"{_caption(scenes, runs)} {always.of_runs(runs)}".strip(),
        notes=NOTES,
        figure=kept,
        dark=look.dark,
        projector=True,
        runs=tuple(run.model_dump_json(exclude_defaults=True) for run in runs),
        address=address,
        versions=versions(),
        taken=time.time(),
    )


def thinned(scene: Mapping[str, Any], most: int, keep: int | None = None) -> dict[str, Any]:
    """Keep at most `most` epochs of a scene, evenly spaced, with the first, the last and, if it was recorded, `keep`.

    >>> made = {"epochs": [0, 1, 2, 3, 4], "weights": [*"abcde"], "counts": [], "scores": {}, "ready": None}
    >>> thinned(made, 3, keep=1)["weights"]
    ['a', 'b', 'e']
    """
    n = len(scene["epochs"])
    if n <= most:
        return dict(scene)
    places = [round(i * (n - 1) / (most - 1)) for i in range(most)]
    if keep in scene["epochs"]:
        wanted = scene["epochs"].index(keep)
        inner = range(1, most - 1) or range(1)
        places[min(inner, key=lambda i: abs(places[i] - wanted))] = wanted
    places = sorted(set(places))

    def pick(values: Sequence[Any]) -> list[Any]:
        return [values[i] for i in places] if len(values) == n else list(values)

    ready = scene["ready"]
    return {
        **scene,
        "epochs": pick(scene["epochs"]),
        "weights": pick(scene["weights"]),
        "counts": [pick(layer) for layer in scene["counts"]],
        "scores": {split: pick(values) for split, values in scene["scores"].items()},
        "ready": ready and {**ready, **{name: pick(ready[name]) for name in ("probability", "leaf", "signs")}},
    }


def shared(scenes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give scenes with as many epochs as fit into a slide together, as `slide` keeps them, each with its rows."""
    kept = next((one for one in _sizes(scenes, {}, None, ()) if _size(one) <= MAX_BYTES), None)
    return [] if kept is None else [one | {"rows": one["rows"] or kept["scenes"][0]["rows"]} for one in kept["scenes"]]


def _sizes(
    scenes: Sequence[Mapping[str, Any]],
    place: Mapping[str, Any],
    explained: Mapping[str, Any] | None,
    steps: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The slide's data with all epochs, and with ever fewer."""
    return [_packed(scenes, most, place, explained, steps) for most in (None, 21, 11, 6, FEWEST_EPOCHS)]


def _packed(
    scenes: Sequence[Mapping[str, Any]],
    most: int | None,
    place: Mapping[str, Any],
    explained: Mapping[str, Any] | None,
    steps: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The slide's data: the rows of a second net are the first one's."""
    kept = [dict(one) if most is None else thinned(one, most, place.get("epoch")) for one in scenes]
    for other in kept[1:]:
        if other["rows"] == kept[0]["rows"]:
            other["rows"] = None
    packed: dict[str, Any] = {"scenes": kept, "place": dict(place)}
    if explained is not None:
        packed["explained"] = dict(explained)
    if steps:
        packed["steps"] = [dict(step) for step in steps]
    return packed


def _size(packed: Mapping[str, Any]) -> int:
    return len(json.dumps(packed))


# Words


def _title(scenes: Sequence[Mapping[str, Any]], place: Mapping[str, Any], runs: Sequence[RunConfig]) -> str:
    """At most 12 words, with the numbers of the place."""
    data = theme.one_line(data_words(runs[0].data.name), 30)
    subject = f"{data}: " if len(data.split()) <= 2 else ""
    words = [_noun(scene) for scene in scenes]
    if place.get("shuffled"):
        return f"{subject}{words[0]}, its leaves' matrices shuffled"
    if place.get("level") is not None:
        return f"{subject}{words[0]}, read to level {place['level']} of {scenes[0]['depth']}"
    shares = [_score(scene, place.get("epoch")) for scene in scenes]
    number = scenes[0].get("target") is not None
    words_of = theme.three_significant if number else theme.percent
    errors = [share if number else 1 - share for share in shares if share is not None]
    if len(scenes) > 2 and errors:
        what = "RMSE" if number else "error"
        return f"{subject}{len(scenes)} nets, test {what} {words_of(min(errors))} to {words_of(max(errors))}"
    if None in shares:
        return f"{subject}{' and '.join(words)}"
    when = "" if place.get("epoch") is None else f" after epoch {theme.thousands(place['epoch'])}"
    between = " with " if len(words) == 1 else " "
    said = ", ".join(f"{word}{between}{words_of(share)}" for word, share in zip(words, shares) if share is not None)
    return f"{subject}{said} test {'RMSE' if number else 'accuracy'}{when}"


def _noun(scene: Mapping[str, Any]) -> str:
    return _NOUNS.get(scene["style"], "net")


def _score(scene: Mapping[str, Any], epoch: int | None) -> float | None:
    at = len(scene["epochs"]) - 1
    if epoch in scene["epochs"]:
        at = scene["epochs"].index(epoch)
    share: float | None = scene["scores"]["test"][at]
    return share


def _caption(scenes: Sequence[Mapping[str, Any]], runs: Sequence[RunConfig]) -> str:
    names = "; ".join(theme.one_line(run.label, 80) for run in runs[:2])
    if len(runs) > 2:
        names = f"{theme.one_line(runs[0].label, 80)} and {len(runs) - 1} more"
    rows = {split: scenes[0]["rows"][split]["n"] for split in ("train", "test")}
    tested = f"and {theme.thousands(rows['test'])} test rows" if rows["test"] else "rows and none for testing"
    n = f"{theme.thousands(rows['train'])} training {tested}, one seed"
    return f"{names}: {n}. {CAPTION}"


# In the deck's file


def needs(slide: Slide) -> bool:
    """Return whether a slide is a scene."""
    return slide.kind == "scene"


def body(_slide: Slide, data: str, label: str) -> str:
    """Write a scene's place in the document; `data` is JSON for a script element, `label` is escaped."""
    return (
        f'<div class="scene-room room" role="group" aria-label="{label}" data-part="scene">'
        f'<script type="application/json">{data}</script></div>'
    )


def style() -> str:
    """Give the style sheet of scenes on the stage."""
    return assets.read("scene/scene.css") + assets.read("deck_scene.css")


def script() -> str:
    """Give the scripts that draw scenes on the stage."""
    return f"(() => {{\n{assets.scripts(*assets.SCENE)}\n{assets.read('deck_scene.js')}}})();"
