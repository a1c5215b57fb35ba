"""The drawing for a column of a paper: its size, what it may hold, and its PDF."""

import re
import zlib

import pytest

from leafscope.app.citing import paper

DRAWING = (
    '<svg class="main-svg" xmlns="http://www.w3.org/2000/svg" width="480" height="240" style="" viewBox="0 0 480 240">'
    '<defs><pattern id="p" width="4" height="4" patternUnits="userSpaceOnUse"><path d="M0,0L4,4"/></pattern></defs>'
    '<rect width="99" height="99" style="fill: url(\'#p\')"/>'
    '<text x="20" y="40" style="font-family: Arial, sans-serif; font-size: 14px">leaf &lt;script&gt; on x=1</text>{}</svg>'
)


def test_a_drawing_gets_the_width_of_a_column_and_keeps_its_shape() -> None:
    sized = paper.at_column_width(DRAWING.format(""), 240)
    assert sized.startswith('<svg class="main-svg" xmlns="http://www.w3.org/2000/svg" width="85mm" height="42.500mm"')
    assert 'viewBox="0 0 480 240"' in sized


@pytest.mark.parametrize(
    "part",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"/>',
        '<a href="https://example.org">x</a>',
        '<image href="https://example.org/x.png"/>',
        '<g style="fill: url(https://example.org)"/>',
        "<foreignObject/>",
        "<style>@import url(x)</style>",
        "<g>",
        "<!-- x -->",
    ],
)
def test_a_drawing_that_could_run_or_load_something_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="nothing but a drawing"):
        paper.at_column_width(DRAWING.format(part), 240)


@pytest.mark.parametrize("text", ["", "hello", "<svg>" + "x" * paper.MOST_BYTES])
def test_what_is_no_drawing_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="drawing"):
        paper.at_column_width(text, 240)


def test_a_pdf_has_the_size_of_a_column_and_its_text_as_text() -> None:
    made = paper.pdf(paper.at_column_width(DRAWING.format(""), 240))
    assert made.startswith(b"%PDF")
    (box,) = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", made)
    assert [float(side) * 25.4 / 72 for side in box] == pytest.approx([85, 42.5], abs=0.05)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL)
    plain = b"".join(_inflated(stream) for stream in streams)
    assert b"beginbfchar" in plain, "no font that tells its characters, so no text"


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_a_drawing_that_is_none_makes_no_pdf() -> None:
    with pytest.raises(ValueError, match="cannot be made a PDF"):
        paper.pdf("<svg")
