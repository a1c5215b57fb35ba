"""Another package that adds variants to Leafscope, and a Python of its own to see what comes of it."""

import subprocess
import sys
from pathlib import Path


def run_python(code: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, with folders in front of its search path."""
    opening = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    return subprocess.run([sys.executable, "-c", opening + code], capture_output=True, text=True, timeout=200)


def distribution(folder: Path, name: str, entry_points: dict[str, str], modules: dict[str, str]) -> Path:
    """Lay out an installed package: modules, and metadata that name its entry points."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{entry} = {target}" for entry, target in entry_points.items())
    (metadata / "entry_points.txt").write_text(f"[leafscope]\n{lines}\n")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return folder
