"""`leafscope worker`: what it hands to the worker, and what it refuses."""

import os
from typing import Any

import pytest

from leafscope.app.cli import main
from leafscope.core.worker import __main__ as worker


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker is started with: its arguments, and the database that the environment names."""
    found: list[Any] = []
    monkeypatch.setenv("LEAFSCOPE_DATABASE", "before")  # and put back
    monkeypatch.setattr(worker, "main", lambda arguments: found.append((arguments, os.environ["LEAFSCOPE_DATABASE"])) or 7)
    return found


def test_it_starts_a_worker_that_nobody_watches(told: list[Any]) -> None:
    assert main(["worker"]) == 7
    assert main(["worker", "--device", "cpu", "--until-idle", "--database", "postgresql+psycopg://me@host/db"]) == 7
    assert told == [
        (["--alone", "--device", "auto"], "before"),
        (["--alone", "--device", "cpu", "--until-idle"], "postgresql+psycopg://me@host/db"),
    ]


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_here_is_refused(told: list[Any], device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "--device", device]) == 2
    assert not told
    assert device in capsys.readouterr().err


def test_a_password_on_the_command_line_is_refused(told: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "--database", "postgresql+psycopg://me:secret-9@host/db"]) == 2
    assert not told
    printed = capsys.readouterr()
    assert "a password must not be on the command line" in printed.err
    assert "secret-9" not in printed.err + printed.out
