"""What the groups of Compare are called."""

from typing import Any

import pandas as pd
import pytest

from leafscope.app.compare import naming
from leafscope.core.comparison.groups import Group


def named(*labels: str) -> list[str]:
    """The short names of groups of one run each, whose labels are these."""

    class One:
        def __init__(self, label: str) -> None:
            kind = "decision_tree" if "decision tree" in label else label.split()[1]
            self.rows = pd.DataFrame([{"label": f"{label} s0", "data.name": "moons", "net.kind": kind}])

    made: Any = [One(label) for label in labels]
    return naming._short_labels(made)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        # what all nets have is no part of a name, although a decision tree lacks it
        (
            ("moons tree K4 w16 e12 lr0.03 wd0.6", "moons dense w64 e12 lr0.03 wd0.6", "moons decision tree K4"),
            ["tree K4 w16", "dense w64", "decision tree K4"],
        ),
        # rates that a sweep chose for each net tell nothing more
        (("moons tree K4 w16 lr0.03 wd0.6", "moons tree K2 w16 lr0.1 wd1e-05"), ["tree K4", "tree K2"]),
        # but they stay where only they differ
        (("moons tree K4 w16 lr0.03", "moons tree K4 w16 lr0.1"), ["tree lr0.03", "tree lr0.1"]),
        # and so does what one net alone has
        (
            ("moons tree K4 w16 noise0.1", "moons tree K4 w16", "moons decision tree K4"),
            ["tree noise0.1", "tree", "decision tree"],
        ),
    ],
)
def test_a_short_name_has_what_differs(labels: tuple[str, ...], names: list[str]) -> None:
    assert named(*labels) == names


def test_values_that_are_written_alike_get_a_number() -> None:
    made: Any = [Group((rate,), ("train.lr",), "", pd.DataFrame()) for rate in (0.001234567, 0.001234568, 0.1)]
    words = naming.group_words(made)
    assert len(set(words)) == 3
    assert words[1].startswith(words[0])
