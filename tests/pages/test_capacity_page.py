"""Capacity: counts are closed forms, times those of the benchmark, and nets and errors those of the sweep."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leafscope.app import cli
from leafscope.app.capacity import exchange, measurement, sections
from leafscope.app.figures.shared.model_style import model_words
from leafscope.core.comparison.exchange import exchange_rate
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.worker.inline import run_sweep
from tests.pages.harness import (
    Lab,
    decoded,
    figures,
    open_lab,
    open_page,
    param,
    plain,
    press,
    progress,
    run_app,
    stock,
    table_with,
    words,
)

BASE = RunConfig(
    data=DataConfig(name="wine"),
    net=NetConfig(width=6),
    train=TrainConfig(epochs=2, batch_size=16, lr=0.02, device="cpu"),
)
SWEEP = SweepConfig(
    name="small",
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "net.width": [6, 8], "seed": [0, 1]},
    baselines=["dense", "dense_capacity", "dense_ladder", "random_gates", "logistic", "decision_tree"],
)
ROOT = Path(measurement.__file__).resolve().parents[2]
SIZE = shape(BASE.data)
DENSE_MS = {"training": 0.8, "inference": 0.05}
AGAINST = {
    ("training", 0): 1.1,
    ("training", 4): 2.0,
    ("training", 8): 4.0,
    ("training", 12): 40.0,
    ("inference", 0): 1.2,
    ("inference", 4): 3.0,
    ("inference", 8): 5.0,
    ("inference", 12): 10.0,
}


@pytest.fixture(autouse=True)
def no_measurement(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is measured at first, nor at the end."""
    monkeypatch.setattr(measurement, "_process", None)
    yield
    measurement.stop()


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A database with a sweep, trained once, and the table of its results."""
    results: list[pd.DataFrame] = []
    path = stock(
        tmp_path_factory.mktemp("sweep"),
        lambda lab: results.append(run_sweep(SWEEP, store=lab.store, threads=1, device="cpu")),
    )
    return path, results[0]


def benchmark(quick: bool = True, **against: float) -> dict[str, Any]:
    """A result as `leafscope bench` keeps it; batches of 1 row are half as slow as the others, against the dense layer."""
    rows = []
    for (phase, depth), usual in AGAINST.items():
        factor = against.get(f"{phase}_{depth}", usual)
        for n in (1, 64, 1024):
            times = factor / 2 if n == 1 else factor
            capacity = 2 ** (depth + 1) - 1 if phase == "training" else 2**depth
            rows.append(
                {
                    "phase": phase,
                    "depth": depth,
                    "rows": n,
                    "milliseconds": 1.3 * times * DENSE_MS[phase],
                    "dense_milliseconds": 1.3 * DENSE_MS[phase] if depth == 12 else DENSE_MS[phase],
                    "against_dense": times,
                    "capacity_time_ratio": capacity / times,
                    "parameters": capacity * 4160,
                    "touched_bytes": 16640.0 * min(capacity, n),
                }
            )
    environment = {"date": "2001-09-09T01:46:40+00:00", "leafscope": "0.1.0", "machine": "a <laptop>", "threads": 2}
    return {"environment": environment, "quick": quick, "groups": {"capacity": rows}}


def line(figure: dict[str, Any], name: str) -> dict[float, float]:
    """Depth (or cost) -> value of the line of that name in a figure."""
    (trace,) = (trace for trace in figure["data"] if trace.get("name", "").replace("<br>", " ") == name)
    x, y = decoded(trace["x"]), decoded(trace["y"])
    return {float(one): float(other) for one, other in zip(x, y, strict=True) if other is not None}


def names(figure: dict[str, Any]) -> set[str]:
    return {trace["name"].replace("<br>", " ") for trace in figure["data"] if "name" in trace}


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


# Without anything


def test_counts_need_no_measuring(lab: Lab) -> None:
    at = open_page("capacity")
    assert at.title[0].value == "What capacity costs"
    assert set(figures(at)) == {"capacity_layer"}
    drawn = figures(at)["capacity_layer"]
    assert names(drawn) == {"parameters stored", "distinct after collapsing", "multiply-adds"}
    assert line(drawn, "parameters stored") == {k: 2.0 ** (k + 1) - 1 for k in range(13)}
    assert line(drawn, "distinct after collapsing") == {k: 2.0**k for k in range(13)}
    assert line(drawn, "multiply-adds") == dict.fromkeys(range(13), 1.0)
    said = words(at)
    assert "At K = 8 the tree layer stores 511 times the parameters of the dense layer for the same multiply-adds." in said
    assert "has not been measured on this machine" in said
    assert at.button(key="_measure").label == "Measure on this machine (about 34 s)"
    assert not at.error
    links: Any = at.get("page_link")
    assert [link.proto.page for link in links] == ["overfitting"]
    assert not [key for key in ("layer_depth", "layer_gates", "cost", "trees") if param(at, key) is not None]


@pytest.mark.parametrize("gates", ["units", "random"])
def test_gates_cost_multiply_adds(lab: Lab, gates: str) -> None:
    at = open_page("capacity", layer_gates=gates, layer_depth=4)
    drawn = figures(at)["capacity_layer"]
    units = 65 if gates == "units" else 0
    assert line(drawn, "multiply-adds") == pytest.approx({k: 1 + k / 64 for k in range(13)})
    gating = line(drawn, "of these, gates")
    assert {k: gating[k] for k in range(1, 13)} == pytest.approx({k: k / 64 for k in range(1, 13)})
    assert line(drawn, "parameters stored")[12] == pytest.approx((8191 * 4160 + 12 * units) / 4160)
    assert "for 1.06 times the multiply-adds" in words(at)
    assert (param(at, "layer_gates"), param(at, "layer_depth")) == (gates, "4")


# With a benchmark


def test_times_are_those_of_the_benchmark(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark())
    at = open_page("capacity")
    drawn = figures(at)["capacity_layer"]
    assert line(drawn, "time of a training step") == pytest.approx({k: AGAINST["training", k] for k in (0, 4, 8, 12)})
    assert line(drawn, "time of inference") == pytest.approx({k: AGAINST["inference", k] for k in (0, 4, 8, 12)})
    assert line(drawn, "bytes touched by a step") == pytest.approx({0: 1, 4: 31, 8: 511, 12: 1024})
    said = words(at)
    assert (
        "At K = 8 the tree layer stores 511 times the parameters of the dense layer for the same multiply-adds; a training "
        "step of 1,024 rows takes 4.00 times as long: a capacity-time ratio of 128." in said
    )
    assert "Measured by leafscope bench on 2001-09-09 01:46 UTC, a <laptop>, 2 threads, a quick run." in said
    assert not at.warning
    assert at.button(key="_measure").label == "Measure again"
    kept = table_with(at, "dense_milliseconds")
    assert len(kept) == 24


def test_ratios_are_those_of_the_benchmark(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark(quick=False))
    at = open_page("capacity")
    drawn = figures(at)["capacity_ratio"]
    assert names(drawn) == {
        "training, 64 rows",
        "training, 1,024 rows",
        "inference, 1 row",
        "inference, 64 rows",
        "inference, 1,024 rows",
    }
    expected = {k: 2**k / (AGAINST["inference", k] / 2) for k in (0, 4, 8, 12)}
    assert line(drawn, "inference, 1 row") == pytest.approx(expected)
    assert "a full run" in words(at)


def test_depths_that_are_not_measured(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark())
    assert "Times are measured at K = 0, 4, 8 and 12, not at 5." in words(open_page("capacity", layer_depth=5))


def test_no_ratio_of_gates_that_are_not_measured(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark())
    said = words(open_page("capacity", layer_gates="units"))
    assert "Times are measured only of gates that are hidden units" in said
    assert "capacity-time ratio of" not in said


def test_a_busy_machine_is_told(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark(training_0=0.03, training_8=0.1))
    at = open_page("capacity")
    assert "the tree layer took 0.0300 times as long" in plain(at.warning[0].value)
    said = words(at)
    assert "The measured times cannot be trusted" in said
    assert "a capacity-time ratio of" not in said
    assert "These times cannot be trusted" in said


@pytest.mark.parametrize(("against", "busy"), [(0.49, True), (0.5, False), (2.05, False), (4.0, False), (4.1, True)])
def test_what_is_trusted(lab: Lab, against: float, busy: bool) -> None:
    lab.store.add_benchmark(benchmark(training_0=against))
    kept = lab.store.latest_benchmark("capacity")
    assert kept is not None
    assert (sections.busy_words(kept) is not None) == busy


def test_the_newest_benchmark_with_the_group_counts(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark(training_8=2.0))
    lab.store.add_benchmark(benchmark() | {"groups": {"peers": []}})
    assert "takes 2.00 times as long" in words(open_page("capacity"))


def unstable(result: dict[str, Any], phase: str, depth: int) -> dict[str, Any]:
    """The same result, with the rows of one phase and depth marked, all others as steady."""
    rows = [
        row | {"spread": 0.1, "unstable": (row["phase"], row["depth"]) == (phase, depth)}
        for row in result["groups"]["capacity"]
    ]
    return result | {"groups": {"capacity": rows}}


def symbols(figure: dict[str, Any], name: str) -> Any:
    (trace,) = (trace for trace in figure["data"] if trace.get("name", "").replace("<br>", " ") == name)
    return trace["marker"]["symbol"]


def test_what_is_unstable_is_hollow_and_has_no_ratio(lab: Lab) -> None:
    lab.store.add_benchmark(unstable(benchmark(training_8=0.0085), "training", 8))
    at = open_page("capacity")
    drawn = figures(at)
    step = symbols(drawn["capacity_layer"], "time of a training step")
    assert [symbol.endswith("-open") for symbol in step] == [False, False, True, False]
    assert "-open" not in str(symbols(drawn["capacity_layer"], "time of inference"))
    ratio = symbols(drawn["capacity_ratio"], "training, 64 rows")
    assert [symbol.endswith("-open") for symbol in ratio] == [False, False, True, False]
    for figure in drawn.values():
        assert "hollow: unstable" in figure["layout"]["title"]["text"].replace("<br>", " ")
    said = words(at)
    assert "The time measured at K = 8 is unstable, so there is no capacity-time ratio: measure again." in said
    assert "a capacity-time ratio of" not in said
    assert "Unstable ratios are left out here." in said
    assert "a capacity-time ratio of 205" in words(open_page("capacity", layer_depth=12))


def test_an_unstable_time_at_depth_0_says_nothing_of_the_others(lab: Lab) -> None:
    lab.store.add_benchmark(unstable(benchmark(training_0=0.03), "training", 0))
    at = open_page("capacity")
    assert not at.warning
    assert "a capacity-time ratio of 128" in words(at)


def test_what_there_was_no_time_for_is_told(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark() | {"left_out": {"capacity": ["training, K = 4, N = 1", "inference, K = 4, N = 1"]}})
    assert "There was no time for training, K = 4, N = 1; inference, K = 4, N = 1." in words(open_page("capacity"))


def test_a_measurement_that_left_everything_out_is_shown(lab: Lab) -> None:
    lab.store.add_benchmark(benchmark() | {"groups": {"capacity": []}, "left_out": {"capacity": ["training, K = 8, N = 1"]}})
    said = words(open_page("capacity"))
    assert "has not been measured on this machine" in said
    assert "There was no time for training, K = 8, N = 1." in said


# Measuring from the page


def test_measuring_is_followed_and_stopped(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "_SCRIPT", "import time; time.sleep(60)")
    at = press(open_page("capacity"), "_measure")
    process = measurement._process
    assert process is not None
    assert "Measuring for" in progress(at)
    measurement.start()
    assert measurement._process is process  # not twice
    assert 0 <= measurement.state().fraction < 1
    assert "Measuring for" in progress(open_page("capacity"))  # in another session too
    at = press(at, "_stop_measuring")
    assert process.poll() is not None
    at = run_app(at)
    assert not at.error
    assert at.button(key="_measure")


def test_a_new_benchmark_is_shown(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    store = "from leafscope.core.store.store import Store; import os; store = Store(os.environ['LEAFSCOPE_DATABASE'])"
    keep = f"{store}; store.add_benchmark({benchmark()!r})"
    monkeypatch.setattr(measurement, "_SCRIPT", keep.replace("{", "{{").replace("}", "}}"))
    at = press(open_page("capacity"), "_measure")
    wait_until(lambda: not measurement.state().running)
    at = run_app(at)
    assert measurement.state().failure is None
    assert "a capacity-time ratio of 128" in words(at)
    assert at.button(key="_measure").label == "Measure again"


def test_a_failure_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "ARGUMENTS", [*measurement.ARGUMENTS, "--slow"])  # the command itself, which refuses
    at = press(open_page("capacity"), "_measure")
    wait_until(lambda: not measurement.state().running)
    at = run_app(at)
    said = plain(at.error[0].value)
    assert said.startswith("The last measurement gave no result.")
    assert "unrecognized arguments: --slow" in said
    assert lab.store.benchmarks() == []
    assert at.button(key="_measure")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks processes up in /proc")
def test_it_ends_with_the_server(tmp_path: Path) -> None:
    """The server is killed, so that nothing in it can end what it started."""
    begin = "from leafscope.app.capacity import measurement; measurement.start()"
    script = f"{begin}; print(measurement._process.pid, flush=True); input()"
    environment = os.environ | {"LEAFSCOPE_DATABASE": str(tmp_path / "server.db")}
    server = subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, env=environment)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    assert is_running(pid)
    server.kill()
    server.communicate()
    wait_until(lambda: not is_running(pid), 5.0)


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody waits for stays as a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_what_is_asked_for_is_understood() -> None:
    options = cli._parser().parse_args(measurement.ARGUMENTS)
    assert (options.command, options.groups, options.quick, options.no_store) == ("bench", ["capacity"], True, False)


# The nets of a sweep


@pytest.fixture
def table(stocked: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pd.DataFrame]:
    """The results of a sweep that the pages show."""
    path, results = stocked
    lab = open_lab(tmp_path, monkeypatch, path)
    yield results
    lab.store.close()


@pytest.mark.parametrize("width", [6, 8])
def test_nets_are_those_of_the_sweep(table: pd.DataFrame, width: int) -> None:
    at = open_page("capacity", at_width=width)
    drawn = figures(at)["capacity_nets"]
    trees = table[(table["model"] == "tree") & (table["width"] == width)]
    prices = {
        depth: cost(changed(BASE, {"net.width": width, "net.depth": depth}).net, SIZE.n_features, SIZE.n_classes)
        for depth in (0, 2)
    }
    assert line(drawn, "parameters stored")[2] == pytest.approx(prices[2].parameters / prices[0].parameters)
    assert line(drawn, "distinct after collapsing")[2] == pytest.approx(
        prices[2].distinct_parameters / prices[0].distinct_parameters
    )
    assert line(drawn, "multiply-adds") == {0: 1, 2: 1}
    for name, column in (
        ("trained (visited nodes)", "trained_parameters"),
        ("time of a training step", "seconds"),
        ("time of inference", "inference_seconds"),
    ):
        mean = trees.groupby("depth")[column].mean()
        assert line(drawn, name)[2] == pytest.approx(mean[2] / mean[0])
    assert param(at, "at_width") == (None if width == 6 else "8")


def test_gates_name_the_nets(table: pd.DataFrame) -> None:
    drawn = figures(open_page("capacity", layer_gates="random"))["capacity_nets"]
    assert "tree, random gates" in drawn["layout"]["title"]["text"].replace("<br>", " ")
    random = table[(table["model"] == "random_gates") & (table["width"] == 6)]
    price = random.groupby("depth")["multiply_adds"].first()
    assert line(drawn, "multiply-adds")[2] == pytest.approx(price[2] / price[0])
    assert line(drawn, "of these, gates")[2] == pytest.approx(2 * 6 / price[0])


@pytest.mark.parametrize("by", ["multiply_adds", "parameters"])
def test_errors_against_cost(table: pd.DataFrame, by: str) -> None:
    at = open_page("capacity", cost=by)
    points = table_with(at, "validation_mean", "on_front")
    for model in ("tree", "random_gates", "decision_tree", "logistic"):
        mine = table[table["model"] == model]
        for (depth, width), part in mine.groupby(["depth", "width"], dropna=False):
            (row,) = (
                row
                for row in points.to_dict("records")
                if row["model"] == model and same(row["depth"], depth) and same(row["width"], width)
            )
            assert row["cost"] == pytest.approx(part[by].mean())
            assert row["mean"] == pytest.approx(100 * (1 - part["best_test_accuracy"].mean()))
            assert row["validation_mean"] == pytest.approx(100 * (1 - part["best_validation_accuracy"].mean()))
            assert row["n"] == 2
    assert on_front(points) == points["on_front"].tolist()
    ladder = points[points["model"] == "dense_ladder"]
    assert sorted(ladder["width"]) == [12, 16, 24, 32]  # one line, at the widths that the nets have
    assert set(ladder["variant"]) == {""}
    assert param(at, "cost") == (None if by == "multiply_adds" else by)


def same(first: Any, second: Any) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def on_front(points: pd.DataFrame) -> list[bool]:
    """The Pareto front by its definition."""
    pairs = np.column_stack([points["cost"], points["validation_mean"].round(9)])
    return [not any((other <= mine).all() and (other < mine).any() for other in pairs) for mine in pairs]


def test_without_decision_trees(table: pd.DataFrame) -> None:
    at = open_page("capacity", trees=0)
    points = table_with(at, "validation_mean", "on_front")
    assert "decision_tree" not in set(points["model"])
    assert on_front(points) == points["on_front"].tolist()
    assert param(at, "trees") == "0"
    at.checkbox(key="trees").check()
    at = run_app(at)
    assert "decision_tree" in set(table_with(at, "validation_mean", "on_front")["model"])
    assert param(at, "trees") is None


def test_a_sweep_that_is_not_trained(lab: Lab) -> None:
    lab.store.submit_sweep(SWEEP, [])
    at = open_page("capacity")
    assert "No member of this sweep has a result yet" in words(at)
    assert set(figures(at)) == {"capacity_layer", "capacity_nets"}
    assert "trained (visited nodes)" not in names(figures(at)["capacity_nets"])


def test_a_sweep_without_gates(lab: Lab) -> None:
    dense = SweepConfig(name="dense", base=changed(BASE, {"net.kind": "dense"}), axes={"seed": [0]})
    lab.store.submit_sweep(dense, [])
    assert "This sweep has no net with gates" in words(open_page("capacity"))


def test_a_sweep_that_does_not_exist(lab: Lab) -> None:
    at = open_page("capacity", sweep="nonsense")
    assert "There is no sweep nonsense here" in words(at).replace("`", "")
    assert set(figures(at)) == {"capacity_layer"}


def test_bad_addresses(table: pd.DataFrame) -> None:
    at = open_page("capacity", layer_depth="40", layer_gates="<b>none</b>", at_width="7", trees="maybe")
    said = words(at)
    for key, usual in {"layer_depth": 8, "layer_gates": "hidden", "at_width": 6, "trees": True}.items():
        assert f"{key} in the address must be" in said
        assert at.session_state[key] == usual
        assert param(at, key) is None


def test_depths_of_the_benchmark_can_be_chosen() -> None:
    from leafscope.core.bench import capacity

    assert set(capacity.DEPTHS) <= set(sections.DEPTHS)


def test_the_equally_good_dense_net_of_each_depth_in_each_currency(table: pd.DataFrame) -> None:
    at = open_page("capacity", width=6)
    of_chosen, shown = (one.value for one in at.dataframe if "Multiply-adds in training" in one.value.columns)
    assert len(of_chosen) == len(shown.drop_duplicates("Model"))
    cell = table[table["width"].isna() | (table["width"] == 6)]
    dense = cell[cell["model"].isin(["dense", "dense_ladder"])].drop_duplicates(["net.width", "seed"])
    ladder = 1 - dense.pivot_table("best_test_accuracy", "net.width", "seed")
    for by, currency in exchange.CURRENCIES.items():
        for model in ("tree", "flat"):
            for depth in (0, 2):
                own = cell[(cell["model"] == model) & (cell["depth"] == depth)].set_index("seed")
                rate = exchange_rate(
                    dense.groupby("net.width")[by].median(),
                    ladder.to_numpy(),
                    own[by].median(),
                    1 - own["best_test_accuracy"].reindex(ladder.columns),
                )
                (row,) = (one for one in shown.to_dict("records") if one["K"] == depth and one["Model"] == model_words(model))
                assert row[f"{currency[0].upper()}{currency[1:]}"] == exchange.rate_words(rate)
                assert row["Seeds"] == 2
    chosen = [one.value for one in at.markdown if "as good as a dense net of" in one.value]
    assert any("tree" in words for words in chosen)
    assert any("flat" in words for words in chosen)


def test_without_a_ladder_of_dense_nets_the_page_says_what_is_missing(table: pd.DataFrame) -> None:
    rows = table[~table["model"].isin(["dense_ladder"])]
    assert exchange.rates(rows[rows["width"].isna() | (rows["width"] == 6)], "parameters").empty
