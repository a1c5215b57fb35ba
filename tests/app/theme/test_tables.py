"""Tables as LaTeX and Markdown: numbers rounded, and text of people shown as written."""

import numpy as np
import pandas as pd
import pytest

from leafscope.app.theme import as_latex, as_markdown

HOSTILE = r"\input{/etc/passwd} $x$ %y #1 _a_ ^b ~ & [c](http://d) <script> ![e](f) `g` | www.h.org" + "\n\\end{tabular}"


def test_no_command_of_latex_is_left_in_a_cell() -> None:
    cells = as_latex(pd.DataFrame({HOSTILE: [HOSTILE], "n": [1]})).splitlines()
    assert len(cells) == 8, "a line end in a cell"
    row = cells[5].removesuffix(r"\\")
    for known in (r"\textbackslash{}", r"\{", r"\}", r"\$", r"\%", r"\#", r"\_", r"\&", r"\textbar{}", "{[}", "{]}"):
        assert known in row
        row = row.replace(known, "")
    for known in (r"\textasciicircum{}", r"\textasciitilde{}", r"\textless{}", r"\textgreater{}", r"\textasciigrave{}"):
        row = row.replace(known, "")
    assert not set(row) & set("\\{}$%#_^~<>`|"), row
    assert row.count("&") == 1


def test_no_markup_of_markdown_is_left_in_a_cell() -> None:
    lines = as_markdown(pd.DataFrame({HOSTILE: [HOSTILE]})).splitlines()
    assert len(lines) == 3
    body = lines[2].removeprefix("| ").removesuffix(" |")
    marks = "\\`*_{}[]<>()#!|~$&"
    escaped = {place + 1 for place, sign in enumerate(body) if sign == "\\" and (place == 0 or body[place - 1] != "\\")}
    assert [sign for place, sign in enumerate(body) if sign in marks and place not in escaped and sign != "\\"] == []


@pytest.mark.parametrize("write", [as_latex, as_markdown])
def test_numbers_have_four_digits_and_missing_ones_are_empty(write: object) -> None:
    text = write(pd.DataFrame({"x": [1 / 3, np.nan], "n": [123456, 2]}))  # type: ignore[operator]
    assert "0.3333" in text
    assert "123456" in text
    assert "nan" not in text.lower()
