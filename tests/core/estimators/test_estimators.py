"""The estimators: scikit-learn's own checks, and oracles for what is ours."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import leafscope.core
from leafscope.core import TreeNetClassifier, TreeNetRegressor
from leafscope.core.config import NetConfig, RunConfig, TrainConfig
from leafscope.core.config.as_python import estimator
from leafscope.core.store.store import Store

EXCUSED = dict.fromkeys(
    ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"),
    "batches of weighted rows are not batches of repeated rows, as in scikit-learn's own nets and SGD",
)

SMALL: dict[str, Any] = {"depth": 2, "width": 8, "epochs": 30, "random_state": 0}


@parametrize_with_checks(
    [TreeNetClassifier(depth=2, width=16), TreeNetRegressor(depth=2, width=16)], expected_failed_checks=lambda _: EXCUSED
)
def test_scikit_learn_s_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def drawn(rows: int = 120) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 3)) * [1, 10, 1000] + [0, 5, -70]
    signs = x[:, 0] + (x[:, 1] - 5) / 10
    return x, np.array(["low", "high"])[(signs > 0).astype(int)], 1000 + 50 * signs


def brute_leaves(model: Any, x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Every row's leaf in each layer, (N, layers), row by row through the weights of a tree or flat net."""
    weights = {name: np.asarray(values, np.float64) for name, values in model.net_.weights.items()}
    depth, found = model.depth, []
    for row in (x - model._mean) / model._scale:
        z, leaves = weights["hidden.weight"] @ row + weights["hidden.bias"], []
        for layer in range(model.tree_layers):
            h = np.maximum(z, 0)
            gate = (
                z[:depth] if model.gates == "hidden" else weights[f"gates.{layer}.weight"] @ h + weights[f"gates.{layer}.bias"]
            )
            bits = [int(value > 0) for value in gate]
            leaf = int("".join(map(str, bits)) or "0", 2)
            nodes = [leaf] if model.kind == "flat" else [2**level - 1 + (leaf >> (depth - level)) for level in range(depth + 1)]
            table, bias = weights[f"layers.{layer}.weight"], weights[f"layers.{layer}.bias"]
            z = sum(table[node] @ h + bias[node] for node in nodes)
            leaves.append(leaf)
        found.append(leaves)
    return np.array(found)


@pytest.mark.parametrize("kind", ["tree", "flat"])
@pytest.mark.parametrize(("depth", "gates", "layers"), [(3, "hidden", 1), (2, "units", 2), (0, "hidden", 1)])
def test_leaves_and_paths_are_those_of_the_weights(kind: str, depth: int, gates: str, layers: int) -> None:
    x, labels, _ = drawn()
    model = TreeNetClassifier(**SMALL | {"depth": depth}, kind=kind, gates=gates, tree_layers=layers).fit(x, labels)
    wanted = brute_leaves(model, x)
    for layer in range(layers):
        np.testing.assert_array_equal(model.apply(x, layer=layer), wanted[:, layer])
    np.testing.assert_array_equal(model.apply(x), wanted[:, -1])
    path = model.decision_path(x)
    assert issparse(path)
    assert path.format == "csr"
    assert path.shape == (len(x), 2 ** (depth + 1) - 1)
    dense = np.zeros(path.shape)
    for row, leaf in enumerate(wanted[:, -1]):
        dense[row, [2**level - 1 + (leaf >> (depth - level)) for level in range(depth + 1)]] = 1
    np.testing.assert_array_equal(path.toarray(), dense)
    with pytest.raises(ValueError, match="layer must be from"):
        model.apply(x, layer=layers)


def test_a_dense_net_has_one_leaf() -> None:
    x, labels, _ = drawn()
    model = TreeNetClassifier(**SMALL, kind="dense").fit(x, labels)
    assert not model.apply(x).any()
    assert model.decision_path(x).toarray().tolist() == [[1]] * len(x)


def test_whole_weights_are_repeated_rows_in_full_batches() -> None:
    x, labels, numbers = drawn()
    times = np.random.default_rng(1).integers(0, 4, len(x))
    settings = SMALL | {"batch_size": 1000}
    for model, y in ((TreeNetClassifier(**settings), labels), (TreeNetRegressor(**settings), numbers)):
        weighted = clone(model).fit(x, y, sample_weight=times)
        repeated = clone(model).fit(np.repeat(x, times, 0), np.repeat(y, times))
        np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-3)
        assert weighted.loss_curve_ != clone(model).fit(x, y).loss_curve_


def test_class_weights_are_sample_weights() -> None:
    x, labels, _ = drawn()
    weight = np.where(labels == "low", 3.0, 0.5)
    weighted = TreeNetClassifier(**SMALL).fit(x, labels, weight)
    by_class = TreeNetClassifier(**SMALL, class_weight={"low": 3.0, "high": 0.5}).fit(x, labels)
    assert weighted.loss_curve_ == by_class.loss_curve_
    assert TreeNetClassifier(**SMALL, class_weight="balanced").fit(x, labels).loss_curve_ != weighted.loss_curve_


@pytest.mark.parametrize("is_regression", [True, False])
def test_it_learns_is_reproducible_and_survives_pickling(is_regression: bool) -> None:
    x, labels, numbers = drawn(300)
    kind, y = (TreeNetRegressor, numbers) if is_regression else (TreeNetClassifier, labels)
    model = kind(**SMALL).fit(x, y)
    assert model.score(x, y) > 0.9
    copy = pickle.loads(pickle.dumps(model))
    assert b"torch" not in pickle.dumps(model)
    assert len(pickle.dumps(model)) < x.nbytes + 8000  # no rows
    np.testing.assert_array_equal(copy.predict(x), model.predict(x))
    np.testing.assert_array_equal(copy.apply(x), model.apply(x))
    np.testing.assert_array_equal(kind(**SMALL).fit(x, y).predict(x), model.predict(x))
    assert (kind(**SMALL | {"random_state": 1}).fit(x, y).predict(x) != model.predict(x)).any()


def test_early_stopping_keeps_the_best_epoch() -> None:
    x, labels, _ = drawn(200)
    labels[::3] = "low"  # noise, so that it overfits
    settings = SMALL | {"epochs": 300, "learning_rate": 0.05, "weight_decay": 0.0}
    model = TreeNetClassifier(**settings, early_stopping=True, patience=5).fit(x, labels)
    assert model.n_iter_ == model.best_epoch_ + 5 < 300
    until = TreeNetClassifier(**settings).fit(x, labels)
    assert until.n_iter_ == 300


def test_it_works_with_scikit_learn_s_tools() -> None:
    x, labels, numbers = drawn()
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    search = GridSearchCV(TreeNetClassifier(**SMALL), {"depth": [0, 2], "kind": ["tree", "flat"]}, cv=2).fit(frame, labels)
    assert search.best_estimator_.feature_names_in_.tolist() == ["a", "b", "c"]
    assert set(search.predict(frame)) <= {"low", "high"}
    with pytest.warns(UserWarning, match="feature names"):
        search.best_estimator_.predict(x)
    piped = make_pipeline(MinMaxScaler(), TreeNetRegressor(**SMALL)).fit(frame, numbers)
    assert piped.score(frame, numbers) > 0.5
    train, test = validation_curve(TreeNetRegressor(**SMALL), x, numbers, param_name="depth", param_range=np.arange(3), cv=2)
    assert train.shape == test.shape == (3, 2)


def test_it_is_shown_in_the_app_with_its_rows_or_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, labels, numbers = drawn()
    frame = pd.DataFrame(x, columns=["a", "target", "c"])
    model = TreeNetClassifier(**SMALL | {"random_state": 7}, class_weight="balanced").fit(frame, labels)
    store = Store(tmp_path / "store.db")
    address = model.show(store=store)
    summary = store.run(address.removeprefix("?run="))
    assert address in capsys.readouterr().out
    assert (summary.status, summary.config.seed, summary.config.net) == ("finished", 7, model.net_config())
    assert summary.config.train.class_weight == "balanced"
    table = store.table(summary.config.data.name.removeprefix("table:"))
    assert [column.name for column in table.features] == ["a", "target", "c"]
    assert (table.target, table.classes, table.rows) == ("target_", ("high", "low"), len(x))
    np.testing.assert_array_equal(np.stack([column.values for column in table.features], 1), x)
    np.testing.assert_array_equal(np.array(table.classes)[table.y.astype(int)], labels)
    other = clone(model).set_params(random_state=8).fit(x[:60], labels[:60]).show(store=store, store_data=False, name="no rows")
    assert [one.name for one in store.tables()] == ["estimator"]
    assert store.run(other.removeprefix("?run=")).status == "finished"
    regressor = TreeNetRegressor(**SMALL).fit(frame, numbers)
    last = store.run(regressor.show(store=store, name="numbers").removeprefix("?run=")).last
    assert last["test_r2"] <= 1
    (kept,) = (one.table_id for one in store.tables() if one.name == "numbers")
    np.testing.assert_array_equal(store.table(kept).y, numbers)
    for unfit, message in (
        (pickle.loads(pickle.dumps(model)), "unpickled"),
        (TreeNetClassifier(**SMALL).fit(x, labels, np.ones(len(x))), "other weights"),
    ):
        with pytest.raises(ValueError, match=message):
            unfit.show(store=store)


@pytest.mark.parametrize(
    ("net", "train"),
    [
        ({}, {}),
        ({"kind": "flat", "depth": 2, "width": 5, "gates": "units", "tree_layers": 2, "balancing": "centred"}, {"lr": 0.1}),
        ({"depth": 1}, {"patience": 3, "epochs": 9, "class_weight": "balanced", "gate_gradient": "straight_through"}),
        ({}, {"balance": 0.1, "gate_noise": 0.5, "schedule": "constant", "weight_decay": 0.0, "decay_growth": 2.0}),
    ],
)
def test_the_app_s_line_of_python_makes_the_same_settings(net: dict[str, Any], train: dict[str, Any]) -> None:
    run = RunConfig(net=NetConfig(**net), train=TrainConfig(**train, batch_size=16, device="cpu"), seed=5)
    words, held = estimator(run), dict[str, Any]()
    assert words is not None
    exec(words, held)
    made = held["estimator"]
    assert made.net_config() == run.net
    assert made.train_config().model_copy(update={"class_weight": made.class_weight or "none"}) == run.train
    assert made.random_state == 5
    assert estimator(RunConfig(net=NetConfig(kind="logistic"))) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 20}, "depth must be"),
        ({"kind": "forest"}, "kind must be"),
        ({"gate_gradient": "all"}, "gate_gradient must be"),
    ],
)
def test_what_cannot_be_is_refused_in_words(settings: dict[str, Any], message: str) -> None:
    x, labels, _ = drawn(20)
    with pytest.raises(ValueError, match=message):
        TreeNetClassifier(**SMALL | settings).fit(x, labels)


def test_the_names_are_those_of_the_core() -> None:
    assert {"TreeNetClassifier", "TreeNetRegressor"} <= set(leafscope.core.__all__)
