"""The sections of the Capacity page: from counts, a benchmark and the table of a sweep to figures with their numbers.

K depth (gating bits) · P = Q = 64 features of the measured layer · L = 2^K leaves · V = 2^(K+1) - 1 nodes.
"""

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.capacity.capacity_time_ratio import CapacityTimeRatio
from leafscope.app.figures.capacity.error_by_cost import Cost, ErrorByCost
from leafscope.app.figures.capacity.growth_plot import times_words
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table
from leafscope.app.sweeps import current
from leafscope.app.sweeps.curves import cost_points, errors_of
from leafscope.app.sweeps.findings import data_words, interval_words, stage_words
from leafscope.core import jobs
from leafscope.core.bench import FEATURES
from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.models import MODELS, decision_tree_lines, gated_lines
from leafscope.core.models.counting import FLOAT
from leafscope.core.store.values.summaries import Benchmark, SweepInfo

Gates = Literal["hidden", "units", "random"]

DEPTHS = range(13)
"""Depths that are counted; those that are measured are among them."""

ROWS = 1024
"""Rows of the batch whose times the main figure shows."""

RATIO_ROWS = {"training": (64, 1024), "inference": (1, 64, 1024)}
"""Phase -> rows of a batch whose capacity-time ratio is shown."""

_LAYER = f"one layer, {FEATURES} to {FEATURES} features"

TRUSTED = (0.5, 4.0)
"""At K = 0, where both layers compute the same, a training step must take between so many times the dense layer's: 1.4
on two idle cores of an Intel Xeon, 0.03 to 0.06 while others used the cores (this project's choice).
"""

GATE_WORDS: dict[Gates, str] = {"hidden": "hidden units", "units": "separate units", "random": "random hyperplanes"}
"""Where gating bits come from."""

_NUMBERS = ("depth", "rows", "milliseconds", "dense_milliseconds", "against_dense", "capacity_time_ratio", "touched_bytes")
"""The numbers of a row of the benchmark that figures show."""

_COLUMNS = ["quantity", "depth", "value", "unit", "unstable"]
_MEASURED = {"trained": "trained_parameters", "training_seconds": "seconds", "inference_seconds": "inference_seconds"}
"""Quantity -> column of a sweep's table."""
_UNITS = {
    "stored": "parameters",
    "distinct": "parameters",
    "trained": "parameters",
    "multiply_adds": "multiply-adds",
    "gate_multiply_adds": "multiply-adds",
    "touched_bytes": "bytes",
    "training_seconds": "s",
    "inference_seconds": "s",
}


_Line = tuple[str, float, float] | tuple[str, float, float, bool]
"""Quantity, depth, value, and whether it is unstable."""


@dataclass(frozen=True)
class Choice:
    """Which part of a sweep is shown, and how."""

    info: SweepInfo
    data: str
    n_train: int
    width: float
    """NaN where the sweep has no nets."""
    gates: Gates
    cost: Cost
    trees: bool
    """Whether decision trees are drawn."""

    @property
    def of_data(self) -> str:
        """What the figure of all widths is of."""
        return current.part_words(self.data, self.n_train)


# The measured layer


def layer_counts(depth: int, gates: Gates) -> dict[str, int]:
    """Count a tree layer from 64 to 64 features: stored, distinct, multiply_adds, and gate_multiply_adds unless hidden.

    >>> layer_counts(1, "units")
    {'stored': 12545, 'distinct': 8385, 'multiply_adds': 4160, 'gate_multiply_adds': 64}
    """
    matrix = FEATURES * FEATURES + FEATURES
    units = depth * (FEATURES + 1) if gates == "units" else 0
    gating = 0 if gates == "hidden" else depth * FEATURES
    counts = {
        "stored": (2 ** (depth + 1) - 1) * matrix + units,
        "distinct": 2**depth * matrix + units,
        "multiply_adds": FEATURES * FEATURES + gating,
    }
    return counts if gates == "hidden" else counts | {"gate_multiply_adds": gating}


def layer_lines(benchmark: Benchmark | None, gates: Gates) -> pd.DataFrame:
    """List counts and, if measured, bytes and times of the layer, by depth; the dense layer's have no depth.

    Columns quantity, depth, value, unit, unstable. A time is the ratio to the dense layer, taken within the same rounds, times
    the dense layer's median over all depths: what else the machine did then cancels.
    """
    lines: list[_Line] = []
    for depth in DEPTHS:
        lines += [(quantity, depth, value) for quantity, value in layer_counts(depth, gates).items()]
    dense = layer_counts(0, "hidden")
    lines += [(quantity, math.nan, value) for quantity, value in dense.items()]
    if benchmark is not None:
        training, inference = measured(benchmark, "training", ROWS), measured(benchmark, "inference", ROWS)
        lines += [("touched_bytes", row["depth"], row["touched_bytes"]) for row in training]
        lines += [("touched_bytes", math.nan, FLOAT * dense["stored"])] if training else []
        lines += _times("training_seconds", training) + _times("inference_seconds", inference)
    return _lines(lines)


def _times(quantity: str, rows: Sequence[dict[str, Any]]) -> list[_Line]:
    if not rows:
        return []
    dense = float(pd.Series([row["dense_milliseconds"] for row in rows]).median()) / 1e3
    lines: list[_Line] = [(quantity, row["depth"], row["against_dense"] * dense, is_unstable(row)) for row in rows]
    return [*lines, (quantity, math.nan, dense)]


def _lines(rows: Iterable[_Line]) -> pd.DataFrame:
    table = [
        (quantity, float(depth), float(value), _UNITS[quantity], any(unstable)) for quantity, depth, value, *unstable in rows
    ]
    return pd.DataFrame(table, columns=_COLUMNS)


def measured(benchmark: Benchmark, phase: str, rows: int) -> list[dict[str, Any]]:
    """The rows of the benchmark of one phase and batch, by depth."""
    found = [row for row in _rows(benchmark) if (row["phase"], row["rows"]) == (phase, rows)]
    return sorted(found, key=lambda row: row["depth"])


def _rows(benchmark: Benchmark) -> list[dict[str, Any]]:
    """All rows, without damaged ones."""
    return [
        row
        for row in benchmark.result["groups"]["capacity"]
        if isinstance(row.get("phase"), str) and all(isinstance(row.get(name), int | float) for name in _NUMBERS)
    ]


def is_unstable(row: dict[str, Any]) -> bool:
    """Whether the rounds of a row differed too much; what older versions measured does not say so."""
    return bool(row.get("unstable", False))


def ratio_rows(benchmark: Benchmark) -> pd.DataFrame:
    """List the capacity-time ratios as measured: phase, rows, depth, ratio, unstable."""
    return pd.DataFrame(
        [
            (phase, rows, row["depth"], row["capacity_time_ratio"], is_unstable(row))
            for phase, batches in RATIO_ROWS.items()
            for rows in batches
            for row in measured(benchmark, phase, rows)
        ],
        columns=["phase", "rows", "depth", "ratio", "unstable"],
    )


def summary(figure: CapacityByDepth, depth: int, gates: Gates, trusted: bool = True) -> str:
    """Say what the layer of a depth stores, computes and takes, each as a multiple of the dense layer's.

    The ratio is that of gates that are hidden units, the ones that are measured, and only of times that are `trusted`.
    Plain text: escape it before it reaches Markdown.

    >>> print(summary(CapacityByDepth(layer_lines(None, "hidden"), "dense"), 6, "hidden"))
    At K = 6 the tree layer stores 127 times the parameters of the dense layer for the same multiply-adds. How long that \
takes has not been measured on this machine.
    """
    table = figure.table()
    here = table[table["depth"] == depth].set_index("quantity")
    times = here["times"]
    computation = times["multiply_adds"]
    for_that = "the same multiply-adds" if computation == 1 else f"{times_words(computation)} times the multiply-adds"
    stores = (
        f"At K = {depth} the tree layer stores {times_words(times['stored'])} times the parameters of the dense layer "
        f"for {for_that}"
    )
    known = sorted(table.loc[(table["quantity"] == "training_seconds") & table["depth"].notna(), "depth"])
    if not known:
        return f"{stores}. How long that takes has not been measured on this machine."
    if gates != "hidden":
        return f"{stores}. Times are measured only of gates that are hidden units, so there is no capacity-time ratio."
    if "training_seconds" not in times:
        return f"{stores}. Times are measured at K = {theme.enumerate_words([f'{one:g}' for one in known])}, not at {depth}."
    if "unstable" in here and here.loc["training_seconds", "unstable"]:
        return f"{stores}. The time measured at K = {depth} is unstable, so there is no capacity-time ratio: measure again."
    if not trusted:
        return f"{stores}. The measured times cannot be trusted, so there is no capacity-time ratio."
    slower = times["training_seconds"]
    takes = f"takes {times_words(slower)} times as long: a capacity-time ratio of {times_words(times['stored'] / slower)}"
    return f"{stores}; a training step of {theme.thousands(ROWS)} rows {takes}."


def busy_words(benchmark: Benchmark) -> str | None:
    """Say that the times cannot be trusted, where the two layers differ at K = 0 as only a busy machine explains; or None."""
    low, high = TRUSTED
    for row in measured(benchmark, "training", ROWS):
        if row["depth"] == 0 and not is_unstable(row) and not low <= row["against_dense"] <= high:
            return (
                f"At K = 0 both layers compute the same, but the tree layer took {times_words(row['against_dense'])} times as "
                "long as the dense one: probably something else kept the machine busy. Measure again when it is idle."
            )
    return None


def measured_words(benchmark: Benchmark) -> str:
    """Say when, where and how the benchmark was measured."""
    when = datetime.fromtimestamp(benchmark.created, UTC)
    with contextlib.suppress(ValueError):  # a result may be kept long after it was measured
        when = datetime.fromisoformat(benchmark.result["environment"]["date"]).astimezone(UTC)
    threads = f"{benchmark.threads} {'thread' if benchmark.threads == 1 else 'threads'}"
    kind = "a quick run" if benchmark.quick else "a full run"
    machine = theme.one_line(benchmark.machine, 60)
    return f"Measured by leafscope bench on {when:%Y-%m-%d %H:%M} UTC, {machine}, {threads}, {kind}."


def left_out_words(benchmark: Benchmark) -> str:
    """Say what there was no time to measure; empty if there was time for all."""
    groups = benchmark.result.get("left_out")  # older versions measured all
    left_out = groups.get("capacity") if isinstance(groups, dict) else None
    if not (isinstance(left_out, list) and left_out):
        return ""
    return f"There was no time for {theme.one_line('; '.join(map(str, left_out)), 800)}."


def layer(benchmark: Benchmark | None, depth: int, gates: Gates) -> None:
    """Capacity, computation and time of the measured layer against depth."""
    shown = CapacityByDepth(layer_lines(benchmark, gates), reference="dense")
    notes = ["Counts are exact."]
    if benchmark is not None:
        notes = [
            measured_words(benchmark),
            f"Batches of {theme.thousands(ROWS)} rows; times are ratios to the dense layer, taken in the same rounds.",
            "They are those of gates that are hidden units." if gates != "hidden" else "",
            left_out_words(benchmark),
        ]
    drawing.figure(
        lambda look: shown.figure(subject=f"{_LAYER}, gates: {GATE_WORDS[gates]}", look=look),
        key="capacity_layer",
        sentence=summary(shown, depth, gates, benchmark is None or busy_words(benchmark) is None),
        caption=" ".join(filter(None, notes)),
        table=shown.table(),
    )


def ratio(benchmark: Benchmark) -> None:
    """The capacity-time ratio of the measured layer against depth."""
    busy = "" if busy_words(benchmark) is None else " These times cannot be trusted, see above."
    drawing.show(
        CapacityTimeRatio(ratio_rows(benchmark)),
        key="capacity_ratio",
        subject=_LAYER,
        caption="Parameters are the stored ones in training, the distinct ones at inference with collapsed leaves. "
        f"{measured_words(benchmark)}{busy}",
        share=0.5,
    )


def all_measured(benchmark: Benchmark) -> None:
    """Everything that the benchmark measured of capacity, as it was kept."""
    rows = pd.DataFrame(_rows(benchmark))
    with st.expander(f"All {theme.thousands(len(rows))} measurements", icon=":material/table:"):
        st.dataframe(rows, hide_index=True, height=300, key="capacity_measured", column_config=drawing.in_words(rows))
        save_table(lambda: rows, "leafscope-capacity", key="capacity_measured_csv")


# The nets of a sweep


def of_data(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members of one data set and size, at all widths."""
    return table[(table["data"] == choice.data) & (table["n_train"] == choice.n_train)]


def gated(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The gated nets of one cell that the choice of gates names, or the first that there are; of variants the first."""
    rows = of_data(table, choice)
    rows = rows[rows["width"] == choice.width]
    named = MODELS["tree"].line_of(NetConfig(gates=choice.gates))
    model = next((name for name in (named, *gated_lines()) if (rows["model"] == name).any()), None)
    rows = rows[rows["model"] == model]
    return rows[rows["variant"] == rows["variant"].iloc[0]] if len(rows) else rows


def net_lines(rows: pd.DataFrame, runs: Mapping[str, RunConfig]) -> pd.DataFrame:
    """List what gated nets of a sweep store, compute and take, by depth: columns quantity, depth, value, unit.

    `rows` are the results of one model at one width, `runs` those of the sweep by address. What was measured is the mean over
    those that are finished.
    """
    lines: list[_Line] = []
    for depth in sorted(rows["depth"].unique()):
        part = rows[rows["depth"] == depth]
        run = runs[part["run_id"].iloc[0]]
        size = shape(run.data)
        price = cost(run.net, size.n_features, size.n_outputs)
        gating = price.multiply_adds - cost(_without_gates(run.net), size.n_features, size.n_outputs).multiply_adds
        lines += [
            ("stored", depth, price.parameters),
            ("distinct", depth, price.distinct_parameters),
            ("multiply_adds", depth, price.multiply_adds),
            *([("gate_multiply_adds", depth, gating)] if run.net.gates != "hidden" else []),
        ]
        for quantity, column in _MEASURED.items():
            if part[column].notna().any():
                lines.append((quantity, depth, part[column].mean()))
    return _lines(lines)


def _without_gates(net: NetConfig) -> NetConfig:
    return net.model_copy(update={"gates": "hidden"})


def nets(table: pd.DataFrame, choice: Choice, *, share: float) -> None:
    """Capacity, computation and time of the nets of a sweep against depth, in a share of the main column."""
    rows = gated(table, choice)
    if rows.empty:
        st.info("This sweep has no net with gates, whose capacity would grow with depth.")
        return
    words = model_words(rows["model"].iloc[0], rows["variant"].iloc[0])
    finished = int((rows["status"] == "finished").sum())
    drawing.show(
        CapacityByDepth(net_lines(rows, jobs.sweep_runs(choice.info.sweep_id, foreseen=True))),
        key="capacity_nets",
        subject=f"{words}, {choice.of_data}, width {choice.width:g}",
        caption="Whole nets, their first and last layers counted; trained parameters and times are means over seeds of "
        f"{theme.thousands(finished)} finished runs. The time is that of a run, with as many steps at every depth, while "
        "others trained beside it.",
        share=share,
    )


def errors(table: pd.DataFrame, choices: pd.DataFrame, choice: Choice) -> None:
    """Test error of every model against what it costs; `choices` are the rows of the seeds on which the front is chosen."""
    rows, choosing = of_data(table, choice), of_data(choices, choice)
    drawn = rows if choice.trees else rows[~rows["model"].isin(decision_tree_lines())]
    points = cost_points(drawn, choice.cost, choosing)
    hidden = "" if choice.trees else " Decision trees are left out."
    drawing.show(
        ErrorByCost(points, choice.cost, errors_of(drawn)),
        key="error_by_cost",
        subject=choice.of_data,
        caption=f"{data_words(rows)} Errors at the epoch of the lowest validation loss, at all widths. The front is chosen on "
        f"validation among the {theme.thousands(len(points))} models shown; test rows are only reported.{hidden} "
        f"{interval_words(rows, drawn='Bars')} {stage_words(rows)}",
    )
