"""Which loaded data sets are kept."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from leafscope.core.config import DataConfig
from leafscope.core.datasets import kept
from leafscope.core.datasets.kept import Kept
from leafscope.core.datasets.loading import load


def test_those_used_last_are_kept_below_a_number_and_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    iris = DataConfig(name="iris")

    def counted(config: DataConfig, seed: int) -> kept.Dataset:
        loaded.append(seed)
        return load(config, 0)

    keeping = Kept(counted)
    for seed in (0, 1, 2, 3, 0, 4, 0, 1):  # 4 pushes out 1, which was used before 2, 3 and 0
        keeping(iris, seed)
    assert loaded == [0, 1, 2, 3, 4, 1]
    one = 150 * 4 * (8 + 4) + 3 * 150 * 8
    monkeypatch.setattr(kept, "MOST_BYTES", 2 * one)
    keeping.cache_clear()
    loaded.clear()
    for seed in (0, 1, 0, 2, 0, 1):
        keeping(iris, seed)
    assert loaded == [0, 1, 2, 1]
    monkeypatch.setattr(kept, "MOST_BYTES", one - 1)
    keeping.cache_clear()
    loaded.clear()
    for seed in (0, 1, 1, 0):
        keeping(iris, seed)
    assert loaded == [0, 1, 0]  # the last one is kept, whatever it takes


def test_many_threads_get_what_is_kept() -> None:
    keeping = Kept(lambda config, seed: load.__wrapped__(config, seed))  # type: ignore[attr-defined]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keeping(DataConfig(name="iris"), 0), range(8)))
    assert {id(one) for one in found} == {id(keeping(DataConfig(name="iris"), 0))}
