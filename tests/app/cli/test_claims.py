"""`leafscope claims`: what it trains, prints, writes and resumes; what it refuses."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from leafscope.app import cli
from leafscope.app.claims.page import END, START
from leafscope.app.cli.claims import OTHERS
from leafscope.core.claims.protocol import read_protocol
from leafscope.core.store.archive import import_archive
from leafscope.core.store.store import Store
from leafscope.core.worker import inline
from tests.core.claims.test_protocol import TEXT

PROTOCOL = TEXT.replace('baselines = ["dense"]', 'baselines = ["dense", "dense_capacity", "dense_ladder", "logistic"]').replace(
    "[[rows]]", '[[models]]\nkinds = ["tree"]\ngate_gradient = "straight_through"\nbaselines = ["random_gates"]\n[[rows]]'
)


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    path = tmp_path / "protocol.toml"
    path.write_text(PROTOCOL, encoding="utf-8")
    return path


def command(*arguments: object) -> int:
    return cli.main(["claims", *map(str, arguments)])


def test_writes_page_figure_readme_and_archive_and_trains_nothing_twice(
    protocol: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, database, readme = tmp_path / "docs.md", tmp_path / "l.db", tmp_path / "README.md"
    readme.write_text(f"before\n\n{START}\nold numbers\n{END}\n\nafter\n", encoding="utf-8")

    calls: list[int] = []
    train_members: Callable[..., None] = inline.train_members

    def interrupted(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 2:  # what was chosen on the choosing seeds is to be trained on the reporting seeds
            raise KeyboardInterrupt
        train_members(*arguments)

    monkeypatch.setattr(inline, "train_members", interrupted)
    assert command("--protocol", protocol, "--out", out, "--database", database, "--readme", readme) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert not out.exists()
    assert "old numbers" in readme.read_text(encoding="utf-8")
    before = {run.run_id: run.status for run in Store(database).list_runs()}
    assert {status for status in before.values() if status == "finished"}

    monkeypatch.setattr(inline, "train_members", train_members)
    archive = tmp_path / "reported.leafscope"
    assert command("--protocol", protocol, "--out", out, "--database", database, "--readme", readme, "--archive", archive) == 0
    printed = capsys.readouterr().out
    runs = Store(database).list_runs()
    assert {run.status for run in runs} == {"finished"}
    assert {run.attempt for run in runs if before.get(run.run_id) == "finished"} == {1}

    checksum = read_protocol(protocol)[1]
    page = out.read_text(encoding="utf-8")
    assert checksum in printed
    assert checksum in page
    assert "tree, straight-through minus tree, random gates, straight-through" in page
    assert "the same net (K = 0)" in page
    assert "same processor model and thread count" in page
    assert "Chosen on seeds 0 and 1, reported on seeds 5 and 6." in page
    assert "nan" not in page
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    ElementTree.parse(out.with_suffix(".svg"))
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{START}\n\nBeside the dense net")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "(docs.svg)" in text
    assert "(docs.md)" in text

    other = Store(tmp_path / "other.db", create=True)
    done = import_archive(other, archive)
    reported = [run for run in runs if run.config.seed in (5, 6)]
    assert done.runs == len(reported)
    assert {run.run_id: dict(run.best) for run in other.list_runs()} == {run.run_id: dict(run.best) for run in reported}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("leafscope.core.training.population.Trainer", refuse)
    monkeypatch.setattr("leafscope.core.training.fitting.fit", refuse)
    again = tmp_path / "again.md"
    assert command("--protocol", protocol, "--out", again, "--database", database) == 0
    assert again.read_text(encoding="utf-8").replace("again.svg", "docs.svg") == page
    assert {run.run_id: run.attempt for run in Store(database).list_runs()} == {run.run_id: run.attempt for run in runs}


def test_quick_says_that_it_is_no_evidence(protocol: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trial.md"
    protocol.write_text(TEXT, encoding="utf-8")
    out.write_text(f"old{OTHERS}; written otherwise -->\n# Other models\n", encoding="utf-8")
    assert command("--protocol", protocol, "--quick", "--out", out, "--database", tmp_path / "l.db") == 0
    assert "no evidence" in capsys.readouterr().out
    page = out.read_text(encoding="utf-8")
    assert "no evidence" in page
    assert not page.startswith("old")
    assert page.endswith("; written otherwise -->\n# Other models\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--quick"], "--out"),
        (["--out", "."], "--out must name a file"),
        (["--out", "a.md", "--archive", "none/a.leafscope"], "--archive must name a file"),
        (["--out", "a.md", "--threads", "0"], "--threads must be at least 1, got 0"),
        (["--out", "a.md", "--protocol", "none.toml"], "cannot be read"),
        (["--out", "a.md", "--readme", "plain.md"], START),
        (["--out", "a.md", "--readme", "none.md"], "none.md"),
    ],
)
def test_refusals_train_nothing(
    arguments: list[str],
    words: str,
    protocol: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.md").write_text("no marks", encoding="utf-8")
    assert command("--protocol", protocol, "--database", "l.db", *arguments) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "l.db").exists()
    assert not (tmp_path / "a.md").exists()


def test_sweep_says_where_its_claims_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", "any.toml", "--claims"]) == 2
    assert "leafscope claims" in capsys.readouterr().err
