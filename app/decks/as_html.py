"""A deck as one HTML file: opens from disk without a network, is presented with the keyboard, prints one slide per page.

Slides fill a stage of 1920 x 1080 px that is scaled to the window; `assets/deck.js` draws and turns them.
"""

import html
import json
from collections.abc import Sequence

from plotly.offline import get_plotlyjs

from leafscope.app import theme
from leafscope.app.decks import figure_parts, scene_slide
from leafscope.app.decks.mathml import mathml
from leafscope.app.decks.presenting import question_round, view_code
from leafscope.app.decks.provenance import Fact, facts, utc_date
from leafscope.app.scene import assets, payload
from leafscope.core.store.decks import Slide

HEADING = "How these figures were made"

MAX_FACT_SLIDES = 6
"""Slides that state how figures were made; the last one counts the lines that do not fit."""

_TITLE, _CAPTION, _LINES = 300, 700, 60
"""Most characters and lines of a text that are kept; the stage shows fewer."""
_LINE = 1_000
_NOTES = 20_000

_FACT_WIDTH, _FACT_ROWS = 138, 23
"""Characters of 24 px on a line of the stage, and lines on a slide."""
_FACT_LIMIT = 1_200

_WITH_CODE = {"parcoords", "splom", "scattergl", "scatterpolargl", "scattersmith", "scatter3d", "surface", "mesh3d", "cone"}
"""Traces for which plotly.js generates code, which the content security policy must allow."""

_PARTS = (scene_slide, figure_parts)
"""Slides with scripts of their own, which the file has only if a slide needs them."""


def deck_html(name: str, slides: Sequence[Slide], *, made: float, embedded: bool = False, origin: str = "") -> str:
    """Write a deck as one self-contained HTML document; it fetches nothing.

    `made` is the time of writing, in seconds since 1970 (UTC). `embedded` is for a frame of the app: it takes the keyboard
    focus and leaves the address alone. `origin` is where the app answers, such as http://127.0.0.1:8501, for the addresses of
    views; empty: not known. The last slides say how the figures were made. Raises ValueError without slides.
    """
    if not slides:
        raise ValueError("a deck must have at least one slide to be presented, got none")
    bodies = [_slide(slide, made) for slide in slides]
    dark = slides[-1].dark
    pages = _fact_pages(facts(slides, made))
    names = [_name(slide) for slide in slides] + [HEADING] * len(pages)
    looks = [slide.dark for slide in slides] + [dark] * len(pages)
    kinds = [slide.kind for slide in slides] + ["facts"] * len(pages)
    reveals = [slide.reveal for slide in slides] + [False] * len(pages)
    bodies += [_fact_body(page, number, len(pages)) for number, page in enumerate(pages)]
    sections = "\n".join(
        _section(number, len(bodies), kind, look, reveal, body)
        for number, (kind, look, reveal, body) in enumerate(zip(kinds, looks, reveals, bodies), start=1)
    )
    told = [_told(one, slide, origin) for one, slide in zip(names, slides)]
    told += [{"title": HEADING, "notes": "", "answers": [], "view": None} for _ in pages]
    data = {"name": theme.one_line(name, _TITLE), "embedded": embedded, "slides": told, "talk": len(slides)}
    parts = [part for part in _PARTS if any(map(part.needs, slides))]
    if scene_slide in parts:
        data["looks"] = payload.stage_looks()
    title = html.escape(theme.one_line(name, 120)) or "Deck"
    text = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(slides)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{_colours()}
{assets.read("deck.css")}{"".join(part.style() for part in parts)}</style>
</head>
<body>
<noscript>This file draws its slides with its own scripts, but scripts are switched off here.</noscript>
<main id="stage">
{sections}
</main>
{_TOOLBAR}
<div id="toast" role="status"></div>
<div id="said" class="unseen" aria-live="polite"></div>
<div id="black" hidden></div>
<div id="sheet" role="dialog" aria-label="About this slide" hidden></div>
<div id="pointer" hidden></div>
<script type="application/json" id="deck">{_json(data)}</script>
{_plotly(slides)}<script>
{"".join(part.script() for part in parts)}
{assets.read("presenter.js")}
{assets.read("deck.js")}</script>
</body>
</html>
"""
    # lone surrogates cannot be written as UTF-8
    return text.encode("utf-8", "replace").decode("utf-8")


def _plotly(slides: Sequence[Slide]) -> str:
    """The drawing library, if there is a figure; deck.js makes a script of it when one is drawn.

    It is 4.8 MB: once per deck, and from the package, never from a CDN; likewise no MathJax and no web fonts.
    """
    if not any(slide.kind in ("figure", "states") for slide in slides):
        return ""
    return f'<script type="text/plain" id="plotly">{get_plotlyjs()}</script>\n'


_BUTTONS = (
    ("back", "Back", "Left arrow"),
    ("next", "Next", "Right arrow or space"),
    ("full", "Full screen", "F"),
    ("speaker", "Speaker", "S"),
    ("ask", "Questions", "Q: which seeds, how many were tried, what was chosen on what"),
    ("address", "Address", "A: this view in the app, and its QR code"),
    ("svg", "SVG", "This figure as a drawing"),
    ("png", "PNG", "This figure as an image"),
    ("print", "Print", "Print, or save as PDF, one slide per page"),
)

_TOOLBAR = (
    '<nav id="toolbar" aria-label="Presentation">'
    + "".join(f'<button type="button" id="{key}" title="{tip}">{word}</button>' for key, word, tip in _BUTTONS)
    + "</nav>"
)


# The parts of the document


def _policy(slides: Sequence[Slide]) -> str:
    types = {trace.get("type") for slide in slides for trace in _traces(slide)}
    code = " 'unsafe-eval'" if types & _WITH_CODE else ""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'{code}; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def _traces(slide: Slide) -> list[dict[str, object]]:
    states = figure_parts.states_of(slide) if slide.kind in ("figure", "states") else []
    figures = [figure for state in states if isinstance(figure := state.get("figure"), dict)]
    found = [figure.get("data") for figure in figures]
    return [trace for data in found if isinstance(data, list) for trace in data if isinstance(trace, dict)]


def _colours() -> str:
    family = f":root {{ --family: {theme.FONT_FAMILY}; }}"
    looks = (
        f".{'dark' if dark else 'light'} {{ --background: {theme.BACKGROUND[dark]}; --text: {theme.TEXT[dark]}; "
        f"--muted: {theme.MUTED[dark]}; --line: {theme.GRID[dark]}; }}"
        for dark in (False, True)
    )
    return "\n".join((family, *looks))


def _json(value: object) -> str:
    """JSON for a script element: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _section(number: int, total: int, kind: str, dark: bool, reveal: bool, body: str) -> str:
    look = "dark" if dark else "light"
    step = " data-reveal" if reveal else ""
    return (
        f'<section class="slide kind-{kind} {look}" id="slide-{number}" aria-label="Slide {number} of {total}"{step}>\n'
        f'{body}\n<p class="number">{number} / {total}</p>\n</section>'
    )


def _slide(slide: Slide, made: float) -> str:
    if slide.kind == "title":
        return _title_body(slide, made)
    for part in _PARTS:
        if part.needs(slide):
            return _head(slide) + part.body(slide, _json(slide.figure), _label(slide)) + _caption(slide.caption)
    body = {"text": _text_body, "formula": _formula_body, "figure": _figure_body}[slide.kind](slide)
    return _head(slide) + body


def _title_body(slide: Slide, made: float) -> str:
    subtitle = "".join(f'<p class="subtitle">{_bdi(line, _CAPTION)}</p>' for line in _lines(slide.text)[:4])
    return f'<div class="middle"><h1>{_bdi(slide.title, _TITLE)}</h1>{subtitle}</div><p class="date">{utc_date(made)}</p>'


def _text_body(slide: Slide) -> str:
    """Lines that begin with "- " become list items, every other line a paragraph; empty lines are dropped."""
    parts: list[str] = []
    items: list[str] = []
    for line in [*_lines(slide.text)[:_LINES], ""]:
        if line.startswith("- "):
            items.append(f'<li class="step">{_bdi(line[2:], _LINE)}</li>')
            continue
        if items:
            parts.append(f"<ul>{''.join(items)}</ul>")
            items = []
        if line:
            parts.append(f'<p class="step">{_bdi(line, _LINE)}</p>')
    return f'<div class="text room">{"".join(parts)}</div>{_caption(slide.caption)}'


def _formula_body(slide: Slide) -> str:
    try:
        drawn = f'<div class="formula room"><div class="fit">{mathml(slide.text)}</div></div>'
    except ValueError as error:
        drawn = (
            f'<div class="text room"><p class="source">{_bdi(slide.text, _LINE)}</p>'
            f'<p class="note">This formula cannot be drawn: {_bdi(error, 300)}.</p></div>'
        )
    return drawn + _caption(slide.caption)


def _figure_body(slide: Slide) -> str:
    scale = theme.STAGE_SCALE[slide.projector]
    return (
        f'<div class="figure room" role="img" aria-label="{_label(slide)}" data-scale="{scale:g}">'
        f'<script type="application/json">{_json(slide.figure)}</script></div>{_caption(slide.caption)}'
    )


def _label(slide: Slide) -> str:
    return html.escape(". ".join(filter(None, (_name(slide), theme.one_line(slide.caption, _CAPTION)))))


def _fact_pages(listed: Sequence[Fact]) -> list[list[Fact]]:
    """Distribute facts over slides by the lines they should fill; the last slide says how many did not fit."""
    pages: list[list[Fact]] = [[]]
    used = 0
    for place, fact in enumerate(listed):
        fact = Fact(theme.one_line(fact.text, _FACT_LIMIT), fact.heading)
        need = -(-_width(fact.text) // _FACT_WIDTH) + (1 if fact.heading else 0)
        full = len(pages) == MAX_FACT_SLIDES
        if full and used + need > _FACT_ROWS - 2:
            rest = len(listed) - place
            pages[-1].append(Fact(f"{rest} more {'line is' if rest == 1 else 'lines are'} not shown."))
            return pages
        # no heading alone at the bottom
        if used and used + need + (1 if fact.heading else 0) > _FACT_ROWS:
            pages.append([])
            used = 0
        pages[-1].append(fact)
        used += need
    return pages


def _width(text: str) -> int:
    """Number of characters; wide scripts count twice."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def _fact_body(page: Sequence[Fact], number: int, total: int) -> str:
    words = HEADING if total == 1 else f"{HEADING} ({number + 1} of {total})"
    lines = "".join(f"<h2>{_bdi(fact.text)}</h2>" if fact.heading else f"<p>{_bdi(fact.text)}</p>" for fact in page)
    return f'<h1 class="heading">{words}</h1><div class="listed room">{lines}</div>'


# User text


def _heading(title: str) -> str:
    return f'<h1 class="heading">{_bdi(title, _TITLE)}</h1>' if theme.one_line(title) else ""


def _head(slide: Slide) -> str:
    """The title, and of a figure or scene the line below it."""
    line = next(filter(None, _lines(slide.text)), "") if slide.figure is not None else ""
    return _heading(slide.title) + (f'<p class="subtitle">{_bdi(line, _CAPTION)}</p>' if line else "")


def _caption(caption: str) -> str:
    return f'<p class="caption">{_bdi(caption, _CAPTION)}</p>' if theme.one_line(caption) else ""


def _bdi(text: object, limit: int | None = None) -> str:
    """Show text as written, on one line, with its own writing direction isolated."""
    return f'<bdi dir="auto">{html.escape(theme.one_line(text, limit))}</bdi>'


def _lines(text: str) -> list[str]:
    return [theme.one_line(line) for line in text.splitlines()]


def _notes(notes: str) -> str:
    return "\n".join(_lines(notes[:_NOTES]))


def _told(name: str, slide: Slide, origin: str) -> dict[str, object]:
    """What the scripts know of a slide beside its picture."""
    answers = [theme.one_line(sentence, _LINE) for sentence in question_round.answers(slide)]
    return {"title": name, "notes": _notes(slide.notes), "answers": answers, "view": view_code.view(slide, origin)}


def _name(slide: Slide) -> str:
    first = next(filter(None, _lines(slide.text)), "")
    return theme.one_line(slide.title, _TITLE) or theme.one_line(first, _TITLE) or slide.kind.capitalize()
