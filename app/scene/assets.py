"""The texts of the scripts and styles that a browser runs, for the app's pages and for files that work without it."""

from functools import lru_cache
from pathlib import Path

SCENE = ("common", "section", "lines", "net", "plane", "tree", "lorenz", "layer", "pad", "view", "bars", "guide", "scene")
"""The scripts of the Playground's scene, in order; they draw with `mountScene`, which needs no Streamlit."""

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


@lru_cache
def read(name: str) -> str:
    """Read a file of `app/assets`, such as scene/scene.css."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def scripts(*names: str) -> str:
    """Put scripts of the scene one after another: each uses those before it."""
    return "\n".join(read(f"scene/{name}.js") for name in names)
