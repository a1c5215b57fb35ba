"""Time Runs and Compare with 10,000 stored runs: python -m tests.tools.large.

Prints the median, the fastest and the slowest of several times, in seconds, and the bytes that the server sends. A page is
opened over the websocket as a browser does, by a new session each time, and then filtered; it has been opened before.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET, Claim, End, Ending
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.training.events import EpochRecord
from tests.e2e.harness import end_app, start_app
from tests.e2e.session import load, opened

RUNS = 10_000
TIMES = 10
"""How often each is timed."""

AT_ONCE = 900
"""Runs submitted at once: the queue of a person's own runs has a limit."""

NET_BYTES = 4096
"""Bytes of a run's weights."""

FIELDS = {"runs": ("Find", "{} flat K3"), "compare": ("Filter", "data={} depth=3 kind=flat")}
"""The field of each page that filters, and what is typed into it."""


def main() -> None:
    """Fill a store, start the app on it, and time both pages, whole and filtered."""
    parser = argparse.ArgumentParser(description="Times Runs and Compare with many stored runs.")
    parser.add_argument("--runs", type=int, default=RUNS, help="stored runs")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each is timed")
    parser.add_argument("--database", type=Path, help="a database that is kept; it is filled if it does not exist")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = (asked.database or folder / "runs.db").resolve()
        if not database.exists():
            fill(database, asked.runs)
        app = start_app(folder, database)
        try:
            for page, (field, text) in FIELDS.items():
                load(app, page)  # the first visit fills the caches
                times, filtered, received = [], [], [0, 0]
                for turn in range(asked.times):
                    with ExitStack() as sessions:
                        began = time.monotonic()
                        session = sessions.enter_context(opened(app, page))
                        times.append(time.monotonic() - began)
                        received[0] = session.received
                        began = time.monotonic()
                        session.type(field, text.format(("wine", "digits")[turn % 2]))
                        filtered.append(time.monotonic() - began)
                        received[1] = session.received
                _print(f"{page} opens", times, received[0])
                _print(f"{page} filters", filtered, received[1])
        finally:
            end_app(app)


def _print(what: str, times: list[float], received: int) -> None:
    spread = f"{min(times):.2f} to {max(times):.2f}, n = {len(times)}"
    print(f"{what:18s}{statistics.median(times):6.2f} s  {spread}, {received:,} bytes", flush=True)


def fill(path: Path, count: int) -> None:
    """Put in ended runs with curves, as a worker would: three in five are members of two sweeps.

    Most have 10 epochs, one in ten of the others 40; one in 25 failed, and one in 40 was stopped. Some have a name or a tag.
    """
    store = Store(path, clock=lambda: time.time() + 3600)  # so that the worker of an app that is open does not take them
    rng = np.random.default_rng(0)
    base = changed(RunConfig(), {"train.epochs": 10})
    places = iter(range(count))
    seeds = max(1, count * 3 // 5 // 100)
    for data in ("digits", "wine"):
        sweep = SweepConfig(
            name=f"{data}, {seeds} seeds",
            base=changed(base, {"data.name": data}),
            axes={
                "net.kind": ["tree", "flat"],
                "net.depth": [1, 2, 3, 4, 5],
                "train.lr": [0.001, 0.002, 0.005, 0.01, 0.02],
                "seed": list(range(seeds)),
            },
        )
        store.submit_sweep(sweep, distinct_runs(sweep))
        _end(store, rng, lambda: store.claim_members("filler", lambda _: 0.01, 1.0, "cpu"), places)
    own = [
        changed(
            base,
            {
                "data.name": ("iris", "spirals", "moons", "breast_cancer")[number % 4],
                "net.kind": ("tree", "flat", "dense")[number % 3],
                "net.width": (8, 16, 32, 64)[number // 12 % 4],
                "net.depth": 1 + number // 48 % 6,
                "train.epochs": 40 if number % 10 == 9 else 10,
                "seed": number // 48,
            },
        )
        for number in range(max(0, count - 100 * seeds))
    ]
    for first in range(0, len(own), AT_ONCE):
        store.submit_many(own[first : first + AT_ONCE])
        _end(store, rng, lambda: [claim] if (claim := store.claim("filler")) is not None else [], places)
    for number, run in enumerate(own[:200:10]):
        store.annotate(run.run_id, name=f"try {number}", tags=["talk"] if number % 2 else ["draft", "thesis"])
    store.close()


def _end(store: Store, rng: np.random.Generator, claim: Callable[[], list[Claim]], places: Iterable[int]) -> None:
    """End all that is queued."""
    ends: list[End] = []
    numbers = iter(places)
    while claims := claim():
        for one in claims:
            number = next(numbers, 0)
            status: Ending = "failed" if number % 25 == 7 else "stopped" if number % 40 == 11 else "finished"
            epochs = one.run.epochs if status == "finished" else one.run.epochs // 2
            error = "there is not enough memory for this run" if status == "failed" else None
            facts = {"inference_seconds": 1e-6, "trained_parameters": 5000, "compiled": True}
            ends.append(End(one, status, error, _records(rng, epochs), {NET: rng.bytes(NET_BYTES)}, facts))
        if len(ends) >= AT_ONCE:
            store.end_many(ends)
            ends.clear()
    store.end_many(ends)


def _records(rng: np.random.Generator, epochs: int) -> list[EpochRecord]:
    scores = rng.uniform(0.2, 0.9, (epochs + 1, 3))
    return [
        EpochRecord(
            epoch,
            {
                (split, metric): float(score if metric == "accuracy" else 1 - score)
                for split, score in zip(("train", "validation", "test"), row, strict=True)
                for metric in ("loss", "accuracy")
            },
            {},
            0.1 * epoch,
        )
        for epoch, row in enumerate(scores)
    ]


if __name__ == "__main__":
    main()
