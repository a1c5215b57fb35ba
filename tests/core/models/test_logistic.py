"""Logistic regression: its size, and whether it converged."""

import pytest

from leafscope.core.config import DataConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import load
from leafscope.core.models import logistic
from leafscope.core.training.fitting import fit
from tests.core.training.fits import NOISY, a_run


@pytest.mark.parametrize("data", [NOISY, DataConfig(name="moons", n_samples=100)])
def test_parameters_are_those_of_the_linear_map(data):
    run = a_run("logistic", data=data)
    model, size = fit(run), load(data, 0)
    counted = cost(run.net, size.n_features, size.n_classes)
    assert model.facts["parameters"] == model.estimator.coef_.size + model.estimator.intercept_.size == counted.parameters
    assert model.facts["multiply_adds"] == counted.multiply_adds


class TestConvergence:
    def test_is_a_fact_and_no_warning(self, monkeypatch, recwarn):
        assert fit(a_run("logistic")).facts["converged"] is True
        monkeypatch.setattr(logistic, "ITERATIONS", 1)
        assert fit(a_run("logistic")).facts["converged"] is False
        assert not recwarn.list

    def test_other_warnings_are_passed_on(self, monkeypatch):
        class Warns:
            def fit(self, x, y):
                import warnings

                warnings.warn("something else", UserWarning, stacklevel=1)

        monkeypatch.setattr("sklearn.linear_model.LogisticRegression", lambda **_: Warns())
        train = load(NOISY, 0).train
        with pytest.warns(UserWarning, match="something else"):
            logistic.LOGISTIC.fit.fit(a_run("logistic"), train.x, train.y, {})
