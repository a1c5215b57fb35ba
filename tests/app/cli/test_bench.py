"""`leafscope bench`: tables on the screen, a file, the store; clear refusals."""

import json

import pytest

from leafscope.app import cli
from leafscope.app.cli import bench
from leafscope.core.bench import suite
from leafscope.core.store.store import Store

CAPACITY = {
    "phase": "training",
    "depth": 8,
    "rows": 1024,
    "milliseconds": 1.25,
    "dense_milliseconds": 0.25,
    "against_dense": 5.0,
    "capacity_time_ratio": 102.2,
    "dense_threads": 1,
    "spread": 0.041,
    "unstable": False,
    "same_batch_ratio": None,
    "parameters": 1,
    "against_equal_capacity": None,
    "against_none": None,
    "touched_bytes": 1.0,
    "bandwidth": 1e10,
    "roofline_share": 0.5,
    "error": 1e-7,
}


@pytest.fixture
def quick(monkeypatch):
    """Groups that take no time."""
    for group in suite.GROUPS:
        monkeypatch.setitem(suite._RUN, group, lambda quick, budget: [])
    monkeypatch.setitem(suite._RUN, "capacity", lambda quick, budget: [CAPACITY])


@pytest.mark.usefixtures("quick")
def test_prints_tables_writes_a_file_and_keeps_the_result(tmp_path, capsys):
    file = tmp_path / "bench.json"
    assert cli.main(["bench", "capacity", "--quick", "--json", str(file), "--database", str(tmp_path / "l.db")]) == 0
    out = capsys.readouterr().out
    assert "capacity (quick)" in out
    assert "102" in out
    assert "met" in out
    written = json.loads(file.read_text())
    assert written["quick"] is True
    assert list(written["groups"]) == ["capacity"]
    assert {"date", "machine", "torch", "numba", "threads", "cores"} <= set(written["environment"])
    kept = Store(tmp_path / "l.db").latest_benchmark("capacity")
    assert kept is not None
    assert kept.result == written


@pytest.mark.usefixtures("quick")
def test_what_is_unstable_has_no_verdict_and_what_was_left_out_is_said(monkeypatch, capsys):
    def noisy(quick, budget):
        budget.left_out.append("inference, K = 12, N = 1")
        return [CAPACITY | {"capacity_time_ratio": 59_799.0, "spread": 1.75, "unstable": True}]

    monkeypatch.setitem(suite._RUN, "capacity", noisy)
    assert cli.main(["bench", "capacity", "--quick", "--no-store"]) == 0
    out = capsys.readouterr().out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("training")]
    assert {"1.75", "yes"} <= set(row)
    (goal,) = [line.split() for line in out.splitlines() if line.startswith("capacity-time ratio")]
    assert goal[-1] == "unstable"
    assert "left out, since the time was over: inference, K = 12, N = 1" in out


@pytest.mark.usefixtures("quick")
def test_the_database_may_be_named_before_the_command(tmp_path):
    assert cli.main(["--database", str(tmp_path / "l.db"), "bench", "capacity"]) == 0
    assert Store(tmp_path / "l.db").latest_benchmark("capacity") is not None


@pytest.mark.usefixtures("quick")
def test_without_a_store_nothing_is_kept(tmp_path):
    database = tmp_path / "l.db"
    assert cli.main(["bench", "capacity", "--no-store", "--database", str(database)]) == 0
    assert not database.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["speed"], "a group must be one of capacity, peers, sweep, got speed"),
        (["--threads", "0"], "threads must be at least 1, got 0"),
        (["--json", "/nowhere/x.json"], "--json must name a file in a directory that can be written to, got /nowhere/x.json"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, sentence, capsys):
    assert cli.main(["bench", "--no-store", *arguments]) == 2
    assert capsys.readouterr().err.strip() == f"leafscope: {sentence}"


def test_a_result_that_deviates_is_a_failure(monkeypatch, capsys):
    def deviates(quick, budget):
        raise ValueError("a step must agree with the reference to 1e-05, got 0.1")

    monkeypatch.setitem(suite._RUN, "capacity", deviates)
    assert cli.main(["bench", "capacity", "--no-store"]) == 2
    assert "must agree with the reference" in capsys.readouterr().err


def test_every_column_has_a_heading_of_its_own():
    for columns in bench.COLUMNS.values():
        assert len(set(columns.values())) == len(columns)


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_measured(tmp_path, capsys):
    database = tmp_path / "l.db"
    assert cli.main(["bench", "--device", "cuda:99", "--quick", "--database", str(database)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "device must be auto or one of this machine's (cpu" in captured.err
    assert "got cuda:99" in captured.err
    assert not database.exists()


def test_on_a_gpu_only_capacity_is_measured_and_nothing_is_kept(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(suite, "device_name", lambda name: "cuda:0")
    monkeypatch.setattr(suite.capacity, "run", lambda **given: asked.append(given["device"]) or [CAPACITY])
    database = tmp_path / "l.db"
    assert cli.main(["bench", "--device", "cuda", "--quick", "--database", str(database)]) == 0
    assert asked == ["cuda:0"]
    assert not database.exists()
    out = capsys.readouterr().out
    assert "(cuda:0)" in out.splitlines()[0]
    assert "goals" not in out
    assert cli.main(["bench", "sweep", "--device", "cuda"]) == 2
    assert "groups must be capacity on a GPU, the others are measured on the CPU, got sweep" in capsys.readouterr().err
