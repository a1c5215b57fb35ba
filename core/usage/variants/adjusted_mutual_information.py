"""How much the leaf tells about the class, adjusted for chance."""

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.information import ByClass, information
from leafscope.core.usage.statistics import STATISTICS, Statistic, no_rows, one_class, one_leaf


def _adjusted(by_class: ByClass) -> NDArray[np.float64]:
    return np.array([information(table).adjusted for table in by_class.tables()])


def _one_used_leaf(in_leaf: NDArray[np.int64], of_class: NDArray[np.int64] | None) -> str | None:
    return "all rows are in one leaf" if np.count_nonzero(in_leaf) == 1 else None


def _all_alone(in_leaf: NDArray[np.int64], of_class: NDArray[np.int64] | None) -> str | None:
    alone = of_class is not None and max(in_leaf.max(), of_class.max()) == 1
    return "each row has a leaf and a class of its own" if alone else None


STATISTICS.register(
    Statistic(
        name="adjusted_mutual_information",
        title="I(leaf; class), adjusted",
        meaning="Mutual information of leaf and class, adjusted for chance: 0 is what random leaves give, 1 is everything.",
        formula="scikit-learn's adjusted_mutual_info_score.",
        needs="classes",
        measure=_adjusted,
        is_quick=False,
        chance=(),
        undefined=(no_rows, one_class, one_leaf, _one_used_leaf, _all_alone),
        place=130,
    )
)
