"""What adds up to a predicted number: ends of bars, numbers that add up on the screen, and what does not fit."""

from typing import Any

import numpy as np
import pytest

from leafscope.app.figures.leaves.number_contributions import NumberContributions

PARTS = [1.5, 4.0, -6.25]


def shown(**changes: Any) -> NumberContributions:
    """Three matrices and the later biases: from 50 to 48.75."""
    given: dict[str, Any] = {"offset": 50.0, "parts": PARTS, "names": ["root", "1", "1 0"], "rest": -0.5, "target": "price"}
    return NumberContributions(**given | {"prediction": 48.75} | changes)


def test_a_bar_begins_where_the_one_before_ends() -> None:
    bars = shown(truth=51.0, across=47.0).figure().data[0]
    np.testing.assert_allclose([float(base) for base in bars.base], [50, 51.5, 55.5, 49.25])
    np.testing.assert_allclose(bars.x, [*PARTS, -0.5])
    assert float(bars.base[-1]) + bars.x[-1] == 48.75


def test_numbers_on_the_screen_add_up() -> None:
    one = shown(offset=152_133.0, prediction=152_131.75, across=152_000.0)
    figure = one.figure()
    assert figure.data[0].text == ("+1.50", "+4.00", "-6.25", "-0.50")
    assert [text.strip() for text in figure.data[2].text] == ["152,133.00", "152,131.75", "152,000.00"]
    assert "the training mean 152,133.00 and 1.25 less, of which the prefix 1 0 takes away most (-6.25)" in one.sentence()


def test_the_sentence_says_how_far_off_the_prediction_is() -> None:
    assert "so the prediction is 2.25 too low." in shown(truth=51.0).sentence()
    assert "so the prediction is 0.75 too high." in shown(truth=48.0).sentence()
    assert shown().sentence().endswith("takes away most (-6.25).")


def test_the_table_has_every_term_and_its_total() -> None:
    table = shown(across=47.0).table()
    assert table["term"].tolist() == [
        *("training mean", "root", "1", "1 0", "later biases", "prediction", "beyond the nearest gate")
    ]
    assert table["total"].tolist() == [50, 51.5, 55.5, 49.25, 48.75, 48.75, 47]
    assert table["added"][:5].sum() == 48.75


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"parts must have shape \(M,\) = \(1,\), got \(3,\)"):
        shown(names=["root"])
    with pytest.raises(ValueError, match=r"must add up to the prediction, got a difference of 1\.25"):
        shown(prediction=50.0)
