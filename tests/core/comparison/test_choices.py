"""Choices among models by their scores: against naive definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.comparison.choices import pareto_front

NAN = math.nan

points = st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf, NAN])] * 2), max_size=12)


def is_beaten(one, other):
    return other[0] <= one[0] and other[1] <= one[1] and other != one


class TestParetoFront:
    def test_by_hand(self):
        cost, error = [4, 1, 2, 2, 3, 2], [0.1, 0.5, 0.3, 0.4, 0.3, 0.3]
        assert pareto_front(cost, error).tolist() == [True, True, True, False, False, True]

    @given(points)
    def test_as_defined(self, points):
        known = [point for point in points if not any(map(math.isnan, point))]
        expected = [point in known and not any(is_beaten(point, other) for other in known) for point in points]
        cost, error = zip(*points) if points else ((), ())
        found = pareto_front(cost, error)
        assert found.dtype == bool
        assert found.tolist() == expected

    def test_nan_hides_nobody(self):
        assert pareto_front([1, 2, NAN], [NAN, 0.5, 0.1]).tolist() == [False, True, False]

    def test_points_must_pair_up(self):
        with pytest.raises(ValueError, match="one entry for each point, got 2 and 1"):
            pareto_front([1, 2], [1])
