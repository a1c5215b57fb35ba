"""A figure for a column of a paper: the look it is drawn in, its SVG at 85 mm, and the PDF made from that."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from leafscope.app.theme import Look

COLUMN = 85.0
"""The width of a journal's column, in mm."""

WIDTH = 480
"""The px across that column: then 14 px are 7 points, as journals ask for."""

PRINT = Look(dark=False, projector=False, width=WIDTH)
"""Dark ink on white, as the right half of a page draws it."""

MOST_BYTES = 8_000_000
"""Bytes of an SVG: more than a drawing of a slide's largest figure."""

_SIZE = re.compile(r'^(<svg\b[^>]*?) width="[\d.]+" height="[\d.]+"')
_ACTIVE = {"script", "foreignObject", "iframe", "style", "a", "animate", "set", "use"}
"""Elements that Plotly does not write, and that could run or load something."""
_ELSEWHERE = re.compile(r"url\((?!\s*[\"']?#)", re.IGNORECASE)


def at_column_width(svg: str, height: float) -> str:
    """Give an SVG that Plotly drew, 480 px wide, the width of 85 mm; text stays text.

    `height` is in px. The drawing comes from a browser: raises ValueError for anything but an SVG that runs and loads nothing.
    """
    if len(svg) > MOST_BYTES:
        raise ValueError(f"a drawing must have at most {MOST_BYTES:,} bytes, got {len(svg):,}")
    if (found := _SIZE.match(svg)) is None or not _is_still(svg):
        raise ValueError("the browser must send an SVG that holds nothing but a drawing")
    size = f'{found[1]} width="{COLUMN:g}mm" height="{COLUMN * height / WIDTH:.3f}mm"'
    return size + svg[found.end() :]


def pdf(svg: str) -> bytes:
    """Make a PDF of the size of an SVG, with its text as text; raises ValueError for an SVG that cannot be read.

    Typst draws it: it knows the hatches, gradients and clips that Plotly writes, needs no other program, and loads nothing.
    """
    import typst  # 34 MB, and needed only here

    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "figure.svg").write_text(svg, encoding="utf-8")
        page = f'#set page(width: auto, height: auto, margin: 0pt)\n#image("figure.svg", width: {COLUMN:g}mm)\n'
        (place / "page.typ").write_text(page)
        try:
            made: bytes = typst.compile(str(place / "page.typ"), root=folder)
        except RuntimeError as error:
            raise ValueError(f"the drawing cannot be made a PDF: {str(error)[:200]}") from None
    return made


def _is_still(svg: str) -> bool:
    """Whether an SVG is well formed, runs nothing, and refers to nothing outside itself."""
    if "<!" in svg:  # entities; names of people have &lt;
        return False
    try:
        elements = list(ElementTree.fromstring(svg).iter())
    except ElementTree.ParseError:
        return False
    return not any(
        element.tag.rpartition("}")[2] in _ACTIVE
        or name.rpartition("}")[2].lower().startswith("on")
        or (name.endswith("href") and not value.startswith(("#", "data:image/png;")))
        or _ELSEWHERE.search(value)
        for element in elements
        for name, value in [("", ""), *element.attrib.items()]
    )
