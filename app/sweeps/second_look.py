"""More reporting seeds for a sweep whose answer was seen."""

import streamlit as st
from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.sweeps import start
from leafscope.core.config import SweepConfig, explain
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import SweepInfo


def offer(info: SweepInfo) -> None:
    """Offer to train a sweep with reporting seeds on more of them, by default as many again."""
    sweep = info.config
    if sweep.report_seeds is None:
        return
    with st.popover("Add reporting seeds", icon=":material/add:", type="tertiary"):
        number = int(
            st.number_input("Seeds to add", 1, 1000, len(sweep.report_seeds), key="_more_seeds", help="The next unused ones.")
        )
        wanted, words, wrong = _larger(sweep, number)
        st.button(
            f"Train {theme.thousands(number)} more seed{'s' * (number != 1)}",
            key="_add_seeds",
            type="primary",
            icon=":material/play_arrow:",
            on_click=start.start,
            args=(wanted,),
            disabled=wanted is None,
        )
        st.caption(
            theme.escape_markdown(
                wrong or f"{words}. The answer will say that these seeds were added after the first answer was seen."
            )
        )


def _larger(sweep: SweepConfig, number: int) -> tuple[SweepConfig | None, str, str]:
    """The sweep with more seeds, its size in words, and what is wrong with it."""
    try:
        wanted = sweep.with_more_seeds(number)
        return wanted, start.size_words(wanted), ""
    except ValidationError as error:
        return None, "", "; ".join(explain(error).values())
    except LeafscopeError as error:
        return None, "", str(error)
