"""What parts of Leaves do that need the trained net: they get it, or say why there is none."""

from collections.abc import Callable

import streamlit as st

from leafscope.app.leaves.node import LeafView
from leafscope.core.inference.net import Net
from leafscope.core.inspection.trained import TrainedNet


def with_net(draw: Callable[[LeafView, TrainedNet, Net], None]) -> Callable[[LeafView], None]:
    """Draw with the net at the shown epoch, or say why there is none."""

    def part(view: LeafView) -> None:
        trained = view.trained()
        if trained is None:
            st.info(f"This part needs the trained net, but {view.no_weights()}. Choose the last epoch of a run that has ended.")
            if not view.run.active and view.epoch != view.last_epoch:
                st.button("Go to the last epoch", key="_last_epoch", on_click=_go_to, args=(view.last_epoch,), type="primary")
            return
        draw(view, trained, trained.net)

    return part


def _go_to(epoch: int) -> None:
    st.session_state["epoch"] = epoch
