"""Faults caused for real: the worker killed, the server killed, SIGTERM, a busy port, and what listens."""

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

from leafscope.core.config import RunConfig, changed
from leafscope.core.training.trainer import Trainer
from tests.e2e.harness import App, end_app, start_app, until

long_run = changed(RunConfig(), {"train.epochs": 900, "train.batch_size": 16, "net.width": 128})
"""About half a minute, so that there is time to look at it and to end it."""


@pytest.fixture
def fresh(tmp_path: Path) -> Any:
    """An app of its own, which a test may break."""
    apps: list[App] = []

    def start(port: int | None = None) -> App:
        apps.append(start_app(tmp_path, tmp_path / "runs.db", port))
        return apps[-1]

    yield start
    for app in apps:
        end_app(app)


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
    until(lambda: app.store.run(run.run_id).epochs_done >= epochs, 90, f"{epochs} epochs")


def assert_each_epoch_once(app: App, run: RunConfig) -> None:
    history = app.store.history(run.run_id)
    assert not history.duplicated(["epoch", "split", "metric"]).any()
    done = app.store.run(run.run_id).epochs_done
    assert sorted(history.epoch.unique()) == list(range(done + 1))
    assert app.store.recorded_epochs(run.run_id).tolist() == list(range(done + 1))


def test_one_port_on_loopback_and_nothing_else(fresh: Any, visit: Any) -> None:
    app = fresh()
    page = visit().page
    page.goto(app.url)
    page.get_by_text("leaves hold the 550 training rows").first.wait_for(timeout=90_000)
    port = int(app.url.rsplit(":", 1)[1])
    assert listening(app) == {("127.0.0.1", port)}


def test_a_killed_worker_fails_its_run_and_the_next_run_works(fresh: Any, visit: Any) -> None:
    app = fresh()
    page = visit().page
    train_until(app, long_run, 5)
    page.goto(f"{app.url}/?run={long_run.run_id}")
    page.get_by_text(re.compile(r"epoch \d+ of 900")).first.wait_for()
    app.worker().kill()
    until(lambda: app.store.run(long_run.run_id).status == "failed", 10, "failed")
    assert app.store.run(long_run.run_id).error == "the worker died"
    page.get_by_text("the worker died").first.wait_for()
    assert_each_epoch_once(app, long_run)
    short = changed(long_run, {"train.epochs": 2})
    app.store.submit(short)
    until(lambda: app.store.run(short.run_id).status == "finished", 60, "the next run")
    assert app.store.run(long_run.run_id).status == "failed"


def test_a_killed_server_leaves_no_process_and_its_run_resumes(fresh: Any, visit: Any) -> None:
    app = fresh()
    train_until(app, long_run, 20)
    family = app.family()
    app.process.kill()
    app.process.wait(5)
    until(lambda: not any(process.is_running() and process.status() != "zombie" for process in family), 5, "no process left")

    again = fresh()
    until(lambda: again.store.run(long_run.run_id).status == "interrupted", 10, "interrupted")
    done = again.store.run(long_run.run_id).epochs_done
    assert done >= 20
    assert_each_epoch_once(again, long_run)
    page = visit().page
    page.goto(f"{again.url}/?run={long_run.run_id}")
    page.get_by_text("interrupted").first.wait_for()
    page.get_by_role("button", name="Resume").click()
    until(lambda: again.store.run(long_run.run_id).epochs_done > done + 5, 60, "resumed")
    again.store.stop(long_run.run_id)
    until(lambda: again.store.run(long_run.run_id).status == "stopped", 5, "stopped")
    assert_each_epoch_once(again, long_run)
    history = again.store.history(long_run.run_id)
    losses = history.query("split == 'train' and metric == 'loss'").set_index("epoch").value
    for record in Trainer(long_run).epochs():
        assert record.metrics["train", "loss"] == losses[record.epoch]
        if record.epoch == losses.index.max():
            break


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_in_order_without_a_traceback(
    fresh: Any, visit: Any, tmp_path: Path, ending: signal.Signals
) -> None:
    app = fresh()
    train_until(app, long_run, 5)
    window = visit()
    page = window.page
    page.goto(f"{app.url}/?run={long_run.run_id}")
    page.get_by_text(re.compile(r"epoch \d+ of 900")).first.wait_for()  # a browser is connected while the app ends
    family = app.family()
    began = time.monotonic()
    app.process.send_signal(ending)
    # idle, all are gone in 1 to 2 s; a machine that is busy with other tests needs longer
    until(lambda: not any(process.is_running() and process.status() != "zombie" for process in family), 30, "all gone")
    print(f"\nall gone {time.monotonic() - began:.2f} s after {ending.name}")
    app.process.wait(10)
    page.goto("about:blank")
    window.errors.clear()  # the browser says that its server is gone
    for log in ("app.log", "worker.log"):
        assert "Traceback" not in (tmp_path / log).read_text()
    assert app.store.run(long_run.run_id).status == "interrupted"


def test_a_busy_port_is_passed_over_unless_it_was_asked_for(fresh: Any, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        script = Path(sys.executable).with_name("leafscope")
        command = [str(script), "--no-browser", "--database", str(tmp_path / "b.db"), "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
        assert ended.returncode != 0
        assert f"{port} is not available" in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_database_from_a_newer_version_is_refused_in_a_sentence(tmp_path: Path) -> None:
    import sqlite3

    from leafscope.core.store.store import Store

    path = tmp_path / "newer.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        (table,) = [name for (name,) in connection.execute("select name from sqlite_master where name like 'meta%'")]
        connection.execute(f"update {table} set value = 999")
    script = Path(sys.executable).with_name("leafscope")
    ended = subprocess.run(
        [str(script), "--no-browser", "--database", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ,
        check=False,
    )
    assert ended.returncode == 2
    assert "999" in ended.stderr
    assert "Traceback" not in ended.stderr
