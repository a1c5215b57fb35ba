"""The numbers of a figure as text: read back bit for bit, hashed, and compared."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app.citing.numbers import LENGTH, as_table, as_text, compare, digest

HOSTILE = "<script>alert(1)</script> \u202e=1+1 %{x} \x00"


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_every_number_is_read_back_bit_for_bit(values: list[float]) -> None:
    read = as_table(as_text(pd.DataFrame({"x": np.array(values)})))["x"].to_numpy(float)
    same = np.array(values).view(np.int64) == read.view(np.int64)
    assert (same | (np.isnan(values) & np.isnan(read))).all()


def test_texts_whole_numbers_and_nothing_stay_what_they_are() -> None:
    table = pd.DataFrame({"name": [HOSTILE, "b"], "n": [1, 2], "wrong": [True, False], "none": [None, "x"]})
    assert as_table(as_text(table)).to_dict("list") == table.to_dict("list")


def test_a_digest_changes_with_whatever_it_hashes_and_not_with_the_order_of_runs() -> None:
    one = digest("lorenz", "{}", ["a", "b"], "s")
    others = [
        digest("other", "{}", ["a", "b"], "s"),
        digest("lorenz", "{ }", ["a", "b"], "s"),
        digest("lorenz", "{}", ["a"], "s"),
        digest("lorenz", "{}", ["a", "b"]),
    ]
    assert len({one, *others}) == 5
    assert digest("lorenz", "{}", ["b", "a", "b"], "s") == one
    assert len(one) == LENGTH


@pytest.mark.parametrize(
    ("now", "equal", "close", "words"),
    [
        ([1.0, 100.0], True, True, "equal, bit for bit"),
        ([1.0, 101.0], False, True, "within the tolerance of 2 percent"),
        ([1.0, 103.0], False, False, "largest difference is 3 (2.91 percent) in column x, row 2"),
        ([1.0, math.nan], False, False, "row 2, was 100.0 and is nan"),
        ([1.0], False, False, "2 rows then, 1 now"),
        ([1, 100], False, True, "other types"),
    ],
)
def test_a_comparison_says_how_far_two_tables_differ(now: list[float], equal: bool, close: bool, words: str) -> None:
    found = compare(as_text(pd.DataFrame({"x": [1.0, 100.0]})), as_text(pd.DataFrame({"x": now})))
    assert (found.equal, found.close) == (equal, close)
    assert words in found.words


def test_other_columns_are_no_likeness_and_a_damaged_text_is_refused() -> None:
    one = as_text(pd.DataFrame({"x": [1]}))
    assert not compare(one, as_text(pd.DataFrame({"y": [1]}))).close
    with pytest.raises(ValueError, match="must be a table as JSON"):
        compare(one, '{"rows": 3}')
