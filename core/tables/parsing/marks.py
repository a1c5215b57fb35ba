"""What single cells look like: numbers, dates, and the marks of missing values."""

import re

MISSING = (
    *("", "?", "-", ".", "NA", "na", "N/A", "n/a", "N/a", "nan", "NaN", "NAN", "Nan", "null", "NULL", "Null"),
    *("<NA>", "#N/A", "#NA", "NaT", "n.a.", "N.A.", "--", "---", "...", "\\N"),
    *("#VALUE!", "#DIV/0!", "#REF!", "#NAME?", "#NUM!", "#NULL!"),  # what spreadsheets write for errors
)
"""Cells that mean: no value."""

TRUE = frozenset(["true", "t", "yes", "y", "ja", "j", "oui", "si", "sí", "on", "wahr", "vrai", "1"])
FALSE = frozenset(["false", "f", "no", "n", "nein", "non", "off", "falsch", "faux", "0"])
"""Cells that mean yes and no, whatever their case."""

_MISSING = frozenset(MISSING)

_NUMBER = re.compile(
    r"[-+−]?\(?\s?[$€£]?\s?[-+−]?(\d[\d.,'’\u00a0\u202f]*|[.,]\d+)(e[-+]?\d+)?\s?[%€$£]?\)?|[-+]?inf(inity)?", re.IGNORECASE
)
_NUMBERS_HAVE = r"[-+−()\d.,'’\u00a0\u202f\u2009 $€£¥%e]|USD|EUR|GBP|CHF|JPY"
_MAY_BE_NUMBER = re.compile(rf"(?=[^\d]*\d)(?:{_NUMBERS_HAVE})+", re.IGNORECASE)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})( .*)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
)


def is_missing(cell: str) -> bool:
    """Whether a cell means that there is no value."""
    return cell.strip() in _MISSING


def is_number(cell: str) -> bool:
    """Whether a cell looks like a number in any notation."""
    return _NUMBER.fullmatch(cell.strip()) is not None and not cell.strip().endswith(",")


def may_be_number(cell: str) -> bool:
    """Whether a cell has a digit and else only what numbers are written with, so that a slower look is worth it."""
    return _MAY_BE_NUMBER.fullmatch(cell.strip()) is not None or is_number(cell)


def is_date(cell: str) -> bool:
    """Whether a cell looks like a date or a time."""
    return _DATE.fullmatch(cell.strip()) is not None
