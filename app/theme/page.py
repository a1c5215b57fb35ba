"""The style of the app's pages beside Streamlit's own, as one text."""

from functools import cache
from pathlib import Path

from leafscope.app.theme.template import STREAMLIT_THEME

_FILE = Path(__file__).resolve().parents[1] / "assets" / "page.css"


@cache
def page_style() -> str:
    """Give `page.css`, with the colour of links in either theme as `--link`.

    It is nested, and so weighs more than Streamlit's own style, which comes after it.
    """
    light, dark = (STREAMLIT_THEME[dark]["linkColor"] for dark in (False, True))
    return f":root {{\n--link: light-dark({light}, {dark});\n{_FILE.read_text(encoding='utf-8')}}}"
