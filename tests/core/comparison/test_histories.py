"""Training losses over epochs: where two runs fit equally well, and whether a loss still falls."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.comparison.histories import at_same_train_loss, still_falls

NAN = math.nan


class TestAtSameTrainLoss:
    def test_by_hand(self):
        assert at_same_train_loss([3.0, 2.0, 1.0, 0.5, 0.6], [3.0, 1.5, 1.2, 1.1, 1.3]) == (2, 3)

    def test_exchanged(self):
        assert at_same_train_loss([3.0, 1.5, 1.2, 1.1, 1.3], [3.0, 2.0, 1.0, 0.5, 0.6]) == (3, 2)

    def test_first_epoch_of_a_tie(self):
        assert at_same_train_loss([2.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == (1, 0)

    def test_what_is_not_finite_is_passed_over(self):
        assert at_same_train_loss([NAN, 2.0, 1.0], [math.inf, NAN, 1.5, -math.inf]) == (2, 2)

    @pytest.mark.parametrize("empty", [[], [NAN], [math.inf]])
    def test_no_loss_on_one_side(self, empty):
        assert at_same_train_loss(empty, [1.0]) == (None, None)
        assert at_same_train_loss([1.0], empty) == (None, None)

    losses = st.lists(st.one_of(st.floats(0, 9), st.just(NAN)), min_size=1, max_size=10).filter(lambda x: not np.isnan(x).all())

    @given(losses, losses)
    def test_as_defined(self, first, second):
        target = max(np.nanmin(first), np.nanmin(second))
        for place, losses in zip(at_same_train_loss(first, second), (first, second), strict=True):
            assert losses[place] <= target
            assert not any(loss <= target for loss in losses[:place])


class TestStillFalls:
    def test_over_the_last_share(self):
        losses = [1.0] * 91 + [0.99] * 9 + [0.975]  # 100 epochs after epoch 0: the last 10 begin at 1.0
        assert still_falls(losses)
        assert not still_falls([2.0, *losses[1:-1], 0.99])
        assert not still_falls(losses, by=0.03)
        assert not still_falls(losses[:-1])
        assert still_falls([2.0, *losses[1:-1], 0.99], share=1.0)

    def test_more_than_by(self):
        assert not still_falls([1.0, 0.75], by=0.25)
        assert still_falls([1.0, 0.7499], by=0.25)

    def test_few_epochs_look_back_one(self):
        assert still_falls([1.0, 1.0, 0.5])
        assert not still_falls([1.0, 0.5, 0.5])

    def test_is_relative(self):
        assert still_falls([1e-6, 0.9e-6])
        assert not still_falls([0.0, 0.0], by=0.0)

    def test_missing_epochs_have_the_loss_before(self):
        assert still_falls([1.0, NAN, 0.5])
        assert not still_falls([1.0, 0.5, NAN])

    @pytest.mark.parametrize("losses", [[], [1.0], [NAN, NAN], [NAN, 1.0]])
    def test_nothing_to_look_back_at(self, losses):
        assert still_falls(losses) is False

    def test_faults(self):
        for share in (0, 1.1, NAN):
            with pytest.raises(ValueError, match="share must be above 0 and at most 1, got"):
                still_falls([1, 2], share=share)
        for by in (-0.1, 1, NAN):
            with pytest.raises(ValueError, match="by must be at least 0 and below 1, got"):
                still_falls([1, 2], by=by)
