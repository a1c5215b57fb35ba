"""The command: what it refuses, in a sentence, before anything is started."""

import os
import re
import webbrowser
from pathlib import Path

import pytest
import streamlit as st

from leafscope.app import cli
from leafscope.app.cli import start
from leafscope.app.cli.registry import COMMANDS
from tests.plugin import distribution, run_python


@pytest.fixture(autouse=True)
def _never_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the app was started")

    monkeypatch.setattr(st, "App", refuse)
    for name in ("LEAFSCOPE_DATABASE", "LEAFSCOPE_DEVICE"):  # the command sets them for the worker
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)


@pytest.mark.parametrize("port", [1, 80, 8501, 65535])
def test_ports(port: int) -> None:
    assert cli._parser().parse_args(["--port", str(port)]).port == port
    assert cli._parser().parse_args(["app", "--port", str(port)]).port == port


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8501.0", "http", "", "²"])
def test_ports_out_of_bounds(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([f"--port={port}"])
    assert ended.value.code == 2
    assert "a port must be a whole number from 1 to 65535" in capsys.readouterr().err


def test_options_with_and_without_the_commands_name() -> None:
    for before, after in (([], ["--device", "cpu", "--no-browser"]), (["--device", "cpu", "--no-browser"], [])):
        options = cli._parser().parse_args([*before, "app", *after])
        assert (options.device, options.no_browser, options.port, options.database) == ("cpu", True, None, None)
    for words in ([], ["app"]):
        plain = cli._parser().parse_args(words)
        assert (plain.device, plain.no_browser, plain.port, plain.database) == (None, False, None, None)


@pytest.mark.parametrize("device", ["abacus", "cuda:99", "cuda:x", ""])
def test_unknown_device(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--device", device]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("leafscope: ")
    assert "Traceback" not in printed.err
    assert not printed.out


def test_database_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"these are notes, not a database" * 100)
    assert cli.main(["--device", "cpu", "--database", str(path)]) == 2
    assert capsys.readouterr().err.startswith("leafscope: ")
    assert path.read_bytes().startswith(b"these are notes")


def test_a_scheduler_that_cannot_be_used_is_refused_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEAFSCOPE_SCHEDULER", "tls://127.0.0.1:8786")
    assert cli.main(["--device", "cpu", "--no-browser", "--database", str(tmp_path / "a.db")]) == 2
    assert "LEAFSCOPE_SCHEDULER needs a database that the cluster reaches" in capsys.readouterr().err


def test_the_help_lists_every_command_and_each_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    ours = ["bench", "sweep", "export", "import", "app"]
    assert [name for name in COMMANDS if name in ours] == ours
    help_of_all = cli._parser().format_help()
    for command in COMMANDS.values():
        assert f"    {command.name}" in help_of_all
        assert command.help in " ".join(help_of_all.split())
        with pytest.raises(SystemExit) as ended:
            cli.main([command.name, "--help"])
        assert ended.value.code == 0
        assert f"leafscope {command.name} [-h]" in capsys.readouterr().out


PLUGIN = """
from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse

def run(options):
    print(f"{options.number + 1}")
    return refuse("enough") if options.number > 8 else 0

COMMANDS.register(Command(
    name="count", help="count on", run=run, add_arguments=lambda parser: parser.add_argument("number", type=int)
))
"""


def test_a_command_of_another_package_is_one_file(tmp_path: Path) -> None:
    distribution(tmp_path, "counting", {"count": "counting"}, {"counting": PLUGIN})
    code = "from leafscope.app.cli import main\n"
    done = run_python(code + "print(main(['count', '8']), main(['count', '9']))", tmp_path)
    assert done.stdout.splitlines() == ["9", "10", "0 2"]
    assert done.stderr == "leafscope: enough\n"
    assert "count on" in run_python(code + "main(['--help'])", tmp_path).stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"leafscope \d+\.\d+\.\d+", first)
    assert second == "GPU: supported by PyTorch's CUDA build, but never run on one yet"


@pytest.mark.parametrize(
    ("platform", "display", "wayland", "expected"),
    [("linux", "", "", False), ("linux", ":0", "", True), ("linux", "", "wayland-0", True), ("darwin", "", "", True)],
)
def test_browser_needs_a_screen(
    monkeypatch: pytest.MonkeyPatch, platform: str, display: str, wayland: str, expected: bool
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("WAYLAND_DISPLAY", wayland)
    monkeypatch.setattr(webbrowser, "get", lambda: object())
    assert start._has_browser() is expected


def test_no_browser_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise webbrowser.Error("none")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "get", none)
    assert not start._has_browser()
