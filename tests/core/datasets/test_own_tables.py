"""A table that a person brought is a data set like any other: found by its hash, split, and trained on."""

from pathlib import Path

import numpy as np
import pytest

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import DATA_SETS, load, shape
from leafscope.core.errors import DataError
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, Table, read
from leafscope.core.training import train


def made(seed: int = 0) -> Table:
    """A table in which a class follows from two columns, with missing values."""
    rng = np.random.default_rng(seed)
    x, words = rng.normal(size=(120, 2)), rng.choice(["red", "green"], 120)
    lines = [
        f"{'' if row % 10 == 0 else round(x[row, 0], 3)},{round(x[row, 1], 3)},{words[row]},"
        f"{'uv'[int(x[row, 1] > 0) ^ int(words[row] == 'red')]}"
        for row in range(120)
    ]
    return read("\n".join(["a,b,colour,y", *lines]).encode(), Choices(name="mine"))


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "x.db")


def test_it_is_loaded_and_trained_on(db: Store) -> None:
    table = db.add_table(made())
    data = DataConfig(name=f"table:{table.hash}")
    assert shape(data).n_features == table.n_features == 5
    loaded = load(data, 0)
    assert loaded.feature_names == ("a", "a is missing", "b", "colour = green", "colour = red")
    assert (loaded.class_names, loaded.info.title) == (("u", "v"), "mine")
    known = loaded.raw[:, 1] == 0
    median = np.median(loaded.raw[np.intersect1d(loaded.train.index, np.flatnonzero(known)), 0])
    assert set(loaded.raw[~known, 0]) == {median}  # of the training rows alone
    run = RunConfig(data=data, net=NetConfig(depth=2, width=8), train=TrainConfig(epochs=30))
    history = train(run).history
    test = history[(history.split == "test") & (history.metric == "accuracy")]
    assert test.value.iloc[-1] > 0.8
    assert "table:" not in list(DATA_SETS)


def test_a_configuration_stays_readable_when_the_table_is_gone(db: Store) -> None:
    table = db.add_table(made(1))
    run = RunConfig(data=DataConfig(name=f"table:{table.hash}"))
    text = run.model_dump_json(exclude_none=True)
    db.remove_table(table.hash)
    assert RunConfig.model_validate_json(text).run_id == run.run_id
    with pytest.raises(DataError, match=f"the table {table.hash} must be in the database, but it was removed, or never added"):
        load(run.data, 0)


def test_a_target_of_numbers_has_no_classes_and_other_names_are_refused(db: Store) -> None:
    table = db.add_table(
        read(b"a,y\n" + b"".join(b"%d,%d.25\n" % (row, row * row) for row in range(40)), Choices(name="numbers"))
    )
    found = DATA_SETS[f"table:{table.hash}"]
    assert (found.task, shape(DataConfig(name=f"table:{table.hash}")).n_features) == ("regression", 1)
    with pytest.raises(ValueError, match=r"name must be one of digits, .*, got 'table:x'"):
        DataConfig(name="table:x")
