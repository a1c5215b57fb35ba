"""Flowers of three species of iris."""

from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Options, Rows
from leafscope.core.datasets.tables import CC_BY, read_table


def rows(_options: Options, _seed: int) -> Rows:
    return read_table("iris", ("setosa", "versicolor", "virginica"))


DATA_SETS.register(
    DatasetSpec(
        name="iris",
        title="Iris flowers",
        description="Lengths and widths of sepals and petals of three species of iris.",
        source="R. A. Fisher 1936, Iris, UCI Machine Learning Repository, doi:10.24432/C56C76; the copy in scikit-learn, "
        "which has two rows as Fisher published them; UCI's differ",
        licence=CC_BY,
        rows=rows,
        n_rows=150,
        n_features=4,
        n_classes=3,
        is_generator=False,
        place=40,
    )
)
