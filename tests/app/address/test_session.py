"""Session and address: what stands in one stands in the other."""

from typing import Any

import pytest
import streamlit as st

from leafscope.app.address import session


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A session of its own, and an address."""
    held: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", held)
    monkeypatch.setattr(st, "query_params", {})
    return held


def at(**parameters: str) -> None:
    st.query_params.update(parameters)


def test_run_of_the_address_goes_first_and_is_remembered() -> None:
    assert session.run_id() is None
    at(run="a")
    assert session.run_id() == "a"
    st.query_params.clear()  # another page
    assert session.run_id() == "a"
    assert st.query_params == {"run": "a"}
    at(run="b")
    assert session.run_id() == "b"
    assert st.session_state["run"] == "b"


def test_choosing_a_run_and_none() -> None:
    session.show_run("a")
    assert (st.session_state["run"], st.query_params["run"], session.run_id()) == ("a", "a", "a")
    session.show_run(None)
    assert session.run_id() is None
    assert not st.query_params


def test_seed_takes_session_then_address_then_default() -> None:
    assert session.seed_from_url("depth", int, 4) is None
    assert st.session_state["depth"] == 4
    at(width="7", depth="9")
    assert session.seed_from_url("width", int, 32) is None
    assert session.seed_from_url("depth", int, 4) is None
    assert (st.session_state["width"], st.session_state["depth"]) == (7, 4)


def test_seed_gives_back_what_it_cannot_read() -> None:
    at(depth="four")
    assert session.seed_from_url("depth", int, 4) == "four"
    assert st.session_state["depth"] == 4


@pytest.mark.parametrize(("value", "text"), [(0.1 + 0.2, "0.30000000000000004"), (1e-7, "1e-07"), (3, "3"), ("flat", "flat")])
def test_published_values_can_be_read_again(value: Any, text: str) -> None:
    session.publish_to_url("x", value, None)
    assert st.query_params["x"] == text
    assert session.seed_from_url("x", type(value), None) is None
    assert st.session_state["x"] == value


@pytest.mark.parametrize("value", [None, 4])
def test_default_and_nothing_are_left_out(value: int | None) -> None:
    at(depth="9")
    session.publish_to_url("depth", value, 4)
    assert "depth" not in st.query_params


@pytest.mark.parametrize(
    ("address", "size", "image"),
    [({}, "screen", "svg"), ({"size": "projector", "image": "png"}, "projector", "png"), ({"size": "x"}, "screen", "svg")],
)
def test_view(address: dict[str, str], size: str, image: str) -> None:
    at(**address)
    session.seed_view()
    assert st.session_state["size"] == size
    assert session.image_format() == image


def test_look_follows_size_and_share() -> None:
    session.seed_view()
    assert not session.look().projector
    assert session.look(0.5).width == round(session.look().width / 2)
    st.session_state["size"] = "projector"
    assert session.look().projector


def test_figures_take_the_width_that_there_is_and_slides_no_more_than_the_usual(state: dict[str, Any]) -> None:
    for told, shown, on_slide in ((350, 350, 350), (1450, 1450, 1000), (None, 1000, 1000), (10**6, 1000, 1000)):
        state[session.Keys.BROWSER] = {"width": told}
        assert (session.look().width, session.slide_look().width) == (shown, on_slide)


def test_notice_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(st, "toast", shown.append)
    session.show_notice()
    session.notify("Done.")
    session.notify("All of it.")
    session.notify("Done.")
    session.show_notice()
    session.show_notice()
    assert shown == ["Done\\.\n\nAll of it\\."]
