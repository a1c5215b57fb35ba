"""The talk's scene: its steps, and their numbers against the core's, computed row by row."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from leafscope.app.decks.talk import gather, opening
from leafscope.app.decks.talk.ran import Left
from leafscope.app.theme import Look
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_SWEEP
from leafscope.core.datasets import load
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.snapshots import leaf_shuffle
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from tests.app.decks.talk.test_deck import checked


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('examples')}/examples.db")
    load_examples(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def slides(store: Store) -> list[Slide]:
    return checked(gather.slides(store, EXAMPLE_SWEEP.sweep_id, Look()))


def test_the_bundled_sweep_has_every_slide_and_leaves_none_out(slides: list[Slide], store: Store) -> None:
    kinds = ["title", "scene", "figure", "figure", "figure", "states", *["figure"] * 5, "text"]
    assert [slide.kind for slide in slides] == kinds
    assert [slide.guess for slide in slides].count("tree") == 1
    (deck,) = store.decks()
    assert [one.title for one in store.slides(deck.deck_id).values()] == [one.title for one in slides]


def test_the_steps_of_the_scene_have_the_cores_numbers(slides: list[Slide], store: Store) -> None:
    figure = slides[1].figure
    assert figure is not None
    steps = figure["steps"]
    trained = trained_net(store, EXAMPLE.run_id)
    assert trained is not None
    net, data = trained.net, load(EXAMPLE.data, EXAMPLE.data_seed)
    by_level = scores_by_level(net, data)["test", "accuracy"]
    assert [f"{100 * share:.1f} %" for share in by_level] == [re.findall(r"\d+\.\d %", one["title"])[0] for one in steps[3:]]
    # shuffled, row by row: each leaf's path summed in float64
    routed, order, right = net.routed(data.test.x), leaf_shuffle(net.config.depth), 0
    for x, leaf, label in zip(data.test.x, routed.leaves[0], data.test.y, strict=True):
        h = np.maximum(net.linear("hidden", x), 0)
        weight, bias = net.own(0, int(order[leaf]))
        right += int(net.head(weight.sum(0) @ h + bias.sum(0)).argmax() == label)
    mixed, whole = re.findall(r"\d+\.\d %", steps[2]["title"])
    assert (mixed, whole) == (f"{100 * right / len(data.test.y):.1f} %", f"{100 * by_level[-1]:.1f} %")
    leaf = int(net.routed(data.standardize(np.array(steps[0]["held"]))[None].astype(np.float32)).leaves[0][0])
    assert f"{leaf:0{net.config.depth}b}: 5 of 31 matrices" in steps[0]["title"]


def test_without_a_net_that_can_be_drawn_the_scene_is_left_out(store: Store) -> None:
    found = opening.opening(store, [], Look())
    assert isinstance(found, Left)
    assert found.what == opening.WHAT
