"""The gallery: every question has runs, and its answer is the number that those runs have, by brute force."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leafscope.app.gallery import measuring, part, views
from leafscope.app.gallery.views import VIEWS, Side, View
from leafscope.core.comparison.intervals import Difference
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.inspection.snapshots import leaf_shuffle
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.store import Store
from leafscope.core.worker.worker import Worker

BASE = RunConfig(
    data=DataConfig(name="moons", n_samples=80), net=NetConfig(width=4, depth=2), train=TrainConfig(epochs=2, device="cpu")
)


def view(first: str = "test_error", second: str = "test_error", **changes: object) -> View:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return View("Why?", "Look.", BASE, Side("a", first), Side("b", second, named), "lower")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('gallery')}/gallery.db")
    made.submit_many([*view(net__depth=1).all_runs()[:4]], priority="sweep")
    worker = Worker(made, "test")
    while worker.work_once():
        pass
    yield made
    made.close()


def test_there_are_twelve_short_questions_whose_runs_can_be_trained() -> None:
    assert len(VIEWS) == 12
    for one in VIEWS.values():
        assert len(one.question.split()) <= 12
        assert one.question.endswith("?")
        assert {one.first.statistic, one.second.statistic} <= measuring.STATISTICS.keys()
        assert len(one.all_runs()) in (len(views.SEEDS), 2 * len(views.SEEDS))
        units = {measuring.STATISTICS[side.statistic].unit for side in (one.first, one.second)}
        assert len(units) == 1


def test_numbers_are_those_of_the_runs(store: Store) -> None:
    run = view().runs(view().first)[0]
    summary, data = store.run(run.run_id), load(run.data, run.data_seed)
    trained = trained_net(store, run.run_id)
    assert trained is not None
    net, x, y = trained.net, data.test.x, data.test.y
    found = {name: one.of(store, summary) for name, one in measuring.STATISTICS.items()}
    assert found["last_error"] == pytest.approx((net(x).argmax(1) != y).mean())
    assert found["gap"] == pytest.approx(found["last_error"] - (net(data.train.x).argmax(1) != data.train.y).mean())
    assert found["root_error"] == pytest.approx((net.read_to_level(0)(x).argmax(1) != y).mean())
    h = np.maximum(net.linear("hidden", x), 0)
    order, wrong = leaf_shuffle(2), 0
    for row, leaf, label in zip(h, net.routed(x).leaves[0], y, strict=True):
        weight, bias = net.own(0, int(order[leaf]))
        wrong += int(net.head(weight.sum(0) @ row + bias.sum(0)).argmax() != label)
    assert found["shuffled_error"] == pytest.approx(wrong / len(y))
    counts = np.bincount(net.routed(data.train.x).leaves[0], minlength=4)
    p = counts[counts > 0] / counts.sum()
    assert found["effective_leaves"] == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert found["dead_share"] == (counts == 0).mean()
    assert found["first_bit"] == pytest.approx(min(counts[:2].sum(), counts[2:].sum()) / counts.sum())
    from sklearn.metrics import adjusted_mutual_info_score

    leaf = net.routed(data.train.x).leaves[0]
    assert found["class_information"] == pytest.approx(adjusted_mutual_info_score(data.train.y, leaf), abs=1e-9)


def test_an_answer_is_paired_over_the_seeds_that_both_sides_have(store: Store) -> None:
    asked = view("last_error", "last_error", net__depth=1)
    found = measuring.answer(store, asked)
    by_side = found.values.pivot_table("value", "seed", "side")
    assert found.difference.n == len(by_side) == 2
    low, high = stats.ttest_rel(by_side["a"], by_side["b"]).confidence_interval()
    assert (found.difference.low, found.difference.high) == (pytest.approx(low, nan_ok=True), pytest.approx(high, nan_ok=True))
    assert measuring.answer(store, view(net__depth=0)).difference.n == 0


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Difference(-0.1, -0.15, -0.05, 5, 0.01), "As expected: test error of “a” against “b”: lower, n = 5."),
        (Difference(0.1, 0.05, 0.15, 5, 0.01), "Not as expected: test error of “a” against “b”: higher, n = 5."),
        (Difference(0.1, -0.05, 0.15, 5, 0.4), "Not as expected: test error of “a” against “b”: no difference shown, n = 5."),
        (Difference(0.1, np.nan, np.nan, 1, np.nan), "One seed so far: nothing is shown."),
    ],
)
def test_what_was_expected_is_set_beside_what_the_runs_show(found: Difference, words: str) -> None:
    empty = pd.DataFrame(columns=["side", "seed", "value"])
    assert part.verdict(view(), measuring.Answer(empty, found, "percent", "test error")) == words
