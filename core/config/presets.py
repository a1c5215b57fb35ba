"""Predefined runs and sweeps: the examples that come with the program, and the depth sweeps.

All depth sweeps try the same six drawn pairs of a learning rate and a weight decay for every model and depth, choose among them
on three seeds, and report on ten others.
"""

from leafscope.core.config.parts import DataConfig, NetConfig, TrainConfig
from leafscope.core.config.run import RunConfig
from leafscope.core.config.sweep import SweepConfig

EXAMPLE = RunConfig(data=DataConfig(name="spirals"), net=NetConfig(width=16))
"""A tree of depth 4 on 2 features: the initial state of the Playground."""

EXAMPLE_OF_IMAGES = RunConfig(data=DataConfig(name="digits"), net=NetConfig(width=16))
"""A tree of depth 4 on images, whose leaves hold what can be recognized."""

CHECKERBOARD = RunConfig(data=DataConfig(name="checkerboard"), net=NetConfig(width=16), train=TrainConfig(epochs=100))
"""A tree of depth 4 on the checkerboard."""

TEACHER_IN_PLANE = RunConfig(
    data=DataConfig(name="tree_teacher", n_samples=2000, n_features=2, n_classes=4, teacher_depth=3),
    net=NetConfig(width=8, depth=3),
    train=TrainConfig(epochs=80, gate_gradient="straight_through"),
)
"""A tree of the teacher's depth, whose gates get credit, on a teacher with 2 features."""

NOISE = RunConfig(
    data=DataConfig(name="moons", noise=0.6, n_train=100),
    net=NetConfig(width=16, depth=6),
    train=TrainConfig(epochs=200, lr=0.01, weight_decay=0.0),
)
"""More leaves than rows can fill, on strong noise and without weight decay."""

CHOOSING, REPORTED, TRIALS = [0, 1, 2], 10, 6
"""Of the depth sweeps: seeds that choose, the number of further ones that are reported, and drawn pairs of rate and decay."""

DEPTHS = [0, 1, 2, 3, 4, 5, 6]

BESIDE = ["dense", "dense_capacity", "dense_ladder", "random_gates", "logistic", "decision_tree", "decision_tree_pruned"]
"""Models that every depth sweep compares with the tree nets."""

TEACHER = DataConfig(name="tree_teacher", n_samples=2000, n_train=1000, n_features=8, n_classes=4, teacher_depth=3)
"""A tree teacher with 8 features, 4 classes and true depth 3: 1,000 training, 300 validation and 600 test rows."""

DATA: dict[str, DataConfig] = {
    "tree_teacher": TEACHER,
    "digits": DataConfig(name="digits", n_train=300),
    "spirals": DataConfig(name="spirals", n_samples=1000, n_train=500, noise=0.05),
    "checkerboard": DataConfig(name="checkerboard", n_samples=1000, n_train=500, noise=0.05),
}
"""Data sets with a predefined depth sweep."""

EPOCHS = {"tree_teacher": 12, "digits": 40, "spirals": 40, "checkerboard": 40}

EXAMPLE_SWEEP = SweepConfig(
    name="tree teacher, n1000, w8 w16",
    base=RunConfig(
        data=TEACHER,
        net=NetConfig(width=8, depth=2),
        train=TrainConfig(epochs=EPOCHS["tree_teacher"], batch_size=32),
    ),
    axes={
        "net.kind": ["tree", "flat", "shuffled", "additive"],
        "net.depth": DEPTHS[:5:2],
        "net.width": [8, 16],
        "seed": CHOOSING[:2],
    },
    baselines=["dense", "dense_capacity", "dense_ladder", "decision_tree"],
    report_seeds=[10, 11, 12, 13, 14],
    trials=2,
)
"""The protocol of the depth sweeps, at fewer depths, seeds and drawn pairs: small enough to come with the program."""


def depth_sweep(
    data: str = "tree_teacher",
    *,
    widths: tuple[int, ...] = (8,),
    depths: tuple[int, ...] = tuple(DEPTHS),
    seeds: tuple[int, ...] = tuple(CHOOSING),
) -> SweepConfig:
    """Make the sweep over depths on one of the data sets in `DATA`, including the models to compare.

    >>> depth_sweep().name
    'tree teacher, n1000, w8'
    """
    config = DATA[data]
    base = RunConfig(
        data=config,
        net=NetConfig(width=widths[0], depth=min(3, widths[0])),
        train=TrainConfig(epochs=EPOCHS[data], batch_size=32),
    )
    rows = "" if config.n_train is None else f", n{config.n_train}"
    return SweepConfig(
        name=f"{data.replace('_', ' ')}{rows}, {' '.join(f'w{width}' for width in widths)}",
        base=base,
        axes={"net.kind": ["tree", "flat"], "net.depth": list(depths), "net.width": list(widths), "seed": list(seeds)},
        baselines=list(BESIDE),
        report_seeds=list(range(max(seeds) + 1, max(seeds) + 1 + REPORTED)),
        trials=TRIALS,
    )
