"""What a question round asks of a figure: which seeds, how many configurations were tried, and what was chosen on what."""

import json
from collections.abc import Sequence

from leafscope.app import theme
from leafscope.app.sweeps import findings
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.decks import Slide

_SEEDS = ("seed", "split_seed", "init_seed")


def answers(slide: Slide) -> list[str]:
    """Answer in sentences, as written, not yet escaped; empty for a slide that shows no run."""
    said: list[str] = []
    try:
        if slide.sweep:
            said += _of_sweep(SweepConfig.model_validate_json(slide.sweep))
        if slide.runs:
            said += _of_runs([RunConfig.model_validate_json(run) for run in slide.runs], beside=bool(slide.sweep))
    except ValueError:
        return ["Its configurations were written by another version of the program, which this one cannot read."]
    if said and slide.digest:
        said.append(f"Drawn again by: leafscope reproduce {slide.digest}")
    return said


def _of_sweep(sweep: SweepConfig) -> list[str]:
    from leafscope.core.sweep.members import distinct_runs

    runs = distinct_runs(sweep)
    settings = {_setting(run) for run in runs}
    seeds = sweep.choosing_seeds
    said = [
        f"Seeds: {findings.seeds_words(seeds, sweep.report_seeds)}.",
        f"Tried: {_number(len(settings), 'configuration')} on {_number(len(seeds), 'choosing seed')}: "
        f"{_number(len(runs), 'run')}.",
    ]
    if sweep.tune_lr is not None:
        rates = ", ".join(f"{rate:g}" for rate in sweep.tune_lr)
        said.append(f"Chosen on validation: the learning rate of each model at each depth, among {rates}.")
    elif sweep.trials is not None:
        said.append(
            "Chosen on validation: learning rate and weight decay of each model at each depth, among "
            f"{_number(sweep.trials, 'drawn pair')}."
        )
    else:
        said.append(f"Not tuned: every model has learning rate {sweep.base.train.lr:g}.")
    where = "the same seeds" if sweep.report_seeds is None else "the seeds that choose"
    said.append(f"A depth that is called chosen has the lowest mean validation error on {where}; test rows chose nothing.")
    said.append(_epoch_words([sweep.base]))
    return said


def _of_runs(runs: Sequence[RunConfig], beside: bool) -> list[str]:
    settings = {_setting(run) for run in runs}
    shown = "Beside the sweep, the figure" if beside else "The figure"
    return [
        f"{shown} shows {_number(len(runs), 'run')} of {_number(len(settings), 'configuration')}, "
        f"{'seed' if len({run.seed for run in runs}) == 1 else 'seeds'} {theme.number_words({run.seed for run in runs})}.",
        "Nothing was chosen among them by this figure. How many others were tried before is not recorded.",
        *([] if beside else [_epoch_words(runs)]),
    ]


def _epoch_words(runs: Sequence[RunConfig]) -> str:
    if all(run.net.fitted for run in runs):
        return "The model is fitted once, on the training rows."
    return "Best epoch means the lowest validation loss; the last epoch is named where it is shown."


def _setting(run: RunConfig) -> str:
    return json.dumps({name: value for name, value in run.canonical().items() if name not in _SEEDS}, sort_keys=True)


def _number(count: int, noun: str) -> str:
    return f"{theme.thousands(count)} {noun}{'s' * (count != 1)}"
