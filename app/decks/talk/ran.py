"""The last slides of the talk: what was run and what its numbers cannot show, and which slides were left out.

K depth · n seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from leafscope.app import always, theme
from leafscope.app.decks.talk import words
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.slides import text_slide
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.core.models import net_lines
from leafscope.core.store.decks import Slide

_FEW = 5
"""Below so many seeds an interval is rough (this project's choice)."""


@dataclass(frozen=True)
class Left:
    """A slide that is left out, since the sweep has not what it shows."""

    what: str
    why: str
    """A clause."""
    how: str
    """What to do to get it: a sentence without its full stop."""


def left_out(left: Sequence[Left]) -> Slide:
    """Say which slides were left out, why, and how to get them."""
    lines = [f"- {one.what}: {one.why}. {one.how}." for one in left]
    return text_slide(
        f"Left out: {words.some(len(left), 'slide')}, and how to get {'it' if len(left) == 1 else 'them'}",
        lines,
        "The talk has a slide only for what its sweep has runs of. Make the talk again once they are trained.",
    )


def what_was_run(part: Part) -> Slide:
    """Say which runs the talk shows, how choices were made, and what the numbers cannot show."""
    done = int((part.table["status"] == "finished").sum())
    where = f"one of {part.cells} cells" if part.cells > 1 else "one data set"
    return text_slide(
        f"What was run: {words.some(done, 'reported run')}, {words.some(part.n, 'seed')}, {where}",
        [f"- {point}" for point in limits(part)],
        "These limits are computed from the sweep. What the titles say holds for this data set, width and training only.",
    )


def limits(part: Part) -> list[str]:
    """List what was run and what the numbers cannot show."""
    points = [
        _seeds_words(part),
        f"{words.interval_words(part)} That no difference is shown does not prove that there is none.",
        _scope_words(part),
        f"{always.of_table(part.rows)} {_failed_words(part)}",
        f"{findings.rates_words(part.rows)} {_choice_words(part)} {findings.stage_words(part.rows)}",
        "A worse fit is not less overfitting: the Overfitting page says which training losses were still falling.",
    ]
    return [point.strip() for point in points if point.strip()]


def _seeds_words(part: Part) -> str:
    if part.n == 0:
        return "No run of this cell has finished: nothing is shown."
    if part.n == 1:
        return "One seed: there are no intervals, and nothing is shown."
    rough = f"; with fewer than {_FEW}, intervals are rough" if part.n < _FEW else ""
    return f"{part.n} seeds of {part.subject}{rough}."


def _scope_words(part: Part) -> str:
    """Name what else the sweep has, and what all its cells say together, so that the cell shown is not the one that suits."""
    said = []
    if part.cells > 1:
        said = [f"The first of {part.cells} cells is shown, whatever it says: {part.subject}.", _all_cells_words(part)]
    if (count := len(part.variants)) > 1:
        first = part.variants[0] or model_words(part.model or "tree")
        said.append(f"Of {count} variants of the tree the first is shown: {theme.one_line(first, 60)}.")
    return " ".join(filter(None, said))


def _all_cells_words(part: Part) -> str:
    nets = part.table.dropna(subset=["width"])
    done = part.table[part.table["status"] == "finished"]
    found: list[findings.Against] = []
    for (data, n_train, width), _ in nets.groupby(["data", "n_train", "width"], sort=False):
        cell, choices = (
            findings.one_variant(here[here["width"].isna() | (here["width"] == width)], part.variants[0])
            for here in (of[(of["data"] == data) & (of["n_train"] == n_train)] for of in (done, part.all_choices))
        )
        depth = findings.own_depth(choices, part.tree) if (choices["model"] == part.tree).any() else None
        if depth is not None and not findings.model_at(cell, part.tree, depth).empty:
            found += [
                one for other, one in findings.against_others(cell, choices, part.tree, depth).items() if other == "dense"
            ]
    if not found:
        return ""
    lower = sum(one.shown and one.difference.mean < 0 for one in found)
    higher = sum(one.shown and one.difference.mean > 0 for one in found)
    return (
        f"Over the {words.some(len(found), 'cell')} with tree and dense net "
        f"the tree's test {part.errors.noun} is lower in {lower or 'none'} and "
        f"higher in {higher or 'none'}; in the others no difference is shown (depths chosen on validation, Holm in each cell)."
    )


def _failed_words(part: Part) -> str:
    failed = int((part.table["status"] != "finished").sum())
    nets = part.finished[part.finished["model"].isin(net_lines())]
    collapsed = int(always.are_no_better(nets).sum())
    parts = []
    if failed:
        has = "has" if failed == 1 else "have"
        parts.append(f"{theme.thousands(failed)} of {words.some(len(part.table), 'run')} {has} no result.")
    if collapsed:
        than = always.ANSWER[not part.errors.are_shares]
        are, they = ("is", "it is") if collapsed == 1 else ("are", "they are")
        parts.append(f"{collapsed} of {words.some(len(nets), 'net')} {are} no better than {than}; {they} counted.")
    return " ".join(parts)


def _choice_words(part: Part) -> str:
    if part.depth is None or len(part.depths) == 1:
        return ""
    rows = "on the same rows that chose rate and epoch" if part.sweep.report_seeds is None else "as were rates"
    return f"The tree's depth was chosen on validation among {len(part.depths)}, {rows}."
