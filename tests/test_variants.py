"""A variant is one file, and a field of a configuration one declaration and its use.

Toy ones are added to a copy of the packages, and the real command, worker and pages take them.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.kernels import KERNELS

ROOT = Path(__file__).parents[1]

TOYS = {
    "core/datasets/variants/stripes.py": """
import numpy as np
from leafscope.core.datasets.drawing import plane_shape
from leafscope.core.datasets.registry import DATA_SETS

def points(labels, draw):
    return np.stack([draw.uniform(-1, 1, len(labels)), labels + draw.uniform(0, 0.5, len(labels))], 1)

DATA_SETS.register(plane_shape(
    name="stripes", title="Toy stripes", description="Two stripes.", source="drawn here", points=points, noise=0.0,
))
""",
    "core/models/nearest.py": """
from leafscope.core.models.counting import DOUBLE, fitting_memory
from leafscope.core.models.registry import MODELS, Fit, FittedSize, Line, Model

def _fit(run, x, y, chosen):
    from sklearn.neighbors import KNeighborsClassifier
    return KNeighborsClassifier(**chosen).fit(x, y), {}

MODELS.register(Model(
    name="nearest", choice="toy neighbours", lines=(Line("nearest", "toy neighbours"),),
    memory=lambda run, p, q, n: fitting_memory(DOUBLE * n * p, p, q, n),
    fit=Fit(fit=_fit, size=lambda estimator, x: FittedSize(x.size, float(x.size)), grid={"n_neighbors": (5, 1)}, seconds=0.05),
))
""",
    "core/gates/slope_one.py": """
from leafscope.core.gates.registry import GATE_GRADIENTS, GateGradient

GATE_GRADIENTS.register(GateGradient(
    name="slope_one", title="toy slope", meaning="the identity's slope backward", label="S1",
    factor=lambda signs, gate: (signs * gate).cumsum(1),
))
""",
    "core/kernels/row_by_row.py": """
import torch
from leafscope.core.kernels.registry import KERNELS, Kernel

def _leaf_linear(x, leaf, weight, bias, depth, tree, gate=None, sparse=False, update=None):
    print("row by row")
    above = range(depth, -1, -1) if tree else (0,)
    path = torch.stack([(leaf >> up) + (2 ** (depth - up) - 1 if tree else 0) for up in above])
    return torch.stack([weight[nodes].sum(0) @ row + bias[nodes].sum(0) for row, nodes in zip(x, path.T)])

KERNELS.register(Kernel(
    name="row_by_row", device="cpu", is_usable=lambda: True, leaf_linear=_leaf_linear, read_leaves=None,
    takes=lambda x, weight, bias, gate, rule: x.dtype is torch.float64 and bias is not None and gate is None,
    takes_gates=lambda gate: False,
))
""",
    "core/usage/variants/fullest.py": """
from leafscope.core.usage.statistics import STATISTICS, Statistic

STATISTICS.register(Statistic(
    name="fullest", title="Toy share", meaning="Share of the rows in the fullest leaf.", needs="counts", written="share",
    measure=lambda loads: loads.p[:, -1],
))
""",
    "app/cli/hello.py": """
from leafscope.app.cli.registry import COMMANDS, Command

def run(options):
    print("hello", options.name)
    return 0

COMMANDS.register(Command("hello", "a toy command", lambda parser: parser.add_argument("name"), run))
""",
    "pages/hello.py": """
import streamlit as st
st.title("A toy page")
""",
}

FIELD = """\
    label_smoothing: Annotated[
        float, Option(label="Toy smoothing", meaning="Share of each label that all classes get alike.", high=0.9, short="ls")
    ] = 0.0
"""

ADDED = (
    ("app/navigation.py", "\n)\n", '\n    Page("hello", "Hello", ":material/waving_hand:"),\n)\n'),
    ("core/config/parts.py", "    device: Annotated[\n", f"{FIELD}    device: Annotated[\n"),
    (
        "core/training/descent.py",
        "mean_loss(routed.logits, y, weight, routed.are_log_shares)",
        "torch.nn.functional.cross_entropy(routed.logits, y, label_smoothing=train.label_smoothing)",
    ),
    ("core/training/descent.py", "return known and ", "return self.train_config.label_smoothing == 0 and known and "),
)
"""A page, and a field of a configuration and its use: file, what stands in it once, what replaces it."""

SWEEP = """
name = "toys"
baselines = ["nearest"]
[axes]
"net.depth" = [0, 2]
seed = [0, 1]
[base.data]
name = "stripes"
[base.net]
width = 4
[base.train]
epochs = 2
gate_gradient = "slope_one"
device = "cpu"
"""

FIELD_SWEEP = """
[axes]
"train.label_smoothing" = [0.0, 0.5]
[base.data]
name = "iris"
[base.train]
epochs = 2
device = "cpu"
"""

OF_A_FIELD = """
import json, sys
from leafscope.core.comparison.table import differing, run_table
from leafscope.core.config import RunConfig, SweepConfig, as_python, changed, explain_change, link
from leafscope.core.config.toml_file import parse_sweep
from leafscope.core.errors import ConfigFileError
from leafscope.core.store.store import Store
run = changed(RunConfig(), {"train.label_smoothing": 0.1})
store = Store(sys.argv[1])
table = run_table([store.run(store.submit(one).run_id) for one in (RunConfig(), run)])
try:
    parse_sweep("[base.train]\\nlabel_smoothing = 1.5")
except ConfigFileError as error:
    refused = str(error)
print(json.dumps({
    "runs": [one.run_id for one in (RunConfig(), RunConfig(net={"kind": "dense"}), RunConfig(net={"kind": "logistic"}))],
    "sweeps": [SweepConfig().sweep_id, SweepConfig(axes={"train.label_smoothing": [0.0]}).sweep_id],
    "other sweep": SweepConfig(axes={"train.label_smoothing": [0.1]}).sweep_id,
    "other run": run.run_id,
    "fitted": RunConfig(net={"kind": "logistic"}, train={"label_smoothing": 0.1}).run_id,
    "name": run.label,
    "refused": [explain_change(run, {"train.label_smoothing": 1.5}), refused],
    "link": link.decode(link.encode([run])).runs[0] == run,
    "python": "label_smoothing=0.1" in as_python.script(run),
    "differing": differing(table),
    "values": table["train.label_smoothing"].tolist(),
}))
"""

CONTROL = """
import os, sys
os.environ["LEAFSCOPE_DATABASE"] = sys.argv[1]
from streamlit.testing.v1 import AppTest
from leafscope.app import server
server.ensure_worker = lambda: None
at = AppTest.from_file(sys.argv[2], default_timeout=60).run()
control = at.number_input(key="label_smoothing")
print(control.label, control.value, control.help)
control.set_value(0.2).run()
assert not at.exception, at.exception
print(at.query_params["label_smoothing"])
at.number_input(key="label_smoothing").set_value(1.5).run()
print([error.value for error in at.error])
"""

WORKER = """
import subprocess, sys
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.store.store import Store
from leafscope.core.worker.supervisor import Supervisor
store = Store(sys.argv[1])
runs = [{"data": {"name": "stripes"}, "net": {"kind": "nearest"}},
        {"data": {"name": "stripes"}, "net": {"depth": 2, "width": 4}, "train": {"epochs": 3, "gate_gradient": "slope_one"}}]
ids = [store.submit(RunConfig.model_validate(run)).run_id for run in runs]
supervisor = Supervisor(sys.argv[1])
supervisor.start()
try:
    for run_id in ids:
        summary = jobs.wait(run_id, 100, store=store)
        print(summary.status, summary.label, summary.best.get("test_accuracy"), summary.error)
finally:
    supervisor.stop()
"""

PAGES = """
import os, sys
os.environ["LEAFSCOPE_DATABASE"] = sys.argv[1]
from streamlit.testing.v1 import AppTest
from leafscope.app import server
server.ensure_worker = lambda: None
at = AppTest.from_file(sys.argv[2], default_timeout=60).run()
assert not at.exception, at.exception
print(sorted({str(option) for box in [*at.selectbox, *at.radio] for option in box.options}))
at = at.switch_page("../pages/hello.py").run()
print([title.value for title in at.title])
at = at.switch_page("../pages/overfitting.py").run()
assert not at.exception, at.exception
print(sorted({str(option) for box in [*at.multiselect, *at.selectbox] for option in box.options}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with the toy files, in a folder to be put on the path; what is compiled comes along."""
    folder = tmp_path_factory.mktemp("copy")
    for part in ("app", "core", "data", "pages"):
        hidden = shutil.ignore_patterns("*.db*", "*.log", "pictures", "tmp")
        shutil.copytree(ROOT / part, folder / "leafscope" / part, ignore=hidden)
    for name, text in TOYS.items():
        (folder / "leafscope" / name).write_text(text)
    for name, old, new in ADDED:
        text = (folder / "leafscope" / name).read_text()
        assert text.count(old) == 1, (name, old)
        (folder / "leafscope" / name).write_text(text.replace(old, new))
    (folder / "toys.toml").write_text(SWEEP)
    return folder


COMMAND = "import sys; from leafscope.app.cli import main; sys.exit(main())"

PREPARED = """
import importlib, json, os, sys, traceback
for name in ("leafscope.app.cli", "leafscope.app.server", "leafscope.core.worker.worker", "streamlit.testing.v1"):
    importlib.import_module(name)
from leafscope.core.training import compiling
compiling.make_ready()
for line in sys.stdin:
    arguments, code, said, errors = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, path in ((1, said), (2, errors)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv[1:] = arguments
        status = 1
        try:
            exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
            status = 0
        except SystemExit as error:
            status = error.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A process that has imported everything, off which others are forked that then run what they are told."""


@pytest.fixture(scope="module")
def prepared(copy: Path) -> Iterator["subprocess.Popen[str]"]:
    """Python with the copy in front of what is installed."""
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-P", "-c", PREPARED]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=copy, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.stdin.close()


@pytest.fixture
def run_in(copy: Path, prepared: "subprocess.Popen[str]") -> Callable[..., str]:
    """Run code, or the console script, in a process with the copy; gives what it printed."""

    def run(*arguments: str, code: str = COMMAND) -> str:
        said, errors = copy / "said", copy / "errors"
        assert prepared.stdin is not None
        assert prepared.stdout is not None
        prepared.stdin.write(json.dumps([arguments, code, str(said), str(errors)]) + "\n")
        prepared.stdin.flush()
        assert prepared.stdout.readline() == "0\n", said.read_text() + errors.read_text()
        return said.read_text()

    return run


def test_a_command_is_one_file(run_in: Callable[..., str]) -> None:
    code = """
from contextlib import suppress
from leafscope.app.cli import main
main(["hello", "you"])
with suppress(SystemExit):
    main(["--help"])
"""
    said = run_in(code=code)
    assert said.startswith("hello you\n")
    assert "a toy command" in said


def test_a_sweep_takes_a_data_set_a_model_and_a_gate_gradient(copy: Path, run_in: Callable[..., str]) -> None:
    run_in("sweep", "toys.toml", "--database", str(copy / "sweep.db"), "--csv", "toys.csv")
    rows = (copy / "toys.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 2 + 2
    assert sum("nearest" in row and "finished" in row for row in rows) == 2
    assert all("slope_one" in row and "stripes" in row for row in rows[1:])


def test_a_statistic_of_counts_is_one_file(run_in: Callable[..., str]) -> None:
    code = """
from leafscope.core.usage.chance import expected_balance
from leafscope.core.usage.summary import summarize
print(summarize([[0, 0, 1, 3]], 2)["fullest"].tolist(), expected_balance([4, 0])["fullest"].mean)
"""
    assert run_in(code=code) == "[0.5] 1.0\n"


def test_a_kernel_is_one_file(run_in: Callable[..., str]) -> None:
    code = """
import torch
from leafscope.core.kernels import KERNELS, leaf_linear, reference
print(*KERNELS)
draw = torch.Generator().manual_seed(0)
for dtype in (torch.float32, torch.float64):
    for tree, nodes in ((True, 15), (False, 8)):
        shapes = (20, 4), (nodes, 3, 4), (nodes, 3)
        x, weight, bias = (torch.randn(shape, generator=draw, dtype=dtype) for shape in shapes)
        leaf = torch.randint(8, (20,), generator=draw)
        given = x, leaf, weight, bias, 3, tree
        torch.testing.assert_close(leaf_linear(*given), reference.leaf_linear(*given))
        print(dtype, tree)
"""
    assert run_in(code=code).splitlines() == [
        *(" ".join([*KERNELS, "row_by_row"]), "torch.float32 True", "torch.float32 False"),
        *("row by row", "torch.float64 True", "row by row", "torch.float64 False"),
    ]


def test_the_worker_trains_them(copy: Path, run_in: Callable[..., str]) -> None:
    first, second = run_in(str(copy / "worker.db"), code=WORKER).splitlines()[-2:]
    assert first.startswith("finished stripes nearest s0 ")
    assert second.startswith("finished stripes tree K2 w4 S1 e3 s0 ")
    assert first.endswith(" None")


def test_pages_offer_them(copy: Path, run_in: Callable[..., str]) -> None:
    main = copy / "leafscope" / "app" / "main.py"
    playground, page, overfitting = run_in(str(copy / "pages.db"), str(main), code=PAGES).splitlines()[-3:]
    for words in ("Toy stripes", "toy neighbours", "toy slope"):
        assert words in playground
    assert page == "['A toy page']"
    assert "toy neighbours" in overfitting
    assert "Toy stripes" in overfitting


def test_a_field_of_a_configuration_is_declared_once(copy: Path, run_in: Callable[..., str]) -> None:
    found = json.loads(run_in(str(copy / "field.db"), code=OF_A_FIELD))
    plain = [RunConfig(), *(RunConfig.model_validate({"net": {"kind": kind}}) for kind in ("dense", "logistic"))]
    assert found["runs"] == [run.run_id for run in plain]
    assert found["sweeps"] == [SweepConfig().sweep_id] * 2
    assert found["other sweep"] != SweepConfig().sweep_id
    assert found["other run"] != RunConfig().run_id
    assert found["fitted"] == plain[2].run_id
    assert found["name"] == "digits tree K4 w32 ls0.1 s0"
    words = "label_smoothing must be a number from 0 to 0.9, got 1.5"
    assert found["refused"] == [words, f"sweep, line 2, base.train.label_smoothing: {words}"]
    assert found["link"]
    assert found["python"]
    assert found["differing"] == ["train.label_smoothing"]
    assert found["values"] == [0.0, 0.1]


def test_a_sweep_over_a_field_trains_it(copy: Path, run_in: Callable[..., str]) -> None:
    (copy / "field.toml").write_text(FIELD_SWEEP)
    run_in("sweep", "field.toml", "--database", str(copy / "field_sweep.db"), "--csv", "field.csv")
    rows = list(csv.DictReader((copy / "field.csv").read_text().splitlines()))
    assert [(row["train.label_smoothing"], row["status"]) for row in rows] == [("0.0", "finished"), ("0.5", "finished")]
    assert float(rows[0]["best_train_loss"]) < float(rows[1]["best_train_loss"])
    base = RunConfig.model_validate({"data": {"name": "iris"}, "train": {"epochs": 2, "device": "cpu"}})
    assert rows[0]["run_id"] == base.run_id


def test_the_playground_asks_for_a_field(copy: Path, run_in: Callable[..., str]) -> None:
    main = copy / "leafscope" / "app" / "main.py"
    control, address, errors = run_in(str(copy / "control.db"), str(main), code=CONTROL).splitlines()[-3:]
    assert control == "Toy smoothing 0.0 Share of each label that all classes get alike."
    assert address in ("0.2", "['0.2']")
    assert "must be a number from 0 to 0.9, got 1.5" in errors.replace("\\", "").replace("\u2060", "")
