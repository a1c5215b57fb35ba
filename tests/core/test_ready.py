"""Compiled code that is not there yet: nobody waits for it, and it is used once it is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

from core.kernels import ready

ROOT = Path(ready.__file__).parents[2]

uncompiled = """
import json, time, torch
from core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from core.kernels import ready
from core.training import Trainer
from core.tree import TreeLinear

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
stamp.touch()
found["usable then"] = ready.usable()
stamp.unlink()
found["usable ever after"] = ready.usable()
print(json.dumps(found))
"""


def run_python(program, cache, **variables):
    """What a program prints in a process of its own, whose cache of compiled code is in a directory."""
    environment = {name: value for name, value in os.environ.items() if name != "LEAFSCOPE_COMPILE"}
    environment |= {"NUMBA_CACHE_DIR": str(cache), **variables}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
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
    assert found["usable then"]
    assert found["usable ever after"]
    assert not list(tmp_path.rglob("*.nbc"))


def test_the_environment_says_not_to_wait(tmp_path):
    program = "from core.kernels import ready; print(ready.usable())"
    assert run_python(program, tmp_path, LEAFSCOPE_COMPILE="ahead") == "False\n"
    assert not list(tmp_path.rglob("*.nbc"))


def test_here_the_code_is_compiled():
    assert ready.usable()
    assert ready.is_ready()
    assert ready._stamp().exists()


def test_another_source_or_compiler_has_another_stamp(tmp_path, monkeypatch):
    name = ready._stamp().name
    whole = ready._stamp.__wrapped__
    assert whole().name == name
    monkeypatch.setattr(ready.numba, "__version__", "0.0")
    assert whole().name != name
    monkeypatch.undo()
    source = tmp_path / "compiled.py"
    source.write_bytes(Path(ready.compiled.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(ready.compiled, "__file__", str(source))
    assert whole().name != name
