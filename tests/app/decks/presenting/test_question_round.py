"""What a question round is told of a figure, and the code of its page's address."""

import pytest

from leafscope.app.decks.presenting.question_round import answers
from leafscope.app.decks.presenting.view_code import LONGEST, view
from leafscope.core.config import NetConfig, RunConfig, SweepConfig
from leafscope.core.store.decks import Slide
from leafscope.core.sweep.members import distinct_runs

SWEEP = SweepConfig(axes={"net.depth": [0, 2], "seed": [0, 1, 2]}, tune_lr=[0.001, 0.01], report_seeds=[7, 8])


def of(sweep: SweepConfig | None = None, *runs: RunConfig, **more: str) -> str:
    told = "" if sweep is None else sweep.model_dump_json(exclude_defaults=True)
    dumps = tuple(run.model_dump_json(exclude_defaults=True) for run in runs)
    return " ".join(answers(Slide(kind="figure", sweep=told, runs=dumps, **more)))  # type: ignore[arg-type]


def test_a_sweep_says_its_seeds_its_number_of_configurations_and_what_chose() -> None:
    said = of(SWEEP)
    assert "chosen on seeds 0 to 2, reported on seeds 7 to 8" in said or "reported on seeds 7 and 8" in said
    assert "Tried: 4 configurations on 3 choosing seeds: 12 runs." in said  # two depths, two rates
    assert f"{len(distinct_runs(SWEEP))} runs" in said
    assert "Chosen on validation: the learning rate" in said
    assert "0.001, 0.01" in said


def test_runs_say_how_many_configurations_they_are_of() -> None:
    said = of(None, *(RunConfig(net=NetConfig(depth=depth), seed=seed) for depth in (1, 2) for seed in (0, 1, 2)))
    assert "6 runs of 2 configurations, seeds 0 to 2" in said
    assert "Nothing was chosen" in said


def test_no_run_has_no_answers_and_another_version_is_named() -> None:
    assert of() == ""
    assert "another version" in " ".join(answers(Slide(kind="figure", runs=('{"new": 1}',))))


@pytest.mark.parametrize(
    ("origin", "note"),
    [("http://127.0.0.1:8501", "lecturer's machine only"), ("https://lab.example/", "Scan it"), ("", "runs Leafscope")],
)
def test_an_address_says_where_it_answers(origin: str, note: str) -> None:
    found = view(Slide(kind="figure", address="/leaves?run=1"), origin)
    assert found is not None
    assert note in found["note"]
    assert ("path" in found) == bool(origin)
    assert found["address"].endswith("/leaves?run=1")
    assert "//leaves" not in found["address"]


def test_a_code_has_the_finder_patterns_at_three_corners_and_long_addresses_have_none() -> None:
    found = view(Slide(kind="figure", address="/leaves?run=1"), "http://localhost:1")
    assert found is not None
    last = found["cells"] - 1
    for x, y in ((0, 0), (last, 0), (0, last)):
        assert f"M{x},{y}h1" in found["path"]
    assert view(Slide(kind="text"), "http://localhost:1") is None
    long = view(Slide(kind="figure", address="/" + "x" * LONGEST), "http://localhost:1")
    assert long is not None
    assert "path" not in long
