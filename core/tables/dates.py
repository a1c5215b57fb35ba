"""Dates: 2024-01-31, 31.01.2024, 01/31/2024, 31 Jan 2024 and the like; times of day are left out.

01/02/2024 can be both; then the file's other dates decide whether the day or the month comes first; if none can, the day does.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_TIME_OF_DAY = r",?[T ]\s*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|[-+]\d{2}:?\d{2}))?"
_TIME = f"(?:{_TIME_OF_DAY})?"

_YEAR_FIRST = rf"^(?P<y>\d{{4}})(?:-(?P<m>\d{{1,2}})-|/(?P<m2>\d{{1,2}})/|\.(?P<m3>\d{{1,2}})\.)(?P<d>\d{{1,2}}){_TIME}$"
_YEAR_LAST = r"^(?P<a>\d{1,2})(?:-(?P<b>\d{1,2})-|/(?P<b2>\d{1,2})/|\.(?P<b3>\d{1,2})\. ?)(?P<y>\d{4}|\d{2})" + _TIME + "$"
_MONTHS = "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_WEEKDAY = r"(?i)^(?:[a-z]{2,9}\.?,? )?"
_DAY_MONTH = (
    _WEEKDAY
    + rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?[- /]?(?P<m>{_MONTHS})[a-zé]{{0,7}}\.?,?[- /]?(?P<y>\d{{4}}|\d{{2}}){_TIME}$"
)
_MONTH_DAY = _WEEKDAY + rf"(?P<m>{_MONTHS})[a-z]{{0,7}}\.?[- ](?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[- ] ?(?P<y>\d{{4}}){_TIME}$"

_YEAR_MONTH = r"^(?P<y>(?:19|20)\d{2})[-/](?P<m>0[1-9]|1[0-2])$"
_MONTH_YEAR = rf"(?i)^(?P<m>{_MONTHS})[a-zé]{{0,7}}\.?,?[- /](?P<y>(?:19|20)\d{{2}})$"

_NUMBER_OF = dict(zip(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], range(1, 13))) | {
    "mär": 3,
    "mai": 5,
    "okt": 10,
    "dez": 12,
}

_BROAD = re.compile(
    rf"\d[-/.] ?\d{{1,2}}[-/.] ?\d|(?:\b|\d)({_MONTHS})[a-zé]{{0,7}}(?:\b|\d)|^(19|20)\d\d[-/]\d\d$", re.IGNORECASE
)

_MANY = 1000
"""Texts from which on it is faster to look at days without times of day."""

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
    """Read texts as dates, months as their first day; None if fewer than half of them are dates."""
    import pyarrow.compute as pc

    n = len(distinct)
    if not n or not pc.any(pc.match_substring_regex(distinct, rf"(?i)\d.*[-/. ].*\d|(?:{_MONTHS})[a-zé]*\W{{0,2}}\d")).as_py():
        return None
    if n > _MANY:
        coded = pc.replace_substring_regex(distinct, f"{_TIME_OF_DAY}$", "").dictionary_encode()
        if len(coded.dictionary) < n / 2:
            found = dates(coded.dictionary)
            of_day = coded.indices.to_numpy(zero_copy_only=False)
            return None if found is None else Dates(found.day_first[of_day], found.month_first[of_day], found.order)
    day_first, month_first = np.full(n, np.nan), np.full(n, np.nan)
    for pattern in (_YEAR_FIRST, _DAY_MONTH, _MONTH_DAY, _YEAR_MONTH, _MONTH_YEAR):
        if parts := _groups(distinct, pattern):
            day = _whole(parts["d"]) if "d" in parts else np.ones(n)
            at = _days(_years(parts["y"]), _month(_either(parts, "m", "m2", "m3")), day)
            for days in (day_first, month_first):
                np.copyto(days, at, where=np.isnan(days))
    order = ""
    if parts := _groups(distinct, _YEAR_LAST):
        first, second, year = _whole(parts["a"]), _whole(_either(parts, "b", "b2", "b3")), _years(parts["y"])
        with_points = parts["b3"].is_valid().to_numpy(zero_copy_only=False)
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


def _groups(distinct: "pa.Array", pattern: str) -> "dict[str, pa.Array]":
    """The groups of a pattern by name: (D,) texts, null where the group or the pattern does not match; {}: nowhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(distinct, pattern)
    if found.null_count == len(found):
        return {}
    fields = ((field.name, pc.struct_field(found, place)) for place, field in enumerate(found.type))
    return {name: pc.if_else(pc.equal(field, ""), pa.scalar(None, field.type), field) for name, field in fields}


def _either(found: "dict[str, pa.Array]", *names: str) -> "pa.Array":
    import pyarrow.compute as pc

    return pc.coalesce(*(found[name] for name in names if name in found))


def _month(texts: "pa.Array") -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.index_in(pc.utf8_lower(texts), value_set=pa.array(list(_NUMBER_OF), texts.type))
    if place.null_count == len(place):
        return _whole(texts)
    numbers = np.append(np.array(list(_NUMBER_OF.values()), np.float64), np.nan)
    return numbers[place.fill_null(-1).to_numpy(zero_copy_only=False)]


def _whole(texts: "pa.Array") -> NDArray[np.float64]:
    import pyarrow as pa

    return np.asarray(texts.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _years(texts: "pa.Array") -> NDArray[np.float64]:
    import pyarrow.compute as pc

    year = _whole(texts)
    is_short = pc.equal(pc.utf8_length(texts), 2).fill_null(False).to_numpy(zero_copy_only=False)
    return np.where(is_short, year + 1900 + 100 * (year < TURN), year)


def _days(year: NDArray[np.float64], month: NDArray[np.float64], day: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days since 1970; NaN where there is no such day."""
    is_date = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(is_date, (year - 1970) * 12 + month - 1, 0).astype(np.int64).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[D]").astype(np.int64) - first
    return np.where(is_date & (day <= length), first + day - 1, np.nan)
