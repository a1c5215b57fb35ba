"""Numbers that are written with a decimal comma, thousands marks, currencies, percent signs or brackets.

A column decides by itself how it is to be read if it can: "0,5" has a decimal comma, "1.234.567" thousands marks. "1,234" can
be both; then the other columns of the file decide, and if they cannot, the point is the decimal mark.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

SPACES = " \u00a0\u202f\u2009'’"
"""Thousands marks that are never decimal marks."""

EXACT = 2**53
"""Whole numbers up to here are exact in double precision."""

OPEN = r"^[-+]?[1-9]\d{0,2}[.,]\d{3}$"
"""A number that can be read in two ways."""

_BLANK = " \u00a0\u202f"

_FEW = 1000

_SIGNS = "[$€£¥%]|USD|EUR|GBP|CHF|JPY"


class Notation(NamedTuple):
    """How a column's numbers are written."""

    point: int
    """Distinct texts that need a decimal point."""
    comma: int
    """Distinct texts that need a decimal comma."""
    open: bool
    """Whether some could be read in both ways, and none needs either mark."""


class Numbers(NamedTuple):
    """Distinct texts as numbers."""

    values: NDArray[np.float64]
    """(D,) NaN where the text is no number."""
    is_number: NDArray[np.bool_]
    """(D,)"""
    marks: str
    """What was removed, in words; empty: nothing."""


def core(distinct: "pa.Array") -> "tuple[pa.Array, str]":
    """Remove currencies, percent signs and brackets around negative numbers; and say in words which."""
    import pyarrow.compute as pc

    if not _any(distinct, rf"[−(]|{_SIGNS}"):
        return distinct, ""
    texts = pc.replace_substring(distinct, "−", "-")
    words = []
    inner = rf"(?:{_SIGNS})?[{_BLANK}]*[\d.,{SPACES}]*\d[\d.,{SPACES}]*(?:{_SIGNS})?"
    in_brackets = pc.match_substring_regex(texts, rf"^\({inner}\)$")
    if has_brackets := pc.any(in_brackets).as_py():
        texts = pc.if_else(in_brackets, pc.replace_substring_regex(texts, r"^\((.*)\)$", r"-\1"), texts)
    signed = rf"^[-+]?(?:{_SIGNS})?[{_BLANK}]*[-+]?[\d.,{SPACES}]*\d[\d.,{SPACES}]*-?[{_BLANK}]*(?:{_SIGNS})?$"
    has_sign = pc.and_(pc.match_substring_regex(texts, _SIGNS), pc.match_substring_regex(texts, signed))
    if pc.any(has_sign).as_py():
        if pc.any(pc.and_(has_sign, pc.match_substring(texts, "%"))).as_py():
            words.append("percent signs")
        if pc.any(pc.and_(has_sign, pc.match_substring_regex(texts, _SIGNS.replace("%", "")))).as_py():
            words.append("currencies")
        texts = pc.if_else(has_sign, pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, f"(?:{_SIGNS})", "")), texts)
        texts = pc.replace_substring_regex(texts, rf"^([-+])[{_BLANK}]+", r"\1")
    if has_brackets:
        words.append("brackets, which mean minus")
    return texts, " and ".join(words)


def notation(texts: "pa.Array") -> Notation:
    """Count which decimal mark texts need."""
    point, comma = needs(texts, "."), needs(texts, ",")
    is_open = not (point or comma) and _any(texts, OPEN)
    return Notation(point, comma, is_open)


def _any(texts: "pa.Array", pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def needs(texts: "pa.Array", mark: str) -> int:
    """Count texts that are numbers with this decimal mark only."""
    import pyarrow.compute as pc

    decimal, other = (r"\.", ",") if mark == "." else (",", r"\.")
    fraction = (
        rf"\d*{decimal}\d{{1,2}}"  # 0,5
        rf"|\d*{decimal}\d{{4,}}"
        rf"|\d{{4,}}{decimal}\d{{3}}"
        rf"|0*{decimal}\d{{3}}"
        rf"|\d{{1,3}}(?:[{SPACES}]\d{{3}})+{decimal}\d+"
        rf"|\d{{1,3}}(?:{other}\d{{3}})+{decimal}\d*"
        rf"|\d{{1,3}}(?:{other}\d{{3}}){{2,}}"  # 1.234.567
    )
    pattern = rf"^[-+]?(?:(?:{fraction})|\d+{decimal}\d+[eE][-+]?\d+)$"
    return int(pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0)


def numbers(texts: "pa.Array", decimal: str) -> "tuple[NDArray[np.float64], NDArray[np.bool_], bool]":
    """Read texts as numbers with a decimal mark: (D,) values, (D,) whether it is a number, and whether there were thousands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mark, other = (r"\.", ",") if decimal == "." else (",", r"\.")
    plain = pc.match_substring_regex(texts, rf"^[-+]?(?:\d+{mark}?\d*|{mark}\d+)(?:[eE][-+]?\d+)?$|^(?i:[-+]?inf(?:inity)?)$")
    grouped = pc.match_substring_regex(
        texts,
        rf"^[-+]?[1-9]\d{{0,2}}(?:(?:{other}\d{{3}})+|(?:{other}\d{{2}})+{other}\d{{3}}|(?:[{SPACES}]\d{{3}})+)(?:{mark}\d*)?$",
    )
    is_number = pc.or_(plain, grouped)
    has_thousands = bool(pc.any(grouped).as_py())
    if has_thousands:
        texts = pc.if_else(grouped, pc.replace_substring_regex(texts, rf"[{other}{SPACES}]", ""), texts)
    if decimal == ",":
        texts = pc.replace_substring(texts, ",", ".")
    texts = pc.replace_substring_regex(texts, r"^\+", "")
    values = pc.if_else(is_number, texts, pa.scalar(None, texts.type)).cast(pa.float64())
    return values.to_numpy(zero_copy_only=False), is_number.to_numpy(zero_copy_only=False), has_thousands


def are_like_thousands(values: NDArray[np.float64]) -> bool:
    """Whether all numbers with a fraction look like 1.234, which could be a whole number with a thousands mark; some do."""
    with np.errstate(invalid="ignore", over="ignore"):
        if len(values) > _FEW and not are_like_thousands(values[:_FEW]) and (values[:_FEW] % 1 > 0).any():
            return False
        size = np.abs(values[np.isfinite(values)])
        size = size[size != np.floor(size)]
        return bool(len(size) and ((size >= 1) & (size < 1000) & (np.abs(np.round(size, 3) - size) < 1e-9)).all())


def are_too_large(texts: "pa.Array", values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which texts are written as whole numbers above 2^53: (D,) texts and their values -> (D,)."""
    with np.errstate(invalid="ignore"):
        above = np.abs(values) >= EXACT
    for place in np.flatnonzero(above).tolist():
        digits = re.sub(r"[^\deE.]|[.,]0*$", "", texts[place].as_py())
        above[place] = digits.replace(".", "").isdigit() and int(digits.replace(".", "")) > EXACT
    return above
