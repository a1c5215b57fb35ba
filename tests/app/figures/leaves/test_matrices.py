import itertools
import json
from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.matrices import diverging_scale, leaf_matrices, leaf_matrices_sentence, leaf_matrices_table
from leafscope.app.theme import Look

OWN = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
PARENT = np.array([[1.0, -1.0, 0.5], [0.0, 1.0, -4.0]])
NAMES: dict[str, Any] = {"pattern": "leaf 1 0", "parent_words": "prefix 1"}


def test_panels_are_parent_own_and_their_difference_on_one_symmetric_scale() -> None:
    figure = leaf_matrices(own=OWN, parent=PARENT, **NAMES)
    for trace, matrix in zip(figure.data, (PARENT, OWN, OWN - PARENT), strict=True):
        assert np.array_equal(np.asarray(trace.z), matrix)
        assert trace.coloraxis == "coloraxis"
    # the largest weight is in the difference
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-5, 5)
    assert [note.text for note in figure.layout.annotations] == ["prefix 1", "leaf 1 0", "what the leaf adds"]
    assert "n = 6 weights" in figure.layout.title.text


def test_without_a_parent_there_is_one_panel() -> None:
    figure = leaf_matrices(own=OWN, parent=None, pattern="prefix all patterns")
    assert len(figure.data) == 1
    assert figure.layout.annotations[0].text == "root"
    assert figure.layout.xaxis.title.text == "input unit"
    assert figure.layout.yaxis.title.text == "output unit"


@pytest.mark.parametrize("shape", [(1, 1), (1, 128), (128, 1), (128, 128)])
@pytest.mark.parametrize("projector", [False, True])
def test_any_size_is_drawn_with_integer_ticks_at_the_fixed_height(shape: tuple[int, int], projector: bool) -> None:
    figure = leaf_matrices(own=np.zeros(shape), parent=np.ones(shape), look=Look(projector=projector), **NAMES)
    assert figure.layout.height == theme.MAIN_HEIGHT[projector]
    assert figure.layout.xaxis.dtick == int(figure.layout.xaxis.dtick) >= 1
    assert list(figure.layout.yaxis.range) == [shape[0] - 0.5, -0.5]


def test_long_patterns_lose_their_spaces() -> None:
    figure = leaf_matrices(own=OWN, parent=PARENT, pattern="1 0" * 8, parent_words="root", look=Look(projector=True))
    assert "what the leaf adds" in figure.layout.annotations[2].text
    deep = " ".join("10" * 8)
    figure = leaf_matrices(own=OWN, parent=PARENT, pattern=deep, parent_words="root", look=Look(projector=True))
    assert figure.layout.annotations[1].text == f"leaf<br>{'10' * 8}"


def test_scale_has_a_neutral_middle_and_ends_that_differ_in_both_themes() -> None:
    for dark in (False, True):
        scale = diverging_scale(dark=dark)
        assert theme.contrast(theme.scale_colour(scale, 0.5), theme.BACKGROUND[dark]) < 1.2
        assert min(theme.contrast(theme.scale_colour(scale, end), theme.BACKGROUND[dark]) for end in (0.0, 1.0)) > 3


def test_sentence_is_the_relative_frobenius_distance() -> None:
    ratio = np.sqrt(((OWN - PARENT) ** 2).sum() / (PARENT**2).sum())
    assert leaf_matrices_sentence(own=OWN, parent=PARENT, **NAMES) == (
        f"The leaf's matrix differs from its parent's by {100 * ratio:.1f} % of the parent's norm (Frobenius)."
    )
    assert "the same as its parent's" in leaf_matrices_sentence(own=OWN, parent=OWN, **NAMES)
    assert "the parent's norm is 0" in leaf_matrices_sentence(own=OWN, parent=0 * OWN, **NAMES)
    assert leaf_matrices_sentence(own=[[3, 4]], parent=None, pattern="root").startswith("The root's matrix has norm 5.00")


def test_what_stands_in_for_a_parent_is_named() -> None:
    words = {"pattern": "leaf 1", "parent_words": "mean of all leaves"}
    sentence = leaf_matrices_sentence(own=[[3.0, 5.0]], parent=[[3.0, 4.0]], **words)
    assert sentence == "The leaf's matrix differs from the mean of all leaves by 20.0 % of the latter's norm (Frobenius)."
    assert "mean of all leaves" in leaf_matrices(own=OWN, parent=PARENT, **words).layout.title.text


def test_table_lists_every_weight() -> None:
    table = leaf_matrices_table(own=OWN, parent=PARENT, **NAMES)
    assert table.columns.tolist() == ["output", "input", "parent", "own", "difference"]
    for _, row in table.iterrows():
        at = int(row["output"]), int(row["input"])
        assert (row["own"], row["parent"], row["difference"]) == (OWN[at], PARENT[at], OWN[at] - PARENT[at])
    assert len(table) == 6
    assert leaf_matrices_table(own=OWN, parent=None)["difference"].isna().all()


@pytest.mark.parametrize("own", [np.zeros((0, 3)), np.array([[np.nan, 1.0]]), np.array([[np.inf]])])
def test_nothing_to_show_says_why(own: np.ndarray) -> None:
    figure = leaf_matrices(own=own, parent=None, pattern="1", subject="<i>x</i>")
    assert not figure.data
    assert figure.layout.annotations[0].text == leaf_matrices_sentence(own=own, parent=None, pattern="1")


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"own must have shape \(Q, P\), got \(3,\)"):
        leaf_matrices(own=[1, 2, 3], parent=None, pattern="1")
    with pytest.raises(ValueError, match=r"parent must have the shape of own, \(2, 3\), got \(3, 2\)"):
        leaf_matrices_sentence(own=OWN, parent=PARENT.T, pattern="1")


@pytest.mark.parametrize(("dark", "projector"), list(itertools.product((False, True), repeat=2)))
def test_user_text_is_escaped_in_every_look(dark: bool, projector: bool) -> None:
    figure = leaf_matrices(own=OWN, parent=PARENT, subject="<i>x</i>", look=Look(dark, projector), **NAMES)
    text = json.dumps(figure.to_plotly_json(), default=str)
    assert "<i>" not in text
    assert "&lt;i&gt;x" in text
