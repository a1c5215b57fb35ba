"""Start, watch and end the app as a person does."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import psutil
import pytest

from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.store.store import Store

HANGS = 90.0
"""Seconds after which something that does not happen is given up; far more than a busy machine needs."""


def until(holds: Callable[[], Any], what: str) -> Any:
    """Look until something holds, or fail if it seems never to; returns what held."""
    deadline = time.monotonic() + HANGS
    while (began := time.monotonic()) < deadline:
        if value := holds():
            return value
        time.sleep(max(0.02, 2 * (time.monotonic() - began)))  # looking must not slow down what is waited for
    pytest.fail(f"{what}: not within {HANGS:g} s")


@dataclass
class App:
    """A running app."""

    process: "subprocess.Popen[str]"
    url: str
    database: Path

    @cached_property
    def store(self) -> Store:
        """Its database, looked at from outside."""
        return Store(self.database)

    def train(self, *runs: RunConfig) -> None:
        """Have runs trained, unless they are already, and wait for their ends."""
        self.store.submit_many(list(runs))
        for run in runs:
            jobs.wait(run.run_id, HANGS, store=self.store)

    def family(self) -> list[psutil.Process]:
        """The server and all that it started."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def worker(self) -> psutil.Process:
        """The worker's process."""
        (worker,) = [child for child in self.family() if "leafscope.core.worker" in child.cmdline()]
        return worker


def start_app(folder: Path, database: Path, port: int | None = None, *more: str) -> App:
    """Start the console script with more options in a folder that is not the project's, and wait for its address."""
    script = Path(sys.executable).with_name("leafscope")
    if not script.exists():
        pytest.fail(f"the console script must be installed at {script}: pip install -e '.[test]'")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LEAFSCOPE", "STREAMLIT"))}
    environment["PYTHONUNBUFFERED"] = "1"
    options = ["--no-browser", "--database", str(database), *(["--port", str(port)] if port else []), *(more or ["--no-token"])]
    log = (folder / "app.log").open("a")
    before = (folder / "app.log").stat().st_size
    process = subprocess.Popen([str(script), *options], cwd=folder, env=environment, stdout=log, stderr=log, text=True)

    def address() -> str | None:
        text = (folder / "app.log").read_text()[before:]
        if process.poll() is not None:
            pytest.fail(f"the app ended with {process.returncode}: {text}")
        found = re.search(r"Leafscope is at (http://\S+)", text)
        return found.group(1) if found else None

    url = until(address, "the address")
    until(lambda: answers(url), "an answer")
    return App(process, url.rstrip("/"), database)


def answers(url: str) -> bool:
    """Whether a server answers at an address."""
    try:
        with urllib.request.urlopen(urljoin(url, "/_stcore/health"), timeout=1) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return True  # it asks for a token
    except (urllib.error.URLError, OSError):
        return False


def end_app(app: App) -> None:
    """End the app and whatever it left."""
    family = app.family() if app.process.poll() is None else []
    if app.process.poll() is None:
        app.process.send_signal(signal.SIGTERM)
        try:
            app.process.wait(10)
        except subprocess.TimeoutExpired:
            app.process.kill()
            app.process.wait(5)
    for process in family:
        if process.is_running():
            process.kill()


def assert_all_gone(family: list[psutil.Process]) -> None:
    """Wait until none of these processes is left."""
    until(lambda: not any(map(_runs, family)), "no process left")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_no_traceback(folder: Path) -> None:
    """Fail if the server or the worker wrote one to its log."""
    for log in ("app.log", "worker.log"):
        text = (folder / log).read_text()
        assert "Traceback" not in text, text
