"""What a data set declares is checked, and all else follows from it: for those of other packages too."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscope.core.config import DataConfig, RunConfig, SweepConfig, TrainConfig, changed
from leafscope.core.config.parts import _DataFields
from leafscope.core.datasets import DATA_SETS, DatasetSpec, Option, Rows, load
from leafscope.core.datasets.registry import RESERVED, DataSets
from leafscope.core.errors import DataError
from leafscope.core.store.store import Store
from leafscope.core.worker.worker import Worker
from tests.plugin import distribution, run_python


def option(**changes: Any) -> Option:
    return Option(**{"name": "arms", "default": 3, "low": 2, "high": 9, "label": "Arms", "meaning": "Arms."} | changes)


def data_set(**changes: Any) -> DatasetSpec:
    known = {
        **{"name": "stars", "title": "Stars", "description": "Stars.", "source": "here", "licence": "none"},
        **{"rows": lambda options, seed: Rows(np.zeros((30, 2)), np.zeros(30)), "n_rows": 30, "n_features": 2, "n_classes": 3},
        "is_generator": True,
    }
    return DatasetSpec(**known | changes)


def test_no_option_can_have_the_name_of_another_field() -> None:
    assert set(_DataFields.model_fields) | {"options"} == RESERVED
    for name in (*RESERVED, "two words", "_hidden", "model_size", ""):
        with pytest.raises(ValueError, match="unused field name"):
            data_set(options=(option(name=name),))


@pytest.mark.parametrize(
    ("default", "words"), [(10, "a whole number from 2 to 9, got 10"), (1.5, "a number from 2 to 9, got 1.5")]
)
def test_a_default_is_within_its_bounds(default: float, words: str) -> None:
    with pytest.raises(ValueError, match=f"the default of arms must be {words}"):
        option(default=default)


def test_options_of_a_data_set_have_different_names() -> None:
    with pytest.raises(ValueError, match=r"stars must have different names, got arms, arms"):
        data_set(options=(option(), option(default=4)))


def test_sizes_are_numbers_or_follow_from_the_options() -> None:
    stars = data_set(options=(option(),), n_classes=itemgetter("arms"), n_rows=lambda options: 10 * options["arms"])
    assert stars.sizes() == (30, 2, 3)
    assert stars.sizes({"arms": 5}) == (50, 2, 5)
    assert DATA_SETS["tree_teacher"].sizes({"n_samples": 50, "n_features": 4, "n_classes": 3}) == (50, 4, 3)


def test_an_option_that_several_data_sets_have_allows_what_any_of_them_allows() -> None:
    known = DataSets("data set")
    known.register(data_set(name="one", options=(option(low=1, high=5),)))
    known.register(data_set(name="two", options=(option(low=2, high=8), option(name="other"))))
    assert list(known.options()) == ["arms", "other"]
    assert (known.options()["arms"].low, known.options()["arms"].high) == (1, 8)
    assert known.with_option("arms") == ["one", "two"]
    assert known.with_option("other") == ["two"]


def test_an_option_is_whole_in_all_data_sets_or_in_none() -> None:
    known = DataSets("data set")
    known.register(data_set(options=(option(),)))
    with pytest.raises(ValueError, match=r"the default of arms must be a whole number, as it is for stars, got 3.0 for suns"):
        known.register(data_set(name="suns", options=(option(default=3.0),)))
    assert list(known) == ["stars"]


def test_rows_that_are_not_as_declared_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(DATA_SETS["moons"], rows=lambda options, seed: Rows(np.zeros((7, 2)), np.zeros(7, np.int64)))
    monkeypatch.setitem(DATA_SETS._variants, "moons", wrong)
    load.cache_clear()
    with pytest.raises(DataError, match=r"moons must have 1000 rows and 2 features.*\(7, 2\)"):
        load(DataConfig(name="moons"), 0)
    load.cache_clear()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RunConfig]]:
    """Register a toy in the place of a table, with one given value, and return a run that trains on it."""

    def register(value: Any, row: int = 17, column: int = 1, dtype: Any = np.float64) -> RunConfig:
        def rows(options: Any, seed: int) -> Rows:
            rng = np.random.default_rng(0)
            x, y = rng.standard_normal((60, 2)).astype(dtype), np.arange(60) % 3
            if column < 2:
                x[row, column] = value
            else:
                y = y.astype(np.float64)
                y[row] = value
            return Rows(x, y, ("height", "age"))

        monkeypatch.setitem(DATA_SETS._variants, "iris", data_set(name="iris", rows=rows, n_rows=60))
        load.cache_clear()
        return RunConfig(data=DataConfig(name="iris"), train=TrainConfig(epochs=1))

    yield register
    load.cache_clear()


@pytest.mark.parametrize(
    ("value", "options", "words"),
    [
        (math.nan, {}, "column 'age' has nan in row 17"),
        (math.inf, {"column": 0, "row": 59}, "column 'height' has inf in row 59"),
        (-math.inf, {"row": 0}, "column 'age' has -inf in row 0"),
        (None, {"dtype": object}, "column 'age' has nan in row 17"),
        ("tall", {"dtype": object}, "every column of iris must hold numbers"),
        (1e300, {}, "column 'age', row .*too large"),
        (math.nan, {"column": 2}, "row 17 .counted from 0. has nan"),
        (7, {"column": 2}, "from 0 to 2, but row 17 .counted from 0. has 7"),
        (0.5, {"column": 2}, "row 17 .counted from 0. has 0.5"),
    ],
)
def test_data_that_are_not_finite_are_named_before_training(
    toy: Callable[..., RunConfig], value: Any, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    run = toy(value, **options)
    with pytest.raises(DataError, match=words):
        load(run.data, 0)
    store = Store(tmp_path / "toy.db")
    forest = changed(run, {"net.kind": "random_forest"})
    for one in (run, forest):
        store.submit(one)
        assert Worker(store, "w").work_once()
        failed = store.run(one.run_id)
        assert (failed.status, failed.facts) == ("failed", {})
        assert re.search(words, str(failed.error))
        assert "learning rate" not in str(failed.error)
    store.close()


def test_an_outlier_is_no_fault(toy: Callable[..., RunConfig]) -> None:
    loaded = load(toy(1e30).data, 0)
    assert all(np.isfinite(split.x).all() for split in loaded.splits.values())


PLUGIN = """
from operator import itemgetter
import numpy as np
from leafscope.core.datasets import DATA_SETS, DatasetSpec, Option, Rows

def rows(options, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(options["n_samples"]) % options["n_rings"]
    angle = rng.uniform(0, 2 * np.pi, len(labels))
    radius = labels + 1 + options["noise"] * rng.standard_normal(len(labels))
    return Rows(radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), labels)

DATA_SETS.register(DatasetSpec(
    name="rings", title="Rings", description="Rings.", source="drawn", licence="none", rows=rows, is_generator=True,
    is_plane=True, n_rows=itemgetter("n_samples"), n_features=2, n_classes=itemgetter("n_rings"),
    options=(
        Option(name="n_samples", default=300, low=20, high=999, label="Rows", meaning="Rows."),
        Option(name="noise", default=0.1, low=0.0, high=2.0, label="Noise", meaning="Noise.", is_open=True),
        Option(name="n_rings", default=3, low=2, high=9, label="Rings", meaning="How many.", words="number of rings"),
    ),
))
"""

USE = """
import json
from leafscope.app.playground import controls
from leafscope.core.comparison.table import COLUMNS, field_words
from leafscope.core.config import DataConfig, RunConfig, SweepConfig, changed, explain_change
from leafscope.core.config.link import decode, encode
from leafscope.core.datasets import load, shape
run = RunConfig(data=DataConfig(name="rings", n_rings=4))
loaded = load(run.data, 1)
print(json.dumps({
    "options": run.data.options,
    "classes": [shape(run.data).n_classes, *loaded.class_names],
    "link": decode(encode([run])).runs[0] == run,
    "elsewhere": explain_change(RunConfig(), {"data.n_rings": 3}),
    "bounds": explain_change(run, {"data.n_samples": 5000}),
    "other": explain_change(RunConfig(), {"data.name": "moons", "data.n_samples": 5000}),
    "to moons": changed(RunConfig(data=DataConfig(name="rings")), {"data.name": "moons"}).data == DataConfig(name="moons"),
    "control": "n_rings" in {control.key for control in controls.ALL} and controls.DATA.words["rings"],
    "words": [field_words("data.n_rings"), field_words("data.n_samples"), "data.n_rings" in COLUMNS],
    "addresses": [RunConfig().run_id, SweepConfig(axes={"seed": [0, 1]}).sweep_id],
}))
"""


def test_a_data_set_of_another_package_with_an_option_of_its_own_is_known_everywhere(tmp_path: Path) -> None:
    distribution(tmp_path, "stars", {"rings": "rings"}, {"rings": PLUGIN})
    done = run_python(USE, tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["options"] == {"n_samples": 300, "noise": 0.1, "n_rings": 4}
    assert found["classes"] == [4, "0", "1", "2", "3"]
    assert found["link"]
    assert found["elsewhere"] == "n_rings must be left out for digits (only rings have it), got 3"
    assert found["bounds"] == "n_samples must be a whole number from 20 to 999 for rings, got 5000"
    assert found["other"] is None
    assert found["to moons"]
    assert found["control"] == "Rings"
    assert found["words"] == ["number of rings", "rows drawn", True]
    # what was there before keeps its address
    assert found["addresses"] == [RunConfig().run_id, SweepConfig(axes={"seed": [0, 1]}).sweep_id]
