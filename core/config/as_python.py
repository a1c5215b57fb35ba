"""A run, or a sweep, as a Python program that trains it again: laid out as ruff formats it, without what is at its default."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leafscope.core.config.link import nested, without_defaults
from leafscope.core.config.run import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.config.sweep import SweepConfig

WIDTH = 100
"""Most characters in a line, unless a single string is longer."""

_PARTS = {"data": DataConfig, "net": NetConfig, "train": TrainConfig}

_NET = """\
import torch

{imports}

{what}
# On the CPU this gives the same history, bit for bit, with the same versions of Leafscope, PyTorch
# and Numba, the same kind of processor and the same number of threads. Otherwise, or if the run
# started before code was compiled (the first half minute on a new machine), rounding differs, and
# the difference grows. If it was trained on another device than this would use, name that device:
# TrainConfig(device="cpu").
torch.set_num_threads(n_threads())  # the same number as in the app

run = {run}
assert run.run_id == "{run_id}", "this version reads the configuration otherwise"

result = train({arguments})

for name, epoch in (("best", result.best_epoch), ("last", result.history["epoch"].max())):
    scores = result.history[result.history["epoch"] == epoch]
    print(f"{{name}} epoch: {{epoch}}")
    print(scores.pivot(index="metric", columns="split", values="value").to_string())
"""

_FITTED = """\
{imports}

{what}
# This gives the same scores, bit for bit, with the same versions of Leafscope, scikit-learn, SciPy
# and NumPy and the same kind of processor.
run = {run}
assert run.run_id == "{run_id}", "this version reads the configuration otherwise"

result = fit(run)

for (split, metric), value in result.record.metrics.items():
    print(f"{{split}} {{metric}}: {{value:.4f}}")
print(result.facts)
"""

_SWEEP = """\
import torch

{imports}

# Sweep {sweep_id}.
# The same scores, bit for bit, on the CPU: with the same versions of Leafscope, PyTorch, Numba and
# scikit-learn, the same kind of processor and as many threads. Otherwise, and for runs that began
# before compiled code was there, steps differ by rounding, which grows.
torch.set_num_threads(n_threads())  # as many as the app trains with

sweep = {sweep}
assert sweep.sweep_id == "{sweep_id}", "this version reads the sweep otherwise"


def show(done: int, total: int) -> None:
    print(f"{{done}} of {{total}} runs", end="\\r")


result = run_sweep(sweep, on_progress=show)

columns = ["model", "variant", "data", "depth", "width", "seed", "train.lr", "best_epoch"]
print()
print(result[[*columns, "best_validation_accuracy", "best_test_accuracy"]].to_string())
"""


def script(run: RunConfig, compiled: bool | None = None) -> str:
    """Write a program that trains or fits a run and prints its scores; its variable `result` holds the history.

    `compiled`: whether the run was trained with compiled code, as its facts say; None: unknown, assumed True.

    >>> print(script(RunConfig(seed=3)))  # doctest: +ELLIPSIS
    import torch
    <BLANKLINE>
    from leafscope.core.config import RunConfig
    from leafscope.core.training import train
    from leafscope.core.device import n_threads
    ...
    run = RunConfig(seed=3)
    ...
    """
    call = _run(run)
    names = {"RunConfig", *(_PARTS[part].__name__ for part in _parts(run))}
    trains = ["from leafscope.core.training import train", "from leafscope.core.device import n_threads"]
    imports = [_from_config(names), *trains]
    if run.net.fitted:
        imports = ["from leafscope.core.training.fitting import fit", _from_config(names)]
    return (_FITTED if run.net.fitted else _NET).format(
        imports="\n".join(imports),
        run_id=run.run_id,
        arguments="run, compiled=False" if compiled is False else "run",
        what=textwrap.fill(f"Run {run.run_id}: {run.label}.", WIDTH, initial_indent="# ", subsequent_indent="# "),
        run="\n".join(_laid_out(call, prefix="run = ")).removeprefix("run = "),
    )


def sweep_script(sweep: SweepConfig) -> str:
    """Write a program that trains a sweep and prints its table; afterwards `result` has what `results` gives.

    >>> 'sweep = SweepConfig(name="depths", axes={"net.depth": [0, 2]})' in sweep_script(
    ...     SweepConfig(name="depths", axes={"net.depth": [0, 2]})
    ... )
    True
    """
    values = sweep.model_dump(mode="json", exclude={"base"}, exclude_defaults=True)
    names = {"SweepConfig"}
    arguments: list[tuple[str, Any]] = []
    for field in SweepConfig.model_fields:
        if field == "base" and without_defaults(sweep.base):
            names |= {"RunConfig", *(_PARTS[part].__name__ for part in _parts(sweep.base))}
            arguments.append(("base", _run(sweep.base)))
        elif field in values:
            arguments.append((field, values[field]))
    imports = [_from_config(names), "from leafscope.core.sweep import run_sweep", "from leafscope.core.device import n_threads"]
    return _SWEEP.format(
        imports="\n".join(imports),
        sweep_id=sweep.sweep_id,
        sweep="\n".join(_laid_out(_Call("SweepConfig", arguments), prefix="sweep = ")).removeprefix("sweep = "),
    )


def _parts(run: RunConfig) -> list[str]:
    return [part for part in nested(without_defaults(run).items()) if part in _PARTS]


def _run(run: RunConfig) -> "_Call":
    arguments = nested(without_defaults(run).items())
    return _Call(
        "RunConfig",
        [
            (field, _Call(_PARTS[field].__name__, list(value.items())) if field in _PARTS else value)
            for field, value in arguments.items()
        ],
    )


def _from_config(names: set[str]) -> str:
    return f"from leafscope.core.config import {', '.join(sorted(names))}"


# Layout


@dataclass(frozen=True)
class _Call:
    name: str
    arguments: Sequence[tuple[str, Any]]


def _laid_out(value: Any, prefix: str = "", suffix: str = "", indent: int = 0) -> list[str]:
    """Write a value on one line if it fits; else a call's arguments on one line, then one a line, as lists always are."""
    margin = " " * indent
    opening, items, closing = _bracketed(value)
    line = f"{margin}{prefix}{_in_line(value)}{suffix}"
    if len(line) <= WIDTH or not items:
        return [line]
    first, last = f"{margin}{prefix}{opening}", f"{margin}{closing}{suffix}"
    if isinstance(value, _Call):
        middle = f"{margin}    " + ", ".join(start + _in_line(item) for start, item in items)
        if len(middle) <= WIDTH:
            return [first, middle, last]
    return [first, *(line for start, item in items for line in _laid_out(item, start, ",", indent + 4)), last]


def _bracketed(value: Any) -> tuple[str, list[tuple[str, Any]], str]:
    """What stands at the start, the items with what stands before each, and the end; no items: it cannot be broken."""
    if isinstance(value, _Call):
        return f"{value.name}(", [(f"{name}=", item) for name, item in value.arguments], ")"
    if isinstance(value, dict):
        return "{", [(f"{_in_line(key)}: ", item) for key, item in value.items()], "}"
    if isinstance(value, list):
        return "[", [("", item) for item in value], "]"
    return "", [], ""


def _in_line(value: Any) -> str:
    if isinstance(value, str):
        # repr escapes unprintable characters; the apostrophe before the text makes it choose double quotes
        return repr(value) if '"' in value else '"' + repr("'" + value)[2:]
    opening, items, closing = _bracketed(value)
    if not opening:
        return repr(value)
    return opening + ", ".join(start + _in_line(item) for start, item in items) + closing
