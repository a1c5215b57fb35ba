"""Routing from a text: a row for each expert, or a column for each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import RoutingError
from leafscope.core.limits import MAX_EXPERTS, MAX_ROUTING_COLUMNS, MAX_ROUTING_ROWS, MAX_ROUTING_VALUES
from leafscope.core.routing.routing import Routing
from leafscope.core.tables.parsing import numbers
from leafscope.core.tables.parsing.cells import Cells, Texts, columns_of
from leafscope.core.tables.parsing.content import content
from leafscope.core.tables.parsing.header import names_of
from leafscope.core.tables.parsing.layout import Most, layout

_LAYER = ("layer", "layer_id", "layer_idx", "layer_index", "layer_num", "moe_layer")
_EXPERT = ("expert", "expert_id", "expert_idx", "expert_index", "expert_num")
_COUNT = ("count", "counts", "n_tokens", "num_tokens", "token_count", "tokens", "assignments", "load")
_SHARE = ("frac", "fraction", "prob", "probability", "share", "freq", "frequency")
_STEP = ("step", "global_step", "_step", "trainer/global_step", "iteration", "iter", "epoch", "forward_pass_id", "forward_pass")
_DOMAIN = ("domain", "task", "split", "dataset")
_RANK = ("rank", "ep_rank", "dp_rank", "global_rank")
"""Names of columns, in the order in which they are taken."""

_WIDE = re.compile(r"layers?[_/. ]?(\d+).*?(shared)?[_/. ]?experts?[_/. ]?(-?\d+)?", re.IGNORECASE)
_ONE_EXPERT = re.compile(r"experts?[_/. ]?(-?\d+)", re.IGNORECASE)

_WIDE_NAME = re.compile(rb"(?i)layers?[_/. ]?\d.*?experts?[_/. ]?\d")
"""What only the names of columns look like, so that thousands of columns need not be compared with what is below them."""

_TOTAL = re.compile(rb"(?im)^[ \t]*[\"']?(?:grand[ _])?(?:totals?|sum)[\"']?[ \t]*(?:[,;\t|].*)?$\n?")
_TOTALS = ("total", "totals", "sum", "all", "grand total")

SHARED = -1
"""The number of a shared expert in a file."""


@dataclass
class _Table:
    """The cells of a text by the name of their column."""

    names: list[str]
    cells: list[Cells]
    lines: NDArray[np.uint32]
    notes: list[str]

    def first(self, aliases: Sequence[str]) -> int | None:
        """The place of the first column with one of these names."""
        return next(iter(self.all(aliases)), None)

    def all(self, aliases: Sequence[str]) -> list[int]:
        """The places of all columns with one of these names, in the order of the names."""
        return [place for alias in aliases for place, name in enumerate(self.names) if name == alias]

    def where(self, row: int) -> str:
        return f"row {row + 1:,} (line {self.lines[row]:,})"

    def only(self, rows: NDArray[np.bool_]) -> None:
        """Keep these rows."""
        self.cells = [Texts(one.distinct, one.codes[rows]) if isinstance(one, Texts) else one[rows] for one in self.cells]
        self.lines = self.lines[rows]


def of_text(data: bytes) -> Routing:
    """Read a CSV with a row for each expert of each layer, or a column for each; raises RoutingError, with the row."""
    plain = content(data).data
    plain, n_totals = _TOTAL.subn(b"", plain) if re.search(rb"(?i)totals?|sum", plain) else (plain, 0)
    if not plain.strip():
        raise RoutingError("the file must have rows of counts, but it holds only a total")
    names_first = any(_WIDE_NAME.search(line) for line in plain[:10_000].splitlines() if not line.startswith(b"#"))
    laid_out = layout(plain, None, names_first or None, Most(MAX_ROUTING_ROWS, MAX_ROUTING_COLUMNS))
    if laid_out.header is None:
        raise RoutingError("the first row must hold names, such as layer, expert and count, but it holds values")
    names = [name.strip().lower() for name in names_of(laid_out.header, laid_out.width)]
    table = _Table(names, columns_of(laid_out), laid_out.lines, list(laid_out.notes))
    if n_totals:
        table.notes.append(_left_out(n_totals, "a total"))
    if table.first(_EXPERT) is not None:
        return _long(table)
    if any(map(_place_of, names)) or any(map(_ONE_EXPERT.search, names)):
        return _wide(table)
    raise RoutingError(
        "the columns must be layer, expert and count, or one for each expert of each layer, such as layer_0/expert_1, got "
        f"{', '.join(laid_out.header)[:100]}"
    )


def _long(table: _Table) -> Routing:
    place = table.first(_COUNT)
    is_share = place is None
    if place is None:
        place = table.first(_SHARE)
    if place is None:
        raise RoutingError(
            f"a column must hold counts, named count, tokens, load, frac or prob, got {', '.join(table.names)[:100]}"
        )
    layer_place, expert_place = table.first(_LAYER), table.first(_EXPERT)
    assert expert_place is not None  # the caller saw it
    expert = _indices(table.cells[expert_place])
    layer = np.zeros(len(expert)) if layer_place is None else _indices(table.cells[layer_place])
    if layer_place is None:
        table.notes.append("no column names the layer, so all counts are of layer 0")
    if (is_total := np.isinf(expert) | np.isinf(layer)).any():
        table.notes.append(_left_out(int(is_total.sum()), "a total"))
        table.only(~is_total)
        expert, layer = expert[~is_total], layer[~is_total]
        if not len(expert):
            raise RoutingError("the file must have rows of counts, but it holds only totals")
    _check_indices(table, "layer", layer, lowest=0, highest=2**31)
    _check_indices(table, "expert", expert, lowest=SHARED, highest=MAX_EXPERTS - 1)
    values = _values(table, place)
    step, steps = _steps(table)
    domain, domains = _domains(table)
    _note_others(table, [place, layer_place, expert_place])
    is_shared = expert == SHARED
    if is_shared.all():
        raise RoutingError("the file must have counts of experts that are not shared (-1), but it has none")
    layers, at_layer = np.unique(layer.astype(np.int64), return_inverse=True)
    shape = (max(1, len(domains)), max(1, len(steps)), len(layers), int(expert.max()) + 1)
    _check_size(shape)
    routed = ~is_shared
    part = ((domain * shape[1] + step) * shape[2] + at_layer)[routed]
    known = np.zeros(shape[:3], np.bool_)
    known.reshape(-1)[part] = True
    if not (expert == 0).any() and expert[routed].min() == 1:
        table.notes.append(
            "no row names expert 0; if your experts are numbered from 1, it is counted as one that is never chosen"
        )
    return _routing(table, values[routed], part * shape[3] + expert[routed].astype(np.int64), shape, known, is_share,
                    layers.tolist(), steps, domains, bool(is_shared.any()))  # fmt: skip


def _wide(table: _Table) -> Routing:
    layer_place = table.first(_LAYER)
    found: dict[str, list[tuple[int, int, int]]] = {}  # by what is left of the name -> place, layer, expert
    shared = False
    for place, name in enumerate(table.names):
        if (where := _place_of(name)) is not None:
            layer, expert, rest = where
        elif layer_place is not None and (one := _ONE_EXPERT.search(name)):
            layer, expert, rest = -1, int(one[1]), name.replace(one[0], "*")
        else:
            continue
        if expert == SHARED:
            shared = True
            continue
        found.setdefault(rest, []).append((place, layer, expert))
    if not found:
        raise RoutingError("the columns must name the experts of layers, such as layer_0/expert_1, but none does")
    kinds = sorted(found, key=lambda rest: (_preference(rest), -len(found[rest]), rest))
    if len(kinds) > 1 and _preference(kinds[0]) == _preference(kinds[1]):
        raise RoutingError(
            f"one column must stand for each expert of each layer, but there are several: {kinds[0]} and {kinds[1]}"
        )
    if len(kinds) > 1:
        table.notes.append(f"columns like {kinds[0]} are read, those like {kinds[1]} are left out")
    columns = found[kinds[0]]
    highest = max(expert for _, _, expert in columns)
    if highest >= MAX_EXPERTS:
        raise RoutingError(f"an expert must be from 0 to {MAX_EXPERTS - 1:,}, got {highest:,}")
    step, steps = _steps(table)
    domain, domains = _domains(table)
    n_rows = len(table.lines)
    if layer_place is None:
        by_row = np.zeros(n_rows)
    else:
        by_row = _indices(table.cells[layer_place])
        _check_indices(table, "layer", by_row, lowest=0, highest=2**31)
    if not steps and not domains and layer_place is None and n_rows > 1:
        step, steps = np.arange(n_rows), list(range(n_rows))
        table.notes.append("no column names the step, so rows are numbered from 0")
    layers = np.unique(by_row.astype(np.int64) if layer_place is not None else [layer for _, layer, _ in columns])
    shape = (max(1, len(domains)), max(1, len(steps)), len(layers), highest + 1)
    _check_size(shape)
    values, at_count = np.empty((n_rows, len(columns))), np.empty((n_rows, len(columns)), np.int64)
    for at, (place, layer, expert) in enumerate(columns):
        values[:, at] = _numbers(table, place)
        at_layer = np.searchsorted(layers, by_row if layer_place is not None else np.full(n_rows, layer))
        at_count[:, at] = ((domain * shape[1] + step) * shape[2] + at_layer) * shape[3] + expert
    part = at_count // shape[3]
    is_missing = np.isnan(values)
    known = np.zeros(shape[:3], np.bool_)
    known.reshape(-1)[part[~is_missing]] = True
    if (partly := np.argwhere(is_missing & known.reshape(-1)[part])).size:
        row, at = map(int, partly[0])
        raise _bad(table, row, table.names[columns[at][0]], "it is missing, or no number")
    if not known.any():
        raise RoutingError("the file must have rows of counts, but all are empty")
    for row, at in np.argwhere(values < 0)[:1]:
        raise _bad(table, int(row), table.names[columns[at][0]], f"got {values[row, at]:g}")
    is_share = _preference(kinds[0]) == 2
    kept = ~is_missing
    return _routing(table, values[kept], at_count[kept], shape, known, is_share, layers.tolist(), steps, domains, shared)


def _place_of(name: str) -> tuple[int, int, str] | None:
    """Read layer and expert from the name of a column, and what is left of it.

    >>> _place_of("train/layer_3/expert_12/load")
    (3, 12, 'train/layer_*/expert_*/load')
    """
    found = _WIDE.search(name)
    if found is None or (found[3] is None and found[2] is None):
        return None
    start, end = found.span(1)
    rest = name[:start] + "*" + name[end:]
    expert = SHARED if found[2] is not None else int(found[3])
    if found[2] is None:
        first, last = found.span(3)
        rest = name[:start] + "*" + name[end:first] + "*" + name[last:]
    return int(found[1]), expert, rest


def _preference(rest: str) -> int:
    """0: the name says counts, 1: it says nothing, 2: it says shares."""
    words = set(re.split(r"[^a-z]+", rest))
    return 0 if words & {"count", "counts", "tokens", "assignments"} else 2 if words & set(_SHARE) else 1


def _routing(
    table: _Table,
    values: NDArray[np.float64],
    where: NDArray[np.int64],
    shape: tuple[int, int, int, int],
    known: NDArray[np.bool_],
    is_share: bool,
    layers: list[int],
    steps: list[float],
    domains: list[str],
    shared: bool,
) -> Routing:
    """Sum the values of each place."""
    is_whole = bool((values == np.floor(values)).all())
    if not is_share and not is_whole:
        table.notes.append("the counts are not whole numbers, so they are taken as shares, of which only the proportions count")
    counts = np.zeros(shape, np.float64)
    np.add.at(counts.reshape(-1), where, values)
    taken = np.zeros(counts.size, np.bool_)
    taken[where] = True
    if len(where) > np.count_nonzero(taken):
        table.notes.append("rows of the same layer, expert, step and domain are summed")
    if not counts.any():
        raise RoutingError("the file must have at least one count above 0, but all are 0")
    if shared:
        table.notes.append("the shared expert (-1) is left out, since every token goes through it")
    return Routing(
        counts=counts if is_share or not is_whole else np.rint(counts).astype(np.int64),
        layers=tuple(layers),
        steps=tuple(steps),
        domains=tuple(domains),
        known=known,
        shared=(SHARED,) if shared else (),
        notes=tuple(table.notes),
    )


def _indices(cells: Cells) -> NDArray[np.float64]:
    """Read the numbers of layers or experts: -1 for a shared one, infinite for a total, NaN for what is neither."""
    if not isinstance(cells, Texts):
        return cells.astype(np.float64)
    found = np.full(len(cells.distinct) + 1, np.nan)
    for place, text in enumerate(cells.distinct.to_pylist()):
        digits = re.findall(r"(?<![\d.])-?\d+(?![\d.]*\d)|\d+", text) if not re.fullmatch(r"-?\d+(\.0*)?", text) else [text]
        if text.lower() in _TOTALS:
            found[place] = np.inf
        elif "shared" in text.lower():
            found[place] = SHARED
        elif len(digits) == 1:
            found[place] = float(digits[0]) if re.fullmatch(r"-?\d+(\.0*)?", text) else abs(int(digits[0]))
    return found[cells.codes]


def _check_indices(table: _Table, what: str, values: NDArray[np.float64], lowest: int, highest: int) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~((values >= lowest) & (values <= highest) & (values == np.floor(values))))
    for row in wrong[:1]:
        got = "it is missing or has no single number" if np.isnan(values[row]) else f"got {values[row]:g}"
        raise RoutingError(f"{what} must be a whole number from {lowest} to {highest:,}, but in {table.where(int(row))} {got}")


def _numbers(table: _Table, place: int) -> NDArray[np.float64]:
    """Read a column as numbers; NaN: missing."""
    cells = table.cells[place]
    if not isinstance(cells, Texts):
        return cells.astype(np.float64)
    plain = numbers.core(cells.distinct)[0]
    counted = numbers.notation(plain)
    values, is_number, _ = numbers.numbers(plain, "," if counted.comma > counted.point else ".")
    for code in np.flatnonzero(~is_number)[:1]:
        row = int(np.flatnonzero(cells.codes == code)[0])
        raise _bad(table, row, table.names[place], f"got {cells.distinct[int(code)].as_py()!r:.40}")
    return np.append(values, np.nan)[cells.codes]


def _values(table: _Table, place: int) -> NDArray[np.float64]:
    values = _numbers(table, place)
    for row in np.flatnonzero(~(np.isfinite(values) & (values >= 0)))[:1]:
        got = "it is missing, or no number" if np.isnan(values[row]) else f"got {values[row]:g}"
        raise _bad(table, int(row), table.names[place], got)
    return values


def _bad(table: _Table, row: int, column: str, got: str) -> RoutingError:
    return RoutingError(f"{column[:80]} must be a number of at least 0, but in {table.where(row)} {got}")


def _steps(table: _Table) -> tuple[NDArray[np.int64], list[float]]:
    """Return each row's place among the steps, and the steps; no steps where no column names them."""
    places = table.all(_STEP)
    columns = [_numbers(table, place) for place in places]
    for place, column in zip(places, columns, strict=True):
        for row in np.flatnonzero(~np.isfinite(column))[:1]:
            raise RoutingError(f"{table.names[place]} must be a number, but in {table.where(int(row))} it is missing")
    if not columns:
        return np.zeros(len(table.lines), np.int64), []
    if len(columns) > 1:  # a step within an epoch is told by both; a step of the whole run by itself
        both, at = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
        if len(np.unique(columns[0])) < len(both):
            names = " and ".join(table.names[place] for place in places)
            table.notes.append(f"steps are numbered from 0 in the order of {names}, since {table.names[places[0]]} begins anew")
            order = np.lexsort(
                [both[:, column] for column in range(both.shape[1])]
            )  # the last column, such as the epoch, first
            rank = np.empty(len(order), np.int64)
            rank[order] = np.arange(len(order))
            return rank[at.reshape(-1)], list(range(len(both)))
    found, at = np.unique(columns[0], return_inverse=True)
    return at, [int(step) if step == int(step) else float(step) for step in found]


def _domains(table: _Table) -> tuple[NDArray[np.int64], list[str]]:
    """Return each row's place among the domains, and their names in the order of the file."""
    parts: list[list[str]] = []
    for place in table.all(_DOMAIN):
        cells = table.cells[place]
        if isinstance(cells, Texts):
            words = np.array([*cells.distinct.to_pylist(), "none"], object)[cells.codes]
        else:
            words = np.array(["none" if value != value else f"{value:g}" for value in cells.astype(np.float64)], object)
        parts.append(words.tolist())
    if not parts:
        return np.zeros(len(table.lines), np.int64), []
    joined = [" / ".join(row) for row in zip(*parts, strict=True)]
    names = list(dict.fromkeys(joined))
    place_of = {name: place for place, name in enumerate(names)}
    return np.array([place_of[name] for name in joined], np.int64), [name[:200] for name in names]


def _note_others(table: _Table, used: Sequence[int | None]) -> None:
    known = {*used, *table.all(_STEP), *table.all(_DOMAIN)}
    left = [name for place, name in enumerate(table.names) if place not in known]
    if ranks := [name for name in left if name in _RANK]:
        table.notes.append(f"counts are summed over {' and '.join(ranks)}")
    if others := [name for name in left if name not in _RANK]:
        table.notes.append(f"columns that are not used: {', '.join(others)[:200]}")


def _check_size(shape: tuple[int, int, int, int]) -> None:
    size = shape[0] * shape[1] * shape[2] * shape[3]
    if size > MAX_ROUTING_VALUES:
        raise RoutingError(
            f"a routing log must have at most {MAX_ROUTING_VALUES:,} counts, got {shape[0]:,} domains x {shape[1]:,} steps x "
            f"{shape[2]:,} layers x {shape[3]:,} experts"
        )


def _left_out(n: int, what: str) -> str:
    return f"{n:,} {'row' if n == 1 else 'rows'} with {what} left out"
