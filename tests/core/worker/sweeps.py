"""Sweeps that several workers train, and what must not depend on who trained them."""

from pathlib import Path

import pandas as pd
from sqlalchemy import select

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.store.schema import attempts
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.tables import Choices, read
from leafscope.core.worker.worker import Worker

TABLE = read(("a,b,y\n" + "".join(f"{n % 7},{n % 5},{'uv'[n % 2]}\n" for n in range(60))).encode(), Choices(name="mine"))


def sweep(seeds: int, epochs: int = 5, name: str = "iris") -> SweepConfig:
    base = RunConfig(data=DataConfig(name=name), net=NetConfig(width=6, depth=2), train=TrainConfig(epochs=epochs))
    return SweepConfig(name="seeds", base=base, axes={"net.kind": ["tree", "dense"], "seed": list(range(seeds))})


def submit(db: Store, one: SweepConfig) -> list[str]:
    runs = distinct_runs(one)
    db.submit_sweep(one, runs)
    return [run.run_id for run in runs]


def outcome(db: Store, ids: list[str]) -> pd.DataFrame:
    """Everything of these runs that must not depend on who trained them."""
    histories = [db.history(run_id).assign(run=run_id) for run_id in ids]
    rows = [run.row() | {"facts": sorted(run.facts)} for run in db.runs(ids).values()]
    kept = pd.DataFrame(rows).drop(columns=["created", "seconds"])
    return pd.concat([pd.concat(histories), kept], ignore_index=True)


def nothing_twice(db: Store, ids: list[str]) -> None:
    """Each epoch of an attempt stands once, and no attempt overlaps another."""
    for run_id in ids:
        assert not db.history(run_id).duplicated(["epoch", "split", "metric"]).any()
    with db._read() as connection:
        running = connection.execute(select(attempts.c.run_id).where(attempts.c.status.in_(("running", "queued")))).all()
    assert not running


def alone(ids: list[str], one: SweepConfig, folder: Path) -> pd.DataFrame:
    """The same sweep on SQLite, by one worker in this process."""
    db = Store(folder / "alone.db")
    db.add_table(TABLE)
    submit(db, one)
    worker = Worker(db, "alone", "cpu", threads=1)
    while worker.work_once():
        pass
    made = outcome(db, ids)
    db.close()
    return made
