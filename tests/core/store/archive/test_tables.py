"""Tables that people brought travel with their runs; without their rows, runs can still be read; forged ones are refused."""

import io
import json
import zlib
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest
from safetensors.numpy import load, save

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.datasets import shape
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.errors import TableError
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.tables import Choices, Table, read
from leafscope.core.training.events import EpochRecord
from tests.core.clock import Clock
from tests.core.store.archive.examples import dump, forged, members, refused

CSV = b"a;b;y\n" + b"".join(
    b"%d,5;%s;%s\n" % (row % 11, b"rot" if row % 3 else b"blau", b"uv"[row % 2 :][:1]) for row in range(90)
)


def table_of_people() -> Table:
    return read(CSV, Choices(name="mine"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, RunConfig]:
    """A store with a table, a trained run of it and a sweep."""
    db = Store(tmp_path_factory.mktemp("full") / "full.db", Clock())
    table = db.add_table(table_of_people())
    data = DataConfig(name=f"table:{table.hash}")
    run = RunConfig(data=data, net=NetConfig(depth=1, width=3), train=TrainConfig(epochs=2))
    sweep = SweepConfig(name="s", base=run, axes={"seed": [0, 1]})
    db.submit_sweep(sweep, distinct_runs(sweep))
    while (claim := db.claim("w")) is not None:
        assert db.begin(claim, "cpu")
        assert db.end(claim, "finished", None, [_record(claim.run, epoch) for epoch in range(3)])
    return db, run


def _record(run: RunConfig, epoch: int) -> EpochRecord:
    size = shape(run.data)
    rows = {"train": size.n_train, "validation": size.n_validation, "test": size.n_test}
    leaves = {(0, split): np.arange(n, dtype=np.uint8) % 2 for split, n in rows.items()}
    return EpochRecord(epoch, {(split, "loss"): 0.5 for split in rows}, leaves, 0.1)


def archive(db: Store, **how: bool) -> tuple[bytes, tuple[str, ...], int]:
    file = io.BytesIO()
    sweeps = [info.sweep_id for info in db.sweeps()]
    done = export_archive(db, file, run_ids=[run.run_id for run in db.list_runs()], sweep_ids=sweeps, **how)
    return file.getvalue(), done.skipped, done.tables


def test_a_run_of_a_table_shows_the_same_in_another_store(full: tuple[Store, RunConfig], tmp_path: Path) -> None:
    db, run = full
    data, skipped, n_tables = archive(db)
    assert (skipped, n_tables) == ((), 1)
    other = Store(tmp_path / "other.db", Clock())
    done = import_archive(other, io.BytesIO(data))
    assert (done.runs, done.sweeps, done.tables, done.skipped) == (2, 1, 1, ())
    assert dump(other, "data_tables", "runs", "metrics", "leaves") == dump(db, "data_tables", "runs", "metrics", "leaves")
    assert other.tables() == db.tables()
    assert other.table(run.data.name.removeprefix("table:")).described() == table_of_people().described()
    assert import_archive(other, io.BytesIO(data)).tables == 0
    other._clock = db._clock
    assert archive(other)[0] == data


def test_without_its_rows_it_is_named_and_its_runs_can_be_read(full: tuple[Store, RunConfig], tmp_path: Path) -> None:
    db, run = full
    data, (said,), n_tables = archive(db, with_tables=False)
    address = run.data.name.removeprefix("table:")
    assert said == f"the rows of table 'mine' ({address}) were left out: as you asked; add its file to train on it"
    assert n_tables == 0
    assert len(members(data)["data_tables.bin"]) == 0
    db.forget_data_set(address)
    other = Store(tmp_path / "other.db", Clock())
    assert import_archive(other, io.BytesIO(data)).tables == 0
    assert (len(other.list_runs()), other.tables()) == (2, [])
    assert other.leaves(run.run_id, 0, "train")[1].shape[1] == shape(run.data).n_train
    with pytest.raises(TableError, match="the rows of table 'mine' must be in the database"):
        other.table(address)
    assert import_archive(other, io.BytesIO(archive(db)[0])).tables == 1
    assert other.table(address).rows == 90


def test_a_file_without_tables_has_no_member_for_them(tmp_path: Path) -> None:
    db = Store(tmp_path / "x.db", Clock())
    db.make_deck("empty")
    file = io.BytesIO()
    export_archive(db, file, deck_ids=[db.decks()[0].deck_id])
    assert "data_tables.jsonl" not in members(file.getvalue())


def _packed(data: bytes, **changes: Any) -> bytes:
    arrays = load(zlib.decompress(members(data)["data_tables.bin"]))
    for key, change in changes.items():
        arrays[key] = change(arrays[key])
    return zlib.compress(save(arrays))


def _about(**changes: Any) -> Any:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[0]["about"] = json.dumps(json.loads(rows[0]["about"]) | changes)

    return edit


def _sized(n: int) -> Any:
    return lambda rows: rows[0].update(size=n)


@pytest.mark.parametrize(
    ("edit", "blob", "match"),
    [
        (_about(rows=91), None, "rows must be as its rows say"),
        (_about(rows="many"), None, "rows must be of another type"),
        (_about(n_features=10**9), None, "n_features must be from 1 to 2,000"),
        (_about(classes=["u", "w"]), None, "have the address"),
        (_about(classes=None), None, "task must be classification, with classes"),
        (_about(columns=[]), None, "is damaged"),
        (_about(target="z"), None, "is damaged"),
        (lambda rows: rows[0].update(about="{"), None, "data_tables, row 1"),
        (lambda rows: rows[0].update(about="[]"), None, "must be an object"),
        (lambda rows: rows[0].update(table_id="0" * 16), None, "have the address"),
        (lambda rows: rows[0].update(name=" "), None, "name must have from 1 to 200"),
        (lambda rows: rows.clear(), b"", "the table .* must be in the file"),
        ({"y": lambda y: y + 1}, None, "is damaged"),
        ({"0": lambda x: x[:5]}, None, "is damaged"),
        ({"1": lambda x: x + 7}, None, "is damaged"),
        ({"0": lambda x: x.astype(np.float32)}, None, "is damaged"),
        ({"texts": lambda x: x[:4]}, None, "is damaged"),
        (None, b"no zlib", "is damaged"),
        (None, zlib.compress(b"\0" * 10**6), "is damaged"),
    ],
)
def test_a_forged_table_is_refused(
    full: tuple[Store, RunConfig], tmp_path: Path, edit: Any, blob: bytes | None, match: str
) -> None:
    data = archive(full[0])[0]
    full[0].forget_data_set(full[1].data.name.removeprefix("table:"))
    if isinstance(edit, dict):
        edit, blob = None, _packed(data, **edit)
    changes = [edit] * (edit is not None) + ([_sized(len(blob))] if blob else [])

    def change(rows: list[dict[str, Any]]) -> None:
        for one in changes:
            one(rows)

    with pytest.MonkeyPatch.context() as patch:  # the store that it came from, and others of this process, must not stand in
        patch.setattr(DATA_SETS, "_sources", WeakSet())
        refused(Store(tmp_path / "y.db", Clock()), forged(data, "data_tables", change, blob), match)
