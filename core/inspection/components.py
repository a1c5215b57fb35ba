"""Principal components of rows, for a plane through more than two features."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_FEATURES = 500
"""Of more features the components would take longer than a page may."""


class Components(NamedTuple):
    """The first two principal components."""

    axes: NDArray[np.float64]
    """(2, P) of length 1; the largest entry of each is above 0."""
    explained: NDArray[np.float64]
    """(2,) shares of the variance, from 0 to 1."""


def components(x: NDArray[np.floating]) -> Components | None:
    """Find the first two principal components of standardized rows: (N, P); None for too many features or no variance.

    Pearson 1901: the eigenvectors of the covariance with the largest eigenvalues.
    """
    n, p = x.shape
    if not 2 <= p <= MOST_FEATURES or n < 2:
        return None
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False, dtype=np.float64))
    total = float(values.sum())
    if not total > 0:
        return None
    axes = vectors[:, [-1, -2]].T
    signs = np.sign(axes[[0, 1], abs(axes).argmax(1)])
    return Components(axes * signs[:, None], values[[-1, -2]].clip(0) / total)
