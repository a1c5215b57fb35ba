"""Test error against computation: the figure that Overfitting opens with, and the runs behind each of its points."""

import pandas as pd
import streamlit as st

from leafscope.app import always, navigation, theme
from leafscope.app.address import session
from leafscope.app.compare import selection
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.overfitting.part import ROWS_KEY, Choice, shown
from leafscope.app.overfitting.sections import EPOCHS, bands_words, collapsed_words
from leafscope.app.parts import drawing
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.findings import stage_words
from leafscope.app.sweeps.headline import headline
from leafscope.core.models import is_sized_by_width

_CLICKED = "_computation_point"


def show(table: pd.DataFrame, choices: pd.DataFrame, choice: Choice) -> None:
    """Draw the figure, with a slider over the training rows where the sweep varies them; a click on a point names its runs."""
    mine, choosing = (part[part["data"] == choice.data] for part in (table, choices))
    sizes = sorted({int(size) for size in mine["n_train"]})
    figure, points = headline(shown(mine, choice), choosing, n_train=choice.n_train, variant=choice.variant)
    if len(sizes) > 1:
        _slide(sizes, choice.n_train)

    def choose() -> None:
        clicked = st.session_state["error_by_computation"]["selection"]["points"]
        if clicked and "customdata" in clicked[0]:
            place = clicked[0]["customdata"]
            row = figure.table().iloc[int(place[0] if isinstance(place, list) else place)]
            st.session_state[_CLICKED] = {name: row[name] for name in ("model", "variant", "depth", "width", "n_train")}

    found = collapsed_words(shown(mine, choice))
    collapsed = f"{found}." if found else ""
    drawing.show(
        figure,
        key="error_by_computation",
        subject=choice.of_data,
        caption=f"{choice.error_words}Errors {EPOCHS['best']}. "
        f"{bands_words(mine)} {findings.rates_words(mine)} {stage_words(mine)} "
        f"{always.of_table(mine)} {collapsed}".strip(),
        hint="Click a point to see its runs.",
        on_select=choose,
    )
    _clicked_runs(points, choice)


def _slide(sizes: list[int], now: int) -> None:
    key = "_computation_rows"
    st.session_state[key] = now

    def move() -> None:
        st.session_state[ROWS_KEY] = st.session_state[key]

    left, _ = st.columns([1, 2])
    left.select_slider("Training rows", sizes, key=key, on_change=move, format_func=theme.thousands)


def _clicked_runs(points: pd.DataFrame, choice: Choice) -> None:
    """Name the runs of the point that was clicked last, and open them in Compare."""
    asked = st.session_state.get(_CLICKED)
    if asked is None:
        return
    same = [points[name].eq(value) | (points[name].isna() & pd.isna(value)) for name, value in asked.items() if name != "model"]
    is_dense = is_sized_by_width(str(asked["model"]))
    of_model = points["model"].map(lambda name: is_sized_by_width(name) if is_dense else name == asked["model"])
    found = points[pd.concat([of_model, *same], axis=1).all(axis=1)]
    if found.empty:
        return
    row = found.iloc[0]
    place = [f"K = {row['depth']:g}"] * pd.notna(row["depth"]) + [f"width {row['width']:g}"] * pd.notna(row["width"])
    name = ", ".join([model_words(str(row["model"]), str(row["variant"])), *place])
    runs = list(row["run_ids"])
    words = f"{name}: open its {theme.thousands(len(runs))} run{'s' * (len(runs) != 1)} in Compare"
    if st.button(theme.escape_markdown(words), key="_open_computation_runs", icon=":material/compare_arrows:", type="tertiary"):
        st.session_state[selection.FROM] = choice.info.sweep_id
        selection.choose_rows(runs)
        query = {selection.CHOSEN: ".".join(runs), session.Keys.SWEEP: choice.info.sweep_id}
        st.switch_page(navigation.COMPARE_PAGE, query_params=query)
