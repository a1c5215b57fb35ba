"""Compiled code that is not there yet: nobody waits for it, and it is used once it is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

from leafscope.core.kernels import readiness

uncompiled = """
import json, time, torch
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.kernels import readiness as ready
from leafscope.core.training.trainer import Trainer
from leafscope.core.tree import TreeLinear

torch.set_num_threads(1)
ready.wait_for_nobody()
layer = TreeLinear(6, 5, 3, sparse=True)
x, leaf = torch.randn(20, 6, requires_grad=True), torch.arange(20) % 8
found = {"usable": ready.usable(), "is ready": ready.is_ready()}
began = time.process_time()
y = layer(x, leaf, torch.randn(20, 3, requires_grad=True))
y.sum().backward()
found["seconds"] = time.process_time() - began
run = RunConfig(data=DataConfig(name="iris"), net=NetConfig(depth=2, width=4), train=TrainConfig(epochs=1, device="cpu"))
found["epochs"] = len(list(Trainer(run).epochs()))
found["path"] = type(y.grad_fn).__name__
found["sparse"] = layer.weight.grad.is_sparse
stamp = ready._stamp()
found["stamp"] = str(stamp)
stamp.parent.mkdir(parents=True, exist_ok=True)
stamp.write_text(ready._fingerprint())
found["is ready then"] = ready.is_ready()
found["usable then"] = ready.usable()
print(json.dumps(found))
"""


def run_python(program, cache, **variables):
    """What a program prints in a process of its own, whose cache of compiled code is in a directory."""
    environment = {name: value for name, value in os.environ.items() if name != "LEAFSCOPE_COMPILE"}
    environment |= {"NUMBA_CACHE_DIR": str(cache), **variables}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_reference_path_is_used_until_the_code_is_compiled(tmp_path):
    found = json.loads(run_python(uncompiled, tmp_path))
    assert not found["usable"]
    assert not found["is ready"]
    assert found["seconds"] < 5
    assert found["path"] != "_LeafLinearBackward"
    assert found["sparse"]
    assert found["epochs"] == 2
    assert Path(found["stamp"]).is_relative_to(tmp_path)
    assert found["is ready then"]
    assert not found["usable then"]  # a run under way keeps its path; make_ready is what changes it
    assert not list(tmp_path.rglob("*.nbc"))


def test_the_environment_says_not_to_wait(tmp_path):
    program = """
from leafscope.core.kernels import readiness as ready
stamp = ready._stamp()
print(ready.usable(), stamp)
stamp.parent.mkdir(parents=True, exist_ok=True)
for content in ("of another source", ready._fingerprint()):
    stamp.write_text(content)
    ready._was_ready.cache_clear()  # as in a process that starts now
    print(ready.usable())
"""
    first, stamp, *later = run_python(program, tmp_path, LEAFSCOPE_COMPILE="ahead").split()
    assert first == "False"
    assert Path(stamp).is_relative_to(tmp_path)
    assert not list(tmp_path.rglob("*.nbc"))
    assert later == ["False", "True"]


def test_without_a_place_to_keep_it_everything_works(tmp_path):
    program = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
import torch
from leafscope.core.kernels import readiness as ready, compiled
assert not ready.can_be_kept() and not ready.is_ready()
a = torch.ones(3).numpy()
compiled.zero(a)
print(a.sum())
"""
    assert run_python(program, tmp_path) == "0.0\n"


def test_here_the_code_is_compiled():
    assert readiness.usable()
    assert readiness.is_ready()
    assert readiness._stamp().exists()


def test_another_source_or_compiler_is_another_code(tmp_path, monkeypatch):
    before = readiness._fingerprint()
    whole = readiness._fingerprint.__wrapped__
    assert whole() == before
    monkeypatch.setattr(readiness.numba, "__version__", "0.0")
    assert whole() != before
    monkeypatch.undo()
    source = tmp_path / "compiled.py"
    source.write_bytes(Path(readiness.compiled.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(readiness.compiled, "__file__", str(source))
    assert whole() != before


def test_the_reference_can_be_asked_for():
    with readiness.reference_only():
        assert not readiness.usable()
        with readiness.reference_only():
            pass
        assert not readiness.usable()
    assert readiness.usable()
