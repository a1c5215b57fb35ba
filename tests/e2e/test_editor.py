"""The list of a deck's slides in a real browser: slides are moved by mouse, finger and keys, and hostile titles are text."""

from collections.abc import Callable
from typing import Any

from leafscope.core.store.decks import Slide
from tests.e2e.conftest import PHONE, Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn

HOSTILE = "<img src=x onerror=alert(1)> [a](http://evil.example)"
FIGURE = {"data": [{"type": "scatter", "y": [1, 2], "line": {"color": "url(http://evil.example/x)"}}], "layout": {}}


def open_deck(app: App, visit: Callable[..., Visit], width: int = 1440) -> tuple[Any, Callable[[], str]]:
    """A page with a deck of slides A to D, and a function that gives the order of their first letters in the store."""
    slides = [Slide(kind="text", title=f"{name} {HOSTILE}", text="- one") for name in "ABC"]
    deck_id = app.store.make_deck(HOSTILE, [*slides, Slide(kind="figure", title=f"D {HOSTILE}", figure=FIGURE)])
    page = visit(width).page
    page.goto(f"{app.url}/present?deck={deck_id}")
    page.locator(".slides li").nth(3).wait_for()
    drawn(page)
    return page, lambda: "".join(slide.title[0] for slide in app.store.slides(deck_id).values())


def test_slides_are_moved_by_keys_and_by_the_mouse(app: App, visit: Callable[..., Visit]) -> None:
    page, order = open_deck(app, visit)
    items = page.locator(".slides li")
    assert items.nth(0).locator(".title").inner_text() == f"A {HOSTILE}"
    assert page.locator(".slides :is(img, a)").count() == 0
    items.nth(0).focus()
    page.keyboard.press("Alt+ArrowDown")
    until(lambda: order() == "BACD", "moved by keys")
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**slide=3**")
    drawn(page)
    start, end = (items.nth(place).bounding_box() for place in (3, 0))
    page.mouse.move(start["x"] + 40, start["y"] + 30)
    page.mouse.down()
    page.mouse.move(start["x"] + 40, start["y"] - 20)
    page.mouse.move(end["x"] + 40, end["y"] + 5, steps=4)
    page.mouse.up()
    until(lambda: order() == "DBAC", "moved by the mouse")
    page.get_by_role("button", name="Undo").click()
    until(lambda: order() == "BACD", "taken back")


def test_slides_are_moved_by_a_finger_on_their_handle(app: App, visit: Callable[..., Visit]) -> None:
    page, order = open_deck(app, visit, PHONE - 210)
    handle = page.locator(".slides .handle").first.bounding_box()
    touch = page.context.new_cdp_session(page)

    def point(kind: str, y: float) -> None:
        places = [] if kind == "touchEnd" else [{"x": handle["x"] + 8, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    middle = handle["y"] + handle["height"] / 2
    point("touchStart", middle)
    for by in (20, 80, 150):
        point("touchMove", middle + by)
    point("touchEnd", 0)
    until(lambda: order() == "BCAD", "moved by a finger")
