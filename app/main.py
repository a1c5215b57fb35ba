"""Streamlit's entry script: page configuration, navigation and the foot of the sidebar, nothing else."""

import base64
from pathlib import Path

import streamlit as st

from leafscope.app import server

server.wait_until_warm()

from leafscope.app import navigation, theme  # noqa: E402 -- only after the warm-up thread has imported what they need
from leafscope.app.address import history, link, session  # noqa: E402
from leafscope.app.parts import sidebar, store_trouble  # noqa: E402

HERE = Path(__file__).resolve().parent

# inline: Streamlit drops a media file with the session that asked for it, before a reloaded page has fetched it
ICON = "data:image/png;base64," + base64.b64encode((HERE / "assets" / "icon.png").read_bytes()).decode()

session.seed_view()
st.set_page_config(
    page_title="Leafscope",
    page_icon=ICON,
    layout="wide",
    initial_sidebar_state="collapsed" if session.is_projected() else "auto",  # it steps back in a lecture
)
if not server.is_guarded:  # under `streamlit run`, where nothing stands before Streamlit
    st.html(f"<style>{theme.page_style()}</style>")
server.check_access()
history.come_back()
page = st.navigation(
    [
        st.Page((HERE / one.path).resolve(), title=one.title, icon=one.icon, default=one is navigation.DEFAULT)
        for one in navigation.PAGES
    ]
)
session.enter_page(page.url_path)
history.keep()
link.reset()
with store_trouble.explained():
    server.ensure_worker()
    store_trouble.write_banner()
    page.run()
    sidebar.sidebar_foot()
server.page_is_drawn()
