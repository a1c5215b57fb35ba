"""What the answer that needs no features scores on a run's data: always the commonest class of training, or always its mean.

Every accuracy is reported next to it: 99 % means little if 99 % of the rows belong to one class.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from leafscope.core.datasets.loading import load
from leafscope.core.errors import DataError

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig


def always(data: "DataConfig", seed: int, split: str = "test") -> Mapping[str, float]:
    """Return the scores that the task's runs have, of that answer, by name; none where the data can no longer be loaded."""
    try:
        return _always(data, seed, split)
    except DataError:
        return {}


@lru_cache(maxsize=4096)
def _always(data: "DataConfig", seed: int, split: str) -> Mapping[str, float]:
    return MappingProxyType(load(data, seed).chance_on(split))
