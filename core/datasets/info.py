"""What each data set is, where it comes from and under which licence."""

from dataclasses import dataclass

from leafscope.core.config import DATA_NAMES, GENERATORS


@dataclass(frozen=True)
class DatasetInfo:
    """A data set in words; the numbers are those of its default configuration."""

    name: str
    """As in `DataConfig.name`."""
    title: str
    """As on a page."""
    description: str
    """One sentence."""
    source: str
    """Who made it, and where it is found."""
    licence: str
    """The terms of use."""
    n_rows: int
    """Rows of all splits together."""
    n_features: int
    n_classes: int
    image_shape: tuple[int, int] | None = None
    """(height, width) when the features are the pixels of an image, row by row."""
    is_plane: bool = False
    """Whether the rows are points in the plane, which can be drawn as they are."""


CC_BY = "CC BY 4.0"
NO_RIGHTS = "none needed: the rows are random numbers, drawn by this program"


def _plane(name: str, title: str, description: str, source: str) -> DatasetInfo:
    n_rows = GENERATORS[name]["n_samples"]
    return DatasetInfo(name, title, description, source, NO_RIGHTS, n_rows, n_features=2, n_classes=2, is_plane=True)


_ALL = (
    DatasetInfo(
        name="digits",
        title="Handwritten digits",
        description="Images of 8 x 8 pixels, each from 0 to 16, of the digits 0 to 9 written by 13 people.",
        source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test part), UCI Machine Learning "
        "Repository 1998, doi:10.24432/C50P49; the copy in scikit-learn",
        licence=CC_BY,
        n_rows=1797,
        n_features=64,
        n_classes=10,
        image_shape=(8, 8),
    ),
    DatasetInfo(
        name="breast_cancer",
        title="Breast cancer (Wisconsin)",
        description="Measurements of cell nuclei in images of breast tissue, malignant or benign.",
        source="W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine "
        "Learning Repository 1993, doi:10.24432/C5DW2B; the copy in scikit-learn",
        licence=CC_BY,
        n_rows=569,
        n_features=30,
        n_classes=2,
    ),
    DatasetInfo(
        name="wine",
        title="Wine cultivars",
        description="Chemical analyses of Italian wines that come from three cultivars.",
        source="S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository 1992, doi:10.24432/C5PC7J; the copy in "
        "scikit-learn",
        licence=CC_BY,
        n_rows=178,
        n_features=13,
        n_classes=3,
    ),
    DatasetInfo(
        name="iris",
        title="Iris flowers",
        description="Lengths and widths of sepals and petals of three species of iris.",
        source="R. A. Fisher 1936, Iris, UCI Machine Learning Repository, doi:10.24432/C56C76; the copy in scikit-learn, "
        "which has two rows as Fisher printed them where UCI differs",
        licence=CC_BY,
        n_rows=150,
        n_features=4,
        n_classes=3,
    ),
    _plane(
        "moons",
        "Two moons",
        "Two half circles of radius 1 that reach into each other, with Gaussian noise.",
        "generated for each seed; the shape of scikit-learn's make_moons",
    ),
    _plane(
        "circles",
        "Two circles",
        "A circle of radius 1/2 inside a circle of radius 1, with Gaussian noise.",
        "generated for each seed; the shape of scikit-learn's make_circles with factor 0.5",
    ),
    _plane(
        "spirals",
        "Two spirals",
        "Two interleaved spiral arms of one and a half turns, out to radius 1, with Gaussian noise.",
        "generated for each seed; after the two-spirals benchmark (Lang and Witbrock 1988)",
    ),
    _plane(
        "checkerboard",
        "Checkerboard",
        "The squares of a 4 x 4 board in two colours; noise is the share of labels drawn anew.",
        "generated for each seed",
    ),
    _plane(
        "xor",
        "Exclusive or",
        "Four quadrants, the opposite ones of one class, with Gaussian noise added after the class is decided.",
        "generated for each seed",
    ),
    DatasetInfo(
        name="tree_teacher",
        title="Tree teacher",
        description="Gaussian features labelled by a random tree net: the signs of random projections choose a linear "
        "classifier; noise is the share of labels drawn anew.",
        source="generated for each seed, teacher and rows",
        licence=NO_RIGHTS,
        n_rows=GENERATORS["tree_teacher"]["n_samples"],
        n_features=GENERATORS["tree_teacher"]["n_features"],
        n_classes=GENERATORS["tree_teacher"]["n_classes"],
    ),
)

INFO: dict[str, DatasetInfo] = {name: next(info for info in _ALL if info.name == name) for name in DATA_NAMES}
"""Every data set by name, in the order of `DATA_NAMES`."""
