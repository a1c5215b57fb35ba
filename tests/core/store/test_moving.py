"""A store is copied whole, in both directions, each row compared; what was interrupted is completed."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from leafscope.app.cli import main
from leafscope.core.config import SweepConfig
from leafscope.core.errors import RunStateError, StoreError
from leafscope.core.store import moving
from leafscope.core.store.decks import Slide
from leafscope.core.store.moving import LEFT_OUT, MOVING, move
from leafscope.core.store.schema import meta, runs, tables
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, read
from tests.core.store.examples import claimed, config, record

BENCHMARK: dict[str, Any] = {
    "environment": {"date": "2026", "leafscope": "0", "machine": "m", "threads": 1},
    "quick": True,
    "groups": {"a": []},
}


def fill(db: Store) -> Store:
    """Something in every table, with values that databases keep differently."""
    for seed, value in enumerate((0.1 + 0.2, math.nan, math.inf, -math.inf)):
        claim = claimed(db, config(seed))
        db.record(claim, [record(0, value), record(1)], {"weights-00000": bytes(range(256))})
        db.end(claim, "finished", None, [], {"net": b"\x00" * 2000})
    db.submit_sweep(SweepConfig(name="seeds", base=config(7), axes={"seed": [7, 8]}), [config(7), config(8)])
    db.annotate(config(0).run_id, name="Größe 'x' \U0001f600", tags=["Talk", "talk"], comment="a\tb")
    db.make_deck("deck", [Slide(kind="figure", figure={"data": [], "layout": {}}), Slide(kind="text", text="x")])
    db.add_benchmark(BENCHMARK)
    db.add_table(read(b"a,b\n" + b"1,u\n2,v\n" * 20, Choices(name="mine")))
    return db


def rows(db: Store) -> dict[str, list[tuple[Any, ...]]]:
    with db._read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in tables.sorted_tables
            if table not in LEFT_OUT
        }


@pytest.fixture
def there(database: str) -> Iterator[Store]:
    opened = Store(database)
    yield opened
    opened.close()


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return fill(Store(tmp_path / "here.db"))


def test_all_is_there_and_back_again(here: Store, there: Store, tmp_path: Path) -> None:
    moved = move(here, there)
    assert rows(there) == rows(here)
    assert all(moved.rows[name] == len(found) for name, found in rows(here).items())
    assert moved.rows["metrics"] == 48
    back = Store(tmp_path / "back.db")
    move(there, back)
    assert rows(back) == rows(here)
    assert there.add_benchmark(BENCHMARK) == 2  # the next number, though rows brought theirs
    assert there.history(config(1).run_id).equals(here.history(config(1).run_id))


def test_what_was_interrupted_is_completed(here: Store, there: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "ROWS", 3)
    count = iter(range(1000))

    def interrupt(_table: str, _rows: int) -> None:
        if next(count) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(here, there, on_rows=interrupt)
    assert rows(there) != rows(here)
    move(here, there)
    assert rows(there) == rows(here)
    with there._read() as connection:
        assert connection.scalar(select(meta.c.value).where(meta.c.name == MOVING)) is None


def test_a_filled_store_is_refused_unless_asked(here: Store, there: Store) -> None:
    there.submit(config(99))
    with pytest.raises(StoreError, match="must be empty, but it has runs, attempts; --into-filled adds"):
        move(here, there)
    move(here, there, into_filled=True)
    assert set(there.statuses([config(99).run_id, config(0).run_id]).values()) == {"queued", "finished"}
    with there._write() as connection:
        connection.execute(update(runs).where(runs.c.run_id == config(0).run_id).values(label="other"))
    with pytest.raises(StoreError, match=f"its label differs: run_id '{config(0).run_id}'; .* and 'other'"):
        move(here, there, into_filled=True)


def test_nothing_is_moved_while_a_run_is_running_or_onto_itself(here: Store, there: Store) -> None:
    with pytest.raises(StoreError, match="must be moved to another place"):
        move(here, here)
    claimed(here, config(50))
    with pytest.raises(RunStateError, match="must be running while it is moved"):
        move(here, there)


def test_the_command(
    here: Store,
    new_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", new_database())
    assert main(["move", "--from", str(tmp_path / "here.db")]) == 0
    said = capsys.readouterr().out
    assert "Copied and compared, row by row: " in said
    assert "48 metrics" in said
    assert main(["move", "--from", str(tmp_path / "here.db")]) == 2
    assert "must be empty" in capsys.readouterr().err
    assert main(["move", "--from", str(tmp_path / "none.db")]) == 2
    assert main(["move"]) == 2
    assert "there is no database" in capsys.readouterr().err


def test_a_value_that_the_other_database_cannot_hold_is_named(here: Store, postgres: Any) -> None:
    with here._write() as connection:
        connection.execute(insert(runs).values(run_id="x" * 16, config="{}", label="", note="", created=1.0))
        connection.exec_driver_sql("UPDATE runs SET created = 'never' WHERE label = ''")
    url = postgres.lend()
    there = Store(url)
    with pytest.raises(StoreError, match="rows of runs cannot be copied"):
        move(here, there)
    there.close()
    postgres.take_back(url)
