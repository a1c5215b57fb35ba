"""The run table: one row a run, what matters of its configuration, and words for the screen."""

import dataclasses
import math
import time
from typing import Any

import pandas as pd
import pytest

from leafscope.core.comparison.table import (
    COLUMNS,
    CONFIG_FIELDS,
    MEASURES,
    SEED_FIELDS,
    TEXT_FIELDS,
    differing,
    field_words,
    run_table,
    shared,
    value_words,
)
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed, field_names
from leafscope.core.cost import cost
from leafscope.core.scores import TASKS
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.sweep.outcome import score_columns
from leafscope.core.sweep.results import results


def summary(run: RunConfig | None = None, **other: Any) -> RunSummary:
    run = run or RunConfig()
    values: dict[str, Any] = {
        "run_id": run.run_id,
        "label": run.label,
        "note": "",
        "config_json": run.model_dump_json(),
        "status": "finished",
        "attempt": 1,
        "first_attempt": 1,
        "created": 1e9,
        "started": 1e9,
        "finished": 1e9,
        "stopping": False,
        "error": None,
        "device": "cpu",
        "resumed_from": 0,
        "epochs_done": 60,
        "epochs_total": 60,
        "attempt_seconds": 2.0,
        "seconds": 3.0,
        "best_epoch": 7,
        "best": {},
        "last": {},
        "facts": {},
    }
    return RunSummary(**(values | other))


def net(**fields: Any) -> RunConfig:
    return RunConfig(net=NetConfig(**fields))


def test_no_runs_give_the_columns_and_their_types() -> None:
    empty, full = run_table([]), run_table([summary()])
    assert list(empty.columns) == list(full.columns) == list(COLUMNS)
    assert len(empty) == 0
    assert dict(empty.dtypes) == dict(full.dtypes)
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_columns_that_are_not_text_are_numbers_and_measures_are_among_them() -> None:
    table = run_table([summary()])
    numeric = {name for name in COLUMNS if pd.api.types.is_numeric_dtype(table[name])}
    assert numeric == set(COLUMNS) - set(TEXT_FIELDS) - {"tags"}
    assert set(MEASURES) < numeric
    assert list(CONFIG_FIELDS) == field_names()


def test_a_row_says_what_the_summary_says() -> None:
    scores = {f"{split}_{metric}": place for place, split in enumerate(("train", "validation", "test")) for metric in ("loss",)}
    one = summary(
        RunConfig(seed=3),
        name="my run",
        tags=("a", "b"),
        comment="why",
        note="trial",
        best=scores,
        last={"test_accuracy": 0.75},
        facts={"trained_parameters": 12, "inference_seconds": 1e-6},
        best_epoch=None,
        device=None,
        epochs_done=9,
    )
    row = run_table([one]).iloc[0]
    assert row["title"] == "my run"
    assert row["label"] == RunConfig(seed=3).label
    assert row["tags"] == ("a", "b")
    assert (row["comment"], row["note"], row["status"], row["device"]) == ("why", "trial", "finished", None)
    assert (row["created"], row["seconds"], row["epochs_done"]) == (1e9, 3.0, 9)
    assert math.isnan(row["best_epoch"])
    assert (row["best_train_loss"], row["best_validation_loss"], row["best_test_loss"]) == (0, 1, 2)
    assert row["last_test_accuracy"] == 0.75
    assert math.isnan(row["best_test_accuracy"])
    assert math.isnan(row["last_test_loss"])
    assert (row["trained_parameters"], row["inference_seconds"]) == (12, 1e-6)


@pytest.mark.parametrize(
    ("run", "model"),
    [
        (net(kind="tree"), "tree"),
        (net(kind="tree", gates="units"), "tree_units"),
        (net(kind="tree", gates="random"), "random_gates"),
        (net(kind="flat", gates="random"), "flat"),
        (net(kind="dense", gates="units"), "dense"),
        (net(kind="tree", depth=0, gates="random"), "tree"),  # the same run as with other gates
        (net(kind="random_forest"), "random_forest"),
    ],
)
def test_models(run: RunConfig, model: str) -> None:
    assert run_table([summary(run)])["model"].tolist() == [model]


@pytest.mark.parametrize("kind", ["tree", "flat", "dense", "logistic", "decision_tree", "gradient_boosting"])
def test_fields_are_those_of_the_canonical_configuration(kind: str) -> None:
    run = changed(RunConfig(seed=5, init_seed=2, data=DataConfig(name="moons")), {"net.kind": kind, "train.patience": 3})
    row = run_table([summary(run)]).iloc[0]
    known = run.canonical()
    for field in CONFIG_FIELDS:
        part, _, inner = field.rpartition(".")
        expected = known[part].get(inner) if part else known[field]
        given = row[field]
        assert pd.isna(given) if expected is None else given == expected, field
    assert (row["seed"], row["split_seed"], row["init_seed"]) == (5, 5, 2)


def test_what_a_model_ignores_is_missing() -> None:
    table = run_table([summary(net(kind=kind)) for kind in ("tree", "dense", "decision_tree", "logistic")])
    assert table["net.depth"].isna().tolist() == [False, True, False, True]
    assert table["train.lr"].isna().tolist() == [False, False, True, True]
    assert table["net.gates"].tolist() == ["hidden", None, None, None]


def test_nets_cost_what_the_configuration_says_and_fits_what_they_measured() -> None:
    facts = {"parameters": 40, "multiply_adds": 3.5}
    runs = [net(kind="tree"), net(kind="dense"), net(kind="decision_tree"), net(kind="logistic")]
    table = run_table([summary(run, facts=facts if run.net.fitted else {}) for run in runs] + [summary(runs[2])])
    for row, run in zip(table.to_dict("records"), runs[:2], strict=False):
        price = cost(run.net, 64, 10)
        assert (row["parameters"], row["multiply_adds"]) == (price.parameters, price.multiply_adds)
    assert table["parameters"].tolist()[2:4] == [40, 40]
    assert table["multiply_adds"].tolist()[2:4] == [3.5, 3.5]
    assert math.isnan(table["parameters"].iloc[4])


def test_a_sweep_lays_out_the_same_scores_and_costs() -> None:
    sweep = SweepConfig(axes={"net.kind": ["tree", "flat", "dense"]})
    runs = [changed(sweep.base, {"net.kind": kind}) for kind in ("tree", "flat", "dense")]
    scores = {"train_loss": 0.5, "test_accuracy": 0.25}
    found = {run.run_id: summary(run, best=scores, last=scores, facts={"trained_parameters": 3}) for run in runs}
    expected = results(sweep, found).astype({"run_id": object}).set_index("run_id")
    table = run_table(list(found.values())).set_index("run_id").loc[expected.index]
    names = [
        *score_columns(TASKS["classification"]),
        "parameters",
        "multiply_adds",
        "trained_parameters",
        "inference_seconds",
        "best_epoch",
        "seconds",
    ]
    pd.testing.assert_frame_equal(table[names], expected[names], check_dtype=False, check_index_type=False)
    assert table["model"].tolist() == expected["model"].tolist()


@pytest.mark.parametrize("value", ["many", True, None, 10**400, [1]])
def test_a_measure_that_is_no_number_is_missing(value: Any) -> None:
    facts = {"parameters": value, "trained_parameters": value, "inference_seconds": value}
    row = run_table([summary(net(kind="logistic"), facts=facts, best={"test_loss": value})]).iloc[0]
    assert row[["parameters", "trained_parameters", "inference_seconds", "best_test_loss"]].isna().all()


def test_a_net_whose_data_cannot_be_had_has_no_cost() -> None:
    row = run_table([summary(RunConfig(data=DataConfig(name="iris", n_train=1000)))]).iloc[0]
    assert math.isnan(row["parameters"])
    assert math.isnan(row["multiply_adds"])


def test_runs_that_are_no_longer_valid_are_left_out_and_the_rest_keep_their_order() -> None:
    runs = [summary(RunConfig(seed=seed)) for seed in (2, 0, 1)]
    broken = [dataclasses.replace(runs[0], config_json=text) for text in ('{"seed": -1}', "no json", '{"lost": 1}')]
    table = run_table([broken[0], runs[0], broken[1], runs[1], runs[2], broken[2]])
    assert table["seed"].tolist() == [2, 0, 1]
    assert table.index.tolist() == [0, 1, 2]


def test_differing_fields_stand_in_order_and_missing_equals_missing() -> None:
    runs = [changed(RunConfig(), {"net.depth": depth, "seed": seed}) for seed in (0, 1) for depth in (2, 4)]
    table = run_table([summary(run) for run in runs])
    assert differing(table) == ["net.depth", "seed"]
    mixed = table.assign(**{"net.gates": pd.Series([None, math.nan, None, None], dtype=object)})
    assert differing(mixed) == ["net.depth", "seed"]


def test_a_field_that_only_some_runs_have_differs() -> None:
    table = run_table([summary(net(kind="tree")), summary(net(kind="dense"))])
    assert {"net.kind", "net.depth", "net.gates"} <= set(differing(table))
    assert "net.depth" not in shared(table)


def test_seeds_of_their_own_differ_and_copies_of_the_seed_do_not() -> None:
    same = run_table([summary(RunConfig(seed=seed)) for seed in (0, 1)])
    own = run_table([summary(RunConfig(seed=seed, split_seed=0)) for seed in (0, 1)])
    crossed = run_table([summary(RunConfig(seed=0, init_seed=seed)) for seed in (0, 1)])
    assert differing(same) == ["seed"]
    assert differing(own) == ["seed"]
    assert shared(own)["split_seed"] == 0
    assert differing(crossed) == ["init_seed"]


def test_shared_and_differing_split_the_fields_that_are_there() -> None:
    table = run_table([summary(RunConfig(seed=seed, train=TrainConfig(lr=0.25))) for seed in (3, 4)])
    known = shared(table)
    assert known["net.depth"] == 4
    assert isinstance(known["net.depth"], int)
    assert known["train.lr"] == 0.25
    assert "data.n_train" not in known
    assert not set(known) & set(differing(table))
    assert shared(table.iloc[:1])["seed"] == 3


def test_no_rows_have_nothing_in_common() -> None:
    assert differing(run_table([])) == []
    assert shared(run_table([])) == {}


def test_every_column_has_words_of_its_own() -> None:
    words = {name: field_words(name) for name in COLUMNS}
    assert len(set(words.values())) == len(words)
    for text in words.values():
        assert text == text.strip()
        assert "_" not in text
        assert "." not in text
    assert words["net.depth"] == "depth K"
    assert words["net.kind"] == "weights"
    assert words["train.lr"] == "learning rate"
    assert words["data.n_train"] == "training rows"
    assert words["seed"] == "seed"
    assert [words[f"best_{name}"] for name in ("validation_accuracy", "test_loss")] == [
        "best validation accuracy",
        "best test loss",
    ]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("net.depth", 4.0, "4"),
        ("net.depth", math.nan, "none"),
        ("net.gates", None, "none"),
        ("data.n_train", 999, "999"),
        ("data.n_train", 1000, "1,000"),
        ("parameters", -12345678.0, "-12,345,678"),
        ("train.lr", 1e-05, "1e-05"),
        ("best_test_loss", 0.8194444444, "0.819444"),
        ("best_test_loss", 1e300, "1e+300"),
        ("best_test_loss", math.inf, "inf"),
        ("seconds", 10**400, "inf"),
        ("seconds", 1234.5, "1,234.5"),
        ("anything", True, "yes"),
        ("anything", False, "no"),
        ("net.kind", "decision_tree", "decision tree"),
        ("title", "my_run", "my_run"),
        ("tags", (), "none"),
        ("tags", ("a", "b_c"), "a, b_c"),
        ("created", 0.0, "1970-01-01 00:00"),
        ("created", 1e300, "1e+300"),
    ],
)
def test_value_words(field: str, value: Any, words: str) -> None:
    assert value_words(field, value) == words


def test_a_cell_of_the_table_is_written_as_the_value_it_was_made_from() -> None:
    table = run_table([summary(RunConfig(seed=2), tags=("x",))])
    assert [value_words(name, table[name].iloc[0]) for name in ("seed", "net.width", "tags")] == ["2", "32", "x"]
    assert value_words("epochs_done", table["epochs_done"].iloc[0]) == "60"


def test_a_thousand_runs_are_laid_out_at_once() -> None:
    runs = [changed(RunConfig(), {"seed": seed, "net.depth": depth}) for seed in range(200) for depth in range(1, 6)]
    summaries = [summary(run) for run in runs]
    began = time.perf_counter()
    table = run_table(summaries)
    cold = time.perf_counter()
    run_table(summaries)
    warm = time.perf_counter()
    assert len(table) == 1000
    assert cold - began < 3  # 0.15 s on a quiet machine
    assert warm - cold < 0.5  # 0.015 s
    assert table["seed"].nunique() == 200
    assert SEED_FIELDS == ("seed", "split_seed", "init_seed")
