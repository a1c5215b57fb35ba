"""What `show` puts into the store is the fit itself: the same weights, leaves and answers, bit for bit."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leafscope.core import TreeNetClassifier, TreeNetRegressor
from leafscope.core.datasets import load
from leafscope.core.errors import TableError
from leafscope.core.inference.net import Net
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store
from leafscope.core.store.values.tensors import unpack
from tests.core.estimators.test_estimators import SMALL, drawn

QUICK: dict[str, Any] = SMALL | {"epochs": 12}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("shown") / "store.db")


def weights_at(store: Store, run_id: str, epoch: int) -> dict[str, np.ndarray]:
    return unpack(store.snapshots(run_id, "weights")[epoch])


@pytest.mark.parametrize("is_tested", [True, False])
@pytest.mark.parametrize("stops_early", [True, False])
@pytest.mark.parametrize(
    ("model", "named"),
    [
        (TreeNetClassifier(**QUICK), ["low", "high"]),
        (TreeNetClassifier(**QUICK, class_weight="balanced", gate_noise=0.3), [False, True]),
        (TreeNetClassifier(**QUICK | {"random_state": np.random.RandomState(3)}, kind="flat", gates="units"), [10, 9]),
        (TreeNetRegressor(**QUICK, tree_layers=2), None),
        (TreeNetRegressor(**QUICK, kind="dense"), None),
    ],
    ids=["text", "balanced", "whole", "numbers", "dense"],
)
def test_the_run_is_the_fit(store: Store, model: Any, named: list[Any] | None, stops_early: bool, is_tested: bool) -> None:
    x, labels, y = drawn(90)
    if named is not None:
        y = np.where(labels == "low", *named)
    n = 70 if is_tested else 90
    model = model.set_params(early_stopping=stops_early, patience=4).fit(x[:n], y[:n])
    name = f"{named} {stops_early} {is_tested}"
    run_id = model.show(*((x[n:], y[n:]) if is_tested else ()), store=store, name=name).removeprefix("?run=")
    summary, data = store.run(run_id), load(store.run(run_id).config.data, 0)
    assert (summary.status, summary.best_epoch, summary.epochs_done) == ("finished", model.best_epoch_, model.n_iter_)
    assert [len(split.index) for split in data.splits.values()] == [
        n - (own := round(0.15 * n + 0.499) if stops_early else 0),
        own,
        90 - n,
    ]
    kept = weights_at(store, run_id, model.best_epoch_)
    assert kept.keys() == model.net_.weights.keys()
    for of_net, values in kept.items():
        np.testing.assert_array_equal(np.asarray(values, np.float64), model.net_.weights[of_net])
    trained = trained_net(store, run_id)
    assert trained is not None
    assert all(
        np.array_equal(values, trained.net.weights[of]) for of, values in weights_at(store, run_id, model.n_iter_).items()
    )
    for split, of_split in data.splits.items():
        if not len(of_split.index):
            continue
        rows = data.raw[of_split.index]
        if net_layers := len(summary.config.net.routed_layers):
            recorded = store.leaves(run_id, net_layers - 1, split, model.best_epoch_)
            np.testing.assert_array_equal(recorded, model.apply(rows))
        outputs = Net(trained.net.config, kept, np.float64)(np.asarray((rows - data.mean) / data.scale))
        if named is None:
            np.testing.assert_array_equal(data.answers(outputs), model.predict(rows))
        else:
            np.testing.assert_array_equal(np.array(data.class_names)[data.answers(outputs)], model.predict(rows).astype(str))
    curve = store.history(run_id).query("split == 'train' and metric == 'loss'")["value"].tolist()
    assert curve[1:] == model.loss_curve_
    assert ("test_loss" in summary.last, "validation_loss" in summary.last) == (is_tested, stops_early)


def test_the_table_has_the_names_and_the_rows_or_neither(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    x, labels, numbers = drawn()
    frame = pd.DataFrame(x, columns=["a", "target", "c"])
    model = TreeNetClassifier(**QUICK | {"random_state": 7}).fit(frame[:100], labels[:100])
    address = model.show(frame[100:], labels[100:], store=store, name="named")
    said = capsys.readouterr().out
    assert address in said
    assert "test rows" not in said
    assert model.show(frame[100:], labels[100:], store=store) == address  # the same fit is one run
    table = store.table(store.run(address.removeprefix("?run=")).config.data.name.removeprefix("table:"))
    assert [column.name for column in table.features] == ["a", "target", "c"]
    assert (table.name, table.target, table.classes, table.split_rows) == ("named", "target_", ("high", "low"), [100, 0, 20])
    np.testing.assert_array_equal(np.stack([column.values for column in table.features], 1), x)
    np.testing.assert_array_equal(np.array(table.classes)[table.y.astype(int)], labels)
    same_names = TreeNetRegressor(**QUICK).fit(pd.DataFrame(x, columns=["", "a\0", "b" * 300]), numbers)
    capsys.readouterr()
    other = same_names.show(store=store, store_data=False, name="no rows").removeprefix("?run=")
    assert "It has no test rows; show(X_test, y_test)" in capsys.readouterr().out
    assert "no rows" not in [one.name for one in store.tables()]
    assert (store.run(other).status, store.run(other).best["train_r2"] <= 1) == ("finished", True)


def test_what_cannot_be_shown_is_refused_in_words(store: Store) -> None:
    x, labels, _ = drawn()
    model = TreeNetClassifier(**QUICK).fit(x, labels)
    before = len(store.list_runs())
    for unfit, given, message in (
        (pickle.loads(pickle.dumps(model)), (), "unpickled"),
        (TreeNetClassifier(**QUICK).fit(x, labels, np.ones(len(x))), (), "other weights"),
        (TreeNetClassifier(**QUICK, class_weight={"low": 2, "high": 1}).fit(x, labels), (), "other weights"),
        (model, (x,), "both X_test and y_test"),
        (model, (x[:1], ["middle"]), "one of classes_, got 'middle'"),
        (model, (x[:1, :2], ["low"]), "3 features"),
        (TreeNetClassifier(**QUICK).fit(x, ["same"] * len(x)), (), "at least 2 classes"),
    ):
        with pytest.raises((ValueError, TableError), match=message):
            unfit.show(*given, store=store)
    assert len(store.list_runs()) == before


def test_it_is_carried_to_another_machine(store: Store, tmp_path: Path) -> None:
    x, labels, _ = drawn(60)
    run_id = TreeNetClassifier(**QUICK | {"epochs": 2}).fit(x, labels).show(store=store, name="moved").removeprefix("?run=")
    export_archive(store, tmp_path / "runs.leafscope", run_ids=[run_id])
    other = Store(tmp_path / "other.db")
    import_archive(other, tmp_path / "runs.leafscope")
    assert (other.run(run_id).best, other.run(run_id).best_epoch) == (store.run(run_id).best, 2)
    np.testing.assert_array_equal(other.leaves(run_id, 0, "train", 2), store.leaves(run_id, 0, "train", 2))
    assert other.leaves(run_id, 0, "test")[1].shape == (3, 0)
