"""Columns as features: what a missing value becomes, and that training rows alone decide."""

import numpy as np
import pytest

from leafscope.core.tables import read
from leafscope.core.tables.encoding import encode
from leafscope.core.tables.table import CAP

DATA = b"""size,colour,day,left,y
1,red,2024-01-31,yes,u
3,blue,,no,v
,red,2023-06-01,,u
100,,2024-01-31,no,v
5,green,2025-12-28,no,u
"""


def test_features_and_their_names() -> None:
    table = read(DATA)
    x, names = encode(table, np.arange(5))
    assert names == (
        *("size", "size is missing"),
        *("colour = blue", "colour = green", "colour = red", "colour is missing"),
        *("day (year)", "day (month)", "day (weekday)", "day is missing"),
        *("left", "left is missing"),
    )
    assert x.shape == (5, table.n_features)
    assert x[2].tolist() == [4, 1, 0, 0, 1, 0, 2023, 6, 3, 0, 0, 1]  # the median of 1, 3, 5 and 100; no is commoner than yes
    assert x[3].tolist()[2:6] == [0, 0, 1, 1]  # red is the commonest
    assert x[1].tolist()[6:10] == [2024, 1, 2, 1]  # the median day


def test_rows_outside_training_decide_nothing() -> None:
    table = read(DATA)
    x, _ = encode(table, np.array([0, 1]))
    assert x[2, 0] == 2
    assert x[2, 10] == 0
    other = read(DATA.replace(b"100,,", b"7,,").replace(b"5,green", b"1000,green"))
    np.testing.assert_array_equal(encode(other, np.array([0, 1])).x[2], x[2])


def test_a_column_without_values_in_training_rows_is_filled_too() -> None:
    x, _ = encode(read(DATA), np.array([2]))
    assert np.isfinite(x).all()


def test_the_commonest_categories_have_a_feature_and_the_rest_share_one() -> None:
    words = [f"w{row % (CAP + 10):02d}" for row in range(600)]
    table = read("\n".join(["c,y", *(f"{word},{'uv'[row % 2]}" for row, word in enumerate(words))]).encode())
    assert table.n_features == CAP + 1
    train = np.array([row for row in range(600) if row % (CAP + 10) >= 5])  # w00 to w04 are in no training row
    x, names = encode(table, train)
    assert names[-1] == "c = other"
    assert "c = w00" not in names
    assert x[0].tolist() == [0.0] * CAP + [1.0]
    assert (x.sum(1) == 1).all()


@pytest.mark.parametrize("kind", ["numeric", "boolean", "categorical", "date"])
def test_the_number_of_features_does_not_depend_on_the_split(kind: str) -> None:
    table = read(DATA)
    assert kind in {column.kind for column in table.features}
    assert {encode(table, np.array([row])).x.shape for row in range(5)} == {(5, table.n_features)}
