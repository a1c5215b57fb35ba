"""Presets: each begins anew, with nothing of the run before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app.playground import scene
from leafscope.app.playground.presets import PRESETS
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
