"""Faults caused for real: SIGTERM, the server killed, a busy port, and what listens."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import streamlit

from leafscope.core.config import RunConfig, changed
from tests.e2e.harness import HANGS, App, assert_all_gone, assert_no_traceback, end_app, start_app, until

long_run = changed(RunConfig(), {"train.epochs": 900, "train.batch_size": 16, "net.width": 128})
"""About half a minute, so that there is time to look at it and to end it."""


def listening(app: App) -> set[tuple[str, int]]:
    """Every address that a process of the app listens on."""
    found = set()
    for process in app.family():
        for connection in process.net_connections(kind="all"):
            if connection.status == psutil.CONN_LISTEN or (connection.type == socket.SOCK_DGRAM and connection.laddr):
                found.add((connection.laddr.ip, connection.laddr.port))
    return found


def train_until(app: App, run: RunConfig, epochs: int) -> None:
    app.store.submit(run)
    until(lambda: app.store.run(run.run_id).epochs_done >= epochs, f"{epochs} epochs")


def assert_each_epoch_once(app: App, run: RunConfig) -> None:
    history = app.store.history(run.run_id)
    assert not history.duplicated(["epoch", "split", "metric"]).any()
    done = app.store.run(run.run_id).epochs_done
    assert sorted(history.epoch.unique()) == list(range(done + 1))
    assert app.store.recorded_epochs(run.run_id).tolist() == list(range(done + 1))


EXTRAS = ("psycopg", "distributed", "dask")
"""Packages of a database server and of a cluster, which a default installation lacks."""


def tell_of_extras(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every process that is started import these extras from a folder, where each says so in a file before it fails."""
    told = folder / "told"
    for name in EXTRAS:
        (folder / "extras" / name).mkdir(parents=True)
        code = f"open({str(told)!r}, 'a').write({name!r})\nraise ImportError({name!r})\n"
        (folder / "extras" / name / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder / "extras"), os.environ.get("PYTHONPATH", "")]))
    return told


def test_it_listens_on_one_port_ends_in_order_and_leaves_nothing_when_killed(
    tmp_path: Path, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs nothing of what a database server or a cluster needs."""
    window = visit()
    told = tell_of_extras(tmp_path, monkeypatch)
    page = window.page
    app = start_app(tmp_path, tmp_path / "runs.db")
    try:
        train_until(app, long_run, 5)
        page.goto(f"{app.url}/?run={long_run.run_id}")
        page.get_by_text(re.compile(r"epoch \d+ of 900")).first.wait_for()
        port = int(app.url.rsplit(":", 1)[1])
        assert listening(app) == {("127.0.0.1", port)}
        assert not told.exists()
        assert subprocess.run(
            [sys.executable, "-c", "import psycopg"], capture_output=True, check=False
        ).returncode  # it would tell
        assert told.read_text() == "psycopg"

        # told to end while a browser is connected and a run trains
        family = app.family()
        app.process.send_signal(signal.SIGTERM)
        assert_all_gone(family)
    finally:
        end_app(app)
    page.goto("about:blank")
    window.errors.clear()  # the browser says that its server is gone
    assert_no_traceback(tmp_path)
    until(lambda: app.store.run(long_run.run_id).status == "interrupted", "interrupted")
    assert_each_epoch_once(app, long_run)

    again = start_app(tmp_path, tmp_path / "runs.db")
    try:
        done = again.store.run(long_run.run_id).epochs_done
        again.store.resume(long_run.run_id)
        until(lambda: again.store.run(long_run.run_id).epochs_done > done + 5, "resumed")

        # killed, it can put nothing in order, but its worker can
        family = again.family()
        again.process.kill()
        assert_all_gone(family)
    finally:
        end_app(again)
    until(lambda: again.store.run(long_run.run_id).status == "interrupted", "interrupted")
    assert again.store.run(long_run.run_id).epochs_done > done + 5
    assert_each_epoch_once(again, long_run)


def reads_nothing(app: App) -> socket.socket:
    """A connection that has asked for a large file of the app's and takes none of it."""
    files = (Path(streamlit.__file__).parent / "static" / "static" / "js").iterdir()
    largest = max(files, key=lambda file: file.stat().st_size)
    place = app.url.removeprefix("http://")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(("127.0.0.1", int(place.rpartition(":")[2])))
    one.sendall(f"GET /static/js/{largest.name} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    assert one.recv(12) == b"HTTP/1.1 200"
    return one


def test_ctrl_c_pressed_again_and_again_ends_all_while_a_browser_is_connected_and_another_reads_nothing(
    tmp_path: Path, visit: Any
) -> None:
    window = visit()
    app = start_app(tmp_path, tmp_path / "runs.db")
    try:
        train_until(app, long_run, 3)
        window.page.goto(f"{app.url}/?run={long_run.run_id}")
        window.page.get_by_text(re.compile(r"epoch \d+ of 900")).first.wait_for()
        with reads_nothing(app):
            family = app.family()
            for _ in range(3):
                app.process.send_signal(signal.SIGINT)
                assert psutil.Process(app.process.pid).is_running()
                time.sleep(0.2)
            assert app.process.wait(30) == 0
            assert_all_gone(family)
    finally:
        end_app(app)
    window.page.goto("about:blank")
    window.errors.clear()  # the browser says that its server is gone
    assert_no_traceback(tmp_path)
    assert (tmp_path / "app.log").read_text().rstrip().endswith("Ctrl-C ends it.")
    assert app.store.run(long_run.run_id).status == "interrupted"
    assert_each_epoch_once(app, long_run)
    assert app.store.resume(long_run.run_id).attempt == 2
    assert app.store.run(long_run.run_id).epochs_done >= 3  # it has a checkpoint, from which it goes on


def test_a_busy_port_is_passed_over_unless_it_was_asked_for(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        script = Path(sys.executable).with_name("leafscope")
        command = [str(script), "--no-browser", "--database", str(tmp_path / "b.db"), "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, cwd=tmp_path, check=False)
        assert ended.returncode != 0
        assert f"{port} is not available" in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
