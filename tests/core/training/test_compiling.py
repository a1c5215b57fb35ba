"""Two processes compile the training code: the second may fail, and never outlives the first."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from leafscope.core.training import compile_ahead, compiling


def test_if_the_other_process_fails_this_one_compiles_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []
    monkeypatch.setattr(compiling, "PARTS", {name: lambda name=name: parts.append(name) for name in compiling.PARTS})
    monkeypatch.setattr(compiling, "n_cores", lambda: 2)
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr(compiling, "start_making_ready", lambda part: subprocess.Popen(failing))
    monkeypatch.setattr(compiling.readiness, "note_loaded", lambda: parts.append("noted"))
    compiling.make_ready_by_two()
    assert parts == ["training", "training", "rest", "noted"]


def test_a_part_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = f"""
import os, subprocess, sys, time
os.environ["NUMBA_CACHE_DIR"] = {str(tmp_path)!r}
child = subprocess.Popen([sys.executable, "-P", "-m", {compile_ahead.__name__!r}, str(os.getpid()), "rest"])
print(child.pid, flush=True)
child.wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child.wait(10)
