"""Sizes: of text, lines and markers, for a screen or a projector."""

from dataclasses import dataclass

FIGURE_WIDTH = 1000
"""The width in px that wrapping and label fitting assume: the main column at 1440x900 with the sidebar open."""


@dataclass(frozen=True)
class Look:
    """The background and the room that a figure is drawn for; chosen once for the whole app."""

    dark: bool = False
    """Light ink for a dark background."""
    projector: bool = False
    """Text of at least 24 px and lines of 4 px."""
    width: int = FIGURE_WIDTH
    """The expected width in px; a figure does not know its screen."""


SCREEN = Look()
"""The default: a light screen."""

STAGE_SCALE = {False: 1.8, True: 1.3}
"""How much larger a figure is on the stage of a deck, 1920 px wide, than it was drawn, by projector: its smallest text has at
least 24 px there, and its width is near the one that it was laid out for."""

# Sizes, in px, by projector

FONT_SIZE = {False: 14, True: 24}
TITLE_SIZE = {False: 17, True: 28}
LINE_WIDTH = {False: 2, True: 4}
MARKER_SIZE = {False: 8, True: 14}
MAIN_HEIGHT = {False: 480, True: 640}
"""A page's main figure, above the fold."""
SIDE_HEIGHT = {False: 340, True: 520}
"""A figure next to or below the main one."""

HEADING_SIZES = ("1.75rem", "1.35rem", "1.15rem", "1rem", "1rem", "1rem")
"""Page title, sections, subsections: small, to keep figures above the fold."""

FONT_FAMILY = '"Source Sans", "Source Sans 3", "Segoe UI", "Liberation Sans", Arial, sans-serif'
"""Streamlit serves Source Sans itself; elsewhere a local font replaces it."""
