"""The members of a sweep: all combinations of its axes, their baselines, and the trials of each.

K depth · w width. A *cell* is a point in a figure: a data set, and the width and depth of the tree nets there. A member is one
model in one cell with one seed; if learning rates are tuned, it has one trial for each rate, or for each drawn pair of a rate
and a decay. The members here are those of the choosing seeds; `choice` adds those of the reporting seeds.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from leafscope.core.config import RunConfig, SweepConfig, changed, field_options
from leafscope.core.cost import cost, memory
from leafscope.core.datasets import DATA_SETS, DataShape, shape
from leafscope.core.device import Gpus, check_fits, check_task
from leafscope.core.errors import DataError, LimitError
from leafscope.core.models.registry import lines, set_beside
from leafscope.core.options import Option
from leafscope.core.registry import Words
from leafscope.core.sweep.draws import HIGHEST_DECAY, HIGHEST_RATE, draws

MEMBER_LIMIT = 5000
"""The most runs of a sweep, including all trials: about ten minutes of small nets, and a table that pages load quickly."""

_CELL_FIELDS = {"seed", "split_seed", "init_seed", "net.kind", "net.depth", "net.width"}
"""Fields that determine the model, the cell and the seed. Axes over fields of the data also make cells; other axes make
variants of a model."""


@dataclass(frozen=True)
class Member:
    """One trial of one model, in one cell, with one seed."""

    run: RunConfig
    model: str
    """The name of its line in `core.models`, such as tree, flat, dense_capacity or logistic."""
    variant: str
    """The other settings that distinguish it from members of the same model, such as `decay_growth=2` or `straight-through`;
    usually empty."""
    depth: int | None
    """Depth of the tree nets that it is compared with; None: it is the same at every depth."""
    width: int | None
    """Width of the tree nets that it is compared with; None: it is the same at every width."""
    untuned: RunConfig | None = None
    """The run before its trial's rate and decay were set; None: the same."""

    @cached_property
    def run_id(self) -> str:
        """The run's address, computed once."""
        return self.run.run_id

    @cached_property
    def cell(self) -> tuple[Any, ...]:
        """Model and cell; all seeds of a cell have the same learning rate."""
        return self.model, self.variant, self.depth, self.width, self.run.data.model_dump_json(exclude_none=True)

    @cached_property
    def identity(self) -> tuple[Any, ...]:
        """The key that its trials share: everything except the learning rate, unless variants differ in the rate."""
        known = (self.untuned or self.run).canonical()
        train = {field: value for field, value in known["train"].items() if field != "lr"}
        return *self.cell, self.run.seed, self.run.split_seed, self.run.init_seed, str(known["net"]), str(train)


TOLERANCE = 0.02
"""The largest deviation of costs that count as equal."""


def expand(sweep: SweepConfig) -> tuple[Member, ...]:
    """List all trials of all members, by seed and then by depth; the trials of a member are consecutive.

    Different members can be the same run, such as trees of depth 0 with hidden and with random gates. Raises ValidationError if
    a combination of the axes is not a valid run.

    >>> sweep = SweepConfig(axes={"net.kind": ["tree", "flat"], "net.depth": [0, 1]}, baselines=["dense"], tune_lr=[0.01, 0.1])
    >>> [(member.model, member.depth, member.run.train.lr) for member in expand(sweep)][:3]
    [('dense', None, 0.01), ('dense', None, 0.1), ('tree', 0, 0.01)]
    >>> len(expand(sweep))
    10
    """
    return _expanded(sweep.model_dump_json())


def check(sweep: SweepConfig, gpus: Gpus | None = None) -> None:
    """Check, before training, that all runs of a sweep can be trained, on GPUs that torch or else the worker knows.

    Raises LimitError for too many members or too little memory (with the largest depth that fits), DataError for impossible
    splits and data sets of different tasks, DeviceError, and ValidationError if a combination of the axes is not a valid run.
    """
    # checked before the combinations are listed, since there may be millions
    if sweep.n_combinations > MEMBER_LIMIT:
        raise _too_many(sweep, sweep.n_combinations)
    trials = first_trials(sweep)
    number = len(run_ids(sweep)) + len(trials) * len(sweep.report_seeds or ())
    if number > MEMBER_LIMIT:
        raise _too_many(sweep, number)
    for data in {run.data for run in trials}:  # neither rows nor memory depend on seeds, rates and decays
        _check_rows(shape(data))
    tasks = {DATA_SETS[name].task for name in {run.data.name for run in trials}}
    if len(tasks) > 1:
        raise DataError(
            "the data sets of a sweep must have one task, but of some of these classes are predicted, of others numbers"
        )
    if "regression" in tasks and any(run.train.class_weight != "none" for run in trials):
        raise DataError('class_weight must be "none" where numbers are predicted, got "balanced"')
    for run in trials:
        check_task(run)
    for run in _largest(trials):
        check_fits(run, gpus=gpus)


def _check_rows(size: DataShape) -> None:
    for name, rows in (("validation", size.n_validation), ("test", size.n_test)):
        if not rows:
            raise DataError(f"a sweep must have {name} rows, by which its runs are compared; the {name} share is 0")


def _largest(runs: list[RunConfig]) -> list[RunConfig]:
    """Return the run that needs the most memory, for each device."""
    largest: dict[str, tuple[int, RunConfig]] = {}
    for run in runs:
        size = shape(run.data)
        needed = memory(run, size.n_features, size.n_outputs, size.n_rows).total
        if needed > largest.get(run.train.device, (-1, run))[0]:
            largest[run.train.device] = (needed, run)
    return [run for _, run in largest.values()]


def unequal(sweep: SweepConfig) -> list[str]:
    """Say of each baseline that should cost as much as a net of the sweep, but cannot within 2 %, how far it is from it."""
    found: dict[str, None] = {}
    for run in _combinations(sweep):
        size = shape(run.data)
        for baseline in sweep.baselines:
            for beside in set_beside(baseline, run.net, size.n_features, size.n_outputs):
                if abs(beside.deviation) > TOLERANCE:
                    where = (
                        f"beside {run.net.model.default_line.in_a_sentence} of depth {run.net.depth} and width {run.net.width}"
                    )
                    found[f"{lines()[baseline].in_a_sentence} {where} has {beside.deviation:+.1%} of its cost"] = None
    return list(found)


def distinct_runs(sweep: SweepConfig) -> list[RunConfig]:
    """List the different runs of a sweep, in the order of its members."""
    return list(_distinct(sweep.model_dump_json()).values())


def run_ids(sweep: SweepConfig) -> list[str]:
    """List the addresses of the different runs of a sweep, in the order of its members."""
    return list(_distinct(sweep.model_dump_json()))


def first_trials(sweep: SweepConfig) -> list[RunConfig]:
    """List the different runs of the first choosing seed with the first rate and decay of each.

    As many runs are trained on each reporting seed, and they take about as long.
    """
    seed = sweep.choosing_seeds[0]
    trials: dict[tuple[Any, ...], Member] = {}
    for member in expand(sweep):
        if member.run.seed == seed:
            trials.setdefault(member.identity, member)
    return list({member.run_id: member.run for member in trials.values()}.values())


@lru_cache(maxsize=16)
def _distinct(sweep_json: str) -> dict[str, RunConfig]:
    return {member.run_id: member.run for member in _expanded(sweep_json)}


def _too_many(sweep: SweepConfig, number: int) -> LimitError:
    return LimitError(
        f"a sweep can have at most {MEMBER_LIMIT:,} runs, but {sweep.name[:60]} has {number:,}, including all "
        f"{'learning rates' if sweep.trials is None else 'trials'}; use fewer depths, widths, seeds or "
        f"{'rates' if sweep.trials is None else 'trials'}, or several sweeps"
    )


@lru_cache(maxsize=16)
def _expanded(sweep_json: str) -> tuple[Member, ...]:
    sweep = SweepConfig.model_validate_json(sweep_json)
    members: dict[tuple[Any, ...], Member] = {}
    for run in _combinations(sweep):
        for member in (_of_axes(run, sweep), *_baselines(run, sweep)):
            members.setdefault((*member.identity, member.run_id), member)
    seeds = list(dict.fromkeys(member.run.seed for member in members.values()))
    ordered = sorted(members.values(), key=lambda one: (seeds.index(one.run.seed), -1 if one.depth is None else one.depth))
    return tuple(trial for member in ordered for trial in _trials(member, sweep))


def _combinations(sweep: SweepConfig) -> Iterator[RunConfig]:
    """List the runs of all combinations of the axes."""
    for values in itertools.product(*sweep.axes.values()):
        combination = dict(zip(sweep.axes, values, strict=True))
        # a trial overrides both; a decay other than 0, since without one the growth of the decay makes no variants
        any_trial = {} if sweep.trials is None else {"train.lr": HIGHEST_RATE, "train.weight_decay": HIGHEST_DECAY}
        yield changed(sweep.base, combination | any_trial)


def _trials(member: Member, sweep: SweepConfig) -> Iterator[Member]:
    base = sweep.base.train
    if member.run.net.fitted and sweep.trials is not None:  # as configured, for tables: it has neither
        yield replace(member, run=changed(member.run, {"train.lr": base.lr, "train.weight_decay": base.weight_decay}))
        return
    if member.run.net.fitted or (sweep.tune_lr is None and sweep.trials is None):
        yield member
        return
    for rate in sweep.tune_lr or ():
        yield replace(member, run=changed(member.run, {"train.lr": rate}))
    for draw in draws(sweep.trials or 0):
        changes = {"train.lr": draw.lr, "train.weight_decay": draw.weight_decay}
        yield replace(member, run=changed(member.run, changes), untuned=member.run)


def _of_axes(run: RunConfig, sweep: SweepConfig) -> Member:
    """Return the member of a combination of axes."""
    model = run.net.model.line_of(run.net)
    return _member(run, model, _variant(run, sweep), run, by_depth="depth" in run.net.model.net_fields)


def _baselines(run: RunConfig, sweep: SweepConfig) -> Iterator[Member]:
    """Return the baselines of a combination of axes."""
    size = shape(run.data)
    several = len(sweep.axes.get("net.gates", [])) > 1
    gates = f"gates={run.net.gates}" if several and run.net.gates != "hidden" else ""
    for baseline in sweep.baselines:
        for beside in set_beside(baseline, run.net, size.n_features, size.n_outputs):
            other = changed(run, dict(beside.changes))
            # a net without gates whose size depends on the depth also depends on the gates of the net that it is compared with
            of_gates = gates if beside.by_depth and not other.net.gated and not other.net.fitted else ""
            variant = ", ".join(filter(None, (_variant(other, sweep), beside.variant, of_gates)))
            yield _member(other, baseline, variant, run, beside.by_depth)


def _member(run: RunConfig, model: str, variant: str, beside: RunConfig, by_depth: bool) -> Member:
    """Return a member in the cell of the run `beside`: the run itself, or a baseline of it."""
    return Member(run, model, variant, beside.net.depth if by_depth else None, None if run.net.fitted else beside.net.width)


def _variant(run: RunConfig, sweep: SweepConfig) -> str:
    """Return the run's values of the axes that matter to it, without those of the cell."""
    # at depth 0 the gates make no difference, but the run belongs to the same line as those at greater depths
    known = (changed(run, {"net.depth": max(1, run.net.depth)}) if run.net.gated else run).canonical()
    words = []
    for field in sweep.axes:
        part, _, name = field.rpartition(".")
        if field in _CELL_FIELDS or part == "data" or name not in (known.get(part, {}) if part else known):
            continue
        if part == "net" and name in run.net.model.line_fields:
            continue
        words.append(_said(field_options()[field], known[part][name] if part else known[name]))
    return ", ".join(filter(None, words))


def _said(option: Option, value: Any) -> str:
    """Say a value in a variant: of what is registered its title, or its name where pages do not offer it; no default."""
    if isinstance(option.choices, Words):
        return "" if value == option.default else option.choices[value] or str(value)
    return f"{option.name}={value:g}" if isinstance(value, float) else f"{option.name}={value}"


def effort(run: RunConfig) -> float:
    """Estimate roughly how many seconds a run takes on one thread, for the size of groups and the duration of sweeps.

    The constants were fitted to runs of width 8 to 90 on one core of an AMD EPYC (this project's choice).
    """
    size = shape(run.data)
    if (fit := run.net.model.fit) is not None:
        return fit.seconds * max(0.2, size.n_train * size.n_features / 10_000)
    rows = 3.7 * size.n_train + size.n_train + size.n_validation + size.n_test
    multiply_adds = cost(run.net, size.n_features, size.n_outputs).multiply_adds
    return 0.004 + run.train.epochs * (0.2e-3 + rows * (0.15e-6 + 0.14e-9 * multiply_adds))
