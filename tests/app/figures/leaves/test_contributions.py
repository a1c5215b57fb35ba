from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.leaves.contributions import REST, SUM, Contributions
from leafscope.app.theme import Look


def _terms(nodes: int = 3, classes: int = 4, seed: int = 0, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    parts, rest = rng.normal(size=(nodes, classes)), rng.normal(size=classes)
    names = ["root", *(" ".join("1011011010011101"[:level]) for level in range(1, nodes))]
    made = {"parts": parts, "names": names, "rest": rest, "logits": parts.sum(0) + rest}
    return made | {"class_names": [str(c) for c in range(classes)]} | more


def test_rows_are_nodes_biases_and_the_sum_on_one_symmetric_scale() -> None:
    terms = _terms()
    body, total = Contributions(**terms).figure().data
    assert np.asarray(body.z) == pytest.approx(np.vstack([terms["parts"], terms["rest"]]))
    assert np.asarray(total.z) == pytest.approx(terms["logits"][None])
    assert np.asarray(body.z).sum(0) == pytest.approx(np.asarray(total.z)[0])
    # the sum stands apart from the row above it
    assert total.y0 - (body.y0 + len(body.z) - 1) > 1
    axis = Contributions(**terms).figure().layout.coloraxis
    assert axis.cmax == -axis.cmin == pytest.approx(max(np.abs(body.z).max(), np.abs(total.z).max()))
    assert list(Contributions(**terms).figure().layout.yaxis.ticktext) == ["root", "1", "1 0", REST, SUM]


def test_predicted_and_true_classes_are_marked() -> None:
    terms = _terms()
    said = int(terms["logits"].argmax())
    other = (said + 2) % 4
    wrong = Contributions(**terms, label=other).figure().layout
    assert wrong.xaxis.ticktext[said] == f"{said}<br>(predicted)"
    assert wrong.xaxis.ticktext[other] == f"{other}<br>(true)"
    assert [(shape.x0, shape.line.dash) for shape in wrong.shapes] == [(other - 0.5, "dot"), (said - 0.5, "solid")]
    right = Contributions(**terms, label=said).figure().layout
    assert right.xaxis.ticktext[said] == f"{said}<br>(predicted, true)"
    assert len(right.shapes) == 1


def test_numbers_stand_in_the_cells_where_they_fit() -> None:
    terms = _terms()
    few = Contributions(**terms).figure().layout.annotations
    values = np.vstack([terms["parts"], terms["rest"], terms["logits"]])
    assert [float(note.text) for note in few] == pytest.approx(values.ravel(), abs=0.00501)
    assert not Contributions(**_terms(17, 100)).figure().layout.annotations


@pytest.mark.parametrize("projector", [False, True])
@pytest.mark.parametrize("width", [580, 1000])
def test_of_many_classes_the_marked_ones_are_always_named(projector: bool, width: int) -> None:
    terms = _terms(17, 100, label=5)
    figure = Contributions(**terms).figure(look=Look(projector=projector, width=width))
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
        "names": ["root", "1 0"],
        "rest": [0.5, 0.0, 0.0],
        "logits": [3.5, 1.0, 0.0],
        "class_names": ["a", "b", "c"],
    }
    right = Contributions(**terms, label=0).sentence()
    assert right.startswith("Prediction a: logit 3.50, 2.50 more than class b")
    assert right.endswith("most of the difference comes from the prefix 1 0 (1.50).")
    wrong = Contributions(**terms, label=2).sentence()
    assert wrong.startswith("Prediction a: logit 3.50, 3.50 more than the true class c")
    assert wrong.endswith("the prefix 1 0 (2.00).")
    even = terms | {"rest": [-0.5, 1.5, 0.0], "logits": [2.5, 2.5, 0.0]}
    assert Contributions(**even).sentence() == "Prediction a: logit 2.50, the same as class b."
    alone = {"parts": [[1.0]], "names": ["root"], "rest": [1.0], "logits": [2.0], "class_names": ["a"]}
    assert Contributions(**alone).sentence() == "Prediction a: logit 2.00."  # type: ignore[arg-type]


def test_sentence_says_the_largest_part_where_none_is_most() -> None:
    parts = [[1.0, 0.0], [1.0, 0.0], [1.1, 0.0]]
    sentence = Contributions(
        parts=parts, names=["root", "0", "0 1"], rest=[0, 0], logits=[3.1, 0], class_names=["a", "b"]
    ).sentence()
    assert sentence.endswith("3.10 more than class b; the largest part of the difference comes from the prefix 0 1 (1.10).")
    biases = Contributions(parts=[[0, 0]], names=["1"], rest=[2, 0], logits=[2, 0], class_names=["a", "b"]).sentence()
    assert biases.endswith("comes from the later biases (2.00).")
    root = Contributions([[2, 0]], ["root"], rest=[0, 0], logits=[2, 0], class_names=["a", "b"]).sentence()
    assert root.endswith("comes from the root (2.00).")


def test_table_sums_to_the_logits() -> None:
    terms = _terms()
    table = Contributions(**terms).table().pivot(index="node", columns="class", values="contribution")
    assert table.drop(index=SUM).sum().to_numpy() == pytest.approx(terms["logits"])
    assert table.loc[SUM].to_numpy() == pytest.approx(terms["logits"])


def test_logits_that_are_not_finite_give_a_reason() -> None:
    terms = _terms() | {"logits": [np.nan] * 4}
    figure = Contributions(**terms).figure()
    assert not figure.data
    assert Contributions(**terms).sentence() == figure.layout.annotations[0].text.replace("<br>", " ")


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
        Contributions(**(_terms() | change))
