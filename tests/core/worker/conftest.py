"""Databases on a server that workers share."""

from collections.abc import Iterator

import pytest

from tests.postgres import Postgres


@pytest.fixture
def lent(postgres: Postgres) -> Iterator[str]:
    url = postgres.lend()
    yield url
    postgres.take_back(url)
