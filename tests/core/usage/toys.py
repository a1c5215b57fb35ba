"""A leaf statistic as another person would add it: one object, registered for as long as a test runs."""

from collections.abc import Iterator

import pytest
import streamlit as st

from leafscope.core.usage.statistics import STATISTICS, Statistic

FULLEST = Statistic(
    name="fullest",
    title="Rows in the fullest leaf",
    meaning="Share of the rows that are in the fullest leaf.",
    formula="max n / N.",
    needs="counts",
    written="share",
    measure=lambda loads: loads.p[:, -1],
)


@pytest.fixture
def fullest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Statistic]:
    """The statistic, registered."""
    STATISTICS.load()
    monkeypatch.setitem(STATISTICS._variants, FULLEST.name, FULLEST)
    st.cache_data.clear()
    yield FULLEST
    st.cache_data.clear()
