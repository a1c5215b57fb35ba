"""Tables in the store: under the hash of their content, once each, removed only where no run uses them."""

import json
from weakref import WeakSet

import numpy as np
import pytest
from sqlalchemy import insert, update

from leafscope.core.config import DataConfig, RunConfig
from leafscope.core.datasets import load, shape
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.errors import RunStateError, TableError
from leafscope.core.store.schema import data_tables, runs, sweeps
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, Table, read
from tests.postgres import ON_SQLITE

DATA = "größe;tag;farbe;id;text;ja;klasse\n" + "".join(
    f"{row},5;2024-01-{row + 1:02d};{'rot' if row % 3 else 'blau'};x{row};{'' if row else 'a b c d e f'};{row % 2};"
    f"{'uv'[row % 2]}\n"
    for row in range(20)
)


@pytest.fixture
def table() -> Table:
    return read(DATA.encode("cp1252"), Choices(name="Größen <b>"))


def test_a_table_comes_back_as_it_was(db: Store, table: Table) -> None:
    db.add_table(table)
    back = db.table(table.hash)
    assert back.described() == table.described()
    assert (back.hash, back.source, back.target, back.classes) == (table.hash, table.source, table.target, table.classes)
    for one, other in zip(back.columns, table.columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.categories, one.left_out) == (other.categories, other.left_out)
    np.testing.assert_array_equal(back.y, table.y)


def test_the_same_twice_is_the_same(db: Store, table: Table) -> None:
    assert db.add_table(table).name == "Größen <b>"
    again = read(DATA.encode("utf-16"), Choices(name="again"))
    assert db.add_table(again).name == "Größen <b>"
    (info,) = db.tables()
    assert (info.table_id, info.name, info.about["rows"]) == (table.hash, "Größen <b>", 20)
    assert db.add_table(again, rename=True).name == db.tables()[0].name == db.table(table.hash).name == "again"


def test_a_table_in_use_is_removed_with_force_only(db: Store, table: Table) -> None:
    db.add_table(table)
    config = json.dumps({"data": {"name": f"table:{table.hash}"}})
    with db._write() as connection:
        connection.execute(insert(runs).values(run_id="r" * 16, config=config, label="", note="", created=1.0))
        connection.execute(insert(sweeps).values(sweep_id="s" * 16, name="", config=config, created=1.0))
    with pytest.raises(RunStateError, match=rf"1 run \(\w+\) and 1 sweep \(\w+\) use {table.hash}; with --force"):
        db.remove_table(table.hash)
    assert db.tables()
    db.remove_table(table.hash, force=True)
    assert not db.tables()
    with pytest.raises(TableError, match="no table in this database has the address"):
        db.remove_table(table.hash)


def test_its_runs_can_be_read_without_its_rows_until_it_is_added_again(
    db: Store, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DATA_SETS, "_sources", WeakSet([db]))  # stores of other tests may have it too
    db.add_table(table)
    load.cache_clear()
    run = RunConfig(data=DataConfig(name=f"table:{table.hash}"))
    db.submit(run)
    db.remove_table(table.hash, force=True)
    assert not db.tables()
    assert shape(run.data).n_features == table.n_features
    with pytest.raises(TableError, match="the rows of table 'Größen <b>' must be in the database, but they were removed"):
        load(run.data, 0)
    db.add_table(table)
    assert len(load(run.data, 0).labels) == len(db.table(table.hash).y) == 20


@ON_SQLITE
@pytest.mark.parametrize("damage", [{"data": b"x"}, {"about": "{"}, {"about": '{"columns": []}'}])
def test_a_damaged_table_says_so_and_is_listed(db: Store, table: Table, damage: dict[str, object]) -> None:
    db.add_table(table)
    with db._write() as connection:
        connection.execute(update(data_tables).values(damage))
    with pytest.raises(TableError, match=f"the table {table.hash} is damaged"):
        db.table(table.hash)
    assert [info.table_id for info in db.tables()] == [table.hash]


def test_rows_under_a_foreign_address_are_refused(db: Store, table: Table) -> None:
    db.add_table(table)
    with db._write() as connection:
        connection.execute(update(data_tables).values(table_id="0" * 16))
    with pytest.raises(TableError, match=f"its rows have the address {table.hash}"):
        db.table("0" * 16)


def test_two_processes_see_one_table(database: str, table: Table) -> None:
    first, second = Store(database), Store(database)
    first.add_table(table)
    second.add_table(table)
    assert len(second.tables()) == 1
