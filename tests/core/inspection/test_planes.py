"""Planes through the features: the scene's own for two, medians for columns, and scikit-learn's components."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from leafscope.core.config import DataConfig
from leafscope.core.datasets import Dataset, load
from leafscope.core.inspection.planes import plane_of
from leafscope.core.inspection.snapshots import grid


@pytest.fixture(scope="module")
def wine() -> Dataset:
    return load(DataConfig(name="wine"), 0)


def test_two_features_have_the_plane_of_the_scene() -> None:
    data = load(DataConfig(name="moons", n_samples=60), 0)
    found = plane_of(data)
    places, points = found.grid(7)
    np.testing.assert_allclose(points, grid(data, 7))
    np.testing.assert_allclose(points[:7, 0], places[0])
    np.testing.assert_array_equal(found.rows, data.raw[data.train.index])
    assert found.is_whole


def test_other_columns_stand_at_their_median(wine: Dataset) -> None:
    found = plane_of(wine, (3, 0))
    (across, up), points = found.grid(5)
    train = wine.raw[wine.train.index]
    others = [column for column in range(wine.n_features) if column not in (3, 0)]
    np.testing.assert_allclose(points[:, others], np.tile(np.median(train[:, others], 0), (25, 1)))
    np.testing.assert_allclose(points[:, 3].reshape(5, 5), np.tile(across, (5, 1)))
    np.testing.assert_allclose(points[:, 0].reshape(5, 5), np.tile(up[:, None], (1, 5)))
    np.testing.assert_array_equal(found.rows, train[:, [3, 0]])
    assert (found.low < found.rows.min(0)).all()
    assert (found.high > found.rows.max(0)).all()
    assert found.names == (wine.feature_names[3], wine.feature_names[0])


def test_components_are_scikit_learn_s(wine: Dataset) -> None:
    found = plane_of(wine, "components")
    pca = PCA(2).fit(wine.train.x.astype(np.float64))
    signs = np.sign((pca.components_ * found.along).sum(1))
    np.testing.assert_allclose(found.rows, pca.transform(wine.train.x.astype(np.float64)) * signs, atol=1e-4)
    places, points = found.grid(3)
    standardized = (points - wine.mean) / wine.scale
    np.testing.assert_allclose(pca.transform(standardized)[:3, 0] * signs[0], places[0], atol=1e-4)


def test_what_is_no_plane(wine: Dataset) -> None:
    with pytest.raises(ValueError, match="two different columns from 0 to 12, got 1 and 1"):
        plane_of(wine, (1, 1))
    with pytest.raises(ValueError, match="two different columns from 0 to 12, got 0 and 13"):
        plane_of(wine, (0, 13))
