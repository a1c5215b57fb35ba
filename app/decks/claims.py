"""A ready-made deck: the paper's three claims against the numbers of one sweep.

K depth · n seeds · a *cell* is one data set, number of training rows and width. Every sentence that could turn out otherwise
is computed; depths are chosen on validation, and test errors are only reported.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.decks.snapshot import snapshot, versions
from leafscope.app.figures.capacity.capacity_by_depth import capacity_by_depth, capacity_by_depth_table, times_words
from leafscope.app.figures.capacity.error_by_cost import error_by_cost, error_by_cost_sentence
from leafscope.app.figures.overfitting.differences_by_depth import differences_by_depth, differences_by_depth_sentence
from leafscope.app.figures.overfitting.error_by_depth import (
    error_by_depth,
    error_by_depth_sentence,
    gap_by_depth,
    gap_by_depth_sentence,
)
from leafscope.app.figures.overfitting.help_map import help_map, help_map_sentence
from leafscope.app.figures.shared import interval_lines
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.app.theme import Look
from leafscope.core.comparison import statistics
from leafscope.core.comparison.statistics import Difference
from leafscope.core.config import NetConfig, SweepConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.store.decks import Slide

NAME = "The three claims, tested"
"""The deck's name, and the title of its first slide."""

LONGEST_TITLE = 140
"""Characters of a title: two lines on a projector."""

LONGEST_CAPTION = 390
"""Characters of a figure's caption, its subtitle included: three lines on a projector."""

CLAIMS = {
    1: "Claim 1: capacity grows faster than computation",
    2: "Claim 2: the tree controls overfitting",
    3: "Claim 3: the capacity helps",
}
"""What the captions call the claims; the third is this project's question, without which the first two are idle."""

PAPER = (
    "Some weight matrices are switched on only for inputs whose hidden units show certain bit patterns.",
    "So many parameters could overfit; to control that, they form a tree whose nodes are prefixes of a sequence of such bits.",
    "The promise: the ratio of parameters to computation grows up to exponentially, as in decision trees; in dense nets it "
    "stays about 1.",
)
"""The abstract of Cho & Bengio 2014 in our own words."""

FORMULA = r"W(b) = \sum_{l=0}^{K} W_{b_1 b_2 \ldots b_l}"

_BESIDE = ("flat", "dense", "dense_capacity", "random_gates")
"""Models without which a claim is not tested."""

_NAMES = {
    "flat": ("the flat net", "the flat net's"),
    "dense": ("the dense net", "the dense net's"),
    "random_gates": ("the tree with random gates", "that of random gates"),
}
"""Model -> its name in a title, and in the place of its test error; see `_named` for the others."""

_DENSE = ("dense", "dense_capacity", "dense_ladder")
_NETS = ("tree", "tree_units", "random_gates", "flat", *_DENSE)
_BEST = "Errors at the epoch of the lowest validation loss."
_FEW = 5
"""Below so many seeds an interval is rough (this project's choice)."""


@dataclass(frozen=True)
class UsageFacts:
    """How the training rows use the leaves of a trained tree, for who has its leaves at hand; means where it has several."""

    depth: int
    rows: int
    """Training rows."""
    used_leaves: float
    """Leaves with at least one of them, from 1 to 2^depth."""
    effective_leaves: float
    """exp(H) of the load, from 1 to 2^depth."""


@dataclass(frozen=True)
class _Part:
    """The part of a sweep that is shown, and what is read from it."""

    sweep: SweepConfig
    look: Look
    table: pd.DataFrame
    """All members."""
    mine: pd.DataFrame
    """The members of one data set and size, of one variant, at all widths."""
    variants: tuple[str, ...]
    """Of the tree; the first is shown."""
    data: str
    n_train: int
    width: float
    """NaN where the sweep has no nets."""

    @classmethod
    def of(cls, sweep: SweepConfig, results: pd.DataFrame, look: Look) -> "_Part":
        """Take the first data set with the most training rows at its smallest width, as the Overfitting page does."""
        table = findings.with_replicates(results)
        # every selection of rows takes each Arrow column by itself, slowly
        table = table.astype(dict.fromkeys(table.select_dtypes("str").columns, object))
        data = table["data"].iloc[0]
        mine = table[table["data"] == data]
        n_train = int(mine["n_train"].max())
        mine = mine[mine["n_train"] == n_train]
        variants = tuple(findings.variants(mine))
        one = findings.one_variant(mine, variants[0])
        return cls(sweep, look, table, one, variants, str(data), n_train, float(mine["width"].min()))

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The members of the cell."""
        return self.mine[self.mine["width"].isna() | (self.mine["width"] == self.width)]

    @cached_property
    def finished(self) -> pd.DataFrame:
        return self.rows[self.rows["status"] == "finished"]

    @cached_property
    def model(self) -> str | None:
        """The tree that is tested; None without one."""
        return next((model for model in findings.TREES if (self.rows["model"] == model).any()), None)

    @cached_property
    def depth(self) -> int | None:
        """The tree's depth with the lowest mean validation error; None where none has finished."""
        return None if self.model is None else findings.own_depth(self.rows, self.model)

    @cached_property
    def depths(self) -> list[int]:
        """The depths at which the tree has finished."""
        return sorted({int(depth) for depth in self.finished.loc[self.finished["model"] == self.model, "depth"].dropna()})

    @cached_property
    def overlap(self) -> float:
        return findings.overlap(self.mine)

    @cached_property
    def n(self) -> int:
        """Seeds with a result."""
        return int(self.finished["seed"].nunique())

    @cached_property
    def against(self) -> dict[str, "_Against"]:
        """The tree at its depth against every other model at its own, judged together by Holm."""
        if self.model is None or self.depth is None:
            return {}
        others = [other for other in findings.OPPONENTS if not findings.model_at(self.finished, other).empty]
        own = [findings.own_depth(self.finished, other) for other in others]
        found = [findings.compare(self.finished, (self.model, self.depth), pair) for pair in zip(others, own, strict=True)]
        adjusted = statistics.holm([one.p for one in found])
        return {
            other: _Against(depth, difference, bool(p < statistics.LEVEL))
            for other, depth, difference, p in zip(others, own, found, adjusted, strict=True)
        }

    @property
    def on(self) -> str:
        """The data set, for titles."""
        return theme.one_line(self.data.replace("_", " "), 30)

    @property
    def of_data(self) -> str:
        """What figures of all widths are of."""
        return f"{self.on}, {_some(self.n_train, 'training row')}"

    @property
    def subject(self) -> str:
        """What figures of the cell are of."""
        return self.of_data if math.isnan(self.width) else f"{self.of_data}, width {self.width:g}"

    @property
    def lit(self) -> tuple[str, ...]:
        known = set(self.rows["model"])
        return tuple(model for model in (self.model or "tree", "flat", "dense") if model in known)

    def lacks(self, *models: str) -> str | None:
        """Say which of some models, the tree included, the cell lacks or has no result of; None if none."""
        if self.model is None:
            return "this sweep has no tree with learned gates"
        if self.depth is None:
            return "no tree has finished"
        known, done = set(self.rows["model"]), set(self.finished["model"])
        for model in models:
            name = _NAMES[model][0].removeprefix("the ").removeprefix("a ")
            if model not in known:
                return f"this sweep has no {name}"
            if model not in done:
                return f"no run with the {name} has finished"
        return None


@dataclass(frozen=True)
class _Against:
    """The tree minus another model, in test error."""

    depth: int | None
    """The other's own, chosen on validation; None: it has none."""
    difference: Difference
    shown: bool
    """By Holm over all models that the tree is compared with."""


def claims_deck(sweep: SweepConfig, results: pd.DataFrame, *, look: Look, usage: UsageFacts | None = None) -> list[Slide]:
    """Make the slides of the deck from a sweep and its table, as `core.sweep.results.results` lays it out.

    Of several data sets, sizes, widths or variants it shows the first data set with the most rows, the smallest width and
    the first variant, and says so. Where a model is missing or has not finished, a slide says what is not tested. Raises
    ValueError for a missing column or a seed that stands twice.
    """
    if results.empty:
        why = "The sweep has no runs, so there is nothing to show."
        nothing = _text("Nothing is tested: this sweep has no runs", [why], why)
        return [_stamped(slide, sweep) for slide in (_first(sweep, "no runs"), *_method(), nothing)]
    part = _Part.of(sweep, results, look)
    slides = [
        _first(sweep, _scope(part)),
        *_method(),
        _capacity(part, usage),
        _cost(part),
        *_overfitting(part),
        *_helps(part),
        _limits(part),
    ]
    return [_stamped(slide, sweep) for slide in slides]


def _stamped(slide: Slide, sweep: SweepConfig) -> Slide:
    """Let words that were computed tell from which sweep, as figures do."""
    if slide.sweep:
        return slide
    return slide.model_copy(update={"sweep": sweep.model_dump_json(exclude_defaults=True), "versions": versions()})


# What is said


def _first(sweep: SweepConfig, scope: str) -> Slide:
    subtitle = f"{scope}. Sweep: {theme.one_line(sweep.name, 60)}"
    return Slide(
        kind="title",
        title=NAME,
        text=subtitle,
        notes="Three claims, one sweep. Every title that follows is computed from its numbers, whichever way they point.",
    )


def _scope(part: _Part) -> str:
    done = int((part.table["status"] == "finished").sum())
    trials = int(part.table["trials"].max())
    rates = f", each the best of {trials} learning rates" if trials > 1 else ""
    return (
        f"{part.subject}; {_some(part.n, 'seed')}; {theme.thousands(done)} of {_some(len(part.table), 'run')} finished{rates}"
    )


def _method() -> list[Slide]:
    paper = _text(
        "What the paper states: three sentences",
        [
            *(f"- {sentence}" for sentence in PAPER),
            "Source: Cho & Bengio 2014, arXiv 1406.7362, abstract. Everything more specific on these slides is this project's "
            "reading.",
        ],
        "The abstract states these three things. The routing, the training and the comparisons that follow are choices of "
        "this project.",
    )
    formula = Slide(
        kind="formula",
        title="A row's weight matrix is the sum of one matrix for each prefix of its sign bits",
        text=FORMULA,
        caption="b: the signs of K gating units of the row. The empty prefix is the root, which every row uses; each further "
        "bit adds the matrix of a deeper node, which fewer rows share. The flat net has one free matrix for each of the 2^K "
        "patterns instead. K = 0 is a dense net.",
        notes="A tree of depth K stores 2^(K+1) - 1 matrices and a row uses K + 1 of them. After training they are summed "
        "once for each pattern, so that a row then costs one product. The sum is this project's reading of the paper.",
    )
    return [paper, formula]


def _text(title: str, paragraphs: Sequence[str], notes: str = "") -> Slide:
    return Slide(kind="text", title=_fitted(title), text="\n".join(paragraphs), notes=notes)


def _untested(claim: int, why: str, *, what: str = "", meaning: str = "") -> Slide:
    """Say what of a claim, or that all of it, is not tested, and why."""
    number = CLAIMS[claim].partition(":")[0]
    return _text(
        f"{what or number} is not tested here: {why}",
        [f"{CLAIMS[claim]}.", *filter(None, [meaning]), "A sweep with what is missing would test it."],
        f"Nothing is shown for or against {'this part of ' if what else ''}{number.lower()}, since {why}.",
    )


def _fitted(*candidates: str) -> str:
    """The first sentence that is short enough for a title, or the last, cut."""
    short = (words for words in candidates if len(words) <= LONGEST_TITLE)
    return theme.one_line(next(short, candidates[-1]), LONGEST_TITLE)


def _some(count: float, one: str, many: str = "") -> str:
    return f"{theme.thousands(count)} {one if count == 1 else many or one + 's'}"


def _drawn(part: _Part, claim: int, figure: go.Figure, title: str, said: Sequence[str], notes: Sequence[str]) -> Slide:
    """Make a slide of a figure; the drawing's own title, which tells what it is of, goes into the caption.

    Of what is `said`, in order of importance, the caption has what fits, the notes have the rest.
    """
    if not figure.data:
        return _untested(claim, "there is nothing to draw yet")
    about, subtitle = (html.unescape(figure.layout.meta[name]) for name in ("title", "subtitle"))
    room = LONGEST_CAPTION - len(f"{subtitle}. ")
    caption, left = theme.one_line(f"{CLAIMS[claim]}. {about}.", room), []
    for sentence in filter(None, said):
        if len(f"{caption} {sentence}") <= room:
            caption = f"{caption} {sentence}"
        else:
            left.append(sentence)
    return snapshot(
        figure,
        look=part.look,
        title=title,
        caption=caption,
        notes=" ".join(filter(None, [*notes, *left])),
        sweep=part.sweep,
    )


def _interval_words(part: _Part) -> str:
    """Say how intervals are computed."""
    n = part.n
    if n == 0:
        return ""
    if n == 1:
        return "One seed: no intervals, since they are computed from the spread over seeds."
    if part.overlap:
        return f"95 % t intervals over {n} splits of this data set, with the Nadeau-Bengio factor 1/J + {part.overlap:.2f}."
    fresh = "each with fresh data" if findings.splits_vary(part.mine) else "all with the same data"
    return f"95 % t intervals over {n} seeds, {fresh}."


def _point(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:,.1f}"  # + 0.0: no minus zero


def _points(mean: float, low: float, high: float) -> str:
    """Write a difference of shares with its interval, if it has one."""
    between = f" [{_point(low)}, {_point(high)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{_point(mean)} points{between}"


def _size(mean: float, low: float, high: float) -> str:
    """Write the size of a difference: of a negative one the negative, its interval turned."""
    return _points(mean, low, high) if mean >= 0 else _points(-mean, -high, -low)


def _named(part: _Part, other: str) -> tuple[str, str]:
    """Name a model in a title, and in the place of its test error."""
    if other != "dense_capacity":
        return _NAMES[other]
    times = times_words(_multiple(part, other, "parameters"))
    name = "a dense net of as many parameters" if times == "1.00" else f"a dense net of {times} times its parameters"
    return name, f"that of {name}"


def _multiple(part: _Part, other: str, column: str) -> float:
    """Parameters or multiply-adds of another model at its own depth as a multiple of the tree's at its depth."""
    rows = findings.model_at(part.rows, other, part.against[other].depth)
    trees = findings.model_at(part.rows, str(part.model), part.depth)
    return float(rows[column].astype(float).mean() / trees[column].astype(float).mean())


def _difference_title(part: _Part, other: str, found: Difference, shown: bool) -> str:
    """Say in one sentence whether the tree's test error, at its chosen depth, differs from another model's."""
    name, owned = _named(part, other)
    plain = name.removeprefix("the ").removeprefix("a ")
    if found.n == 0:
        return _fitted(f"At K = {part.depth} no seed has finished with both the tree and {name}")
    size = _points(found.mean, found.low, found.high)
    if found.n == 1:
        return _fitted(f"One seed, so nothing is shown: at K = {part.depth} tree minus {plain} is {size} on {part.on}")
    if shown:
        way = "lower" if found.mean < 0 else "higher"
        sentence = f"At K = {part.depth} the tree's test error is {_size(found.mean, found.low, found.high)} {way} than {owned}"
        return _fitted(f"{sentence} on {part.on}, n = {found.n}", f"{sentence}, n = {found.n}")
    between = f"between tree and {plain}"
    if part.depth == 0 and found.mean == 0:
        sentence = f"On validation the tree chooses K = 0, the dense net: no difference shown {between}"
        return _fitted(f"{sentence} on {part.on} (n = {found.n})", f"{sentence} (n = {found.n})")
    by_holm = "" if interval_lines.holds_zero(found.low, found.high) else " by Holm"
    sentence = f"At K = {part.depth} no difference shown{by_holm} {between}"
    return _fitted(f"{sentence} on {part.on} ({size}, n = {found.n})", f"{sentence} ({size}, n = {found.n})")


def _at_chosen(part: _Part, differences: pd.DataFrame) -> tuple[Difference, bool]:
    """Read off the difference at the tree's depth, and whether it is shown among all depths."""
    here = differences[differences["depth"] == part.depth]
    if here.empty:
        return Difference(math.nan, math.nan, math.nan, 0, math.nan), False
    row = here.iloc[0]
    mean, low, high = (float(row[name]) for name in interval_lines.INTERVAL)
    return Difference(mean, low, high, int(row["n"]), float(row["p"])), bool(row["shown"])


def _chosen_words(part: _Part) -> str:
    if len(part.depths) == 1:
        return f"K = {part.depth} is the tree's only depth."
    return f"K = {part.depth} is chosen on validation among {len(part.depths)} depths; test rows are only reported."


def _depths_title(differences: pd.DataFrame, what: str, other: str, ways: tuple[str, str]) -> str:
    """Say at how many depths the tree is shown to differ from another model, and where most."""
    name, owned = _NAMES[other]
    plain = name.removeprefix("the ")
    known = differences.dropna(subset=["mean"])
    if known.empty:
        return _fitted(f"No seed has finished with both the tree and {name}")
    count = len(known)
    if (known["n"] <= 1).all():
        return _fitted(f"One seed: no interval, so no difference in {what} between tree and {plain} is shown")
    shown = known[known["shown"]]
    n = interval_lines.n_words(known["n"])
    everywhere = f"at any of {count} depths" if count > 1 else f"at K = {known['depth'].iloc[0]:.0f}"
    if shown.empty:
        return _fitted(f"No difference in {what} shown between tree and {plain} {everywhere} ({n})")
    counts = [int((shown["mean"] < 0).sum()), int((shown["mean"] >= 0).sum())]
    parts = [f"{way} than {owned} at {number}" for way, number in zip(ways, counts, strict=True) if number]
    most = shown.iloc[int(shown["mean"].abs().to_numpy().argmax())]
    size = _size(most["mean"], most["low"], most["high"])
    way = ways[0] if most["mean"] < 0 else ways[1]
    where = f"most at K = {most['depth']:.0f}: {size} {way}, n = {most['n']:.0f}"
    of = f"of {count} depths" if count > 1 else "depth"
    sentence = f"The tree's {what} is {parts[0]} {of}" + (f", {ways[1]} at {counts[1]}" if len(parts) > 1 else "")
    return _fitted(f"{sentence} ({where})", sentence)


# Claim 1


def _capacity(part: _Part, usage: UsageFacts | None) -> Slide:
    if part.model is None:
        return _untested(1, "this sweep has no tree with learned gates")
    counted = _capacity_lines(part)
    table = capacity_by_depth_table(lines=counted)
    times = {str(name): rows.set_index("depth")["times"].dropna() for name, rows in table.groupby("quantity")}
    stored, spent = (times.get(name, pd.Series(dtype=float)) for name in ("stored", "multiply_adds"))
    deep = [depth for depth in stored.index.intersection(spent.index) if depth > 0]
    if not deep:
        why = "no depth above 0 stands beside K = 0"
        return _untested(1, why, meaning="Growth needs trees of K = 0, or a dense net, and of a larger K.")
    deepest = max(deep)
    ratio = stored[deepest] / spent[deepest]
    costs = "the same multiply-adds" if spent[deepest] == 1 else f"{times_words(spent[deepest])} times the multiply-adds"
    title = (
        f"At K = {deepest:.0f} the tree stores {times_words(stored[deepest])} times the parameters of K = 0 for {costs}: "
        f"a ratio of {times_words(ratio)}"
    )
    words = model_words(part.model, part.variants[0])
    figure = capacity_by_depth(lines=counted, subject=f"{words}, {part.subject}", look=part.look)
    before = stored[stored.index < deepest]
    growth = f"From K = {before.index[-1]:.0f} to {deepest:.0f} parameters grow {stored[deepest] / before.iloc[-1]:.2f} times."
    return _drawn(
        part,
        1,
        figure,
        _fitted(title),
        [
            _usage_words(usage),
            _trained_words(part),
            "Multiply-adds are of one example at inference with collapsed leaves.",
            "Whole nets, first and last layers counted.",
        ],
        [
            title + ".",
            growth,
            "These are counts, not measurements of time: memory traffic and training steps grow as well, see the benchmark.",
        ],
    )


def _capacity_lines(part: _Part) -> pd.DataFrame:
    """List what the trees store, compute and train, by depth; K = 0 is the dense net of that width where no tree has it."""
    found: list[tuple[str, float, float, str]] = []
    trees = findings.model_at(part.rows, str(part.model))
    parts = [(depth, trees[trees["depth"] == depth]) for depth in sorted(trees["depth"].dropna().unique().tolist())]
    dense = findings.model_at(part.rows, "dense")
    if part.model == "tree" and len(dense) and 0.0 not in [depth for depth, _ in parts]:
        parts.append((0.0, dense))
    for depth, rows in parts:
        quantities = {"stored": rows["parameters"].iloc[0], "multiply_adds": rows["multiply_adds"].iloc[0]}
        quantities |= {"distinct": _distinct(rows.iloc[0]), "trained": rows["trained_parameters"].astype(float).mean()}
        found += [
            (name, depth, float(value), "multiply-adds" if name == "multiply_adds" else "parameters")
            for name, value in quantities.items()
            if pd.notna(value)
        ]
    return pd.DataFrame(found, columns=["quantity", "depth", "value", "unit"])


def _distinct(row: "pd.Series[Any]") -> int:
    """Count the parameters of a member's net after collapsing its leaves."""
    from leafscope.core.config import DataConfig

    fields = {str(name)[4:]: _whole(value) for name, value in row.items() if str(name).startswith("net.") and pd.notna(value)}
    size = shape(DataConfig.model_validate(findings.data_fields(row)))
    return cost(NetConfig.model_validate(fields), size.n_features, size.n_classes).distinct_parameters


def _whole(value: Any) -> Any:
    """A whole number that a column with gaps made a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _trained_words(part: _Part) -> str:
    trees = part.finished[part.finished["model"] == part.model]
    if trees.empty:
        return "No tree has finished: what was trained is not known."
    deepest = trees[trees["depth"] == trees["depth"].max()]
    share = (deepest["trained_parameters"] / deepest["parameters"]).mean()
    if not math.isfinite(share):
        return ""
    return f"At K = {deepest['depth'].iloc[0]:.0f}, {theme.percent(share)} of the stored parameters were ever trained."


def _count(value: float) -> str:
    return theme.thousands(value) if float(value).is_integer() else theme.three_significant(value)


def _usage_words(usage: UsageFacts | None) -> str:
    if usage is None:
        return ""
    reach = "reaches" if usage.rows == 1 else "reach"
    return (
        f"At K = {usage.depth}, {_some(usage.rows, 'training row')} {reach} {_count(usage.used_leaves)} of "
        f"{_some(1 << usage.depth, 'leaf', 'leaves')}, as evenly as {theme.three_significant(usage.effective_leaves)} leaves "
        "used alike."
    )


def _cost(part: _Part) -> Slide:
    points = _cost_points(part)
    known = points["mean"].notna() & np.isfinite(points["cost"].astype(float))
    if not known.any():
        why = "no model but decision trees is here" if points.empty else "no run has finished"
        return _untested(1, why, what="What the capacity buys")
    front = error_by_cost_sentence(points=points, cost="multiply_adds")
    models = [model_words(*key) for key in points.loc[points["on_front"], ["model", "variant"]].drop_duplicates().to_numpy()]
    title = (
        _fitted(
            f"On the Pareto front of validation error and multiply-adds: {theme.enumerate_words(models)}",
            f"{_some(len(models), 'model is', 'models are')} on the Pareto front of validation error and multiply-adds",
        )
        if models
        else "No model is on the Pareto front of validation error and multiply-adds"
    )
    judged, beside = "", ["A dense net of as many parameters is not in this sweep."]
    if "dense_capacity" in part.against:
        against = part.against["dense_capacity"]
        title = _difference_title(part, "dense_capacity", against.difference, against.shown)
        judged = f"Title: both nets chosen on validation, Holm over {_some(len(part.against), 'model')}."
        times = times_words(_multiple(part, "dense_capacity", "multiply_adds"))
        beside = [
            f"{interval_lines.sentence_case(_opponent_words(part, 'dense_capacity'))}.",
            f"That dense net has about as many parameters as the tree at K = {against.depth}, and spends {times} times the "
            f"multiply-adds of the tree at K = {part.depth}.",
        ]
    return _drawn(
        part,
        1,
        error_by_cost(points=points, cost="multiply_adds", subject=part.of_data, look=part.look),
        title,
        [
            judged,
            f"The front is chosen on validation among {_some(len(points), 'model')}; test rows are only reported.",
            _BEST,
        ],
        [front, *beside, "All widths are shown, decision trees are not."],
    )


def _cost_points(part: _Part) -> pd.DataFrame:
    """List the models at all widths with multiply-adds, errors over seeds, and who is on the front, for `error_by_cost`."""
    rows = part.mine[~part.mine["model"].str.startswith("decision_tree")]
    scores = {split: statistics.measure(rows, findings.WHICH, split, "error") for split in ("test", "validation")}
    points = []
    keys = ["model", "variant", "depth", "width"]
    for (model, variant, depth, width), mine in rows.assign(**scores).groupby(keys, dropna=False, sort=False):
        found = statistics.mean_interval(mine["test"].to_numpy(dtype=float), overlap=part.overlap)
        dense = model in _DENSE
        points.append(
            {
                "model": model,
                "variant": "" if dense else variant,
                "depth": math.nan if dense else depth,
                "width": float(mine["net.width"].iloc[0]) if dense else width,
                "cost": mine["multiply_adds"].astype(float).mean(),
                "mean": found.mean,
                "low": found.low,
                "high": found.high,
                "n": found.n,
                "validation_mean": mine["validation"].mean(),
            }
        )
    columns = [*keys, "cost", *interval_lines.INTERVAL, "n", "validation_mean"]
    listed = pd.DataFrame(points, columns=columns).drop_duplicates(keys, ignore_index=True)
    front = statistics.pareto_front(listed["cost"].to_numpy(float), listed["validation_mean"].to_numpy(float))
    return listed.assign(on_front=front)


# Claim 2


def _overfitting(part: _Part) -> list[Slide]:
    if (why := part.lacks()) is not None:
        return [_untested(2, why)]
    return [_errors(part), _gaps(part), _tree_against_flat(part)]


def _errors(part: _Part) -> Slide:
    curves = pd.concat(
        [
            statistics.by_depth(part.rows, findings.WHICH, split, "error", overlap=part.overlap).assign(split=split)
            for split in ("test", "train")
        ],
        ignore_index=True,
    )
    return _drawn(
        part,
        2,
        error_by_depth(curves=curves, chosen=part.depth, lit=part.lit, subject=part.subject, look=part.look),
        _errors_title(part),
        [
            _chosen_words(part),
            "Title: changes paired over seeds, Holm over both errors." if len(part.depths) > 1 else "",
            _BEST,
        ],
        [
            _errors_title(part) + ".",
            error_by_depth_sentence(curves=curves, chosen=part.depth, lit=part.lit),
            f"Left are test rows, right the rows trained on, on one scale. {_interval_words(part)} {_rates_words(part)}",
        ],
    )


def _errors_title(part: _Part) -> str:
    """Say how training and test error of the tree change from the smallest to the largest depth."""
    assert part.model is not None
    low, high = part.depths[0], part.depths[-1]
    if low == high:
        means = [
            statistics.measure(findings.model_at(part.finished, part.model, low), findings.WHICH, split, "error").mean()
            for split in ("train", "test")
        ]
        train, test = (theme.percent(float(mean)) for mean in means)
        return _fitted(f"At K = {low}, the only depth, the tree's training error is {train} and its test error {test}")
    ends = ((part.model, high), (part.model, low))
    found = [findings.compare(part.rows, *ends, split=split) for split in ("train", "test")]
    adjusted = statistics.holm([one.p for one in found])
    changes = [_change(one, bool(p < statistics.LEVEL)) for one, p in zip(found, adjusted, strict=True)]
    n = "one seed" if found[1].n == 1 else f"n = {found[1].n}"
    if found[1].n > 1 and not (adjusted < statistics.LEVEL).any():
        return _fitted(f"From K = {low} to {high} neither the tree's training nor its test error is shown to change ({n})")
    return _fitted(
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


def _rates_words(part: _Part) -> str:
    trials = int(part.rows["trials"].max())
    if trials == 1:
        return "All nets have the same learning rate."
    return f"Learning rate: the one of {trials} with the lowest mean validation loss, for each model and depth."


def _gaps(part: _Part) -> Slide:
    rows = part.rows.assign(gap=statistics.gap(part.rows, findings.WHICH, "error").to_numpy())
    found = []
    keys = ["model", "variant", "depth"]
    for key, mine in rows.groupby(keys, dropna=False, sort=False):
        interval = statistics.mean_interval(mine["gap"].to_numpy(dtype=float), overlap=part.overlap)
        found.append([*key, interval.mean, interval.low, interval.high, interval.n])
    curves = pd.DataFrame(found, columns=[*keys, *interval_lines.INTERVAL, "n"])
    sentence = gap_by_depth_sentence(curves=curves, chosen=part.depth, lit=part.lit)
    beside = next((model for model in ("flat", "dense") if part.lacks(model) is None), None)
    if beside is None:
        title, judged = _fitted(sentence.removesuffix("."), f"Generalization gap of the tree against depth, {part.on}"), ""
    else:
        assert part.model is not None
        differences = statistics.gap_differences_by_depth(
            part.rows, part.model, beside, findings.WHICH, "error", overlap=part.overlap
        )
        title = _depths_title(differences, "generalization gap", beside, ("smaller", "larger"))
        judged = f"Title: paired over seeds, Holm over {_some(len(differences), 'depth')}."
    return _drawn(
        part,
        2,
        gap_by_depth(curves=curves, chosen=part.depth, lit=part.lit, subject=part.subject, look=part.look),
        title,
        [
            "The gap is test error minus training error.",
            judged,
            "A model that fits less has a smaller gap without being better.",
            _BEST,
        ],
        [title + ".", sentence, "Look at both errors before calling a small gap a success.", _interval_words(part)],
    )


def _tree_against_flat(part: _Part) -> Slide:
    if (why := part.lacks("flat")) is not None:
        meaning = "Without the flat net, whose leaves are separate, it cannot be told what sharing prefixes is good for."
        return _untested(2, why, what="Sharing prefixes", meaning=meaning)
    return _differences_slide(part, 2, "flat", "The flat net has one free matrix for each leaf, the tree shares prefixes.")


def _differences_slide(part: _Part, claim: int, other: str, meaning: str) -> Slide:
    """Draw the tree minus another model by depth; the title counts the depths for the flat net, else it is of the chosen."""
    assert part.model is not None
    differences = statistics.differences_by_depth(
        part.rows, part.model, other, findings.WHICH, "test", "error", overlap=part.overlap
    )
    if other == "flat":
        title, chosen = _depths_title(differences, "test error", other, ("lower", "higher")), ""
    else:
        title, chosen = _difference_title(part, other, *_at_chosen(part, differences)), _chosen_words(part)
    return _drawn(
        part,
        claim,
        differences_by_depth(differences=differences, first=part.model, second=other, subject=part.subject, look=part.look),
        title,
        [chosen, meaning, _BEST],
        [
            title + ".",
            differences_by_depth_sentence(differences=differences, first=part.model, second=other),
            f"Each at its own depth, chosen on validation: {_opponent_words(part, other)}. {_interval_words(part)}",
        ],
    )


def _opponent_words(part: _Part, other: str) -> str:
    against, (name, _) = part.against[other], _named(part, other)
    if against.difference.n == 0:
        return f"tree and {name} have no seed in common"
    own = "" if against.depth is None or other in _DENSE else f" at its own K = {against.depth}"
    size = _points(against.difference.mean, against.difference.low, against.difference.high)
    judged = "a difference is shown" if against.shown else "no difference is shown"
    over = f"Holm over {_some(len(part.against), 'model')}"
    return f"tree at K = {part.depth} minus {name}{own}: {size}, n = {against.difference.n}, {judged} ({over})"


# Claim 3


def _helps(part: _Part) -> list[Slide]:
    slides = []
    if (why := part.lacks("dense")) is not None:
        slides.append(_untested(3, why))
    else:
        meaning = "The dense net has the same width and multiply-adds, and is the same at every K."
        slides.append(_differences_slide(part, 3, "dense", meaning))
        if len(part.mine.loc[part.mine["model"] == part.model, "width"].unique()) > 1:
            slides.append(_map(part))
    if part.lacks() is None:
        slides.append(_control(part))
    return slides


def _map(part: _Part) -> Slide:
    assert part.model is not None
    cells = statistics.where_it_helps(part.mine, part.model, "dense", which=findings.WHICH, overlap=part.overlap)
    sentence = help_map_sentence(cells=cells, first=part.model)
    known = cells.dropna(subset=["mean"])
    better, worse = (int((known["shown"] & side).sum()) for side in (known["mean"] < 0, known["mean"] >= 0))
    where = _some(len(known), "pair of width and depth", "pairs of width and depth")
    title = f"Over {where} the tree's test error is lower than the dense net's in {better}, higher in {worse}"
    return _drawn(
        part,
        3,
        help_map(cells=cells, first=part.model, subject=part.of_data, look=part.look),
        _fitted(title if better + worse else f"Over {where} no difference between tree and dense net is shown"),
        ["Paired over seeds, Holm over all cells.", "No depth is chosen here: all are shown.", _BEST],
        [sentence, f"Each cell is one width and one depth against the dense net of that width. {_interval_words(part)}"],
    )


def _control(part: _Part) -> Slide:
    if (why := part.lacks("random_gates")) is not None:
        meaning = "Without frozen random gates it cannot be told whether learned gates matter."
        return _untested(3, why, what="Learning the gates", meaning=meaning)
    meaning = "Random gates are frozen random hyperplanes: what they reach, learned gates need not be credited with."
    return _differences_slide(part, 3, "random_gates", meaning)


# Limits


def _limits(part: _Part) -> Slide:
    points = [
        _seeds_words(part),
        f"{_interval_words(part)} No difference shown is no proof that there is none.",
        _scope_words(part),
        _missing_words(part),
        _failed_words(part),
        f"{_rates_words(part)} {_choice_words(part)}",
        "A worse fit is not less overfitting: the Overfitting page tells whose training loss was still falling.",
    ]
    done = set(part.finished["model"])
    missing = [model for model in _BESIDE if model not in done]
    gone = f", {len(missing)} of {len(_BESIDE)} other models without a result" if missing else ""
    where = f"one of {_cells(part)} cells" if _cells(part) > 1 else f"one data set ({part.on})"
    title = f"What was not shown: {where}, {_some(part.n, 'seed')}{gone}"
    return _text(
        title,
        [f"- {point.strip()}" for point in points if point.strip()],
        "These limits are computed from the sweep. What the titles say holds for this data set, width and training only.",
    )


def _seeds_words(part: _Part) -> str:
    if part.n == 0:
        return "No run of this cell has finished: nothing is shown."
    if part.n == 1:
        return "One seed: there are no intervals, and nothing is shown."
    rough = f"; with fewer than {_FEW}, intervals are rough" if part.n < _FEW else ""
    return f"{part.n} seeds of {part.subject}{rough}."


def _cells(part: _Part) -> int:
    nets = part.table.dropna(subset=["width"])
    return len(nets[["data", "n_train", "width"]].drop_duplicates())


def _scope_words(part: _Part) -> str:
    """Name what else the sweep has, and what all its cells say together, so that the cell shown is not the one that suits."""
    words = []
    if (count := _cells(part)) > 1:
        words.append(f"The first of {count} cells is shown, whatever it says: {part.subject}.")
        words += [_all_cells_words(part)]
    if len(part.variants) > 1:
        words.append(
            f"Of {len(part.variants)} variants of the tree the first is shown: {theme.one_line(part.variants[0], 60)}."
        )
    return " ".join(filter(None, words))


def _all_cells_words(part: _Part) -> str:
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
        f"Over the {_some(len(found), 'cell')} with tree and dense net the tree's test error is lower in {lower or 'none'} and "
        f"higher in {higher or 'none'}; in the others no difference is shown (depths chosen on validation, Holm over cells)."
    )


def _missing_words(part: _Part) -> str:
    known, done = set(part.rows["model"]), set(part.finished["model"])
    wanted = [part.model or "tree", *_BESIDE]
    absent = [model_words(model) for model in wanted if model not in known]
    without = [model_words(model) for model in wanted if model in known and model not in done]
    parts = [f"Not in this sweep: {'; '.join(absent)}."] if absent else []
    parts += [f"Without a result: {'; '.join(without)}."] if without else []
    return " ".join(parts)


def _failed_words(part: _Part) -> str:
    failed = int((part.table["status"] != "finished").sum())
    nets = part.finished[part.finished["model"].isin(_NETS)]
    collapsed = int((nets["best_test_accuracy"] <= nets["chance_accuracy"]).sum())
    parts = []
    if failed:
        has = "has" if failed == 1 else "have"
        parts.append(f"{theme.thousands(failed)} of {_some(len(part.table), 'run')} {has} no result.")
    if collapsed:
        are, they = ("is", "it is") if collapsed == 1 else ("are", "they are")
        parts.append(f"{collapsed} of {_some(len(nets), 'net')} {are} no better than the majority class; {they} counted.")
    return " ".join(parts)


def _choice_words(part: _Part) -> str:
    if part.depth is None or len(part.depths) == 1:
        return ""
    return f"The tree's depth was chosen on validation among {len(part.depths)}, on the same rows that chose rate and epoch."
