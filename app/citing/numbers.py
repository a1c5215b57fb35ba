"""The numbers of a figure as text, bit for bit; their digest; and how two of them differ."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leafscope.app import theme

TOLERANCE = 0.02
"""The largest difference between two numbers of a column that counts as close, as a share of the column's largest size.

Rounding differs between processor models and grows during training; tables moved by 0.1 to 0.2 points of accuracy.
"""

LENGTH = 16
"""Characters of a digest: 64 bits."""


def as_text(table: pd.DataFrame) -> str:
    """Write a table as JSON from which every number is read back bit for bit.

    >>> as_text(pd.DataFrame({"depth": [0, 1], "error": [0.1, float("nan")]}))
    '{"columns":["depth","error"],"rows":[[0,0.1],[1,NaN]]}'
    """
    columns = [table.iloc[:, place].tolist() for place in range(table.shape[1])]
    rows = [[_plain(value) for value in row] for row in zip(*columns, strict=True)]
    return json.dumps({"columns": [str(name) for name in table.columns], "rows": rows}, separators=(",", ":"))


def as_table(text: str) -> pd.DataFrame:
    """Read what `as_text` wrote; raises ValueError for anything else."""
    try:
        read = json.loads(text)
        return pd.DataFrame(read["rows"], columns=read["columns"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the numbers of a figure must be a table as JSON: {str(error)[:120]}") from None


def digest(figure: str, numbers: str, run_ids: Iterable[str], sweep_id: str = "") -> str:
    """Hash a figure's name, its numbers as `as_text` writes them, and the addresses of its runs, in any order, and its sweep.

    An address is itself the hash of a configuration. 16 hexadecimal digits.
    """
    told = json.dumps([figure, numbers, sorted(set(run_ids)), sweep_id])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


@dataclass(frozen=True)
class Likeness:
    """How a figure's numbers compare with those of another time or machine."""

    equal: bool
    """Bit for bit."""
    close: bool
    """Equal, or no number differs by more than the tolerance."""
    words: str
    """A sentence without its full stop, unescaped."""


def compare(before: str, now: str, tolerance: float = TOLERANCE) -> Likeness:
    """Compare two tables as `as_text` writes them; raises ValueError for other texts.

    >>> one, other = ('{"columns":["x"],"rows":[[%s]]}' % value for value in (1.0, 1.01))
    >>> compare(one, other).words
    'not equal bit for bit; the largest difference is 0.01 (0.99 percent) in column x, row 1, within the tolerance of 2 percent'
    """
    if before == now:
        return Likeness(True, True, "equal, bit for bit")
    one, other = as_table(before), as_table(now)
    if list(one.columns) != list(other.columns):
        return Likeness(False, False, "different: the columns are others")
    if len(one) != len(other):
        return Likeness(False, False, f"different: {len(one):,} rows then, {len(other):,} now")
    worst, where, by = 0.0, "", 0.0
    for place, name in enumerate(one.columns):
        words = theme.one_line(name, 60)
        pairs = list(zip(one.iloc[:, place].tolist(), other.iloc[:, place].tolist(), strict=True))
        size = max((abs(value) for pair in pairs for value in pair if _is_finite(value)), default=0.0)
        for row, (was, is_now) in enumerate(pairs, start=1):
            if was == is_now or (_is_nan(was) and _is_nan(is_now)):
                continue
            if not (_is_finite(was) and _is_finite(is_now)):
                return Likeness(False, False, f"different: column {words}, row {row}, was {_said(was)} and is {_said(is_now)}")
            share = abs(was - is_now) / size
            if share > worst:
                worst, by, where = share, abs(was - is_now), f"column {words}, row {row}"
    if not worst:
        return Likeness(False, True, "equal numbers, written in other types")
    close = worst <= tolerance
    found = f"the largest difference is {by:.3g} ({100 * worst:.3g} percent) in {where}"
    bound = f"{'within' if close else 'beyond'} the tolerance of {100 * tolerance:g} percent"
    return Likeness(False, close, f"not equal bit for bit; {found}, {bound}")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.item() if hasattr(value, "item") else str(value)


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_nan(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _said(value: Any) -> str:
    return theme.one_line(repr(value), 40)
