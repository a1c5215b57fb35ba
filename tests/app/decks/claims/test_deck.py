"""The ready-made deck says what the numbers say: titles against scipy, in all directions, and with anything missing."""

import ast
import base64
import json
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leafscope.app.decks.claims.deck import NAME, claims_deck
from leafscope.app.decks.claims.part import Part
from leafscope.app.decks.claims.slides import LONGEST_CAPTION
from leafscope.app.decks.claims.words import LONGEST_SENTENCE, LONGEST_TITLE
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps import findings
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.intervals import holm
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.cost import cost
from leafscope.core.store.decks import MAX_FIGURE_BYTES, Slide
from leafscope.core.sweep.choice import reporting
from leafscope.core.sweep.members import Member, expand
from leafscope.core.sweep.results import choosing_results, results
from leafscope.core.worker.inline import Outcome

DATA = DataConfig(name="tree_teacher", n_samples=200, n_train=100, n_features=6, n_classes=3, teacher_depth=2)
BESIDE = ["dense", "dense_capacity", "random_gates"]
ALL = ["tree", "flat"]
ROOT = Path(__file__).parents[4]

Error = Callable[[str, int, int, str], float]
"""The error of (model, depth, seed, split)."""


def config(
    *,
    kinds: Sequence[str] = ALL,
    depths: Sequence[int] = (0, 1, 2),
    beside: Sequence[str] = BESIDE,
    seeds: int = 5,
    data: DataConfig = DATA,
    name: str = "a sweep",
    **axes: list[Any],
) -> SweepConfig:
    base = RunConfig(data=data, net=NetConfig(width=6, depth=0), train=TrainConfig(epochs=2))
    named: dict[str, list[Any]] = {"net.kind": list(kinds), "net.depth": list(depths), "seed": list(range(seeds))}
    return SweepConfig(
        name=name,
        base=base,
        axes=named | {key.replace("__", "."): values for key, values in axes.items()},
        baselines=list(beside),
    )


def noisy(means: dict[str, Any], size: float = 0.004) -> Error:
    """Errors about a mean for each model, or model and depth, unless a split has its own; seeds differ a little."""

    def error(model: str, depth: int, seed: int, split: str) -> float:
        found = means.get(f"{model} {split}", means.get(model, means["dense"]))
        mean = found[depth] if isinstance(found, (list, tuple)) else found
        return float(mean + size * math.sin(9 * seed + 3 * len(model) + 5 * depth + len(split)))

    return error


def table(sweep: SweepConfig, error: Error, fails: Callable[[Member], bool] = lambda member: False) -> pd.DataFrame:
    """The table of a sweep whose runs had these errors; nets of depth 0 are the dense net, which is one run."""
    return results(sweep, outcomes_of(expand(sweep), error, fails))


def outcomes_of(
    members: Sequence[Member], error: Error, fails: Callable[[Member], bool] = lambda member: False
) -> dict[str, Outcome]:
    outcomes = {}
    for member in members:
        if fails(member):
            outcomes[member.run_id] = Outcome("failed", "it broke")
            continue
        depth = 0 if member.depth is None else member.depth
        model = "dense" if depth == 0 else member.model
        scores = {
            f"{split}_accuracy": 1 - error(model, depth, member.run.seed, split) for split in ("train", "validation", "test")
        }
        facts = {"trained_parameters": 100.0, "inference_seconds": 1e-6, "parameters": 90, "multiply_adds": 2}
        scores |= {f"{split}_loss": 0.5 for split in ("train", "validation", "test")}
        outcomes[member.run_id] = Outcome("finished", best_epoch=1, best=scores, last=scores, facts=facts, seconds=0.1)
    return outcomes


def deck(sweep: SweepConfig, error: Error, **options: Any) -> list[Slide]:
    return checked(claims_deck(sweep, table(sweep, error, **options), look=SCREEN))


@cache
def deck_of(*depths: int) -> list[Slide]:
    """All models, no differences; drawn once."""
    return deck(config(depths=depths), noisy({"dense": 0.3}))


def checked(slides: list[Slide]) -> list[Slide]:
    """What holds for every deck."""
    assert slides[0].kind == "title"
    assert slides[0].title == NAME
    assert [slide.kind for slide in slides[1:3]] == ["text", "formula"]
    assert slides[-1].title.startswith("What was not shown") or slides[-1].title.startswith("Nothing is tested")
    for slide in slides:
        assert Slide.model_validate(slide.model_dump()) == slide
        assert 0 < len(slide.title.split()) <= LONGEST_TITLE == 12 or slide.kind == "title"
        assert not re.search(r"\bnan\b|\binf\b|None|n/a", f"{slide.title} {slide.text} {slide.caption} {slide.notes}")
        assert SweepConfig.model_validate_json(slide.sweep)
        assert slide.versions
        if slide.kind == "figure":
            assert slide.figure is not None
            assert slide.figure["data"]
            assert len(json.dumps(slide.figure, allow_nan=False)) < MAX_FIGURE_BYTES
            assert slide.caption
            assert slide.caption.count("Claim") == 1
            assert len(slide.caption) <= LONGEST_CAPTION == 390
        assert len(set(re.findall(r"K = (\d+)", slide.title))) <= 1
        said = f"{slide.title} {slide.text} {slide.caption} {slide.notes}"
        assert not re.search(r"(?<![,.\d])1 (\w+ )?(seeds|runs|rows|models|depths|cells|pairs|leaves|nets)\b", said)
        assert slide.notes
        assert slide.text or slide.kind == "figure"
    return slides


def titles(slides: list[Slide]) -> str:
    return "\n".join(slide.title for slide in slides)


def titled(slides: list[Slide], words: str) -> Slide:
    """The slide whose title, or the sentence with which its notes begin, has these words."""
    (found,) = [slide for slide in slides if words in slide.title or words in slide.notes[:LONGEST_SENTENCE]]
    return found


def about(slides: list[Slide], words: str) -> Slide:
    """The figure whose own title, which its caption holds, has these words."""
    (found,) = [slide for slide in slides if slide.kind == "figure" and words in slide.caption]
    return found


AGAINST_DENSE = "the tree minus the dense net of equal computation"
AGAINST_FLAT = "the tree minus the flat net"
AGAINST_RANDOM = "the tree minus the tree with random gates"


# Whichever way the numbers point


WINS = noisy(
    {"dense": 0.30, "tree": [0.30, 0.25, 0.20], "flat": 0.29, "random_gates": 0.28}
    | {"dense train": 0.25, "tree train": 0.28, "flat train": 0.1}
)
LOSES = noisy(
    {"dense": 0.20, "tree": 0.30, "tree validation": [0.3, 0.1, 0.3], "flat": 0.25, "random_gates": 0.27}
    | {"dense train": 0.15, "tree train": 0.1, "flat train": 0.25}
)


@cache
def won() -> list[Slide]:
    return deck(config(), WINS)


@cache
def lost() -> list[Slide]:
    return deck(config(), LOSES)


def test_a_tree_that_wins_is_said_to_win_with_scipys_interval() -> None:
    error, slides = WINS, won()
    tree, dense = (np.array([error(model, k, seed, "test") for seed in range(5)]) for model, k in (("tree", 2), ("dense", 0)))
    low, high = stats.ttest_rel(tree, dense).confidence_interval()
    mean = 100 * (dense - tree).mean()
    assert about(slides, AGAINST_DENSE).notes.startswith(
        f"At K = 2 the tree's test error is {mean:.1f} points [{-100 * high:.1f}, {-100 * low:.1f}] lower than the dense net's "
        "on tree teacher, n = 5"
    )
    assert "lower than the flat net's at 2 of 3 depths (most at K = 2" in about(slides, AGAINST_FLAT).notes
    assert "lower than that of random gates" in about(slides, AGAINST_RANDOM).notes
    assert "higher" not in titles(slides)


def test_a_tree_that_loses_is_said_to_lose() -> None:
    slides = lost()
    assert re.match(
        r"At K = 1 the tree's test error is \d+\.\d points \[[\d., ]+\] higher than the dense net's",
        about(slides, AGAINST_DENSE).notes,
    )
    assert "higher than the flat net's at 2 of 3 depths" in about(slides, AGAINST_FLAT).notes
    assert re.search(r"test error rises by \d+\.\d points \[", about(slides, "Test and training error").notes)
    assert "lower" not in titles(slides)
    assert re.search(r"minus the dense net: [^:]*, a difference is shown", about(slides, AGAINST_DENSE).notes)


def test_without_a_difference_none_is_said() -> None:
    slides = deck(config(), noisy({"dense": 0.2, "tree validation": [0.3, 0.1, 0.3]}, size=0.02))
    assert re.match(
        r"At K = 1 no difference shown between tree and dense net on tree teacher \(-?\d\.\d points \[-\d.+, \d.+\], n = 5\)",
        about(slides, AGAINST_DENSE).notes,
    )
    assert about(slides, AGAINST_FLAT).title == "Test error: no difference shown from the flat net"
    assert about(slides, AGAINST_FLAT).notes.startswith(
        "No difference in test error shown between tree and flat net at any of 3 depths (n = 5)."
    )
    assert "neither the tree's training nor its test error" in about(slides, "Test and training error").notes
    assert "lower" not in titles(slides)
    assert "higher" not in titles(slides)


def test_both_ways_are_said_of_depths_that_disagree() -> None:
    slides = deck(config(beside=[]), noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.4], "flat": 0.3}))
    assert "lower than the flat net's at 1 of 3 depths, higher at 1 (most at K = " in about(slides, AGAINST_FLAT).notes


def test_a_smaller_gap_is_said_and_a_larger_one_too() -> None:
    assert "generalization gap is smaller than the flat net's at 2 of 3 depths" in about(won(), "Generalization gap").notes
    assert "generalization gap is larger than the flat net's at 2 of 3 depths" in about(lost(), "Generalization gap").notes
    errors = noisy({"dense": 0.3, "dense train": 0.25, "tree train": 0.1})
    dense = deck(config(kinds=["tree"], depths=(0, 1), beside=["dense"]), errors)
    assert "larger than the dense net's" in about(dense, "Generalization gap").notes


def test_the_depth_is_chosen_on_validation_whatever_the_test_rows_say() -> None:
    error = noisy({"dense": 0.3, "tree": [0.3, 0.35, 0.1], "tree validation": [0.3, 0.1, 0.35]})
    slides = deck(config(kinds=["tree"], beside=["dense", "random_gates"]), error)
    assert about(slides, AGAINST_DENSE).notes.startswith("At K = 1 the tree's test error is 5.")
    assert "higher than the dense net's" in about(slides, AGAINST_DENSE).notes
    for words in (AGAINST_DENSE, AGAINST_RANDOM, "Test and training error", "Test error against multiply-adds"):
        caption = about(slides, words).caption
        assert "validation" in caption
        assert "only reported" in caption


def numbers(packed: Any) -> list[float]:
    """An array of a figure, as Plotly packs it."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist()


def test_the_titles_number_is_a_point_of_the_figure() -> None:
    error = noisy(
        {"dense": 0.3, "tree": [0.3, 0.25, 0.2], "random_gates": [0.3, 0.26, 0.4]}
        | {"random_gates validation": [0.3, 0.1, 0.3]}
    )
    sweep = config(kinds=["tree"], beside=["dense", "random_gates"])
    cell = table(sweep, error)
    slides = checked(claims_deck(sweep, cell, look=SCREEN))
    own = {"dense": "the dense net: -10.0", "random_gates": "the tree with random gates at its own K = 1: -6."}
    for other, depth, words in (("dense", None, AGAINST_DENSE), ("random_gates", 2, AGAINST_RANDOM)):
        slide = about(slides, words)
        here = findings.compare(cell, ("tree", 2), (other, depth))
        mean, low, high = (100 * value for value in (-here.mean, -here.high, -here.low))
        assert slide.title.startswith("K = 2: lower test error than ")
        assert slide.notes.startswith(f"At K = 2 the tree's test error is {mean:.1f} points [{low:.1f}, {high:.1f}] lower")
        assert slide.figure is not None
        (points,) = [trace for trace in slide.figure["data"] if trace.get("name") == "difference"]
        assert dict(zip(numbers(points["x"]), numbers(points["y"]), strict=True))[2] == pytest.approx(-mean)
        assert f"tree at K = 2 minus {own[other]}" in slide.notes


def test_holm_can_hide_a_difference_whose_interval_excludes_0() -> None:
    def error(model: str, depth: int, seed: int, split: str) -> float:
        shift = {"tree": 0.0, "dense": 0.02, "flat": 0.0}.get(model, 0.0)
        return 0.3 + shift + (0.008 * (seed - 2) * (model == "tree") + 0.02 * (split == "validation" and model != "tree"))

    sweep = config(kinds=["tree"], depths=(1, 2, 3), beside=["dense"])
    cell = table(sweep, error)
    found = [findings.compare(cell, ("tree", depth), ("dense", None)) for depth in (1, 2, 3)]
    slides = checked(claims_deck(sweep, cell, look=SCREEN))
    title = about(slides, AGAINST_DENSE).notes
    assert found[0].p < 0.05 < holm([one.p for one in found])[0]
    assert found[0].high < 0
    assert title.startswith("At K = 1 no difference shown by Holm between tree and dense net")


@settings(max_examples=3)
@given(st.lists(st.floats(0.05, 0.6), min_size=5, max_size=5), st.integers(2, 5), st.sampled_from([0.002, 0.05]))
def test_titles_agree_with_the_test_for_any_errors(means: list[float], seeds: int, size: float) -> None:
    sweep = config(seeds=seeds, depths=(0, 1), beside=["dense"])
    error = noisy(
        {"dense": means[0], "tree": [means[0], means[1]], "flat": [means[0], means[2]]} | {"tree train": means[3]}, size
    )
    cell = table(sweep, error)
    slides = checked(claims_deck(sweep, cell, look=SCREEN))
    depth = findings.own_depth(cell, "tree")
    assert depth is not None
    pairs = [findings.compare(cell, ("tree", each), ("dense", None)) for each in (0, 1)]
    title = about(slides, AGAINST_DENSE).notes
    if holm([pair.p for pair in pairs])[depth] < 0.05:
        assert ("lower" if pairs[depth].mean < 0 else "higher") in title
    else:
        assert "no difference shown" in title.lower()


# What is counted


def test_the_first_figure_is_test_error_against_computation_with_the_depth_of_the_deck() -> None:
    slides = won()
    first = next(slide for slide in slides if slide.kind == "figure")
    assert first.title == "Test error against computation"
    assert "the tree (K = 2, chosen on validation, width 6) has a test error of" in first.notes
    assert "Test error against computation" in first.caption


def test_the_ratio_is_that_of_the_counts() -> None:
    slides = deck_of(0, 1, 4)
    deep, plain = (cost(NetConfig(kind="tree", width=6, depth=k), 6, 3) for k in (4, 0))
    times = deep.parameters / plain.parameters
    assert titled(slides, "the tree stores ").notes.startswith(
        f"At K = 4 the tree stores {times:.1f} times the parameters of K = 0 for the same multiply-adds: a ratio of {times:.1f}"
    )
    assert deep.ratio == pytest.approx(times)
    assert (
        f"{100 * 100 / deep.parameters:.1f} % of the stored parameters were ever trained"
        in titled(slides, "the tree stores ").caption
    )


def test_gates_that_cost_are_counted() -> None:
    slides = deck(config(kinds=["tree"], net__gates=["units"], beside=[]), noisy({"dense": 0.3}))
    deep, plain = (cost(NetConfig(kind="tree", width=6, depth=k, gates="units"), 6, 3) for k in (2, 0))
    times = deep.multiply_adds / plain.multiply_adds
    assert f"for {times:.2f} times the multiply-adds" in titled(slides, "the tree stores ").notes


def test_the_dense_net_is_the_depth_0_that_no_tree_has() -> None:
    with_zero = deck_of(0, 1, 4)
    without = deck(config(depths=(1, 4), kinds=["tree"], beside=["dense"]), noisy({"dense": 0.3}))
    assert titled(without, "the tree stores ").title == titled(with_zero, "the tree stores ").title
    alone = deck(config(depths=(1, 2), kinds=["tree"], beside=[]), noisy({"dense": 0.3}))
    assert titled(alone, "Claim 1 is not tested").kind == "text"


@cache
def told() -> list[Slide]:
    """Variants and tuned rates, none of it better than chance."""
    sweep = config(kinds=["tree"], beside=["dense"], train__weight_decay=[0.1, 0.3])
    sweep = sweep.model_copy(update={"tune_lr": [0.01, 0.1]})
    cell = table(sweep, noisy({"dense": 0.95}))
    return checked(claims_deck(sweep, cell, look=SCREEN))


def test_the_dense_net_of_equal_capacity_is_that_of_the_trees_own_depth() -> None:
    sweep = config(kinds=["tree"], beside=["dense", "dense_capacity"])
    error = noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.25], "dense_capacity": [0.3, 0.1, 0.05]})
    slide = about(deck(sweep, error), "Test error against multiply-adds")
    cell = table(sweep, error)
    parameters, computation = (
        cell[(cell["model"] == "dense_capacity") & (cell["depth"] == 1)][column].iloc[0]
        / cell[(cell["model"] == "tree") & (cell["depth"] == 1)][column].iloc[0]
        for column in ("parameters", "multiply_adds")
    )
    assert slide.title == "K = 1: higher test error than equal dense capacity"
    assert slide.notes.startswith("At K = 1 the tree's test error is 1")
    assert f"higher than that of a dense net of {times_words(parameters)} times its parameters" in slide.notes
    assert (
        f"as many parameters as the tree at K = 1, and spends {times_words(computation)} times the multiply-adds" in slide.notes
    )


# What is missing


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {"kinds": ["tree"], "beside": ["dense"]},
            [
                "Sharing prefixes is not tested here: this sweep has no flat net",
                "Learning the gates is not tested here: this sweep has no tree with random gates",
            ],
        ),
        (
            {"kinds": ["tree"], "beside": ["random_gates"]},
            ["Claim 3 is not tested here: this sweep has no dense net"],
        ),
        ({"kinds": ["flat"]}, ["Claim 2 is not tested here: this sweep has no tree with learned gates"]),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, Any], sentences: list[str]) -> None:
    slides = deck(config(**({"depths": (0, 1)} | changes)), noisy({"dense": 0.3}))
    for sentence in sentences:
        title, why = sentence.split(": ")
        slide = titled(slides, title)
        assert slide.kind == "text"
        assert f"Not tested: {why}." in slide.text


@pytest.mark.parametrize("kind", ["dense", "flat", "decision_tree", "logistic"])
def test_a_sweep_of_other_models_has_a_deck(kind: str) -> None:
    slides = deck(config(kinds=[kind], beside=[], depths=(0, 1)), noisy({"dense": 0.3}))
    assert "Claim 3 is not tested here" in titles(slides)
    assert "Not in this sweep: tree" in slides[-1].text


def test_depth_0_alone_is_the_dense_net() -> None:
    slides = deck_of(0)
    assert titled(slides, "Claim 1 is not tested").kind == "text"
    assert about(slides, AGAINST_DENSE).notes.startswith(
        "On validation the tree chooses K = 0, the dense net: "
        "no difference shown between tree and dense net on tree teacher (n = 5)"
    )
    assert about(slides, "Test and training error").notes.startswith("At K = 0, the only depth, the tree's training error is")


def test_one_seed_shows_nothing() -> None:
    slides = deck(config(seeds=1), noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.1]}))
    assert about(slides, AGAINST_DENSE).notes.startswith(
        "One seed, so nothing is shown: at K = 2 tree minus dense net is -19.8 points"
    )
    assert about(slides, AGAINST_FLAT).notes.startswith("One seed: no interval")
    assert "lower" not in titles(slides)
    assert slides[-1].title == "What was not shown: one data set, 1 seed"
    assert slides[-1].text.startswith("- One seed: there are no intervals")


def test_few_seeds_are_called_few() -> None:
    few, enough = (
        deck(config(seeds=n, kinds=["flat"], depths=(0,), beside=[]), noisy({"dense": 0.3}))[-1].text for n in (4, 5)
    )
    assert "with fewer than 5, intervals are rough" in few
    assert "rough" not in enough


def test_failed_runs_leave_pairs_of_the_others() -> None:
    error = noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.1]})
    slides = deck(config(), error, fails=lambda m: m.model == "tree" and (m.depth == 2 or (m.depth == 1 and m.run.seed == 3)))
    assert about(slides, AGAINST_DENSE).notes.startswith("At K = 1 the tree's test error is")
    assert ", n = 4. " in about(slides, AGAINST_DENSE).notes
    assert "6 of 65 runs have no result." in slides[-1].text


def test_without_any_result_only_what_is_counted_is_shown() -> None:
    slides = deck(config(), noisy({"dense": 0.3}), fails=lambda member: True)
    assert [slide.title for slide in slides if slide.kind == "figure"] == [titled(slides, "the tree stores ").title]
    assert titled(slides, "Claim 2 is not tested")
    assert titled(slides, "Claim 3 is not tested")
    assert "nothing is shown" in slides[-1].text
    assert "0 seeds" in slides[-1].title


@pytest.mark.parametrize("models", [{"dense_capacity"}, {"flat", "random_gates"}])
def test_models_that_failed_are_named(models: set[str]) -> None:
    def fails(member: Member) -> bool:
        return member.model in models and member.depth != 0

    slides = deck(config(depths=(1,)), noisy({"dense": 0.3}), fails=fails)
    (said,) = re.findall(r"Without a result: (.*)\.", slides[-1].text)
    assert set(said.split("; ")) == {model_words(model) for model in models}


def test_an_unfinished_table_has_a_deck() -> None:
    sweep = config()
    assert len(checked(claims_deck(sweep, results(sweep, {}), look=SCREEN))) == 9
    assert titled(checked(claims_deck(sweep, results(sweep, {}).head(0), look=SCREEN)), "Nothing is tested").kind == "text"


# Which part is shown


def test_of_several_cells_the_first_is_shown_and_all_are_counted() -> None:
    def error(model: str, depth: int, seed: int, split: str) -> float:
        return noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.1]})(model, depth, seed, split)

    sweep = config(net__width=[8, 6], data__n_train=[60, 100], depths=(0, 1), beside=["dense"])
    slides = deck(sweep, error)
    assert "tree teacher, 100 training rows, width 6; 5 seeds" in slides[0].text
    assert "The first of 4 cells is shown" in slides[-1].text
    assert "Over the 4 cells with tree and dense net the tree's test error is lower in 4 and higher in none" in slides[-1].text
    assert titled(
        slides, "Over 4 pairs of width and depth the tree's test error is lower than the dense net's in 2, higher in 0"
    )
    assert all("width 8" not in slide.caption for slide in slides)


def test_of_several_variants_the_first_is_shown_and_named() -> None:
    assert "Of 2 variants of the tree the first is shown: weight_decay=0.1" in told()[-1].text


def test_splits_of_a_table_have_wider_intervals() -> None:
    sweep = config(kinds=["tree"], data=DataConfig(name="wine"), depths=(0, 1), beside=["dense"])
    error = noisy({"dense": 0.3, "tree": [0.3, 0.2]})
    slides = deck(sweep, error)
    found = findings.compare(table(sweep, error), ("tree", 1), ("dense", None))
    low, high = stats.ttest_rel(
        [error("tree", 1, seed, "test") for seed in range(5)], [error("dense", 0, seed, "test") for seed in range(5)]
    ).confidence_interval()
    assert found.high - found.low > 1.4 * (high - low)
    assert (
        f"[{-100 * found.high:.1f}, {-100 * found.low:.1f}] lower than the dense net's on wine"
        in about(slides, AGAINST_DENSE).notes
    )
    assert "Nadeau-Bengio" in slides[-1].text


def test_tuned_rates_and_collapsed_nets_are_told() -> None:
    slides = told()
    assert "each the best of 2 learning rates" in slides[0].text
    assert "Learning rate: the one of 2" in slides[-1].text
    assert "20 of 20 nets are no better than the majority class" in slides[-1].text


# Text, look and purity


@pytest.mark.parametrize(
    "name", ["![x](http://a.b)\n# head", "a\u202egnp.exe\u2066", "x" * 200, "$\\frac{1}{2}$ %{x} \x01\x07"]
)
def test_a_hostile_name_is_one_short_line_of_plain_text(name: str) -> None:
    sweep = config(name=name)
    subtitle = claims_deck(sweep, pd.DataFrame(), look=SCREEN)[0].text
    assert len(subtitle) < 100
    assert subtitle.isprintable()


def test_a_name_is_nowhere_but_on_the_first_slide() -> None:
    name = "<img src=http://a.b/c>"
    slides = deck(config(name=name, kinds=["tree"], beside=["dense"], depths=(0, 1)), noisy({"dense": 0.3}))
    assert slides[0].text.endswith(name)
    assert all(name not in slide.caption + slide.notes + slide.title + json.dumps(slide.figure) for slide in slides)


def test_one_of_a_kind_is_in_the_singular() -> None:
    sweep = config(kinds=["tree"], depths=(1,), beside=["dense"], seeds=1, net__width=[6, 8])
    slides = deck(sweep, noisy({"dense": 0.9}), fails=lambda member: member.run.net.width == 8 and member.model == "tree")
    assert titled(slides, "Over 1 pair of width and depth no difference")
    assert "Over the 1 cell with" in slides[-1].text
    assert "1 of 4 runs has no result" in slides[-1].text
    alone = deck(config(kinds=["tree"], depths=(1,), beside=[], seeds=1), noisy({"dense": 0.9}))
    assert "1 seed; 1 of 1 run finished" in alone[0].text
    assert "1 of 1 net is no better" in alone[-1].text


@pytest.mark.parametrize("look", [Look(), Look(dark=True, projector=True)])
def test_figures_have_the_look_asked_for_and_notes_what_captions_have_no_room_for(look: Look) -> None:
    sweep = config(seeds=2, depths=(0, 1))
    cell = table(sweep, noisy({"dense": 0.3})).assign(data="x<y & " + "a_data_set_of_many_letters_" * 3)
    slides = checked(claims_deck(sweep, cell, look=look))
    figures = [slide for slide in slides if slide.kind == "figure"]
    assert all("x<y & a data" in slide.caption for slide in figures)
    errors = [slide.caption + slide.notes for slide in figures if "stores" not in slide.notes]
    assert all("Errors at the epoch of the lowest validation loss." in said for said in errors)
    assert {(slide.dark, slide.projector) for slide in figures} == {(look.dark, look.projector)}
    assert 9 <= len(slides) <= 13


def test_the_table_is_left_as_it_is_and_the_deck_is_the_same_each_time() -> None:
    sweep = config(seeds=2, kinds=["tree"], beside=["dense"], depths=(0, 1))
    cell = table(sweep, noisy({"dense": 0.3}))
    before = cell.copy(deep=True)
    first, second = (claims_deck(sweep, cell, look=SCREEN) for _ in range(2))
    pd.testing.assert_frame_equal(cell, before)
    assert [slide.model_copy(update={"taken": 0.0}) for slide in first] == [
        slide.model_copy(update={"taken": 0.0}) for slide in second
    ]


def test_no_page_and_no_store_is_needed() -> None:
    imported = {"leafscope.app.decks.claims.deck"}
    waiting = list(imported)
    while waiting:
        path = ROOT / f"{waiting.pop().removeprefix('leafscope.').replace('.', '/')}.py"
        if not path.exists():
            continue
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module), *(f"{node.module}.{name}" for name in names)]
            waiting += [name for name in names if name not in imported]
            imported |= set(names)
    assert "leafscope.app.figures.overfitting.error_by_depth" in imported
    assert not imported & {"streamlit", "leafscope.core.store", "leafscope.core.jobs"}


def test_depths_are_chosen_on_the_choosing_seeds_and_differences_are_of_the_others() -> None:
    fair = config().model_copy(update={"report_seeds": [5, 6, 7], "trials": 8})
    falls = noisy({"dense": 0.3, "tree validation": [0.3, 0.2, 0.1], "flat validation": [0.3, 0.2, 0.3], "tree": 0.25})
    rises = noisy({"dense": 0.3, "tree validation": [0.1, 0.2, 0.3], "flat validation": [0.1, 0.2, 0.3], "tree": 0.25})
    outcomes = outcomes_of(expand(fair), falls)
    outcomes |= outcomes_of(reporting(fair, outcomes), rises)
    reported, choices = results(fair, outcomes), choosing_results(fair, outcomes)
    slides = checked(claims_deck(fair, reported, look=SCREEN, choices=choices))
    part = Part.of(fair, reported, SCREEN, choices)
    assert (part.depth, part.against["flat"].depth, part.n) == (2, 1, 3)
    assert Part.of(fair, reported, SCREEN).depth == 1
    assert "K = 2: " in titles(slides)
    assert "each the best of 8 pairs of rate and decay" in slides[0].text
    limits = slides[-1].text
    assert "Chosen on seeds 0 to 4, reported on seeds 5 to 7." in limits
    assert "the pair of 8 with the lowest mean validation error" in limits
    assert "as were rates" in limits


def test_what_was_chosen_and_not_trained_yet_is_not_tested() -> None:
    fair = config().model_copy(update={"report_seeds": [5, 6, 7]})
    outcomes = outcomes_of(expand(fair), noisy({"dense": 0.3}))
    slides = checked(claims_deck(fair, results(fair, outcomes), look=SCREEN, choices=choosing_results(fair, outcomes)))
    assert "no tree has finished" in "\n".join(f"{slide.title} {slide.text}" for slide in slides)
