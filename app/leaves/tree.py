"""The tree of prefixes: the browser draws it at each epoch, in place; a click on it chooses a node, or a part to zoom in on."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.figures.leaves.icicle import PrefixIcicle
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing
from leafscope.app.scene import component, payload
from leafscope.app.scene.nets import as_base64
from leafscope.core.usage.counts import leaf_counts_by_epoch, leaf_state

KEY = "leaves_tree"

PICTURES = 60
"""The most epochs that are played."""

NUMBERS = 2**19
"""The most counts that are sent; of a deep tree fewer epochs are played."""

_LINES = 34
"""The height of all that is drawn, in lines of text."""

_SCRIPTS = ("common", "net", "tree", "leaves")


def show(view: LeafView) -> None:
    """Show how the rows descend the tree at the epoch; the page is then about the node that a person clicks."""
    root = _root(view)
    counts = view.counts
    states = leaf_state(counts["train"], counts["test"])
    icicle = PrefixIcicle(counts[view.split], view.depth, SPLITS[view.split], states, root)
    st.markdown(theme.escape_markdown(icicle.sentence()))
    epochs, sent = _loads(view.key, view.layer, view.split, view.epoch if len(view.epochs) > _most(view) else None, view)
    told = (st.session_state.get(KEY) or {}).get("place")
    look = session.look()
    height = _LINES * theme.FONT_SIZE[look.projector]
    with st.container(height=height, border=False, key="place_tree"):
        component.component("leafscope_leaves", *_SCRIPTS)(
            key=KEY,
            data={
                "looks": [payload.look(replace(look, dark=dark)) for dark in (False, True)],
                "dark": look.dark,
                "height": height,
                "run": view.run.run_id,
                "mark": f"{view.run.run_id} {view.run.attempt}",
                "style": view.run.config.net.kind,
                "depth": view.depth,
                "rows": SPLITS[view.split],
                "total": len(view.labels),
                "epochs": epochs,
                "counts": sent,
                "states": "".join(state[0] for state in states),
                "epoch": view.epoch,
                "node": view.node,
                "root": root,
                "heard": told.get("when") if isinstance(told, dict) else None,
            },
            on_place_change=partial(_take, view.run.run_id),
        )
    drawing.numbers(
        icicle.table(),
        "icicle",
        view.caption(
            "Each box is a node of the tree: a prefix of the sign pattern, from the root to the leaves. Its colour is its "
            "share of the rows, on one scale for all levels."
        ),
        draw=lambda look: icicle.figure(subject=view.subject, look=look),
        share=0.58,
        sentence=icicle.sentence(),
        hint="Click a box to see its rows.",
    )


def _root(view: LeafView) -> int:
    """The node that fills the drawing."""
    last = max(0, (1 << view.depth) - 2)
    choice.warn("root", choice.seed("root", range(last + 1), 0), f"from 0 to {last}")
    root = int(st.session_state["root"])
    session.publish_to_url("root", root, 0)
    return root


def _most(view: LeafView) -> int:
    return max(2, min(PICTURES, NUMBERS >> view.depth))


@st.cache_data(show_spinner=False, max_entries=8)
def _loads(key: tuple[Any, ...], layer: int, split: str, epoch: int | None, _view: LeafView) -> tuple[list[int], str]:
    """The epochs that can be drawn, and the rows of each leaf at each; `epoch` is one of them, if not all are."""
    del key, layer, split
    epochs, most = _view.epochs, _most(_view)
    places = np.unique(np.linspace(0, len(epochs) - 1, min(len(epochs), most)).round().astype(int))
    if epoch is not None:
        places = np.unique([*places, epochs.index(epoch)])
    counts = leaf_counts_by_epoch(_view.series()[places], _view.depth)
    return [epochs[place] for place in places], as_base64(counts, "<u4")


def _take(run_id: str) -> None:
    """Take what the browser says was chosen, before the page is drawn."""
    place = (st.session_state.get(KEY) or {}).get("place")
    if not isinstance(place, dict) or place.get("run") != run_id:
        return
    for name in ("node", "root", "epoch"):
        if type(value := place.get(name)) is int:
            st.session_state[name] = value
