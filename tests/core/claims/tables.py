"""Tables of results with given errors, as `core.sweep.results` lays them out, in the columns that the claims read."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Errors = Mapping[tuple[str, str, float | None], Sequence[float]]
"""(model, variant, depth or None) -> the error of each seed."""

WIDTHS = {"dense": 8, "dense_ladder": 16}


def table(errors: Errors, *, first_seed: int = 0, epochs: int = 10) -> pd.DataFrame:
    """Make a table in which validation and test errors are the same; losses are twice the errors."""
    rows: list[dict[str, Any]] = []
    for (model, variant, depth), values in errors.items():
        for place, error in enumerate(values):
            width = 8 + 12 * int(depth or 0) if model == "dense_capacity" else WIDTHS.get(model, 8)
            row: dict[str, Any] = {
                "model": model, "variant": variant, "depth": float("nan") if depth is None else float(depth),
                "width": 8.0, "data": "moons", "n_train": 100, "seed": first_seed + place, "split_seed": None,
                "init_seed": None, "run_id": f"{model} {variant} {depth} {place}", "status": "finished", "error": None,
                "data.name": "moons", "data.n_train": 100, "net.width": width, "train.lr": 0.01,
                "train.epochs": epochs, "trials": 2, "tuned": "train.lr, train.weight_decay", "chosen_by": "validation error",
                "chosen_on": "0, 1", "best_epoch": epochs // 2, "chance_accuracy": 0.5,
                "parameters": 100.0 * (1 + (depth or 0)), "multiply_adds": 10.0 * width,
            }  # fmt: skip
            for which in ("best", "last"):
                for split in ("train", "validation", "test"):
                    row |= {f"{which}_{split}_accuracy": 1 - error, f"{which}_{split}_loss": 2 * error}
            rows.append(row)
    return pd.DataFrame(rows)
