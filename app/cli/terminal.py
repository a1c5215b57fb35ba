"""What commands print: names and file contents never reach the terminal as control characters, which it would obey."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control and invisible characters, but line ends."""


def printable(text: object) -> str:
    r"""Show control characters as escapes; line ends stay.

    >>> print(printable("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def say(text: object, *, file: TextIO | None = None) -> None:
    """Print text that may hold names and contents of files, as the terminal's encoding allows."""
    out = file or sys.stdout
    encoding = out.encoding or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=out, flush=True)


def refuse(sentence: str) -> int:
    """Print on standard error, on one line, why a command refuses; returns the exit status."""
    say(f"leafscope: {' '.join(sentence.splitlines())}", file=sys.stderr)
    return 2


def or_refuse(action: Callable[[], int], what: str) -> int:
    """Return the exit status of an action on a file, or of refusing it; `what` the file holds is named if memory ends."""
    from leafscope.core.errors import LeafscopeError

    try:
        return action()
    except (LeafscopeError, ValueError) as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(f"{error.filename or 'the file'} cannot be read: {error.strerror or error}")
    except MemoryError:
        return refuse(f"{what} does not fit in memory; a smaller file needs less")


def print_json(value: Mapping[str, Any]) -> None:
    """Print an object as JSON; what is not ASCII becomes an escape, which every terminal can show."""
    import json

    print(json.dumps(value))
