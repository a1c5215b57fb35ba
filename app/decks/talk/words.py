"""What the talk says of its figures: titles, subtitles and sentences, all computed from the numbers.

K depth · n seeds · depths are chosen on validation, and test errors are only reported.
"""

import math

import pandas as pd

from leafscope.app import theme
from leafscope.app.decks.talk.part import Part
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import INTERVAL, holds_zero, n_words, phrase, sentence_case
from leafscope.app.sweeps import findings
from leafscope.core.comparison import statistics
from leafscope.core.comparison.intervals import LEVEL, Difference, holm
from leafscope.core.models import is_sized_by_width

LONGEST_SENTENCE = 140
"""Characters of the sentence that says what a figure shows."""

LONGEST_TITLE = 12
"""Words of a slide's title, which is read in one look; the notes have the whole sentence."""

_NAMES = {
    "flat": ("the flat net", "the flat net's"),
    "dense": ("the dense net", "the dense net's"),
    "random_gates": ("the tree with random gates", "that of random gates"),
    "shuffled": ("the tree over shuffled leaves", "that of the tree over shuffled leaves"),
}
"""Model -> its name in a sentence, and in the place of its test error; see `_named` for the others."""

_SHORT = {
    "flat": "the flat net",
    "dense": "the dense net",
    "dense_capacity": "the equally large dense net",
    "random_gates": "random gates",
    "shuffled": "shuffled prefixes",
    "decision_tree": "the decision tree",
    "logistic": "logistic regression",
}
"""Model -> its name in a title."""


def short(other: str) -> str:
    """Name a model in a title."""
    return _SHORT.get(other, phrase(other))


def fitted(*candidates: str) -> str:
    """Choose the first sentence that is short enough, or the last, cut."""
    short = (words for words in candidates if len(words) <= LONGEST_SENTENCE)
    return theme.one_line(next(short, candidates[-1]), LONGEST_SENTENCE)


def some(count: float, one: str, many: str = "") -> str:
    """Write a count with its noun.

    >>> some(1, "leaf", "leaves"), some(1200, "run")
    ('1 leaf', '1,200 runs')
    """
    return f"{theme.thousands(count)} {one if count == 1 else many or one + 's'}"


def scope(part: Part) -> str:
    """Say what is shown, with how many seeds, and how much of the sweep has finished."""
    done = int((part.table["status"] == "finished").sum())
    trials = int(part.table["trials"].max())
    of = "pairs of rate and decay" if part.sweep.trials is not None else "learning rates"
    rates = f", each the best of {trials} {of}" if trials > 1 else ""
    return f"{part.subject}; {some(part.n, 'seed')}; {theme.thousands(done)} of {some(len(part.table), 'run')} finished{rates}"


def lacks(part: Part, *models: str) -> str | None:
    """Say which of some models, the tree included, the cell lacks or has no result of; None if none."""
    if part.model is None:
        return "this sweep has no tree with learned gates"
    if part.depth is None:
        return "no tree has finished"
    known, done = set(part.rows["model"]), set(part.finished["model"])
    for model in models:
        name = bare(_NAMES[model][0])
        if model not in known:
            return f"this sweep has no {name}"
        if model not in done:
            return f"no run with the {name} has finished"
    return None


def interval_words(part: Part) -> str:
    """Say how intervals are computed."""
    return findings.interval_words(part.mine, n=part.n) if part.n else ""


# Titles


def difference_headline(depth: int | None, other: str, found: Difference, shown: bool, errors: Errors = SHARES) -> str:
    """Say in at most 12 words whether the tree's test error differs from another model's."""
    name = short(other)
    if found.n == 0:
        return f"Not known: the tree against {name}"
    if found.n == 1:
        return f"One seed: no difference shown from {name}"
    if shown:
        return f"K = {depth}: {'lower' if found.mean < 0 else 'higher'} test {errors.noun} than {name}"
    return f"K = {depth}: no difference shown from {name}"


def depths_headline(differences: pd.DataFrame, what: str, other: str, ways: tuple[str, str]) -> str:
    """Say in at most 12 words at how many depths the tree is shown to differ from another model."""
    shown, name = differences[differences["shown"]], sentence_case(what)
    counts = [int((shown["mean"] < 0).sum()), int((shown["mean"] >= 0).sum())]
    parts = [f"{way} at {number}" for way, number in zip(ways, counts, strict=True) if number]
    if not parts:
        return f"{name}: no difference shown from {short(other)}"
    known = differences.dropna(subset=["mean"])
    if len(known) == 1:
        return f"{name} against {short(other)}: {ways[0] if counts[0] else ways[1]} at K = {known['depth'].iloc[0]:.0f}"
    of = f" of {len(known)} depths" if len(parts) == 1 else ""  # both leave no room
    return f"{name} against {short(other)}: {', '.join(parts)}{of}"


def errors_headline(part: Part) -> str:
    """Say in at most 12 words how the tree's errors change from the smallest to the largest depth."""
    low, high, noun = part.depths[0], part.depths[-1], part.errors.noun
    if low == high:
        return f"Training and test {noun} at K = {low}"
    words = []
    for name, (difference, shown) in zip(("training", "test"), _error_changes(part), strict=True):
        if shown:
            words.append(f"{name} {noun} {'falls' if difference.mean < 0 else 'rises'}")
    return f"K = {low} to {high}: {', '.join(words) or f'no change of {noun} shown'}"


# Subtitles: the number of the title, with its interval


def difference_subtitle(other: str, found: Difference, depth: float | None = None, errors: Errors = SHARES) -> str:
    """Give the tree's test error minus another model's with its interval; `depth` is where it is largest, if it has several."""
    where = "" if depth is None else f", most at K = {depth:.0f}"
    begin = f"Test {_unit(errors)}, tree minus {bare(short(other))}{where}"
    if found.n == 0:
        return f"{begin}: no seed has finished with both"
    size = _signed(errors, found.mean, found.low, found.high)
    return f"{begin}: {size}, {'one seed, no interval' if found.n == 1 else f'n = {found.n}, paired over seeds'}"


def depths_subtitle(other: str, differences: pd.DataFrame, errors: Errors = SHARES) -> str:
    """Give the largest difference that is shown, or else the largest of all, with its interval and depth."""
    known = differences.dropna(subset=["mean"])
    known = known[~statistics.is_same_net(known)]
    if known.empty:
        return difference_subtitle(other, Difference(math.nan, math.nan, math.nan, 0, math.nan), errors=errors)
    among = known[known["shown"]] if known["shown"].any() else known
    row = among.iloc[int(among["mean"].abs().to_numpy().argmax())]
    one = Difference(float(row["mean"]), float(row["low"]), float(row["high"]), int(row["n"]), float(row["p"]))
    return difference_subtitle(other, one, float(row["depth"]) if len(known) > 1 else None, errors)


def errors_subtitle(part: Part) -> str:
    """Give the changes of training and test error from the smallest to the largest depth."""
    low, high = part.depths[0], part.depths[-1]
    if low == high:
        return f"K = {low} is the only depth"
    said = [
        f"{name} {_signed(part.errors, one.mean, one.low, one.high)}"
        for name, (one, _) in zip(("Training", "test"), _error_changes(part), strict=True)
        if one.n
    ]
    n = _error_changes(part)[1][0].n
    unit = "" if part.errors.are_shares else f"; {part.errors.axis}"
    return (
        f"{', '.join(said)}, {'one seed: no interval' if n == 1 else f'n = {n}'}{unit}" if said else "Not known at both depths"
    )


# Differences


def difference_title(part: Part, other: str, found: Difference, shown: bool) -> str:
    """Say in one sentence whether the tree's test error, at its chosen depth, differs from another model's."""
    name, owned = _named(part, other)
    plain, errors = bare(name), part.errors
    if found.n == 0:
        return fitted(f"At K = {part.depth} no seed has finished with both the tree and {name}")
    size = _points(errors, found.mean, found.low, found.high)
    if found.n == 1:
        return fitted(f"One seed, so nothing is shown: at K = {part.depth} tree minus {plain} is {size} on {part.on}")
    if shown:
        way = "lower" if found.mean < 0 else "higher"
        size = _size(errors, found.mean, found.low, found.high)
        sentence = f"At K = {part.depth} the tree's test {errors.noun} is {size} {way} than {owned}"
        return fitted(f"{sentence} on {part.on}, n = {found.n}", f"{sentence}, n = {found.n}")
    between = f"between tree and {plain}"
    if part.depth == 0 and found.mean == 0:
        sentence = f"On validation the tree chooses K = 0, the dense net: no difference shown {between}"
        return fitted(f"{sentence} on {part.on} (n = {found.n})", f"{sentence} (n = {found.n})")
    by_holm = "" if holds_zero(found.low, found.high) else " by Holm"
    sentence = f"At K = {part.depth} no difference shown{by_holm} {between}"
    return fitted(f"{sentence} on {part.on} ({size}, n = {found.n})", f"{sentence} ({size}, n = {found.n})")


def at_chosen_depth(part: Part, differences: pd.DataFrame) -> tuple[Difference, bool]:
    """Find the difference at the tree's chosen depth, and whether it is shown, judged among all depths."""
    here = differences[differences["depth"] == part.depth]
    if here.empty:
        return Difference(math.nan, math.nan, math.nan, 0, math.nan), False
    row = here.iloc[0]
    mean, low, high = (float(row[name]) for name in INTERVAL)
    return Difference(mean, low, high, int(row["n"]), float(row["p"])), bool(row["shown"])


def depths_title(differences: pd.DataFrame, what: str, other: str, ways: tuple[str, str], errors: Errors = SHARES) -> str:
    """Say at how many depths the tree is shown to differ from another model, and where most."""
    name, owned = _NAMES[other]
    plain = bare(name)
    known = differences.dropna(subset=["mean"])
    if known.empty:
        return fitted(f"No seed has finished with both the tree and {name}")
    count = len(known)
    if (known["n"] <= 1).all():
        return fitted(f"One seed: no interval, so no difference in {what} between tree and {plain} is shown")
    shown = known[known["shown"]]
    everywhere = f"at any of {count} depths" if count > 1 else f"at K = {known['depth'].iloc[0]:.0f}"
    if shown.empty:
        return fitted(f"No difference in {what} shown between tree and {plain} {everywhere} ({n_words(known['n'])})")
    counts = [int((shown["mean"] < 0).sum()), int((shown["mean"] >= 0).sum())]
    parts = [f"{way} than {owned} at {number}" for way, number in zip(ways, counts, strict=True) if number]
    most = shown.iloc[int(shown["mean"].abs().to_numpy().argmax())]
    size = _size(errors, most["mean"], most["low"], most["high"])
    way = ways[0] if most["mean"] < 0 else ways[1]
    where = f"most at K = {most['depth']:.0f}: {size} {way}, n = {most['n']:.0f}"
    of = f"of {count} depths" if count > 1 else "depth"
    sentence = f"The tree's {what} is {parts[0]} {of}" + (f", {ways[1]} at {counts[1]}" if len(parts) > 1 else "")
    return fitted(f"{sentence} ({where})", sentence)


def opponent_words(part: Part, other: str) -> str:
    """Compare the tree with another model, each at its own depth."""
    against, (name, _) = part.against[other], _named(part, other)
    if against.difference.n == 0:
        return f"tree and {name} have no seed in common"
    own = "" if against.depth is None or is_sized_by_width(other) else f" at its own K = {against.depth}"
    size = _points(part.errors, against.difference.mean, against.difference.low, against.difference.high)
    judged = "a difference is shown" if against.shown else "no difference is shown"
    over = f"Holm over {some(len(part.against), 'model')}"
    return f"tree at K = {part.depth} minus {name}{own}: {size}, n = {against.difference.n}, {judged} ({over})"


def chosen_words(part: Part) -> str:
    """Say how the tree's depth was chosen."""
    if len(part.depths) == 1:
        return f"K = {part.depth} is the tree's only depth."
    return f"K = {part.depth} is chosen on validation among {len(part.depths)} depths; test rows are only reported."


def errors_title(part: Part) -> str:
    """Say how training and test error of the tree change from the smallest to the largest depth."""
    low, high, noun = part.depths[0], part.depths[-1], part.errors.noun
    if low == high:
        means = [
            statistics.measure(findings.model_at(part.finished, part.tree, low), findings.WHICH, split, "error").mean()
            for split in ("train", "test")
        ]
        train, test = (part.errors.words(part.errors.scaled(float(mean))) for mean in means)
        return fitted(f"At K = {low}, the only depth, the tree's training {noun} is {train} and its test {noun} {test}")
    found = _error_changes(part)
    changes = [_change(part.errors, difference, shown) for difference, shown in found]
    n = "one seed" if found[1][0].n == 1 else f"n = {found[1][0].n}"
    if found[1][0].n > 1 and not any(shown for _, shown in found):
        return fitted(f"From K = {low} to {high} neither the tree's training nor its test {noun} is shown to change ({n})")
    return fitted(
        f"From K = {low} to {high} the tree's training {noun} {changes[0]}, its test {noun} {changes[1]} ({n})",
        f"K = {low} to {high}: training {noun} {changes[0]}, test {noun} {changes[1]} ({n})",
    )


def _error_changes(part: Part) -> list[tuple[Difference, bool]]:
    """Compare training and test error at the largest depth with those at the smallest, and judge both by Holm."""
    ends = ((part.tree, part.depths[-1]), (part.tree, part.depths[0]))
    found = [findings.compare(part.rows, *ends, split=split) for split in ("train", "test")]
    adjusted = holm([one.p for one in found])
    return [(one, bool(p < LEVEL)) for one, p in zip(found, adjusted, strict=True)]


def _change(errors: Errors, difference: Difference, shown: bool) -> str:
    if difference.n == 0:
        return "is not known at both"
    if difference.n == 1:
        return f"changes by {_points(errors, difference.mean, math.nan, math.nan)}"
    if not shown:
        return "is not shown to change"
    way = "falls" if difference.mean < 0 else "rises"
    return f"{way} by {_size(errors, difference.mean, difference.low, difference.high)}"


def _named(part: Part, other: str) -> tuple[str, str]:
    """Name a model in a title, and in the place of its test error."""
    if other != "dense_capacity":
        return _NAMES.get(other, (phrase(other), f"that of {phrase(other)}"))
    times = times_words(part.multiple(other, "parameters"))
    name = "a dense net of as many parameters" if times == "1.00" else f"a dense net of {times} times its parameters"
    return name, f"that of {name}"


def bare(name: str) -> str:
    """Leave out a name's article."""
    return name.removeprefix("the ").removeprefix("a ")


def _unit(errors: Errors) -> str:
    """What test errors are: an error, or the RMSE with its unit."""
    return "error" if errors.are_shares else errors.axis


def _point(errors: Errors, value: float) -> str:
    return (
        f"{round(100 * value, 1) + 0.0:,.1f}" if errors.are_shares else theme.three_significant(value)
    )  # + 0.0: no minus zero


def _points(errors: Errors, mean: float, low: float, high: float) -> str:
    """Write a difference of errors with its interval, if it has one; of shares in percentage points."""
    between = f" [{_point(errors, low)}, {_point(errors, high)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{_point(errors, mean)}{' points' * errors.are_shares}{between}"


def _size(errors: Errors, mean: float, low: float, high: float) -> str:
    """Write the size of a difference: of a negative one the negative, its interval turned."""
    return _points(errors, mean, low, high) if mean >= 0 else _points(errors, -mean, -high, -low)


def _signed(errors: Errors, mean: float, low: float, high: float) -> str:
    """Write a difference of errors with its sign, and its interval if it has one."""

    def signed(value: float) -> str:
        words = _point(errors, value)
        above = round(100 * value, 1) > 0 if errors.are_shares else value > 0
        return f"+{words}" if above else words

    between = f" [{signed(low)}, {signed(high)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{signed(mean)}{' points' * errors.are_shares}{between}"


# Capacity


def capacity_title(depth: float, stored: float, spent: float) -> str:
    """Say how many times the parameters and the multiply-adds of K = 0 a tree has."""
    costs = "the same multiply-adds" if spent == 1 else f"{times_words(spent)} times the multiply-adds"
    return fitted(
        f"At K = {depth:.0f} the tree stores {times_words(stored)} times the parameters of K = 0 for {costs}: "
        f"a ratio of {times_words(stored / spent)}"
    )


def trained_words(part: Part) -> str:
    """Say what share of the stored parameters was trained."""
    trees = part.finished[part.finished["model"] == part.model]
    if trees.empty:
        return "No tree has finished: what was trained is not known."
    deepest = trees[trees["depth"] == trees["depth"].max()]
    share = (deepest["trained_parameters"] / deepest["parameters"]).mean()
    if not math.isfinite(share):
        return ""
    return f"At K = {deepest['depth'].iloc[0]:.0f}, {theme.percent(share)} of the stored parameters were ever trained."
