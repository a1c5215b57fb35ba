"""The talk's first figure: one net in which a point's path lights up and collapses to one matrix, and leaves are shuffled.

K depth · L = 2^K leaves. The numbers are computed from the net's weights on its test rows, as the scene computes them too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.app import always, theme
from leafscope.app.decks import scene_slide
from leafscope.app.decks.talk import words
from leafscope.app.decks.talk.ran import Left
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.errors import of_target
from leafscope.app.scene import payload
from leafscope.app.theme import Look
from leafscope.core.config import RunConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import Dataset, load
from leafscope.core.errors import LeafscopeError
from leafscope.core.inference.net import Net
from leafscope.core.inspection.levels import recorded
from leafscope.core.inspection.snapshots import shuffled
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary

WHAT = "One net, its paths and its leaves"

MOST_EPOCHS = 6
"""Most recorded epochs that the slide keeps: its steps are about the trained net."""

MOST_LEVELS = 5
"""Most levels to which the steps read the net."""

NOTES = (
    "Next goes through the steps: 1 a point and its path, 2 the path collapses to one matrix, 3 the leaves are shuffled, "
    "4 and on, the net is read to each level. Between the steps anything can be tried: point at the plane or draw on the pad, "
    "K replays the training, S shuffles, [ and ] change the level."
)


def opening(store: Store, candidates: Sequence[RunSummary], look: Look) -> Slide | Left:
    """Make the slide of the first run, of finished trees, whose net can be drawn; `Left` says why none can."""
    for run in candidates:
        try:
            scene = payload.scene(store, run)
            trained = trained_net(store, run.run_id)
        except (LeafscopeError, ValueError):
            continue
        if scene["weights"] and trained is not None and trained.net.config.model.shares_prefixes and run.config.net.depth:
            return _slide(scene, trained.net, run.config, look)
    why = "no tree net of this sweep, and no example, has weights here that a browser computes"
    return Left(WHAT, why, "Train a tree net of the sweep on the Playground, at most 16 wide and 6 deep")


def _slide(scene: dict[str, Any], net: Net, run: RunConfig, look: Look) -> Slide:
    data = load(run.data, run.data_seed)
    score = "accuracy" if data.n_classes else "rmse"
    whole, mixed, *cut = (recorded(one, data, "test")[score] for one in (net, shuffled(net), *_cuts(net)))
    row = _telling_row(net, data)
    bits = "".join(str(int(bit)) for bit in _bits(net, data.train.x[row : row + 1], run.net.depth))
    price, plain = (cost(one, data.n_features, data.n_outputs) for one in (run.net, _plain(run)))
    depth, width = run.net.depth, run.net.width
    used, stored = depth + 1, 2 ** (depth + 1) - 1
    test = f"n = {theme.thousands(len(data.test.y))} test rows, one net"
    same = price.multiply_adds == plain.multiply_adds
    adds = "the same as" if same else f"{times_words(price.multiply_adds / plain.multiply_adds)} times those of"
    steps: list[dict[str, Any]] = [
        {
            "held": data.raw[data.train.index[row]].tolist(),
            "title": f"This {_noun(scene)} has pattern {bits}: {used} of {stored} matrices",
            "text": "Each further sign bit leads one level down, from the root to the leaf",
        },
        {
            "merged": True,
            "title": f"The {used} matrices on its path collapse to one",
            "text": f"{theme.thousands(price.multiply_adds)} multiply-adds, {adds} a dense net of width {width}; "
            f"{theme.thousands(price.parameters)} parameters, {times_words(price.parameters / plain.parameters)} times as many",
        },
        {
            "merged": False,
            "shuffled": True,
            "title": f"Leaves shuffled: {theme.percent(mixed)} of test rows correct, not {theme.percent(whole)}"
            if data.n_classes
            else f"Leaves shuffled: {_score_words(data, mixed)}, not {theme.three_significant(whole)}",
            "text": f"Each leaf has the matrix of another leaf, nothing is trained again; {test}",
        },
    ]
    for level, value in zip(_levels(depth), cut, strict=True):
        steps.append(
            {
                "shuffled": False,
                "level": level,
                "title": f"{'The root alone' if level == 0 else f'Levels 0 to {level}'}: {_score_words(data, value)}",
                "text": f"The sum over the prefixes is cut off after level {level} of {depth}; {test}",
            }
        )
    kept = scene_slide.thinned(scene, MOST_EPOCHS)
    place = {"epoch": None, "level": None, "shuffled": False, "layer": None, "held": None}
    title = f"{words.some(depth, 'sign bit')}, {2**depth} patterns, a matrix for each prefix"
    made = scene_slide.slide([kept], place, [run], look=look, steps=steps, title=title)
    said = (
        f"{theme.percent(whole)} test accuracy"
        if data.n_classes
        else f"test {of_target(data.info.target).axis}: {theme.three_significant(whole)}"
    )
    text = f"{theme.one_line(run.label, 60)}: {said}; {test}. {always.of_runs([run])}"
    assert made.figure is not None
    return made.model_copy(update={"text": text, "notes": NOTES, "figure": made.figure | {"at": 2}})


def _plain(run: RunConfig) -> Any:
    return run.net.model_copy(update={"kind": "dense", "depth": 0})


def _noun(scene: dict[str, Any]) -> str:
    return {"plane": "point", "pad": "image"}.get(scene["mode"], "row")


def _levels(depth: int) -> list[int]:
    """The levels to read to, at most `MOST_LEVELS`, evenly from the root to the leaves."""
    return sorted(set(np.linspace(0, depth, min(MOST_LEVELS, depth + 1)).round().astype(int).tolist()))


def _cuts(net: Net) -> list[Net]:
    return [net.read_to_level(level) for level in _levels(net.config.depth)]


def _score_words(data: Dataset, value: float) -> str:
    """Write a score of the test rows in a title."""
    return f"{theme.percent(value)} of test rows correct" if data.n_classes else f"test RMSE {theme.three_significant(value)}"


def _bits(net: Net, x: NDArray[np.float32], depth: int) -> NDArray[np.bool_]:
    leaf = int(net.routed(x).leaves[0][0])
    return np.array([(leaf >> (depth - 1 - level)) & 1 for level in range(depth)], dtype=bool)


def _telling_row(net: Net, data: Dataset) -> int:
    """A training row that is right, wrong with its leaf's matrix exchanged, and wrong for the root alone, as far as possible.

    A number is right within half a deviation of the target. Of those the one that lies nearest to the middle of the rows of its
    leaf and class, so that the picture is plain.
    """
    x, y = data.train.x, data.train.y
    cuts = (shuffled(net), net.read_to_level(0))
    right = _is_right(net, data)
    score = right * (2 + sum((~_is_right(one, data)).astype(int) for one in cuts))
    rows = np.flatnonzero(score == score.max())
    leaf = net.routed(x).leaves[0]
    group = leaf[rows] * data.n_classes + y[rows] if data.n_classes else leaf[rows]
    biggest = np.bincount(group).argmax()
    rows = rows[group == biggest]
    middle = x[rows].mean(0)
    return int(rows[((x[rows] - middle) ** 2).sum(1).argmin()])


def _is_right(net: Net, data: Dataset) -> NDArray[np.bool_]:
    """Whether the answer for each training row is right, or near enough."""
    said = data.answers(net(data.train.x))
    return said == data.train.y if data.n_classes else abs(said - data.train.y) <= data.centre[1] / 2
