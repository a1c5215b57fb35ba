"""Principal components of rows: those of scikit-learn, and none where there are none."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from leafscope.core.inspection.components import MOST_FEATURES, components


@pytest.mark.parametrize("shape", [(40, 3), (5, 13), (300, 30)])
def test_they_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1]))
    found, wanted = components(x), PCA(2).fit(x)
    assert found is not None
    np.testing.assert_allclose(found.explained, wanted.explained_variance_ratio_)
    np.testing.assert_allclose(abs((found.axes * wanted.components_).sum(1)), 1)
    assert (found.axes[[0, 1], abs(found.axes).argmax(1)] > 0).all()


def test_there_are_none_without_variance_or_with_too_many_features() -> None:
    assert components(np.ones((10, 4))) is None
    assert components(np.zeros((1, 4))) is None
    assert components(np.random.default_rng(0).normal(size=(4, MOST_FEATURES + 1))) is None
