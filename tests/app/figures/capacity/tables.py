"""Small tables for the figures of this folder."""

from typing import Any

import pandas as pd

NAN = float("nan")


def counts(*, gates: int = 0, seconds: bool = True, dense: bool = False) -> pd.DataFrame:
    """A tree layer of 10 parameters and 8 multiply-adds a node, whose step takes 1, 1.5, 2, ... ms."""
    rows: list[tuple[str, float, float, str]] = []
    for depth in (0, 1, 2, 12):
        rows += [
            ("stored", depth, 10 * (2 ** (depth + 1) - 1), "parameters"),
            ("multiply_adds", depth, 8 + gates * depth, "multiply-adds"),
            ("gate_multiply_adds", depth, gates * depth, "multiply-adds"),
            ("touched_bytes", depth, 1024 * (depth + 1), "bytes"),
        ]
        rows += [("training_seconds", depth, 0.001 * (1 + depth / 2), "seconds")] if seconds else []
    if dense:
        rows += [("stored", NAN, 5, "parameters"), ("training_seconds", NAN, 0.0005, "seconds")]
    return pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"])


def ratios() -> pd.DataFrame:
    rows = [("training", 256, k, 2.0**k) for k in (4, 0, 2)] + [("inference", 1, k, 0.5 * 2.0**k) for k in (0, 2, 4)]
    return pd.DataFrame(rows, columns=["phase", "rows", "depth", "ratio"])


def points(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        ("tree", "", 2, 8, 64, 0.2, 0.19, True),
        ("tree", "", 0, 8, 64, 0.3, 0.3, False),
        ("tree", "", 0, 16, 256, 0.25, 0.24, False),
        ("dense", "", NAN, 8, 64, 0.3, 0.31, False),
        ("dense", "", NAN, 16, 256, 0.15, 0.14, True),
        ("decision_tree", "", 0, NAN, 0, 0.6, 0.6, True),
        ("decision_tree", "", 1, NAN, 1, 0.5, 0.5, True),
        ("logistic", "", NAN, NAN, 30, NAN, NAN, False),
    ]
    half = 0.02 if n > 1 else NAN
    table = [(*row[:5], row[5], row[5] - half, row[5] + half, n, *row[6:]) for row in rows]
    columns = ["model", "variant", "depth", "width", "cost", "mean", "low", "high", "n", "validation_mean", "on_front"]
    return pd.DataFrame(table, columns=columns)
