from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.matrices import LeafMatrices, diverging_scale
from leafscope.app.theme import Look

OWN = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
PARENT = np.array([[1.0, -1.0, 0.5], [0.0, 1.0, -4.0]])
NAMES: dict[str, Any] = {"pattern": "leaf 1 0", "parent_words": "prefix 1"}


def test_panels_are_parent_own_and_their_difference_on_one_symmetric_scale() -> None:
    figure = LeafMatrices(OWN, PARENT, **NAMES).figure()
    for trace, matrix in zip(figure.data, (PARENT, OWN, OWN - PARENT), strict=True):
        assert np.array_equal(np.asarray(trace.z), matrix)
        assert trace.coloraxis == "coloraxis"
    # the largest weight is in the difference
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-5, 5)
    assert [note.text for note in figure.layout.annotations] == ["prefix 1", "leaf 1 0", "what the leaf adds"]
    assert "n = 6 weights" in figure.layout.title.text


def test_without_a_parent_there_is_one_panel() -> None:
    figure = LeafMatrices(OWN, None, pattern="root").figure()
    assert len(figure.data) == 1
    assert figure.layout.annotations[0].text == "root"
    assert figure.layout.xaxis.title.text == "input unit"
    assert figure.layout.yaxis.title.text == "output unit"


@pytest.mark.parametrize("shape", [(1, 1), (1, 128), (128, 1), (128, 128)])
@pytest.mark.parametrize("projector", [False, True])
def test_any_size_is_drawn_with_integer_ticks_at_the_fixed_height(shape: tuple[int, int], projector: bool) -> None:
    figure = LeafMatrices(np.zeros(shape), np.ones(shape), **NAMES).figure(look=Look(projector=projector))
    assert figure.layout.height == theme.MAIN_HEIGHT[projector]
    assert figure.layout.xaxis.dtick == int(figure.layout.xaxis.dtick) >= 1
    assert list(figure.layout.yaxis.range) == [shape[0] - 0.5, -0.5]


def test_long_patterns_lose_their_spaces() -> None:
    figure = LeafMatrices(OWN, PARENT, pattern="1 0" * 8, parent_words="root").figure(look=Look(projector=True))
    assert "what the leaf adds" in figure.layout.annotations[2].text
    deep = " ".join("10" * 8)
    figure = LeafMatrices(OWN, PARENT, pattern=deep, parent_words="root").figure(look=Look(projector=True))
    assert figure.layout.annotations[1].text == f"leaf<br>{'10' * 8}"


def test_scale_has_a_neutral_middle_and_ends_that_differ_in_both_themes() -> None:
    for dark in (False, True):
        scale = diverging_scale(dark=dark)
        assert theme.contrast(theme.scale_colour(scale, 0.5), theme.BACKGROUND[dark]) < 1.2
        assert min(theme.contrast(theme.scale_colour(scale, end), theme.BACKGROUND[dark]) for end in (0.0, 1.0)) > 3


def test_sentence_is_the_relative_frobenius_distance() -> None:
    ratio = np.sqrt(((OWN - PARENT) ** 2).sum() / (PARENT**2).sum())
    assert LeafMatrices(OWN, PARENT, **NAMES).sentence() == (
        f"The leaf's matrix differs from its parent's by {100 * ratio:.1f} % of the parent's norm (Frobenius)."
    )
    assert "the same as its parent's" in LeafMatrices(OWN, OWN, **NAMES).sentence()
    assert "the parent's norm is 0" in LeafMatrices(OWN, 0 * OWN, **NAMES).sentence()
    assert LeafMatrices([[3, 4]], None, pattern="root").sentence().startswith("The root's matrix has norm 5.00")


def test_what_stands_in_for_a_parent_is_named() -> None:
    words = {"pattern": "leaf 1", "parent_words": "mean of all leaves"}
    sentence = LeafMatrices([[3.0, 5.0]], [[3.0, 4.0]], **words).sentence()
    assert sentence == "The leaf's matrix differs from the mean of all leaves by 20.0 % of the latter's norm (Frobenius)."
    assert "mean of all leaves" in LeafMatrices(OWN, PARENT, **words).figure().layout.title.text


def test_table_lists_every_weight() -> None:
    table = LeafMatrices(OWN, PARENT, **NAMES).table()
    assert table.columns.tolist() == ["output", "input", "parent", "own", "difference"]
    for _, row in table.iterrows():
        at = int(row["output"]), int(row["input"])
        assert (row["own"], row["parent"], row["difference"]) == (OWN[at], PARENT[at], OWN[at] - PARENT[at])
    assert len(table) == 6
    assert LeafMatrices(OWN, None, "root").table()["difference"].isna().all()


@pytest.mark.parametrize("own", [np.zeros((0, 3)), np.array([[np.nan, 1.0]]), np.array([[np.inf]])])
def test_nothing_to_show_says_why(own: np.ndarray) -> None:
    figure = LeafMatrices(own, None, pattern="1").figure(subject="<i>x</i>")
    assert not figure.data
    assert figure.layout.annotations[0].text == LeafMatrices(own, None, pattern="1").sentence()


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"own must have shape \(Q, P\), got \(3,\)"):
        LeafMatrices([1, 2, 3], None, pattern="1")
    with pytest.raises(ValueError, match=r"parent must have the shape of own, \(2, 3\), got \(3, 2\)"):
        LeafMatrices(OWN, PARENT.T, pattern="1")
