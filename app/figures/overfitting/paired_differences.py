"""What figures of paired differences share: their table, and what a difference says on hover and in a subtitle."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leafscope.app import theme
from leafscope.app.figures.shared.detectable import detectable_words
from leafscope.app.figures.shared.errors import Errors
from leafscope.app.figures.shared.interval_lines import INTERVAL, check_columns, in_unit, row_words


def difference_table(given: pd.DataFrame, by: Sequence[str], name: str, errors: Errors) -> pd.DataFrame:
    """Check differences with the columns `by`, mean, low, high, n, p_holm, shown; order them by `by`, in their unit.

    Only a difference that has a mean can be shown. Raises ValueError for a missing column of the table called `name`.
    """
    table = check_columns(given, [*by, *INTERVAL, "n", "p_holm", "shown"], name)
    table = table.sort_values(list(by), kind="stable", ignore_index=True)
    shown = table["shown"].eq(True) & np.isfinite(table["mean"].astype(float))
    return in_unit(table.assign(shown=shown), INTERVAL, errors.difference)


def hover(row: pd.Series) -> str:
    """Describe a difference on hover: interval, Holm's p and whether it is shown."""
    p = f"<br>p = {theme.three_significant(row['p_holm'])} (Holm)" if np.isfinite(row["p_holm"]) else ""
    return f"{row_words(row)}{p}<br>{'a difference is shown' if row['shown'] else 'no difference shown'}"


def missed_words(table: pd.DataFrame, by: str) -> str:
    """Say which difference would be found where none is shown, in a sentence after a space; empty where all are."""
    words = detectable_words(table[~table["shown"]], int(table["p_holm"].notna().sum()), _unit_of(table), by=by)
    return f" {words}" if words else ""


def _unit_of(table: pd.DataFrame) -> str:
    return "points" if table["unit"].iloc[0] == "percentage points" else str(table["unit"].iloc[0])


def holm_words(table: pd.DataFrame, what: str, form: str) -> str:
    """Say over how many comparisons Holm's correction runs, put into `form`, or nothing where no seeds can be compared."""
    count = int(table["p_holm"].notna().sum())
    return form.format(f"Holm over {theme.thousands(count)} {what}{'' if count == 1 else 's'}") if count else ""
