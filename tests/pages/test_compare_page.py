"""Compare: its numbers are computed here again, test scores stay away, its address restores it, and names are only text."""

import ast
import dataclasses
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics
from streamlit.testing.v1 import AppTest

from leafscope.app import theme
from leafscope.core.comparison.intervals import share_interval
from leafscope.core.comparison.table import field_words
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, changed
from leafscope.core.config.as_python import script
from leafscope.core.config.link import encode
from leafscope.core.datasets import load
from leafscope.core.inspection.answers import answers_of
from leafscope.core.store.archive import import_archive
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from leafscope.core.training.fitting import fit
from leafscope.core.worker.inline import run_sweep
from tests.pages.harness import (
    Lab,
    chart_keys,
    decoded,
    figures,
    go,
    open_lab,
    open_page,
    plain,
    press,
    run_app,
    small,
    stock,
    table_with,
    trained,
    words,
)

VIEWS = ("table", "scores", "classes", "curves", "pairs", "pivot", "scatter", "parallel", "leaves")
HOSTILE = "<img src=http://a.b/c.png onerror=x> ![x](http://a.b/c.png) **b** \u202eevil\n" + "w" * 10_000
SEEDS = (0, 1, 2)

# Scores that are written here: (kind, depth) -> validation and test accuracy of each seed. Test would rank otherwise.
WRITTEN = {
    ("tree", 2): ((0.80137, 0.83291, 0.81713), (0.51237, 0.52419, 0.53881)),
    ("tree", 0): ((0.70219, 0.71483, 0.73621), (0.61153, 0.62567, 0.63719)),
    ("flat", 2): ((0.60347, 0.64177, 0.61459), (0.91319, 0.92671, 0.93533)),
}
MOONS = DataConfig(name="moons", n_samples=120)


def scored(kind: Any, depth: int, seed: int) -> RunConfig:
    """The run whose scores are written."""
    return changed(small("moons", epochs=2, seed=seed), {"net.kind": kind, "net.depth": depth})


def write(lab: Lab, run: RunConfig, validation: float, test: float) -> None:
    """Add a finished run with these accuracies at its last epoch, which is its best, and others before."""
    records, _, net = trained(run)
    told = []
    for record in records:
        late = record.epoch == len(records) - 1
        known = {("validation", "accuracy"): validation, ("test", "accuracy"): test}
        known |= {("validation", "loss"): 1 - validation, ("test", "loss"): 1 - test}
        known |= {("train", "accuracy"): 0.999, ("train", "loss"): 0.002}
        if not late:
            known = {key: value + (0.3 if key[1] == "loss" else -0.3) for key, value in known.items()}
        told.append(dataclasses.replace(record, metrics=record.metrics | known))
    claim = lab.claim(run)
    assert lab.store.end(claim, "finished", None, told, {NET: net})


def fill_scored(lab: Lab) -> None:
    for (kind, depth), (validation, test) in WRITTEN.items():
        for seed in SEEDS:
            write(lab, scored(kind, depth, seed), validation[seed], test[seed])


def every_kind(lab: Lab) -> list[RunConfig]:
    """Two seeds of trees, flat, dense and decision trees, a tree of depth 0, and another data set."""
    runs = [small(seed=seed, epochs=2, kind=kind) for seed in (0, 1) for kind in ("tree", "flat", "dense")]
    runs += [small(depth=0, epochs=2), small("moons", epochs=2)]
    for run in runs:
        lab.finish(run)
    for seed in (0, 1):
        fitted = RunConfig(data=DataConfig(name="wine"), net=NetConfig(kind="decision_tree", depth=2), seed=seed)
        claim, model = lab.claim(fitted), fit(fitted)
        assert model is not None
        assert lab.store.end(claim, "finished", None, [model.record], facts=model.facts)
        runs.append(fitted)
    return runs


def unfinished(lab: Lab) -> None:
    """A run that trains, one that failed, one whose configuration is no longer valid, and one that waits."""
    lab.start(small(seed=5, epochs=2), 1)
    lab.end(small(seed=6, epochs=2), "failed", 1, error="the loss became nan")
    invalid(lab, small(seed=7, epochs=2))
    lab.store.submit(small(seed=8, epochs=2))


def invalid(lab: Lab, run: RunConfig) -> None:
    from sqlalchemy import update

    from leafscope.core.store.schema import runs as table

    lab.finish(run)
    with lab.store._write() as connection:
        connection.execute(update(table).where(table.c.run_id == run.run_id).values(config='{"net": {"depth": 99}}'))


@pytest.fixture(scope="module")
def scored_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("scored"), fill_scored)


@pytest.fixture
def scores(scored_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The runs whose scores are written here; tree and flat nets of moons, three seeds each."""
    lab = open_lab(tmp_path, monkeypatch, scored_path)
    yield lab
    lab.store.close()


# What a page says, all of it


def everything(app: AppTest) -> str:
    """All texts that reach the browser: sentences, labels, options, tables, figures."""
    protos = []
    for element in walk(app):
        protos.append(str(getattr(element, "proto", "")))
    tables = [frame.value.to_csv(index=False) for frame in app.dataframe]
    return "\n".join([*protos, *tables])


def walk(app: AppTest) -> Iterator[Any]:
    def inside(block: Any) -> Iterator[Any]:
        for child in block.children.values():
            if hasattr(child, "children"):
                yield from inside(child)
            else:
                yield child

    yield from inside(app._tree)


def numbers_of(app: AppTest) -> np.ndarray:
    """All numbers of the figures and tables."""
    found: list[np.ndarray] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict) and "bdata" in value:
            found.append(np.ravel(decoded(value)).astype(float))
        elif isinstance(value, dict):
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)
        elif isinstance(value, (int, float)):
            found.append(np.array([value], float))

    for figure in figures(app).values():
        collect(figure)
    for element in app.dataframe:
        for _, column in element.value.items():
            if pd.api.types.is_numeric_dtype(column):
                found.append(column.to_numpy(float))
    return np.concatenate(found) if found else np.zeros(0)


def sentence(app: AppTest) -> str:
    """What is said under the title."""
    return plain(str(app.markdown[0].value))


def parameters(app: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}


def test_classes_have_the_scores_that_scikit_learn_computes(lab: Lab) -> None:
    runs = [lab.finish(small("wine", epochs=epochs, seed=seed)) for epochs in (1, 4) for seed in SEEDS]
    app = open_page("compare", view="classes", report=1)
    table = table_with(app, "Group", "Balanced accuracy")
    means = np.mean([of_scikit_learn(lab, run) for run in runs[3:]], axis=0)
    (line,) = (row for _, row in table.iterrows() if "epochs 4" in row["Group"])
    assert [line.iloc[place] for place in range(1, 5)] == [theme.percent(value) for value in means]
    assert line["Seeds"] == "3"
    always = table.iloc[0]
    assert always["Balanced accuracy"] == theme.percent(1 / 3)
    assert always["Accuracy"] == theme.percent(np.mean([load(run.data, run.seed).majority_accuracy for run in runs[:3]]))
    assert sorted(always.iloc[4:7]) == ["0.0 %", "0.0 %", "100.0 %"]


def of_scikit_learn(lab: Lab, run: RunConfig) -> list[float]:
    """Accuracy, balanced accuracy, macro F1 and the first class's recall on the test rows."""
    data = load(run.data, run.seed)
    answers = answers_of(lab.store, run.run_id, "test")
    assert answers is not None
    y = data.test.y
    assert metrics.accuracy_score(y, answers) == pytest.approx(lab.store.run(run.run_id).last["test_accuracy"])
    recall = metrics.recall_score(y, answers, average=None)[0]
    f1 = metrics.f1_score(y, answers, average="macro")
    return [metrics.accuracy_score(y, answers), metrics.balanced_accuracy_score(y, answers), f1, recall]


# Every view stands


def visit_all(lab: Lab) -> dict[str, str]:
    app = open_page("compare")
    seen = {}
    for view in VIEWS[1:]:
        app.button_group(key="view").set_value(view)
        run_app(app)
        assert parameters(app)["view"] == view
        seen[view] = words(app)
    return seen


def test_every_view_of_every_kind_and_state(lab: Lab) -> None:
    every_kind(lab)
    unfinished(lab)
    app = open_page("compare", report=1)
    # the one whose configuration is not valid is not compared, the three without a score are
    assert sentence(app).startswith("12 runs in ")
    states = table_with(app, "Run", "Status")["Status"].value_counts().to_dict()
    assert states == {"finished": 9, "training": 1, "failed": 1, "queued": 1}
    for view in VIEWS[1:]:
        app.button_group(key="view").set_value(view)
        run_app(app)
        assert parameters(app)["view"] == view
        # the two best groups may be of two data sets, which has a sentence of its own
        assert figures(app) or view == "classes" or "cannot be paired: the groups have different data sets" in words(app), view
        assert not app.error, view
    app.text_input(key="filter").set_value("depth=0")
    for view in ("table", "leaves"):  # a tree of depth 0 alone; of another, all views are those of `test_one_run`
        app.button_group(key="view").set_value(view)
        run_app(app)
        assert sentence(app).startswith("1 run in 1 group")


def test_the_leaves_count_the_runs_that_are_drawn_and_say_why_others_are_not(lab: Lab) -> None:
    for depth, seed in ((2, 0), (2, 1), (0, 0)):
        lab.finish(changed(small(epochs=1), {"net.depth": depth, "seed": seed}))
    app = open_page("compare", view="leaves", **{"from": "all"})
    assert sentence(app).startswith("3 runs in 2 groups")
    assert "Of the 3 compared runs, 1 has no leaves, and 1 is left out since one run is drawn of a group" in words(app)
    assert all(", 1 run" in str(figures(app)[name]) for name in ("loads_beside", "balance_beside"))


def test_one_run(lab: Lab) -> None:
    run = lab.finish(small(epochs=2))
    app = open_page("compare")
    best = lab.store.run(run.run_id).best["validation_accuracy"]
    said = f"1 run in 1 group; on validation, their mean: accuracy {theme.percent(best)}, n = 1 seed."
    data = load(run.data, run.seed)
    same = float((data.validation.y == data.majority_class).mean())
    assert sentence(app).startswith(f"{said} Always the commonest class of training: accuracy {theme.percent(same)} (error ")
    assert set(table_with(app, "Run").columns) == {
        *("Run", "Validation accuracy", "Validation accuracy at the last epoch", "Best epoch", "Time (s)")
    }
    seen = visit_all(lab)
    assert "there is only one" in seen["pairs"]
    assert "two fields" in seen["pivot"]
    assert "differ in some field" in seen["parallel"]


def test_no_run(lab: Lab) -> None:
    app = open_page("compare", view="curves", chosen="0123456789abcdef", filter="x", **{"from": "y"})
    assert "There are no runs" in words(app)
    assert not chart_keys(app)


@pytest.mark.parametrize("state", ["queued", "invalid"])
def test_no_score(lab: Lab, state: str) -> None:
    run = small(epochs=2)
    if state == "queued":
        lab.store.submit(run)
        app = open_page("compare")
        assert sentence(app) == "1 run in 1 group; none has a score yet."
        visit_all(lab)
    else:
        invalid(lab, run)
        app = open_page("compare")
        assert "another version of the program" in words(app)
        assert "Clear it" not in words(app)


# Its numbers


def test_groups_are_means_over_seeds_with_intervals(scores: Lab) -> None:
    app = open_page("compare", view="scores")
    table = table_with(app, "group", "mean", "low", "high", "n")
    runs = pd.DataFrame(
        [one.row() | {"kind": one.config.net.kind, "K": one.config.net.depth} for one in scores.store.list_runs()]
    )
    means = 100 * runs.groupby(["kind", "K"])["best_validation_accuracy"].mean().sort_values(ascending=False)
    assert table["mean"].tolist() == pytest.approx(means.tolist(), rel=1e-12)
    assert table["n"].tolist() == [3, 3, 3]
    for (kind, depth), line in zip(means.index, table.to_dict("records"), strict=True):
        assert line["mean"] == pytest.approx(100 * np.mean(WRITTEN[kind, depth][0]))
        assert math.isnan(line["low"])  # three seeds are too few
    assert f"accuracy {theme.percent(float(np.mean(WRITTEN['tree', 2][0])))}, n = 3 seeds." in sentence(app)
    assert sentence(app).startswith("9 runs in 3 groups; best on validation is ")
    by_loss = open_page("compare", view="scores", metric="loss")
    losses = runs.groupby(["kind", "K"])["best_validation_loss"].mean().sort_values()
    assert table_with(by_loss, "group", "mean")["mean"].tolist() == pytest.approx(losses.tolist())


def test_tables_that_seeds_split_anew_widen_the_interval(lab: Lab) -> None:
    from leafscope.core.datasets import shape

    runs = [small(seed=seed, epochs=2) for seed in range(5)]
    for run in runs:
        lab.finish(run)
    app = open_page("compare", view="scores")
    size = shape(runs[0].data)
    values = [lab.store.run(run.run_id).best["validation_accuracy"] for run in runs]
    wanted = share_interval(values, overlap=size.n_test / size.n_train)
    line = table_with(app, "group", "mean", "low", "high").iloc[0]
    assert [line["mean"], line["low"], line["high"]] == pytest.approx([100 * wanted.mean, 100 * wanted.low, 100 * wanted.high])
    assert "Nadeau and Bengio" in scores_caption(app)


def scores_caption(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in app.caption)


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_two_groups_are_paired_by_seed(scores: Lab, metric: str) -> None:
    app = open_page("compare", view="pairs", metric=metric, report=1)
    order = sorted(WRITTEN, key=lambda name: -np.mean(WRITTEN[name][0]))
    for split, place in (("validation", 0), ("test", 1)):
        first, second = (np.array(WRITTEN[name][place]) for name in order[:2])
        if metric == "loss":
            first, second = 1 - first, 1 - second
        result = stats.ttest_rel(first, second)
        low, high = result.confidence_interval(0.95)
        table = table_with(app, "seed", "first", "second", "difference")
        if split == "validation":
            factor = 100 if metric == "accuracy" else 1
            assert table["difference"].tolist() == pytest.approx((factor * (first - second)).tolist())
        said = next(line for line in words(app).split("\n") if line.startswith(f"{split.capitalize()} {metric} of"))
        if metric == "accuracy":
            mean = f"{100 * (first - second).mean():+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], n = 3"
        else:
            written = [theme.three_significant(value) for value in ((first - second).mean(), low, high)]
            signed = [text if text.startswith("-") else f"+{text}" for text in written]
            mean = "{} nats [{}, {}], n = 3".format(*signed)
        assert mean in said
        p = "p < 0.001" if result.pvalue < 0.001 else f"p = {result.pvalue:.2g}"
        assert (p in said) == (result.pvalue < 0.05)
        assert ("no difference shown" in said) == (result.pvalue >= 0.05)
    differs = table_with(app, "Field")
    assert differs["Field"].tolist()[0] == "depth K"


def test_curves_are_the_mean_of_the_histories(scores: Lab) -> None:
    app = open_page("compare", view="curves", curves="validation", x_axis="step")
    table = table_with(app, "group", "mean")
    best = table[table["group"] == table["group"].iloc[0]]
    expected = 100 * np.array(WRITTEN["tree", 2][0]).mean()
    assert best["mean"].tolist() == pytest.approx([expected - 30, expected - 30, expected])
    assert best["n"].tolist() == [3, 3, 3]


def test_pivot_has_the_mean_of_each_cell(scores: Lab) -> None:
    app = open_page("compare", view="pivot", rows="net.kind", columns="net.depth", value="last_validation_accuracy")
    table = next(one.value for one in app.dataframe if "mean" in one.value.columns)
    cells = {
        (str(line.iloc[0]), str(line.iloc[1])): line["mean"] for _, line in table.iterrows() if not math.isnan(line["mean"])
    }
    for (kind, depth), (validation, _) in WRITTEN.items():
        mean = cells[kind, str(depth)]
        assert mean == pytest.approx(np.mean(validation)) or mean == pytest.approx(100 * np.mean(validation))
    assert len(cells) == len(WRITTEN)
    flats = {scored("flat", 2, seed).run_id for seed in SEEDS}
    opened = open_page("compare", view="pivot", rows="net.kind", columns="net.depth", cell=min(flats))
    assert [name.split()[1] for name in table_with(opened, "Run")["Run"]] == ["flat"] * 3


# Test scores


def test_test_scores_stay_away_until_asked_for(scores: Lab) -> None:
    values = [value for _, of_test in WRITTEN.values() for value in (*of_test, float(np.mean(of_test)))]
    values += [value - 0.3 for value in values]
    losses = [1 - value for value in values]
    forbidden = np.array([*values, *(100 * np.array(values)), *losses])
    written = {theme.percent(value) for value in values} | {f"{value:.4f}" for value in values}
    # numbers that are not of test, which may by chance be written alike
    mine = [value for of_validation, _ in WRITTEN.values() for value in of_validation]
    written -= {theme.percent(value) for value in mine}

    def shown(app: AppTest) -> tuple[bool, bool]:
        numbers = numbers_of(app)
        found = bool(len(numbers)) and bool(np.isclose(numbers[:, None], forbidden[None, :], rtol=0, atol=1e-9).any())
        text = everything(app)
        return found or any(word in text for word in written), bool(re.search(r"[Tt]est (accuracy|loss)", text))

    hidden = open_page("compare")
    reported = open_page("compare", report=1)
    for view in VIEWS:
        for app, is_reported in ((hidden, False), (reported, True)):
            app.button_group(key="view").set_value(view)
            run_app(app)
            if not is_reported:
                assert shown(app) == (False, False), view
                assert "chosen among" not in everything(app), view
            elif view in ("table", "scores", "pairs"):
                assert shown(app) == (True, True), view
            if is_reported:
                assert "chosen among 3 configurations" in words(app), view
    app = open_page("compare", report=1)
    always, groups = table_with(app, "Group", "Seeds").iloc[0], table_with(app, "Group", "Seeds").iloc[1:]
    runs = {(one.config.data, one.config.data_seed) for one in scores.store.list_runs()}
    data = [load(*one) for one in runs]
    for split in ("validation", "test"):
        same = np.mean([(part.splits[split].y == part.majority_class).mean() for part in data])
        assert always[f"{split.capitalize()} accuracy, best"] == theme.percent(same)
    assert groups["Test accuracy, best"].str.startswith(theme.percent(float(np.mean(WRITTEN["tree", 2][1])))).tolist() == [
        True,
        False,
        False,
    ]
    means = [np.mean(validation) for validation, _ in WRITTEN.values()]
    assert [text.partition(" [")[0] for text in groups["Validation accuracy, best"]] == [
        f"{100 * mean:.1f} %" for mean in sorted(means, reverse=True)
    ]


# The tables


def flat(run: RunConfig) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in run.canonical().items():
        values |= {f"{name}.{inner}": one for inner, one in value.items()} if isinstance(value, dict) else {name: value}
    return values


def test_columns_are_the_fields_that_differ(lab: Lab) -> None:
    runs = every_kind(lab)
    app = open_page("compare", filter="data=wine")
    flats = [flat(run) for run in runs if run.data.name == "wine"]
    fields = {field for one in flats for field in one if field not in ("split_seed", "init_seed")}
    differ = {field for field in fields if len({one.get(field) for one in flats}) > 1}
    heads = {field_words(field)[:1].upper() + field_words(field)[1:] for field in differ}
    always = {"Run", "Group", "Validation accuracy", "Validation accuracy at the last epoch", "Best epoch", "Time (s)"}
    assert set(table_with(app, "Run", "Best epoch").columns) == heads | always
    assert "the same in all: data wine" in words(app)
    alike = open_page("compare", filter="kind=tree depth=2 data=wine")
    assert set(table_with(alike, "Run", "Best epoch").columns) == always - {"Group"} | {"Seed"}


def test_baseline(scores: Lab) -> None:
    app = open_page("compare")
    assert "Minus baseline" not in table_with(app, "Group", "Seeds").columns
    app.selectbox(key="baseline").select_index(2)
    run_app(app)
    column = table_with(app, "Group", "Seeds")["Minus baseline"].tolist()
    assert pd.isna(column.pop(0))  # of always the same answer
    assert column[1] == "baseline"
    base = np.array(WRITTEN["tree", 0][0])
    others = [np.array(WRITTEN[name][0]) for name in (("tree", 2), ("flat", 2))]
    tests = [stats.ttest_rel(other, base) for other in others]
    ordered = np.argsort([test.pvalue for test in tests])
    adjusted = np.zeros(2)
    adjusted[ordered[0]] = min(1, 2 * tests[ordered[0]].pvalue)
    adjusted[ordered[1]] = max(adjusted[ordered[0]], tests[ordered[1]].pvalue)
    for cell, other, test, p in zip((column[0], column[2]), others, tests, adjusted, strict=True):
        low, high = test.confidence_interval(0.95)
        said = f"{100 * (other - base).mean():+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        assert cell == (said if p < 0.05 else f"{said}, not shown")
    # it goes along to another session, and to the figure of scores
    again = open_page("compare", **parameters(app))
    assert table_with(again, "Group", "Seeds").equals(table_with(app, "Group", "Seeds"))
    again.button_group(key="view").set_value("scores")
    run_app(again)
    assert table_with(again, "group", "baseline")["baseline"].tolist() == [False, True, False]


def test_group_by(scores: Lab) -> None:
    app = open_page("compare", by="net.kind", view="scores")
    table = table_with(app, "group", "mean", "n")
    # trees of both depths are one group, whose seeds are averaged first
    seeds = [np.mean([WRITTEN["tree", depth][0][seed] for depth in (0, 2)]) for seed in SEEDS]
    assert table["group"].tolist() == ["tree", "flat"]
    assert table["mean"][0] == pytest.approx(100 * np.mean(seeds))
    assert table["n"].tolist() == [3, 3]
    app.multiselect(key="by").set_value(["net.depth"])
    run_app(app)
    assert table_with(app, "group", "mean")["group"].tolist() == ["depth K 2", "depth K 0"]
    assert parameters(app)["by"] == "net.depth"
    app.multiselect(key="by").set_value([])
    run_app(app)
    assert len(table_with(app, "group", "mean")) == 3
    assert "by" not in parameters(app)


def test_filter(scores: Lab) -> None:
    app = open_page("compare", filter="kind=tree depth>=1")
    assert sentence(app).startswith("3 runs in 1 group")
    app.text_input(key="filter").set_value("depth>=much")
    run_app(app)
    # nothing is lost by a wrong filter, and the text stays to be corrected
    assert sentence(app).startswith("9 runs in 3 groups")
    assert "must be compared with a number" in words(app)
    assert app.text_input(key="filter").value == "depth>=much"
    app.text_input(key="filter").set_value("depth=77")
    run_app(app)
    assert "No run matches the filter" in words(app)
    app.text_input(key="filter").set_value("")
    run_app(app)
    assert sentence(app).startswith("9 runs")
    assert "filter" not in parameters(app)
    app.selectbox(key="_filter_field").set_value("net.kind")
    run_app(app)
    app.multiselect(key="_filter_net.kind").set_value(["flat"])
    run_app(app)
    press(app, "_filter_add")
    assert parameters(app)["filter"] == "net.kind=flat"
    assert sentence(app).startswith("3 runs in 1 group")


# Chosen rows


def test_chosen_rows_go_to_the_address(scores: Lab, choose_rows: Any) -> None:
    ids = [one.run_id for one in scores.store.list_runs()]
    choose_rows([1, 4], "compare_table")
    app = open_page("compare")
    assert parameters(app)["chosen"] == f"{ids[1]}.{ids[4]}"
    assert "chosen from 9" in sentence(app)
    choose_rows(None)
    again = open_page("compare", view="scores", chosen=f"{ids[1]}.{ids[4]}")
    assert sentence(again) == sentence(app)
    assert sum(table_with(again, "group", "n")["n"]) == 2
    # on another page and back
    go(again, "runs")
    go(again, "compare")
    assert sentence(again) == sentence(app)


def test_unknown_chosen_run(scores: Lab) -> None:
    known = scores.store.list_runs()[0]
    gone = scored("flat", 1, 0)
    asked = f"{known.run_id}.{gone.run_id}"
    app = open_page("compare", chosen=asked)
    assert "1 run in this address is not here: deleted, or made on another machine" in words(app)
    assert not [button for button in app.button if button.key == "_train_plan"]
    assert sentence(app).startswith("1 run in 1 group, chosen from 9")
    app = open_page("compare", chosen=asked, plan=encode([known.config, gone]))
    assert "1 run in this address is not here yet" in words(app)
    press(app, "_train_plan")
    assert scores.store.run(gone.run_id).status == "queued"
    assert sentence(app).startswith("2 runs in 2 groups, chosen from 10")


# The address


@pytest.mark.parametrize("garbage", ["<img src=x>\u202e![x](http://a.b/c.png)", "-1", "9" * 3000])
def test_garbage_in_the_address(scores: Lab, garbage: str) -> None:
    names = ["view", "from", "filter", "chosen", "by", "metric", "report", "baseline", "slots", "plan", "x_axis", "curves"]
    names += ["log_x", "log_y", "singles", "first", "second", "rows", "columns", "value", "cell", "x", "y", "leaf_split"]
    names += ["scatter_log_x", "scatter_log_y", "size", "image"]
    app = open_page("compare", **dict.fromkeys(names, garbage))
    assert "There is no sweep" in words(app)
    text = "\n".join(
        str(element.value) for kind in ("markdown", "error", "warning", "info", "toast") for element in getattr(app, kind)
    )
    assert not re.search(r"(?<!\\)!\[|(?<!\\)<img", re.sub(r"`[^`]*`", "", text))
    for view in ("curves", "pairs", "pivot", "scatter", "leaves") if "<" in garbage else ("pairs",):
        app = open_page("compare", **(dict.fromkeys(names, garbage) | {"view": view, "filter": ""}))
        assert sentence(app).startswith("9 runs in 3 groups; best")
        assert figures(app)


VIEWED = [
    {"view": "curves", "x_axis": "multiply_adds", "log_x": 1, "curves": "train", "singles": 0},
    {"view": "pairs", "by": "net.kind", "report": 1},
    {"view": "scatter", "x": "net.depth", "y": "seconds", "scatter_log_y": 1, "filter": "kind=tree"},
    {"view": "leaves", "leaf_split": "validation", "size": "projector"},
]


@pytest.mark.parametrize("asked", VIEWED, ids=lambda asked: str(asked["view"]))
def test_the_address_restores_the_view(scores: Lab, asked: dict[str, Any]) -> None:
    app = open_page("compare", **asked)
    given = parameters(app)
    assert given.items() >= {name: str(value) for name, value in asked.items()}.items()
    again = open_page("compare", **given)
    assert words(again) == words(app)
    assert figures(again) == figures(app)
    assert parameters(again) == given


def colours(app: AppTest) -> dict[str, str]:
    """Group -> colour, in the figure of scores."""
    means = [trace for trace in figures(app)["scores"]["data"] if trace["name"] == "best epoch"]
    return {trace["hovertext"][0].partition("<br>")[0]: trace["marker"]["color"] for trace in means}


def test_colours_stay_when_the_filter_narrows(lab: Lab) -> None:
    for seed in (0, 1):
        for kind, depth in (("tree", 0), ("tree", 1), ("flat", 0), ("flat", 2)):
            lab.finish(scored(kind, depth, seed))
    app = open_page("compare", view="scores")
    before = colours(app)
    assert len(set(before.values())) == 4
    # still no model of its own for each group, and more than one number in which they differ
    for text in ("kind=flat|tree depth=0..1", "kind=flat|tree depth=0..1 seed=1"):
        app.text_input(key="filter").set_value(text)
        run_app(app)
        narrowed = colours(app)
        assert len(narrowed) == 3
        assert narrowed.items() <= before.items(), text
        again = open_page("compare", **parameters(app))
        assert figures(again) == figures(app)
    app.text_input(key="filter").set_value("")
    run_app(app)
    assert colours(app) == before


def test_colours_of_models_stay(scores: Lab) -> None:
    app = open_page("compare", view="scores", by="net.kind")
    before = colours(app)
    assert before == {"tree": theme.model_colour("tree"), "flat": theme.model_colour("flat")}
    app.text_input(key="filter").set_value("kind=flat")
    run_app(app)
    assert list(colours(app).values()) == [theme.model_colour("flat")]


# What people wrote


def test_hostile_names_are_text(scores: Lab, choose_rows: Any) -> None:
    runs = scores.store.list_runs()
    for one in runs[:4]:
        scores.store.annotate(one.run_id, name=HOSTILE[:9_990], comment=HOSTILE, tags=[HOSTILE[:55].replace(",", "")])
    app = open_page("compare", by="tags")
    for view in VIEWS:
        app.button_group(key="view").set_value(view)
        run_app(app)
        check_text(app)
    chosen = open_page("compare", chosen=runs[0].run_id)
    check_text(chosen)
    choose_rows([0])
    check_text(open_page("runs"))
    check_text(open_page("runs", find="img"))


def check_text(app: AppTest) -> None:
    """Markdown has no image, tag or link of its own; Plotly gets no tag but its line breaks; nothing turns around."""
    markdown = [
        str(element.value)
        for kind in ("title", "markdown", "caption", "info", "warning", "error", "toast")
        for element in getattr(app, kind)
    ]
    markdown += [str(button.label) for button in app.button]
    for text in markdown:
        assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(|(?<!\\)<img|(?<!\\)\*\*b", text), text[:300]
        assert "\u202e" not in text
        assert len(text) < 4_000, len(text)
    for figure in figures(app).values():
        for text in texts_of({part: value for part, value in figure.items() if part in ("data", "layout")}):
            assert "<img" not in text
            assert "\u202e" not in text
            assert len(text) < 2_000
    for element in app.selectbox:
        assert all("\u202e" not in option and len(option) < 400 for option in element.options)


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("customdata", "bdata", "meta", "legendgroup"):  # which are not drawn
                yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def test_name_tags_and_comment_of_one_run(scores: Lab) -> None:
    run_id = scores.store.list_runs()[0].run_id
    app = open_page("compare", chosen=run_id)
    app.text_input(key=f"_compare_name_{run_id}").set_value("My <b>run</b>")
    app.text_area(key=f"_compare_comment_{run_id}").set_value("said\nin two lines")
    app.text_input(key=f"_compare_tags_{run_id}").set_value(" talk, draft,talk, ")
    press(app, "Save")
    now = scores.store.run(run_id)
    assert (now.name, now.comment, now.tags) == ("My <b>run</b>", "said\nin two lines", ("talk", "draft"))
    line = table_with(app, "Run", "Comment", "Tags").set_index("Run").loc["My <b>run</b>"]
    assert line["Comment"] == "said in two lines"
    assert list(line["Tags"]) == ["talk", "draft"]
    app.text_input(key=f"_compare_tags_{run_id}").set_value("t" * 61)
    press(app, "Save")
    assert "a tag must have from 1 to 60 characters, got 61" in words(app)
    assert scores.store.run(run_id).tags == ("talk", "draft")


def test_tags_of_many_runs(scores: Lab) -> None:
    first, second = (one.run_id for one in scores.store.list_runs()[:2])
    scores.store.annotate(first, name="kept", tags=["old"])
    app = open_page("compare", chosen=f"{first}.{second}")
    app.text_input(key="_compare_add").set_value("talk")
    app.text_input(key="_compare_remove").set_value("old")
    press(app, "Save")
    assert [scores.store.run(one).tags for one in (first, second)] == [("talk",), ("talk",)]
    assert scores.store.run(first).name == "kept"


# Files


def test_csv_has_all_runs_and_fields(scores: Lab, downloads: dict[str, Any]) -> None:
    named = scores.store.list_runs()[0].run_id
    scores.store.annotate(named, name="named", comment='says, "so"\nand so', tags=["a", "b"])
    open_page("compare")
    table = pd.read_csv(io.BytesIO(downloads["leafscope-comparison.csv"]())).set_index("run_id")
    known = {one.run_id: one for one in scores.store.list_runs()}
    assert set(table.index) == set(known)
    for run_id, summary in known.items():
        row = table.loc[run_id]
        for field, value in flat(summary.config).items():
            assert row[field] == value, field
        for which, values in (("best", summary.best), ("last", summary.last)):
            for name, value in values.items():
                assert row[f"{which}_{name}"] == pytest.approx(value, abs=0, rel=1e-15)
    assert [table.loc[named, name] for name in ("title", "comment", "tags")] == ["named", 'says, "so"\nand so', "a, b"]
    open_page("compare", chosen=named)
    assert pd.read_csv(io.BytesIO(downloads["leafscope-comparison.csv"]()))["run_id"].tolist() == [named]


def test_one_file_is_imported_elsewhere(scores: Lab, downloads: dict[str, Any], tmp_path: Path) -> None:
    chosen = [one.run_id for one in scores.store.list_runs()[:2]]
    scores.store.annotate(chosen[0], name="named", tags=["a"])
    open_page("compare", chosen=".".join(chosen))
    other = Store(tmp_path / "other.db")
    import_archive(other, io.BytesIO(downloads["runs.leafscope"]()))
    assert {one.run_id for one in other.list_runs()} == set(chosen)
    for run_id in chosen:
        here, there = scores.store.run(run_id), other.run(run_id)
        assert (there.name, there.tags, there.best, there.last) == (here.name, here.tags, here.best, here.last)
        assert other.history(run_id).equals(scores.store.history(run_id))
        assert other.artifact(run_id, NET) == scores.store.artifact(run_id, NET)
    other.close()


def test_script_is_the_runs(scores: Lab) -> None:
    first, second = scores.store.list_runs()[:2]
    app = open_page("compare", chosen=first.run_id)
    (code,) = (element.value for element in app.code if "run_id" in element.value)
    assert code == script(first.config).rstrip()
    assert f'assert run.run_id == "{first.run_id}"' in code
    call = next(node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Assign) and node.targets[0].id == "run")  # type: ignore[attr-defined]
    names: dict[str, Any] = {}
    exec("from leafscope.core.config import *\n" + ast.unparse(call), names)
    assert names["run"] == first.config
    both = open_page("compare", chosen=f"{first.run_id}.{second.run_id}")
    assert not [element for element in both.code if "run_id" in element.value]


def test_run_without_a_valid_configuration_is_named_on_runs(lab: Lab, choose_rows: Any) -> None:
    run = small(epochs=2)
    invalid(lab, run)
    choose_rows([0])
    app = open_page("runs")
    assert not [element for element in app.code if "run_id" in element.value]
    app.text_input(key=f"_runs_name_{run.run_id}").set_value("old one")
    press(app, "Save")
    assert lab.store.run(run.run_id).name == "old one"


def test_runs_that_chose_and_runs_that_are_reported_are_told_apart(lab: Lab) -> None:
    sweep = SweepConfig(
        name="two stages", base=small("moons", epochs=2), axes={"net.depth": [0, 2], "seed": [0, 1]}, report_seeds=[5, 6]
    )
    run_sweep(sweep, store=lab.store)
    at = open_page("compare", **{"from": "all"})
    assert "Compared together: 4 runs that chose and 4 runs that are reported (sweep two stages)." in words(at)
    said = words(open_page("compare", **{"from": sweep.sweep_id}))
    assert "Compared together" not in said
    assert "Runs on the reporting seeds of the sweep: chosen on seeds 0 and 1, reported on seeds 5 and 6." in said
    only = open_page("compare", **{"from": "all"}, filter="seed<=1")
    assert "4 runs of the sweep two stages on its choosing seeds: scores flatter what was chosen." in words(only)
    assert "4 runs of the sweep two stages on its reporting seeds." in words(
        open_page("compare", **{"from": "all"}, filter="seed>=5")
    )
