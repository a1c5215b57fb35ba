"""Cell nuclei, malignant or benign."""

from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Options, Rows
from leafscope.core.datasets.tables import CC_BY, read_table


def rows(_options: Options, _seed: int) -> Rows:
    return read_table("breast_cancer", ("malignant", "benign"))


DATA_SETS.register(
    DatasetSpec(
        name="breast_cancer",
        title="Breast cancer (Wisconsin)",
        description="Measurements of cell nuclei in images of breast tissue, malignant or benign.",
        source="W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine "
        "Learning Repository 1993, doi:10.24432/C5DW2B; the copy in scikit-learn",
        licence=CC_BY,
        rows=rows,
        n_rows=569,
        n_features=30,
        n_classes=2,
        is_generator=False,
        place=20,
    )
)
