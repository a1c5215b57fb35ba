"""What a run is: frozen, validated configurations, the same in Python, in a URL, in a TOML file and in the store.

Every field has a default and a one-line meaning; unknown fields are refused. An invalid value raises pydantic's
`ValidationError` (a `ValueError`) whose messages say what must hold and what was given; `explain` gives them by field.
"""

import difflib
import hashlib
import json
import math
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo, ValidatorFunctionWrapHandler

MAX_DEPTH = 16
"""The deepest tree: 2^16 leaves, whose indices fit in 16 bits."""

TABLES = ("digits", "breast_cancer", "wine", "iris")
"""Data sets with a fixed number of rows."""

GENERATORS: dict[str, dict[str, Any]] = {
    "moons": {"n_samples": 1000, "noise": 0.2},
    "circles": {"n_samples": 1000, "noise": 0.1},
    "spirals": {"n_samples": 1000, "noise": 0.05},
    "checkerboard": {"n_samples": 2000, "noise": 0.0},
    "xor": {"n_samples": 1000, "noise": 0.1},
    "tree_teacher": {"n_samples": 4000, "noise": 0.05, "n_features": 10, "n_classes": 2, "teacher_depth": 3},
}
"""Data sets drawn anew for each seed, with the options each has and their defaults."""

GENERATOR_OPTIONS = ("n_samples", "noise", "n_features", "n_classes", "teacher_depth")

DATA_NAMES = (*TABLES, *GENERATORS)

Net = Literal["tree", "flat", "dense"]
NETS: tuple[Net, ...] = get_args(Net)
"""Kinds that are trained by gradient."""

Fitted = Literal["logistic", "decision_tree", "decision_tree_pruned", "random_forest", "gradient_boosting"]
FITTED: tuple[Fitted, ...] = get_args(Fitted)
"""Kinds that scikit-learn fits in one go: they have no epochs but the one after the fit."""

Kind = Literal[Net, Fitted]
Gates = Literal["hidden", "units", "random"]
Schedule = Literal["cosine", "constant"]
GateGradient = Literal["none", "straight_through"]

# How a field's type checks and explains itself


def _field_type(base: Any, must_be: str, holds: Callable[[Any], bool]) -> Any:
    """A type whose every failure reads `<field> must be <must_be>, got <value>`."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            if isinstance(value, bool):
                raise ValueError
            parsed = handler(value)
            if not holds(parsed):
                raise ValueError
        except ValueError:
            given = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
            raise PydanticCustomError(
                "field", "{name} must be {must_be}, got {given}", {"name": info.field_name, "must_be": must_be, "given": given}
            ) from None
        return parsed

    return Annotated[base, WrapValidator(check)]


def _whole(low: int, high: int) -> Any:
    return _field_type(int, f"a whole number from {low:,} to {high:,}", lambda v: low <= v <= high)


def _number(low: float, high: float, open_low: bool = False) -> Any:
    words = f"a number above {low:g} and at most {high:g}" if open_low else f"a number from {low:g} to {high:g}"
    return _field_type(float, words, lambda v: math.isfinite(v) and (v > low if open_low else v >= low) and v <= high)


def _choice(options: tuple[str, ...]) -> Any:
    return _field_type(str, f"one of {', '.join(options)}", lambda v: v in options)


def _is_device(value: str) -> bool:
    return value in ("auto", "cpu", "cuda") or (value.startswith("cuda:") and value[5:].isdecimal())


def _optional(base: Any) -> Any:
    """The same type, or None."""
    inner, wrap = get_args(base)

    def check(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return None if value is None else wrap.func(value, handler, info)

    return Annotated[inner | None, WrapValidator(check)]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_fields(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name in values:
                if name not in cls.model_fields:
                    near = difflib.get_close_matches(str(name), cls.model_fields, n=1)
                    hint = f"; did you mean {near[0]}?" if near else f"; the fields are {', '.join(cls.model_fields)}"
                    raise PydanticCustomError("unknown", "unknown field {name}{hint}", {"name": str(name)[:80], "hint": hint})
        return values


def _refuse(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("field", "{sentence}", {"sentence": sentence})


# The configurations


class DataConfig(_Config):
    """Which data, how many rows, and how they are split."""

    name: _choice(DATA_NAMES) = "digits"  # type: ignore[valid-type]
    """The data set."""
    n_train: _optional(_whole(1, 200_000)) = None  # type: ignore[valid-type]
    """Training rows to keep, stratified; None: all that the split leaves."""
    test_fraction: _number(0.01, 0.9) = 0.3  # type: ignore[valid-type]
    """Share of all rows in the test split."""
    validation_fraction: _number(0.01, 0.9) = 0.15  # type: ignore[valid-type]
    """Share of all rows in the validation split."""
    n_samples: _optional(_whole(20, 200_000)) = None  # type: ignore[valid-type]
    """Rows to generate, all splits together; generators only."""
    noise: _optional(_number(0.0, 10.0)) = None  # type: ignore[valid-type]
    """Standard deviation added to the points; for checkerboard and tree_teacher the share of labels drawn anew."""
    n_features: _optional(_whole(1, 1000)) = None  # type: ignore[valid-type]
    """Gaussian features; tree_teacher only."""
    n_classes: _optional(_whole(2, 100)) = None  # type: ignore[valid-type]
    """Classes; tree_teacher only."""
    teacher_depth: _optional(_whole(0, 12)) = None  # type: ignore[valid-type]
    """Sign bits of the teacher, so that it has 2^teacher_depth linear classifiers; tree_teacher only."""

    @model_validator(mode="after")
    def _check(self) -> "DataConfig":
        if self.test_fraction + self.validation_fraction > 0.95:
            raise _refuse(
                "test_fraction + validation_fraction must be at most 0.95, so that rows are left to train on, "
                f"got {self.test_fraction:g} + {self.validation_fraction:g}"
            )
        options = GENERATORS.get(self.name, {})
        for field in GENERATOR_OPTIONS:
            value = getattr(self, field)
            if field in options and value is None:
                object.__setattr__(self, field, options[field])
            elif field not in options and value is not None:
                owners = ", ".join(name for name, known in GENERATORS.items() if field in known)
                raise _refuse(f"{field} must be left out for {self.name} (only {owners} have it), got {value!r}")
        if self.noise is not None and self.name in ("checkerboard", "tree_teacher") and self.noise > 1:
            raise _refuse(f"noise must be a share of labels from 0 to 1 for {self.name}, got {self.noise:g}")
        return self


class NetConfig(_Config):
    """Which net: input, a dense hidden layer, 1 to 3 gated layers of the same width, a dense head."""

    kind: _choice((*NETS, *FITTED)) = "tree"  # type: ignore[valid-type]
    """Leaf weights: shared prefixes (tree), separate leaves (flat), or one matrix and no gates (dense); or a baseline."""
    depth: _whole(0, MAX_DEPTH) = 4  # type: ignore[valid-type]
    """K, the gating bits of each gated layer, or the levels of a decision tree; a dense net ignores it."""
    width: _whole(1, 4096) = 32  # type: ignore[valid-type]
    """Units of each hidden layer."""
    tree_layers: _whole(1, 3) = 1  # type: ignore[valid-type]
    """Gated layers, after the dense hidden layer."""
    gates: _choice(get_args(Gates)) = "hidden"  # type: ignore[valid-type]
    """Where the bits come from: units of the layer below, separate units, or frozen random hyperplanes."""

    @property
    def gated(self) -> bool:
        """Whether layers choose their matrix by sign pattern."""
        return self.kind in ("tree", "flat")

    @property
    def fitted(self) -> bool:
        """Whether scikit-learn fits it, in one go."""
        return self.kind in FITTED

    @model_validator(mode="after")
    def _check(self) -> "NetConfig":
        if self.gated and self.gates == "hidden" and self.depth > self.width:
            raise _refuse(
                f"depth must be at most the width ({self.width}) with hidden gates, since each bit is the sign of one "
                f"hidden unit, got {self.depth}"
            )
        return self


class TrainConfig(_Config):
    """How the net is trained: AdamW, mini-batches, cross-entropy."""

    epochs: _whole(1, 10_000) = 60  # type: ignore[valid-type]
    """Passes over the training split."""
    batch_size: _whole(1, 65_536) = 32  # type: ignore[valid-type]
    """Rows of a step."""
    lr: _number(0.0, 10.0, open_low=True) = 5e-3  # type: ignore[valid-type]
    """Learning rate at the start."""
    schedule: _choice(get_args(Schedule)) = "cosine"  # type: ignore[valid-type]
    """Learning rate over the steps: half a cosine to zero, or constant."""
    weight_decay: _number(0.0, 10.0) = 0.3  # type: ignore[valid-type]
    """Decoupled weight decay (AdamW)."""
    decay_growth: _number(1.0, 16.0) = 1.0  # type: ignore[valid-type]
    """A tree node on level l decays with weight_decay * decay_growth^l."""
    gate_gradient: _choice(get_args(GateGradient)) = "none"  # type: ignore[valid-type]
    """Whether gates learn from the bits they set: no, or by the straight-through estimator."""
    gate_noise: _number(0.0, 100.0) = 0.0  # type: ignore[valid-type]
    """Standard deviation of noise on the gates before the sign, in training, decaying linearly to 0."""
    balance: _number(0.0, 100.0) = 0.0  # type: ignore[valid-type]
    """Weight of the balance penalty."""
    patience: _optional(_whole(1, 10_000)) = None  # type: ignore[valid-type]
    """Epochs without a lower validation loss before training ends; None: never."""
    device: _field_type(str, "auto, cpu, cuda or cuda:<number>", _is_device) = "auto"  # type: ignore[valid-type]
    """Where to train."""


class RunConfig(_Config):
    """One training run, complete: the same configuration gives the same history."""

    data: DataConfig = DataConfig()
    net: NetConfig = NetConfig()
    train: TrainConfig = TrainConfig()
    seed: _whole(0, 2**31 - 1) = 0  # type: ignore[valid-type]
    """Split, initialization and batch order."""
    split_seed: _optional(_whole(0, 2**31 - 1)) = None  # type: ignore[valid-type]
    """Overrides seed for drawing and splitting the data."""
    init_seed: _optional(_whole(0, 2**31 - 1)) = None  # type: ignore[valid-type]
    """Overrides seed for the initial weights."""

    @property
    def data_seed(self) -> int:
        """The seed that draws and splits the data."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def weight_seed(self) -> int:
        """The seed that draws the initial weights."""
        return self.seed if self.init_seed is None else self.init_seed

    def canonical(self) -> dict[str, Any]:
        """Everything that makes a difference, as JSON values: seeds resolved, what the net ignores left out."""
        values = self.model_dump(mode="json", exclude_none=True)
        values |= {"split_seed": self.data_seed, "init_seed": self.weight_seed}
        ignored: set[str] = set()
        if self.net.fitted:
            kept = {"kind", "depth"} if self.net.kind == "decision_tree" else {"kind"}
            ignored |= {*NetConfig.model_fields, *TrainConfig.model_fields} - kept
        elif self.net.kind == "dense":
            ignored |= {"depth", "gates", "gate_gradient", "gate_noise", "balance"}
        elif self.net.depth == 0:
            ignored |= {"gates", "gate_gradient", "gate_noise", "balance"}
        if self.net.kind != "tree" or self.net.depth == 0 or self.train.weight_decay == 0:
            ignored.add("decay_growth")
        for part in ("net", "train"):
            values[part] = {field: value for field, value in values[part].items() if field not in ignored}
        return values

    @property
    def run_id(self) -> str:
        """The run's address: 16 hexadecimal digits from the hash of its canonical configuration."""
        return _digest(self.canonical())

    @property
    def epochs(self) -> int:
        """The epochs that training has at most; what is fitted in one go has 1."""
        return 1 if self.net.fitted else self.train.epochs

    @property
    def label(self) -> str:
        """A name made from what matters, such as `digits tree K4 w32 s0`.

        >>> RunConfig().label
        'digits tree K4 w32 s0'
        """
        default = RunConfig()
        parts = [self.data.name.replace("_", " ")]
        if self.data.n_train is not None:
            parts.append(f"n{self.data.n_train}")
        parts.append(self.net.kind.replace("_", " "))
        if self.net.gated or self.net.kind == "decision_tree":
            parts.append(f"K{self.net.depth}")
        if self.net.fitted:
            return " ".join((*parts, f"s{self.seed}"))
        parts.append(f"w{self.net.width}")
        if self.net.tree_layers != 1:
            parts.append(f"x{self.net.tree_layers}")
        if self.net.gated:
            if self.net.gates != "hidden":
                parts.append(self.net.gates)
            if self.train.gate_gradient != "none":
                parts.append("ST")
            if self.train.gate_noise:
                parts.append(f"noise{self.train.gate_noise:g}")
            if self.train.balance:
                parts.append(f"bal{self.train.balance:g}")
        if self.train.epochs != default.train.epochs:
            parts.append(f"e{self.train.epochs}")
        if self.train.lr != default.train.lr:
            parts.append(f"lr{self.train.lr:g}")
        if self.train.weight_decay != default.train.weight_decay:
            parts.append(f"wd{self.train.weight_decay:g}")
        parts.append(f"s{self.seed}")
        return " ".join(parts)


BASELINES = ("dense", "dense_capacity", "dense_ladder", "random_gates", *FITTED)
"""Models that a sweep can set beside its members."""


class SweepConfig(_Config):
    """Many runs from one: a base, axes to vary, and the models to set beside them."""

    name: str = "sweep"
    """What the sweep is called."""
    base: RunConfig = RunConfig()
    """What the members share."""
    axes: dict[str, list[Any]] = {}
    """Dotted field -> the values it takes; the members are all combinations, those that are the same model once."""
    baselines: list[str] = []
    """Models trained beside the members on the same splits and seeds."""
    tune_lr: list[float] | None = None
    """Learning rates tried for each model, the one with the lowest validation loss kept; None: the base's."""

    @model_validator(mode="after")
    def _check(self) -> "SweepConfig":
        if not self.name.strip() or len(self.name) > 200:
            raise _refuse(f"name must have from 1 to 200 characters, got {len(self.name)}")
        known = set(field_names())
        for field, values in self.axes.items():
            if field not in known:
                raise _refuse(f"an axis must be a field of a run such as net.depth, got {field!r}{_hint(field, known)}")
            if not values:
                raise _refuse(f"axis {field} must have at least one value, got none")
            for place, value in enumerate(values):
                if (sentence := explain_change(self._without_depth(field), {field: value}, only=field)) is not None:
                    raise _refuse(f"axis {field}: {sentence}")
                if value in values[:place]:
                    raise _refuse(f"axis {field} must have different values, got {value!r} twice")
        depths, widths = (self.axes.get(field, [getattr(self.base.net, field[4:])]) for field in ("net.depth", "net.width"))
        deepest = {"net.depth": max(depths), "net.width": min(widths)}  # the combination that fits least
        if (sentence := explain_change(self.base, deepest, only="net.depth")) is not None:
            raise _refuse(f"axis net.depth: {sentence}")
        for baseline in self.baselines:
            if baseline not in BASELINES:
                names = ", ".join(BASELINES)
                raise _refuse(f"baselines must be of {names}, got {baseline!r}{_hint(baseline, BASELINES)}")
        if self.tune_lr is not None:
            if not self.tune_lr:
                raise _refuse("tune_lr must have at least one rate, got none; leave it out to train with the base's rate")
            if "train.lr" in self.axes:
                raise _refuse("tune_lr must be left out when train.lr is an axis, since it would override it")
            if len(set(self.tune_lr)) < len(self.tune_lr):
                raise _refuse(f"tune_lr must hold different rates, got {self.tune_lr}")
            for rate in self.tune_lr:
                if not 0 < rate <= 10:
                    raise _refuse(f"tune_lr must hold rates above 0 and at most 10, got {rate:g}")
        return self

    def _without_depth(self, field: str) -> RunConfig:
        """The base for the check of one field alone, where depth and width do not bind each other."""
        return changed(self.base, {"net.depth": 0, "net.width": 4096}) if field.startswith("net.") else self.base

    @property
    def sweep_id(self) -> str:
        """The sweep's address: 16 hexadecimal digits from the hash of all but its name and what its axes override."""
        base = self.base.model_dump(mode="json")
        plain = RunConfig().model_dump(mode="json")
        axes: dict[str, list[Any]] = {}
        for field, values in self.axes.items():
            part, _, name = field.rpartition(".")
            is_real = isinstance((plain[part] if part else plain)[name], float)
            same = [float(value) if is_real and value is not None else value for value in values]
            if len(same) == 1:  # an axis of one value is no axis
                (base[part] if part else base)[name] = same[0]
            else:
                (base[part] if part else base).pop(name)
                axes[field] = same
        if self.tune_lr is not None:
            base["train"].pop("lr")
        return _digest({"base": base, "axes": axes, "baselines": sorted(set(self.baselines)), "tune_lr": self.tune_lr})


def _hint(given: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# Changing and explaining configurations


def field_names() -> list[str]:
    """All fields of a run, dotted: `data.name`, ..., `seed`."""
    names: list[str] = []
    for name, field in RunConfig.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            names += [f"{name}.{inner}" for inner in part.model_fields]
        else:
            names.append(name)
    return names


def changed(run: RunConfig, changes: dict[str, Any]) -> RunConfig:
    """Copy a run with dotted fields changed, validated as a whole; raises ValidationError.

    >>> changed(RunConfig(), {"net.depth": 2, "seed": 3}).label
    'digits tree K2 w32 s3'
    """
    values: dict[str, Any] = run.model_dump(exclude_unset=True)
    if changes.get("data.name", run.data.name) != run.data.name:
        # what the old generator filled in is not asked of the new one
        filled = GENERATORS.get(run.data.name, {})
        data = values.get("data", {})
        values["data"] = {field: value for field, value in data.items() if filled.get(field) != value or field not in filled}
    for field, value in changes.items():
        part, _, inner = field.rpartition(".")
        target = values.setdefault(part, {}) if part else values
        target[inner] = value
    return RunConfig.model_validate(values)


def explain(error: ValidationError) -> dict[str, str]:
    """Give the sentence for each field that is not valid: dotted field ('' for the whole) -> sentence."""
    sentences: dict[str, str] = {}
    for item in error.errors(include_url=False):
        field = ".".join(str(part) for part in item["loc"])
        if item["type"] == "field":
            words = str(item.get("ctx", {}).get("sentence") or item["msg"])
            named = words.split(" ", 1)[0]
            # a check over several fields is shown by the field that its sentence begins with
            if item["loc"] and f"{field}.{named}" in field_names():
                field = f"{field}.{named}"
        elif item["type"] == "unknown":
            words = item["msg"]
        else:
            words = f"{field or 'the configuration'}: {item['msg'][:1].lower()}{item['msg'][1:]}, got {item['input']!r:.80}"
        sentences.setdefault(field, words)
    return sentences


def explain_change(run: RunConfig, changes: dict[str, Any], only: str | None = None) -> str | None:
    """Say what is wrong with a change, in a sentence; None when it is valid, or when the fault is not by field `only`."""
    try:
        changed(run, changes)
    except ValidationError as error:
        sentences = explain(error)
        if only is not None:
            return sentences.get(only)
        return "; ".join(sentences.values())
    return None
