"""BibTeX and the script of a cited figure."""

import ast
import re
from pathlib import Path
from typing import Any

from leafscope.app.citing import texts
from leafscope.core.store.decks import Slide

HOSTILE = "\"\"\"\nimport os; os.abort()\n''' {x} \\ \u202e<script>"
CITATION = (Path(__file__).resolve().parents[3] / "CITATION.cff").read_text()


def test_bibtex_says_of_the_program_what_its_own_file_says() -> None:
    said = texts.bibtex("0123456789abcdef")
    for title in re.findall(r'title: "(.*)"', CITATION):
        assert title in said
    assert "eprint        = {1406.7362}" in said
    assert "leafscope reproduce 0123456789abcdef" in said
    assert said.count("{") == said.count("}")


def test_the_script_holds_the_figure_as_literals_and_nothing_that_people_typed_runs() -> None:
    slide = Slide(
        kind="figure", title=HOSTILE, caption=HOSTILE, runs=(HOSTILE,), address=HOSTILE, source="x", numbers=HOSTILE,
        versions={"leafscope": HOSTILE, HOSTILE: HOSTILE},
    )  # fmt: skip
    program = texts.script(slide)
    tree = ast.parse(program)
    assert [type(one) for one in tree.body] == [ast.Expr, ast.ImportFrom, ast.Assign, ast.Raise]
    figure: Any = ast.literal_eval(tree.body[2].value)  # type: ignore[attr-defined]
    assert Slide.model_validate(figure) == slide
    assert "\u202e" not in program
