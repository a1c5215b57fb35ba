"""Sweeps as TOML: what is written is read back, and a fault names file, line and field."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, toml_file
from leafscope.core.config.presets import DATA, depth_sweep
from leafscope.core.config.toml_file import MOST_BYTES, parse_sweep, read_sweep, write_sweep
from leafscope.core.errors import ConfigFileError
from leafscope.core.models import baselines, net_kinds
from leafscope.core.sweep.members import expand

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40).filter(
    lambda text: text.strip() != ""
)
floats = st.floats(1e-6, 9.0, allow_nan=False)
bases = st.builds(
    RunConfig,
    data=st.one_of(
        st.builds(DataConfig, name=st.sampled_from(["digits", "wine"]), n_train=st.none() | st.integers(1, 500)),
        st.builds(
            DataConfig,
            name=st.just("tree_teacher"),
            n_samples=st.none() | st.integers(20, 900),
            noise=st.none() | st.floats(0, 1),
            teacher_depth=st.none() | st.integers(0, 5),
        ),
    ),
    net=st.builds(NetConfig, kind=st.sampled_from(net_kinds()), depth=st.integers(0, 4), width=st.integers(6, 20)),
    train=st.builds(TrainConfig, lr=floats, patience=st.none() | st.integers(1, 9), weight_decay=floats),
    seed=st.integers(0, 2**31 - 1),
    split_seed=st.none() | st.integers(0, 9),
)
axes = st.fixed_dictionaries(
    {},
    optional={
        "net.depth": st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True),
        "net.kind": st.lists(st.sampled_from(["tree", "flat"]), min_size=1, unique=True),
        "data.n_train": st.lists(st.none() | st.integers(1, 300), min_size=1, max_size=3, unique=True),
        "train.patience": st.lists(st.none() | st.integers(1, 9), min_size=1, max_size=3, unique=True),
        "train.weight_decay": st.lists(floats, min_size=1, max_size=3, unique=True),
        "seed": st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
    },
)
sweeps = st.builds(
    SweepConfig,
    name=names,
    base=bases,
    axes=axes,
    baselines=st.lists(st.sampled_from(baselines()), unique=True, max_size=4),
    tune_lr=st.none() | st.lists(floats, min_size=1, max_size=4, unique=True),
)
fair_sweeps = st.builds(
    SweepConfig,
    axes=st.sampled_from([{}, {"seed": [0, 1]}]),
    report_seeds=st.lists(st.integers(2, 99), min_size=2, max_size=9, unique=True),
    trials=st.none() | st.integers(1, 100),
)


@given(sweep=sweeps | fair_sweeps)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(sweep: SweepConfig) -> None:
    text = write_sweep(sweep)
    tomllib.loads(text)
    again = parse_sweep(text)
    assert again == sweep
    assert again.sweep_id == sweep.sweep_id
    assert write_sweep(again) == text


@pytest.mark.parametrize("data", DATA)
def test_presets_through_a_file(tmp_path: Path, data: str) -> None:
    file = tmp_path / "preset.toml"
    file.write_text(write_sweep(depth_sweep(data)), encoding="utf-8")
    assert read_sweep(file) == depth_sweep(data)
    assert read_sweep(str(file)).sweep_id == depth_sweep(data).sweep_id


def test_none_among_values_survives() -> None:
    sweep = SweepConfig(base=RunConfig(data=DataConfig(name="wine")), axes={"data.n_train": [None, 50]})
    text = write_sweep(sweep)
    assert '""' in text
    assert parse_sweep(text).axes == {"data.n_train": [None, 50]}
    assert [member.run.data.n_train for member in expand(parse_sweep(text))] == [None, 50]


def test_without_a_name_the_file_names_it(tmp_path: Path) -> None:
    file = tmp_path / "my sweep.v2.toml"
    file.write_text("[axes]\nseed = [0, 1]\n", encoding="utf-8")
    assert read_sweep(file).name == "my sweep.v2"
    file.write_text('name = "own"\n', encoding="utf-8")
    assert read_sweep(file).name == "own"


def test_what_is_left_out_has_its_default() -> None:
    assert parse_sweep("", default_name="sweep") == SweepConfig()
    assert parse_sweep("[base.net]\ndepth = 2").base == RunConfig(net=NetConfig(depth=2))


LAYOUTS = {
    "section": ("[base]\nseed = 3\n\n[base.net]\nwidth = 8\ndepth = 99\n", 6),
    "section, spaces and comment": ("# depth = 1\n[ base . net ]  # the net\n  depth  =  99  # too deep\n", 3),
    "dotted": ("name = 'x'\nbase.net.width = 8\nbase.net.depth = 99\n", 3),
    "dotted below a section": ("[base]\nnet.width = 8\nnet.depth = 99\n", 3),
    "inline": ("[base]\nnet = { width = 8, depth = 99 }\n", 2),
    "quoted": ('[base."net"]\n"depth" = 99\n', 2),
    "windows": ("[base.net]\r\nwidth = 8\r\ndepth = 99\r\n", 3),
    "last line without end": ("[base.train]\nlr = 0.1\n[base.net]\ndepth = 99", 4),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fault_names_file_line_and_field_in_every_layout(layout: str) -> None:
    text, line = LAYOUTS[layout]
    with pytest.raises(ConfigFileError) as raised:
        parse_sweep(text, "my.toml")
    assert str(raised.value) == (f"my.toml, line {line}, base.net.depth: depth must be a whole number from 0 to 16, got 99")


FAULTS: list[tuple[str, int, str, str]] = [
    ('[axes]\nseed = [0]\n"net.depth" = [0, 99]', 3, "axes.net.depth", "depth must be a whole number from 0 to 16, got 99"),
    ('[axes]\n"net.depth" = [\n  0,\n  99,\n]', 2, "axes.net.depth", "depth must be a whole number from 0 to 16, got 99"),
    ('axes."net.depth" = [0, 99]', 1, "axes.net.depth", "depth must be a whole number"),
    ('[axes]\n"net.depth" = []', 2, "axes.net.depth", "axis net.depth must have at least one value, got none"),
    ('[axes]\n"net.depth" = [1, 1]', 2, "axes.net.depth", "axis net.depth must have different values, got 1 twice"),
    ('[axes]\n"net.depth" = 3', 2, "axes.net.depth", "should be a valid list, got 3"),
    ('[axes]\nseed = [1]\n"net.dept" = [1]', 3, "axes", "got 'net.dept'; did you mean net.depth?"),
    ("[axes]\nseed = [1]\nnet.depth = [0, 2]", 3, "axes.net", "an axis must stand in quotes, such as \"net.depth\" = [0, 2]"),
    ("[axes.net]\ndepth = [0, 2]", 1, "axes.net", 'an axis must stand in quotes, such as "net.depth"'),
    ('name = "x"\nbaselines = ["dens"]', 2, "baselines", "got 'dens'; did you mean dense?"),
    ("tune_lr = []", 1, "tune_lr", "tune_lr must have at least one rate, got none"),
    ("tune_lr = [0.1, 20.0]", 1, "tune_lr", "tune_lr must be a number above 0 and at most 10, got 20"),
    ("tune_lr = [nan]", 1, "tune_lr", "got nan"),
    ('seed = 3\n', 1, "", "unknown field seed"),
    ("[base.net]\nwidht = 3", 2, "base.net", "unknown field widht; did you mean width?"),
    ("[base.net]\nwidth = 4\ndepth = 9", 3, "base.net.depth", "depth must be at most the width (4)"),
    ("[base.net]\nwidth = 3", 2, "base.net.width", "depth must be at most the width (3)"),
    ("[base.data]\nvalidation_fraction = 0.9", 2, "base.data.validation_fraction", "must be at most 0.95"),
    ('[axes]\n"net.width" = [2, 4]', 2, "axes.net.width", "axis net.depth: depth must be at most the width (2)"),
    ('[base.data]\nname = "moons"\nn_classes = 3', 3, "base.data.n_classes", "must be left out for moons"),
    ('name = ""', 1, "name", "name must have from 1 to 200 characters, got 0"),
    ('tune_lr = [0.1]\n[axes]\n"train.lr" = [0.1, 0.2]', 1, "tune_lr", "must be left out when train.lr is an axis"),
    ("trials = 0", 1, "trials", "trials must be a whole number from 1 to 100, got 0"),
    ("trials = 8.5", 1, "trials", "trials must be a whole number from 1 to 100, got 8.5"),
    ("trials = 3\ntune_lr = [0.1]", 1, "trials", "trials must be left out when tune_lr is given"),
    ('trials = 3\n[axes]\n"train.lr" = [0.1]', 1, "trials", "trials must be left out when train.lr is an axis"),
    ('trials = 3\n[axes]\n"train.weight_decay" = [0.1]', 1, "trials", "left out when train.weight_decay is an axis"),
    ("report_seeds = []", 1, "report_seeds", "must hold at least 2 seeds, since intervals need several, got 0"),
    ("report_seeds = [7]", 1, "report_seeds", "must hold at least 2 seeds, since intervals need several, got 1"),
    ("report_seeds = [7, 8, 7]", 1, "report_seeds", "must hold different seeds, got 7 twice"),
    ("report_seeds = [7, -1]", 1, "report_seeds", "must be a whole number from 0 to 2,147,483,647, got -1"),
    ("report_seeds = [0, 1]", 1, "report_seeds", "must be none of the seeds that choose, got 0 among both"),
    ("report_seeds = [8, 9]\n[axes]\nseed = [1, 9, 8]", 1, "report_seeds", "seeds that choose, got 8 among both"),
    ("report_seeds = [8, 9]\n[axes]\nsplit_seed = [1]", 1, "report_seeds", "must be left out when split_seed is set"),
    ("report_seeds = [8, 9]\n[axes]\ninit_seed = [1, 2]", 1, "report_seeds", "must be left out when init_seed is set"),
    ("report_seeds = [8, 9]\n[base]\nsplit_seed = 1", 1, "report_seeds", "must be left out when split_seed is set"),
    ("base = 3", 1, "base", "got 3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "field", "words"), FAULTS)
def test_each_fault_is_a_sentence_at_its_place(text: str, line: int, field: str, words: str) -> None:
    with pytest.raises(ConfigFileError) as raised:
        parse_sweep(text, "my.toml")
    said = str(raised.value)
    assert said.startswith(f"my.toml, line {line}{field and f', {field}'}: ")
    assert words in said
    assert "\n" not in said


def test_several_faults_have_a_line_each() -> None:
    with pytest.raises(ConfigFileError) as raised:
        parse_sweep('[base]\nseed = "x"\n[base.net]\nwidth = -1\n', "my.toml")
    assert sorted(re.findall(r"^my\.toml, line (\d+), ([\w.]+): ", str(raised.value), re.MULTILINE)) == [
        ("2", "base.seed"),
        ("4", "base.net.width"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [("name = ", 1), ("a = 1\n\n[axes\n", 3), ('name = "x"\nname = "y"\n', 2), ("a = 1\nx = [1,\n2\n", 3), ('name = "x\n', 1)],
)
def test_what_is_no_toml_names_the_line(text: str, line: int) -> None:
    with pytest.raises(ConfigFileError) as raised:
        parse_sweep(text, "my.toml")
    found = re.fullmatch(r"my\.toml, line (\d+): must be TOML: (.+)", str(raised.value))
    assert found is not None, str(raised.value)
    assert abs(int(found.group(1)) - line) <= 1  # Python's reader may say the line where it gave up
    assert "(at" not in found.group(2)


def refusal(path: Path) -> str:
    with pytest.raises(ConfigFileError) as raised:
        read_sweep(path)
    return str(raised.value)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.toml"
    assert refusal(missing) == f"{missing}: cannot be read: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: it must be a regular file"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b'name = "\xff"\n')
    assert refusal(binary) == f"{binary}: must be UTF-8 text; byte 9 is not"
    monkeypatch.setattr(toml_file, "MOST_BYTES", 1_000)
    large = tmp_path / "large.toml"
    large.write_text("#" * 1_001, encoding="utf-8")
    assert refusal(large) == f"{large}: cannot be read: it must have at most 1,000 bytes, got 1,001"
    large.write_text(f"[base]{'#' * 994}", encoding="utf-8")
    assert read_sweep(large).name == "large"


@given(text=st.text(st.sampled_from("[]{}=\"'.,# \n\taxesbnt0123456789_-"), max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_sweep_or_a_refusal(text: str) -> None:
    found: Any = None
    try:
        found = parse_sweep(text)
    except ConfigFileError as error:
        assert str(error).startswith("sweep")  # noqa: PT017
    else:
        assert isinstance(found, SweepConfig)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one field"),
        ("# nothing\n\n", "at least one field"),
        (f"[base]\nseed = {'9' * 5000}", "must be TOML"),
        (f"[base]\nseed = 0x{'f' * 5000}", "seed must be a whole number from 0 to 2,147,483,647, got a number of more than"),
        (f"[base.data]\nname = 'circles'\nnoise = 0x{'f' * 5000}", "noise must be a number"),
        (f"[base.train]\nlr = 0x{'f' * 5000}", "lr must be a number"),
        (f"tune_lr = [0x{'f' * 5000}]", "tune_lr must be a number above 0 and at most 10"),
        (f"[axes]\nseed = [0x{'f' * 5000}]", "seed must be a whole number"),
        (f"axes = {'[' * 5000}", "nested"),
        ("tune_lr = [true]", "tune_lr must be a number above 0 and at most 10, got True"),
        ("tune_lr = [0.1, false]", "got False"),
        ("[axes]\n'train.lr' = [true]", "got True"),
        ("[base]\nseed = true", "got True"),
        (f'"{"k" * 5000}" = 1', "unknown field"),
    ],
)
def test_hostile_text_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    with pytest.raises(ConfigFileError, match=re.escape(said)) as caught:
        read_sweep(path)
    assert len(str(caught.value)) < 2000


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(ConfigFileError, match="regular file"):
            read_sweep(path)
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(ConfigFileError, match=r"at most 1,000,000 bytes, got 1,000,001"):
        read_sweep(large)
