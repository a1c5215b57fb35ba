"""LaTeX to MathML: what is drawn, what is refused, and what a hostile formula cannot do."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.app.decks.mathml import MAX_LATEX, mathml

HOSTILE = [
    r"\text{<script>alert(1)</script>}",
    r"\href{javascript:alert(1)}{x}",
    r"\style{background:url(http://evil.example/)}{x}",
    r"\class{a}{x} \id{b}{y}",
    r"\text{&#x3c;img src=x onerror=alert(1)&#x3e;}",
    r'\text{"><img src=x onerror=alert(1)>}',
    r"\color{red\" onclick=\"x}{y}",
    r"\hspace{1em;background:url(x)}",
    "\\text{a\u202eb\u0000c}",
]


def tags(text: str) -> list[str]:
    return [element.tag for element in ElementTree.fromstring(text).iter()]


def test_a_formula_keeps_its_structure() -> None:
    found = mathml(r"\sum_{l=0}^{K} \frac{a}{b}")
    assert found.startswith('<math display="block">')
    assert [tag for tag in tags(found) if tag in ("munderover", "mfrac")] == ["munderover", "mfrac"]
    assert "∑" in found
    assert tags(mathml(r"\sum_{l=0}^K", display=False)).count("msubsup") == 1


@pytest.mark.parametrize("marked", ["$$x^2$$", "$x^2$", r"\[x^2\]", r"\(x^2\)", "  x^2\n"])
def test_marks_around_a_formula_are_dropped(marked: str) -> None:
    assert mathml(marked) == mathml("x^2")


def test_lines_become_rows_since_browsers_do_not_break() -> None:
    for source in (r"a=b\\c=d", r"\begin{aligned}a&=b\\c&=d\end{aligned}", r"\begin{gathered}a=b\\c=d\end{gathered}"):
        assert tags(mathml(source)).count("mtr") == 2


def test_bold_letters_have_characters_of_their_own_and_spaces_last() -> None:
    assert "𝐖" in mathml(r"\mathbf{W}")
    assert "<mtext>if\xa0</mtext>" in mathml(r"\text{if }x")


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_formulas_are_text_or_refused(source: str) -> None:
    try:
        found = mathml(source)
    except ValueError:
        return
    assert not {"script", "img", "a", "style"} & set(tags(found))
    for element in ElementTree.fromstring(found).iter():
        assert not [name for name in element.attrib if name in ("href", "style", "class", "id") or name.startswith("on")]
        assert not [value for value in element.attrib.values() if re.search(r"[:;()\"<>]", value)]
    assert "\u202e" not in found


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "at least one character, got none"),
        ("  \n ", "at least one character, got none"),
        ("$$$$", "at least one character, got none"),
        ("x" * (MAX_LATEX + 1), "at most 2,000 characters, got 2,001"),
        ("{" * 10_000, "at most 2,000 characters, got 10,000"),
        ("{" * 999 + "x" + "}" * 999, "nested this deep"),
        ("{" * 200 + "x" + "}" * 200, "nested this deep"),
        (r"\frac{a", r"complete, got 1 of 2 parts of a mfrac"),
        (r"\frac", "complete"),
        ("x^", "complete"),
        (r"\leafscope x", r"known commands, got \\leafscope"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(source: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mathml(source)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("\\{}[]^_&$ abx12<>()") | st.characters(), max_size=40))
def test_any_text_is_well_formed_or_refused(source: str) -> None:
    try:
        found = mathml(source)
    except ValueError:
        return
    assert ElementTree.fromstring(found).tag == "math"
