"""What error and gap against depth share: the curves, checked once, and the sentence that reads values off them.

K = depth, the number of gating bits · n = seeds · intervals are those of the mean over seeds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from leafscope.app import theme
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import INTERVAL, check_columns, in_unit, lit_models
from leafscope.app.figures.shared.model_style import model_words


@dataclass(frozen=True, eq=False)
class CurvesByDepth(ABC):
    """Curves of several models against depth, with intervals over seeds.

    Raises ValueError for a missing column or more than three models in colour.
    """

    curves: pd.DataFrame
    """The columns `keys`, depth (NaN: the same at every depth), mean, low, high (shares), n."""
    seeds: pd.DataFrame | None = None
    """The columns `keys`, seed, depth, value: thin lines of the models in colour."""
    chosen: int | None = None
    """The depth chosen on validation."""
    lit: Sequence[str] | None = None
    """The models in colour, at most three, which the sentence is about; None: the first three."""
    errors: Errors = SHARES
    """What errors are measured in."""

    keys: ClassVar[tuple[str, ...]]
    """Columns that tell curves apart."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """percent, percentage points, leaves, rows, or that of the target."""

    _table: pd.DataFrame = field(init=False, repr=False)
    _seeds: pd.DataFrame = field(init=False, repr=False)
    _lit: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = in_unit(_in_order(self.curves, [*self.keys, "depth", *INTERVAL, "n"], "curves"), INTERVAL, self.unit)
        columns = [*self.keys, "seed", "depth", "value"]
        seeds = pd.DataFrame(columns=columns) if self.seeds is None else self.seeds
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_seeds", in_unit(_in_order(seeds, columns, "seeds"), ["value"], self.unit))
        object.__setattr__(self, "_lit", lit_models(table.loc[table["mean"].notna(), "model"].tolist(), self.lit))

    def table(self) -> pd.DataFrame:
        """List the means drawn: the columns `keys`, depth, mean, low, high, n, unit; depths rising, no depth last."""
        return self._table

    def _known(self) -> pd.DataFrame:
        """The means that the sentence may speak of."""
        return self._table[self._table["mean"].notna() & self._table["model"].isin(self._lit)]

    def _values(self, rows: pd.DataFrame, what: str, nothing: str, words: Callable[[pd.Series], str]) -> str:
        """Join what `words` says of each model at the chosen depth, or at the first and the last depth of all."""
        chosen, depths = self.chosen, rows["depth"].dropna()
        first, last = (depths.min(), depths.max()) if chosen is None else (chosen, chosen)
        parts = []
        for (model, variant), line in rows.groupby(["model", "variant"], sort=False):
            line = line if line["depth"].isna().all() else line.dropna(subset=["depth"])
            name = theme.one_line(model_words(str(model), str(variant)))
            at = {depth: words(row) for depth, (_, row) in zip(line["depth"], line.iterrows())}
            if line["depth"].isna().all():
                parts.append(f"{name} {words(line.iloc[0])}" + ("" if chosen is not None else ", the same at every depth"))
            elif first == last and first in at:
                parts.append(f"{name} {at[first]}")
            elif first != last and len(at) > 1:
                low, high = min(at), max(at)
                between = "" if (low, high) == (first, last) else f", from K = {low:.0f} to {high:.0f}"
                parts.append(f"{name} from {at[low]} to {at[high]}{between}")
            elif first != last:
                parts.append(f"{name} {words(line.iloc[0])} at K = {line['depth'].iloc[0]:.0f}")
        if not parts:
            return nothing if chosen is None else f"{nothing[:-1]} at K = {chosen}."
        where = f" at K = {first:.0f}" if first == last else f" from K = {first:.0f} to {last:.0f}" if len(depths) else ""
        return f"{what}{where}{', chosen on validation' if chosen is not None else ''}: {'; '.join(parts)}."


def _in_order(given: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Rows of one model together, models in order of first appearance, depths rising, no depth last."""
    table = check_columns(given, columns, name)
    table = table.assign(variant=table["variant"].fillna(""), depth=table["depth"].astype(float))
    order = table.groupby(["model", "variant"], sort=False).ngroup()
    return table.assign(order=order).sort_values(["order", "depth"], kind="stable", ignore_index=True).drop(columns="order")
