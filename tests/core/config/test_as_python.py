"""A script gives what the worker stored, and is laid out as ruff does it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import given, settings

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, as_python
from leafscope.core.config.as_python import WIDTH, script
from leafscope.core.device import n_threads
from leafscope.core.store.store import Store
from leafscope.core.worker.worker import Worker
from tests.core.config.test_link import configs

IRIS = DataConfig(name="iris")
SHORT = TrainConfig(epochs=3, batch_size=16)


def run(net: NetConfig, train: TrainConfig = SHORT, **fields: Any) -> RunConfig:
    return RunConfig(**{"data": IRIS, "net": net, "train": train, "seed": 3} | fields)


RUNS = {
    "tree": run(NetConfig(depth=3, width=8)),
    "flat": run(NetConfig(kind="flat", depth=2, width=8), data=DataConfig(name="moons", n_samples=100)),
    "dense": run(NetConfig(kind="dense", width=8), split_seed=1, init_seed=2),
    "straight_through": run(
        NetConfig(depth=2, width=8, gates="units"), TrainConfig(epochs=3, gate_gradient="straight_through", gate_noise=0.5)
    ),
    "balance": run(NetConfig(depth=2, width=8), TrainConfig(epochs=3, balance=0.5, decay_growth=2.0, schedule="constant")),
    "random": run(NetConfig(depth=2, width=8, gates="random")),
    "two_layers": run(NetConfig(depth=2, width=8, tree_layers=2), TrainConfig(epochs=9, patience=1, lr=0.5)),
    "wide": run(NetConfig(depth=2, width=300), TrainConfig(epochs=2)),  # too wide for compiled steps
    "decision_tree": run(NetConfig(kind="decision_tree", depth=2)),
    "decision_tree_pruned": run(NetConfig(kind="decision_tree_pruned")),
    "logistic": run(NetConfig(kind="logistic")),
}


@pytest.fixture(scope="module")
def threads() -> Iterator[None]:
    """The threads of PyTorch as they were; tests have one."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def executed(program: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program, "script.py", "exec"), namespace)
    return namespace


def before_training(program: str) -> dict[str, Any]:
    """The program's names just before it trains."""
    return executed(program[: program.index("\nresult = ")])


def sorted_rows(history: pd.DataFrame) -> pd.DataFrame:
    return history.sort_values(["epoch", "split", "metric"], ignore_index=True)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The histories that a worker recorded of all these runs, with its own number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads())
    store = Store(tmp_path_factory.mktemp("store") / "x.db")
    for one in RUNS.values():
        store.submit(one)
    worker = Worker(store, "w")
    while worker.work_once():
        pass
    torch.set_num_threads(before)
    assert {store.run(one.run_id).status for one in RUNS.values()} == {"finished"}
    return {name: store.history(one.run_id) for name, one in RUNS.items()}


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", RUNS)
def test_a_script_gives_the_history_that_the_worker_stored(
    name: str, stored: dict[str, pd.DataFrame], capsys: pytest.CaptureFixture[str]
) -> None:
    found = executed(script(RUNS[name]))
    printed = capsys.readouterr().out
    if RUNS[name].net.fitted:
        rows = [(1, *key, value) for key, value in found["result"].record.metrics.items()]
        history = pd.DataFrame(rows, columns=stored[name].columns)
        assert "validation accuracy: 0." in printed
    else:
        history = found["result"].history
        assert f"best epoch: {found['result'].best_epoch}\n" in printed
        assert f"last epoch: {history['epoch'].max()}\n" in printed
        assert torch.get_num_threads() == n_threads()
    pd.testing.assert_frame_equal(sorted_rows(history), sorted_rows(stored[name]), check_exact=True)
    assert found["run"].model_dump() == RUNS[name].model_dump()


@pytest.mark.usefixtures("threads")
@given(one=configs)
@settings(max_examples=40)
def test_any_run_is_written_as_it_is(one: RunConfig) -> None:
    program = script(one)
    found = before_training(program)["run"]
    assert found.model_dump_json() == one.model_dump_json()
    assert found.run_id == one.run_id
    assert max(map(len, program.splitlines())) <= WIDTH


def test_a_text_does_not_leave_its_string() -> None:
    hostile = 'x"""\n\'\'\'\\\nimport os; {0} {run_id} \u202e\u2028\x00 \\u0041 # "'
    for text in (hostile, hostile.replace('"', "")):
        written = as_python._in_line(text)
        assert ast.literal_eval(written) == text
        assert written.isprintable()


def test_only_what_is_used_is_imported_and_only_what_differs_is_written() -> None:
    assert "from leafscope.core.config import RunConfig\n" in script(RunConfig())
    assert "\nrun = RunConfig()\n" in script(RunConfig())
    program = script(RunConfig(data=DataConfig(name="moons"), train=TrainConfig(lr=1e-5), seed=4))
    assert "from leafscope.core.config import DataConfig, RunConfig, TrainConfig\n" in program
    assert '\nrun = RunConfig(data=DataConfig(name="moons"), train=TrainConfig(lr=1e-05), seed=4)\n' in program
    assert f"# Run {RUNS['tree'].run_id}: {RUNS['tree'].label}." in script(RUNS["tree"])


def test_it_is_laid_out_as_ruff_does_it(tmp_path: Path) -> None:
    many = RunConfig(
        data=DataConfig(name="tree_teacher", n_train=99, n_samples=999, n_features=7, n_classes=5, teacher_depth=2, noise=0.3),
        net=NetConfig(kind="flat", depth=6, width=8, gates="units", tree_layers=2),
        train=TrainConfig(epochs=40, lr=0.03, gate_gradient="straight_through", balance=0.05, device="cpu", patience=5),
        split_seed=2,
    )
    programs = {name: script(one) for name, one in (RUNS | {"many": many}).items()}
    for name, program in programs.items():
        (tmp_path / f"{name}.py").write_text(program, encoding="utf-8")
    for command in (["format", "--diff"], ["check", "--no-cache", "--select", "E,F"]):
        line = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", str(WIDTH), str(tmp_path)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
