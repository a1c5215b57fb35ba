"""What a person says of a file with routing."""

from dataclasses import dataclass
from typing import Literal, get_args

Layout = Literal["counts", "ids", "logits"]
"""What the numbers of an array are: counts of experts, the experts of each token, or a score of each expert for each token."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True)
class Told:
    """What a person says of a file."""

    layout: Layout | None = None
    top_k: int | None = None
    tokens: int | None = None
