"""The Python blocks of README and guide run as they stand, and the command lines are those the project answers to."""

import contextlib
import io
import re
from pathlib import Path

from PIL.GifImagePlugin import GifImageFile

from leafscope.app.claims.page import END, START

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
GUIDES = [ROOT / "README.md", *sorted((ROOT / "data/docs").glob("*.md"))]
LINKS = [(guide, link) for guide in GUIDES for link in re.findall(r"\]\(([^)#]+)\)", guide.read_text()) if "://" not in link]
PICTURES = {(guide.parent / link).resolve() for guide, link in LINKS if link.endswith((".png", ".gif"))}
CPU_BUILD = " --extra-index-url https://download.pytorch.org/whl/cpu"


def test_python_blocks_run() -> None:
    blocks = [
        block
        for guide in GUIDES
        if guide.name not in ("results.md", "real.md")  # they compute a checksum
        for block in re.findall(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)
    ]
    blocks = [block for block in blocks if "dask" not in block]  # those recipes need a cluster
    assert len(blocks) == 3
    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "a guide", "exec"), {})
        assert printed.getvalue().strip()
        assert ("balance(" in block) == ("LeafBalance(entropy=" in printed.getvalue())


def test_links_lead_to_files() -> None:
    assert LINKS
    assert [link for guide, link in LINKS if not (guide.parent / link).exists()] == []


def test_pictures_are_there() -> None:
    assert set((ROOT / "data/pictures").iterdir()) == PICTURES
    for picture in PICTURES:
        held = picture.read_bytes()
        assert held.startswith({".png": b"\x89PNG\r\n\x1a\n", ".gif": b"GIF89a"}[picture.suffix]), picture
        assert len(held) < 2_000_000, picture


def test_the_results_are_those_of_a_page_that_is_there() -> None:
    """Between the marks of `leafscope claims` are its sentences, its figure and a link, or nothing is measured yet."""
    body = TEXT.split(START)[1].split(END)[0]
    linked = re.findall(r"\]\((data/docs/[^)]+)\)", body)
    assert linked or "Not measured yet" in body
    assert all((ROOT / path).is_file() for path in linked)


def test_the_replay_loops_for_ever() -> None:
    (replay,) = [picture for picture in PICTURES if picture.suffix == ".gif"]
    with GifImageFile(replay) as image:
        assert image.n_frames >= 30
        assert image.info["loop"] == 0
        assert image.width <= 960


def test_the_two_lines_stand_as_promised() -> None:
    assert f"python3 -m venv .venv && .venv/bin/pip install -e .{CPU_BUILD} && .venv/bin/leafscope\n" in TEXT
    assert f'python3 -m venv .venv && .venv/bin/pip install -e ".[test]"{CPU_BUILD} && .venv/bin/pytest\n' in TEXT
