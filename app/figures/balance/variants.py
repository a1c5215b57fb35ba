"""What variants of a run do to a statistic of the leaf load and to the error: two panels that share the list of variants.

A variant is the base run with some settings changed; the first one in the table is the base run itself · n = seeds ·
intervals are those of the mean over seeds.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import columns_of, interval, written
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.intervals import Difference, mean_interval, paired_difference
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

MOST_VARIANTS = 12
"""Rows of more variants are too low for their labels."""
_LEAST_ROWS = 4
"""Room for so many variants is kept, so that the points of few do not drift apart."""

_LEVELS = {INDEPENDENT_BITS: (0.36, "diamond-open"), HYPERPLANES: (0.14, "square-open")}
"""Where the levels of chance are drawn in a variant's row, down from its middle, and with which symbol."""
_CHANCE = [column for level in _LEVELS for column in columns_of(level)]
_COLUMNS = ["variant", "seed", "value", *_CHANCE, "test_error", "validation_error", "status"]
_FINISHED = "finished"
_MEANS = ("value", "validation_error", "test_error")
_LABEL_SHARE = 0.34
"""What labels may take of the figure's width."""
_OWN = -0.16
"""Where the run is drawn in a variant's row."""


@dataclass(frozen=True)
class _Panel:
    column: int
    measure: str
    """A column of the table of variants."""
    factor: float
    """From the table to the axis."""
    title: str
    width: float
    """In px."""


@dataclass(frozen=True, eq=False)
class VariantEffects:
    """A statistic and the validation error of each variant of a run, over seeds.

    Raises ValueError for a missing column.
    """

    runs: pd.DataFrame
    """variant, seed, value, random_mean, random_low, random_high (NaN where unknown), test_error, validation_error (shares)
    and status, "finished" or words that are shown instead of points; the base run's variant comes first."""
    name: str
    """What the statistic is called."""
    is_share: bool = False
    """Whether its values are shares, written in percent."""
    best: Literal["lowest", "highest"] = "lowest"
    """Which mean of the statistic the sentence compares with the base run."""
    overlap: float = 0.0
    """That of `mean_interval`."""
    split: str = "training"
    """Whose rows these are."""
    model: str = "tree"
    """Sets colour and marker."""
    errors: Errors = SHARES
    """What errors are measured in."""

    means: pd.DataFrame = field(init=False, repr=False)
    """Means over finished seeds with their intervals, a row a variant: variant, runs, n (finished seeds), status (of the
    others, counted), value, value_low, value_high, mean, low and high of each chance level, then the three
    of validation_error and test_error."""
    _finished: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        runs = interval_lines.check_columns(self.runs, _COLUMNS, "runs")
        finished = runs[runs["status"] == _FINISHED].assign(variant=lambda done: done["variant"].astype(str))
        object.__setattr__(self, "means", _means(runs, self.overlap))
        object.__setattr__(self, "_finished", finished)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a small point a seed and a large one for their mean, with bars; at most the first 12 variants."""
        means = self.means
        word = interval_lines.sentence_case(theme.one_line(self.name, 60))
        title = f"{word} of the {self.split} rows and validation error of each variant"
        heading: dict[str, Any] = {
            "look": look,
            "title": title,
            "subject": subject,
            "height": theme.MAIN_HEIGHT[look.projector],
        }
        if means["n"].sum() == 0:
            why = "No run has finished yet." if means.empty else f"No run has finished yet: {_states(self.runs)}."
            return frame.empty_figure(**heading, why=why)
        labels = [_label(row, look) for _, row in means.head(MOST_VARIANTS).iterrows()]
        left = max(len(text) for text, _ in labels) * frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector] + 20
        spacing = 0.06
        width = (look.width - left - 30) * (1 - spacing) / 2
        panels = [
            _Panel(1, "value", 100.0, f"{word} (percent)", width) if self.is_share else _Panel(1, "value", 1.0, word, width),
            _Panel(2, "validation_error", 100.0, "validation error (percent)", width)
            if self.errors.are_shares
            else _Panel(2, "validation_error", 1.0, f"validation error ({self.errors.axis})", width),
        ]
        drawn = means.head(_rows_that_fit(heading, means, panels, look))
        labels = labels[: len(drawn)]
        figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=spacing)
        for panel in panels:
            _draw(figure, panel, drawn, self._finished, self.model, look)
        figure.update_yaxes(
            tickmode="array",
            tickvals=list(range(len(drawn))),
            range=[max(len(drawn), _LEAST_ROWS) - 0.5, -0.5],
            showgrid=True,
            zeroline=False,
        )
        figure.update_yaxes(ticktext=[_coloured(text, lit, look) for text, lit in labels], col=1)
        for place, (_, row) in enumerate(drawn.iterrows()):
            if row["n"] == 0:
                _say_status(figure, place, row["status"], width, look)
        return frame.frame(figure, **heading, subtitle=_subtitle(means, drawn))

    def sentence(self) -> str:
        """Compare the variant with the best mean with the base run, over the seeds that both finished; plain text.

        Of several variants the best is chosen, so its intervals hold for all of them together (Bonferroni).

        >>> rows = [("base", 0, 0.42, 0.031, "finished"), ("penalty 0.1", 0, 0.18, 0.034, "finished")]
        >>> runs = pd.DataFrame(rows, columns=["variant", "seed", "value", "validation_error", "status"])
        >>> runs = runs.assign(bits_mean=0.1, bits_low=0.1, bits_high=0.1, test_error=0.03)
        >>> runs = runs.assign(hyperplanes_mean=0.2, hyperplanes_low=0.1, hyperplanes_high=0.3)
        >>> print(VariantEffects(runs, name="Gini").sentence())
        Gini goes from 0.420 to 0.180 with penalty 0.1; the validation error goes from 3.1 % to 3.4 % (n = 1, one seed: no \
interval).
        """
        means = self.means
        word = interval_lines.sentence_case(theme.one_line(self.name))
        done = means[(means["n"] > 0) & means["value"].notna()]
        if means["n"].sum() == 0:
            return "No run has finished yet."
        if done.empty:
            return f"{word} is not defined for any finished run."
        base, others = means.iloc[0], done[done["variant"] != means["variant"].iloc[0]]
        if base["n"] == 0:
            return "The base run has not finished, so nothing can be compared with it."
        if not np.isfinite(base["value"]):
            return f"{word} is not defined for the base run, so nothing can be compared with it."
        if others.empty:
            error = self._error(base["validation_error"])
            seeds = f"{base['n']} seed{'' if base['n'] == 1 else 's'}"
            return (
                f"Only the base run has finished: {word} {self._written(base['value'])}, validation error {error}, n = {seeds}."
            )
        sign = 1.0 if self.best == "lowest" else -1.0
        row = others.iloc[int((sign * others["value"]).to_numpy().argmin())]
        variant = theme.one_line(row["variant"])
        chosen = f", the {self.best} of {len(others)} variants" if len(others) > 1 else ""
        pairs = self._pairs(base["variant"], row["variant"])
        if pairs.empty:
            return f"The base run and {variant}{chosen} have no finished seed in common, so they are not compared."
        confidence = 1 - 0.05 / len(others)
        value, validation = (
            paired_difference(pairs[f"{measure}_other"], pairs[measure], overlap=self.overlap, confidence=confidence)
            for measure in ("value", "validation_error")
        )
        seeds = f"n = {len(pairs)} seeds, paired" if len(pairs) > 1 else "n = 1, one seed: no interval"
        together = f", 95 % for {len(others)} variants together" if len(others) > 1 and len(pairs) > 1 else ""
        ends = [self._written(pairs[column].mean()) for column in ("value", "value_other")]
        by = _between(validation, self.errors.are_shares)
        errors = [self._error(pairs[column].mean()) for column in ("validation_error", "validation_error_other")]
        return (
            f"{word} {_verb(value)} from {ends[0]} to {ends[1]} with {variant}{chosen}{_between(value, self.is_share)}; "
            f"the validation error {_verb(validation)} from {errors[0]} to {errors[1]}{by} "
            f"({seeds}{together})."
        )

    def table(self) -> pd.DataFrame:
        """List the runs as given."""
        return self.runs

    def _written(self, value: float) -> str:
        return written(value, is_share=self.is_share)

    def _error(self, value: float) -> str:
        return self.errors.words(100 * value if self.errors.are_shares else value)

    def _pairs(self, base: str, other: str) -> pd.DataFrame:
        """Both runs of each seed that both finished, the other's columns with a suffix."""
        runs = self._finished
        of = {v: runs[runs["variant"] == v].groupby("seed")[["value", "validation_error"]].mean() for v in (base, other)}
        return of[base].join(of[other].add_suffix("_other"), how="inner").dropna(subset=["value", "value_other"])


def _means(runs: pd.DataFrame, overlap: float) -> pd.DataFrame:
    records = []
    for variant, group in runs.groupby("variant", sort=False):
        done = group[group["status"] == _FINISHED]
        record: dict[str, Any] = {"variant": str(variant), "runs": len(group), "n": len(done), "status": _states(group)}
        for measure in _MEANS:
            mean = mean_interval(done[measure].to_numpy(dtype=np.float64), overlap=overlap)
            record |= {measure: mean.mean, f"{measure}_low": mean.low, f"{measure}_high": mean.high}
        record |= {column: float(done[column].astype(float).mean()) for column in _CHANCE}
        records.append(record)
    ends = [f"{measure}{end}" for measure in _MEANS for end in ("", "_low", "_high")]
    return pd.DataFrame(records, columns=["variant", "runs", "n", "status", *ends[:3], *_CHANCE, *ends[3:]])


def _rows_that_fit(heading: dict[str, Any], means: pd.DataFrame, panels: list[_Panel], look: Look) -> int:
    size = theme.FONT_SIZE[look.projector]
    framed = frame.frame(go.Figure(), **heading, subtitle=_subtitle(means, means.head(1)))
    titles = max(len(frame.wrapped(panel.title, size, round(panel.width))) for panel in panels)
    inside = interval_lines.panel_height(framed, look) - 1.3 * size * (titles - 1)
    return max(1, min(MOST_VARIANTS, int(inside / (1.1 * size))))


def _subtitle(means: pd.DataFrame, drawn: pd.DataFrame) -> str:
    subtitle = [interval_lines.seeds_words(drawn["n"], "bars")]
    for level, (_, symbol) in _LEVELS.items():
        if drawn[columns_of(level)[0]].notna().any():
            subtitle.append(f"hollow {symbol.removesuffix('-open')}: {level.name}")
    subtitle.append("line: base run")
    if len(means) > len(drawn):
        subtitle.append(f"the first {len(drawn)} of {theme.thousands(len(means))} variants")
    return "; ".join(subtitle)


def _draw(figure: go.Figure, panel: _Panel, means: pd.DataFrame, seeds: pd.DataFrame, model: str, look: Look) -> None:
    style = model_style(model, "", look)
    place = {variant: number for number, variant in enumerate(means["variant"])}
    measure, factor = panel.measure, panel.factor
    done = means[means["n"] > 0]
    centre = _OWN if measure == "value" else 0.0
    at = done["variant"].map(place).to_numpy(dtype=np.float64) + centre
    mean, low, high = (factor * done[f"{measure}{end}"].to_numpy(dtype=np.float64) for end in ("", "_low", "_high"))
    singles = seeds[seeds["variant"].isin(place)]
    everything = [mean, low, high, factor * singles[measure].to_numpy(dtype=np.float64)]
    base = factor * means[measure].iloc[0]
    if np.isfinite(base):
        line = {"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2, "dash": "dot"}
        where: dict[str, Any] = {"row": 1, "col": panel.column}
        figure.add_shape(
            type="line", x0=base, x1=base, y0=-0.5, y1=max(len(means), _LEAST_ROWS) - 0.5, line=line, layer="below", **where
        )
    cap = theme.MARKER_SIZE[look.projector] / 2
    several = singles[singles["variant"].isin(done.loc[done["n"] > 1, "variant"])]
    _add_points(
        figure,
        panel,
        x=factor * several[measure].to_numpy(dtype=np.float64),
        y=several["variant"].map(place).to_numpy(dtype=np.float64) + centre,
        name="seeds",
        marker={"symbol": style["marker"], "size": 0.7 * theme.MARKER_SIZE[look.projector], "color": style["colour"]},
        opacity=theme.SEED_OPACITY + 0.15,
        hovertext=[
            f"{theme.escape(row['variant'])}, seed {row['seed']}<br>{_measured(factor * row[measure], panel)}"
            for _, row in several.iterrows()
        ],
    )
    _add_points(
        figure,
        panel,
        x=mean,
        y=at,
        name="mean",
        marker={"symbol": style["marker"], "size": 1.5 * theme.MARKER_SIZE[look.projector], "color": style["colour"]},
        error_x=interval_lines.error_bars((mean, low, high), style["colour"], theme.LINE_WIDTH[look.projector], cap),
        hovertext=[
            f"{theme.escape(variant)}<br>{_measured(m, panel, a, b)}, n = {n}"
            for variant, m, a, b, n in zip(done["variant"], mean, low, high, done["n"])
        ],
    )
    if measure == "value":
        for level in _LEVELS:
            everything += _draw_level(figure, panel, done, level, at - _OWN, look)
    low_end, high_end = interval_lines.value_range(np.concatenate(everything), zero=False)
    # Half a marker at each end, whatever the width
    air = 0.75 * theme.MARKER_SIZE[look.projector] / panel.width * (high_end - low_end)
    figure.update_xaxes(
        title_text=interval_lines.axis_title(panel.title, panel.width, look),
        range=[low_end - air, high_end + air],
        nticks=max(3, int(panel.width / (4.5 * theme.FONT_SIZE[look.projector]))),
        tickformat=",~r",
        showgrid=False,
        zeroline=False,
        col=panel.column,
    )


def _draw_level(
    figure: go.Figure, panel: _Panel, done: pd.DataFrame, level: Level, at: NDArray[np.float64], look: Look
) -> list[NDArray[np.float64]]:
    """Draw what a chance level gives for each variant, and return mean, low and high."""
    chance = [panel.factor * done[column].to_numpy(dtype=np.float64) for column in columns_of(level)]
    if not np.isfinite(chance[0]).any():
        return []
    down, symbol = _LEVELS[level]
    grey, width = theme.MUTED[look.dark], theme.LINE_WIDTH[look.projector]
    _add_points(
        figure,
        panel,
        x=chance[0],
        y=at + down,
        name=level.name,
        marker={"symbol": symbol, "size": theme.MARKER_SIZE[look.projector], "color": grey, "line": {"width": width / 1.5}},
        error_x=interval_lines.error_bars(chance, grey, width / 2, theme.MARKER_SIZE[look.projector] / 2),
        hovertext=[
            f"{theme.escape(variant)}, {level.name}<br>{_measured(m, panel, a, b)}"
            for variant, m, a, b in zip(done["variant"], *chance)
        ],
    )
    return chance


def _add_points(figure: go.Figure, panel: _Panel, **marks: Any) -> None:
    figure.add_scatter(mode="markers", hoverinfo="text", row=1, col=panel.column, **marks)


def _measured(value: float, panel: _Panel, low: float = np.nan, high: float = np.nan) -> str:
    word = theme.escape(panel.title.removesuffix(" (percent)"))
    ends = interval(*(end / panel.factor for end in (value, low, high)), is_share=panel.factor == 100)
    return f"{word} {ends}"


def _label(row: "pd.Series[Any]", look: Look) -> tuple[str, bool]:
    """Name a variant so that it fits, as written, and tell whether it has finished."""
    most = int(_LABEL_SHARE * look.width / (frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]))
    counted = f" ({row['n']} of {row['runs']})" if 0 < row["n"] < row["runs"] else ""
    return theme.one_line(row["variant"], max(4, most - len(counted))) + counted, row["n"] > 0


def _coloured(text: str, lit: bool, look: Look) -> str:
    return theme.escape(text) if lit else f'<span style="color:{theme.MUTED[look.dark]}">{theme.escape(text)}</span>'


def _say_status(figure: go.Figure, place: int, status: str, width: float, look: Look) -> None:
    most = int((width - 16) / (frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]))
    figure.add_annotation(
        x=0,
        xref="x domain",
        y=place,
        yref="y",
        text=theme.escape(status, max(4, most)),
        hovertext=theme.escape(status),
        xanchor="left",
        xshift=8,
        showarrow=False,
        font={"color": theme.MUTED[look.dark]},
    )


def _verb(difference: Difference) -> str:
    if interval_lines.holds_zero(difference.low, difference.high):
        return "goes"
    return "falls" if difference.mean < 0 else "rises"


def _between(difference: Difference, is_share: bool) -> str:
    """Write the interval of a difference, and that none is shown where it holds 0; nothing where there is no interval."""
    if not np.isfinite(difference.low):
        return ""
    if is_share:
        ends = [f"{100 * end:.1f}" for end in (difference.low, difference.high)]
        written = f"difference [{', '.join(ends)}] points"
    else:
        written = f"difference [{', '.join(theme.three_significant(end) for end in (difference.low, difference.high))}]"
    none = "no difference shown, " if interval_lines.holds_zero(difference.low, difference.high) else ""
    return f" ({none}{written})"


def _states(runs: pd.DataFrame) -> str:
    """Count the states of runs that have not finished: "running", or "2 queued, 1 failed"; empty where all have."""
    states = runs.loc[runs["status"] != _FINISHED, "status"].astype(str).map(theme.one_line)
    counts = states.value_counts(sort=False)
    if len(states) == 1:
        return str(states.iloc[0])
    return ", ".join(f"{n} {state}" for state, n in counts.items())
