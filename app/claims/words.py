"""Names, cells of tables and sentences of the claims; both directions of a difference have the same words.

K depth.
"""

import math
from collections.abc import Sequence

from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.app.figures.shared.model_style import model_words
from leafscope.core.claims.judging import Judged, Key
from leafscope.core.claims.own_depth import Own
from leafscope.core.comparison.exchange import ExchangeRate
from leafscope.core.comparison.intervals import Interval
from leafscope.core.models import gated_lines, lines, tree_lines

MISSING = "not trained"


def key_words(key: Key) -> str:
    """Name a model and how its gates learn.

    >>> key_words(("random_gates", "straight_through")), key_words(("dense_ladder", "w16"))
    ('tree, random gates, straight-through', 'dense, wider, width 16')
    """
    model, variant = key
    if variant.startswith("w") and variant[1:].isdigit():
        variant = f"width {variant[1:]}"
    return ", ".join(filter(None, (model_words(model), variant.replace("_", "-"))))


def phrase(key: Key) -> str:
    """Name a model in a sentence.

    >>> phrase(("tree", "straight_through"))
    'the tree with straight-through gates'
    """
    line = lines().get(key[0])
    words = key[0] if line is None else line.in_a_sentence
    return f"{words} with {key[1].replace('_', '-')} gates" if key[1] else words


def points(share: float) -> str:
    """Write a difference of shares in percentage points, with its sign and without a minus zero.

    >>> points(-0.0412), points(-0.0001)
    ('-4.1', '+0.0')
    """
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def difference_cell(one: Judged) -> str:
    """Write a difference with its interval, bold if it is shown; nets that are the same say so."""
    if one.same:
        return f"the same net (K = {one.depth})"
    found = one.difference
    if found.n == 0:
        return MISSING
    between = "" if math.isnan(found.low) else f" [{points(found.low)}, {points(found.high)}]"
    words = f"{points(found.mean)}{between}"
    return f"**{words}**" if one.shown else words


def error_cell(error: Interval) -> str:
    """Write a test error in percent with its interval.

    >>> error_cell(Interval(0.25, 0.2, 0.3, 20))
    '25.0 [20.0, 30.0]'
    """
    between = "" if math.isnan(error.low) else f" [{100 * error.low:.1f}, {100 * error.high:.1f}]"
    return f"{100 * error.mean:.1f}{between}"


def rate_cell(rate: ExchangeRate | None) -> str:
    """Write an exchange rate; beyond an end of the ladder only a bound is known."""
    if rate is None or math.isnan(rate.factor):
        return ""
    between = "" if math.isnan(rate.low) else f" [{_bound(rate.low, rate)}, {_bound(rate.high, rate)}]"
    return f"{_bound(rate.factor, rate)}{between}"


def _bound(value: float, rate: ExchangeRate) -> str:
    if math.isinf(value):
        return f"> {rate.widest:.1f}"
    return f"< {rate.narrowest:.1f}" if value == 0 else f"{value:.1f}"


def detectable_cell(found: Sequence[Judged]) -> str:
    """Write the range, over depths, of the smallest difference that would be shown with 80 % probability."""
    known = [one.detectable for one in found if not one.same and math.isfinite(one.detectable)]
    if not known:
        return ""
    low, high = (f"{100 * value:.1f}" for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def counts_words(found: Sequence[tuple[str, Judged]]) -> str:
    """Say on which data sets a difference is shown, in either direction, and on how many none is.

    `found` are names of data sets and what was found there.
    """
    lower = [name for name, one in found if one.shown and one.difference.mean < 0]
    higher = [name for name, one in found if one.shown and one.difference.mean > 0]
    same = sum(one.same for _, one in found)
    none = len(found) - len(lower) - len(higher) - same
    parts = [f"{way} on {_named(names)}" for way, names in (("lower", lower), ("higher", higher))]
    parts += [f"the same net on {same}"] if same else []
    return f"{', '.join(parts)}, no difference shown on {none}"


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({'; '.join(names)})" if names else "0"


def at_own(cells: Sequence[tuple[str, Sequence[Own]]], tree: Key, other: Key) -> list[tuple[str, Judged]]:
    """Collect a tree minus another model, each at its own depth, over the data sets that have both."""
    return [(name, own.minus[tree]) for name, models in cells for own in models if own.key == other and tree in own.minus]


def trees(cells: Sequence[tuple[str, Sequence[Own]]]) -> list[Key]:
    """List the trees that are compared with others, in the order of the models."""
    compared = {tree for _, models in cells for own in models for tree in own.minus}
    return list(dict.fromkeys(own.key for _, models in cells for own in models if own.key in compared))


def opponents(cells: Sequence[tuple[str, Sequence[Own]]], tree: Key) -> list[Key]:
    """List what a tree is compared with, in order."""
    return list(dict.fromkeys(own.key for _, models in cells for own in models if tree in own.minus))


def three_sentences(cells: Sequence[tuple[str, Sequence[Own]]]) -> list[str]:
    """Say what the tables say: against dense nets of equal computation, of equal capacity, and against the controls.

    `cells` are names of data sets and their models at their own depths.
    """
    said = []
    known = trees(cells)
    for other, at in ((("dense", ""), "each at its own K"), (("dense_capacity", ""), "both at the tree's own K")):
        clauses = [f"{phrase(tree)} is {counts_words(found)}" for tree in known if (found := at_own(cells, tree, other))]
        if clauses:
            said.append(f"In test error beside {phrase(other)}, {at}, over {len(cells)} data sets: {'; '.join(clauses)}.")
    for tree in known[:1]:
        controls = [key for key in opponents(cells, tree) if is_control(key)]
        clauses = [f"beside {phrase(key)} {counts_words(at_own(cells, tree, key))}" for key in controls]
        if clauses:
            said.append(f"In test error, each at its own K, {phrase(tree)} is {'; '.join(clauses)}.")
    return said


def short_sentences(cells: Sequence[tuple[str, Sequence[Own]]]) -> list[str]:
    """Say the same by numbers alone, in sentences of at most 25 words: a paragraph for each kind of opponent.

    `cells` are names of data sets and their models at their own depths.
    """
    said = []
    known = trees(cells)
    for other in (("dense", ""), ("dense_capacity", "")):
        found = [(tree, judged) for tree in known if (judged := at_own(cells, tree, other))]
        if found:
            (tree, first), *others = found
            lower, higher = _signs([first])
            sentences = [
                f"Beside {phrase(other)}, {phrase(tree)} has a lower test error on {lower} of {len(first)} data sets, "
                f"a higher one on {higher}.",
            ]
            for tree, judged in others:
                lower, higher = _signs([judged])
                sentences.append(f"{sentence_case(phrase(tree))} has a lower one on {lower}, a higher one on {higher}.")
            said.append(" ".join(sentences))
    for tree in known[:1]:
        controls = {key: at_own(cells, tree, key) for key in opponents(cells, tree) if is_control(key)}
        if controls:
            lower, higher = _signs(list(controls.values()))
            said.append(
                f"In {sum(map(len, controls.values()))} comparisons with {len(controls)} control{'s' * (len(controls) != 1)}, "
                f"such as {phrase(next(iter(controls)))}, {phrase(tree)} has a lower test error in {lower}, a higher one in "
                f"{higher}."
            )
    return said


def _signs(found: Sequence[Sequence[tuple[str, Judged]]]) -> tuple[str, str]:
    """Count the shown differences below and above 0."""
    shown = [one.difference.mean for some in found for _, one in some if one.shown]
    lower = sum(mean < 0 for mean in shown)
    return str(lower or "none"), str(len(shown) - lower or "none")


def is_control(key: Key) -> bool:
    """Whether a model is gated, and no tree with learned gates."""
    return key[0] in gated_lines() and key[0] not in tree_lines()
