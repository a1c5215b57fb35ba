"""Time and memory of reading a table, beside pandas' C reader with the right options: python -m tests.tools.reading.

Both read in turn, since the pace of a machine changes; the ratio is the median of the rounds. Memory is measured in a process
of its own: what it needs at most above what it had when the modules were loaded, with the bytes of the file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

ROWS, ROUNDS = 100_000, 5

MOST_TIME, MOST_MEMORY = 6.0, 4.0
"""What must hold: times pandas, and times the file."""

SHAPES: dict[str, dict[str, Any]] = {
    "numbers, commas": {},
    "numbers, decimal commas": {"sep": ";", "decimal": ","},
    "half words, all quoted": {"quoting": 1},
    "thousands marks, quoted": {"thousands": ","},
    "unique texts": {},
}
"""How each is written; pandas is told the same, but for the quotes."""


def frame(shape: str) -> pd.DataFrame:
    """Make 100,000 rows and 20 columns (of unique texts: 3), the last a target of three classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, ROWS)
    if shape == "unique texts":
        words = np.array([f"{number:06x}" for number in rng.integers(0, 2**24, 5000)])
        texts = [" ".join(row) for row in words[rng.integers(0, 5000, (ROWS, 40))]]
        return pd.DataFrame({"a": rng.normal(size=ROWS).round(4), "t": texts, "y": y})
    if shape.startswith("thousands"):
        return pd.DataFrame({f"x{i}": [f"{one:,.1f}" for one in rng.uniform(1e3, 1e6, ROWS)] for i in range(19)} | {"y": y})
    n_words = 10 if shape.startswith("half") else 3
    columns = {f"x{i}": rng.normal(size=ROWS).round(5) for i in range(19 - n_words)}
    columns |= {f"c{i}": rng.choice(["red", "green", "blue", "yellow"], ROWS) for i in range(n_words)}
    return pd.DataFrame(columns | {"y": y})


def main() -> int:
    """Print a line for each shape of file; returns 1 if a limit is exceeded, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", nargs=3, metavar=("READER", "FILE", "OPTIONS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(_most_bytes(*options.memory))
        return 0
    fault = False
    with tempfile.TemporaryDirectory() as folder:
        for shape, written in SHAPES.items():
            file = Path(folder) / "table.csv"
            frame(shape).to_csv(file, index=False, **{key: value for key, value in written.items() if key != "thousands"})
            given = json.dumps({key: value for key, value in written.items() if key != "quoting"})
            size = file.stat().st_size
            memory = {reader: _apart(reader, str(file), given) / size for reader in ("pandas", "leafscope")}
            rounds = [[_seconds(reader, str(file), given) for reader in memory] for _ in range(ROUNDS)]
            times = median(ours / theirs for theirs, ours in rounds)
            theirs, ours = (median(seconds) for seconds in zip(*rounds, strict=True))
            is_slow = times > MOST_TIME and shape != "unique texts"  # pandas only copies those, and tells nothing of them
            fault |= is_slow or memory["leafscope"] > MOST_MEMORY
            print(
                f"{shape}: {size / 1e6:.1f} MB, {ours:.2f} s, {times:.1f} times pandas ({theirs:.2f} s); "
                f"{memory['leafscope']:.1f} times the file in memory (pandas {memory['pandas']:.1f})"
            )
    return int(fault)


def _seconds(reader: str, file: str, options: str) -> float:
    read = _reader(reader, json.loads(options))
    began = time.perf_counter()
    read(file)
    return time.perf_counter() - began


def _apart(reader: str, file: str, options: str) -> int:
    command = [sys.executable, "-m", "tests.tools.reading", "--memory", reader, file, options]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _most_bytes(reader: str, file: str, options: str) -> int:
    read = _reader(reader, json.loads(options))
    small = Path(file).with_suffix(".small.csv")
    with open(file, "rb") as lines:
        small.write_bytes(b"".join(next(lines) for _ in range(50)))
    read(str(small))  # loads what is imported on first use
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    kept = read(file)
    most = _resident("VmHWM") - before
    del kept
    return most


def _reader(name: str, options: dict[str, Any]) -> Callable[[str], Any]:
    if name == "pandas":
        return lambda file: pd.read_csv(file, **options)
    from leafscope.core.tables import read

    return read


def _resident(field: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
