"""The form that describes a sweep over depths: data, sizes, depths, seeds, models; in the sidebar, and in the URL."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.address import data_sets, session
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.sweeps.numbers_field import parse_real, parse_whole, write_real, write_whole
from leafscope.core.config import (
    DataConfig,
    RunConfig,
    SweepConfig,
    changed,
    dotted,
    explain,
    field_options,
    presets,
)
from leafscope.core.datasets import DATA_SETS, shape
from leafscope.core.datasets.registry import data_words
from leafscope.core.errors import LeafscopeError
from leafscope.core.limits import MAX_DEPTH
from leafscope.core.models import MODELS, baselines

SPARE = 2
"""Rows drawn by a generator for each training row, so that a validation and a test split are left."""


@dataclass(frozen=True)
class Field:
    """One entry of the form."""

    key: str
    """Parameter name in the URL, and key of session state."""
    label: str
    help: str
    default: str


DATA = "sweep_data"
FIELDS = (
    Field("sweep_rows", "Training rows", "One number, or several for curves over the training rows: 300, 1000.", ""),
    Field("sweep_widths", "Widths", "Units of each hidden layer; several widths make a map of depth and width.", "8"),
    Field(
        "sweep_depths",
        "Depths K (gating bits)",
        "0 is a dense net. Where gates reuse hidden units, K can be at most the width.",
        "0-6",
    ),
    Field(
        "sweep_seeds",
        "Seeds",
        "Each seed draws data or split, weights and batches anew. Intervals need at least 2 seeds, better 5.",
        write_whole(presets.CHOOSING),
    ),
    Field(
        "sweep_report",
        "Reporting seeds",
        "How many further seeds, after the last of those above, or which: 10-29, 40, 42. Then rates and depths are chosen on "
        "the seeds above, and only what was chosen is trained and reported on the further ones. Empty: the same seeds choose "
        "and are reported.",
        str(presets.REPORTED),
    ),
)
TRIALS = "sweep_trials"
TRAINING = (
    Field("sweep_epochs", "Epochs", "Passes over the training rows.", ""),
    Field(
        "sweep_rates",
        "Learning rates",
        "In each cell, each model is trained with each rate; the rate with the lowest validation loss is kept, or, with "
        "reporting seeds, that with the lowest validation error.",
        "0.003, 0.01, 0.03, 0.1",
    ),
    Field(
        TRIALS,
        "Trials",
        "Instead of the learning rates and the weight decay: so many random pairs of both, the same for each model. Empty: "
        "none.",
        str(presets.TRIALS),
    ),
    Field("sweep_decay", "Weight decay", "Decoupled, as in AdamW.", "0.3"),
    Field(
        "sweep_growth",
        "Decay growth by level",
        "A node on level l decays with weight decay times growth^l; each value makes a variant of the tree.",
        "1",
    ),
)
DRAWN = ("sweep_rates", "sweep_decay")
"""Fields that trials draw, so that they cannot be changed beside them."""
WHY_DRAWN = "Each of the trials draws its own learning rate and weight decay. To set them here, empty Trials."
MODELS_KEY = "sweep_models"
LOOKED_KEY = "sweep_looked"
"""Parameter of the URL: `SweepConfig.second_look_after` of the sweep that the form was loaded from; 0: None."""
MOST_SEEDS = 1000
"""Reporting seeds of one sweep."""
CHOICES = {"sweep_gates": "net.gates", "sweep_credit": "train.gate_gradient", "sweep_balancing": "net.balancing"}
"""Parameter of the URL -> field of the gates. Several values are an axis, and make variants of the tree."""
NUMBERS = {"sweep_balance": "train.balance", "sweep_noise": "train.gate_noise"}
"""The same for fields that are real numbers."""
SEVERAL = "Several values make variants of the tree."
KEYS = (DATA, *(field.key for field in (*FIELDS, *TRAINING)), MODELS_KEY, LOOKED_KEY, *CHOICES, *NUMBERS)


def kinds() -> tuple[str, ...]:
    """Name the kinds of nets that can be set beside the tree at each of its depths: those with gates that are offered."""
    return tuple(name for name, model in MODELS.items() if model.is_gated and model.choice and name != "tree")


def models() -> tuple[str, ...]:
    """Name the models that can be set beside the tree, in the order of the list."""
    return (*kinds(), *baselines())


def draw() -> tuple[SweepConfig | None, str | None]:
    """Draw the form in the sidebar: the sweep that it describes, or None and what is wrong with it."""
    session.seed_from_url(DATA, data_sets.parse, "tree_teacher")
    default_models = ",".join(("flat", *presets.BESIDE))
    titles = data_sets.titles(st.session_state[DATA])
    st.selectbox(
        "Data set",
        list(titles),
        format_func=titles.__getitem__,
        key=DATA,
        persist_state="session",
        help="All data sets are on this machine; generators draw fresh data for each seed, tables are split anew.",
    )
    name: str = st.session_state[DATA]
    texts = {field.key: _text(field, name) for field in FIELDS}
    with st.expander("Models and training"):
        session.seed_from_url(MODELS_KEY, _models, _models(default_models))
        st.multiselect(
            "Beside the tree",
            models(),
            format_func=model_words,
            key=MODELS_KEY,
            persist_state="session",
            help="All are trained on the same splits and seeds.",
        )
        session.seed_from_url(TRIALS, str, next(field.default for field in TRAINING if field.key == TRIALS))
        drawn = DRAWN if str(st.session_state[TRIALS] or "").strip() else ()
        texts |= {field.key: _text(field, name, WHY_DRAWN if field.key in drawn else "") for field in TRAINING}
        gates = {field: _choice(key, field) for key, field in CHOICES.items()}
        texts |= {field.key: _text(field, name) for field in _numbers()}
    for key, default in ((DATA, "tree_teacher"), *((field.key, field.default) for field in (*FIELDS, *TRAINING, *_numbers()))):
        session.publish_to_url(key, st.session_state[key], default)
    session.publish_to_url(MODELS_KEY, ",".join(st.session_state[MODELS_KEY]), default_models)
    session.seed_from_url(LOOKED_KEY, int, 0)
    session.publish_to_url(LOOKED_KEY, st.session_state[LOOKED_KEY], 0)
    try:
        return _sweep(name, texts, gates, st.session_state[MODELS_KEY], st.session_state[LOOKED_KEY]), None
    except ValidationError as error:
        return None, "; ".join(explain(error).values())
    except (ValueError, LeafscopeError) as error:
        return None, str(error)


def load(sweep: SweepConfig) -> None:
    """Set the form to a sweep, as far as it is one that the form can describe, before it is drawn."""
    for key, value in _values(sweep).items():
        st.session_state[key] = value


def says(sweep: SweepConfig) -> SweepConfig | None:
    """The sweep that the form describes after a sweep was loaded and nothing was changed, None if that is not valid.

    It has the id of the sweep, unless that has what the form cannot describe, such as several gated layers.
    """
    values = _values(sweep)
    texts = {field.key: values[field.key] for field in (*FIELDS, *TRAINING, *_numbers())}
    gates = {field: values[key] for key, field in CHOICES.items()}
    try:
        return _sweep(values[DATA], texts, gates, values[MODELS_KEY], values[LOOKED_KEY])
    except (ValueError, LeafscopeError):  # a ValidationError is a ValueError
        return None


def differs(wanted: SweepConfig, shown: SweepConfig) -> bool:
    """Whether a person changed something in the form since a sweep was loaded; what the form cannot say nobody changed."""
    said = says(shown)
    return wanted.sweep_id not in (shown.sweep_id, None if said is None else said.sweep_id)


def _values(sweep: SweepConfig) -> dict[str, Any]:
    """The value of each entry, by its key, for a sweep."""
    base, axes = sweep.base, sweep.axes
    rows = axes.get("data.n_train") or ([] if base.data.n_train is None else [base.data.n_train])
    known = presets.DATA.get(base.data.name)
    usual = known is not None and rows == [known.n_train]
    plain = dotted(base.model_dump())
    choices = {
        key: [value for value in axes.get(field, [plain[field]]) if field_options()[field].choices.get(value)]
        for key, field in CHOICES.items()
    }
    chosen = axes.get("net.kind", [base.net.kind])
    return {
        DATA: base.data.name,
        "sweep_rows": "" if usual else write_whole([row for row in rows if row is not None]),
        "sweep_widths": write_whole(axes.get("net.width", [base.net.width])),
        "sweep_depths": write_whole(axes.get("net.depth", [base.net.depth])),
        "sweep_seeds": write_whole(axes.get("seed", [base.seed])),
        "sweep_report": _write_report(sweep),
        "sweep_epochs": "" if base.train.epochs == _epochs(base.data.name) else str(base.train.epochs),
        "sweep_rates": write_real(sweep.tune_lr or [base.train.lr]),
        TRIALS: "" if sweep.trials is None else str(sweep.trials),
        "sweep_decay": write_real([base.train.weight_decay]),
        "sweep_growth": write_real(axes.get("train.decay_growth", [base.train.decay_growth])),
        MODELS_KEY: [model for model in models() if model in sweep.baselines or model in chosen],
        LOOKED_KEY: sweep.second_look_after or 0,
        **choices,
        **{key: write_real(axes.get(field, [plain[field]])) for key, field in NUMBERS.items()},
    }


def _choice(key: str, field: str) -> list[str]:
    """Draw the choice of one or several values of a field, and return them in the order of the list."""
    option = field_options()[field]
    offered = [value for value, words in option.choices.items() if words]
    session.seed_from_url(key, _some_of(tuple(offered)), [str(option.default)])
    st.multiselect(
        option.label,
        offered,
        format_func=lambda value: option.choices[value],
        key=key,
        persist_state="session",
        help=f"{option.meaning} {SEVERAL}",
    )
    chosen = [value for value in offered if value in st.session_state[key]]
    session.publish_to_url(key, ",".join(chosen), str(option.default))
    return chosen


def _numbers() -> list[Field]:
    """The entries of the fields of the gates that are real numbers."""
    options = {key: field_options()[field] for key, field in NUMBERS.items()}
    return [Field(key, one.label, f"{one.meaning} {SEVERAL}", one.write(one.default or 0)) for key, one in options.items()]


def any_in_url() -> bool:
    """Whether the URL describes a sweep."""
    return any(key in st.query_params for key in KEYS)


def _text(field: Field, data: str, why_fixed: str = "") -> str:
    """Draw an entry; one that is fixed says why on hover."""
    session.seed_from_url(field.key, str, field.default)
    placeholders = {"sweep_rows": _default_rows(data), "sweep_epochs": str(_epochs(data))}
    placeholder = (placeholders | {"sweep_report": "none", TRIALS: "none"}).get(field.key)
    return str(
        st.text_input(
            field.label,
            key=field.key,
            help=why_fixed or field.help,
            placeholder=placeholder,
            disabled=bool(why_fixed),
            persist_state="session",
        )
        or ""
    ).strip()


def _default_rows(name: str) -> str:
    known = presets.DATA.get(name)
    return str(known.n_train) if known is not None and known.n_train is not None else "all"


def _epochs(name: str) -> int:
    return presets.EPOCHS.get(name, 40)


def _sweep(name: str, texts: dict[str, str], gates: dict[str, list[str]], chosen: list[str], looked: int) -> SweepConfig:
    """Put the sweep together; raises ValueError with a sentence."""
    rows = parse_whole(texts["sweep_rows"], "training rows", 1, 100_000) if texts["sweep_rows"] else []
    widths = parse_whole(texts["sweep_widths"], "widths", 1, 1024)
    depths = parse_whole(texts["sweep_depths"], "depths", 0, MAX_DEPTH)
    seeds = parse_whole(texts["sweep_seeds"], "seeds", 0, 2**31 - 1)
    rates = parse_real(texts["sweep_rates"], "learning rates", 1e-9, 10)
    growths = parse_real(texts["sweep_growth"] or "1", "decay growth", 1, 16)
    epochs = parse_whole(texts["sweep_epochs"] or str(_epochs(name)), "epochs", 1, 10_000)
    decay = parse_real(texts["sweep_decay"], "weight decay", 0, 10)
    if len(epochs) != 1 or len(decay) != 1:
        raise ValueError("epochs and weight decay must be one number each")
    report, trials = _report_seeds(texts["sweep_report"], seeds), _number(texts[TRIALS], "trials", 100)
    of_gates: dict[str, list[Any]] = dict(gates)
    for key, field in NUMBERS.items():
        option = field_options()[field]
        of_gates[field] = parse_real(texts[key] or "0", option.label.lower(), option.low, option.high)
    for field, values in of_gates.items():
        if not values:
            raise ValueError(f"{field_options()[field].label.lower()} must have at least one value, got none")
    if "hidden" in gates["net.gates"] and max(depths) > min(widths):
        raise ValueError(
            f"depths must be at most the smallest width ({min(widths)}), since each gating bit is the sign of one hidden unit, "
            f"got {max(depths)}"
        )
    base = changed(
        RunConfig(data=_data(name, rows)),
        {
            "net.width": widths[0],
            "net.depth": min(depths),
            "train.epochs": epochs[0],
            "train.weight_decay": decay[0],
            "train.decay_growth": growths[0],
            "train.lr": rates[0],
            **{field: values[0] for field, values in of_gates.items()},
        },
    )
    for balancing, strength in itertools.product(of_gates["net.balancing"], of_gates["train.balance"]):
        changed(base, {"net.depth": max(depths), "net.balancing": balancing, "train.balance": strength})
    axes: dict[str, list[Any]] = {"net.kind": ["tree", *(kind for kind in kinds() if kind in chosen)], "net.depth": depths}
    axes["net.width"] = widths
    if len(rows) > 1:
        axes["data.n_train"] = rows
    if len(growths) > 1:
        axes["train.decay_growth"] = growths
    axes |= {field: values for field, values in of_gates.items() if len(values) > 1}
    axes["seed"] = seeds
    size = shape(base.data)
    return SweepConfig(
        name=f"{data_words(name)}, {'/'.join(map(str, rows or [size.n_train]))} rows, "
        f"w{'/'.join(map(str, widths))}, K {write_whole(depths)}",
        base=base,
        axes=axes,
        baselines=[model for model in baselines() if model in chosen],
        tune_lr=rates if len(rates) > 1 and trials is None else None,
        report_seeds=report,
        trials=trials,
        second_look_after=looked if report is not None and 0 < looked < len(report) else None,
    )


def _report_seeds(text: str, choosing: list[int]) -> list[int] | None:
    """Read reporting seeds: a single number is how many, after the last one that chooses; None if there are none."""
    if not text:
        return None
    numbers = parse_whole(text, "reporting seeds", 0, 2**31 - 1, MOST_SEEDS)
    if len(numbers) > 1:
        return numbers
    number = parse_whole(text, "reporting seeds", 1, MOST_SEEDS)[0]
    return list(range(max(choosing) + 1, max(choosing) + 1 + number))


def _write_report(sweep: SweepConfig) -> str:
    """Write reporting seeds as `_report_seeds` reads them."""
    seeds = sweep.report_seeds
    if seeds is None:
        return ""
    follow = seeds == list(range(max(sweep.choosing_seeds) + 1, max(sweep.choosing_seeds) + 1 + len(seeds)))
    return str(len(seeds)) if follow else write_whole(seeds)


def _number(text: str, what: str, high: int) -> int | None:
    """Read one whole number above 0; None if there is none."""
    if not text:
        return None
    numbers = parse_whole(text, what, 1, high)
    if len(numbers) != 1:
        raise ValueError(f"{what} must be one number, got {len(numbers)}")
    return numbers[0]


def _data(name: str, rows: list[int]) -> DataConfig:
    """The data set with so many training rows; a generator draws enough for all splits."""
    known = presets.DATA.get(name) or DataConfig(name=name)
    if not rows:
        return known
    update: dict[str, Any] = {"n_train": rows[0]}
    if DATA_SETS[name].option("n_samples") is not None:
        needed = math.ceil(SPARE * max(rows))
        update["n_samples"] = max(needed, known.n_samples or 0)
    elif max(rows) > (left := shape(DataConfig(name=name)).n_train):
        raise ValueError(
            f"training rows must be at most {theme.thousands(left)} for {data_words(name)}, got {theme.thousands(max(rows))}"
        )
    return DataConfig.model_validate(known.model_dump(exclude_none=True) | update)


def _some_of(options: tuple[str, ...]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in options]:
            raise ValueError(unknown[0])
        return names

    return parse


def _models(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in models()]:
        raise ValueError(unknown[0])
    return names
