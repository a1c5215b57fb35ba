"""How a deck's figures were made, in plain lines: configurations, seeds, sweeps, versions, dates."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from leafscope.app import theme
from leafscope.app.sweeps import findings
from leafscope.core.config import RunConfig, SweepConfig, dotted
from leafscope.core.store.decks import Slide

_Config = TypeVar("_Config", RunConfig, SweepConfig)

_SEEDS = ("seed", "split_seed", "init_seed")
_IN_LABEL = {"data.name", "net.kind", "net.depth", "net.width"}


@dataclass(frozen=True)
class Fact:
    """A line of text, as written, not yet escaped."""

    text: str
    heading: bool = False


def facts(slides: Sequence[Slide], made: float) -> list[Fact]:
    """List what a deck's figures were computed from; `made` is the time of its file, in seconds since 1970 (UTC).

    The most important lines come first: the last ones may not fit.
    """
    listed = [Fact("Versions and dates", heading=True), *map(Fact, _versions(slides)), Fact(_dates(slides, made))]
    sweeps, runs = _sweeps(slides), _runs(slides)
    if sweeps:
        listed += [Fact("Sweeps", heading=True), *map(Fact, sweeps)]
    if runs:
        listed += [Fact("Configurations", heading=True), *map(Fact, runs)]
    if sweeps or runs:
        listed.append(Fact("Fields not listed have the defaults of the version named above."))
    else:
        listed.append(Fact("No slide shows a run."))
    return listed


def utc_date(seconds: float) -> str:
    """Write the day of a time in seconds since 1970 (UTC).

    >>> utc_date(1732467169)
    '24 November 2024'
    """
    try:
        when = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return "an unknown day"
    return f"{when.day} {when:%B %Y}"


# Runs


def _runs(slides: Sequence[Slide]) -> list[str]:
    """One line for all runs that differ only in their seeds."""
    groups: dict[str, list[RunConfig]] = {}
    where: dict[str, set[int]] = {}
    for number, slide in enumerate(slides, start=1):
        for text in slide.runs:
            run = _parsed(RunConfig, text)
            key = text if run is None else _key(run)
            where.setdefault(key, set()).add(number)
            group = groups.setdefault(key, [])
            if run is not None and run not in group:
                group.append(run)
    return [_run_words(group, key) + _on(where[key]) for key, group in groups.items()]


def _key(run: RunConfig) -> str:
    return json.dumps({name: value for name, value in run.canonical().items() if name not in _SEEDS}, sort_keys=True)


def _run_words(group: Sequence[RunConfig], text: str) -> str:
    if not group:
        return f"As written by another version: {theme.one_line(text, 300)}"
    first = min(group, key=lambda run: (run.seed, run.data_seed, run.weight_seed))
    words = [
        _label(first),
        f"{'seed' if len({run.seed for run in group}) == 1 else 'seeds'} {theme.number_words(r.seed for r in group)}",
    ]
    for name, field in (("split seed", "data_seed"), ("initial weights' seed", "weight_seed")):
        own = [getattr(run, field) for run in group]
        if own != [run.seed for run in group]:
            words.append(f"{name} {theme.number_words(own)}")
    address = f"address {first.run_id}" if len(group) == 1 else f"address of seed {first.seed}: {first.run_id}"
    return f"{', '.join(words)}: {'; '.join(filter(None, (_differences(first), address)))}"


def _label(run: RunConfig) -> str:
    return run.label.removesuffix(f" s{run.seed}")


def _differences(run: RunConfig) -> str:
    """The fields of this run that differ from the defaults, without those that its label gives in full."""
    plain = dotted(RunConfig().model_dump(mode="json"))
    own = dotted({name: value for name, value in run.canonical().items() if name not in _SEEDS})
    return ", ".join(
        f"{name} {_value(value)}" for name, value in own.items() if name not in _IN_LABEL and plain.get(name) != value
    )


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# Sweeps


def _sweeps(slides: Sequence[Slide]) -> list[str]:
    where: dict[str, set[int]] = {}
    for number, slide in enumerate(slides, start=1):
        if slide.sweep:
            where.setdefault(slide.sweep, set()).add(number)
    return [_sweep_words(text) + _on(numbers) for text, numbers in where.items()]


def _sweep_words(text: str) -> str:
    sweep = _parsed(SweepConfig, text)
    if sweep is None:
        return f"As written by another version: {theme.one_line(text, 300)}"
    base = ", ".join(filter(None, (_label(sweep.base), _differences(sweep.base))))
    parts = [f"base {base}"]
    if "seed" not in sweep.axes:
        parts.append(f"seed {sweep.base.seed}")
    parts += [f"{field} {_axis(values)}" for field, values in sweep.axes.items()]
    if sweep.baselines:
        parts.append(f"with baselines {', '.join(name.replace('_', ' ') for name in sweep.baselines)}")
    if sweep.tune_lr:
        parts.append(
            f"learning rate of each model tuned on validation among {', '.join(f'{rate:g}' for rate in sweep.tune_lr)}"
        )
    if sweep.trials is not None:
        parts.append(f"learning rate and weight decay of each model tuned on validation among {sweep.trials} drawn pairs")
    parts.append(findings.seeds_words(sweep.choosing_seeds, sweep.report_seeds))
    return f"{theme.one_line(sweep.name, 80)}: {'; '.join(parts)}; address {sweep.sweep_id}"


def _axis(values: Sequence[Any]) -> str:
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return theme.number_words(values)
    return ", ".join(map(_value, values))


# Versions and dates


def _versions(slides: Sequence[Slide]) -> list[str]:
    where: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for number, slide in enumerate(slides, start=1):
        if slide.versions:
            where.setdefault(tuple(sorted(slide.versions.items())), []).append(number)
    lines = []
    for versions, numbers in where.items():
        words = ", ".join(f"{theme.one_line(name, 40)} {theme.one_line(version, 40)}" for name, version in versions)
        lines.append(f"Versions{_on(numbers) if len(where) > 1 else ''}: {words}.")
    return lines


def _dates(slides: Sequence[Slide], made: float) -> str:
    taken = [slide.taken for slide in slides if slide.taken > 0]
    days = list(dict.fromkeys(utc_date(when) for when in sorted(taken)))
    figures = f"; figures taken {days[0] if len(days) == 1 else f'from {days[0]} to {days[-1]}'}" if days else ""
    return f"File made {utc_date(made)}, {datetime.fromtimestamp(made, UTC):%H:%M} UTC{figures}."


# Both


def _on(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return f" ({'slide' if len(found) == 1 else 'slides'} {theme.number_words(found)})"


def _parsed(kind: type[_Config], text: str) -> _Config | None:
    """None if this version cannot read it."""
    try:
        return kind.model_validate_json(text)
    except ValueError:
        return None
