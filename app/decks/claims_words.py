"""What the deck of claims says: every title, and every sentence that could turn out otherwise, computed from the numbers.

K depth · n seeds · depths are chosen on validation, and test errors are only reported.
"""

import math

import pandas as pd

from leafscope.app import theme
from leafscope.app.decks.claims_part import Part
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.interval_lines import INTERVAL, holds_zero, n_words
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.core.comparison import statistics
from leafscope.core.comparison.intervals import LEVEL, Difference, holm
from leafscope.core.models import is_sized_by_width, net_lines

LONGEST_TITLE = 140
"""Characters of a title: two lines on a projector."""

_BESIDE = ("flat", "dense", "dense_capacity", "random_gates")
"""Models without which a claim is not tested."""

_NAMES = {
    "flat": ("the flat net", "the flat net's"),
    "dense": ("the dense net", "the dense net's"),
    "random_gates": ("the tree with random gates", "that of random gates"),
}
"""Model -> its name in a title, and in the place of its test error; see `_named` for the others."""

_FEW = 5
"""Below so many seeds an interval is rough (this project's choice)."""


def fitted(*candidates: str) -> str:
    """Choose the first sentence that is short enough for a title, or the last, cut."""
    short = (words for words in candidates if len(words) <= LONGEST_TITLE)
    return theme.one_line(next(short, candidates[-1]), LONGEST_TITLE)


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
    rates = f", each the best of {trials} learning rates" if trials > 1 else ""
    return f"{part.subject}; {some(part.n, 'seed')}; {theme.thousands(done)} of {some(len(part.table), 'run')} finished{rates}"


def lacks(part: Part, *models: str) -> str | None:
    """Say which of some models, the tree included, the cell lacks or has no result of; None if none."""
    if part.model is None:
        return "this sweep has no tree with learned gates"
    if part.depth is None:
        return "no tree has finished"
    known, done = set(part.rows["model"]), set(part.finished["model"])
    for model in models:
        name = _plain(_NAMES[model][0])
        if model not in known:
            return f"this sweep has no {name}"
        if model not in done:
            return f"no run with the {name} has finished"
    return None


def interval_words(part: Part) -> str:
    """Say how intervals are computed."""
    return findings.interval_words(part.mine, n=part.n) if part.n else ""


# Differences


def difference_title(part: Part, other: str, found: Difference, shown: bool) -> str:
    """Say in one sentence whether the tree's test error, at its chosen depth, differs from another model's."""
    name, owned = _named(part, other)
    plain = _plain(name)
    if found.n == 0:
        return fitted(f"At K = {part.depth} no seed has finished with both the tree and {name}")
    size = _points(found.mean, found.low, found.high)
    if found.n == 1:
        return fitted(f"One seed, so nothing is shown: at K = {part.depth} tree minus {plain} is {size} on {part.on}")
    if shown:
        way = "lower" if found.mean < 0 else "higher"
        sentence = f"At K = {part.depth} the tree's test error is {_size(found.mean, found.low, found.high)} {way} than {owned}"
        return fitted(f"{sentence} on {part.on}, n = {found.n}", f"{sentence}, n = {found.n}")
    between = f"between tree and {plain}"
    if part.depth == 0 and found.mean == 0:
        sentence = f"On validation the tree chooses K = 0, the dense net: no difference shown {between}"
        return fitted(f"{sentence} on {part.on} (n = {found.n})", f"{sentence} (n = {found.n})")
    by_holm = "" if holds_zero(found.low, found.high) else " by Holm"
    sentence = f"At K = {part.depth} no difference shown{by_holm} {between}"
    return fitted(f"{sentence} on {part.on} ({size}, n = {found.n})", f"{sentence} ({size}, n = {found.n})")


def title_at_depth(part: Part, other: str, differences: pd.DataFrame) -> str:
    """Say whether the tree differs from another model at its chosen depth, judged among all depths."""
    here = differences[differences["depth"] == part.depth]
    if here.empty:
        return difference_title(part, other, Difference(math.nan, math.nan, math.nan, 0, math.nan), shown=False)
    row = here.iloc[0]
    mean, low, high = (float(row[name]) for name in INTERVAL)
    return difference_title(part, other, Difference(mean, low, high, int(row["n"]), float(row["p"])), bool(row["shown"]))


def depths_title(differences: pd.DataFrame, what: str, other: str, ways: tuple[str, str]) -> str:
    """Say at how many depths the tree is shown to differ from another model, and where most."""
    name, owned = _NAMES[other]
    plain = _plain(name)
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
    size = _size(most["mean"], most["low"], most["high"])
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
    size = _points(against.difference.mean, against.difference.low, against.difference.high)
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
    low, high = part.depths[0], part.depths[-1]
    if low == high:
        means = [
            statistics.measure(findings.model_at(part.finished, part.tree, low), findings.WHICH, split, "error").mean()
            for split in ("train", "test")
        ]
        train, test = (theme.percent(float(mean)) for mean in means)
        return fitted(f"At K = {low}, the only depth, the tree's training error is {train} and its test error {test}")
    ends = ((part.tree, high), (part.tree, low))
    found = [findings.compare(part.rows, *ends, split=split) for split in ("train", "test")]
    adjusted = holm([one.p for one in found])
    changes = [_change(one, bool(p < LEVEL)) for one, p in zip(found, adjusted, strict=True)]
    n = "one seed" if found[1].n == 1 else f"n = {found[1].n}"
    if found[1].n > 1 and not (adjusted < LEVEL).any():
        return fitted(f"From K = {low} to {high} neither the tree's training nor its test error is shown to change ({n})")
    return fitted(
        f"From K = {low} to {high} the tree's training error {changes[0]}, its test error {changes[1]} ({n})",
        f"K = {low} to {high}: training error {changes[0]}, test error {changes[1]} ({n})",
    )


def _change(difference: Difference, shown: bool) -> str:
    if difference.n == 0:
        return "is not known at both"
    if difference.n == 1:
        return f"changes by {_points(difference.mean, math.nan, math.nan)}"
    if not shown:
        return "is not shown to change"
    way = "falls" if difference.mean < 0 else "rises"
    return f"{way} by {_size(difference.mean, difference.low, difference.high)}"


def _named(part: Part, other: str) -> tuple[str, str]:
    """Name a model in a title, and in the place of its test error."""
    if other != "dense_capacity":
        return _NAMES[other]
    times = times_words(part.multiple(other, "parameters"))
    name = "a dense net of as many parameters" if times == "1.00" else f"a dense net of {times} times its parameters"
    return name, f"that of {name}"


def _plain(name: str) -> str:
    return name.removeprefix("the ").removeprefix("a ")


def _point(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:,.1f}"  # + 0.0: no minus zero


def _points(mean: float, low: float, high: float) -> str:
    """Write a difference of shares with its interval, if it has one."""
    between = f" [{_point(low)}, {_point(high)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{_point(mean)} points{between}"


def _size(mean: float, low: float, high: float) -> str:
    """Write the size of a difference: of a negative one the negative, its interval turned."""
    return _points(mean, low, high) if mean >= 0 else _points(-mean, -high, -low)


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


def front_title(points: pd.DataFrame) -> str:
    """Name the models on the Pareto front, or count them."""
    front = "the Pareto front of validation error and multiply-adds"
    models = [model_words(*key) for key in points.loc[points["on_front"], ["model", "variant"]].drop_duplicates().to_numpy()]
    if not models:
        return f"No model is on {front}"
    return fitted(f"On {front}: {theme.enumerate_words(models)}", f"{some(len(models), 'model is', 'models are')} on {front}")


# Limits


def limits_title(part: Part) -> str:
    """Say how little of all that could be shown is shown."""
    done = set(part.finished["model"])
    missing = [model for model in _BESIDE if model not in done]
    gone = f", {len(missing)} of {len(_BESIDE)} other models without a result" if missing else ""
    where = f"one of {part.cells} cells" if part.cells > 1 else f"one data set ({part.on})"
    return fitted(f"What was not shown: {where}, {some(part.n, 'seed')}{gone}")


def limits(part: Part) -> list[str]:
    """List what the numbers cannot show."""
    points = [
        _seeds_words(part),
        f"{interval_words(part)} That no difference is shown does not prove that there is none.",
        _scope_words(part),
        _missing_words(part),
        _failed_words(part),
        f"{findings.rates_words(part.rows)} {_choice_words(part)}",
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
    words = []
    if part.cells > 1:
        words = [f"The first of {part.cells} cells is shown, whatever it says: {part.subject}.", _all_cells_words(part)]
    if (count := len(part.variants)) > 1:
        words.append(f"Of {count} variants of the tree the first is shown: {theme.one_line(part.variants[0], 60)}.")
    return " ".join(filter(None, words))


def _all_cells_words(part: Part) -> str:
    nets = part.table.dropna(subset=["width"])
    done = part.table[part.table["status"] == "finished"]
    parts = []
    for (data, n_train, width), _ in nets.groupby(["data", "n_train", "width"], sort=False):
        here = done[(done["data"] == data) & (done["n_train"] == n_train)]
        parts.append(("", here[here["width"].isna() | (here["width"] == width)]))
    table = findings.claims_table(parts)
    found = [(row["dense"], row["dense_shown"]) for row in table.to_dict("records") if row["dense"] is not None]
    if not found:
        return ""
    lower = sum(shown and difference.mean < 0 for difference, shown in found)
    higher = sum(shown and difference.mean > 0 for difference, shown in found)
    return (
        f"Over the {some(len(found), 'cell')} with tree and dense net the tree's test error is lower in {lower or 'none'} and "
        f"higher in {higher or 'none'}; in the others no difference is shown (depths chosen on validation, Holm over cells)."
    )


def _missing_words(part: Part) -> str:
    known, done = set(part.rows["model"]), set(part.finished["model"])
    wanted = [part.model or "tree", *_BESIDE]
    absent = [model_words(model) for model in wanted if model not in known]
    without = [model_words(model) for model in wanted if model in known and model not in done]
    parts = [f"Not in this sweep: {'; '.join(absent)}."] if absent else []
    parts += [f"Without a result: {'; '.join(without)}."] if without else []
    return " ".join(parts)


def _failed_words(part: Part) -> str:
    failed = int((part.table["status"] != "finished").sum())
    nets = part.finished[part.finished["model"].isin(net_lines())]
    collapsed = int((nets["best_test_accuracy"] <= nets["chance_accuracy"]).sum())
    parts = []
    if failed:
        has = "has" if failed == 1 else "have"
        parts.append(f"{theme.thousands(failed)} of {some(len(part.table), 'run')} {has} no result.")
    if collapsed:
        are, they = ("is", "it is") if collapsed == 1 else ("are", "they are")
        parts.append(f"{collapsed} of {some(len(nets), 'net')} {are} no better than the majority class; {they} counted.")
    return " ".join(parts)


def _choice_words(part: Part) -> str:
    if part.depth is None or len(part.depths) == 1:
        return ""
    return f"The tree's depth was chosen on validation among {len(part.depths)}, on the same rows that chose rate and epoch."
