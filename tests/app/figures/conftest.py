"""Figures compute nothing that is compiled, so that their tests need not wait for a compiler."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def compiled_code() -> None:
    """Compile nothing."""
