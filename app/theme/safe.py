"""User text made safe for Plotly, Markdown, terminals and spreadsheets."""

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINK_STARTS = re.compile(r"([:@]|www)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")


def escape(text: object, limit: int | None = None) -> str:
    """Make user text safe in Plotly, which renders tags such as `<a>` and `<b>`: shown as written, on one line.

    `limit` cuts the text to that many characters, the last an ellipsis. Hover and text templates also expand `%{...}`: pass
    user text as `text`, `hovertext` or `customdata`, never inside a template.

    >>> escape('<b>x</b> & "y"')
    '&lt;b&gt;x&lt;/b&gt; &amp; "y"'
    """
    return html.escape(one_line(text, limit), quote=False)


_UNIT = r"(?<=\d) (?=\\?%|(?:points?|nats|ms|s|min|h|B|KiB|MiB|GiB)\b)"
_EQUALS = r"(?<=\b[nKp]) (?=\\?= )|(?<=\b[nKp] =) |(?<=\b[nKp] \\=) "
_TOGETHER = re.compile(f"{_UNIT}|{_EQUALS}")


def unbroken(text: str) -> str:
    r"""Keep a number and its unit, and "n = 5", on one line of a text, also of one that is escaped for Markdown.

    >>> unbroken("12.1 % of them, n = 5 seeds").split(" ")
    ['12.1\xa0%', 'of', 'them,', 'n\xa0=\xa05', 'seeds']
    """
    return _TOGETHER.sub("\xa0", text)


def escape_markdown(text: object, limit: int | None = None) -> str:
    r"""Make user text safe in Streamlit's Markdown: no formatting, links, images, formulas, icons or emoji.

    Numbers and their units stay on one line. Every punctuation mark is escaped; an image would make a request. Streamlit finds
    links, mail addresses and icons after that, so an invisible word joiner (U+2060) splits whatever would start one.

    >>> escape_markdown("a_b *c*")
    'a\\_b \\*c\\*'
    """
    parted = _LINK_STARTS.sub(rf"\1{_WORD_JOINER}", unbroken(one_line(text, limit)))
    return _PUNCTUATION.sub(r"\\\1", parted)


def one_line(text: object, limit: int | None = None) -> str:
    """Put text on one line: control and invisible characters become spaces; `limit` cuts it, with an ellipsis."""
    line = " ".join(_CONTROL.sub(" ", str(text)).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def as_csv(table: "pd.DataFrame") -> str:
    r"""Write a table as CSV without its index; text that a spreadsheet would compute gets an apostrophe in front.

    >>> import pandas as pd
    >>> as_csv(pd.DataFrame({"name": ["=1+1", "-2.5", "tree"], "value": [-1, 2, 3]}))
    "name,value\n'=1+1,-1\n-2.5,2\ntree,3\n"
    """
    safe = table.rename(columns=_cell)
    for place, kind in enumerate(safe.dtypes):
        if kind.kind not in "biufcmM":
            safe.isetitem(place, [_cell(value) for value in safe.iloc[:, place]])
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8", "backslashreplace").decode()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = re.sub(r"\r\n?", "\n", value)  # the csv module does not quote a lone carriage return
    try:
        float(text)
    except ValueError:
        return f"'{text}" if _FORMULA.match(value) else text
    return text
