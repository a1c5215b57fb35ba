"""Whether answers are better than always the same one, against counting row by row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from leafscope.core.scores.always import judgement
from leafscope.core.scores.confusion import confusion_matrix


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40), st.integers(0, 2))
def test_against_scikit_learn(rows: list[tuple[int, int]], always: int) -> None:
    y, said = np.array(rows).T
    sentence = judgement(confusion_matrix(y, said, 3), always, ("a", "b", "c"))
    plain = accuracy_score(y, np.full(len(y), always))
    if len(set(said.tolist())) == 1:
        assert sentence.endswith(f"it answers {'abc'[said[0]]} for every row.")
    elif accuracy_score(y, said) < plain:
        if balanced_accuracy_score(y, said) > 1 / len(set(y.tolist())):
            assert sentence.endswith("; its balanced accuracy is.")
        else:
            assert sentence == f"It is no better than always answering {'abc'[always]}."
    elif accuracy_score(y, said) > plain:
        assert sentence == ""
    elif accuracy_score(y, said) == plain:
        is_better = balanced_accuracy_score(y, said) > 1 / len(set(y.tolist()))
        assert (sentence == "") == is_better


def test_seventeen_of_two_thousand() -> None:
    y = np.repeat([0, 1], [1983, 17])
    sentence = judgement(confusion_matrix(y, np.zeros(2000, np.int64), 2), 0, ("no", "fraud"))
    assert sentence == "It is no better than always giving the same answer: it answers no for every row."
