"""A first visit: every page shows a figure or a table of the examples, which step back once a person has runs of their own."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from leafscope.app.navigation import PAGES
from leafscope.app.scene import payload
from leafscope.core import jobs
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES, EXAMPLE_SWEEP
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from tests.pages.harness import (
    Lab,
    button,
    chart_keys,
    figures,
    go,
    open_lab,
    open_page,
    param,
    press,
    run_app,
    small,
    stock,
    table_with,
    words,
)

NAMES = [Path(page.path).stem for page in PAGES]

MISSING = (
    "There are no runs",
    "This page will show",
    "A sweep will show",
    "will be shown",
    "not here",
    "no result yet",
    "not stored",
    "apply your choices",
)
"""What pages say where there is nothing to show, or where somebody changed a setting."""


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("first"), lambda lab: load_examples(lab.store))


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stocked: Path) -> Iterator[Lab]:
    lab = open_lab(tmp_path, monkeypatch, stocked)
    yield lab
    lab.store.close()


@pytest.fixture(scope="module")
def visited(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Pages as they open, each opened once; no test presses anything there."""
    with pytest.MonkeyPatch.context() as patch:
        lab = open_lab(tmp_path_factory.mktemp("visited"), patch, stocked)
        yield functools.cache(open_page)
        lab.store.close()


def options(at: Any, key: str) -> list[str]:
    return list(at.selectbox(key=key).options)


@pytest.mark.parametrize("page", NAMES)
def test_every_page_shows_something_and_says_nowhere_that_it_is_missing(visited: Callable[[str], Any], page: str) -> None:
    at = visited(page)
    is_scene = any(str(button.key).endswith("_moment") for button in at.button)  # of the open slide
    assert is_scene or chart_keys(at) or len(table_with(at, "Run"))
    assert not [sentence for sentence in MISSING if sentence in words(at)]
    assert not at.error
    assert not at.warning
    assert "hipped" in words(at) or any("(shipped)" in one for box in at.selectbox for one in box.options)


def test_pages_show_the_runs_that_were_made_for_them(visited: Callable[[str], Any]) -> None:
    assert f"{EXAMPLE.label} finished (shipped example)" in words(visited("playground")).replace("*", "")
    for page in ("leaves", "balance"):
        assert visited(page).selectbox(key="_picked_run").value == EXAMPLE_OF_IMAGES.run_id
    for page in ("overfitting", "capacity"):
        at = visited(page)
        assert at.selectbox(key="_picked_sweep").value == EXAMPLE_SWEEP.sweep_id
        assert "Shipped example, made on 20" in words(at)
    assert "are of the machine that trained it" in words(at)
    compare = visited("compare")
    assert compare.selectbox(key="from").value == EXAMPLE_SWEEP.sweep_id
    reported = jobs.sweep_results(EXAMPLE_SWEEP.sweep_id)["run_id"].nunique()
    assert f"{reported} runs in" in words(compare)


def test_the_use_of_leaves_is_drawn_and_whose_is_not_kept_is_said(visited: Callable[[str], Any], fresh: Lab) -> None:
    own_signs = "dense, same multiply-adds (own signs)"
    drawn = {"tree", "flat", "decision tree", INDEPENDENT_BITS.name, HYPERPLANES.name}

    def names(at: Any) -> set[str]:
        return {trace.get("name") for trace in figures(at)["leaf_use_by_depth"]["data"]}

    for page in ("balance", "overfitting"):
        at = visited(page)
        assert names(at) >= drawn | {own_signs}
        assert "Not drawn" not in words(at)
    fresh.store.drop_nets(run_id for run_id, run in jobs.sweep_runs(EXAMPLE_SWEEP.sweep_id).items() if run.net.kind == "dense")
    st.cache_data.clear()
    at = open_page("overfitting")
    assert drawn <= names(at)
    assert own_signs not in names(at)
    assert f"Not drawn, since neither leaves nor weights are kept here: {own_signs} (5 runs)." in words(at)


def test_the_scene_has_its_partners_without_training(fresh: Lab) -> None:
    at = open_page()
    for name in at.selectbox(key="beside").options[1:]:
        run_beside(at, name)
        assert "trained" not in words(at)
    assert all(run.shipped for run in fresh.store.list_runs())  # to look at them is not to train them


def run_beside(at: Any, name: str) -> None:
    box = at.selectbox(key="beside")
    box.select_index(list(box.options).index(name)).run()
    assert not at.exception


def test_own_runs_come_first_and_examples_are_not_counted(fresh: Lab) -> None:
    shipped = len(fresh.store.list_runs())
    mine = [fresh.finish(small(seed=seed)) for seed in (0, 1)]
    runs = open_page("runs")
    assert f"2 runs: 2 finished. {shipped} shipped examples" in words(runs)
    table = table_with(runs, "Run", "Status", "Address")
    assert set(table["Address"][:2]) == {run.run_id for run in mine}
    single = [run for run in fresh.store.list_runs() if run.shipped and not run.is_member]
    assert table["Status"].tolist() == ["finished"] * 2 + ["shipped"] * len(single)
    assert f"{shipped - len(single)} runs of 1 sweep, not listed" in runs.expander[0].label
    listed = table_with(open_page("runs", runs_of="all"), "Run", "Status", "Address")
    assert listed["Status"].tolist() == ["finished"] * 2 + ["shipped"] * shipped
    leaves = open_page("leaves")
    assert leaves.selectbox(key="_picked_run").value in {run.run_id for run in mine}
    assert "(shipped)" in options(leaves, "_picked_run")[2]
    compare = open_page("compare")
    assert compare.selectbox(key="from").value == "single"
    assert "2 runs in 1 group" in words(compare)


def test_examples_can_still_be_compared_with_own_runs(fresh: Lab) -> None:
    mine = fresh.finish(small())
    at = open_page("compare", chosen=f"{mine.run_id}.{EXAMPLE_OF_IMAGES.run_id}")
    assert "2 runs in 2 groups" in words(at)
    assert param(at, "chosen") == f"{mine.run_id}.{EXAMPLE_OF_IMAGES.run_id}"


def test_runs_finds_them_and_exports_none_of_them(
    fresh: Lab, choose_rows: Callable[..., None], downloads: dict[str, Any]
) -> None:
    at = open_page("runs", find="shipped digits")
    assert f"{len(fresh.store.list_runs())} shipped examples" in words(at)
    assert table_with(at, "Run", "Address")["Address"].tolist() == [EXAMPLE_OF_IMAGES.run_id]
    assert not downloads
    mine = fresh.finish(small())
    at = open_page("runs")
    lines = downloads["leafscope-runs.csv"]().decode().splitlines()
    assert len(lines) == 2
    assert mine.run_id in lines[1]
    choose_rows([1])
    at = open_page("runs")
    assert next(one for one in at.get("download_button") if one.proto.label == "Save as one file").proto.disabled


def test_deleted_examples_leave_the_list(fresh: Lab, choose_rows: Callable[..., None]) -> None:
    order = fresh.store.list_runs()
    choose_rows([0, 1])
    press(press(open_page("runs"), "Delete"), "Delete", "_delete")
    left = fresh.store.list_runs()
    assert [run.run_id for run in left] == [run.run_id for run in order[2:]]
    assert not load_examples(fresh.store)


def test_the_deck_opens_at_its_first_figure_and_a_figure_goes_to_a_deck_of_ones_own(fresh: Lab) -> None:
    (shipped,) = fresh.store.decks()
    at = open_page("present")
    assert "Shipped example, made on 20" in words(at)
    content = fresh.store.slides(shipped.deck_id)
    first = next(slide_id for slide_id, slide in content.items() if slide.figure)
    assert at.text_input(key=f"_slide_{first}_title").value == content[first].title
    press(go(at, "leaves"), "icicle_deck")
    own, example = fresh.store.decks()
    assert (own.name, own.n_slides, own.shipped) == ("My deck", 1, False)
    assert (example.n_slides, example.shipped) == (shipped.n_slides, True)


def test_a_scene_goes_to_a_deck_with_its_moment(fresh: Lab) -> None:
    at = open_page("playground", run=EXAMPLE.run_id, epoch_at="0", held="0.5,0.25")
    press(at, "scene_deck")
    own, _ = fresh.store.decks()
    ((slide_id, slide),) = fresh.store.slides(own.deck_id).items()
    assert (slide.kind, slide.title) == ("scene", "spirals: tree net with 39.7 % test accuracy after epoch 0")
    assert slide.figure is not None
    place = slide.figure["place"]
    assert (place["epoch"], place["held"], slide.runs) == (0, [0.5, 0.25], (EXAMPLE.model_dump_json(exclude_defaults=True),))
    at = go(at, "present")
    assert at.button(key=f"_slide_{slide_id}_moment").disabled
    fresh.store.change_slide(slide_id, figure={"scenes": []})
    assert "This scene is damaged" in words(run_app(at))


def test_nets_stand_side_by_side_and_go_to_a_deck_as_one_row(fresh: Lab) -> None:
    others = [payload.partners(EXAMPLE)[name] for name in ("dense", "flat")]
    chosen = ".".join(run.run_id for run in (EXAMPLE, *others))
    assert "switch on “Report on test”" in words(open_page("compare", chosen=chosen, view="scenes"))
    press(open_page("compare", chosen=chosen, view="scenes", report=1), "scenes_beside_deck")
    own, _ = fresh.store.decks()
    (slide,) = fresh.store.slides(own.deck_id).values()
    assert slide.title == "spirals: 3 nets, test error 0.3 % to 2.7 %"
    assert slide.figure is not None
    assert {one["id"] for one in slide.figure["scenes"]} == set(chosen.split("."))


def test_leaves_offers_the_depths_that_are_not_here(fresh: Lab) -> None:
    at = open_page("leaves", run=EXAMPLE.run_id, part="depths")
    assert "At depth 0 to 3, 5 and 6 this run is not here yet." in words(at)
    assert at.button(key="depths_beside_deck").label == "Add to deck"


def test_a_sweep_of_ones_own_is_shown_instead(fresh: Lab) -> None:
    from leafscope.core.config import SweepConfig

    sweep = SweepConfig(name="mine", base=small(), axes={"seed": [0, 1]})
    fresh.store.submit_sweep(sweep, distinct_runs(sweep))
    at = open_page("overfitting")
    assert at.selectbox(key="_picked_sweep").value == sweep.sweep_id
    assert options(at, "_picked_sweep") == ["mine", f"{EXAMPLE_SWEEP.name} (shipped)"]


def test_training_an_example_again_makes_it_ones_own(fresh: Lab) -> None:
    at = press(open_page(), "_train")
    summary: RunSummary = fresh.store.run(EXAMPLE.run_id)
    assert (summary.status, summary.shipped) == ("queued", False)
    assert "shipped example" not in words(at)
    assert button(at, "Stop")
