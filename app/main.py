"""The entry of Streamlit: page configuration, navigation, the sidebar's status; nothing else."""

from pathlib import Path

import streamlit as st

from app import server, session, widgets

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "pages"

st.set_page_config(page_title="Leafscope", page_icon=str(HERE / "assets" / "icon.png"), layout="wide")
server.ensure_worker()
session.seed_view()
page = st.navigation(
    [
        st.Page(PAGES / "playground.py", title="Playground", icon=":material/play_circle:", default=True),
        st.Page(PAGES / "leaves.py", title="Leaves", icon=":material/account_tree:"),
        st.Page(PAGES / "runs.py", title="Runs", icon=":material/list:"),
    ]
)
page.run()
widgets.sidebar_foot()
