"""The estimators: scikit-learn's own checks, and oracles for what is ours."""

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import leafscope.core
from leafscope.core import TreeNetClassifier, TreeNetRegressor
from leafscope.core.config import NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.config.as_python import estimator
from leafscope.core.gating import path_nodes
from leafscope.core.models import net_kinds

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
    by_threads = GridSearchCV(TreeNetClassifier(**SMALL), {"depth": [0, 2]}, cv=2, n_jobs=2)
    with parallel_config(backend="threading"):
        by_threads.fit(frame, labels)
    alone = GridSearchCV(TreeNetClassifier(**SMALL), {"depth": [0, 2]}, cv=2).fit(frame, labels)
    assert by_threads.cv_results_["mean_test_score"].tolist() == alone.cv_results_["mean_test_score"].tolist()
    with pytest.warns(UserWarning, match="feature names"):
        search.best_estimator_.predict(x)
    piped = make_pipeline(MinMaxScaler(), TreeNetRegressor(**SMALL)).fit(frame, numbers)
    assert piped.score(frame, numbers) > 0.5
    train, test = validation_curve(TreeNetRegressor(**SMALL), x, numbers, param_name="depth", param_range=np.arange(3), cv=2)
    assert train.shape == test.shape == (3, 2)


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


@pytest.mark.parametrize("kind", net_kinds())
def test_the_app_s_line_of_python_knows_every_kind(kind: str) -> None:
    base = RunConfig(net=NetConfig(kind=kind, depth=2))
    options = [option for option in base.net.model.options if option.kind is not str]
    for values in ({}, {f"net.{option.name}": option.default + 1 for option in options}):
        run, held = changed(base, values), dict[str, Any]()
        exec(estimator(run) or "", held)
        assert held["estimator"].net_config() == run.net


def test_the_app_s_line_of_python_runs_in_a_new_process_without_torch() -> None:
    line = estimator(RunConfig(net=NetConfig(depth=1, width=4), train=TrainConfig(epochs=2), seed=3))
    after = "import sys\nprint(estimator, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"{line}\n{after}"], capture_output=True, text=True, timeout=120)
    written = "TreeNetClassifier(depth=1, epochs=2, random_state=3, width=4) False"
    assert (done.stdout.strip(), done.returncode) == (written, 0), done.stderr


@pytest.mark.parametrize("kind", net_kinds())
def test_every_kind_says_where_rows_go(kind: str) -> None:
    x, labels, _ = drawn()
    model = TreeNetClassifier(**SMALL | {"epochs": 2}, kind=kind).fit(x, labels)
    leaf, layers = model.apply(x), model.net_.config.routed_layers
    assert (leaf.shape, leaf.dtype) == ((len(x),), np.int64)
    assert 0 <= leaf.min() <= leaf.max() < (layers[-1].n_leaves if layers else 1)
    if not model.net_.config.has_leaves and layers:
        with pytest.raises(ValueError, match="are experts"):
            model.decision_path(x)
        np.testing.assert_array_equal(leaf, model.net_.routed(model._standardized(x)).leaves[-1][:, 0])
        return
    path = model.decision_path(x)
    depth = model.net_.config.tree_depth
    assert path.shape == (len(x), 2 ** (depth + 1) - 1)
    np.testing.assert_array_equal(path.indices.reshape(len(x), -1), path_nodes(torch.from_numpy(leaf), depth).numpy())


def test_options_are_those_of_the_kind() -> None:
    x, labels, _ = drawn()
    model = TreeNetClassifier(**SMALL | {"epochs": 2}, kind="moe", options={"experts": np.int64(5), "top_k": 1}).fit(x, labels)
    assert (model.net_.config.experts, model.net_.config.top_k) == (5, 1)
    assert clone(model).get_params()["options"] == {"experts": 5, "top_k": 1}
    with pytest.raises(ValueError, match="options of tree must be of none, got 'experts'"):
        clone(model).set_params(kind="tree").fit(x, labels)


@given(data=st.data(), n=st.integers(1, 12), p=st.integers(1, 3), depth=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_any_few_rows_can_be_fitted(data: st.DataObject, n: int, p: int, depth: int) -> None:
    x = np.array(data.draw(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=p, max_size=p), min_size=n, max_size=n)))
    y = np.array(data.draw(st.lists(st.sampled_from([-7, 0, 2**60]), min_size=n, max_size=n)))
    model = TreeNetClassifier(depth=depth, width=4, epochs=1, random_state=0).fit(x, y)
    assert model.classes_.tolist() == sorted(set(y.tolist()))
    np.testing.assert_allclose(model.predict_proba(x).sum(1), 1.0)
    assert set(model.predict(x).tolist()) <= set(y.tolist())
    path = model.decision_path(x)
    assert path.shape == (n, 2 ** (depth + 1) - 1)
    np.testing.assert_array_equal(path.getnnz(1), depth + 1)
    np.testing.assert_array_equal(path.indices.reshape(n, -1)[:, -1], 2**depth - 1 + model.apply(x))
    numbers = TreeNetRegressor(depth=depth, width=4, epochs=1, random_state=0).fit(x, x[:, 0])
    assert np.isfinite(numbers.predict(x)).all()


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


@pytest.mark.parametrize("is_regression", [True, False])
def test_numbers_too_large_to_be_standardized_are_refused(is_regression: bool) -> None:
    x, labels, numbers = drawn(20)
    if is_regression:
        with pytest.raises(ValueError, match="numbers of y must be comparable"):
            TreeNetRegressor(**SMALL).fit(x, numbers * 1e300)
        return
    with pytest.raises(ValueError, match="numbers of X must be comparable"):
        TreeNetClassifier(**SMALL).fit(x * 1e200, labels)


def test_early_stopping_bears_more_classes_than_validation_rows() -> None:
    x, _, _ = drawn(60)
    model = TreeNetClassifier(**SMALL | {"epochs": 2}, early_stopping=True).fit(x, np.repeat(np.arange(30), 2))
    assert model.n_iter_ == 2


def test_the_names_are_those_of_the_core() -> None:
    assert {"TreeNetClassifier", "TreeNetRegressor"} <= set(leafscope.core.__all__)
