"""Presets: each begins anew, with nothing of the run before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app.playground import scene
from leafscope.app.playground.presets import PRESETS
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.store import Store
from tests.pages.harness import open_lab


def page() -> None:
    """Show a preset, as its menu does."""
    import streamlit as st

    from leafscope.app.playground import presets, scene

    presets.show(presets.PRESETS[st.session_state["preset"]], scene.BESIDE)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = open_lab(tmp_path, monkeypatch).store
    yield store
    store.close()


@pytest.mark.parametrize("name", ["digits", "noise"])
def test_a_preset_leaves_nothing_of_the_run_before_in_the_address(store: Store, name: str) -> None:
    preset, at = PRESETS[name], AppTest.from_function(page)
    at.session_state["preset"] = name
    for part in (scene.BESIDE, *scene.PLACE):
        at.query_params[part] = "1"
    at.run()
    assert not at.exception
    assert dict(at.query_params) in ({"run": preset.run.run_id}, {"run": [preset.run.run_id]})
    assert at.session_state[scene.BESIDE] == (preset.beside or "nothing")
    assert preset.run.run_id in store.runs([preset.run.run_id])


def test_a_preset_is_a_persons_own_only_once_they_press_train(store: Store) -> None:
    load_examples(store)
    before, noise = store.shipped(), PRESETS["noise"]
    at = AppTest.from_function(page)
    at.session_state["preset"] = "noise"
    at.run()
    assert not at.exception
    added = {run.run_id for run in store.list_runs()} - before
    assert noise.run.run_id in added
    assert len(added) == 2  # with the net beside it
    assert all(run.shipped for run in store.list_runs())
    store.stop(noise.run.run_id)
    store.submit(noise.run)
    assert [run.run_id for run in store.list_runs() if not run.shipped] == [noise.run.run_id]
