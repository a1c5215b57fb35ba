"""The Plotly template and Streamlit's theme, from the same colours and sizes."""

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from leafscope.app.theme.colours import BACKGROUND, CLASS_COLOURS, GRID, LOAD_SCALE, MUTED, TEXT, load_colour
from leafscope.app.theme.look import FONT_FAMILY, FONT_SIZE, HEADING_SIZES, LINE_WIDTH, MARKER_SIZE, TITLE_SIZE


def template(dark: bool, projector: bool) -> str:
    """Register the Plotly template of a look, once, and return its name for `layout.template`.

    >>> template(dark=True, projector=False)
    'leafscope-dark-screen'
    """
    name = f"leafscope-{'dark' if dark else 'light'}-{'projector' if projector else 'screen'}"
    if name not in pio.templates:
        pio.templates[name] = _template(dark, projector)
        registered = pio.templates[name]
        # Plotly copies it for each figure, and would check it each time anew, which is most of the time that framing takes
        registered.__deepcopy__ = lambda memo: go.layout.Template(registered, _validate=False)
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
        "separatethousands": True,
        "tickfont": {"size": size, "color": text},
        "title": {"font": {"size": size, "color": text}, "standoff": size // 2},
    }
    bar = {
        "separatethousands": True,
        "outlinewidth": 0,
        "tickfont": {"size": size},
        "title": {"font": {"size": size}},
        "ticks": "outside",
    }
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


# Streamlit's own options; .streamlit/config.toml repeats them for `streamlit run`. `chartCategoricalColors` needs 10 colours:
# with fewer Streamlit ignores it without a word.

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
        "secondaryBackgroundColor": "#1B2029",
        "textColor": TEXT[True],
        "linkColor": "#7CC4F0",
        "borderColor": "#454C58",
        "chartCategoricalColors": list(CLASS_COLOURS),
        "chartSequentialColors": [load_colour(step, 9) for step in range(10)],
    },
}
"""Streamlit's theme options, by dark. Streamlit writes white on the primary colour; where it writes with it, `page.css`
takes the colour of links."""

SIDEBAR_BACKGROUND = {False: "#F7F8FA", True: "#13171E"}
"""The sidebar's background, by dark."""


def streamlit_options() -> dict[str, Any]:
    """Give the options of look and privacy for Streamlit, flat: `{"theme.light.primaryColor": "#00609A", ...}`.

    Both themes are given and none is forced: the browser's preference decides. Fonts are those that Streamlit ships.
    """
    options: dict[str, Any] = {"browser.gatherUsageStats": False, "theme.font": "sans-serif", "theme.showWidgetBorder": True}
    options["theme.headingFontSizes"] = list(HEADING_SIZES)
    for dark, name in ((False, "light"), (True, "dark")):
        options |= {f"theme.{name}.{option}": value for option, value in STREAMLIT_THEME[dark].items()}
        options[f"theme.{name}.sidebar.backgroundColor"] = SIDEBAR_BACKGROUND[dark]
        options[f"theme.{name}.sidebar.secondaryBackgroundColor"] = STREAMLIT_THEME[dark]["secondaryBackgroundColor"]
    return options
