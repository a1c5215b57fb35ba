"""The tensors that a run must have are those that its training gives, known without torch."""

from pathlib import Path

import pytest

from leafscope.core.config import NetConfig, RunConfig, changed
from leafscope.core.datasets import shape
from leafscope.core.models import build_net
from leafscope.core.store.archive.tensors import _described, _expected
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET
from leafscope.core.store.values.tensors import pack, unpack
from leafscope.core.training.trainer import Trainer
from tests.core.store.archive.examples import config
from tests.plugin import run_python

NETS = [
    *(
        NetConfig(kind=kind, width=5, depth=depth, tree_layers=layers, gates=gates)
        for kind in ("tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean")
        for gates in ("hidden", "units", "random")
        for depth, layers in ((0, 1), (2, 1), (3, 3))
    ),
    *(NetConfig(width=5, depth=2, tree_layers=3, gates=gates, balancing="centred") for gates in ("hidden", "units", "random")),
    NetConfig(width=5, depth=0, balancing="centred"),
    *(NetConfig(kind="dense", width=5, tree_layers=layers) for layers in (1, 3)),
]


@pytest.mark.parametrize("net", NETS, ids=lambda net: f"{net.kind}-{net.gates}-{net.depth}-{net.tree_layers}-{net.balancing}")
def test_they_are_those_of_the_net_and_of_its_trainer(net: NetConfig) -> None:
    run: RunConfig = changed(config().model_copy(update={"net": net}), {"train.epochs": 1})
    trainer, size = Trainer(run), shape(run.data)
    assert _expected(NET, run, size) == _described(unpack(pack(trainer.net.state_dict())))
    assert _expected(CHECKPOINT, run, size) == _described(unpack(pack(trainer.state())))
    declared = net.model.weights(net, size.n_features, size.n_classes)
    parameters = [name for name, _ in build_net(net, size.n_features, size.n_classes).named_parameters()]
    assert [one.name for one in declared if one.is_trained] == parameters


def test_an_archive_is_imported_without_torch(small: tuple[Store, bytes], tmp_path: Path) -> None:
    file = tmp_path / "archive.leafscope"
    file.write_bytes(small[1])
    done = run_python(f"""
from leafscope.app.cli import main
assert main(["import", {str(file)!r}, "--database", {str(tmp_path / "new.db")!r}]) == 0
print([name for name in ("torch", "numba", "scipy", "sklearn", "streamlit") if name in sys.modules])
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
