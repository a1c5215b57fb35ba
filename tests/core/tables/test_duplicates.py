"""Rows with the same features are counted as a plain comparison of rows counts them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.tables.duplicates import Repeats, also_in, repeats, row_codes

CELLS = st.sampled_from([0.0, -0.0, 1.0, 2.5, float("nan")])
TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[CELLS] * width, st.integers(0, 2)), min_size=1, max_size=30)
)


@given(TABLES, st.data())
def test_against_rows_as_texts(rows: list[tuple[float, ...]], data: st.DataObject) -> None:
    x, y = np.array([row[:-1] for row in rows], np.float64), [row[-1] for row in rows]
    codes = row_codes(x.T)
    texts = [str((row + 0.0).tolist()) for row in x]
    contradictory = sum(any(a == b and y[i] != y[j] for j, b in enumerate(texts)) for i, a in enumerate(texts))
    assert repeats(codes, y) == Repeats(len(texts) - len(set(texts)), contradictory)
    cut = data.draw(st.integers(0, len(rows)))
    first, second = np.arange(cut), np.arange(cut, len(rows))
    assert also_in(codes, second, first) == sum(text in texts[:cut] for text in texts[cut:])


def test_no_rows_and_no_columns() -> None:
    assert repeats(row_codes([]), []) == Repeats(0, 0)
    assert len(row_codes([[]])) == 0
    assert len(set(row_codes([[0.0, 1.0], [1.0, 0.0]]).tolist())) == 2
