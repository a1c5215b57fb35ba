"""Train one sweep in every way there is, compare the rows, and measure the database: python -m tests.tools.cluster.

SQLite and one worker; PostgreSQL and one, two, four; Dask with two processes; every worker with one thread, the app off. Beside
them two processes that train the same members and write nothing, before and after, since a machine is not equally fast all the
time. Then processes that only write, to find what the database can take. Prints one table, and what follows from it. Ends with
status 1 where rows differ. Workers are warm when the clock starts. PostgreSQL keeps its own defaults for what it waits for.
"""

import argparse
import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from sqlalchemy import func, select, text

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.store.schema import artifact_parts, artifacts, attempts, leaves, metrics
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import End
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.worker import scheduler
from tests.core.worker.dask_cluster import dask_cluster
from tests.core.worker.nursery import end, start, until
from tests.postgres import Postgres, running
from tests.tools import counting

DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "128MB"}
TABLES = (metrics, leaves, artifacts, artifact_parts)
LONG = 3600.0
"""Seconds after which nothing is waited for any longer."""


@dataclass(frozen=True)
class Measured:
    """One way of training the sweep."""

    name: str
    seconds: float
    workers: float
    """Seconds of processor time of the workers."""
    server: float = 0.0
    """Seconds of processor time of PostgreSQL."""
    rows: int = 0
    trips: int = 0
    """How often workers waited for the server's answer."""
    transactions: int = 0
    count: int = 1
    """How many workers wrote."""
    load: float = 0.0
    """Processes that ran or waited for a core at the end, over a minute."""
    digest: str = ""

    def line(self, members: int, of: float) -> str:
        """A line of the table; `of` is the number of members a second of those that write nothing."""
        rate = members / self.seconds
        cells = [self.name, f"{self.seconds:.1f}", f"{rate:.1f}", f"{100 * rate / of:.0f} %", _ms(self.workers, members)]
        if self.server:
            each = self.seconds * self.count
            cells += [_ms(self.server, members), f"{self.rows / each:.0f}", f"{self.trips / each:.0f}"]
            cells += [f"{self.trips / members:.1f}", f"{self.transactions / members:.2f}"]
        cells += [""] * (len(HEAD) - 2 - len(cells))
        return f"| {' | '.join(cells)} | {self.digest[:8]} | {self.load:.1f} |"


def _ms(seconds: float, members: int) -> str:
    return f"{1e3 * seconds / members:.1f}"


HEAD = (
    "way", "seconds", "members/s", "of the first", "ms of workers", "ms of the server", "rows/s of a worker",
    "round trips/s of a worker", "round trips", "commits", "digest", "load",
)  # fmt: skip
"""The columns of the table; milliseconds, round trips and commits are for each member."""


def the_sweep(members: int, epochs: int) -> SweepConfig:
    """Small nets: two kinds, five depths, as many seeds as are needed."""
    base = RunConfig(data=DataConfig(name="iris"), net=NetConfig(width=8), train=TrainConfig(epochs=epochs))
    axes = {"net.kind": ["tree", "flat"], "net.depth": [1, 2, 3, 4, 5], "seed": list(range(members // 10))}
    return SweepConfig(name="cluster", base=base, axes=axes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--members", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=["nothing", "sqlite", "1", "2", "4", "dask", "writing"])
    options = parser.parse_args()
    sweep = the_sweep(options.members, options.epochs)
    print(f"{options.members} members, {options.epochs} epochs, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, running(DURABLE) as server:
        folder = Path(name)
        found: list[Measured] = []
        ways = [way for way in options.only if way != "writing"]
        for way in [*ways, *(["nothing"] if "nothing" in ways else [])]:
            made = writing_nothing(sweep, folder) if way == "nothing" else training(way, sweep, folder, server)
            found.append(replace(made, load=os.getloadavg()[0]))
            print(f"{made.name}: {made.seconds:.1f} s, load {found[-1].load:.1f}", flush=True)
        idle = [one.seconds for one in found if not one.digest]
        of = options.members / (sum(idle) / len(idle)) if idle else float("nan")
        print(f"\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
        for one in found:
            print(one.line(options.members, of))
        is_equal = len({one.digest for one in found if one.digest}) <= 1
        print("\nequal row by row, but for times, worker and attempt:", is_equal)
        for one in found:
            if one.name == "PostgreSQL, 1":
                print(saturation(one, options.members))
            if one.name == "PostgreSQL, 2" and idle:
                least = sum(other.workers for other in found if not other.digest) / len(idle)
                share = 100 * least / (one.workers + one.server)
                print(f"by processor time alone, two workers reach {share:.0f} % of two that write nothing")
        if "writing" in options.only:
            for writers in (1, 2, 4):
                print(only_writing(writers, sweep, folder, server), flush=True)
    sys.exit(0 if is_equal else 1)


def saturation(one: Measured, members: int) -> str:
    """How many workers, each with a core of its own, two cores of the server can take, by one worker's processor times."""
    rate, ceiling = members / one.workers, 2 * members / one.server
    return (
        f"a worker with a core of its own: {rate:.0f} members/s, {rate * one.rows / members:.0f} rows/s, "
        f"{rate * one.trips / members:.0f} round trips/s; two cores of the server take {ceiling:.0f} members/s: "
        f"{ceiling / rate:.1f} such workers saturate it"
    )


def training(way: str, sweep: SweepConfig, folder: Path, server: Postgres) -> Measured:
    """Train the sweep with one worker on SQLite, so many on PostgreSQL, or two of a Dask cluster."""
    url = f"sqlite:///{folder}/one.db" if way == "sqlite" else server.lend()
    count = {"sqlite": 1, "dask": 1}.get(way) or int(way)
    name = {"sqlite": "SQLite, 1", "dask": "Dask, 2"}.get(way, f"PostgreSQL, {way}")
    db = Store(url)
    ids = [run.run_id for run in distinct_runs(sweep)]
    with contextlib.ExitStack() as stack:
        place = str(folder / f"trips-{way}-")
        environment = {"LEAFSCOPE_DATABASE": url, counting.PLACE: place}
        at_work = []
        if way == "dask":
            cluster = stack.enter_context(dask_cluster(folder, url, 2, more={counting.PLACE: place}))
            environment |= cluster.environment | {scheduler.VARIABLE: cluster.address}
            at_work = [psutil.Process(process.pid) for process in cluster.workers]
        processes = [start(_work, folder / "log", environment=environment) for _ in range(count)]
        for process in processes:
            stack.callback(end, process)
        until(lambda: sum(worker.state == "ready" for worker in db.workers()) >= count, "ready")
        if way == "dask":  # its processes load their code with the first group
            first = the_sweep(20, 1)
            db.submit_sweep(first, distinct_runs(first))
            _wait(db, [run.run_id for run in distinct_runs(first)])
            db.delete([run.run_id for run in distinct_runs(first)])
        at_work += [psutil.Process(process.pid) for process in processes]
        of_server = psutil.Process(server.pid)
        before = sum(map(_processor, at_work)), _family(of_server), _commits(db), counting.counted(place)
        runs = distinct_runs(sweep)
        began = time.monotonic()
        db.submit_sweep(sweep, runs)
        _wait(db, ids)
        seconds = time.monotonic() - began
        after = sum(map(_processor, at_work)), _family(of_server), _commits(db), counting.counted(place)
        workers, of_database, transactions, trips = (end - begin for begin, end in zip(before, after, strict=True))
    with db._read() as connection:
        rows = sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES)
    measured = Measured(
        name,
        seconds,
        workers,
        of_database if way != "sqlite" else 0.0,
        rows,
        round(trips),
        round(transactions),
        2 if way == "dask" else count,
        digest=digest(db, ids),
    )
    db.close()
    if way != "sqlite":
        server.take_back(url)
    return measured


def writing_nothing(sweep: SweepConfig, folder: Path) -> Measured:
    """Train every other member in each of two processes, and write nothing."""
    go = folder / f"go{time.monotonic_ns()}-"
    processes = [start(_train_only, folder / "log", sweep.model_dump_json(), number, 2, go) for number in range(2)]
    until(lambda: all(Path(f"{go}{number}").exists() for number in range(2)), "ready")
    at_work = [psutil.Process(process.pid) for process in processes]
    before = sum(map(_processor, at_work))
    began = time.monotonic()
    go.touch()
    until(lambda: all(Path(f"{go}{number}.done").exists() for number in range(2)), "trained")
    seconds = time.monotonic() - began
    measured = Measured("2 that write nothing", seconds, sum(map(_processor, at_work)) - before)
    for process in processes:
        end(process)
    return measured


def only_writing(writers: int, sweep: SweepConfig, folder: Path, server: Postgres) -> str:
    """Let processes claim and end members whose records were made before, and say how many the database takes."""
    url = server.lend()
    db = Store(url)
    db.submit_sweep(sweep, distinct_runs(sweep))
    ids = [run.run_id for run in distinct_runs(sweep)]
    go = folder / f"write{writers}"
    processes = [
        start(_write_only, folder / "log", go, number, environment={"LEAFSCOPE_DATABASE": url}) for number in range(writers)
    ]
    until(lambda: all(Path(f"{go}{number}").exists() for number in range(writers)), "ready")
    at_work = [psutil.Process(process.pid) for process in processes]
    of_server = psutil.Process(server.pid)
    before = sum(map(_processor, at_work)), _family(of_server)
    began = time.monotonic()
    go.touch()
    until(lambda: all(Path(f"{go}{number}.done").exists() for number in range(writers)), "written")
    seconds = time.monotonic() - began
    client, of_database = sum(map(_processor, at_work)) - before[0], _family(of_server) - before[1]
    for process in processes:
        end(process)
    with db._read() as connection:
        rows = sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES)
    db.close()
    server.take_back(url)
    return (
        f"{writers} that only write: {len(ids) / seconds:.0f} members/s, {rows / seconds:.0f} rows/s; of each member "
        f"{1e3 * client / len(ids):.2f} ms of a writer and {1e3 * of_database / len(ids):.2f} ms of the server, whose ceiling "
        f"on two cores is {2 * len(ids) / of_database:.0f} members/s"
    )


def digest(db: Store, ids: list[str]) -> str:
    """A hash of all that must be equal: not the times, the worker and the attempt."""
    chosen = set(ids)
    of_metrics = [metrics.c[name] for name in ("run_id", "epoch", "split", "metric", "value", "nonfinite")]
    of_leaves = [leaves.c[name] for name in ("run_id", "layer", "split", "epoch", "dtype", "shape", "data")]
    of_attempts = [attempts.c[name] for name in ("run_id", "status", "error", "epochs_done", "epochs_total")]
    parts = [artifact_parts.c[name] for name in ("run_id", "name", "part", "data")]
    valid = select(*parts).join(artifacts, artifacts.c.version == artifact_parts.c.version)
    made = hashlib.sha256()
    with db._read() as connection:
        for query in (select(*of_metrics), select(*of_leaves), select(*of_attempts), valid):
            for line in sorted(repr(tuple(row)) for row in connection.execute(query) if row.run_id in chosen):
                made.update(line.encode())
    return made.hexdigest()


def _wait(db: Store, ids: list[str]) -> None:
    query = select(func.count()).select_from(attempts).where(attempts.c.status.in_(("queued", "running")))
    deadline = time.monotonic() + LONG
    while True:
        with db._read() as connection:
            if not connection.scalar(query):
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert set(db.statuses(ids).values()) == {"finished"}


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _family(server: psutil.Process) -> float:
    times = server.cpu_times()
    ended = times.children_user + times.children_system
    return _processor(server) + float(ended) + sum(_still(child) for child in server.children(recursive=True))


def _still(child: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return _processor(child)
    return 0.0


def _commits(db: Store) -> float:
    if db.path is not None:
        return 0.0
    with db._read() as connection:
        words = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        return float(connection.scalar(text(words)) or 0)


def _work() -> int:
    from leafscope.app.cli import main as leafscope
    from leafscope.core.worker import worker

    counting.count()
    worker.n_cores = lambda: 1  # type: ignore[attr-defined]
    return leafscope(["worker", "--device", "cpu"])


def _ready(go: Path, number: int) -> None:
    Path(f"{go}{number}").touch()
    while not go.exists():
        time.sleep(0.005)


def _done(go: Path, number: int) -> int:
    Path(f"{go}{number}.done").touch()
    time.sleep(LONG)  # until it is killed: its processor time is still to be read
    return 0


def _train_only(sweep: str, number: int, of: int, go: Path) -> int:
    from leafscope.core.training.population import Population

    runs = distinct_runs(SweepConfig.model_validate_json(sweep))[number::of]
    _ready(go, number)
    for first in range(0, len(runs), 50):
        for _ in Population(runs[first : first + 50]).events():
            pass
    return _done(go, number)


def _write_only(go: Path, number: int) -> int:
    from leafscope.core.store.values.tensors import pack
    from leafscope.core.training.trainer import Trainer

    made = {}
    for run in _kinds():
        trainer = Trainer(run)
        records = list(trainer.epochs())
        records[1:-1] = [replace(record, leaves={}) for record in records[1:-1]]  # as a worker does
        made[run.net.kind, run.net.depth] = records, {"net": pack(trainer.net.state_dict())}
    db = Store()
    _ready(go, number)
    while claims := db.claim_members(f"w{number}", lambda run: 1.0, 40.0, "cpu"):
        ends = [End(claim, "finished", None, *made[claim.run.net.kind, claim.run.net.depth], {}) for claim in claims]
        assert all(db.end_many(ends))
    return _done(go, number)


def _kinds() -> Iterator[RunConfig]:
    yield from distinct_runs(the_sweep(10, 5))


if __name__ == "__main__":
    main()
