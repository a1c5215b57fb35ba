"""`leafscope routing`: what it prints, keeps and refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscope.app import cli
from leafscope.core.store.archive.examples import ROUTING
from leafscope.core.store.store import Store
from tests.core.routing.shapes import PLAIN


def command(tmp_path: Path, *arguments: object) -> int:
    return cli.main(["routing", *(str(argument) for argument in arguments), "--database", str(tmp_path / "x.db")])


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(PLAIN + "1,-1,8\n")
    return path


def test_what_was_understood_is_printed_as_one_object(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "add", file, "--json", "--top-k", 2) == 0
    found = printed(capsys)
    rows = found.pop("statistics")
    address = found.pop("hash")
    assert found == {
        "name": "mine",
        "layers": [1, 3],
        "steps": [],
        "domains": [],
        "experts": 6,
        "top_k": 2,
        "assignments": 32,
        "shared": [-1],
    }
    names = "layer domain step entropy effective_experts gini cv2 max_violation dead_fraction max_share chance"
    assert [set(row) for row in rows] == [set(names.split())] * 2
    assert (rows[0]["layer"], rows[0]["domain"], rows[0]["step"], rows[0]["max_share"]) == (1, None, None, 7 / 16)
    assert set(rows[0]["chance"]) == {"effective_experts", "max_violation"}
    assert set(rows[0]["chance"]["max_violation"]) == {"mean", "low", "high"}
    assert command(tmp_path, "add", file, "--json", "--top-k", 2) == 0
    assert printed(capsys) == found | {"hash": address, "statistics": rows}
    assert [info.log_id for info in Store(tmp_path / "x.db").logs()] == [address]
    assert command(tmp_path, "list", "--json") == 0
    (entry,) = printed(capsys)["logs"]
    assert (entry["hash"], entry["name"]) == (address, "mine")
    assert command(tmp_path, "remove", "mine", "--json") == 0
    assert printed(capsys) == {"removed": address}
    assert command(tmp_path, "list") == 0
    assert capsys.readouterr().out.startswith("There are no routing logs")


def test_it_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "add", str(ROUTING), "--name", "a\x1b[2J") == 0
    first, note, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("a\\x1b[2J: 4 domains, 3 layers, 64 experts, top-k unknown, 20,054,016 assignments; address ")
    assert note == "note: chance needs top-k, which the file does not say"
    assert second == "  layer 0, github: used like 54.4 of 64, MaxVio 4.01"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--top-k", 9], "mine.csv: top-k must be from 1 to the number of experts (6), got 9"),
        (["--layout", "ids"], "mine.csv: a text must hold counts"),
    ],
)
def test_what_is_refused_keeps_nothing(
    arguments: list[object], sentence: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "add", file, "--json", *arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"leafscope: {sentence}")
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "x.db").exists()


def test_an_open_shape_a_pickle_and_a_missing_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "open.npy", np.arange(8).reshape(4, 2))
    assert command(tmp_path, "add", tmp_path / "open.npy") == 2
    assert "--layout counts or --layout ids" in capsys.readouterr().err
    (tmp_path / "log.pt").write_bytes(b"PK\x03\x04")
    assert command(tmp_path, "add", tmp_path / "log.pt") == 2
    assert "torch.load('log.pt', weights_only=True)" in capsys.readouterr().err
    assert command(tmp_path, "add", tmp_path / "none.csv") == 2
    assert capsys.readouterr().err == f"leafscope: {tmp_path / 'none.csv'} cannot be read: No such file or directory\n"
