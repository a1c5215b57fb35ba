"""The look of the app in one place: colours, sizes, Plotly templates, number formats, and text made safe to show.

Colour says which model, dash which split, Cividis the load; markers and patterns repeat what colours say. Model colours
are those of Okabe & Ito 2008. Contrast is that of WCAG 2.2: AA asks for 4.5 for text and 3 for marks.
"""

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.colors import sequential

FIGURE_WIDTH = 1000
"""The width in px that wrapping and label fitting assume: the main column at 1440x900 beside the sidebar."""


@dataclass(frozen=True)
class Look:
    """For which background and which room a figure is drawn; chosen once for the whole app."""

    dark: bool = False
    """Light ink for a dark background."""
    projector: bool = False
    """Text of at least 24 px and lines of 4 px."""
    width: int = FIGURE_WIDTH
    """The width in px that is expected; a figure does not know its screen."""


SCREEN = Look()
"""A light screen, where nothing else is asked for."""

# Colours

TEXT = {False: "#1C222B", True: "#E8EBEF"}
"""Text, by dark."""
MUTED = {False: "#5A6472", True: "#A7B0BC"}
"""Secondary text, axis lines, and what is set back (grey lines, unused leaves), by dark."""
GRID = {False: "#DDE1E7", True: "#363C46"}
"""Grid lines, by dark."""
BACKGROUND = {False: "#FFFFFF", True: "#000000"}
"""The page behind a figure, by dark; black, because only there a primary colour reads both under white and as text."""

MODEL_COLOURS = {
    "tree": "#0072B2",
    "tree_units": "#56B4E9",
    "flat": "#D55E00",
    "decision_tree": "#009E73",
    "ensemble": "#CC79A7",
}
"""Which model, in both themes; dense nets and logistic regression are neutral, which `model_colour` resolves."""

NEUTRAL = {False: "#4A4F57", True: "#C4C9D0"}
"""Dense nets and logistic regression: dark grey on light, light grey on dark."""

MODEL_MARKERS = {
    "tree": "circle",
    "tree_units": "diamond",
    "flat": "square",
    "decision_tree": "triangle-up",
    "ensemble": "triangle-down",
    "dense": "hexagon",
    "dense_capacity": "hexagon-open",
    "logistic": "x-thin-open",
}
"""Marker of each model, so that colour is never alone."""

CLASS_COLOURS = (
    "#0050F8",
    "#F06810",
    "#00A860",
    "#9830C0",
    "#D00000",
    "#F848C8",
    "#1898F8",
    "#307040",
    "#409098",
    "#686088",
)
"""Classes in the data set's order: at least 3 against both backgrounds, and apart with red-green blindness too."""

CLASS_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon", "hourglass", "bowtie")
"""Marker of each class; each further ten classes take the colours again with the markers shifted."""

Scale = list[tuple[float, str]]
"""A colour scale as Plotly takes it: (place from 0 to 1, hex colour), between which colours are linear in RGB."""

LOAD_SCALE: Scale = [(step / (len(sequential.Cividis) - 1), colour.upper()) for step, colour in enumerate(sequential.Cividis)]
"""Load: Cividis from 0."""

_LIFT_COLOURS = {False: ("#F4F4F7", "#B8B0D4", "#C2410C"), True: ("#0E0E14", "#4B4570", "#F9A03F")}


def lift_scale(most: float, *, dark: bool = False) -> Scale:
    """Give the scale of a lift from 0 to `most` > 1: absence recedes, the neutral 1 is lilac, more than that orange."""
    absent, neutral, high = _LIFT_COLOURS[dark]
    return [(0.0, absent), (1 / most, neutral), (1.0, high)]


SPLIT_DASHES = {"test": "solid", "validation": "dash", "train": "dot"}
"""Which split, for lines."""

SPLIT_MARKERS = {"test": "circle", "validation": "square", "train": "diamond"}
"""Which split, for the markers of lines that share a model."""

SPLIT_PATTERNS = {"test": "", "validation": "/", "train": "."}
"""Which split, for bars: test is solid, train dotted."""

SPLIT_WORDS = {"test": "test", "validation": "validation", "train": "training"}
"""Which split, in a sentence or a legend."""

BAND_OPACITY = 0.2
"""Intervals around a mean."""
SEED_OPACITY = 0.35
"""Lines of single seeds."""


def model_colour(kind: str, *, dark: bool = False, gates: str = "hidden") -> str:
    """Give the colour of a model: its kind, and for a tree its gates -> hex colour; unknown kinds are neutral.

    >>> model_colour("tree"), model_colour("tree", gates="units"), model_colour("dense", dark=True)
    ('#0072B2', '#56B4E9', '#C4C9D0')
    """
    return MODEL_COLOURS.get(_model_key(kind, gates), NEUTRAL[dark])


def model_marker(kind: str, *, gates: str = "hidden") -> str:
    """Give the Plotly marker of a model: its kind, and for a tree its gates -> symbol; unknown kinds get a circle.

    >>> model_marker("flat"), model_marker("dense_capacity")
    ('square', 'hexagon-open')
    """
    return MODEL_MARKERS.get(_model_key(kind, gates), "circle")


def _model_key(kind: str, gates: str) -> str:
    return "tree_units" if kind == "tree" and gates == "units" else kind


def class_colour(index: int) -> str:
    """Give the colour of class `index` in the data set's order, from 0; the eleventh takes the first again.

    >>> class_colour(0) == class_colour(10) == CLASS_COLOURS[0]
    True
    """
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_marker(index: int) -> str:
    """Give the marker of class `index`: with the colour, distinct for 100 classes.

    >>> class_marker(0), class_marker(10)
    ('circle', 'square')
    """
    return CLASS_MARKERS[(index + index // len(CLASS_COLOURS)) % len(CLASS_MARKERS)]


def load_colour(value: float, most: float) -> str:
    """Give the colour of a load, from 0 to `most` -> hex; a `most` of 0 gives the lowest.

    >>> load_colour(0.0, 2.0), load_colour(2.0, 2.0)
    ('#00224E', '#FEE838')
    """
    return scale_colour(LOAD_SCALE, value / most if most > 0 else 0.0)


def scale_colour(scale: Scale, place: float) -> str:
    """Give the colour at a place of a scale, which is cut to 0..1 -> hex.

    >>> scale_colour([(0.0, "#000000"), (1.0, "#FFFFFF")], 0.2)
    '#333333'
    """
    places = [at for at, _ in scale]
    channels = zip(*(_channels(colour) for _, colour in scale))
    red, green, blue = (round(float(np.interp(place, places, channel))) for channel in channels)
    return f"#{red:02X}{green:02X}{blue:02X}"


def contrast(first: str, second: str) -> float:
    """Measure the contrast of two hex colours by WCAG 2.2: 1 (the same) to 21 (black on white).

    >>> contrast("#FFFFFF", "#000000")
    21.0
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: str) -> str:
    """Choose the ink that reads better on a hex colour: near-black or white.

    >>> ink_on("#FEE838"), ink_on("#00224E")
    ('#1C222B', '#FFFFFF')
    """
    return max((TEXT[False], "#FFFFFF"), key=lambda ink: contrast(ink, colour))


def faded(colour: str, opacity: float) -> str:
    """Make a hex colour transparent: opacity from 0 to 1 -> CSS rgba.

    >>> faded("#0072B2", 0.2)
    'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = _channels(colour)
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in (part / 255 for part in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# Sizes, in px, by projector

FONT_SIZE = {False: 14, True: 24}
TITLE_SIZE = {False: 17, True: 28}
LINE_WIDTH = {False: 2, True: 4}
MARKER_SIZE = {False: 8, True: 14}
MAIN_HEIGHT = {False: 480, True: 640}
"""A page's main figure, above the fold."""
SIDE_HEIGHT = {False: 340, True: 520}
"""A figure that stands beside or below the main one."""

HEADING_SIZES = ("1.75rem", "1.35rem", "1.15rem", "1rem", "1rem", "1rem")
"""Page title, sections, and what stands in them: small, so that figures stand above the fold."""

FONT_FAMILY = '"Source Sans", "Source Sans 3", "Segoe UI", "Liberation Sans", Arial, sans-serif'
"""Streamlit serves Source Sans itself; elsewhere a local font takes its place."""


def template(dark: bool, projector: bool) -> str:
    """Register the Plotly template of a look, once, and give its name for `layout.template`.

    >>> template(dark=True, projector=False)
    'leafscope-dark-screen'
    """
    name = f"leafscope-{'dark' if dark else 'light'}-{'projector' if projector else 'screen'}"
    if name not in pio.templates:
        pio.templates[name] = _template(dark, projector)
    return name


def _template(dark: bool, projector: bool) -> go.layout.Template:
    text, muted, grid = TEXT[dark], MUTED[dark], GRID[dark]
    size, line = FONT_SIZE[projector], LINE_WIDTH[projector]
    axis = {
        "gridcolor": grid,
        "linecolor": muted,
        "tickcolor": muted,
        "zerolinecolor": grid,
        "ticks": "outside",
        "showline": True,
        "automargin": True,
        "tickfont": {"size": size, "color": text},
        "title": {"font": {"size": size, "color": text}, "standoff": size // 2},
    }
    bar = {"outlinewidth": 0, "tickfont": {"size": size}, "title": {"font": {"size": size}}, "ticks": "outside"}
    return go.layout.Template(
        layout={
            "font": {"family": FONT_FAMILY, "size": size, "color": text},
            "title": {
                "font": {"size": TITLE_SIZE[projector], "color": text},
            },
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(CLASS_COLOURS),
            "colorscale": {"sequential": LOAD_SCALE, "sequentialminus": LOAD_SCALE},
            "coloraxis": {"colorbar": bar},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"font": {"size": size}, "bgcolor": "rgba(0,0,0,0)", "title": {"font": {"size": size}}},
            "hoverlabel": {
                "font": {"family": FONT_FAMILY, "size": size, "color": text},
                "bgcolor": STREAMLIT_THEME[dark]["secondaryBackgroundColor"],
                "bordercolor": muted,
                "align": "left",
            },
            "hovermode": "closest",
            "dragmode": False,
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": muted, "activecolor": text},
            "annotationdefaults": {"font": {"size": size, "color": text}, "arrowcolor": muted},
        },
        data={
            "scatter": [{"line": {"width": line}, "marker": {"size": MARKER_SIZE[projector]}}],
            "heatmap": [{"colorbar": bar, "colorscale": LOAD_SCALE}],
            "bar": [{"marker": {"line": {"width": 0}}}],
        },
    )


# Streamlit's own options; .streamlit/config.toml says the same, for `streamlit run`

STREAMLIT_THEME: dict[bool, dict[str, Any]] = {
    False: {
        "primaryColor": "#00609A",
        "backgroundColor": BACKGROUND[False],
        "secondaryBackgroundColor": "#F2F4F7",
        "textColor": TEXT[False],
        "linkColor": "#00609A",
        "borderColor": "#C3C9D2",
        "chartCategoricalColors": list(CLASS_COLOURS),
        "chartSequentialColors": [load_colour(step, 9) for step in range(10)],
    },
    True: {
        "primaryColor": "#007ABF",
        "backgroundColor": BACKGROUND[True],
        "secondaryBackgroundColor": "#16191F",
        "textColor": TEXT[True],
        "linkColor": "#7CC4F0",
        "borderColor": "#454C58",
        "chartCategoricalColors": list(CLASS_COLOURS),
        "chartSequentialColors": [load_colour(step, 9) for step in range(10)],
    },
}
"""Streamlit's theme options, by dark. Streamlit writes white on the primary colour and the primary colour on the page."""

SIDEBAR_BACKGROUND = {False: "#F7F8FA", True: "#000000"}
"""The sidebar's background, by dark, on which the primary colour must read as well."""


def streamlit_options() -> dict[str, Any]:
    """Give the options of look and privacy for Streamlit, flat: `{"theme.light.primaryColor": "#00609A", ...}`.

    Both themes are given and none is forced, so that the browser's preference decides. Fonts are those Streamlit ships.
    """
    options: dict[str, Any] = {"browser.gatherUsageStats": False, "theme.font": "sans-serif", "theme.showWidgetBorder": True}
    options["theme.headingFontSizes"] = list(HEADING_SIZES)
    for dark, name in ((False, "light"), (True, "dark")):
        options |= {f"theme.{name}.{option}": value for option, value in STREAMLIT_THEME[dark].items()}
        options[f"theme.{name}.sidebar.backgroundColor"] = SIDEBAR_BACKGROUND[dark]
        options[f"theme.{name}.sidebar.secondaryBackgroundColor"] = STREAMLIT_THEME[dark]["secondaryBackgroundColor"]
    return options


# Numbers

MISSING = "n/a"
"""What stands where there is no number."""


def three_significant(x: float) -> str:
    """Write a number with three significant digits, thousands separated.

    >>> [three_significant(x) for x in (0.81944, 12345, 0.5, 0.0)]
    ['0.819', '12,300', '0.500', '0']
    """
    if not math.isfinite(x):
        return MISSING if math.isnan(x) else ("∞" if x > 0 else "-∞")
    if x == 0:
        return "0"
    rounded = float(f"{x:.2e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if -5 <= exponent < 9:
        return f"{rounded:,.{max(0, 2 - exponent)}f}"
    mantissa, _, power = f"{x:.2e}".partition("e")
    return f"{mantissa}e{int(power)}"


def percent(x: float) -> str:
    """Write a share in percent with one decimal: 0.1424 -> "14.2 %".

    >>> percent(0.1424), percent(1.0), percent(float("nan"))
    ('14.2 %', '100.0 %', 'n/a')
    """
    return f"{100 * x:,.1f} %" if math.isfinite(x) else MISSING


def thousands(n: float) -> str:
    """Write a whole number with its thousands separated: 1234567 -> "1,234,567".

    >>> thousands(1234567)
    '1,234,567'
    """
    return f"{round(n):,}" if math.isfinite(n) else MISSING


def interval(mean: float, low: float, high: float, n: int) -> str:
    """Write a mean with its interval and the number of values.

    >>> interval(0.8188, 0.8012, 0.8371, n=5)
    '0.819 [0.801, 0.837], n = 5'
    """
    return f"{three_significant(mean)} [{three_significant(low)}, {three_significant(high)}], n = {thousands(n)}"


def duration(seconds: float) -> str:
    """Write a time span: in ms below a second, then s, min and s, h and min.

    >>> [duration(s) for s in (0.04, 4.21, 75, 3725)]
    ['40 ms', '4.2 s', '1 min 15 s', '1 h 2 min']
    """
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.9995:
        return f"{three_significant(1000 * seconds) if seconds < 0.001 else round(1000 * seconds)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def byte_size(n: float) -> str:
    """Write an amount of memory, in steps of 1024: 3 significant digits from KiB on.

    >>> [byte_size(n) for n in (512, 1536, 3 * 1024**3)]
    ['512 B', '1.50 KiB', '3.00 GiB']
    """
    if not math.isfinite(n):
        return MISSING
    if abs(n) < 1024:
        return f"{thousands(n)} B"
    size = float(n)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if abs(size) < 999.5 or unit == "TiB":
            break
    return f"{three_significant(size)} {unit}"


# Sign patterns


def bit_pattern(prefix: int, length: int) -> str:
    """Write a prefix of sign bits, first bit first: 11 of length 4 -> "1 0 1 1"; the empty prefix is "root".

    >>> bit_pattern(11, 4), bit_pattern(1, 3), bit_pattern(0, 0)
    ('1 0 1 1', '0 0 1', 'root')
    """
    return " ".join(f"{prefix:0{length}b}") if length else "root"


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


def enumerate_words(words: Sequence[str]) -> str:
    """Join words as a sentence does: "a", "a and b", "a, b and c".

    >>> enumerate_words(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
