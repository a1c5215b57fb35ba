"""A table that a person brought, on the pages: offered by its name, trained on, and never shown by its address alone."""

import json

import numpy as np
import pytest
from sqlalchemy import delete

from leafscope.core import jobs
from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.datasets import shape
from leafscope.core.store.schema import data_tables
from leafscope.core.store.values.records import NET
from leafscope.core.store.values.tensors import pack
from leafscope.core.tables import Choices, Table, read
from leafscope.core.training.events import EpochRecord
from leafscope.core.training.trainer import Trainer
from tests.pages.harness import Lab, figures, go, open_page, param, run_app, small, table_with, words

NAME = "mine_1 <b>x</b> *a*"


def made(name: str = NAME, rows: int = 90) -> Table:
    """A table in which a class follows from two columns, with a hostile name, column and class."""
    lines = [f"{row % 7},{row * 37 % 11},{'<i>u</i>' if row * 37 % 11 > 7 else '=v'}" for row in range(rows)]
    return read("\n".join(["a *b*,<img src=x>,y", *lines]).encode(), Choices(name=name))


@pytest.fixture
def table(lab: Lab) -> Table:
    return lab.store.add_table(made())


def run_on(table: Table, **fields: int) -> RunConfig:
    return changed(small(), {"data.name": f"table:{table.hash}", **fields})


def test_it_is_offered_with_its_size_and_its_majority(lab: Lab, table: Table) -> None:
    at = open_page(data=f"table:{table.hash}")
    box = next(one for one in at.sidebar.selectbox if one.label == "Data set")
    assert box.value == f"table:{table.hash}"
    assert NAME in box.options
    share = max(table.class_rows or ()) / table.rows
    assert f"90 rows, 2 columns, 2 classes; {100 * share:.1f} % of the rows have the most frequent class" in words(at)
    assert not at.error
    lab.store.add_table(made("another", 60))
    twin = lab.store.add_table(made(NAME, 80))
    again = run_app(at)
    options = next(one for one in again.sidebar.selectbox if one.label == "Data set").options
    assert {f"{NAME} #{one.hash[:6]}" for one in (table, twin)} | {"another"} <= set(options)
    form = next(one for one in go(at, "overfitting").sidebar.selectbox if one.label == "Data set")
    assert "another" in form.options


def test_its_run_is_shown_on_every_page_by_its_name(lab: Lab, table: Table) -> None:
    run = lab.work(run_on(table))
    lab.work(run_on(table, seed=1))
    for page in ("playground", "leaves", "balance", "compare", "capacity", "present", "runs", "overfitting"):
        at = open_page(page, run=run.run_id)
        assert "table:" not in words(at), page
        assert all("table:" not in json.dumps(one) for one in figures(at).values()), page
        for one in at.dataframe:
            assert "table:" not in one.value.to_csv(), page
    assert table_with(open_page("runs"), "Data")["Data"].tolist() == [NAME, NAME]
    assert f"{NAME} tree K2 w6 e3 lr0.02 s0" in words(open_page("leaves", run=run.run_id))


def test_a_sweep_of_it_has_its_name(lab: Lab, table: Table) -> None:
    base = run_on(table)
    sweep = SweepConfig(name="mine", base=base, axes={"net.depth": [0, 1], "seed": [0, 1]})
    jobs.submit_sweep(sweep)
    at = open_page("overfitting", sweep=sweep.sweep_id)
    assert "table:" not in words(at)
    assert param(at, "sweep") == sweep.sweep_id


@pytest.mark.parametrize("page", ["playground", "overfitting"])
def test_where_it_is_missing_a_sentence_says_so(lab: Lab, page: str) -> None:
    key = {"playground": "data", "overfitting": "sweep_data"}[page]
    at = open_page(page, **{key: "table:0123456789abcdef"})
    assert (
        "the table 0123456789abcdef must be in the database, but it was removed, or never added; add its file again"
        in words(at)
    )


def test_a_run_whose_table_was_removed_can_be_read(lab: Lab, table: Table) -> None:
    run = lab.work(run_on(table))
    lab.store.remove_table(table.hash, force=True)
    for page in ("playground", "leaves", "balance", "compare", "capacity", "overfitting", "runs"):
        at = open_page(page, run=run.run_id)
        assert "table:" not in words(at), page
    with lab.store._write() as connection:
        connection.execute(delete(data_tables))
    lab.store._data_sets.clear()
    for page in ("playground", "leaves", "balance", "compare", "capacity", "overfitting", "runs"):
        open_page(page, run=run.run_id)


def test_accuracy_stands_beside_always_the_same_answer(lab: Lab, table: Table) -> None:
    run = run_on(table)
    size = shape(run.data)
    rows = {"train": size.n_train, "validation": size.n_validation, "test": size.n_test}
    scores = {(split, metric): 0.4 for split in rows for metric in ("loss", "accuracy")}
    leaves = {(0, split): np.arange(n, dtype=np.uint8) % 4 for split, n in rows.items()}
    records = [EpochRecord(epoch, scores, leaves, 0.1) for epoch in range(4)]
    net = pack(dict(Trainer(run).net.state_dict()))
    assert lab.store.end(lab.claim(run), "finished", None, records, {NET: net})
    at = open_page("leaves", run=run.run_id, part="scores")
    assert "confusion" in figures(at)
    assert "always answering" in words(at)
    assert "balanced accuracy" in words(at)
    assert "no better than always answering" in words(open_page("playground", run=run.run_id))
