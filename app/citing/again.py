"""Drawing a figure again: its page is opened without a browser, at its address, and gives the figure as it is now."""

import json
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from leafscope.app import server
from leafscope.app.citing import asked
from leafscope.app.navigation import DEFAULT, PAGES
from leafscope.app.theme import SCREEN, Look
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.decks import Slide

PATIENCE = 600.0
"""Seconds after which a page that computes is given up."""

_MAIN = Path(__file__).resolve().parents[1] / "main.py"


class GoneError(LeafscopeError):
    """The figure cannot be drawn again: its page shows none of its name, or its runs are not here."""


def draw(slide: Slide) -> Slide:
    """Draw the figure of a slide as the default store has its runs now: the new slide, with numbers and digest.

    It replaces Streamlit's runtime while it works, so it must not be called in the process of the server. Raises GoneError.
    """
    from streamlit.testing.v1 import AppTest

    if not slide.source:
        raise GoneError("this slide does not name its figure; it was made by an earlier version")
    page, parameters = place(slide.address)
    server.trains = False
    app = AppTest.from_file(str(_MAIN), default_timeout=PATIENCE)
    for name, value in parameters.items():
        app.query_params[name] = value
    asked.want(app.session_state, slide.source, Look(slide.dark, slide.projector, SCREEN.width))
    if page != DEFAULT.name:
        app.switch_page(f"../pages/{page}.py")
    app.run()
    if app.exception:
        raise GoneError(f"the page {page} cannot be drawn: {app.exception[0].message}")
    if (found := asked.given(app.session_state)) is None:
        raise GoneError(f"the page {page} shows no figure {slide.source!r:.60} at this address, with the runs that are here")
    return found


def main() -> None:
    """Draw the figures of slides that come as lines of JSON, and answer each with a line: its new slide, or an error."""
    out, sys.stdout = sys.stdout, sys.stderr  # whatever else is printed is no answer
    for line in sys.stdin:
        try:
            answer: dict[str, object] = {"slide": draw(Slide.model_validate_json(line)).model_dump(mode="json")}
        except (LeafscopeError, ValueError, RuntimeError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), file=out, flush=True)


def place(address: str) -> tuple[str, dict[str, str]]:
    """Split an address of the app into the name of its page and its parameters.

    >>> place("/behind/a/proxy/leaves?run=1f&node=3")
    ('leaves', {'run': '1f', 'node': '3'})
    """
    parts = urlsplit(address)
    name = parts.path.rpartition("/")[2]
    known = name if name in {page.name for page in PAGES} else DEFAULT.name
    return known, dict(parse_qsl(parts.query))
