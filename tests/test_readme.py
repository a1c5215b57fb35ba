"""The README's Python blocks run as they stand, and its command lines are those the project answers to."""

import contextlib
import io
import re
from pathlib import Path

from PIL.GifImagePlugin import GifImageFile

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
PICTURES = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)


def test_python_blocks_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "README.md", "exec"), {})
        assert "LeafBalance(entropy=" in printed.getvalue()


def test_pictures_are_there() -> None:
    assert len(PICTURES) == 9
    assert {ROOT / picture for picture in PICTURES} == set((ROOT / "data/pictures").iterdir())
    for picture in PICTURES:
        held = (ROOT / picture).read_bytes()
        assert held.startswith({".png": b"\x89PNG\r\n\x1a\n", ".gif": b"GIF89a"}[Path(picture).suffix]), picture
        assert len(held) < 2_000_000, picture


def test_the_replay_loops_for_ever() -> None:
    (replay,) = [picture for picture in PICTURES if picture.endswith(".gif")]
    with GifImageFile(ROOT / replay) as image:
        assert image.n_frames >= 30
        assert image.info["loop"] == 0
        assert image.width <= 960


def test_the_two_lines_stand_as_promised() -> None:
    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/leafscope\n" in TEXT
    assert 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest\n' in TEXT
