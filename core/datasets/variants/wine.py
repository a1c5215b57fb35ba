"""Wines of three cultivars."""

from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Options, Rows
from leafscope.core.datasets.tables import CC_BY, read_table


def rows(_options: Options, _seed: int) -> Rows:
    return read_table("wine", ("cultivar 1", "cultivar 2", "cultivar 3"))


DATA_SETS.register(
    DatasetSpec(
        name="wine",
        title="Wine cultivars",
        description="Chemical analyses of Italian wines that come from three cultivars.",
        source="S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository 1992, doi:10.24432/C5PC7J; the copy in "
        "scikit-learn",
        licence=CC_BY,
        rows=rows,
        n_rows=178,
        n_features=13,
        n_classes=3,
        is_generator=False,
        place=30,
    )
)
