"""The look: palettes as written, contrast by formula, templates, options of Streamlit, number formats, safe text."""

import itertools
import math
import tomllib
from pathlib import Path

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from leafscope.app import theme

AA_TEXT, AA_MARK = 4.5, 3.0
BOTH = (False, True)


def test_models_have_the_colours_of_okabe_and_ito() -> None:
    colours = {"tree": "#0072B2", "tree_units": "#56B4E9", "flat": "#D55E00", "decision_tree": "#009E73", "ensemble": "#CC79A7"}
    assert theme.MODEL_COLOURS | colours == theme.MODEL_COLOURS
    assert len(set(theme.MODEL_COLOURS.values())) == len(theme.MODEL_COLOURS)
    assert theme.model_colour("tree", gates="random") == "#0072B2"
    assert theme.model_colour("dense") == theme.model_colour("dense_capacity") == theme.model_colour("logistic")
    assert theme.model_colour("dense", dark=True) != theme.model_colour("dense")


def test_every_model_has_a_marker_of_its_own() -> None:
    assert len(set(theme.MODEL_MARKERS.values())) == len(theme.MODEL_MARKERS)
    assert theme.model_marker("dense_capacity") == f"{theme.model_marker('dense')}-open"


def test_controls_of_the_tree_have_a_colour_and_a_marker_of_their_own() -> None:
    for mapping in (theme.MODEL_COLOURS, theme.MODEL_MARKERS):
        assert {"shuffled", "root_leaf", "additive", "flat_mean"} <= set(mapping)


def test_splits_are_told_by_dash() -> None:
    assert theme.SPLIT_DASHES == {"test": "solid", "validation": "dash", "train": "dot"}


def test_a_hundred_classes_differ_in_colour_or_marker() -> None:
    assert len({theme.class_colour(c) for c in range(10)}) == 10
    assert len({(theme.class_colour(c), theme.class_marker(c)) for c in range(100)}) == 100


@pytest.mark.parametrize("dark", BOTH)
def test_text_and_marks_reach_aa(dark: bool) -> None:
    options = theme.STREAMLIT_THEME[dark]
    backgrounds = (options["backgroundColor"], options["secondaryBackgroundColor"], theme.SIDEBAR_BACKGROUND[dark])
    for text, background in itertools.product((theme.TEXT[dark], theme.MUTED[dark], options["linkColor"]), backgrounds):
        assert theme.contrast(text, background) >= AA_TEXT, (text, background)
    # Streamlit writes white on the primary colour; with it only lines and marks are drawn
    primary = options["primaryColor"]
    assert theme.contrast("#FFFFFF", primary) >= AA_TEXT
    for background in backgrounds:
        assert theme.contrast(primary, background) >= AA_MARK, background
    for colour in (*theme.CLASS_COLOURS, theme.NEUTRAL[dark]):
        assert theme.contrast(colour, theme.BACKGROUND[dark]) >= AA_MARK, colour


def test_ink_reads_on_every_load_and_every_grey() -> None:
    for step in range(101):
        for colour in (theme.load_colour(step, 100), f"#{3 * f'{round(2.55 * step):02X}'}"):
            assert theme.contrast(theme.ink_on(colour), colour) >= AA_TEXT


def test_contrast_follows_the_formula() -> None:
    assert theme.contrast("#777777", "#FFFFFF") == pytest.approx(4.478, abs=0.001)
    assert theme.contrast("#000000", "#FFFFFF") == theme.contrast("#FFFFFF", "#000000") == 21


def test_load_is_cividis_from_zero() -> None:
    assert theme.load_colour(0, 3) == "#00224E"
    assert theme.load_colour(3, 3) == theme.load_colour(5, 3) == "#FEE838"
    assert theme.load_colour(1, 0) == "#00224E"


@pytest.mark.parametrize(("dark", "projector"), list(itertools.product(BOTH, BOTH)))
def test_templates_carry_sizes_and_a_transparent_background(dark: bool, projector: bool) -> None:
    layout = pio.templates[theme.template(dark, projector)].layout
    assert layout.font.size == (24 if projector else 14)
    assert layout.xaxis.tickfont.size == layout.legend.font.size == layout.font.size
    assert layout.title.font.size > layout.font.size
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color == theme.TEXT[dark]
    assert pio.templates[theme.template(dark, projector)].data.scatter[0].line.width == (4 if projector else 2)


def test_templates_do_not_change_the_default() -> None:
    theme.template(dark=True, projector=True)
    assert not pio.templates.default.startswith("leafscope")
    assert go.Figure().layout.template.layout.font.family != theme.FONT_FAMILY


def test_the_file_for_streamlit_run_says_the_same_as_the_options() -> None:
    text = (Path(__file__).parents[3] / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    flat: dict[str, object] = {}

    def flatten(prefix: str, values: dict[str, object]) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                flatten(f"{prefix}{name}.", value)
            else:
                flat[f"{prefix}{name}"] = value

    flatten("", tomllib.loads(text))
    assert {name: flat.get(name) for name in theme.streamlit_options()} == theme.streamlit_options()
    assert not [name for name in flat if name.startswith("theme.") and name not in theme.streamlit_options()]


def test_the_options_are_private_and_offline() -> None:
    options = theme.streamlit_options()
    assert options["browser.gatherUsageStats"] is False
    assert not [name for name, value in options.items() if "://" in str(value)]
    for name, value in options.items():
        if name.endswith(("CategoricalColors", "SequentialColors")):
            assert len(value) == 10


@pytest.mark.parametrize(
    ("x", "written"),
    [
        (0.81944, "0.819"),
        (0.9996, "1.00"),
        (99.96, "100"),
        (12345, "12,300"),
        (-0.0123456, "-0.0123"),
        (1e-7, "1.00e-7"),
        (2.5e12, "2.50e12"),
        (0, "0"),
        (math.nan, "n/a"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_three_significant(x: float, written: str) -> None:
    assert theme.three_significant(x) == written


@pytest.mark.parametrize(
    ("x", "written"), [(0.14236, "14.2 %"), (0, "0.0 %"), (1, "100.0 %"), (math.nan, "n/a"), (12, "1,200.0 %")]
)
def test_percent(x: float, written: str) -> None:
    assert theme.percent(x) == written


@pytest.mark.parametrize(("n", "written"), [(0, "0"), (999, "999"), (1234567, "1,234,567"), (math.nan, "n/a")])
def test_thousands(n: float, written: str) -> None:
    assert theme.thousands(n) == written


def test_interval() -> None:
    assert theme.interval(0.819, 0.801, 0.837, 5) == "0.819 [0.801, 0.837], n = 5"
    assert theme.interval(0.5, math.nan, math.nan, 1) == "0.500 [n/a, n/a], n = 1"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.00012, "0.120 ms"),
        (0.25, "250 ms"),
        (0.9999, "1.0 s"),
        (4.24, "4.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (3599.7, "1 h 0 min"),
        (7260, "2 h 1 min"),
        (-5, "-5.0 s"),
        (math.nan, "n/a"),
    ],
)
def test_duration(seconds: float, written: str) -> None:
    assert theme.duration(seconds) == written


@pytest.mark.parametrize(
    ("n", "written"), [(0, "0 B"), (1023, "1,023 B"), (1024, "1.00 KiB"), (1048575, "1.00 MiB"), (5 * 1024**4, "5.00 TiB")]
)
def test_byte_size(n: int, written: str) -> None:
    assert theme.byte_size(n) == written


def test_plotly_text_shows_tags_as_written() -> None:
    assert theme.escape("<a href='x'>b</a> & c\n\td\x00") == "&lt;a href='x'&gt;b&lt;/a&gt; &amp; c d"
    assert theme.escape("abcdef", 4) == "abc…"
    assert theme.escape("<b>", 10) == "&lt;b&gt;"
    assert theme.escape(3) == "3"


@pytest.mark.parametrize(
    "text", ["![i](http://x/a.png)", "<b>", "$x$", ":material/home:", "# h", "a | b", "`c`", "~~d~~", "_e_"]
)
def test_markdown_has_every_punctuation_mark_escaped(text: str) -> None:
    escaped = theme.escape_markdown(text)
    for before, mark in itertools.pairwise("x" + escaped):
        assert before == "\\" or mark == "\\" or mark.isalnum() or mark in " \u2060"


def test_markdown_recognizes_no_links_in_user_text() -> None:
    for text in ("http://x.org", "www.x.org", "WWW.x.org", "me@x.org"):
        assert "\u2060" in theme.escape_markdown(text)


def test_patterns_are_written_first_bit_first() -> None:
    assert [theme.bit_pattern(prefix, 2) for prefix in range(4)] == ["0 0", "0 1", "1 0", "1 1"]


def test_words_are_joined_as_in_a_sentence() -> None:
    assert [theme.enumerate_words(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_a_figure_has_a_template_of_its_own() -> None:
    name = theme.template(dark=True, projector=False)
    one, other = (go.Figure(layout={"template": name}).layout.template for _ in range(2))
    assert one.to_plotly_json() == other.to_plotly_json() == pio.templates[name].to_plotly_json()
    before = other.to_plotly_json()
    one.layout.font.size = one.layout.xaxis.tickfont.size = one.data.scatter[0].marker.size = 99
    assert other.to_plotly_json() == pio.templates[name].to_plotly_json() == before
    assert one.layout.font.size == 99


def test_axes_separate_thousands_as_texts_do() -> None:
    layout = pio.templates[theme.template(dark=False, projector=False)].layout
    assert all(part.separatethousands for part in (layout.xaxis, layout.yaxis, layout.coloraxis.colorbar))
