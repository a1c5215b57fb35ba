"""Pages that are opened in quick succession: the browser is told of the page that is open, and keeps it."""

from typing import Any

from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.e2e.harness import HANGS, App
from tests.e2e.session import opened


def test_a_timer_of_the_page_before_leaves_the_page_that_is_open(app: App) -> None:
    with opened(app, "runs") as window:
        window.go("present")
        for timer in sorted(window.timers):  # the foot of the sidebar is the same part on both pages
            window.tick(timer, "runs")
            assert window.open == window.pages["present"]


def test_a_page_that_goes_blank_is_loaded_anew(app: App, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})  # wide enough that no width is told meanwhile
    page.set_default_timeout(1000 * HANGS)
    shown = ""
    lost = False

    def lose_one(socket: Any) -> None:
        def pass_on(message: Any) -> None:
            nonlocal shown, lost
            read = ForwardMsg()
            read.ParseFromString(message)
            if read.WhichOneof("type") == "navigation":
                pages = {one.page_script_hash: one.url_pathname for one in read.navigation.app_pages}
                shown = pages[read.navigation.page_script_hash]
            if shown == "present" and not lost and list(read.metadata.delta_path) == [0, 1]:
                lost = True  # what follows it on a page that was just cleared stands nowhere
            else:
                socket.send(message)

        socket.connect_to_server().on_message(pass_on)

    page.route_web_socket("**/_stcore/stream", lose_one)
    page.goto(f"{app.url}/runs")
    page.wait_for_function("window.leafscopeBlank")  # the page's own script watches it from now on
    present = page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="Present")
    with page.expect_event("pageerror") as error, page.expect_event("load"):
        present.click()
    assert "Bad delta path" in str(error.value)
    assert lost
    present.click()  # the address was that of the page before, which answers again
    expect(page.get_by_role("heading", level=1)).to_contain_text("Show it to a room")
    page.close()
