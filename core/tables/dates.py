"""Dates: 2024-01-31, 31.01.2024, 01/31/2024, 31 Jan 2024 and the like; times of day are left out.

01/02/2024 can be both; then the file's other dates decide whether the day or the month comes first; if none can, the day does.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_TIME = r"(?:,?[T ]\s*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|[-+]\d{2}:?\d{2}))?)?"

_YEAR_FIRST = rf"^(?P<y>\d{{4}})(?:-(?P<m>\d{{1,2}})-|/(?P<m2>\d{{1,2}})/|\.(?P<m3>\d{{1,2}})\.)(?P<d>\d{{1,2}}){_TIME}$"
_YEAR_LAST = r"^(?P<a>\d{1,2})(?:-(?P<b>\d{1,2})-|/(?P<b2>\d{1,2})/|\.(?P<b3>\d{1,2})\. ?)(?P<y>\d{4}|\d{2})" + _TIME + "$"
_MONTHS = "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_WEEKDAY = r"(?i)^(?:[a-z]{2,9}\.?,? )?"
_DAY_MONTH = (
    _WEEKDAY
    + rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?[- /]?(?P<m>{_MONTHS})[a-zé]{{0,7}}\.?,?[- /]?(?P<y>\d{{4}}|\d{{2}}){_TIME}$"
)
_MONTH_DAY = _WEEKDAY + rf"(?P<m>{_MONTHS})[a-z]{{0,7}}\.?[- ](?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[- ] ?(?P<y>\d{{4}}){_TIME}$"

_NUMBER_OF = dict(zip(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], range(1, 13))) | {
    "mär": 3,
    "mai": 5,
    "okt": 10,
    "dez": 12,
}

_BROAD = re.compile(rf"\d[-/.] ?\d{{1,2}}[-/.] ?\d|\b({_MONTHS})[a-zé]{{0,7}}\b", re.IGNORECASE)

TURN = 69
"""Years of two digits from here on are of the last century, as in POSIX."""


class Dates(NamedTuple):
    """Distinct texts as dates."""

    day_first: NDArray[np.float64]
    """(D,) days since 1970, read with the day before the month; NaN where the text is no date."""
    month_first: NDArray[np.float64]
    """(D,) the same, read with the month before the day."""
    order: str
    """What the texts need: "day" or "month" first; "open": both readings are possible; "": it does not matter."""

    def days(self, day_first: bool) -> NDArray[np.float64]:
        """(D,) days since 1970 in this order."""
        return self.day_first if day_first else self.month_first


def dates(distinct: "pa.Array") -> Dates | None:
    """Read texts as dates; None if fewer than half of them are dates."""
    import pyarrow.compute as pc

    n = len(distinct)
    if not n or not pc.any(pc.match_substring_regex(distinct, r"\d.*[-/. ].*\d")).as_py():
        return None
    day_first, month_first = np.full(n, np.nan), np.full(n, np.nan)
    for pattern in (_YEAR_FIRST, _DAY_MONTH, _MONTH_DAY):
        found = _groups(distinct, pattern)
        if found:
            month = _month(found)
            at = _days(_years(found["y"]), month, _whole(found["d"]))
            for days in (day_first, month_first):
                np.copyto(days, at, where=np.isnan(days))
    found = _groups(distinct, _YEAR_LAST)
    order = ""
    if found:
        first, second, year = _whole(found["a"]), _whole(_either(found, "b", "b2", "b3")), _years(found["y"])
        with_points = np.array([bool(text) for text in found["b3"]])
        one, other = _days(year, second, first), _days(year, first, second)
        other = np.where(with_points, one, other)  # nobody writes the month first with points
        both = ~np.isnan(one) & ~np.isnan(other)
        only_day, only_month = int((~np.isnan(one) & np.isnan(other)).sum()), int((np.isnan(one) & ~np.isnan(other)).sum())
        if (~np.isnan(one) | ~np.isnan(other)).any() and not with_points.all():
            order = (
                "day" if only_day > only_month else "month" if only_month else "open" if (both & (one != other)).any() else ""
            )
        np.copyto(day_first, one, where=np.isnan(day_first))
        np.copyto(month_first, other, where=np.isnan(month_first))
    if max(np.isfinite(day_first).sum(), np.isfinite(month_first).sum()) < 0.5 * n:
        return None
    return Dates(day_first, month_first, order)


def can_be_date(text: str) -> bool:
    """Whether a text may be a date: it has a day, a month and a year, or the name of a month."""
    return _BROAD.search(text) is not None


def compact_dates(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Read whole numbers such as 20240131 as dates, (n,) -> (n,) days since 1970; None unless all of them are dates."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() < 19000101 or known.max() > 21001231 or (known != np.floor(known)).any():
        return None
    year, month, day = np.floor(values / 10000), np.floor(values / 100) % 100, values % 100
    days = _days(year, month, day)
    return days if np.isfinite(days[np.isfinite(values)]).all() and len(np.unique(known)) > 1 else None


def parts_of(days: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return year, month (1 to 12) and weekday (Monday is 0) of finite days since 1970: (n,) each.

    >>> [part.tolist() for part in parts_of(np.array([0.0, 19753.0]))]
    [[1970.0, 2024.0], [1.0, 1.0], [3.0, 2.0]]
    """
    when = days.astype("datetime64[D]")
    year: NDArray[np.float64] = when.astype("datetime64[Y]").astype(np.float64) + 1970
    month: NDArray[np.float64] = when.astype("datetime64[M]").astype(np.float64) % 12 + 1.0
    weekday: NDArray[np.float64] = (np.floor(days) + 3) % 7
    return year, month, weekday


def _groups(distinct: "pa.Array", pattern: str) -> dict[str, list[str | None]]:
    import pyarrow.compute as pc

    found = pc.extract_regex(distinct, pattern)
    if found.null_count == len(found):
        return {}
    return {field.name: found.field(place).to_pylist() for place, field in enumerate(found.type)}


def _either(found: dict[str, list[str | None]], *names: str) -> list[str | None]:
    columns = [found[name] for name in names if name in found]
    return [next((text for text in row if text), None) for row in zip(*columns)]


def _month(found: dict[str, list[str | None]]) -> NDArray[np.float64]:
    texts = _either(found, "m", "m2", "m3")
    return np.array([np.nan if not one else _NUMBER_OF.get(one.lower()) or float(one) for one in texts], np.float64)


def _whole(texts: list[str | None]) -> NDArray[np.float64]:
    return np.array([float(text) if text else np.nan for text in texts], np.float64)


def _years(texts: list[str | None]) -> NDArray[np.float64]:
    return np.array(
        [
            np.nan if not text else float(text) if len(text) == 4 else 1900.0 + int(text) + 100 * (int(text) < TURN)
            for text in texts
        ]
    )


def _days(year: NDArray[np.float64], month: NDArray[np.float64], day: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days since 1970; NaN where there is no such day."""
    is_date = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(is_date, (year - 1970) * 12 + month - 1, 0).astype(np.int64).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[D]").astype(np.int64) - first
    return np.where(is_date & (day <= length), first + day - 1, np.nan)
