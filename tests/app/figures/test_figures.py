"""What holds for every figure: title, n, axes, height, background, look, escaping, and a figure for nothing."""

import itertools
import json
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest

from leafscope.app import theme
from leafscope.app.figures.run.decision_regions import decision_regions
from leafscope.app.figures.run.leaf_loads import leaf_loads
from leafscope.app.figures.run.learning_curves import learning_curves
from leafscope.app.figures.run.load_over_epochs import load_over_epochs
from leafscope.app.theme import Look

LOOKS = [Look(dark, projector) for dark, projector in itertools.product((False, True), (False, True))]
COUNTS = np.array([6, 0, 3, 1])
EVIL = ["<a href='http://x'>a</a>", "<b>b</b> %{x}"]

FULL: dict[str, Callable[[Look], go.Figure]] = {
    "leaf_loads": lambda look: leaf_loads(counts_train=COUNTS, counts_test=COUNTS, depth=2, subject="<i>run</i>", look=look),
    "all_leaf_loads": lambda look: leaf_loads(counts_train=np.arange(512), depth=9, subject="<i>run</i>", look=look),
    "decision_regions": lambda look: decision_regions(
        xx=[0, 1, 2],
        yy=[0, 1],
        region=[[0, 0, 1], [0, 1, 1]],
        leaf=[[0, 1, 1], [0, 0, 1]],
        depth=1,
        x=[[0.5, 0.5]],
        y=[1],
        class_names=EVIL,
        feature_names=("<b>u</b>", "v"),
        subject="<i>run</i>",
        look=look,
    ),
    "learning_curves": lambda look: learning_curves(
        epochs=[0, 1], curves={("train", "loss"): [2, 1]}, metric="loss", n_rows={"train": 5}, subject="<i>run</i>", look=look
    ),
    "load_over_epochs": lambda look: load_over_epochs(
        epochs=[0, 1], counts=[[4, 0], [2, 2]], depth=1, subject="<i>run</i>", look=look
    ),
}

NOTHING: dict[str, Callable[[], go.Figure]] = {
    "leaf_loads": lambda: leaf_loads(counts_train=np.zeros(4), depth=2),
    "decision_regions": lambda: decision_regions(
        xx=[], yy=[], region=np.zeros((0, 0)), leaf=np.zeros((0, 0)), x=np.zeros((0, 2)), y=[], class_names=EVIL
    ),
    "learning_curves": lambda: learning_curves(epochs=[], curves={}, metric="loss"),
    "load_over_epochs": lambda: load_over_epochs(epochs=[], counts=np.zeros((0, 4)), depth=2),
}


@pytest.mark.parametrize(("name", "look"), list(itertools.product(FULL, LOOKS)))
def test_a_figure_has_a_title_a_fixed_height_and_the_look(name: str, look: Look) -> None:
    figure = FULL[name](look)
    assert figure.layout.title.text
    assert figure.layout.height in {h[look.projector] for h in (theme.MAIN_HEIGHT, theme.SIDE_HEIGHT)}
    layout = figure.layout.template.layout
    assert layout.font.size == theme.FONT_SIZE[look.projector]
    assert layout.font.color == theme.TEXT[look.dark]
    assert layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.paper_bgcolor is figure.layout.plot_bgcolor is None


@pytest.mark.parametrize("name", [name for name in FULL if name != "learning_curves"])
def test_a_figure_says_n(name: str) -> None:
    assert "n = " in FULL[name](theme.SCREEN).layout.title.text


@pytest.mark.parametrize("name", FULL)
def test_visible_axes_have_titles(name: str) -> None:
    figure = FULL[name](theme.SCREEN)
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.visible is not False and not (axis.matches and axis.showticklabels is False):
            assert axis.title.text


@pytest.mark.parametrize("name", FULL)
def test_user_text_never_becomes_a_tag(name: str) -> None:
    text = json.dumps(FULL[name](theme.SCREEN).to_plotly_json(), default=str)
    for tag in ("<i>", "<b>", "<a "):
        assert tag not in text
    assert "&lt;i&gt;run&lt;/i&gt;" in text


@pytest.mark.parametrize("name", FULL)
def test_a_figure_is_valid_json_for_the_browser(name: str) -> None:
    assert json.loads(FULL[name](theme.SCREEN).to_json())["data"]


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_gives_a_figure_that_says_why(name: str) -> None:
    figure = NOTHING[name]()
    assert not figure.data
    assert figure.layout.annotations[0].text
    assert figure.layout.title.text
    assert figure.layout.height == theme.MAIN_HEIGHT[False]
