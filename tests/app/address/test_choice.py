"""Choices that are kept in the session and in the address."""

from streamlit.testing.v1 import AppTest


def _two_of_one_name() -> None:
    import streamlit as st

    from leafscope.app.address import choice

    words = {"2db5000000000000": "moons tree", "5fd9000000000000": "moons tree", "77aa000000000000": "iris tree"}
    choice.picker("picked", "Run", words, "2db5000000000000", st.write)


def test_runs_of_one_name_are_told_apart_by_their_ids() -> None:
    at = AppTest.from_function(_two_of_one_name).run()
    assert at.selectbox(key="picked").options == ["moons tree #2db500", "moons tree #5fd900", "iris tree"]
    at.selectbox(key="picked").set_value("5fd9000000000000").run()
    assert at.markdown[0].value == "5fd9000000000000"
