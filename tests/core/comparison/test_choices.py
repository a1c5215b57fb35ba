"""Choices among models by their scores: against naive definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.comparison.choices import one_standard_error, pareto_front

NAN = math.nan

points = st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf, NAN])] * 2), max_size=12)


class TestOneStandardError:
    def test_by_hand(self):
        assert one_standard_error([0.5, 0.3, 0.25, 0.2, 0.24], [9, 9, 9, 0.06, 9]) == 2

    def test_the_margin_itself_is_within(self):
        assert one_standard_error([0.75, 0.5, 0.25], [0, 0, 0.25]) == 1

    def test_error_is_that_of_the_best(self):
        assert one_standard_error([0.3, 0.2], [1.0, 0.05]) == 1

    def test_first_of_equal_means(self):
        assert one_standard_error([0.3, 0.2, 0.2], [0, 0, 1.0]) == 1

    def test_nan_means_are_passed_over(self):
        assert one_standard_error([NAN, 0.5, NAN, 0.2], [NAN, 0.1, 0.1, 0.1]) == 3

    def test_unknown_error_is_0(self):
        assert one_standard_error([0.21, 0.2], [0.1, NAN]) == 1

    def test_infinite_means(self):
        assert one_standard_error([math.inf, math.inf], [NAN, NAN]) == 0
        assert one_standard_error([math.inf, 0.5], [NAN, 0.1]) == 1

    @given(st.lists(st.tuples(st.one_of(st.floats(0, 1), st.just(NAN)), st.floats(0, 0.5)), min_size=1))
    def test_as_defined(self, models):
        known = [(mean, error) for mean, error in models if not math.isnan(mean)]
        if known:
            lowest = min(mean for mean, _ in known)
            margin = next(error for mean, error in known if mean == lowest)
            expected = next(place for place, (mean, _) in enumerate(models) if mean <= lowest + margin)
            assert one_standard_error(*zip(*models)) == expected

    @pytest.mark.parametrize("means", [[], [NAN, NAN]])
    def test_no_mean(self, means):
        with pytest.raises(ValueError, match="means must have at least one value, got"):
            one_standard_error(means, means)

    def test_faults(self):
        with pytest.raises(ValueError, match="one entry for each model, got 2 and 1"):
            one_standard_error([1, 2], [1])
        with pytest.raises(ValueError, match=r"errors must not be negative, got -0\.5"):
            one_standard_error([1, 2], [NAN, -0.5])


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
