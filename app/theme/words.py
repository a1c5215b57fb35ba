"""Formats of numbers, shares, durations, sizes and lists, and names that several pages use."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

SHIPPED = "shipped"
"""What marks a run, sweep or deck that came with the program."""

_COLUMN_WORDS = {"train": "training", "lr": "learning rate", "cv2": "CV²", "id": "ID"}


def column_words(name: str) -> str:
    """Write the name of a table's column for a person; files keep the name.

    >>> [column_words(name) for name in ("train_rows", "train.lr", "share", "n", "run_id")]
    ['Training rows', 'Learning rate', 'Share', 'n', 'Run ID']
    """
    words = " ".join(_COLUMN_WORDS.get(part, part) for part in name.removeprefix("train.").replace("_", " ").split())
    return words if len(words) < 2 else words[0].upper() + words[1:]


# Numbers

MISSING = "n/a"
"""Shown in place of a missing number."""


def three_significant(x: float) -> str:
    """Write a number with three significant digits, thousands separated.

    >>> [three_significant(x) for x in (0.81944, 12345, 0.5, 0.0)]
    ['0.819', '12,300', '0.500', '0']
    """
    if not math.isfinite(x):
        return MISSING if math.isnan(x) else ("∞" if x > 0 else "-∞")
    if x == 0:
        return "0"
    rounded = float(f"{x:.2e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if -5 <= exponent < 9:
        return f"{rounded:,.{max(0, 2 - exponent)}f}"
    mantissa, _, power = f"{x:.2e}".partition("e")
    return f"{mantissa}e{int(power)}"


def percent(x: float) -> str:
    """Write a share in percent with one decimal: 0.1424 -> "14.2 %".

    >>> percent(0.1424), percent(1.0), percent(float("nan"))
    ('14.2 %', '100.0 %', 'n/a')
    """
    return f"{100 * x:,.1f} %" if math.isfinite(x) else MISSING


def thousands(n: float) -> str:
    """Write a whole number with thousands separated: 1234567 -> "1,234,567".

    >>> thousands(1234567)
    '1,234,567'
    """
    return f"{round(n):,}" if math.isfinite(n) else MISSING


def interval(mean: float, low: float, high: float, n: int) -> str:
    """Write a mean with its interval and the number of values.

    >>> interval(0.8188, 0.8012, 0.8371, n=5)
    '0.819 [0.801, 0.837], n = 5'
    """
    return f"{three_significant(mean)} [{three_significant(low)}, {three_significant(high)}], n = {thousands(n)}"


def duration(seconds: float) -> str:
    """Write a duration: in ms below a second, then s, min and s, h and min.

    >>> [duration(s) for s in (0.04, 4.21, 75, 3725)]
    ['40 ms', '4.2 s', '1 min 15 s', '1 h 2 min']
    """
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.9995:
        return f"{three_significant(1000 * seconds) if seconds < 0.001 else round(1000 * seconds)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def byte_size(n: float) -> str:
    """Write an amount of memory, in steps of 1024: 3 significant digits from KiB on.

    >>> [byte_size(n) for n in (512, 1536, 3 * 1024**3)]
    ['512 B', '1.50 KiB', '3.00 GiB']
    """
    if not math.isfinite(n):
        return MISSING
    if abs(n) < 1024:
        return f"{thousands(n)} B"
    size = float(n)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if abs(size) < 999.5 or unit == "TiB":
            break
    return f"{three_significant(size)} {unit}"


# Sign patterns


def bit_pattern(prefix: int, length: int) -> str:
    """Write a prefix of sign bits, first bit first: 11 of length 4 -> "1 0 1 1"; the empty prefix is "root".

    >>> bit_pattern(11, 4), bit_pattern(1, 3), bit_pattern(0, 0)
    ('1 0 1 1', '0 0 1', 'root')
    """
    return " ".join(f"{prefix:0{length}b}") if length else "root"


def shipped_words(since: float) -> str:
    """Say that what is shown came with the program, and when it was made, in seconds since 1970 (UTC).

    >>> shipped_words(1_700_000_000.0)
    'Shipped example, made on 2023-11-14.'
    """
    return f"Shipped example, made on {datetime.fromtimestamp(since, UTC):%Y-%m-%d}."


def number_words(numbers: Iterable[int]) -> str:
    """Write whole numbers; three or more in a row as a range.

    >>> number_words([4, 0, 1, 2, 7])
    '0 to 2, 4 and 7'
    """
    parts: list[str] = []
    ordered = sorted(set(numbers))
    for _, stretch in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        found = [number for _, number in stretch]
        parts += [f"{found[0]} to {found[-1]}"] if len(found) > 2 else [str(number) for number in found]
    return enumerate_words(parts)


def enumerate_words(words: Sequence[str]) -> str:
    """Join words as in a sentence: "a", "a and b", "a, b and c".

    >>> enumerate_words(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
