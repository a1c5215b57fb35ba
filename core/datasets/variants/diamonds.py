"""Diamonds and how well they are cut."""

from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Options, Rows
from leafscope.core.datasets.tables import read_table


def rows(_options: Options, _seed: int) -> Rows:
    return read_table("diamonds", ("Fair", "Good", "Very Good", "Premium", "Ideal"))


DATA_SETS.register(
    DatasetSpec(
        name="diamonds",
        title="Cut of diamonds",
        description="How well a diamond is cut, from its weight, proportions, size, price, color and clarity, the last two as "
        "ranks, 0 the worst. 23 rows with a side of 0 or above 30 mm are left out.",
        source="H. Wickham, ggplot2: Elegant Graphics for Data Analysis, Springer 2016, data set diamonds; the copy in "
        "plotnine 0.15.9",
        licence="MIT",
        rows=rows,
        n_rows=53_917,
        n_features=9,
        n_classes=5,
        is_generator=False,
        place=45,
    )
)
