"""Small tables for the figures of this folder, n seeds behind each mean."""

from typing import Any

import numpy as np
import pandas as pd

from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

NAN = float("nan")


def with_interval(rows: list[tuple[Any, ...]], columns: str, n: int = 5, half: float = 0.02) -> pd.DataFrame:
    """Put an interval beside each row's last value, and n; none for one seed."""
    half = half if n > 1 else NAN
    return pd.DataFrame(
        [(*row, row[-1] - half, row[-1] + half, n) for row in rows], columns=[*columns.split(), "low", "high", "n"]
    )


def errors(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for shift, model in enumerate(("tree", "flat")):
        rows += [(model, "", "test", k, 0.3 - 0.05 * k + 0.1 * shift) for k in (0, 1, 2)]
        rows += [(model, "", "train", k, 0.2 - 0.08 * k + 0.1 * shift) for k in (0, 1, 2)]
    rows += [("dense", "", "test", NAN, 0.25), ("dense", "", "train", NAN, 0.15), ("logistic", "", "test", NAN, 0.45)]
    return with_interval(rows, "model variant split depth mean", n)


def error_seeds() -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        ("tree", "", split, seed, k, 0.3 - 0.05 * k + 0.01 * seed)
        for split in ("test", "train")
        for seed in (0, 1)
        for k in (0, 1)
    ]
    rows += [("dense", "", "test", 0, NAN, 0.24), ("logistic", "", "test", 0, NAN, 0.9)]
    return pd.DataFrame(rows, columns=["model", "variant", "split", "seed", "depth", "value"])


def computation(widths: tuple[int, ...] = (8,), n: int = 5) -> pd.DataFrame:
    """Trees and flat nets of depth 0, 1, 2, dense nets under two names, and decision trees, with 100 and 500 rows."""
    rows: list[tuple[Any, ...]] = []
    for size, extra in ((500, 0.0), (100, 0.1)):
        for width in widths:
            cost = 2.0 * width + width**2
            rows += [
                (model, "", k, width, size, cost, 0.3 - 0.05 * k + shift + extra)
                for model, shift in (("tree", 0.0), ("flat", 0.05))
                for k in (2, 0, 1)
            ]
            rows += [("dense", "", NAN, width, size, cost, 0.3 + extra)]
            for wide in (2 * width, 4 * width):
                error = 0.3 - 0.05 * wide / width + extra
                rows.append(("dense_ladder", "", NAN, wide, size, 2.0 * wide + wide**2, error))
        rows += [("decision_tree", "", k, NAN, size, float(k), 0.5 - 0.1 * k + extra) for k in (0, 1, 2)]
    return with_interval(rows, "model variant depth width n_train cost mean", n)


def gaps(n: int = 5) -> pd.DataFrame:
    return with_interval([("tree", "", 0, 0.01), ("tree", "", 2, 0.09), ("dense", "", NAN, 0.1)], "model variant depth mean", n)


def leaf_use(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for model, slope in (("tree", 1.5), ("flat", 1.2)):
        rows += [(model, "", k, 1 + slope * k) for k in (2, 0, 1)]
    rows += [("dense", "own signs", k, 1 + 1.8 * k) for k in (0, 1, 2)] + [("decision_tree_pruned", "", NAN, 3.5)]
    return with_interval(rows, "model variant depth mean", n, half=0.2)


def leaf_chance() -> dict[Level, pd.DataFrame]:
    """Both chance levels at depth 0, 1, 2."""
    bits = pd.DataFrame({"depth": [2, 0, 1], "mean": [3.9, 1.0, 1.95], "low": [3.8, 1.0, 1.9], "high": [4.0, 1.0, 2.0]})
    fewer = bits.assign(mean=0.8 * bits["mean"], low=0.5 * bits["low"], high=0.9 * bits["high"])
    return {INDEPENDENT_BITS: bits, HYPERPLANES: fewer}


def differences(*means: float, n: int = 5) -> pd.DataFrame:
    """Differences at depth 0, 1, 2, ..., shown where the interval does not hold 0."""
    table = with_interval([(k, mean) for k, mean in enumerate(means)], "depth mean", n)
    shown = ((table["low"] > 0) | (table["high"] < 0)) & (n > 1)
    return table.assign(p_holm=np.where(shown, 0.01, 0.5) if n > 1 else NAN, shown=shown)


def cells(n: int = 5) -> pd.DataFrame:
    table = differences(-0.041, 0.0, 0.05, -0.06, 0.01, n=n)
    return table.assign(width=[16, 8, 8, 16, 128], depth=[1, 0, 1, 3, 0])


def levels(n: int = 5) -> pd.DataFrame:
    rows = [(split, k, 0.5 + 0.1 * k + extra) for split, extra in (("train", 0.1), ("test", 0.0)) for k in (2, 0, 1)]
    return with_interval(rows, "split level mean", n)


def by_rows(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        ("tree", "", k, size, 0.4 - 0.02 * k - size / 5000) for k in (4, 0, 2) for size in (1000, 100)
    ]
    rows += [("dense", "", NAN, size, 0.5 - size / 5000) for size in (100, 1000)]
    return with_interval(rows, "model variant depth n_train mean", n)


def epochs(n: int = 5) -> pd.DataFrame:
    rows = [
        (model, "", split, epoch, start - 0.1 * epoch)
        for model, split, start in (("tree", "train", 0.5), ("tree", "test", 0.6), ("dense", "test", 0.7))
        for epoch in (2, 0, 1)
    ]
    return with_interval(rows, "model variant split epoch mean", n, half=0.05)


def epoch_seeds() -> pd.DataFrame:
    rows = [("tree", "", "test", seed, epoch, 0.6 - 0.1 * epoch + 0.01 * seed) for seed in (0, 1) for epoch in (0, 1, 2)]
    return pd.DataFrame(rows, columns=["model", "variant", "split", "seed", "epoch", "value"])


def best_depths(n: int = 5) -> pd.DataFrame:
    """Two kinds of data: one whose best depth grows, one whose never leaves 0."""
    rows = [
        ("tree of depth 4", True, 1000, 2, 0, 4, -0.01, -0.03, 0.01),
        ("tree of depth 4", True, 10_000, 4, 2, 4, -0.05, -0.06, -0.04),
        ("no tree", False, 1000, 0, 0, 2, 0.0, 0.0, 0.0),
        ("no tree", False, 10_000, 0, 0, 0, 0.0, 0.0, 0.0),
    ]
    columns = ["data", "is_lit", "rows", "depth", "depth_low", "depth_high", "gain", "low", "high"]
    table = pd.DataFrame(rows, columns=columns).assign(n=n)
    if n < 2:
        table[["low", "high"]] = NAN
    return table
