"""What all figures share."""

import numpy as np
import pytest

from leafscope.app.figures.shared import frame


def test_states_are_those_given_or_follow_from_the_counts() -> None:
    counts = np.array([6, 0])
    assert frame.leaf_states(None, counts) == ["used", "unseen"]
    assert frame.leaf_states(["test only", "impossible"], counts) == ["test only", "impossible"]
    with pytest.raises(ValueError, match="states must have one entry for each of 2 leaves, got 1"):
        frame.leaf_states(["used"], counts)
