"""What CONTRIBUTING.md names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted({path for path in re.findall(r"`([\w./]+/[\w./]*)`", (ROOT / "CONTRIBUTING.md").read_text()) if "<" not in path})


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_there(path: str) -> None:
    inside_figures = ROOT / "app" / path
    assert (ROOT / path).exists() or inside_figures.exists()
