"""Fixtures of the page tests: an empty store, clicks that AppTest cannot make, and what download buttons would save."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import local_script_runner

from tests.pages.harness import Lab, capture_downloads, open_lab, stock


@pytest.fixture(scope="session", autouse=True)
def packages_read_once() -> Iterator[None]:
    """AppTest looks for components in every installed package, for each test anew; what it finds stays the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def scripts_waited_for() -> Iterator[None]:
    """AppTest looks a thousand times a second whether a script has ended, which disturbs it; here its thread is waited for."""
    too_late = local_script_runner.require_widgets_deltas

    def wait(runner: Any, timeout: float = 3) -> None:
        runner._script_thread.join(timeout)
        if runner._script_thread.is_alive():
            too_late(runner, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A database that the module's `fill_lab(lab)` filled once; None in a module that has no such function."""
    fill = getattr(request.module, "fill_lab", None)
    return None if fill is None else stock(tmp_path_factory.mktemp("stocked"), fill)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filled: Path | None) -> Iterator[Lab]:
    """An own copy of what the module filled, else an empty store, which the pages use; no worker is started."""
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    lab = open_lab(tmp_path, monkeypatch, filled)
    yield lab
    lab.store.close()


@pytest.fixture
def choose_rows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Choose rows of a table, which a test's session cannot click; None: leave it as it is."""
    real = st.dataframe

    def choose(rows: Sequence[int] | None, table: str = "runs_table") -> None:
        def dataframe(data: Any, **options: Any) -> Any:
            event = real(data, **options)
            chosen = rows is not None and str(options.get("key")).startswith(table)
            return {"selection": {"rows": list(rows or ())}} if chosen else event

        monkeypatch.setattr(st, "dataframe", dataframe)

    return choose


@pytest.fixture
def click_point(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, Any]], None]:
    """Put a button with the key "<figure>_click" beside a figure; it does what a click on that point does."""
    real = st.plotly_chart

    def prepare(key: str, point: dict[str, Any]) -> None:
        def chart(figure: Any, **options: Any) -> Any:
            if options.get("key") != key:
                return real(figure, **options)

            def clicked() -> None:
                st.session_state[key] = {"selection": {"points": [point]}}
                options["on_select"]()
                del st.session_state[key]

            st.button("click", key=f"{key}_click", on_click=clicked)
            return real(figure, **(options | {"on_select": "ignore", "key": f"{key}_drawn"}))

        monkeypatch.setattr(st, "plotly_chart", chart)

    return prepare


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each download button would save, by its file name."""
    return capture_downloads(monkeypatch)
