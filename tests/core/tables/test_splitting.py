"""Splits that a file gives: a column of splits, a second file of test rows, and groups that are never parted."""

from pathlib import Path

import numpy as np
import pytest

from leafscope.core.config import DataConfig
from leafscope.core.datasets import load, shape
from leafscope.core.datasets.loading import load as loaded
from leafscope.core.errors import DataError, TableError
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, Table, add_test, read
from leafscope.core.tables.packing import pack, unpack

PARTS = ("train", "val", "TEST")


def text(rows: int, start: int = 0, named: bool = True) -> bytes:
    """Rows with a number, a word, a person, a split and a class or number."""
    lines = [
        f"{row * 7 % 23},{('red', 'blue')[row % 3 == 0]},p{row // 4},{PARTS[min(row % 5, 2)]},{'ab'[row % 2]}"
        for row in range(start, start + rows)
    ]
    return "\n".join(["n,w,person,part,y"] * named + lines).encode()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "tables.db")


def kept(store: Store, table: Table, **more: float) -> DataConfig:
    loaded.cache_clear()
    return DataConfig(name=f"table:{store.add_table(table).hash}", **more)


def test_a_column_of_splits_is_used_as_it_is(store: Store) -> None:
    table = read(text(60), Choices(split="part", target="y"))
    assert "part" not in [column.name for column in table.features]
    config = kept(store, table)
    part = np.array([min(row % 5, 2) for row in range(60)])
    for seed in (0, 1):
        data = load(config, seed)
        for code, split in enumerate(data.splits.values()):
            np.testing.assert_array_equal(split.index, np.flatnonzero(part == code))
    sizes = shape(config)
    assert (sizes.n_train, sizes.n_validation, sizes.n_test) == (12, 12, 36)


def test_without_rows_for_validation_they_are_drawn_from_training(store: Store) -> None:
    data = text(60).replace(b",val,", b",train,")
    config = kept(store, read(data, Choices(split="part", target="y")))
    first, second = load(config, 0), load(config, 1)
    np.testing.assert_array_equal(first.test.index, [row for row in range(60) if row % 5 >= 2])
    np.testing.assert_array_equal(first.test.index, second.test.index)
    assert len(first.validation.index) == 9
    assert set(first.validation.index) != set(second.validation.index)
    assert sorted([*first.train.index, *first.validation.index]) == [row for row in range(60) if row % 5 < 2]


def test_a_test_file_is_the_test_split(store: Store) -> None:
    table = read(text(40), Choices(target="y", drop=("part", "person")))
    both = add_test(table, text(20, start=40))
    assert (both.rows, both.split_rows) == (60, [40, 0, 20])
    assert both.hash != table.hash
    data = load(kept(store, both), 3)
    np.testing.assert_array_equal(data.test.index, np.arange(40, 60))
    whole = read(text(60), Choices(target="y", drop=("part", "person")))
    np.testing.assert_array_equal(data.labels, whole.y)
    np.testing.assert_array_equal(both.columns[0].values, whole.columns[0].values)
    again = unpack(*pack(both), both.hash)
    np.testing.assert_array_equal(again.given, both.given)


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        (b"n,w,person,part\n1,red,p1,val\n2,blue,p2,val\n", "column 'y' is missing"),
        (text(8).replace(b",b\n", b",c\n"), "must be one of the classes of the table, but row 2 has 'c'"),
        (b"n,w,person,part,y\n1,red,p1,val,\n2,red,p1,val,\n", "must have rows with a target"),
    ],
)
def test_a_test_file_must_fit(test: bytes, sentence: str) -> None:
    table = read(text(40), Choices(target="y", drop=("part", "person")))
    with pytest.raises(TableError, match=sentence):
        add_test(table, test)


def test_a_category_of_the_test_file_alone_is_one_of_the_column(store: Store) -> None:
    table = read(text(40), Choices(target="y", drop=("part", "person")))
    both = add_test(table, text(8).replace(b"red", b"green").replace(b",", b";"))
    words = next(column for column in both.columns if column.name == "w")
    assert words.categories == ("blue", "red", "green")
    assert set(words.values[40:].tolist()) == {0, 2}
    data = load(kept(store, both), 0)
    assert np.isfinite(data.test.x).all()
    np.testing.assert_array_equal(data.train.x[:, data.feature_names.index("w = green")], 0)


@pytest.mark.parametrize("target", ["y", "n"])
def test_no_group_stands_in_two_splits(store: Store, target: str) -> None:
    table = read(text(80), Choices(group="person", target=target, drop=("part",)))
    assert table.largest_group == 4
    config = kept(store, table)
    sizes = shape(config)
    assert (sizes.n_test, sizes.n_validation, sizes.n_train) == (24, 12, 80 - 24 - 12 - 6)
    seen = set()
    for seed in range(5):
        data = load(config, seed)
        people = [set((split.index // 4).tolist()) for split in data.splits.values()]
        assert not people[0] & people[1]
        assert not people[2] & (people[0] | people[1])
        assert [len(split.index) for split in data.splits.values()] == [sizes.n_train, sizes.n_validation, sizes.n_test]
        seen.add(tuple(data.test.index))
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"split": "w"}, "must say train, validation or test in each row, but row"),
        ({"split": "none"}, "must be one of the table, which has no column 'none'"),
        ({"split": "part", "group": "person"}, "must have its splits from one source"),
        ({"group": "y"}, "must not say the split or the group"),
        ({"group": "w"}, "must be at least 3 groups"),
    ],
)
def test_what_cannot_be_is_refused(choices: dict[str, str], sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        read(text(60), Choices(target="y", **choices))


def test_a_group_too_large_is_refused_when_it_is_split(store: Store) -> None:
    data = b"\n".join(
        [b"a,g,y", *(b"%d,g%d,%s" % (row, row > 50, b"uv"[row % 2 : row % 2 + 1]) for row in range(60)), b"7,g3,u"]
    )
    config = kept(store, read(data, Choices(group="g", target="y", keep=("a",))))
    with pytest.raises(DataError, match="largest group has 51 of 61 rows"):
        load(config, 0)
