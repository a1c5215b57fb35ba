"""Images of handwritten digits."""

from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Options, Rows
from leafscope.core.datasets.tables import CC_BY, read_table


def rows(_options: Options, _seed: int) -> Rows:
    return read_table("digits", tuple(map(str, range(10))))


DATA_SETS.register(
    DatasetSpec(
        name="digits",
        title="Handwritten digits",
        description="Images of 8 x 8 pixels, each from 0 to 16, of the digits 0 to 9 written by 13 people.",
        source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test part), UCI Machine Learning "
        "Repository 1998, doi:10.24432/C50P49; the copy in scikit-learn",
        licence=CC_BY,
        rows=rows,
        n_rows=1797,
        n_features=64,
        n_classes=10,
        is_generator=False,
        image_shape=(8, 8),
        place=10,
    )
)
