"""Stratified splits: first test, then validation; the rest is for training.

C classes. Validation and test depend on the seed and the fractions, but not on `n_train`. Training rows are nested: for one
seed, the rows of `n_train` 100 are among those of 200.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets.registry import data_words
from leafscope.core.errors import DataError

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig

Rows = NDArray[np.int64]


class SplitSizes(NamedTuple):
    """Rows of each split."""

    train: int
    validation: int
    test: int


class SplitRows(NamedTuple):
    """Row numbers of each split, ascending."""

    train: Rows
    validation: Rows
    test: Rows


def split_sizes(
    config: "DataConfig", n_rows: int, n_classes: int, given: tuple[int, int, int] | None = None, largest_group: int = 1
) -> SplitSizes:
    """Compute the rows of each split; fractions are of all rows, rounded to the nearest whole number.

    `given` rows of each split are used as they are; of those without, rows for training are taken. With groups, as many rows
    may be in no split as the largest group could add to validation and to test. A fraction of 0 is no row.

    Raises DataError if a split that is drawn would have fewer rows than classes, or if `n_train` exceeds the remaining rows.

    >>> from leafscope.core.config import DataConfig
    >>> split_sizes(DataConfig(name="iris", n_train=50), n_rows=150, n_classes=3)
    SplitSizes(train=50, validation=22, test=45)
    """
    test = round(config.test_fraction * n_rows)
    validation = round(config.validation_fraction * n_rows)
    if given is not None:
        validation, test = given[1] or validation, given[2] or test
    drawn = [fraction > 0 for fraction in (config.validation_fraction, config.test_fraction)]
    left = n_rows - test - validation - sum(drawn) * (largest_group - 1)
    if left < 1:
        raise DataError(
            f"{data_words(config.name)} must have rows left for training, but its largest group has {largest_group:,} of "
            f"{n_rows:,} rows"
        )
    train = left if config.n_train is None else config.n_train
    if train > left:
        raise DataError(
            f"n_train must be at most {left} for {data_words(config.name)}, the rows not in the other splits, got {train}"
        )
    is_drawn = (True, *(drawn[place] and not (given and given[place + 1]) for place in range(2)))
    for name, rows, checks in zip(("training", "validation", "test"), (train, validation, test), is_drawn, strict=True):
        if checks and rows < max(1, n_classes):
            least = f"as many rows as classes ({n_classes})" if n_classes else "one row"
            raise DataError(f"the {name} split of {data_words(config.name)} must have at least {least}, got {rows}")
    return SplitSizes(train, validation, test)


def divide(
    labels: NDArray[Any],
    sizes: SplitSizes,
    class_names: tuple[str, ...],
    seed: int,
    given: NDArray[np.integer] | None = None,
    group: NDArray[np.integer] | None = None,
) -> SplitRows:
    """Choose the rows of each split by `split_rows` or, with groups, `split_groups`; numbers, without names, have no strata."""
    if not class_names:
        labels, class_names = np.zeros(len(labels), np.int64), ("rows",)
    if group is not None:
        return split_groups(labels, sizes, class_names, seed, group)
    return split_rows(labels, sizes, class_names, seed, given)


def split_rows(
    labels: NDArray[np.int64],
    sizes: SplitSizes,
    class_names: tuple[str, ...],
    seed: int,
    given: NDArray[np.integer] | None = None,
) -> SplitRows:
    """Choose the rows of each split, stratified by class: (rows,) labels -> row numbers; training has every class.

    `given` (rows,): 0 training, 1 validation, 2 test, for rows whose split is known. Raises DataError for a class with too few
    rows to split.
    """
    rest = np.arange(len(labels)) if given is None else np.flatnonzero(given == 0)
    chosen = []
    for code, size in ((2, sizes.test), (1, sizes.validation)):
        own = np.zeros(0, np.int64) if given is None else np.flatnonzero(given == code)
        if len(own) or not size:
            chosen.append(own)
            continue
        _check_enough(labels, rest, class_names, at_least=2)
        rest, part = _stratified(rest, labels[rest], size, seed)
        chosen.append(np.sort(part))
    _check_enough(labels, rest, class_names, at_least=1)
    test, validation = chosen
    train = rest[stratified_order(labels[rest], np.random.default_rng(seed))[: sizes.train]]
    return SplitRows(np.sort(train), validation, test)


ATTEMPTS = 100
"""Orders of the groups that are tried until every class is in every split."""


def split_groups(
    labels: NDArray[np.int64], sizes: SplitSizes, class_names: tuple[str, ...], seed: int, group: NDArray[np.integer]
) -> SplitRows:
    """Choose the rows of each split so that no group is in two: (rows,) labels and groups from 0 -> row numbers.

    Groups go to test, then to validation, in random order, until these have their rows; what the last of them has too many is
    in no split. Raises DataError if no order puts every class into training.
    """
    rng = np.random.default_rng(seed)
    best: SplitRows | None = None
    for _ in range(ATTEMPTS):
        place = rng.permutation(int(group.max()) + 1)[group]
        order = np.lexsort((rng.random(len(group)), place))
        ends = np.flatnonzero(np.diff(place[order], append=-1)) + 1  # where a group ends
        test_end = int(ends[np.searchsorted(ends, sizes.test)]) if sizes.test else 0
        validation_end = int(ends[np.searchsorted(ends, test_end + sizes.validation)]) if sizes.validation else test_end
        rest = order[validation_end:]
        train = rest[stratified_order(labels[rest], rng)[: sizes.train]]
        found = SplitRows(np.sort(train), np.sort(order[test_end : test_end + sizes.validation]), np.sort(order[: sizes.test]))
        has = [len(np.unique(labels[rows])) == len(class_names) for rows in found if len(rows)]
        if all(has):
            return found
        best = found if best is None and has[0] else best
    if best is None:
        raise DataError(
            "every class must be in enough groups, but no order of them puts all classes into training; more groups or another "
            "seed may help"
        )
    return best


def stratified_order(labels: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    """Order rows so that the first n are stratified for every n: (rows,) -> (rows,) positions.

    The first C rows are one of each class present; after them, the i-th row of a class with n rows is at about the share
    i/n of all rows. The order within a class is random.

    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[stratified_order(labels, np.random.default_rng(0))[:3]].tolist().count(0)
    2
    """
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.where(rank == 0, -1.0, (rank + 0.5) / np.repeat(counts, counts))
    return by_class[np.lexsort((rng.random(len(labels)), place))]


def _stratified(rows: Rows, labels: NDArray[np.int64], size: int, seed: int) -> tuple[Rows, Rows]:
    """Split off `size` rows, stratified: the rest and the part, as scikit-learn's `train_test_split` chooses and orders them.

    Its algorithm: shares of classes are rounded down, and the rows still missing go to the classes with the largest
    remainders, drawn among equals; each class is permuted, and then each side.
    """
    rng = np.random.RandomState(seed)
    classes, of_row, counts = np.unique(labels, return_inverse=True, return_counts=True)
    in_rest = _shares(counts, len(labels) - size, rng)
    in_part = _shares(counts - in_rest, size, rng)
    of_class = np.split(np.argsort(of_row, kind="mergesort"), np.cumsum(counts)[:-1])
    rest: list[Rows] = []
    part: list[Rows] = []
    for place in range(len(classes)):
        mixed = of_class[place][rng.permutation(counts[place])]
        rest.append(mixed[: in_rest[place]])
        part.append(mixed[in_rest[place] : in_rest[place] + in_part[place]])
    return rows[rng.permutation(np.concatenate(rest))], rows[rng.permutation(np.concatenate(part))]


def _shares(counts: NDArray[np.int64], n: int, rng: np.random.RandomState) -> NDArray[np.int64]:
    """Share n draws among classes with these counts, as likely as can be: (C,) -> (C,), whole numbers that sum to n."""
    exact = counts / counts.sum() * n
    shares = np.floor(exact)
    missing = int(n - shares.sum())
    if missing > 0:
        remainder = exact - shares
        for value in np.sort(np.unique(remainder))[::-1]:
            (equal,) = np.where(remainder == value)
            taken = min(len(equal), missing)
            shares[rng.choice(equal, size=taken, replace=False)] += 1
            missing -= taken
            if missing == 0:
                break
    return shares.astype(np.int64)


def _check_enough(labels: NDArray[np.int64], rest: Rows, class_names: tuple[str, ...], at_least: int) -> None:
    left = np.bincount(labels[rest], minlength=len(class_names))
    rarest = int(left.argmin())
    if left[rarest] < at_least:
        total = int((labels == rarest).sum())
        raise DataError(
            f"every class must have enough rows for all three splits, but class {class_names[rarest]!r} has only "
            f"{total} of {len(labels)}; more rows, fewer classes or another seed may help"
        )
