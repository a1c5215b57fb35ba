"""What pages say when the database cannot be read or written to."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from leafscope.app import server, theme
from leafscope.core.errors import RunNotFoundError, StoreError


def write_banner() -> None:
    """Say on top of a page that nothing can be written, until it can; what can be read is shown as always."""
    if server.write_fault() is not None:
        _banner()


@st.fragment(run_every=1.0)
def _banner() -> None:
    fault = server.write_fault()
    if fault is None:
        st.rerun()
    st.warning(
        f"Nothing can be saved at the moment: {theme.escape_markdown(fault, 300)}. What was saved before is shown; training "
        "waits until it can save again, and this message then goes away.",
        icon=":material/save:",
    )


@contextmanager
def explained() -> Iterator[None]:
    """Show a sentence in place of the rest of a page whose run was deleted meanwhile, or whose database cannot be read."""
    try:
        yield
    except RunNotFoundError as error:
        st.warning(f"A run that this page shows was deleted: {theme.escape_markdown(str(error), 300)}.")
    except StoreError as error:
        st.error(f"{theme.escape_markdown(str(error), 400)}.", icon=":material/error:")
    else:
        return
    st.button("Try again", icon=":material/refresh:", key="_try_again")
