"""`leafscope export` and `leafscope import`: what they choose, write, read and say; clear refusals."""

from pathlib import Path

import numpy as np
import pytest

from leafscope.app import cli
from leafscope.app.cli import archive
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.routing import Routing
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import distinct_runs

SWEEP = SweepConfig(
    name="iris, small",
    base=RunConfig(data=DataConfig(name="iris"), net=NetConfig(width=4, depth=2), train=TrainConfig(epochs=5)),
    axes={"seed": [0, 1]},
)


def config(seed: int) -> RunConfig:
    return RunConfig(seed=seed, train=TrainConfig(epochs=5))


@pytest.fixture
def db(tmp_path: Path) -> Store:
    """Three runs, a sweep with two more, and two decks, of which one has slides."""
    store = Store(tmp_path / "here.db")
    store.submit_many([config(seed) for seed in range(3)])
    store.submit_sweep(SWEEP, distinct_runs(SWEEP))
    while (claim := store.claim("w")) is not None:
        store.begin(claim, "cpu")
        store.end(claim, "finished")
    store.annotate(config(0).run_id, name="The first", tags=["Talk"])
    store.make_deck("talk", [Slide(kind="title", title="Trees")])
    store.make_deck("plain")
    store.add_log(Routing(name="experts", counts=np.array([[[[3, 0, 5]]]]), layers=(0,)))
    return store


def command(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def test_examples_that_came_with_the_program_are_not_exported(
    db: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.leafscope"
    (plain,) = (deck.deck_id for deck in db.decks() if deck.name == "plain")
    with db._write() as connection:
        db._note_shipped(connection, [config(1).run_id, plain])
    assert command("export", file, "--all", "--database", db.path) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Wrote 4 runs, 1 sweep, 1 deck and 1 routing log to ")
    assert len(said.out.splitlines()) == 1
    assert command("export", file, "--force", "--run", config(1).run_id, config(2).run_id, "--database", db.path) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  1 shipped example was left out: every Leafscope comes with it"]


def test_where_there_are_examples_only_nothing_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, file = Store(tmp_path / "first.db"), tmp_path / "x.leafscope"
    assert load_examples(store)
    assert command("export", file, "--all", "--database", store.path) == 2
    assert "there is nothing to export in this database" in capsys.readouterr().err
    assert not file.exists()


def test_everything_is_written_and_read(db: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, there = tmp_path / "x.leafscope", tmp_path / "there.db"
    assert command("export", file, "--all", "--database", db.path) == 0
    said = capsys.readouterr()
    size = archive._size(file.stat().st_size)
    assert said.out == f"Wrote 5 runs, 1 sweep, 2 decks and 1 routing log to {file}: {size}.\n"
    assert said.err == ""
    assert command("import", file, "--database", there) == 0
    assert capsys.readouterr().out == f"Read 5 runs, 1 sweep, 2 decks and 1 routing log from {file}.\n"
    assert Store(there).list_runs() == db.list_runs()
    assert command("import", file, "--database", there) == 0
    again = capsys.readouterr().out.splitlines()
    assert again[0] == f"Read 0 runs from {file}; 5 runs were here already."
    assert sorted(again[1:]) == [
        "  deck 'plain' was here already",
        "  deck 'talk' was here already",
        "  sweep 'iris, small' was here already",
    ]


@pytest.mark.parametrize(
    ("choice", "runs", "sweeps", "decks", "logs"),
    [
        (["--run", config(0).run_id[:4], config(1).run_id], {0, 1}, 0, 0, 0),
        (["--run", config(0).run_id[:4].upper(), "--run", config(2).run_id[:9]], {0, 2}, 0, 0, 0),
        (["--find", "TALK first"], {0}, 0, 0, 0),
        (["--find", "data=digits seed=0..1"], {0, 1}, 0, 0, 0),
        (["--find", "digits finished", "--run", config(0).run_id], {0, 1, 2}, 0, 0, 0),
        (["--sweep", "iris, small"], {"iris"}, 1, 0, 0),
        (["--sweep", SWEEP.sweep_id[:6], "--deck", "talk", "plain"], {"iris"}, 1, 2, 0),
        (["--deck", "talk"], set(), 0, 1, 0),
        (["--log", "experts"], set(), 0, 0, 1),
    ],
)
def test_what_is_chosen_is_written(
    choice: list[str], runs: set[object], sweeps: int, decks: int, logs: int, db: Store, tmp_path: Path
) -> None:
    file, there = tmp_path / "x.leafscope", Store(tmp_path / "there.db")
    assert command("export", file, *choice, "--database", db.path) == 0
    assert command("import", file, "--database", there.path) == 0
    found = {"iris" if run.config.data.name == "iris" else run.config.seed for run in there.list_runs()}
    assert (found, len(there.sweeps()), len(there.decks()), len(there.logs())) == (runs, sweeps, decks, logs)


def refused(capsys: pytest.CaptureFixture[str], sentence: str, *arguments: object) -> None:
    assert command(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("leafscope: ")
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_wrong_use_is_refused_and_writes_nothing(db: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, here = tmp_path / "x.leafscope", ("--database", db.path)
    refused(capsys, "say what to export: --run, --sweep, --deck, --log, --find, or --all", "export", file, *here)
    refused(capsys, "no run in this database is 'zzzz'\n", "export", file, "--run", "zzzz", *here)
    short = config(0).run_id[:3]
    refused(capsys, f"is {short!r}; a shortened address must have at least 4", "export", file, "--run", short, *here)
    refused(capsys, "no sweep in this database is 'spirals'", "export", file, "--sweep", "spirals", *here)
    refused(capsys, "the filter 'spirals' holds of no run", "export", file, "--find", "spirals", *here)
    db.make_deck("talk")
    refused(capsys, "'talk' must mean one deck, but 2 fit: ", "export", file, "--deck", "talk", *here)
    refused(capsys, "must not be a folder", "export", tmp_path, "--all", *here)
    refused(capsys, "cannot be written: No such file or directory", "export", tmp_path / "no" / "x", "--all", *here)
    Store(tmp_path / "new.db").close()
    refused(capsys, "there is nothing to export", "export", file, "--all", "--database", tmp_path / "new.db")
    assert not file.exists()


def test_an_ambiguous_address_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'abcd' must mean one run, but 6 fit: abcd0, abcd1, abcd2, abcd3, abcd4, \.\.\."):
        archive.address("run", "abcd", {f"abcd{number}": "" for number in range(6)})
    assert archive.address("run", "abcd", {"abcd": "", "abcd1": ""}) == "abcd"


def test_a_file_that_is_there_is_overwritten_only_by_force(
    db: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, here = tmp_path / "x.leafscope", ("--database", db.path)
    file.write_bytes(b"mine")
    refused(capsys, f"{file} exists already; --force overwrites it", "export", file, "--all", *here)
    assert file.read_bytes() == b"mine"
    assert command("export", file, "--all", "--force", *here) == 0
    assert file.read_bytes()[:2] == b"PK"


def test_files_that_are_refused_change_nothing(db: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter, before = tmp_path / "letter.txt", db.list_runs()
    letter.write_text("Dear reader")
    words = f"{letter} was not imported, and nothing was changed: it is not a zip file"
    refused(capsys, words, "import", letter, "--database", db.path)
    refused(capsys, "cannot be read: No such file", "import", tmp_path / "none", "--database", db.path)
    (tmp_path / "no.db").write_bytes(b"no database" * 100)
    refused(capsys, "cannot be used", "import", letter, "--database", tmp_path / "no.db")
    assert db.list_runs() == before


def test_what_was_left_out_is_said_in_a_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "waiting.db")
    store.submit_many([config(seed) for seed in range(13)])
    assert command("export", tmp_path / "x", "--all", "--database", store.path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Wrote 0 runs to ")
    assert len(lines) == 12
    assert lines[1].endswith("was left out: it waits, and nothing of it is there yet")
    assert lines[-1] == "  and 3 more"


def test_export_makes_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("export", tmp_path / "x.leafscope", "--all", "--database", tmp_path / "missing.db") == 2
    assert "there is no database at" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
