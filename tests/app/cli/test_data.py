"""`leafscope data`: what it prints, keeps and refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from leafscope.app import cli
from leafscope.core.store.schema import runs
from leafscope.core.store.store import Store

CSV = "Unnamed: 0;Preis;Farbe;Klasse\n" + "".join(
    f"{row};{row * 7 % 20},5;{('rot', 'blau', '')[row % 3]};{'AB'[row % 2]}\n" for row in range(30)
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "preise.csv"
    path.write_bytes(CSV.encode("cp1252"))
    return path


def command(tmp_path: Path, *arguments: object) -> int:
    return cli.main(["data", *(str(argument) for argument in arguments), "--database", str(tmp_path / "x.db")])


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_what_was_understood_is_printed_as_one_object(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "add", file, "--json") == 0
    found = printed(capsys)
    address = found.pop("hash")
    assert found == {
        "name": "preise",
        "rows": 30,
        "task": "classification",
        "classes": ["A", "B"],
        "n_features": 4,
        "delimiter": ";",
        "encoding": "utf-8",
        "decimal": ",",
        "header": True,
        "columns": [
            {"name": "Unnamed: 0", "kind": "dropped", "was": "numeric", "missing": 0, "why": "identifier: it numbers the rows"},
            {"name": "Preis", "kind": "numeric", "missing": 0, "why": ""},
            {"name": "Farbe", "kind": "categorical", "missing": 10, "why": ""},
            {"name": "Klasse", "kind": "target", "missing": 0, "why": "proposed, since it is named Klasse"},
        ],
    }
    assert command(tmp_path, "add", file, "--json") == 0
    assert printed(capsys)["hash"] == address
    assert [info.table_id for info in Store(tmp_path / "x.db").tables()] == [address]


def test_it_is_said_in_words(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "add", file, "--name", "a\x1b[2J", "--target", "Preis", "--drop", "Farbe") == 0
    first, second, *columns = capsys.readouterr().out.splitlines()
    assert first.startswith("a\\x1b[2J: 30 rows, 2 features after encoding, regression; address ")
    assert second == "read as utf-8, semicolons between cells, decimal mark comma, names in the first row"
    assert columns[2].split(maxsplit=2) == ["Farbe", "dropped", "10 missing; left out by choice"]
    assert command(tmp_path, "list") == 0
    assert capsys.readouterr().out.endswith(": 30 rows, 2 features, regression\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "Menge"], "preise.csv: the target must be a column, one of"),
        (["--target", "Farbe", "--task", "regression"], "preise.csv: the target of a regression must hold numbers"),
        (["--encoding", "utf-16"], "preise.csv: the file must be text in utf-16"),
    ],
)
def test_what_is_refused_keeps_nothing(
    arguments: list[str], sentence: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "add", file, "--json", *arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"leafscope: {sentence}")
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "x.db").exists()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "add", tmp_path / "none.csv") == 2
    assert capsys.readouterr().err == f"leafscope: {tmp_path / 'none.csv'} cannot be read: No such file or directory\n"


def test_a_table_is_removed_by_name_and_only_with_force_while_runs_use_it(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(tmp_path, "add", file, "--json")
    address = printed(capsys)["hash"]
    store = Store(tmp_path / "x.db")
    config = json.dumps({"data": {"name": f"table:{address}"}})
    with store._write() as connection:
        connection.execute(insert(runs).values(run_id="r" * 16, config=config, label="", note="", created=1.0))
    assert command(tmp_path, "remove", "preise") == 2
    assert f"but 1 run ({'r' * 16}) uses {address}; with --force it is removed" in capsys.readouterr().err
    assert command(tmp_path, "remove", address[:6], "--force", "--json") == 0
    assert printed(capsys) == {"removed": address}
    assert command(tmp_path, "list", "--json") == 0
    assert printed(capsys) == {"tables": []}
    assert command(tmp_path, "remove", "preise") == 2


def test_reading_loads_neither_torch_nor_scikit_learn_nor_numba(file: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from leafscope.app import cli; "
        f"status = cli.main(['data', 'add', {str(file)!r}, '--database', {str(tmp_path / 'y.db')!r}]); "
        "print(status, sorted({'torch', 'sklearn', 'numba', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_another_task_is_refused_in_a_sentence(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "add", file, "--task", "clustering") == 2
    assert capsys.readouterr().err == "leafscope: the task must be classification or regression, got 'clustering'\n"
