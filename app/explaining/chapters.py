"""The chapters of the explanation: what each says, and which scene stands in it.

Between double braces stands the name of a number that `assets/explain.js` computes.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """One chapter."""

    key: str
    title: str
    """At most 12 words."""
    paragraphs: tuple[str, ...]
    scenes: tuple[str, ...] = ()
    """The runs of its scene, by their names in `page.RUNS`."""
    tries: str = ""
    """What to try with the scene."""


CHAPTERS = (
    Chapter(
        "matrix",
        "One matrix",
        (
            "A layer of a dense net multiplies every row by the same matrix. This one separates two spirals with "
            "{{dense.width}} hidden units: it stores {{dense.parameters}} parameters, spends {{dense.multiplyAdds}} "
            "multiply-adds on a row, and classifies {{dense.test}} of {{dense.nTest}} test rows correctly.",
            "Parameters and computation go together: more of the one means more of the other.",
        ),
        ("dense",),
        "Press Replay to see it learn. Touch the plane to see the prediction there.",
    ),
    Chapter(
        "bits",
        "Sign bits",
        (
            "Each hidden unit is positive or not. Read the signs of the first {{tree.depth}} units as bits: they cut the plane "
            "into cells, and each cell has a pattern. The ring marks a point whose pattern is {{point.bits}}, since its units "
            "are {{point.gates}}.",
            "There are {{tree.leaves}} patterns; the {{tree.nTrain}} training rows reach {{tree.reached}} of them.",
        ),
        ("tree",),
        "Touch the plane: the pattern changes where a line is crossed.",
    ),
    Chapter(
        "prefixes",
        "Prefixes",
        (
            "Now each beginning of a pattern has a matrix of its own, arranged as a tree: {{tree.nodes}} in all. A point uses "
            "the {{tree.uses}} on its path, and their sum is one matrix. So a prediction still costs one multiplication: "
            "{{tree.multiplyAdds}} multiply-adds, as in the dense net, though {{tree.parameters}} parameters are stored, "
            "{{ratio}} times as many.",
            "For the point, the root adds {{point.root}} to the logit of class 1, the deeper matrices {{point.deeper}}, the "
            "later biases {{point.rest}}: the logit is {{point.logit}}.",
            "If only the root's matrix is read, {{level.0}} of the test rows are classified correctly; with all levels, "
            "{{tree.test}}.",
        ),
        ("tree",),
        "Move “Read to level”, and watch the regions lose their detail.",
    ),
    Chapter(
        "balance",
        "Balance",
        (
            "A pattern that no row has is a matrix that nobody uses. Here the fullest leaf holds {{tree.fullest}} of the "
            "training rows, and the leaves are used as evenly as {{tree.effective}} equally full ones would be, of "
            "{{tree.leaves}}. Before training it was {{tree.effectiveBefore}}.",
            "This number is exp(H), where H is the entropy of the shares.",
        ),
        ("tree",),
        "Press Replay, and watch the bars below the tree.",
    ),
    Chapter(
        "overfitting",
        "Overfitting",
        (
            "More matrices fit the training rows better; do they help with new ones? Here are nets of depth 0, 2 and 4 on a "
            "task with {{k0.nTrain}} training and {{k0.nTest}} test rows, one seed:",
            "|depth K|training accuracy|test accuracy|gap|\n"
            "|0|{{k0.train}}|{{k0.test}}|{{k0.gap}}|\n"
            "|2|{{k2.train}}|{{k2.test}}|{{k2.gap}}|\n|4|{{k4.train}}|{{k4.test}}|{{k4.gap}}|",
            "The commonest class alone has {{k0.always}} of the test rows. "
            "The gap between training and test accuracy measures overfitting. One seed shows how to read the table; it does "
            "not show that a depth is better. On the spirals, separate leaves (flat) reach {{flat.train}} in training and "
            "{{flat.test}} in test, the tree {{tree.train}} and {{tree.test}}.",
        ),
        ("tree", "flat"),
        "The tree's leaves share matrices; those of the second net share none.",
    ),
    Chapter(
        "fails",
        "Where it fails",
        (
            "Of the {{tree.leaves}} leaves of the spirals, {{tree.unused}} have no training row: their own matrices were "
            "never trained. Give each leaf the matrix of another one, and {{shuffled}} of the test rows are classified "
            "correctly.",
            "On handwritten digits a tree net of the same width is wrong on {{digits.wrong}} of {{digits.nTest}} test digits, "
            "and it answers any drawing, a digit or not, without saying that it does not know.",
        ),
        ("digits",),
        "Draw something that is no digit.",
    ),
)
