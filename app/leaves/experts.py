"""What Leaves and Balance show of a run whose rows go to experts, below no tree of prefixes."""

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address.choice import pick
from leafscope.app.figures.leaves.class_mix import ClassMix
from leafscope.app.figures.routing.layers_by_experts import LayersByExperts
from leafscope.app.leaves import node
from leafscope.app.leaves.view import SPLITS, View
from leafscope.app.parts import drawing
from leafscope.app.routing import sections, source
from leafscope.app.routing.sections import MEASURES, Shown, measure_title
from leafscope.core.usage.counts import choice_counts

WITHOUT_PREFIXES = (
    "Experts stand below no tree of prefixes, and have no gates with signs: figures of prefixes, of sign patterns and of gates "
    "are left out here."
)
"""Why some figures are not offered."""


def who_uses_them(view: View) -> None:
    """Show which rows use which expert of the layer."""
    st.caption(WITHOUT_PREFIXES)
    chosen, layer = view.leaves[view.split], view.run.config.net.routed_layers[view.layer]
    sections.experts_of_layers(_shown(view, MEASURES[0]))
    if not view.data.n_classes:
        return
    names = [theme.one_line(str(name), 40) for name in view.data.class_names]
    by_class = np.stack([choice_counts(chosen[view.labels == one], layer.n_leaves) for one in range(len(names))])
    drawing.show(
        LayersByExperts(by_class, names, what="class"),
        key="experts_by_class",
        caption=view.caption("Choices of an expert by the rows of a class, as a multiple of the mean over the experts."),
        subject=view.subject,
    )
    fullest = int(by_class.sum(0).argmax())
    expert = pick(
        "expert", "Expert", tuple(range(layer.n_leaves)), fullest, {one: f"expert {one}" for one in range(layer.n_leaves)}
    )
    drawing.show(
        ClassMix(by_class[:, expert], view.data.class_names, by_class.sum(1), f"expert {expert}", SPLITS[view.split]),
        key="expert_classes",
        caption=view.caption(f"Thin marks: the same share over all choices of the {view.rows}."),
        subject=view.subject,
    )


def balance(view: View) -> None:
    """Show how evenly the experts of all layers are used, against rows that choose uniformly."""
    with st.sidebar:
        measure = pick("measure", "Statistic", list(MEASURES), MEASURES[0], {name: measure_title(name) for name in MEASURES})
    shown = _shown(view, measure)
    sections.against_chance(shown, {})
    sections.experts_of_layers(shown)
    parts = {key: one for key, one in sections.aspects(shown).items() if key != "domains"}
    chosen = node.part({key: words for key, (words, _) in parts.items()}, key="aspect")
    parts[chosen][1](shown)
    st.caption(WITHOUT_PREFIXES)


def _shown(view: View, measure: str) -> Shown:
    """What the figures of Routing show of the run, at the epoch that was recorded last before the one chosen."""
    found = source.of_run(view.run)
    step = max((one for one in found.log.steps if one <= view.epoch), default=found.log.steps[0])
    return Shown(found, measure, SPLITS[view.split], step)
