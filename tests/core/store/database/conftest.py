"""What tests of a database on a server share."""

from collections.abc import Iterator

import pytest

from tests.postgres import Postgres


@pytest.fixture
def lent(postgres: Postgres) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    url = postgres.lend()
    yield url
    postgres.take_back(url)
