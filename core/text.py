"""Text that can be stored, sent and shown: no lone surrogates, which UTF-8 cannot write, and no NUL, which ends a text."""

import json
import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    r"""Replace by U+FFFD what cannot be stored.

    >>> storable("a\ud800b") == "a\ufffdb", storable("né") == "né"
    (True, True)
    """
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def check_storable(text: str, what: str) -> str:
    r"""Return the text; raises ValueError that names what cannot be stored of it.

    >>> check_storable("a\x00b", "a tag")
    Traceback (most recent call last):
    ValueError: a tag must hold characters only, but at place 2 it has '\x00', which cannot be stored; remove it
    """
    if (found := _UNSTORABLE.search(text)) is not None:
        raise ValueError(
            f"{what} must hold characters only, but at place {found.start() + 1} it has {found[0]!a}, which cannot be "
            "stored; remove it"
        )
    return text


def loads(text: str) -> Any:
    r"""Parse JSON of the database, in which escapes can hold half of a character; each becomes a question mark.

    >>> loads('["\\ud800", "\\ud83d\\ude00"]') == ["?", "\U0001f600"]
    True
    """
    value = json.loads(text)
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) if "\\u" in text else value
