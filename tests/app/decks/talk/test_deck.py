"""The talk says what the numbers say, in titles that can be read aloud: in all directions, whatever is missing."""

import ast
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
from scipy import stats

from leafscope.app import theme
from leafscope.app.decks.figure_parts import series
from leafscope.app.decks.talk import depth as over_depth
from leafscope.app.decks.talk.deck import TITLE, Material, talk
from leafscope.app.decks.talk.leaves import SLIDER, USED
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.slides import LONGEST_CAPTION
from leafscope.app.decks.talk.words import LONGEST_TITLE
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
ALL = ["tree", "flat", "shuffled"]
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
    return made(sweep, table(sweep, error, **options))


def made(sweep: SweepConfig, cell: pd.DataFrame, look: Look = SCREEN, **more: Any) -> list[Slide]:
    return checked(talk(Material(sweep, cell, **more), look))


@cache
def deck_of(*depths: int) -> list[Slide]:
    """All models, no differences; drawn once."""
    return deck(config(depths=depths), noisy({"dense": 0.3}))


def checked(slides: list[Slide]) -> list[Slide]:
    """What holds for every talk."""
    assert (slides[0].kind, slides[0].title) == ("title", TITLE)
    assert [slide.title.split()[0] for slide in slides if slide.kind == "text"][:1] in (["What"], ["This"], ["Left"])
    for slide in slides:
        assert Slide.model_validate(slide.model_dump()) == slide
        said = [slide.title, *(step["title"] for step in (slide.figure or {}).get("steps", []))]
        assert all(0 < len(title.split()) <= LONGEST_TITLE == 12 for title in said), said
        assert not re.search(r"\bnan\b|\binf\b|None|n/a", f"{slide.title} {slide.text} {slide.caption} {slide.notes}")
        assert slide.sweep or slide.runs
        assert slide.versions
        assert slide.notes
        assert slide.text
        if slide.figure is not None:
            assert len(json.dumps(slide.figure, allow_nan=False)) < MAX_FIGURE_BYTES
            assert 0 < len(slide.caption) <= LONGEST_CAPTION == 390
            assert "\n" not in slide.text
            assert re.search(r"\bn = \d|seed|Counts|only depth", slide.text), slide.text
        if slide.kind == "figure":
            assert slide.figure is not None
            assert slide.figure["data"]
            assert len(lit(slide)) <= 3
        words = f"{slide.title} {slide.text} {slide.caption} {slide.notes}"
        assert not re.search(
            r"(?<![,.\d])1 (\w+ )?(seeds|runs|rows|models|depths|cells|pairs|leaves|nets|slides|rivals)\b", words
        )
    return slides


def lit(slide: Slide) -> set[str]:
    """The colours of lines that are not grey, of a figure of curves over depth."""
    traces = [one for one in (slide.figure or {})["data"] if "depth" in str((slide.figure or {})["layout"].get("xaxis"))]
    colours = {str((one.get("line") or {}).get("color", "")) for one in traces if one.get("mode") == "lines+markers"}
    return {one for one in colours if one.startswith("#") and len({one[1:3], one[3:5], one[5:7]}) > 1}


def titles(slides: list[Slide]) -> str:
    return "\n".join(slide.title for slide in slides)


def about(slides: list[Slide], words: str) -> Slide:
    """The figure whose own title, which its caption holds, has these words."""
    (found,) = [slide for slide in slides if slide.kind == "figure" and words in slide.caption]
    return found


COMPUTATION = "Test error against computation"
RIVALS = "minus each rival's"
AGAINST_FLAT, PLACEBO = "the tree minus the flat net", "the tree minus the tree over shuffled leaves"

WINS = noisy(
    {"dense": 0.30, "tree": [0.30, 0.25, 0.20], "flat": 0.29, "random_gates": 0.28, "shuffled": [0.3, 0.29, 0.28]}
    | {"dense train": 0.25, "tree train": 0.28, "flat train": 0.1}
)
LOSES = noisy(
    {"dense": 0.20, "tree": 0.30, "tree validation": [0.3, 0.1, 0.3], "flat": 0.25, "random_gates": 0.27, "shuffled": 0.25}
    | {"dense train": 0.15, "tree train": 0.1, "flat train": 0.25}
)


@cache
def won() -> list[Slide]:
    return deck(config(), WINS)


@cache
def lost() -> list[Slide]:
    return deck(config(), LOSES)


# Whichever way the numbers point


def test_a_tree_that_wins_is_said_to_win_with_scipys_interval() -> None:
    tree, dense = (np.array([WINS(model, k, seed, "test") for seed in range(5)]) for model, k in (("tree", 2), ("dense", 0)))
    low, high = stats.ttest_rel(tree, dense).confidence_interval()
    slide = about(won(), COMPUTATION)
    assert slide.title == "K = 2: lower test error than the dense net"
    size = f"{100 * (tree - dense).mean():.1f} points [{100 * low:.1f}, {100 * high:.1f}], n = 5"
    assert slide.text == f"Test error, tree minus dense net: {size}, paired over seeds"
    assert about(won(), AGAINST_FLAT).title == "Test error against the flat net: lower at 2 of 2 depths"
    assert about(won(), PLACEBO).title == "Test error against shuffled prefixes: lower at 2 of 2 depths"
    assert about(won(), RIVALS).title == "K = 2: shown worse than none of 4 rivals"
    assert "higher" not in titles(won())


def test_a_tree_that_loses_is_said_to_lose() -> None:
    assert about(lost(), COMPUTATION).title == "K = 1: higher test error than the dense net"
    assert about(lost(), AGAINST_FLAT).title == "Test error against the flat net: higher at 2 of 2 depths"
    assert about(lost(), PLACEBO).title == "Test error against shuffled prefixes: higher at 2 of 2 depths"
    assert about(lost(), RIVALS).title.startswith("K = 1: higher test error than ")
    assert "lower" not in titles(lost())


def test_without_a_difference_none_is_said() -> None:
    slides = deck(config(), noisy({"dense": 0.2, "tree validation": [0.3, 0.1, 0.3]}, size=0.02))
    assert about(slides, COMPUTATION).title == "K = 1: no difference shown from the dense net"
    assert about(slides, AGAINST_FLAT).title == "Test error: no difference shown from the flat net"
    assert about(slides, PLACEBO).title == "Test error: no difference shown from shuffled prefixes"
    assert about(slides, "Test and training error").title == "K = 0 to 2: no change of error shown"
    assert not re.search("lower|higher", titles(slides))


def test_both_ways_are_said_of_depths_that_disagree() -> None:
    slides = deck(config(beside=[]), noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.4], "flat": 0.3}))
    assert about(slides, AGAINST_FLAT).title == "Test error against the flat net: lower at 1, higher at 1"


def test_where_it_fails_is_the_rival_that_beats_the_tree_most() -> None:
    error = noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.25], "dense_capacity": [0.3, 0.1, 0.05], "flat": 0.15})
    sweep = config(beside=["dense", "dense_capacity"])
    slides, cell = deck(sweep, error), table(sweep, error)
    found = findings.compare(cell, ("tree", 1), ("dense_capacity", 1))
    slide = about(slides, RIVALS)
    assert slide.title == "K = 1: higher test error than the equally large dense net"
    mean, low, high = (f"{100 * value:+.1f}" for value in (found.mean, found.low, found.high))
    assert slide.text == (
        f"Test error, tree minus equally large dense net: {mean} points [{low}, {high}], n = 5, paired over seeds"
    )


def test_holm_can_hide_a_difference_whose_interval_excludes_0() -> None:
    def error(model: str, depth: int, seed: int, split: str) -> float:
        shift = {"tree": 0.0, "flat": 0.02}.get(model, 0.0)
        return 0.3 + shift + 0.008 * (seed - 2) * (model == "tree")

    sweep = config(depths=(1, 2, 3), beside=[])
    found = [findings.compare(table(sweep, error), ("tree", depth), ("flat", depth)) for depth in (1, 2, 3)]
    assert found[0].p < 0.05 < holm([one.p for one in found])[0]
    assert about(deck(sweep, error), AGAINST_FLAT).title == "Test error: no difference shown from the flat net"


@pytest.mark.parametrize(("means", "size"), [((0.3, 0.2, 0.25), 0.05), ((0.2, 0.25, 0.5), 0.002)])
def test_titles_agree_with_the_test_for_other_errors(means: tuple[float, ...], size: float) -> None:
    sweep = config(seeds=4, depths=(1, 2), beside=["dense"], kinds=["tree", "flat"])
    cell = table(sweep, noisy({"dense": means[0], "tree": means[1], "flat": means[2]}, size))
    depth, own = findings.own_depth(cell, "tree"), findings.own_depth(cell, "flat")
    pairs = [findings.compare(cell, ("tree", depth), pair) for pair in (("dense", None), ("flat", own))]
    title = about(made(sweep, cell), COMPUTATION).title
    if holm([pair.p for pair in pairs])[0] < 0.05:
        assert ("lower" if pairs[0].mean < 0 else "higher") in title
    else:
        assert "no difference shown" in title


def test_the_depth_is_chosen_on_validation_whatever_the_test_rows_say() -> None:
    error = noisy({"dense": 0.3, "tree": [0.3, 0.35, 0.1], "tree validation": [0.3, 0.1, 0.35]})
    slides = deck(config(kinds=["tree"], beside=["dense"]), error)
    assert about(slides, COMPUTATION).title == "K = 1: higher test error than the dense net"
    assert "K = 1 is chosen on validation among 3 depths; test rows are only reported." in about(slides, COMPUTATION).caption


def test_depths_are_chosen_on_the_choosing_seeds_and_differences_are_of_the_others() -> None:
    fair = config().model_copy(update={"report_seeds": [5, 6, 7], "trials": 8})
    falls = noisy({"dense": 0.3, "tree validation": [0.3, 0.2, 0.1], "flat validation": [0.3, 0.2, 0.3], "tree": 0.25})
    rises = noisy({"dense": 0.3, "tree validation": [0.1, 0.2, 0.3], "flat validation": [0.1, 0.2, 0.3], "tree": 0.25})
    outcomes = outcomes_of(expand(fair), falls)
    outcomes |= outcomes_of(reporting(fair, outcomes), rises)
    reported, choices = results(fair, outcomes), choosing_results(fair, outcomes)
    slides = made(fair, reported, choices=choices)
    part = Part.of(fair, reported, SCREEN, choices)
    assert (part.depth, part.against["flat"].depth, part.n) == (2, 1, 3)
    assert Part.of(fair, reported, SCREEN).depth == 1
    assert "K = 2: " in titles(slides)
    assert "each the best of 8 pairs of rate and decay" in slides[0].text
    assert "Chosen on seeds 0 to 4, reported on seeds 5 to 7." in slides[-2].text


# What is counted, and what is guessed


def test_the_ratio_is_that_of_the_counts() -> None:
    slide = about(deck_of(0, 1, 4), "Capacity and cost against depth")
    deep, plain = (cost(NetConfig(kind="tree", width=6, depth=k), 6, 3) for k in (4, 0))
    assert slide.title == f"K = 4: {deep.parameters / plain.parameters:.1f} times the parameters, the same multiply-adds"
    assert deep.ratio == pytest.approx(deep.parameters / plain.parameters)
    assert f"{100 * 100 / deep.parameters:.1f} % of the stored parameters were ever trained" in slide.caption


def test_the_curve_to_guess_is_the_trees_test_error_and_the_next_slide_has_the_answer() -> None:
    slides = won()
    (at,) = [place for place, slide in enumerate(slides) if slide.guess]
    assert slides[at].title == "Guess: the tree's test error from K = 0 to 2"
    assert slides[at].guess in series(slides[at])
    assert not re.search(r"\d points|\d %", slides[at].text)
    assert slides[at + 1].title == "K = 0 to 2: training error rises, test error falls"


# What is missing


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        (
            {"kinds": ["tree"], "beside": ["dense"]},
            {
                over_depth.PLACEBO: "this sweep has no tree over shuffled leaves. Add the kind “shuffled prefixes (control)”",
                over_depth.SEPARATE: "this sweep has no flat net. Add the kind “separate leaves (flat)”",
            },
        ),
        ({"beside": []}, {"Error against computation": "a tree and a dense net that spends as much have not both finished"}),
        ({"kinds": ["flat"]}, {over_depth.GUESS: "this sweep has no tree with learned gates"}),
        ({"depths": (1,)}, {over_depth.GUESS: "K = 1 is the only depth. Add trees of at least two depths"}),
        ({"depths": (0,)}, {over_depth.PLACEBO: "at K = 0 both are the dense net. Add depths above 0"}),
    ],
)
def test_what_is_missing_has_no_slide_and_the_last_slide_says_how_to_get_it(
    changes: dict[str, Any], missing: dict[str, str]
) -> None:
    slides = deck(config(**({"depths": (0, 1)} | changes)), noisy({"dense": 0.3}))
    lines = slides[-1].text.splitlines()
    assert slides[-1].title.startswith(f"Left out: {len(lines)} slide")
    for what, why in missing.items():
        assert f"- {what}: {why}" in slides[-1].text
    # leaves are in the store, which a table has not
    assert {SLIDER, USED} <= {line[2:].partition(":")[0] for line in lines}


@pytest.mark.parametrize("kind", ["dense", "flat", "decision_tree", "logistic"])
def test_a_sweep_of_other_models_has_a_talk(kind: str) -> None:
    slides = deck(config(kinds=[kind], beside=[], depths=(0, 1)), noisy({"dense": 0.3}))
    assert [slide.kind for slide in slides] == ["title", "text", "text"]


def of_numbers(sweep: SweepConfig, error: Error) -> pd.DataFrame:
    """The table of a sweep whose runs had these RMSEs."""
    found = table(sweep, error)
    accuracies = [name for name in found.columns if name.endswith("_accuracy")]
    found[accuracies] = 1 - found[accuracies]
    return found.rename(columns={name: name.replace("_accuracy", "_rmse") for name in accuracies})


def test_a_sweep_that_predicts_numbers_has_the_same_slides_in_the_unit_of_the_target() -> None:
    sweep = config()
    error = noisy({"dense": 62.5, "tree": [62.5, 41.0, 37.5], "tree train": [70.0, 30.0, 10.0]}, size=0.4)
    cell = of_numbers(sweep, error)
    slides = made(sweep, cell)
    assert [slide.kind for slide in slides] == [slide.kind for slide in won()]
    said = "\n".join(f"{slide.title} {slide.text} {slide.caption} {slide.notes}" for slide in slides)
    assert not re.search(r"points|accura|correct|majority|errs", said)
    slide = about(slides, COMPUTATION)
    assert slide.title == "K = 2: lower test RMSE than the dense net"
    tests = cell[cell["width"] == 6].set_index(["model", "depth", "seed"])["best_test_rmse"]
    by_seed = [tests["tree", 2, seed] - error("dense", 0, seed, "test") for seed in range(5)]
    assert slide.text.startswith("Test RMSE, in the unit of ")
    assert f"tree minus dense net: {theme.three_significant(float(np.mean(by_seed)))} [" in slide.text
    ends = about(slides, "Test and training error")
    assert ends.title == "K = 0 to 2: training RMSE falls, test RMSE falls"
    change = np.mean([error("tree", 2, seed, "train") - error("dense", 0, seed, "train") for seed in range(5)])
    assert f"Training {theme.three_significant(float(change))} [" in ends.text


def test_depth_0_alone_is_the_dense_net() -> None:
    slides = deck_of(0)
    assert about(slides, COMPUTATION).title == "K = 0: no difference shown from the dense net"
    assert about(slides, "Test and training error").title == "Training and test error at K = 0"


def test_one_seed_shows_nothing() -> None:
    slides = deck(config(seeds=1), noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.1]}))
    assert about(slides, COMPUTATION).title == "One seed: no difference shown from the dense net"
    assert about(slides, COMPUTATION).text.endswith("points, one seed, no interval")
    assert "lower" not in titles(slides)
    assert slides[-2].text.startswith("- One seed: there are no intervals")


def test_failed_runs_leave_pairs_of_the_others() -> None:
    error = noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.1]})
    slides = deck(config(), error, fails=lambda m: m.model == "tree" and (m.depth == 2 or (m.depth == 1 and m.run.seed == 3)))
    assert about(slides, COMPUTATION).text.endswith("n = 4, paired over seeds")
    assert "6 of 80 runs have no result." in slides[-2].text


def test_without_any_result_only_what_is_counted_is_shown() -> None:
    slides = deck(config(), noisy({"dense": 0.3}), fails=lambda member: True)
    assert [slide.kind for slide in slides] == ["title", "figure", "text", "text"]
    assert "nothing is shown" in slides[-2].text


def test_an_unfinished_table_has_a_talk() -> None:
    sweep = config()
    assert len(made(sweep, results(sweep, {}))) == 4
    assert len(made(sweep, results(sweep, {}).head(0))) == 2


# Which part is shown


def test_of_several_cells_the_first_is_shown_and_all_are_counted() -> None:
    sweep = config(net__width=[8, 6], data__n_train=[60, 100], depths=(0, 1), beside=["dense"])
    slides = deck(sweep, noisy({"dense": 0.3, "tree": [0.3, 0.2, 0.1]}))
    assert "tree teacher, 100 training rows, width 6; 5 seeds" in slides[0].text
    assert "The first of 4 cells is shown" in slides[-2].text
    assert "Over the 4 cells with tree and dense net the tree's test error is lower in 4 and higher in none" in slides[-2].text
    assert all("width 8" not in slide.caption for slide in slides)


def test_tuned_rates_variants_and_collapsed_nets_are_told() -> None:
    sweep = config(kinds=["tree"], beside=["dense"], train__weight_decay=[0.1, 0.3])
    sweep = sweep.model_copy(update={"tune_lr": [0.01, 0.1]})
    slides = made(sweep, table(sweep, noisy({"dense": 0.95})))
    assert "each the best of 2 learning rates" in slides[0].text
    assert "Of 2 variants of the tree the first is shown: weight_decay=0.1" in slides[-2].text
    assert "Learning rate: the one of 2" in slides[-2].text
    assert "20 of 20 nets are no better than always the commonest class" in slides[-2].text
    assert "Always the commonest class of training: accuracy " in slides[-2].text


def test_splits_of_a_table_have_wider_intervals() -> None:
    sweep = config(kinds=["tree"], data=DataConfig(name="wine"), depths=(0, 1), beside=["dense"])
    error = noisy({"dense": 0.3, "tree": [0.3, 0.2]})
    slides = deck(sweep, error)
    found = findings.compare(table(sweep, error), ("tree", 1), ("dense", None))
    assert f"[{100 * found.low:.1f}, {100 * found.high:.1f}]" in about(slides, COMPUTATION).text
    assert "Nadeau-Bengio" in slides[-2].text


def test_one_of_a_kind_is_in_the_singular() -> None:
    sweep = config(kinds=["tree"], depths=(1,), beside=["dense"], seeds=1, net__width=[6, 8])
    slides = deck(sweep, noisy({"dense": 0.9}), fails=lambda member: member.run.net.width == 8 and member.model == "tree")
    assert "1 of 4 runs has no result" in slides[-2].text


# Text, look and purity


@pytest.mark.parametrize(
    "name", ["![x](http://a.b)\n# head", "a\u202egnp.exe\u2066", "x" * 200, "$\\frac{1}{2}$ %{x} \x01\x07"]
)
def test_a_hostile_name_is_one_short_line_of_plain_text(name: str) -> None:
    subtitle, source = talk(Material(config(name=name), pd.DataFrame()), SCREEN)[0].text.split("\n")
    assert len(subtitle) < 100
    assert (subtitle + source).isprintable()


def test_a_name_is_nowhere_but_on_the_first_slide() -> None:
    name = "<img src=http://a.b/c>"
    slides = deck(config(name=name, kinds=["tree"], beside=["dense"], depths=(0, 1)), noisy({"dense": 0.3}))
    assert name in slides[0].text
    assert all(name not in f"{one.caption}{one.notes}{one.title}{one.text}{json.dumps(one.figure)}" for one in slides[1:])


@pytest.mark.parametrize("look", [Look(), Look(dark=True, projector=True)])
def test_figures_have_the_look_asked_for_and_notes_what_captions_have_no_room_for(look: Look) -> None:
    sweep = config(seeds=2, depths=(0, 1))
    cell = table(sweep, noisy({"dense": 0.3})).assign(data="x<y & " + "a_data_set_of_many_letters_" * 3)
    figures = [slide for slide in made(sweep, cell, look) if slide.kind == "figure"]
    assert all("x<y & a data" in slide.caption for slide in figures)
    errors = [slide.caption + slide.notes for slide in figures if "Capacity" not in slide.caption]
    assert all("Errors at the epoch of the lowest validation loss." in said for said in errors)
    assert {(slide.dark, slide.projector) for slide in figures} == {(look.dark, look.projector)}


def test_the_table_is_left_as_it_is_and_the_talk_is_the_same_each_time() -> None:
    sweep = config(seeds=2, kinds=["tree"], beside=["dense"], depths=(0, 1))
    cell = table(sweep, noisy({"dense": 0.3}))
    before = cell.copy(deep=True)
    first, second = ([one.model_copy(update={"taken": 0.0}) for one in made(sweep, cell)] for _ in range(2))
    pd.testing.assert_frame_equal(cell, before)
    assert first == second


def test_no_page_and_no_queue_is_needed() -> None:
    imported = {"leafscope.app.decks.talk.deck"}
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
    assert not imported & {"streamlit", "leafscope.core.jobs"}
