"""Reading to a level: sums cut off by hand in double precision, the ends that are known, and what has no levels."""

import numpy as np
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import Dataset, Split, load
from leafscope.core.inference.net import read_module
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.training.loop import train

DATA = DataConfig(name="wine")


def trained(**net: object) -> TreeNet:
    config = NetConfig.model_validate({"width": 6, "depth": 3} | net)
    found = train(RunConfig(data=DATA, net=config, train=TrainConfig(epochs=6, lr=0.05, device="cpu"))).net
    assert isinstance(found, TreeNet)
    return found


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load(DATA, 0)


def cut_by_hand(net: TreeNet, x: np.ndarray, level: int) -> np.ndarray:
    """Logits in float64: each row goes its own way, and its matrices are summed from the root down to `level`."""
    table = {name: value.numpy().astype(np.float64) for name, value in net.state_dict().items()}
    depth = net.config.depth
    logits = []
    for row in x.astype(np.float64):
        z = table["hidden.weight"] @ row + table["hidden.bias"]
        for index in range(net.config.tree_layers):
            h = np.maximum(z, 0)
            gate = z[:depth]
            if net.config.gates == "units" and depth:
                gate = table[f"gates.{index}.weight"] @ h + table[f"gates.{index}.bias"]
            elif net.config.gates == "random" and depth:
                gate = table[f"gates.{index}.normals"] @ h
            node, z = 0, 0.0
            for reached in range(depth + 1):
                if reached <= level:
                    place = 2**reached - 1 + node
                    z = z + table[f"layers.{index}.weight"][place] @ h + table[f"layers.{index}.bias"][place]
                if reached < depth:
                    node = 2 * node + int(gate[reached] > 0)
        logits.append(table["head.weight"] @ np.maximum(z, 0) + table["head.bias"])
    return np.array(logits)


@pytest.mark.parametrize("net", [{}, {"gates": "units"}, {"gates": "random", "tree_layers": 2}, {"depth": 0}])
def test_every_level_is_the_sum_cut_off_there(net: dict[str, object], dataset: Dataset) -> None:
    whole = trained(**net)
    scores = scores_by_level(read_module(whole), dataset)
    differs = False
    for level in range(whole.config.depth + 1):
        for split, rows in dataset.splits.items():
            logits = cut_by_hand(whole, rows.x, level)
            got = read_module(whole).read_to_level(level)(rows.x)
            np.testing.assert_allclose(got, logits, atol=2e-4)
            shifted = logits - logits.max(1, keepdims=True)
            loss = np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(rows.y)), rows.y])
            assert scores[split, "loss"][level] == pytest.approx(loss, abs=1e-4)
            assert scores[split, "accuracy"][level] == pytest.approx((logits.argmax(1) == rows.y).mean(), abs=1e-6)
            differs |= level > 0 and scores[split, "loss"][level] != scores[split, "loss"][level - 1]
    assert differs == (whole.config.depth > 0)
    assert all(len(values) == whole.config.depth + 1 for values in scores.values())
    assert set(scores) == {(split, metric) for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}


@torch.no_grad()
def scores_of(net: TreeNet | DenseNet, rows: Split) -> tuple[float, float]:
    logits, y = net(torch.tensor(rows.x)), torch.tensor(rows.y)
    return torch.nn.functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()


def test_the_last_level_is_the_net_itself(dataset: Dataset) -> None:
    net = trained()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    scores = scores_by_level(read_module(net), dataset)
    for split, rows in dataset.splits.items():
        loss, accuracy = scores_of(net, rows)
        assert scores[split, "loss"][-1] == pytest.approx(loss, abs=1e-5)
        assert scores[split, "accuracy"][-1] == accuracy
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())  # a copy was cut


def test_level_0_is_a_dense_net_with_the_roots_weights(dataset: Dataset) -> None:
    net = trained()
    dense = DenseNet(NetConfig(kind="dense", width=6), dataset.train.x.shape[1], 3)
    state = net.state_dict()
    for part in ("layers.0.weight", "layers.0.bias"):
        state[part] = state[part][0]
    dense.load_state_dict(state)
    scores = scores_by_level(read_module(net), dataset)
    for split, rows in dataset.splits.items():
        loss, accuracy = scores_of(dense, rows)
        assert scores[split, "loss"][0] == pytest.approx(loss, abs=1e-6)
        assert scores[split, "accuracy"][0] == accuracy


def test_before_training_all_levels_are_the_same(dataset: Dataset) -> None:
    net = TreeNet(NetConfig(width=6, depth=3), dataset.train.x.shape[1], 3)
    for values in scores_by_level(read_module(net), dataset).values():
        assert max(values) - min(values) < 1e-6


def test_what_has_no_levels_is_refused(dataset: Dataset) -> None:
    flat = TreeNet(NetConfig(kind="flat", width=6, depth=2), dataset.train.x.shape[1], 3)
    dense = DenseNet(NetConfig(kind="dense", width=6), dataset.train.x.shape[1], 3)
    with pytest.raises(ValueError, match=r"only a net with shared prefixes \(tree\) has levels, got flat"):
        read_module(flat).read_to_level(0)
    with pytest.raises(ValueError, match=r"only a net with shared prefixes \(tree\) has levels, got flat"):
        scores_by_level(read_module(flat), dataset)
    with pytest.raises(ValueError, match=r"only a net with shared prefixes \(tree\) has levels, got dense"):
        scores_by_level(read_module(dense), dataset)


@pytest.mark.parametrize("level", [-1, 3])
def test_levels_out_of_bounds(level: int) -> None:
    net = TreeNet(NetConfig(width=6, depth=2), 4, 3)
    with pytest.raises(ValueError, match=rf"level must be from 0 to the depth \(2\), got {level}"):
        read_module(net).read_to_level(level)
