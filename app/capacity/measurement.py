"""Measures, in a process of its own and for one page after another, what capacity costs in time on this machine."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from leafscope.app import theme
from leafscope.core import jobs
from leafscope.core.bench import QUICK_SECONDS

SECONDS = QUICK_SECONDS["capacity"]
"""How long it takes, within a factor of 1.5: what there is no more time for is left out."""

ARGUMENTS = ["bench", "capacity", "--quick"]
"""What `leafscope` is asked for."""

NICE = 5
"""So that pages and the worker go first."""

GRACE = 2.0
"""Seconds that the process has to end before it is killed."""

_SCRIPT = """
import os, sys, threading

def end_with_server():
    os.read(0, 1)  # no lock of sys.stdin, which an ending interpreter would trip over
    os._exit(1)

threading.Thread(target=end_with_server, daemon=True).start()
if hasattr(os, "nice"):
    os.nice({nice})
from leafscope.app.cli import main

sys.exit(main({arguments!r}))
"""
"""Standard input ends when the server does, however that happens, and with it the measurement."""


@dataclass(frozen=True)
class Measuring:
    """How far the measurement is."""

    running: bool
    seconds: float
    """Since it began; 0 where none did."""
    failure: str | None
    """Why the last one ended without a result; None if it did not."""

    @property
    def fraction(self) -> float:
        """Share of the usual time that is over, 0 to 1; just below 1 while it goes on."""
        return min(0.99, self.seconds / SECONDS) if self.running else 1.0


_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None
_began = 0.0
_stopped = False
_log = Path()


def start() -> None:
    """Begin a measurement, whose result comes to the store that pages read; nothing if one goes on already."""
    global _process, _began, _stopped, _log
    with _lock:
        if _process is not None and _process.poll() is None:
            return
        store = jobs.default_store()
        _log = Path(store.path or tempfile.gettempdir()).resolve().with_name("bench.log")
        environment = os.environ | {"LEAFSCOPE_DATABASE": store.url}
        environment.pop("LEAFSCOPE_COMPILE", None)  # nobody waits for a page of that process
        with _log.open("wb") as log:
            _process = subprocess.Popen(
                # -P: nothing in the working directory takes the place of an installed package
                [sys.executable, "-P", "-c", _SCRIPT.format(nice=NICE, arguments=ARGUMENTS)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # a Ctrl-C in the terminal is for the server, with which this ends
            )
        _began, _stopped = time.monotonic(), False


def state() -> Measuring:
    """Tell whether a measurement goes on, and why the last one failed, if it did."""
    with _lock:
        if _process is None:
            return Measuring(False, 0.0, None)
        status = _process.poll()
        seconds = time.monotonic() - _began
        return Measuring(status is None, seconds, None if _stopped or not status else _why(status))


def stop() -> None:
    """End the measurement, if one goes on; nothing of it is kept."""
    global _stopped
    with _lock:
        if _process is None or _process.poll() is not None:
            return
        _stopped = True
        _process.terminate()
        try:
            _process.wait(GRACE)
        except subprocess.TimeoutExpired:
            _process.kill()
            _process.wait()


def _why(status: int) -> str:
    """The last line of the log, which says what was wrong."""
    try:
        lines = _log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return theme.one_line(lines[-1], 300) if lines else f"the process ended with status {status}"
