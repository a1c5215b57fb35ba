"""Formulas: LaTeX to pure MathML, which browsers draw without a script."""

import html
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from latex2mathml.converter import convert_to_element

from leafscope.app import theme

MAX_LATEX = 2_000
"""Most characters of a formula; a slide holds far fewer."""

MAX_NESTING = 100
"""Deepest nesting of elements; browsers stop at a few hundred."""

_ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
"""The number of children that browsers require of an element."""

_ELEMENTS = {
    *_ARITY,
    *("mrow", "mi", "mn", "mo", "mtext", "mspace", "msqrt", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom"),
    *("menclose", "mmultiscripts", "mprescripts", "none"),
}

_LENGTH = re.compile(r"[-+]?\d{0,3}(\.\d{1,6})?(em|ex|px|pt|mu)?")
_WORD = re.compile(r"[a-z-]{1,24}( [a-z-]{1,24}){0,9}|#[0-9a-fA-F]{6}")
_LENGTHS = {"width", "height", "depth", "lspace", "rspace", "voffset", "linethickness", "minsize", "maxsize"}
_WORDS = {
    *("stretchy", "fence", "form", "separator", "accent", "accentunder", "displaystyle", "mathvariant", "mathcolor"),
    *("mathbackground", "movablelimits", "symmetric", "largeop", "columnalign", "notation", "linebreak"),
}

_NO_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold."""

_ENTITY = re.compile(r"&#x[0-9A-Fa-f]{1,6};")
_MARKS = (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"))
_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|gathered|split|gather\*?)\}")
"""Environments that the converter does not know; drawn as `align*`."""

_BOLD = {"bold": (0x1D400, 0x1D41A), "bold-italic": (0x1D468, 0x1D482)}


def mathml(latex: str, display: bool = True) -> str:
    r"""Convert LaTeX to a `<math>` element, as a block or within a line; marks around it such as `$$` are dropped.

    Only known elements and attributes of MathML are kept, and text is escaped. Raises ValueError for a formula that is
    empty, longer than 2,000 characters or nested too deep, or that holds an unknown command.

    >>> mathml("2^K", display=False)
    '<math display="inline"><mrow><msup><mn>2</mn><mi>K</mi></msup></mrow></math>'
    """
    source = _bare(latex)
    if not source:
        raise ValueError("a formula must have at least one character, got none")
    if len(source) > MAX_LATEX:
        raise ValueError(f"a formula must have at most {MAX_LATEX:,} characters, got {len(source):,}")
    try:
        found = convert_to_element(_with_lines(source), display="block" if display else "inline")
    except RecursionError:
        raise _too_deep() from None
    except Exception as error:  # the converter raises exceptions of many kinds
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).removesuffix(" Error").lower()
        words = "it ends too early" if words == "no available tokens" else words
        raise ValueError(f"a formula must be LaTeX and complete, got {source:.80} ({words})") from None
    kept = Element("math", display="block" if display else "inline")
    _copy(found, kept)
    return tostring(kept, encoding="unicode")


def _bare(latex: str) -> str:
    source = theme.one_line(_NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", latex))
    for start, end in _MARKS:
        if len(source) >= len(start + end) and source.startswith(start) and source.endswith(end):
            source = source[len(start) : len(source) - len(end)].strip()
            break
    return _ALIGNED.sub(r"\\\1{align*}", source)


def _with_lines(source: str) -> str:
    """Put lines into a table: browsers do not break a formula where LaTeX does."""
    return rf"\begin{{align*}}{source}\end{{align*}}" if r"\\" in source and r"\begin" not in source else source


def _copy(found: Element, into: Element) -> None:
    """Copy known elements, without recursion: a deep formula then raises ValueError."""
    waiting: list[tuple[Element, Element, int, str]] = [(child, into, 1, "") for child in reversed(found)]
    while waiting:
        one, parent, level, variant = waiting.pop()
        if level > MAX_NESTING:
            raise _too_deep()
        tag = one.tag.rpartition("}")[2]
        if tag not in _ELEMENTS:
            raise ValueError(f"a formula must contain only MathML, got the element {tag!r:.40}")
        if len(one) != _ARITY.get(tag, len(one)):
            raise ValueError(f"a formula must be LaTeX and complete, got {len(one)} of {_ARITY[tag]} parts of a {tag}")
        variant = one.attrib.get("mathvariant", variant)
        copy = SubElement(parent, tag, dict(_attributes(one)))
        copy.text = _text(one.text or "", tag, variant)
        waiting += [(child, copy, level + 1, variant) for child in reversed(one)]


def _attributes(one: Element) -> Iterator[tuple[str, str]]:
    for name, value in one.attrib.items():
        if (name in _LENGTHS and _LENGTH.fullmatch(value)) or (name in _WORDS and _WORD.fullmatch(value)):
            yield name, value


def _text(text: str, tag: str, variant: str) -> str | None:
    text = _ENTITY.sub(_character, text)
    if tag == "mi" and re.fullmatch(r"\\[a-zA-Z]+", text):
        raise ValueError(f"a formula must use known commands, got {text!s:.40}")
    # browsers know mathvariant="normal" only; bold letters are separate characters
    if variant in _BOLD and tag == "mi" and len(text) == 1 and text.isascii() and text.isalpha():
        upper, lower = _BOLD[variant]
        text = chr(upper + ord(text) - ord("A")) if text.isupper() else chr(lower + ord(text) - ord("a"))
    # browsers drop spaces at the ends of an element
    return (text.replace(" ", "\xa0") if tag == "mtext" else text) or None


def _character(entity: re.Match[str]) -> str:
    character = html.unescape(entity.group())
    return character if character == "\xa0" or theme.one_line(character) else ""


def _too_deep() -> ValueError:
    return ValueError("a formula must not be nested this deep; break it into parts")
