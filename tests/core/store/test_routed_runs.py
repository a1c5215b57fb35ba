"""Runs of routed models: trained as members of a sweep, read from the store, inspected, and carried in an archive."""

import io
from pathlib import Path

import numpy as np
import pytest

from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.datasets import load
from leafscope.core.device import check_fits
from leafscope.core.errors import DataError, StoreError
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.schema import leaves
from leafscope.core.store.store import Store
from leafscope.core.sweep import run_sweep
from leafscope.core.sweep.members import check
from leafscope.core.tables import Choices, read
from leafscope.core.training import train

BASE = RunConfig(
    data={"name": "iris"},
    net={"width": 5, "depth": 2, "experts": 300, "top_k": 2},
    train={"epochs": 2, "device": "cpu", "balance": 0.1},
)
SWEEP = SweepConfig(base=BASE, axes={"net.kind": ["moe", "fff", "soft_tree"], "seed": [0]})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("routed") / "routed.db")
    table = run_sweep(SWEEP, store=store, threads=1)
    assert list(table["model"]) == ["moe", "fff", "soft_tree"]
    assert (table["status"] == "finished").all()
    return store


def test_what_was_recorded_is_what_training_gives(trained: Store, tmp_path: Path) -> None:
    file = io.BytesIO()
    export_archive(trained, file, run_ids=[run.run_id for run in trained.list_runs()])
    other = Store(tmp_path / "other.db")
    assert import_archive(other, file).runs == 3
    for summary in other.list_runs():
        result = train(summary.config)
        for (layer, split), values in result.leaves.items():
            epochs, found = other.leaves(summary.run_id, layer, split)
            assert epochs.tolist() == [0, 2]
            assert np.array_equal(found, values[[0, 2]])
            assert found.dtype == values.dtype
            last = other.last_leaves([summary.run_id], layer, split)[summary.run_id]
            assert np.array_equal(last, values[-1])
        net = trained_net(other, summary.run_id)
        assert net is not None
        data = load(summary.config.data, summary.config.data_seed)
        predicted, of_rows = net.predict(data.test.x)
        assert (predicted == data.test.y).mean() == pytest.approx(summary.last["test_accuracy"])
        assert np.array_equal(of_rows[0], result.leaves[0, "test"][-1])
        mixes = summary.config.net.kind != "moe"
        assert ("test_mix_accuracy" in summary.last) == mixes


def test_leaves_of_another_shape_are_damaged(trained: Store) -> None:
    run_id = next(run.run_id for run in trained.list_runs() if run.config.net.kind == "moe")
    with trained._write() as connection:
        connection.execute(leaves.update().where(leaves.c.run_id == run_id, leaves.c.split == "test").values(shape="[90]"))
    with pytest.raises(StoreError, match=r"their shape must be \[45, 2\], got '\[90\]'"):
        trained.leaves(run_id, 0, "test", 2)


def test_numbers_are_predicted_by_all_but_soft_trees(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    rows = [f"{a:.3f},{b:.3f},{3 * a - abs(b):.3f}" for a, b in x.tolist()]
    table = read("\n".join(["a,b,price", *rows]).encode(), Choices(name="prices"))
    store, other = Store(tmp_path / "one.db"), Store(tmp_path / "other.db")
    store.add_table(table)
    base = changed(BASE, {"data.name": f"table:{table.hash}"})
    runs = [changed(base, {"net.kind": kind}) for kind in ("moe", "fff")]
    run_sweep(SweepConfig(base=base, axes={"net.kind": ["moe", "fff"], "seed": [0]}), store=store, threads=1)
    assert "test_mix_rmse" in store.run(runs[1].run_id).last
    file = io.BytesIO()
    export_archive(store, file, run_ids=[run.run_id for run in runs])
    import_archive(other, file)
    assert [other.run(run.run_id).last for run in runs] == [store.run(run.run_id).last for run in runs]
    soft = changed(base, {"net.kind": "soft_tree"})
    for refuses in (lambda: check_fits(soft, "cpu"), lambda: check(SweepConfig(base=soft))):
        with pytest.raises(DataError, match="the soft decision tree must have classes as its target, but prices has numbers"):
            refuses()
    store.close()
    other.close()
