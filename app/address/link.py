"""Addresses that carry the configurations a page shows: another server offers to train what it lacks."""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.config.link import Plan, decode, encode
from leafscope.core.errors import LimitError

PLAN = "plan"
"""The parameter of an address that holds the configurations of the page."""

_SHOWN, _INCOMING, _PUBLISHED = "_shown", "_incoming", "_published_plan"


def show(runs: Sequence[RunConfig] = (), sweep: SweepConfig | None = None) -> None:
    """Note what the page shows, for slides, and put it into the address unless that gets too long."""
    dumps = tuple(run.model_dump_json(exclude_defaults=True) for run in runs)
    st.session_state[_SHOWN] = (dumps, sweep)
    text = _encoded(dumps, None if sweep is None else sweep.model_dump_json(exclude_defaults=True))
    st.session_state[_PUBLISHED] = text
    session.publish_to_url(PLAN, text, "")


def keep_plan() -> None:
    """Keep the opened configurations in the address while some of them are not here."""
    text, _ = st.session_state.get(_INCOMING, ("", None))
    st.session_state[_PUBLISHED] = text
    session.publish_to_url(PLAN, text, "")


def incoming() -> Plan | None:
    """The configurations of the address that was opened, kept for the session; None if it had none.

    Configurations that a page wrote into the address itself do not count.
    """
    text = st.query_params.get(PLAN, "")
    if text and text != st.session_state.get(_PUBLISHED):
        st.session_state[_INCOMING] = (text, plan())
    _, found = st.session_state.get(_INCOMING, ("", None))
    opened: Plan | None = found
    return opened


def forget_incoming() -> None:
    """Forget the configurations of the address that was opened."""
    st.session_state.pop(_INCOMING, None)


def reset() -> None:
    """Forget what was shown; called before each page, which then says what it shows."""
    st.session_state.pop(_SHOWN, None)


def shown() -> tuple[tuple[str, ...], SweepConfig | None]:
    """The configurations of the runs that the page shows, as JSON, and of its sweep."""
    found: tuple[tuple[str, ...], SweepConfig | None] = st.session_state.get(_SHOWN, ((), None))
    return found


def address() -> str:
    """The page's path and parameters, without the configurations."""
    parts = urlsplit(st.context.url or "")
    parameters = {name: value for name, value in st.query_params.to_dict().items() if name != PLAN}
    path = parts.path or f"/{st.session_state.get(session.Keys.PAGE, '')}"  # a page that is opened without a browser
    return path + (f"?{urlencode(parameters)}" if parameters else "")


def origin() -> str:
    """Where the app answers, such as http://127.0.0.1:8501; empty where no browser asked."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def link() -> str:
    """The full address of the page in its present state, to copy."""
    parts = urlsplit(st.context.url or "")
    parameters = st.query_params.to_dict()
    return f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{urlencode(parameters)}" if parameters else "")


def plan() -> Plan | None:
    """The configurations in the address; None if it has none, or, with a warning, if they cannot be read."""
    text = st.query_params.get(PLAN)
    if not text:
        return None
    try:
        return decode(text)
    except ValueError as error:
        st.warning(f"The configurations in this address cannot be read: {theme.escape_markdown(str(error), 300)}")
        return None


@lru_cache(maxsize=256)
def _encoded(runs: tuple[str, ...], sweep: str | None) -> str:
    try:
        return encode(
            [RunConfig.model_validate_json(run) for run in runs],
            None if sweep is None else SweepConfig.model_validate_json(sweep),
        )
    except LimitError:
        return ""  # browsers and mail programs would cut so long an address; such runs travel as a file
