"""A run as a Python program that trains it again, laid out as ruff formats it; fields with their defaults are left out."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leafscope.core.config.link import nested, without_defaults
from leafscope.core.config.parts import DataConfig, NetConfig, TrainConfig
from leafscope.core.config.run import RunConfig
from leafscope.core.datasets.registry import DATA_SETS

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
    call = _call(run)
    names = {call.name, *(value.name for _, value in call.arguments if isinstance(value, _Call))}
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


def estimator(run: RunConfig) -> str | None:
    """Write the scikit-learn estimator with a run's settings, for rows in memory; None for what scikit-learn itself fits.

    >>> print(estimator(RunConfig(net=NetConfig(depth=2), train=TrainConfig(lr=0.01), seed=3)), end="")
    from leafscope.core import TreeNetClassifier
    <BLANKLINE>
    estimator = TreeNetClassifier(depth=2, learning_rate=0.01, random_state=3)
    """
    if run.net.fitted:
        return None
    settings = nested(without_defaults(run).items())
    defaults = {option.name: option.default for option in run.net.model.options}
    own = {name: value for name, value in settings.get("net", {}).items() if name in defaults}
    arguments = {name: value for name, value in settings.get("net", {}).items() if name not in own}
    if options := {name: value for name, value in own.items() if value != defaults[name]}:
        arguments["options"] = options
    arguments |= settings.get("train", {})
    named = {_NAMES.get(name, name): value for name, value in arguments.items()}
    if "patience" in named:
        named["early_stopping"] = True
    named["random_state"] = run.seed
    is_regression = run.data.name in DATA_SETS and DATA_SETS[run.data.name].task == "regression"
    name = "TreeNetRegressor" if is_regression else "TreeNetClassifier"
    laid_out = "\n".join(_laid_out(_Call(name, list(named.items())), prefix="estimator = "))
    return f"from leafscope.core import {name}\n\n{laid_out}\n"


_NAMES = {"lr": "learning_rate"}
"""Fields of a configuration that an estimator names as scikit-learn does."""


def _call(run: RunConfig) -> "_Call":
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
    """Write a value on one line if it fits; else a call's arguments on one line, else each on its own."""
    margin = " " * indent
    line = f"{margin}{prefix}{_in_line(value)}{suffix}"
    if len(line) <= WIDTH or not isinstance(value, _Call) or not value.arguments:
        return [line]
    first, last = f"{margin}{prefix}{value.name}(", f"{margin}){suffix}"
    middle = f"{margin}    {_arguments(value)}"
    if len(middle) <= WIDTH:
        return [first, middle, last]
    return [first, *(line for name, one in value.arguments for line in _laid_out(one, f"{name}=", ",", indent + 4)), last]


def _in_line(value: Any) -> str:
    if isinstance(value, _Call):
        return f"{value.name}({_arguments(value)})"
    if isinstance(value, str):
        # repr escapes unprintable characters; the apostrophe before the text makes it choose double quotes
        return repr(value) if '"' in value else '"' + repr("'" + value)[2:]
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_in_line(name)}: {_in_line(one)}' for name, one in value.items())}}}"
    return repr(value)


def _arguments(call: _Call) -> str:
    return ", ".join(f"{name}={_in_line(value)}" for name, value in call.arguments)
