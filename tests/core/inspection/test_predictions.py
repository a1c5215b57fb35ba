"""Predictions for new rows are those of the model that was trained, on rows encoded and standardized as in training."""

import re
from pathlib import Path

import numpy as np
import pytest

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.errors import RunStateError, TableError
from leafscope.core.inspection.predictions import predict
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from leafscope.core.store.values.tensors import pack
from leafscope.core.tables import Choices, read
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.worker import Worker

CSV = "a;b;y\n" + "".join(
    f"{row % 13},25;{('rot', 'blau', '')[row % 3]};{'=u' if row % 13 > 5 else 'v'}\n" for row in range(100)
)


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "x.db")


def run_of(db: Store, kind: str = "tree", **net: int) -> RunConfig:
    table = db.add_table(read(CSV.encode(), Choices(name="mine")))
    return RunConfig(
        data=DataConfig(name=f"table:{table.hash}"), net=NetConfig(kind=kind, **net), train=TrainConfig(epochs=1), seed=3
    )


def test_a_net(db: Store) -> None:
    run = run_of(db, depth=2, width=4, tree_layers=2)
    db.submit(run)
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu")
    assert db.end(claim, "finished", None, [], {NET: pack(dict(Trainer(run).net.state_dict()))})
    found = predict(db, run.run_id, CSV.encode())
    data, net = load(run.data, 3), trained_net(db, run.run_id)
    assert net is not None
    for split in data.splits.values():
        routed = net.net.routed(split.x)
        np.testing.assert_array_equal(found.answers[split.index], routed.logits.argmax(1))
        for (_, leaf), same in zip(found.leaves, routed.leaves, strict=True):
            np.testing.assert_array_equal(leaf[split.index], same)
        powers = np.exp(routed.logits.astype(np.float64))
        np.testing.assert_allclose(found.probabilities[split.index], powers / powers.sum(1, keepdims=True))
    assert list(found.table()) == ["row", "prediction", "probability =u", "probability v", "leaf 1", "leaf 2"]
    np.testing.assert_allclose(found.probabilities.sum(1), 1)


def test_experts_have_a_column_for_each_choice(db: Store) -> None:
    run = run_of(db, "moe", width=4, tree_layers=2, experts=5, top_k=2)
    db.submit(run)
    assert Worker(db, "w").work_once()
    found = predict(db, run.run_id, CSV.encode())
    net, data = trained_net(db, run.run_id), load(run.data, 3)
    assert net is not None
    chosen = net.net.routed(data.test.x).leaves
    columns = [f"expert {layer}, choice {place}" for layer in (1, 2) for place in (1, 2)]
    assert list(found.table().columns[-4:]) == columns
    np.testing.assert_array_equal(found.table()[columns].to_numpy()[data.test.index], np.concatenate(chosen, 1))


def test_a_decision_tree(db: Store) -> None:
    run = run_of(db, "decision_tree", depth=3)
    db.submit(run)
    assert Worker(db, "w").work_once()
    found = predict(db, run.run_id, CSV.encode())
    data = load(run.data, 3)
    assert (found.answers == data.labels).mean() > 0.95
    leaves, accuracy = dict(found.leaves)["leaf"], db.run(run.run_id).last["test_accuracy"]
    assert (found.answers[data.test.index] == data.test.y).mean() == pytest.approx(accuracy)
    assert len(np.unique(leaves)) > 1
    with pytest.raises(TableError, match="column 'b' is missing"):
        predict(db, run.run_id, b"a;c\n1,5;2\n2,5;3\n")


def test_a_built_in_data_set_and_a_model_that_keeps_nothing(db: Store) -> None:
    run = RunConfig(data=DataConfig(name="iris"), net=NetConfig(kind="decision_tree", depth=2))
    plain = RunConfig(data=DataConfig(name="iris"), net=NetConfig(kind="logistic"))
    for one in (run, plain):
        db.submit(one)
        assert Worker(db, "w").work_once()
    data = load(run.data, 0)
    rows = [",".join(data.feature_names), *(",".join(f"{value:g}" for value in row) for row in data.raw)]
    found = predict(db, run.run_id, "\n".join(rows).encode())
    assert (found.answers == data.labels).mean() > 0.9
    with pytest.raises(TableError, match=re.escape(f"column {data.feature_names[0]!r} is missing")):
        predict(db, run.run_id, b"a,b\n1,2\n3,4\n")
    with pytest.raises(RunStateError, match="must have kept its net or its trees to predict"):
        predict(db, plain.run_id, "\n".join(rows).encode())
