import json
from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.contributions import REST, SUM, contributions, contributions_sentence, contributions_table
from leafscope.app.theme import Look


def _terms(nodes: int = 3, classes: int = 4, seed: int = 0, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    parts, rest = rng.normal(size=(nodes, classes)), rng.normal(size=classes)
    names = ["all patterns", *(" ".join("1011011010011101"[:level]) for level in range(1, nodes))]
    made = {"parts": parts, "names": names, "rest": rest, "logits": parts.sum(0) + rest}
    return made | {"class_names": [str(c) for c in range(classes)]} | more


def test_rows_are_nodes_biases_and_the_sum_on_one_symmetric_scale() -> None:
    terms = _terms()
    body, total = contributions(**terms).data
    assert np.asarray(body.z) == pytest.approx(np.vstack([terms["parts"], terms["rest"]]))
    assert np.asarray(total.z) == pytest.approx(terms["logits"][None])
    assert np.asarray(body.z).sum(0) == pytest.approx(np.asarray(total.z)[0])
    # the sum stands apart from the row above it
    assert total.y0 - (body.y0 + len(body.z) - 1) > 1
    axis = contributions(**terms).layout.coloraxis
    assert axis.cmax == -axis.cmin == pytest.approx(max(np.abs(body.z).max(), np.abs(total.z).max()))
    assert list(contributions(**terms).layout.yaxis.ticktext) == ["all patterns", "1", "1 0", REST, SUM]


def test_predicted_and_true_classes_are_marked() -> None:
    terms = _terms()
    said = int(terms["logits"].argmax())
    other = (said + 2) % 4
    wrong = contributions(**terms, label=other).layout
    assert wrong.xaxis.ticktext[said] == f"{said}<br>(predicted)"
    assert wrong.xaxis.ticktext[other] == f"{other}<br>(true)"
    assert [(shape.x0, shape.line.dash) for shape in wrong.shapes] == [(other - 0.5, "dot"), (said - 0.5, "solid")]
    right = contributions(**terms, label=said).layout
    assert right.xaxis.ticktext[said] == f"{said}<br>(predicted, true)"
    assert len(right.shapes) == 1


def test_numbers_stand_in_the_cells_where_they_fit() -> None:
    terms = _terms()
    few = contributions(**terms).layout.annotations
    values = np.vstack([terms["parts"], terms["rest"], terms["logits"]])
    assert [float(note.text) for note in few] == pytest.approx(values.ravel(), abs=0.00501)
    assert not contributions(**_terms(17, 100)).layout.annotations


@pytest.mark.parametrize("projector", [False, True])
@pytest.mark.parametrize("width", [580, 1000])
def test_of_many_classes_the_marked_ones_are_always_named(projector: bool, width: int) -> None:
    terms = _terms(17, 100, label=5)
    figure = contributions(**terms, look=Look(projector=projector, width=width))
    said = int(terms["logits"].argmax())
    axis = figure.layout.xaxis
    assert {said, 5} <= set(axis.tickvals)
    assert len(axis.tickvals) < 60
    assert axis.ticktext[list(axis.tickvals).index(said)] == f"{said} (predicted)"
    assert SUM in figure.layout.yaxis.ticktext
    assert figure.layout.height == theme.MAIN_HEIGHT[projector]


def test_sentence_compares_with_the_second_or_with_the_true_class() -> None:
    terms: dict[str, Any] = {
        "parts": [[1.0, 0.5, 0.0], [2.0, 0.5, 0.0]],
        "names": ["all patterns", "1 0"],
        "rest": [0.5, 0.0, 0.0],
        "logits": [3.5, 1.0, 0.0],
        "class_names": ["a", "b", "c"],
    }
    says = "The net says a with logit 3.50, "
    assert contributions_sentence(**terms, label=0) == f"{says}2.50 above b; most of the gap comes from the prefix 1 0 (1.50)."
    wrong = contributions_sentence(**terms, label=2)
    assert wrong == f"{says}3.50 above c (true); most of the gap comes from the prefix 1 0 (2.00)."
    even = terms | {"rest": [-0.5, 1.5, 0.0], "logits": [2.5, 2.5, 0.0]}
    assert contributions_sentence(**even) == "The net says a with logit 2.50, the same as b."
    alone = {"parts": [[1.0]], "names": ["all patterns"], "rest": [1.0], "logits": [2.0], "class_names": ["a"]}
    assert contributions_sentence(**alone) == "The net says a with logit 2.00."  # type: ignore[arg-type]


def test_sentence_says_the_largest_part_where_none_is_most() -> None:
    parts = [[1.0, 0.0], [1.0, 0.0], [1.1, 0.0]]
    sentence = contributions_sentence(
        parts=parts, names=["all patterns", "0", "0 1"], rest=[0, 0], logits=[3.1, 0], class_names=["a", "b"]
    )
    assert sentence.endswith("3.10 above b; the largest part of the gap comes from the prefix 0 1 (1.10).")
    biases = contributions_sentence(parts=[[0, 0]], names=["1"], rest=[2, 0], logits=[2, 0], class_names=["a", "b"])
    assert biases.endswith("comes from the biases after it (2.00).")


def test_table_sums_to_the_logits() -> None:
    terms = _terms()
    table = contributions_table(**terms).pivot(index="node", columns="class", values="contribution")
    assert table.drop(index=SUM).sum().to_numpy() == pytest.approx(terms["logits"])
    assert table.loc[SUM].to_numpy() == pytest.approx(terms["logits"])


def test_logits_that_are_not_finite_give_a_reason() -> None:
    terms = _terms() | {"logits": [np.nan] * 4}
    figure = contributions(**terms)
    assert not figure.data
    assert contributions_sentence(**terms) == figure.layout.annotations[0].text.replace("<br>", " ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"names": ["1"]}, r"parts must have shape \(M, C\) = \(1, 4\), got \(3, 4\)"),
        ({"rest": [0.0]}, r"rest must have shape \(C,\) = \(4,\), got \(1,\)"),
        ({"logits": np.zeros(4)}, "parts and rest must add up to the logits, got a difference of"),
        ({"label": 4}, "label must be a class from 0 to 3, got 4"),
        ({"class_names": []}, "class_names must name at least one class"),
    ],
)
def test_terms_must_fit(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        contributions(**(_terms() | change))


def test_user_text_is_escaped() -> None:
    names = ["<b>b</b>", "<a href='x'>a</a> of a long name", "c", "d"]
    for projector in (False, True):
        figure = contributions(**_terms(class_names=names), title_row="<i>row</i>", look=Look(projector=projector))
        text = json.dumps(figure.to_plotly_json(), default=str)
        assert not any(tag in text for tag in ("<b>", "<a ", "<i>"))
        assert "&lt;i&gt;row" in text
