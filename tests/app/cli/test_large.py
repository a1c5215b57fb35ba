"""`leafscope large`: what it trains, writes and says; clear refusals."""

import tomllib
from pathlib import Path

import pytest

from leafscope.app import cli
from leafscope.app.large import report
from leafscope.core.large import protocol, table

PROTOCOL = """
rows = [64, 128]
depths = [1, 2]
width = 4
dense_widths = [4, 8]
trials = 2
choosing_seeds = [0, 1]
report_seeds = [5, 6, 7]
rows_seen = 64
validation_rows = 50
test_rows = 50
[[teachers]]
name = "tree_teacher"
n_features = 4
teacher_depth = 1
[[teachers]]
name = "net_teacher"
n_features = 4
[[models]]
kind = "tree"
[[models]]
kind = "tree"
gate_gradient = "straight_through"
[[models]]
kind = "root_leaf"
"""


def test_trains_a_protocol_and_writes_its_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, made, out = tmp_path / "p.toml", tmp_path / "map.csv", tmp_path / "map.md"
    file.write_text(PROTOCOL)
    command = ["large", str(file), "--table", str(made), "--out", str(out), "--threads", "2"]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    address = protocol.read(file).address
    assert said.startswith(f"protocol {address}")
    words = out.read_text()
    assert words in said
    known = table.read(made)
    nets = 2 + 3 * 2
    assert len(known) == 2 * 2 * (2 * 2 + 3) * nets
    assert f"`{address}`" in words
    for heading in ("## tree\n", "## tree (straight-through)\n", "## Tree minus root"):
        assert heading in words
    lines = [line for line in words.splitlines() if line.startswith("| tree of depth 1 |")]
    assert len(lines) == 3 + 2  # a line for each model, and of the differences one for each number of rows
    before = made.read_text()
    assert cli.main(command) == 0
    assert made.read_text() == before  # nothing is trained twice
    said = report.figures(known)["tree"].sentence()
    assert "no tree: K" in said


def test_what_does_not_hold_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, made = tmp_path / "p.toml", tmp_path / "map.csv"
    for text, words in (("width = ", "must be TOML"), (PROTOCOL.replace("[5, 6, 7]", "[1, 6]"), "got 1 among both")):
        file.write_text(text)
        assert cli.main(["large", str(file), "--table", str(made)]) == 2
        assert words in capsys.readouterr().err
    file.write_text(PROTOCOL)
    assert cli.main(["large", str(file), "--table", str(made), "--threads", "0"]) == 2
    assert "--threads must be at least 1, got 0" in capsys.readouterr().err
    made.write_text("# protocol other\n" + ",".join(table.COLUMNS) + "\n")
    assert cli.main(["large", str(file), "--table", str(made)]) == 2
    assert "must be of the protocol" in capsys.readouterr().err


def test_the_shipped_protocol_is_readable() -> None:
    shipped = protocol.read(report.PROTOCOL)
    assert shipped.rows == tomllib.loads(report.PROTOCOL.read_text())["rows"]
    known = report.shipped()
    assert known is None or set(known["rows"]) <= set(shipped.rows)
