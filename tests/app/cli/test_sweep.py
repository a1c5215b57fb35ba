"""`leafscope sweep`: what it trains, prints, writes and keeps; clear refusals."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leafscope.app import cli
from leafscope.app.cli import sweep
from leafscope.app.sweeps.findings import findings, summary_table
from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, field_names
from leafscope.core.config.toml_file import write_sweep
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import run_ids
from leafscope.core.worker.inline import run_sweep

SWEEP = SweepConfig(
    name="wine, small",
    base=RunConfig(
        data=DataConfig(name="wine"), net=NetConfig(width=6), train=TrainConfig(epochs=3, batch_size=16, device="cpu")
    ),
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "random_gates", "decision_tree"],
    tune_lr=[0.003, 0.03],
)
TIMES = ["seconds", "inference_seconds"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "wine.toml"
    path.write_text(write_sweep(SWEEP), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return run_sweep(SWEEP)


def command(*arguments: object) -> int:
    return cli.main(["sweep", *map(str, arguments)])


def test_prints_the_table_and_what_it_says_and_keeps_the_runs(
    file: Path, tmp_path: Path, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    csv, database = tmp_path / "out.csv", tmp_path / "l.db"
    assert command(file, "--database", database, "--csv", csv, "--threads", 2) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[:2] == ["wine, small", "==========="]
    assert "wine, 98 training rows, width 6" in lines
    assert summary_table(table).to_string(index=False) in printed.out
    assert findings(table)
    assert set(findings(table)) <= set(lines)
    assert "no result" not in printed.out
    assert "|---|" not in printed.out
    assert f"{len(run_ids(SWEEP))}/{len(run_ids(SWEEP))}" in printed.err

    written = pd.read_csv(csv)
    assert len(written) == len(table) == 2 * (4 + 1 + 2 + 2)
    assert {*field_names(), "model", "variant", "run_id", "best_test_accuracy", "sweep"} <= set(written.columns)
    assert set(written["sweep"]) == {"wine, small"}
    assert written["run_id"].tolist() == table["run_id"].tolist()
    assert written["best_test_accuracy"].tolist() == pytest.approx(table["best_test_accuracy"].tolist(), abs=1e-12)
    store = Store(database)
    kept = jobs.sweep_results(SWEEP.sweep_id, store=store)
    pd.testing.assert_frame_equal(kept.drop(columns=TIMES), table.drop(columns=TIMES))
    assert store.sweep(SWEEP.sweep_id).name == "wine, small"
    assert store.workers() == []


def test_a_second_run_trains_nothing_and_says_the_same(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "l.db"
    assert command(file, "--database", database) == 0
    first = capsys.readouterr().out

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("leafscope.core.training.population.Trainer", refuse)
    monkeypatch.setattr("leafscope.core.training.fitting.fit", refuse)
    assert command(file, "--database", database) == 0
    assert capsys.readouterr().out == first
    assert {summary.attempt for summary in Store(database).list_runs()} == {1}


def test_without_a_store_no_database_is_written(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "l.db"
    assert command(file, "--no-store", "--database", database, "--csv", tmp_path / "x.csv") == 0
    assert not database.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wine.toml", "x.csv"]


def test_several_files_are_one_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name, width in (("first", 4), ("second", 5)):
        files.append(tmp_path / f"{name}.toml")
        text = f'[base.data]\nname = "iris"\n[base.train]\nepochs = 1\n[axes]\n"net.depth" = [1]\n"net.width" = [{width}]\n'
        files[-1].write_text(text, encoding="utf-8")
    assert command(*files, "--no-store", "--csv", tmp_path / "x.csv") == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line in ("first", "second")] == ["first", "second"]
    assert pd.read_csv(tmp_path / "x.csv")["sweep"].tolist() == ["first", "second"]


def test_what_has_no_result_is_counted_with_its_reason(table: pd.DataFrame) -> None:
    broken = table.copy()
    broken.loc[[0, 1], ["status", "error"]] = ["failed", "the training loss became nan"]
    broken.loc[2, "status"] = "stopped"
    assert f"3 of {len(table)} members have no result: the training loss became nan" in sweep.report("x", broken)
    stopped = table.copy()
    stopped.loc[2, "status"] = "stopped"
    assert f"1 of {len(table)} members have no result\n" in sweep.report("x", stopped)


def test_cells_hold_what_is_the_same_at_every_width(table: pd.DataFrame) -> None:
    two = pd.concat([table, table[table["width"].notna()].assign(width=12.0)], ignore_index=True)
    parts = sweep.cells(two)
    assert [words for words, _ in parts] == ["wine, 98 training rows, width 6", "wine, 98 training rows, width 12"]
    for _, part in parts:
        assert len(part) == len(table)
        assert (part["model"] == "decision_tree").sum() == 4
    only = sweep.cells(table[table["model"] == "decision_tree"])
    assert [words for words, _ in only] == ["wine, 98 training rows"]
    assert len(only[0][1]) == 4


def test_interrupted(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leafscope.core.worker.inline.train_sweep", interrupt)
    assert command(file, "--database", tmp_path / "l.db") == 130
    assert "interrupted; finished runs are kept" in capsys.readouterr().err
    assert command(file, "--no-store") == 130
    assert capsys.readouterr().err.rstrip().endswith("leafscope: interrupted")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "line 1: must be TOML: invalid value"),
        ('name = "x"\n[base.net]\nwidht = 3\n', "line 3, base.net: unknown field widht; did you mean width?"),
        ('[axes]\nseed = [0]\n"net.dept" = [1]\n', "line 3, axes: an axis must be a field of a run such as"),
        ('[axes]\n"net.depth" = [0, 99]\n', "line 2, axes.net.depth: axis net.depth: depth must be a whole number"),
        ('[axes]\n"net.depth" = [9]\n"net.width" = [4]\n', "depth must be at most the width (4) with hidden gates"),
        ('[base.data]\nname = "wine"\nn_train = 9000\n', "n_train must be at most 98 for wine"),
        ("[axes]\nseed = [" + ", ".join(map(str, range(6000))) + "]\n", "a sweep can have at most 5,000 runs"),
    ],
)
@pytest.mark.parametrize("kept", [True, False])
def test_a_file_that_cannot_be_trained_is_refused(
    tmp_path: Path, text: str, sentence: str, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    options: list[object] = ["--database", tmp_path / "l.db"] if kept else ["--no-store"]
    assert command(file, *options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("leafscope: ")
    assert sentence in printed.err
    assert printed.err.strip().count("\n") == 0
    assert "Traceback" not in printed.err
    assert printed.err.startswith(f"leafscope: {file}")
    if sentence.startswith("line"):
        assert f"leafscope: {file}, line" in printed.err
    assert not kept or not (tmp_path / "l.db").exists() or Store(tmp_path / "l.db").list_runs() == []


def test_one_bad_file_among_several_trains_nothing(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(file, tmp_path / "missing.toml", "--database", tmp_path / "l.db") == 2
    printed = capsys.readouterr()
    assert printed.err == f"leafscope: {tmp_path / 'missing.toml'}: cannot be read: No such file or directory\n"
    assert printed.out == ""
    assert not (tmp_path / "l.db").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--csv", "/nowhere/x.csv"], "--csv must name a file in a directory that can be written to, got /nowhere/x.csv"),
        (["--csv", "/tmp"], "--csv must name a file in a directory that can be written to, got /tmp"),
    ],
)
def test_options_that_cannot_be(file: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(file, "--no-store", *options) == 2
    printed = capsys.readouterr()
    assert printed.err.strip() == f"leafscope: {sentence}"
    assert printed.out == ""


def test_an_unknown_device_and_a_database_that_is_none(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(file, "--device", "abacus", "--database", tmp_path / "l.db") == 2
    assert "leafscope: " in capsys.readouterr().err
    notes = tmp_path / "notes.db"
    notes.write_bytes(b"these are notes, not a database" * 100)
    assert command(file, "--database", notes) == 2
    assert capsys.readouterr().err.startswith("leafscope: ")
    assert notes.read_bytes().startswith(b"these are notes")


def test_the_database_may_be_named_before_the_command() -> None:
    options: Any = cli._parser().parse_args(["--database", "a.db", "sweep", "x.toml", "--no-store"])
    assert isinstance(options, argparse.Namespace)
    assert (options.database, options.files, options.no_store, options.device) == ("a.db", [Path("x.toml")], True, "auto")
    assert cli._parser().parse_args(["sweep", "x.toml"]).database is None


@pytest.mark.parametrize("text", ['"\\u001b[2J" = 1\n', 'name = "a\\u001b[2J\\u0000\\u202eb"\n[base.net]\ndepth = 99\n'])
def test_no_control_character_reaches_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str) -> None:
    file = tmp_path / "a\x1b[31m.toml"
    file.write_text(text)
    assert cli.main(["sweep", str(file), "--no-store"]) == 2
    out, err = capfd.readouterr()
    assert "\\x1b" in err
    assert not set(out + err) & set("\x1b\x00\u202e")


def test_the_progress_bar_has_no_control_character(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text('name = "a\\u001b[2Jb"\n[base.data]\nname = "iris"\n[base.net]\nkind = "logistic"\n[axes]\nseed = [0]\n')
    assert cli.main(["sweep", str(file), "--no-store"]) == 0
    out, err = capfd.readouterr()
    assert "a\\x1b[2Jb" in out
    assert "\x1b" not in out + err


def test_a_sweep_with_reporting_seeds_is_trained_in_both_stages_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fair = SWEEP.model_copy(update={"tune_lr": None, "trials": 2, "report_seeds": [5, 6, 7]})
    path, csv = tmp_path / "fair.toml", tmp_path / "out.csv"
    path.write_text(write_sweep(fair), encoding="utf-8")
    assert command(path, "--database", tmp_path / "l.db", "--csv", csv) == 0
    kept = capsys.readouterr().out
    assert "Chosen on seeds 0 and 1, reported on seeds 5 to 7." in kept
    assert set(pd.read_csv(csv)["seed"]) == {5, 6, 7}
    store = Store(tmp_path / "l.db")
    choices = jobs.sweep_choices(fair.sweep_id, store=store)
    table = jobs.sweep_results(fair.sweep_id, store=store)
    assert set(findings(table, choices)) <= set(kept.splitlines())
    assert command(path, "--no-store") == 0
    assert capsys.readouterr().out == kept
