"""What dense net would be as good? The exchange rate of each gated net of a sweep, as sentences and a table.

K depth · n seeds.
"""

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.capacity.sections import Choice, of_data
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.parts.save_table import save_table
from leafscope.app.sweeps.findings import rates_words, stage_words
from leafscope.core.comparison.exchange import ExchangeRate, exchange_rate
from leafscope.core.comparison.statistics import best_depth, measure
from leafscope.core.models import gated_lines

LADDER = ("dense", "dense_ladder")
"""The models whose widths the ladder is made of: the dense net of equal computation, and wider ones."""

CURRENCIES = {
    "multiply_adds": "multiply-adds at inference",
    "training_multiply_adds": "multiply-adds in training",
    "inference_seconds": "measured seconds at inference",
    "parameters": "parameters",
}
"""Column of a sweep's table -> what it counts."""


def rates(rows: pd.DataFrame, cost: str, choices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compare each gated net of one cell with the ladder of dense nets: one row for each model, variant and depth.

    `rows` are the results of a sweep at one width, `choices` those of the seeds that choose depths, by default the same.
    Columns model, variant, depth, cost, chosen (the depth that validation chooses), rate (an ExchangeRate). Empty if fewer
    than two widths of dense nets have results with a cost above 0, or two widths have the same.
    """
    rows = rows.assign(error=measure(rows, "best", "test", "error"))
    rows = rows[rows["error"].notna() & rows[cost].notna()]
    dense = rows[rows["model"].isin(LADDER)].drop_duplicates(["net.width", "seed"])
    ladder = dense.pivot_table("error", "net.width", "seed")
    found: list[dict[str, object]] = []
    if len(ladder) < 2:
        return pd.DataFrame(found)
    costs = dense.groupby("net.width")[cost].median().reindex(ladder.index)  # a measured time has outliers
    if costs.duplicated().any() or not (costs > 0).all():
        return pd.DataFrame(found)
    nets = rows[rows["model"].isin(gated_lines())]
    for (model, variant), of_model in nets.groupby(["model", "variant"], sort=False):
        chosen = best_depth(of_model if choices is None else choices, str(model), variant=str(variant))
        for depth, part in of_model.groupby("depth"):
            own = part.set_index("seed")["error"].reindex(ladder.columns)
            price = float(part[cost].median())
            rate = exchange_rate(costs.to_numpy(), ladder.to_numpy(), price, own.to_numpy())
            found.append(
                {"model": model, "variant": variant, "depth": depth, "cost": price, "chosen": depth == chosen, "rate": rate}
            )
    return pd.DataFrame(found)


def rate_words(rate: ExchangeRate) -> str:
    """Write an exchange rate with its interval; what is beyond an end of the ladder is said to be.

    >>> rate_words(ExchangeRate(2.4, 2.0, math.inf, 0.5, 4.0, 20))
    '2.4 times [2.0, > 4.0]'
    >>> rate_words(ExchangeRate(math.inf, 3.5, math.inf, 0.5, 4.0, 20))
    '> 4.0 times [3.5, > 4.0] (end of the ladder)'
    """
    if math.isnan(rate.factor):
        return "not known"
    interval = "" if math.isnan(rate.low) else f" [{_bound(rate.low, rate)}, {_bound(rate.high, rate)}]"
    end = " (end of the ladder)" if math.isinf(rate.factor) else " (start of the ladder)" if rate.factor == 0 else ""
    return f"{_bound(rate.factor, rate)} times{interval}{end}"


def _bound(value: float, rate: ExchangeRate) -> str:
    if math.isinf(value):
        return f"> {rate.widest:.1f}"
    return f"< {rate.narrowest:.1f}" if value == 0 else f"{value:.1f}"


def show(table: pd.DataFrame, choices: pd.DataFrame, choice: Choice) -> None:
    """Say which dense net would be as good as each gated net at its chosen depth, in four currencies, and at all depths."""
    of_seeds = (of_data(part, choice) for part in (table, choices))
    rows, choosing = (part[part["width"].isna() | (part["width"] == choice.width)] for part in of_seeds)
    found = {cost: rates(rows, cost, choosing) for cost in CURRENCIES}
    st.header("What dense net would be as good?")
    if found[choice.cost].empty:
        st.info("A sweep whose baselines include wider dense nets (dense, wider) shows here what each net is worth in one.")
        return
    for row in found[choice.cost][found[choice.cost]["chosen"]].to_dict("records"):
        name = theme.escape_markdown(model_words(row["model"], row["variant"]))
        words = f"**{rate_words(row['rate'])}** its {CURRENCIES[choice.cost]}"
        st.markdown(f"- **{name}**, K = {row['depth']:g}: as good as a dense net of {words}")
    every = rates_table(found)
    shown = every[every["Chosen"]].drop(columns="Chosen")
    st.dataframe(shown, hide_index=True, key="exchange_rates_chosen", height="content")
    with st.expander("At every depth", icon=":material/table:"):
        st.dataframe(every.drop(columns="Chosen"), hide_index=True, key="exchange_rates", height="content")
        save_table(lambda: every, "leafscope-exchange-rates", key="exchange_rates_csv")
    st.caption(
        "The cost of the dense net whose test error equals the net's, as a multiple of the net's cost: mean errors of the "
        "dense widths, made to fall with cost and interpolated in its logarithm; 95 % bootstrap intervals over seeds, drawn "
        "for both together. Depth is chosen on validation. Nothing is extrapolated beyond the ladder. In training a row's "
        "layer computes a product for each matrix that its leaf sums, up to K + 1; at inference the sums are taken once for "
        "each leaf. Seconds at inference are medians of what the runs measured, a row when all test rows are computed at once, "
        f"while others trained beside them. {rates_words(rows)} {stage_words(rows)}"
    )


def rates_table(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """List exchange rates by model and depth, a column for each currency: cost -> what `rates` returns, some of them empty."""
    lines: dict[tuple[str, str, float], dict[str, object]] = {}
    for cost, table in found.items():
        for row in table.to_dict("records"):
            line = lines.setdefault((row["model"], row["variant"], row["depth"]), {})
            line.setdefault("Model", model_words(str(row["model"]), str(row["variant"])))
            line.setdefault("K", int(row["depth"]))
            line.setdefault("Chosen", bool(row["chosen"]))
            line.setdefault("Seeds", row["rate"].n)
            line[_heading(cost)] = rate_words(row["rate"])
    columns = ["Model", "K", "Chosen", *(_heading(cost) for cost, table in found.items() if len(table)), "Seeds"]
    return pd.DataFrame(list(lines.values()), columns=columns)


def _heading(cost: str) -> str:
    words = CURRENCIES[cost]
    return f"{words[:1].upper()}{words[1:]}"
