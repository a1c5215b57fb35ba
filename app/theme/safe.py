"""Text that a person wrote, made harmless for Plotly, Markdown and one line of a terminal."""

import html
import re

# Text that people wrote

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINK_STARTS = re.compile(r"([:@]|www)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def escape(text: object, limit: int | None = None) -> str:
    """Make user text safe in Plotly, whose text renders tags: shown as written, on one line.

    `limit` cuts the text to so many characters, the last an ellipsis. Hover and text templates would also expand
    `%{...}`: give user text as `text`, `hovertext` or `customdata`, never inside a template.

    >>> escape('<b>x</b> & "y"')
    '&lt;b&gt;x&lt;/b&gt; &amp; "y"'
    """
    return html.escape(one_line(text, limit), quote=False)


def escape_markdown(text: object, limit: int | None = None) -> str:
    r"""Make user text safe in Streamlit's Markdown: no formatting, links, images, formulas, icons or emoji.

    Every punctuation mark is escaped. Links, mail addresses and icons are recognized after that, so an invisible word
    joiner (U+2060) parts what would start one.

    >>> escape_markdown("a_b *c*")
    'a\\_b \\*c\\*'
    """
    parted = _LINK_STARTS.sub(rf"\1{_WORD_JOINER}", one_line(text, limit))
    return _PUNCTUATION.sub(r"\\\1", parted)


def one_line(text: object, limit: int | None = None) -> str:
    """Put text on one line: control and invisible characters become spaces; `limit` characters, the last an ellipsis."""
    line = " ".join(_CONTROL.sub(" ", str(text)).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"
