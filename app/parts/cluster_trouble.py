"""What pages say when a cluster does not train the sweeps that it should."""

import streamlit as st

from leafscope.app import theme
from leafscope.core import jobs


def show() -> None:
    """Say in a sentence what is wrong with the cluster, if anything."""
    store = jobs.default_store()
    if store.path is None and (fault := store.cluster_fault()):
        st.warning(f"{theme.escape_markdown(fault[:1].upper() + fault[1:], 600)}.", icon=":material/dns:")
