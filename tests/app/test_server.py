"""The server: local only, no statistics sent, one supervisor however many threads ask."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from leafscope.app import server
from leafscope.core import jobs
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.worker import supervisor


class Fake:
    """A supervisor that counts."""

    made: list["Fake"] = []  # noqa: RUF012

    def __init__(self, database: Any, device: str, patience: float) -> None:
        self.database, self.device, self.patience = database, device, patience
        self.started = self.stopped = self.released = 0
        self.let_go = threading.Event()
        Fake.made.append(self)
        threading.Event().wait(0.02)  # time for other threads to come in, were they let

    def start(self) -> None:
        self.started += 1

    def release(self) -> None:
        self.released += 1
        self.let_go.set()

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "server.db"))
    monkeypatch.setattr(supervisor, "Supervisor", Fake)
    monkeypatch.setattr(server, "_supervisor", None)
    monkeypatch.setattr(server, "_is_drawn", False)
    monkeypatch.setattr(Fake, "made", [])


def test_only_this_machine_and_no_statistics() -> None:
    assert server.OPTIONS["server.address"] == "127.0.0.1"
    assert server.OPTIONS["browser.gatherUsageStats"] is False


def test_one_supervisor_for_racing_threads() -> None:
    barrier = threading.Barrier(16)
    got: list[Any] = []

    def ask() -> None:
        barrier.wait()
        got.append(server.ensure_worker())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 16
    assert len(Fake.made) == 1
    assert all(supervisor is Fake.made[0] for supervisor in got)
    assert Fake.made[0].started == 1


def test_a_page_that_was_drawn_lets_the_worker_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "DRAWING", 0.05)
    server.page_is_drawn()  # nothing was started
    started = server.ensure_worker()
    assert 0 < Fake.made[0].patience <= 3
    server.page_is_drawn()
    assert started is Fake.made[0]
    assert Fake.made[0].released == 0  # while the browser draws
    server.page_is_drawn()
    assert Fake.made[0].let_go.wait(10)
    assert Fake.made[0].released == 1


def test_an_empty_store_has_its_examples_before_the_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(Fake, "start", lambda _: seen.append(jobs.default_store().run(EXAMPLE.run_id).shipped))
    server.ensure_worker()
    assert seen == [True]


def test_device_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAFSCOPE_DEVICE", "cpu")
    server.ensure_worker()
    assert Fake.made[0].device == "cpu"


def test_worker_ends_with_the_block_even_after_an_error() -> None:
    def fail() -> None:
        with server.running_worker():
            server.wait_until_warm()
            assert (Fake.made[0].started, Fake.made[0].stopped) == (1, 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Fake.made[0].stopped == 1
    server.ensure_worker()
    assert len(Fake.made) == 2  # and can be had again


def test_a_store_that_cannot_be_opened_does_not_end_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("no database")
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "broken.db"))
    with server.running_worker():
        server.wait_until_warm()
        assert not Fake.made


def test_the_server_answers_before_it_has_imported_what_pages_need(tmp_path: Path) -> None:
    program = (
        "import sys\nimport leafscope.app.cli.start, leafscope.app.access, leafscope.app.open_files, leafscope.app.server\n"
        "from leafscope.core.store.database import location\nassert location.ready_file()\n"
        "print(sorted({'pandas', 'sqlalchemy', 'pydantic', 'scipy', 'torch', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"LEAFSCOPE_DATABASE": str(tmp_path / "new.db")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
