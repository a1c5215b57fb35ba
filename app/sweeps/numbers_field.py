"""Lists of numbers as people type them: "0-6", "6, 8, 16", "0.003 0.01"."""

import re
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T", int, float)

MOST = 64
"""Numbers in one list; a slip such as 0-600 is refused before it becomes a sweep."""

_RANGE = re.compile(r"(\d{1,18})\s*(?:-|–|to|\.\.)\s*(\d{1,18})")
_WHOLE = re.compile(r"\d{1,18}")
"""Longer ones are no numbers that anyone means, and Python refuses to write the longest."""


def parse_whole(text: str, what: str, low: int, high: int, most: int = MOST) -> list[int]:
    """Read at most `most` whole numbers and ranges, in order, each once.

    Raises ValueError with a sentence that begins with `what`.

    >>> parse_whole("0-3, 8", "depths", 0, 16)
    [0, 1, 2, 3, 8]
    """
    numbers: list[int] = []
    for part in _parts(text):
        if match := _RANGE.fullmatch(part):
            first, last = int(match.group(1)), int(match.group(2))
            if last < first:
                raise ValueError(f"{what} must have ranges that rise, got {part[:20]!r}")
            if last - first >= most:
                raise ValueError(f"{what} must have at most {most} numbers, got {part[:20]!r}")
            numbers += range(first, last + 1)
        elif _WHOLE.fullmatch(part):
            numbers.append(int(part))
        else:
            raise ValueError(f"{what} must be whole numbers or ranges such as 0-6, got {part[:20]!r}")
    return _checked(numbers, what, low, high, most)


def parse_real(text: str, what: str, low: float, high: float) -> list[float]:
    """Read numbers, in order, each once; raises ValueError with a sentence that begins with `what`.

    >>> parse_real("0.003, 0.01", "rates", 0, 10)
    [0.003, 0.01]
    """
    numbers = []
    for part in _parts(text):
        try:
            numbers.append(float(part))
        except ValueError:
            raise ValueError(f"{what} must be numbers, got {part[:20]!r}") from None
    return _checked(numbers, what, low, high)


def write_whole(numbers: list[int]) -> str:
    """Write whole numbers as `parse_whole` reads them, runs of three or more as ranges.

    >>> write_whole([0, 1, 2, 3, 8]), write_whole([6, 8])
    ('0-3, 8', '6, 8')
    """
    words: list[str] = []
    at = 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        if end - at >= 2:
            words.append(f"{numbers[at]}-{numbers[end]}")
        else:
            words += [str(number) for number in numbers[at : end + 1]]
        at = end + 1
    return ", ".join(words)


def write_real(numbers: Sequence[float]) -> str:
    """Write numbers as `parse_real` reads them, with all their digits.

    >>> write_real([0.003, 1.0, 1e-07])
    '0.003, 1, 1e-07'
    """
    return ", ".join(repr(float(number)).removesuffix(".0") for number in numbers)


def _parts(text: str) -> list[str]:
    joined = re.sub(r"\s*(-|–|\bto\b|\.\.)\s*", r"\1", text.strip())
    return [part for part in re.split(r"[,;\s]+", joined) if part]


def _checked(numbers: list[T], what: str, low: float, high: float, most: int = MOST) -> list[T]:
    if not numbers:
        raise ValueError(f"{what} must have at least one number, got none")
    for number in numbers:
        if not low <= number <= high:
            raise ValueError(f"{what} must be from {_word(low)} to {_word(high)}, got {_word(number)}")
    if len(numbers) > most:
        raise ValueError(f"{what} must have at most {most} numbers, got {len(numbers)}")
    return list(dict.fromkeys(numbers))


def _word(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
