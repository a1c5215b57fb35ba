"""Use the app at random for long, kill its worker now and then, print what grew, then run the fuzz tests: `just soak`.

Sessions open random pages over the websocket alone, as a browser does; runs are submitted, stopped, resumed and deleted
through the store, as pages do. After the first quarter memory and open files must not grow with page loads.
"""

import argparse
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

from leafscope.app.navigation import PAGES
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.errors import LeafscopeError
from tests.e2e.harness import App, end_app, start_app, until
from tests.e2e.session import load

ROOT = Path(__file__).resolve().parents[2]
FUZZED = ("tests/pages/test_damaged_cells.py", "tests/core/store/archive/test_fuzzed.py")
EXAMPLES = 100
"""Examples of each fuzz test in a round."""

FUZZ_SHARE = 1 / 3
"""The share of the time for the fuzz tests."""

SESSIONS = 3
MOST_RUNS = 30
"""Runs that are kept, since a page takes more memory the more runs it lists."""

KILL_EVERY = (20.0, 60.0)
"""Seconds between two kills of the worker."""


class Soak:
    """One app, the people who use it, and what is measured meanwhile."""

    def __init__(self, app: App, seconds: float, seed: int) -> None:
        self.app, self.store, self.seed = app, app.store, seed
        self.server = psutil.Process(app.process.pid)
        self.ends = time.monotonic() + seconds
        self.loads = 0
        self.done: Counter[str] = Counter()
        self.submitted: dict[str, RunConfig] = {}
        self.deleted: set[str] = set()
        self.samples: list[tuple[int, float, int]] = []
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def goes_on(self) -> bool:
        return time.monotonic() < self.ends and not self.faults

    def person(self, number: int) -> None:
        """Open pages, and train, stop, resume and delete runs, all at random."""
        chance = random.Random(self.seed + number)
        while self.goes_on():
            try:
                self.one_action(chance)
            except LeafscopeError:
                self.done["refused"] += 1  # such as a run that another person deleted
            except Exception as error:
                self.faults.append(f"{type(error).__name__}: {error}")

    def one_action(self, chance: random.Random) -> None:
        action = chance.choices(["load", "submit", "stop", "resume", "delete"], [60, 6, 3, 3, 3])[0]
        known = [run_id for run_id in list(self.submitted) if run_id not in self.deleted]
        if action == "submit" and len(known) >= MOST_RUNS:
            action = "delete"
        if action == "load":
            page = chance.choice(PAGES).name
            query = f"run={chance.choice(known)}" if known and chance.random() < 0.5 else ""
            load(self.app, "" if page == "playground" else page, query)
            with self.lock:
                self.loads += 1
        elif action == "submit":
            net = NetConfig(depth=chance.randrange(5), width=8, kind=chance.choice(["tree", "flat", "dense"]))
            train = TrainConfig(epochs=chance.choice([2, 20, 200]), batch_size=32)
            run = RunConfig(data=DataConfig(name="moons"), net=net, train=train, seed=chance.randrange(10**6))
            self.store.submit(run)
            self.submitted[run.run_id] = run
        elif known:
            chosen = chance.choice(known)
            if action == "delete":
                self.store.delete(chosen)
                self.deleted.add(chosen)
            else:
                getattr(self.store, action)(chosen)
        self.done[action] += 1

    def killer(self) -> None:
        chance = random.Random(self.seed - 1)
        while self.goes_on():
            time.sleep(min(chance.uniform(*KILL_EVERY), max(0.0, self.ends - time.monotonic())))
            with contextlib.suppress(psutil.Error, ValueError):
                self.app.worker().kill()
                self.done["kill"] += 1

    def sampler(self) -> None:
        while self.goes_on():
            self.samples.append((self.loads, self.server.memory_info().rss / 2**20, self.server.num_fds()))
            time.sleep(1.0)

    def run(self) -> None:
        jobs = [threading.Thread(target=self.person, args=(number,)) for number in range(SESSIONS)]
        jobs += [threading.Thread(target=self.killer), threading.Thread(target=self.sampler)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()

    def growth(self) -> tuple[float, float]:
        """MB and open files more for 1,000 page loads, by a line through the samples after the first quarter."""
        kept = np.array(self.samples[len(self.samples) // 4 :], dtype=float)
        slopes = [np.polyfit(kept[:, 0], kept[:, column], 1)[0] for column in (1, 2)]
        return 1000 * float(slopes[0]), 1000 * float(slopes[1])

    def check_store(self) -> None:
        """What was submitted and not deleted is here, and nothing is recorded twice."""
        for run_id in self.submitted:
            if run_id in self.deleted:
                continue
            history = self.store.history(run_id)
            if history.duplicated(["epoch", "split", "metric"]).any():
                self.faults.append(f"{run_id} has an epoch twice")
            done = self.store.run(run_id).epochs_done
            if len(history) and sorted(history["epoch"].unique()) != list(range(done + 1)):
                self.faults.append(f"{run_id} lacks an epoch up to {done}")

    def finish(self) -> None:
        """Wait until the queue is empty, for as long as it moves on: a busy machine may need minutes for what waits."""
        while waiting := self.active():
            until(lambda before=waiting: self.active() != before, "the queue moves on")

    def active(self) -> list[tuple[str, str, int]]:
        """The runs that wait or train, with their progress."""
        return [(run.run_id, run.status, run.epochs_done) for run in self.store.list_runs() if run.active]

    def unused_share(self) -> float:
        """The share of the database's file that holds nothing."""
        with contextlib.closing(sqlite3.connect(self.app.database)) as connection:
            free, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
        return float(free / pages)


def fuzz(seconds: float) -> str:
    """Run the fuzz tests with many examples, again and again with others, for this long; return what failed, or nothing."""
    until_then = time.monotonic() + seconds
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *FUZZED]
    environment = os.environ | {"LEAFSCOPE_FUZZ": str(EXAMPLES)}
    rounds = 0
    while (left := until_then - time.monotonic()) > 0:
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=left)
        except subprocess.TimeoutExpired:
            break
        if done.returncode:
            return done.stdout
        rounds += 1
    print(f"fuzz tests: {rounds} complete rounds of {EXAMPLES:,} examples in {seconds / 60:g} min")
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of which a third is for the fuzz tests")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        app = start_app(Path(name), Path(name) / "runs.db")
        try:
            minutes = options.minutes * (1 - FUZZ_SHARE)
            soak = Soak(app, 60 * minutes, options.seed)
            soak.run()
            soak.finish()
            soak.check_store()
            memory, files = soak.growth()
            print(f"seed {options.seed}, {minutes:g} min: {soak.loads:,} page loads, {dict(soak.done)}")
            print(f"after the first quarter, for 1,000 page loads: {memory:+.2f} MB, {files:+.2f} open files")
            print(f"unused share of the database: {soak.unused_share():.1%}")
            print("faults:", soak.faults or "none")
        finally:
            end_app(app)
    if failed := fuzz(60 * options.minutes * FUZZ_SHARE):
        sys.exit(f"fuzz tests failed:\n{failed[-10_000:]}")


if __name__ == "__main__":
    main()
