"""The protocol of the claims: its checksum, its sweeps, and what it refuses."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from leafscope.app.cli.claims import PROTOCOL
from leafscope.core.claims.protocol import checksum, quick, read_protocol
from leafscope.core.errors import ConfigFileError
from leafscope.core.sweep.members import check, expand

TEXT = """
choosing_seeds = [0, 1]
report_seeds = [5, 6]
trials = 2
depths = [0, 1]
[[models]]
kinds = ["tree", "flat"]
baselines = ["dense"]
[[rows]]
name = "flowers"
width = 4
epochs = 1
data = { name = "iris" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "protocol.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_checksum_is_that_of_the_values_whatever_their_layout(tmp_path: Path) -> None:
    _, first = read_protocol(written(tmp_path, TEXT))
    values = json.dumps(tomllib.loads(TEXT), sort_keys=True, separators=(",", ":"))
    assert first == hashlib.sha256(values.encode()).hexdigest() == checksum(tomllib.loads(TEXT))
    lines = TEXT.strip().splitlines()
    turned = "# a comment\n" + "\n".join(lines[3::-1] + lines[4:])
    assert read_protocol(written(tmp_path, turned))[1] == first
    assert read_protocol(written(tmp_path, TEXT.replace("trials = 2", "trials = 3")))[1] != first


def test_the_protocol_that_comes_along_has_eight_valid_rows() -> None:
    protocol, _ = read_protocol(PROTOCOL)
    assert len(protocol.rows) == 8
    assert (len(protocol.choosing_seeds), len(protocol.report_seeds), protocol.trials) == (5, 20, 12)
    assert protocol.depths == [0, 1, 2, 3, 4, 5, 6]
    assert min(protocol.report_seeds) > 9  # seeds 0 to 9 have been reported before
    check(protocol.sweeps(protocol.rows[0])[0])  # with all its runs; other rows have as many
    fewer = {"choosing_seeds": [0], "report_seeds": [100, 101], "trials": 1, "depths": [0, 6]}
    smaller = protocol.model_copy(update=fewer)
    for row in protocol.rows:
        for sweep in smaller.sweeps(row):
            check(sweep)  # runs of other seeds and trials are of the same sizes, those of other depths are smaller
            assert {member.run.data.name for member in expand(sweep)} == {row.data.name}


def test_the_protocol_of_diamonds_has_the_models_of_the_other() -> None:
    protocol, _ = read_protocol(PROTOCOL.with_name("real.toml"))
    assert protocol.models == read_protocol(PROTOCOL)[0].models
    assert [(row.data.name, row.data.n_train, row.width) for row in protocol.rows] == [("diamonds", 10_000, w) for w in (8, 16)]
    assert min(protocol.report_seeds) > 9
    for sweep in protocol.sweeps(protocol.rows[-1]):  # the wider of two that are alike
        check(sweep)


def test_each_group_of_models_is_one_sweep_with_its_gate_gradient(tmp_path: Path) -> None:
    group = '[[models]]\nkinds = ["tree"]\ngate_gradient = "straight_through"\nbaselines = ["random_gates"]\n[[rows]]'
    protocol, _ = read_protocol(written(tmp_path, TEXT.replace("[[rows]]", group)))
    first, second = protocol.sweeps(protocol.rows[0])
    assert {member.model for member in expand(first)} == {"tree", "flat", "dense"}
    assert {member.model for member in expand(second)} == {"tree", "random_gates"}
    assert {member.run.train.gate_gradient for member in expand(second)} == {"straight_through"}
    # K = 0 has no gates, so that it is the same run in both
    zero = [
        {member.run_id for member in expand(sweep) if member.depth == 0 and member.model == "tree"} for sweep in (first, second)
    ]
    assert zero[0] == zero[1]


def test_quick_is_smaller_in_every_way() -> None:
    protocol, _ = read_protocol(PROTOCOL)
    small = quick(protocol)
    assert len(small.rows) == 2
    assert (len(small.choosing_seeds), len(small.report_seeds), small.trials, small.depths) == (2, 3, 2, [0, 2])
    assert all(row.data.n_train <= 80 and row.epochs == 2 for row in small.rows)
    assert small.models == protocol.models


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("report_seeds = [5, 6]", "report_seeds = [1, 6]", "report_seeds must be none of the seeds that choose, got 1"),
        ("report_seeds = [5, 6]", "report_seeds = [5]", "report_seeds must hold at least 2 seeds"),
        ("report_seeds = [5, 6]", "report_seeds = [5, 5]", "got 5 twice"),
        ('"flat"', '"flut"', "net.kind"),
        ("depths = [0, 1]", "depths = [0, 9]", "net.depth"),
        ("trials = 2", "trails = 2", "did you mean trials?"),
        ("trials = 2", "trials = 0", "trials"),
        ('"iris"', '"irus"', "name"),
        ("depths = [0, 1]", "depths = [", "must be TOML"),
        ("[[rows]]", '[[models]]\nkinds = ["flat"]\n[[rows]]', "one group for each gate_gradient, got none twice"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigFileError, match=r"protocol\.toml") as refused:
        read_protocol(written(tmp_path, TEXT.replace(old, new)))
    assert words in str(refused.value)


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="cannot be read"):
        read_protocol(tmp_path / "none.toml")
