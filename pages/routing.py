"""Routing: how evenly does my own mixture of experts use its experts?"""

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.address.choice import pick
from leafscope.app.leaves import node
from leafscope.app.routing import opening, sections, source
from leafscope.app.routing.sections import ALL, MEASURES, Shown, measure_title
from leafscope.app.routing.source import RUN, Source
from leafscope.core.store.routing_logs import LogInfo

NONE = "none"


def main() -> None:
    """Lay out the page."""
    st.title("How evenly the experts are used")
    opening.take_kept()
    found = source.choose()
    if found is not None:
        shown, beside = _ask(found)
        sections.against_chance(shown, beside)
        sections.experts_of_layers(shown)
        parts = sections.aspects(shown)
        chosen = node.part({key: words for key, (words, _) in parts.items()}, key="routing_part")
        parts[chosen][1](shown)
    opening.offer(found is None)
    for note in found.log.notes if found is not None else ():
        st.caption(theme.escape_markdown(f"{note[:1].upper()}{note[1:]}.", 300))
    if st.session_state.get(source.KEY, RUN) != RUN:
        opening.save_or_remove(str(st.session_state[source.KEY]))


def _ask(found: Source) -> tuple[Shown, dict[str, Source]]:
    """Ask which part of the log is shown, and what beside it; every choice is in the address."""
    log, logs = found.log, source.others(found)
    with st.sidebar:
        titles = {name: measure_title(name) for name in MEASURES}
        measure = pick("measure", "Statistic", list(MEASURES), MEASURES[0], titles, help="How evenly a layer uses its experts.")
        domain = ALL
        if len(log.domains) > 1:
            words = {ALL: "all, side by side"} | {one: theme.one_line(one, 40) for one in log.domains}
            domain = pick("domain", "Domain", [ALL, *log.domains], ALL, words)
        step = _step(log.steps)
        beside = NONE
        if logs:
            beside = pick(
                "beside", "Beside it", [NONE, *logs], NONE, {NONE: "nothing"} | _names(logs), help="Another kept log."
            )
    of_others = {}
    if beside != NONE and (other := source.of_log(logs[beside])) is not None:
        name = theme.one_line(other.log.name, 60)
        of_others[name if name != log.name else f"{name} {beside[:6]}"] = other
    by_text = {session.format_value(one): one for one in log.steps}
    return Shown(found, measure, None if domain == ALL else domain, by_text.get(step)), of_others


def _names(logs: dict[str, LogInfo]) -> dict[str, str]:
    return {log_id: theme.one_line(info.name, 40) for log_id, info in logs.items()}


def _step(steps: tuple[float, ...]) -> str:
    """Ask for a step; by default the last one."""
    if len(steps) < 2:
        return ALL
    known = [ALL, *map(session.format_value, steps)]
    wrong = choice.seed("step", known, known[-1])
    st.select_slider(
        "Step", known, key="step", help="The arrow keys move it; at its left end it is all steps.", persist_state="session"
    )
    choice.warn("step", wrong, f"all, or one that was logged, {known[1]} to {known[-1]}")
    session.publish_to_url("step", st.session_state["step"], known[-1])
    return str(st.session_state["step"])


main()
