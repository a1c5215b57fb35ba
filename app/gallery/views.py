"""The questions of the gallery, each with the runs that answer it.

K depth · an answer is a paired difference over seeds: a number of the `first` runs minus one of the `second`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from leafscope.core.config import NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES, NOISE, TEACHER

SEEDS = range(100, 105)
"""Seeds of every view. Its settings were chosen on seeds 0 to 4, so that they are not among these."""

Expected = Literal["lower", "higher", "no different"]


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    words: str
    statistic: str = "test_error"
    """A name in `measuring.STATISTICS`."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What its runs have other than the view's, by dotted field."""


@dataclass(frozen=True)
class View:
    """A question, and what answers it."""

    question: str
    """At most 12 words."""
    why: str
    """A sentence: what to look at, and what it means."""
    base: RunConfig
    first: Side
    second: Side
    expected: Expected
    """What the author expects of first against second; the page says when the runs do not show it."""
    place: Mapping[str, Any] = field(default_factory=dict)
    """Where the scene begins."""

    def runs(self, side: Side) -> list[RunConfig]:
        """The runs of a side, one for each seed."""
        return [changed(self.base, {**side.changes, "seed": seed}) for seed in SEEDS]

    def all_runs(self) -> list[RunConfig]:
        """All runs of the view, each once, those of the first seed first."""
        both = zip(self.runs(self.first), self.runs(self.second), strict=True)
        return list(dict.fromkeys(run for pair in both for run in pair))


_TEACHER = RunConfig(data=TEACHER, net=NetConfig(width=8, depth=4), train=TrainConfig(epochs=12, batch_size=32))
_FEW = changed(NOISE, {"data.n_train": 60})

VIEWS: Mapping[str, View] = {
    "one_leaf": View(
        "Does strong weight decay send all rows to one leaf?",
        "Decay pulls the gates' weights to 0, so that every row has the signs of the biases.",
        EXAMPLE,
        Side("weight decay 10", "effective_leaves", {"train.weight_decay": 10.0}),
        Side("usual decay", "effective_leaves"),
        "lower",
    ),
    "dead_leaves": View(
        "How many leaves of a deep tree are dead?",
        "Six lines cut the plane into at most 22 cells, so most of 64 patterns cannot occur. Hatched nodes hold no row.",
        EXAMPLE,
        Side("K = 6", "dead_share", {"net.depth": 6}),
        Side("K = 2", "dead_share", {"net.depth": 2}),
        "higher",
    ),
    "first_bit": View(
        "Is the first bit wasted, and does centring mend it?",
        "A first bit that is the same for nearly all rows leaves half of the tree empty. Centring takes off each gate's mean.",
        EXAMPLE,
        Side("centred gates", "first_bit", {"net.balancing": "centred"}),
        Side("as usual", "first_bit"),
        "higher",
    ),
    "random_gates": View(
        "Are random gates as good as learned ones?",
        "No difference shown means that here it does not matter where the gates look.",
        _TEACHER,
        Side("random gates", changes={"net.gates": "random"}),
        Side("hidden units"),
        "no different",
    ),
    "placebo": View(
        "Is the tree better than the placebo?",
        "The placebo is the same tree over leaves in a shuffled order: prefixes share matrices, but by chance.",
        EXAMPLE,
        Side("tree"),
        Side("shuffled leaves", changes={"net.kind": "shuffled"}),
        "no different",
    ),
    "noise": View(
        "Where does noise kill a deep tree?",
        "The gap is test error minus training error at the end. Few rows: the leaves learn their noise.",
        _FEW,
        Side("noise 0.6", "gap"),
        Side("noise 0.1", "gap", {"data.noise": 0.1}),
        "higher",
    ),
    "balance": View(
        "Does the balance penalty fill the leaves?",
        "The penalty asks each gate to split its rows in halves. Look at how evenly the leaves are coloured.",
        EXAMPLE,
        Side("penalty 1", "effective_leaves", {"train.balance": 1.0}),
        Side("no penalty", "effective_leaves"),
        "higher",
    ),
    "overfits": View(
        "Does a deep tree overfit more than a dense net?",
        "The gap is test error minus training error at the end. K = 0 is the dense net of the same width.",
        _FEW,
        Side("K = 6", "gap"),
        Side("K = 0", "gap", {"net.depth": 0}),
        "higher",
    ),
    "prefixes": View(
        "What do the deeper matrices add to the root?",
        "The same nets, read with the root's matrix alone and with all levels. Move “Read to level”.",
        EXAMPLE,
        Side("root alone", "root_error"),
        Side("all levels", "last_error"),
        "higher",
        {"level": 0},
    ),
    "shuffle": View(
        "Does it matter which leaf has which matrix?",
        "The same nets after their leaves' matrices were shuffled, without training again.",
        EXAMPLE,
        Side("shuffled", "shuffled_error"),
        Side("as trained", "last_error"),
        "higher",
        {"shuffled": True},
    ),
    "digits": View(
        "Does training sort the digits by leaf?",
        "Adjusted mutual information of leaf and class: 0 by chance, at most 1. Draw a digit, and see its leaf.",
        EXAMPLE_OF_IMAGES,
        Side("after training", "class_information"),
        Side("before", "class_information_before"),
        "higher",
    ),
    "separate": View(
        "Do separate leaves cost test error?",
        "Without shared prefixes each leaf learns from its own rows alone.",
        _TEACHER,
        Side("separate leaves", changes={"net.kind": "flat"}),
        Side("shared prefixes"),
        "higher",
    ),
}
"""By name in the address, in the order shown."""
