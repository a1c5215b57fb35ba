"""The page of results, as Markdown: every table of the protocol, and what a reader must know about it.

K depth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from leafscope.app.claims import words
from leafscope.app.sweeps.findings import interval_words, rates_words, stage_words
from leafscope.core.claims.judging import at_same_depth, questions
from leafscope.core.claims.own_depth import Own, at_own_depths
from leafscope.core.claims.remarks import remarks

START, END = "<!-- results: written by leafscope claims -->", "<!-- end of results -->"
"""Marks in another document, such as the README, between which the sentences and the figure are put."""


@dataclass(frozen=True)
class Cell:
    """The results of one row of the protocol."""

    name: str
    width: int
    results: pd.DataFrame
    """Of the reporting seeds."""
    choices: pd.DataFrame
    """Of the choosing seeds."""
    models: Sequence[Own]

    @classmethod
    def of(cls, name: str, width: int, results: pd.DataFrame, choices: pd.DataFrame) -> "Cell":
        """Compare all models of a row, each at its own depth."""
        return cls(name, width, results, choices, at_own_depths(results, choices))


def results_page(cells: Sequence[Cell], figure: str, provenance: Sequence[str]) -> str:
    """Write the page; `figure` is the name of the figure's file, `provenance` says how it was made, one paragraph each."""
    own = [(cell.name, cell.models) for cell in cells]
    parts = [
        "# The claims, tested",
        *provenance,
        *words.three_sentences(own),
        f"![Test error of the tree minus that of other models]({figure})",
        "## How to read the tables",
        how_to_read(cells),
        "## Each model at its own K",
        *(part for tree in words.trees(own) for part in _summary(own, tree)),
    ]
    for cell in cells:
        parts += [f"## {cell.name}, width {cell.width}", *_section(cell)]
    return "\n\n".join(parts) + "\n"


def how_to_read(cells: Sequence[Cell]) -> str:
    """Say how the numbers are computed, where they hold, and what bold means."""
    table = cells[0].results
    return (
        f"{stage_words(table)} {rates_words(table)} The K of a model is that with its lowest mean validation error on the "
        "choosing seeds; the epoch of a net is that with its lowest validation loss. Differences are of test errors in "
        "percentage points, paired by seed, with 95 % t intervals; below 0 the first model is better. Bold: a difference is "
        "shown at the 5 % level after Holm's correction within its own family: one line of a table by K, or all models that "
        "one tree is compared with on one data set. Every other cell shows no difference, which does not prove that there "
        "is none: the last column of a table by K has the smallest differences that would be shown with 80 % probability, at "
        "the strictest level of that correction, from the spread of these differences. Across data sets and lines nothing is "
        "corrected, so of 20 families without any difference about one has a bold cell. Runs repeat bit for bit on the same "
        "processor model and thread count; elsewhere last bits, and so single numbers, can differ."
    )


def _summary(own: Sequence[tuple[str, Sequence[Own]]], tree: words.Key) -> list[str]:
    others = words.opponents(own, tree)
    rows = []
    for name, models in own:
        here = {one.key: one for one in models}
        if tree not in here:
            continue
        minus = [here[key].minus.get(tree) if key in here else None for key in others]
        cells = [words.MISSING if one is None else words.difference_cell(one) for one in minus]
        rows.append([name, f"{here[tree].depth}", words.error_cell(here[tree].error), *cells])
    heads = ["data set", "K", "test error (%)", *(f"minus {words.key_words(key)}" for key in others)]
    return [f"### {_capital(words.phrase(tree))}", markdown_table(heads, rows)]


def _section(cell: Cell) -> list[str]:
    return [
        interval_words(cell.results),
        "Each model at its own K, and what a dense net as good would cost (multiples of the model's multiply-adds, from dense "
        "nets of all widths on the same seeds; > and <: beyond the widest and the narrowest).",
        _own_table(cell.models),
        "At the same K.",
        _same_depth_table(cell.results),
        remarks_words(cell.results),
    ]


def _own_table(models: Sequence[Own]) -> str:
    known = words.trees([("", models)])
    heads = ["model", "K", "test error (%)", "parameters", "multiply-adds", "dense net as good"]
    heads += [f"{words.key_words(tree)}, minus it" for tree in known]
    rows = []
    for own in models:
        minus = [words.difference_cell(own.minus[tree]) if tree in own.minus else "" for tree in known]
        depth = "" if own.depth is None else f"{own.depth}"
        costs = [f"{cost:,.0f}" for cost in (own.parameters, own.multiply_adds)]
        rows.append([words.key_words(own.key), depth, words.error_cell(own.error), *costs, words.rate_cell(own.rate), *minus])
    return markdown_table(heads, rows)


def _same_depth_table(results: pd.DataFrame) -> str:
    depths = sorted({int(depth) for depth in results["depth"].dropna()})
    rows = []
    for first, second in questions(results):
        found = at_same_depth(results, first, second)
        by_depth = {one.depth: words.difference_cell(one) for one in found}
        name = f"{words.key_words(first)} minus {words.key_words(second)}"
        rows.append([name, *(by_depth.get(depth, "") for depth in depths), words.detectable_cell(found)])
    return markdown_table(["difference", *(f"K = {depth}" for depth in depths), "detectable (80 %)"], rows)


def remarks_words(results: pd.DataFrame) -> str:
    """Say how many nets were still improving, where scores disagree, and which collapsed or failed."""
    found = remarks(results)
    without = f" {found.without:,} runs have no result." if found.without else ""
    return (
        f"Of {found.nets:,} nets, {found.late:,} have their lowest validation loss at one of the last two epochs; "
        f"{found.disagree:,} have a lower validation error at the last epoch than at the epoch of the lowest validation loss, "
        f"which is reported; {found.collapsed:,} are no better on the test rows than always answering with the most frequent "
        f"class, and count as any other.{without}"
    )


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Write a table; bars in cells are escaped.

    >>> print(markdown_table(["a"], [["1|2"]]))
    | a |
    |---|
    | 1\|2 |
    """
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (heads, *rows)]
    return "\n".join([f"| {lines[0]} |", "|" + "---|" * len(heads), *(f"| {line} |" for line in lines[1:])])


def between_marks(text: str, sentences: Sequence[str], figure: str, page: str) -> str:
    """Put the sentences, the figure and a link to the page between the marks; raises ValueError without both marks in order."""
    start, end = text.find(START), text.find(END)
    if start < 0 or end < start:
        raise ValueError(f"the document must have the lines {START} and {END}, in this order")
    link = f"All tables are in [{page}]({page})."
    body = "\n\n".join([*sentences, f"![Test error of the tree minus that of other models]({figure})", link])
    return f"{text[: start + len(START)]}\n\n{body}\n\n{text[end:]}"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
