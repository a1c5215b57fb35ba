"""Citing a figure: the slide that keeps it, and the dialog that saves it for a paper, with what goes with it."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.offline import get_plotlyjs

from leafscope.app import theme
from leafscope.app.address import link, session
from leafscope.app.citing import asked, paper, texts
from leafscope.app.decks import snapshot
from leafscope.app.theme import Look
from leafscope.core import jobs
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.decks import Slide

CITED = "Cited figures"
"""Name of the deck that keeps what was cited, until a person renames it; `leafscope reproduce` looks through all decks."""

_KEPT = "_cited"
"""Key of session state: the digest of the figure that was cited last."""

_ASSET = Path(__file__).resolve().parents[1] / "assets" / "paper.js"


@dataclass(frozen=True)
class Origin:
    """A figure of a page with all that is needed to keep it, or to draw it again."""

    key: str
    """Its name on its page."""
    draw: Callable[[Look], go.Figure]
    table: pd.DataFrame
    sentence: str
    caption: str
    runs: Sequence[RunConfig] = ()
    """Runs that it shows beside those of the page."""
    sweep: SweepConfig | None = None
    """Its sweep, where that is not the page's."""

    def slide(self, look: Look) -> Slide:
        """Draw it in a look, as a slide with its runs, numbers and digest."""
        dumps, sweep = link.shown()
        sweep = self.sweep or sweep
        runs = list(dict.fromkeys([*map(RunConfig.model_validate_json, dumps), *self.runs]))
        return snapshot.snapshot(
            self.draw(look),
            look=look,
            caption=self.caption,
            notes=self.sentence,
            runs=runs,
            sweep=sweep,
            address=_address(runs, sweep),
            source=self.key,
            table=self.table,
        )


def _address(runs: Sequence[RunConfig], sweep: SweepConfig | None) -> str:
    """The page's address; where the page chose the newest run or sweep by itself, it is named."""
    named = link.address()
    if sweep is not None and session.Keys.SWEEP not in st.query_params:
        more = {session.Keys.SWEEP: sweep.sweep_id}
    elif runs and sweep is None and not session.names_run():
        more = {session.Keys.RUN: runs[0].run_id}
    else:
        return named
    return f"{named}{'&' if '?' in named else '?'}{urlencode(more)}"


def answer(origin: Origin) -> None:
    """Give the figure to whoever opened the page for it, without a browser."""
    if (look := asked.look_for(origin.key)) is not None:
        asked.give(origin.slide(look))


@st.dialog("Cite this figure", width="large")
def dialog(origin: Origin) -> None:
    """Show the figure as in a column of a paper, and save it with its numbers, script and BibTeX."""
    try:
        slide = origin.slide(paper.PRINT)
        _keep(slide)
    except (LeafscopeError, ValueError) as error:
        st.error(theme.escape_markdown(str(error)))
        return
    st.markdown(
        f"Digest of the numbers and of the configurations of the runs: `{slide.digest}`. It is kept in the deck "
        f"“{CITED}”; this command trains what is missing and draws the figure again:"
    )
    st.code(f"leafscope reproduce {slide.digest}", language=None)
    assert slide.figure is not None
    drawn = json.loads(origin.draw(paper.PRINT).to_json())  # with the title that a slide takes out
    height = drawn["layout"]["height"]
    told = st.components.v2.component("leafscope_paper", html='<div class="paper"></div>', js=_script())(
        key=f"paper_{origin.key}_{slide.digest}",
        data={"figure": drawn, "width": paper.WIDTH, "height": height, "name": slide.title},
        on_svg_change=lambda: None,
        on_fault_change=lambda: None,
    )
    if told.get("fault"):
        st.error(f"The browser cannot draw this figure: {theme.escape_markdown(told['fault'], 200)}")
    files = _files(slide, origin.table)
    svg = told.get("svg")
    if isinstance(svg, str):
        try:
            sized = paper.at_column_width(svg, height)
            files |= {"svg": sized, "pdf": _pdf(sized)}
        except ValueError as error:
            st.error(theme.escape_markdown(str(error)))
    _buttons(_stem(origin.key, slide.digest), files)
    st.caption(
        f"{paper.COLUMN:g} mm wide, text of 7 points that stays text. The script is a Python program; BibTeX has the paper of "
        "Cho and Bengio and this program."
    )


KINDS = {
    "svg": ("SVG", "image/svg+xml"),
    "pdf": ("PDF", "application/pdf"),
    "csv": ("Numbers", "text/csv"),
    "py": ("Script", "text/x-python"),
    "bib": ("BibTeX", "application/x-bibtex"),
}
"""Suffix of a file -> words of its button, and its type."""


def _files(slide: Slide, table: pd.DataFrame) -> dict[str, str | bytes]:
    """The files that need no browser, by suffix."""
    return {"csv": theme.as_csv(table), "py": texts.script(slide), "bib": texts.bibtex(slide.digest)}


def _buttons(stem: str, files: dict[str, str | bytes]) -> None:
    with st.container(horizontal=True):
        for kind, (words, mime) in KINDS.items():
            st.download_button(
                words,
                files.get(kind, b""),
                file_name=f"{stem}.{kind}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                disabled=kind not in files,
                key=f"_cite_{kind}",
            )
        st.download_button(
            "All as ZIP",
            lambda: _zip(stem, files),
            file_name=f"{stem}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            disabled=not files.keys() >= KINDS.keys(),
            key="_cite_zip",
        )


def _zip(stem: str, files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, content in files.items():
            archive.writestr(f"{stem}.{kind}", content)
    return packed.getvalue()


def _keep(slide: Slide) -> None:
    """Keep a cited figure in its deck, once."""
    if st.session_state.get(_KEPT) == slide.digest:
        return
    st.session_state[_KEPT] = slide.digest
    store = jobs.default_store()
    if any(known.digest == slide.digest for info in store.decks() for known in store.slides(info.deck_id).values()):
        return
    deck_id = next((info.deck_id for info in store.decks() if info.name == CITED), None)
    store.add_slide(deck_id or store.make_deck(CITED), slide)


@st.cache_data(show_spinner=False, max_entries=8)
def _pdf(svg: str) -> bytes:
    return paper.pdf(svg)


def _stem(key: str, digest: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', key)}-{digest}"


@lru_cache(maxsize=1)
def _script() -> str:
    """Plotly, 4.8 MB, from the package, and what draws with it."""
    return f"{get_plotlyjs()}\n{_ASSET.read_text(encoding='utf-8')}"
