"""Lines of comments above and within a text."""

import re
from typing import NamedTuple

_VALUE = re.compile(rb"#(?:N/?A|VALUE!|DIV/0!|REF!|NAME\?|NUM!|NULL!|[0-9A-Fa-f]{6}\b)")
"""What a cell may begin with: an error of a spreadsheet, or a colour."""

_COMMENT = re.compile(rb"\n(?!" + _VALUE.pattern + rb")#[^\n]*")


class Comments(NamedTuple):
    """Where a text has comments."""

    top: int
    """Where the table begins, below blank lines and comments."""
    last: str | None
    """The last comment above the table, without its mark; it may hold the names."""
    inside: int = 0
    """Lines of comments below."""
    rest: bytes = b""
    """The text from the table on with these lines blank; empty if there are none."""


def without_comments(data: bytes, start: int) -> Comments:
    """Find lines that begin with # (at the top also %), unless most rows begin so, or they are within quotes."""
    begin, above = _top(data, start)
    if begin == len(data) and len(above) > 1 and len({_marks(line) for line in above} - {0}) == 1:
        return Comments(start, None)  # values begin with # in each row
    last = above[-1].lstrip(b"#%").decode("utf-8", "replace") if above else None
    n_inside = data.count(b"\n#", begin) if data.find(b"#", begin) >= 0 else 0
    if n_inside and n_inside > data.count(b"\n", begin) // 2:  # then it is what values begin with
        is_row = bool(above) and _marks(above[-1]) == _marks(data[begin : data.find(b"\n", begin)])
        return Comments(start, None) if is_row else Comments(begin, last)
    rest, count = _blanked(data, begin) if n_inside else (b"", 0)
    return Comments(begin, last, count, rest if count else b"")


def _top(data: bytes, start: int) -> tuple[int, list[bytes]]:
    """Where the first line begins that is neither blank nor a comment, and the comments above it."""
    at, above = start, []
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        line = data[at:end].strip()
        if line and (line[:1] not in b"#%" or _VALUE.match(line)):
            break
        above += [line] if line else []
        at = end
    return at, above


def _marks(line: bytes) -> int:
    """The delimiters of a line."""
    return len(re.findall(rb"[,;\t|]", line))


def _blanked(data: bytes, begin: int) -> tuple[bytes, int]:
    """Blank the lines of comments that are not within quotes."""
    parts, at, quotes, count = [], begin, 0, 0
    for found in _COMMENT.finditer(data, begin):
        quotes += data.count(b'"', at, found.start())
        parts.append(data[at : found.start()])
        if quotes % 2:
            quotes += found[0].count(b'"')
            parts.append(found[0])
        else:
            parts.append(b"\n")
            count += 1
        at = found.end()
    return b"".join([*parts, data[at:]]), count
