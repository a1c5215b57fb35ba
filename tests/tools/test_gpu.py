"""The script for the day with a GPU: it runs through on a CPU in tiny sizes, and no part stops the others."""

import json

from tests.tools import gpu


def test_it_runs_through_on_the_cpu(tmp_path, monkeypatch, capfd):
    """Two of its parts, each a process of its own; all of them take a minute."""
    monkeypatch.setattr(gpu, "PARTS", {name: gpu.PARTS[name] for name in ("layer", "profile")})
    assert gpu.main(["--device", "cpu", "--quick", "--folder", str(tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(": done")] == ["layer: done", "profile: done"]
    assert any("(cpu)" in line for line in lines)
    assert json.loads((tmp_path / "layer.json").read_text())["step, times dense"] > 0
    assert "aten::" in (tmp_path / "profile.txt").read_text()


def test_a_part_that_takes_too_long_or_fails_is_told(tmp_path):
    size = gpu.Size("cpu", True, tmp_path)
    assert gpu._apart("layer", 0.05, size) == ("took more than 0 s", {})
    failure, numbers = gpu._apart("nothing", 60, size)
    assert "invalid choice" in failure
    assert numbers == {}


def test_all_parts_take_less_than_ten_minutes():
    assert sum(part.seconds for part in gpu.PARTS.values()) <= 560


def test_a_device_that_is_not_there_is_refused(tmp_path, capsys):
    assert gpu.main(["--device", "cuda:99", "--folder", str(tmp_path)]) == 2
    assert "got cuda:99" in capsys.readouterr().err
