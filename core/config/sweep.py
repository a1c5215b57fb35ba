"""The configuration of a sweep: a base run, axes to vary, and baseline models."""

import math
from typing import Annotated, Any, Literal

from pydantic import model_validator

from leafscope.core.config.changes import changed, explain_change, field_names, suggestion
from leafscope.core.config.fields import Config, digest, refused, unknown
from leafscope.core.config.parts import LEARNING_RATE
from leafscope.core.config.run import MAX_SEED, RunConfig, addressed
from leafscope.core.models import baselines
from leafscope.core.options import Option, shown
from leafscope.core.text import check_storable

REPORT_SEED = Option(label="Reporting seeds", meaning="Seeds that take no part in any choice.", high=MAX_SEED)
SECOND_LOOK = Option(
    label="Second look", meaning="The reporting seeds whose answer was seen before the others were added.", low=1, high=MAX_SEED
)
TRIALS = Option(
    label="Trials", meaning="Pairs of a learning rate and a weight decay that are tried for each model.", low=1, high=100
)


class SweepConfig(Config):
    """Many runs derived from one: a base run, axes to vary, and baseline models."""

    name: str = "sweep"
    """The name of the sweep."""
    base: RunConfig = RunConfig()
    """The configuration that the members share."""
    axes: dict[str, list[Any]] = {}  # noqa: RUF012 -- pydantic copies it
    """Dotted field -> its values; the members are all combinations, each model once."""
    baselines: list[str] = []  # noqa: RUF012
    """Models trained for comparison on the same splits and seeds."""
    tune_lr: list[Annotated[float, LEARNING_RATE]] | None = None
    """Learning rates tried for each model; one is kept by its validation score, see `chooses_by`; None: the base's rate."""
    report_seeds: list[Annotated[int, REPORT_SEED]] | None = None
    """Seeds that only what was chosen is trained on and that the table is about; the others choose. None: the same seeds do
    both."""
    trials: Annotated[int | None, TRIALS] = None
    """Random search instead of `tune_lr`: the number of drawn pairs of a learning rate and a weight decay tried for each model
    (`core.sweep.draws`), the same for all; None: no search."""

    second_look_after: Annotated[int | None, SECOND_LOOK] = None
    """The number of reporting seeds, the first of `report_seeds`, whose answer was seen before the others were added; None: all
    were named at once."""

    @model_validator(mode="after")
    def _check(self) -> "SweepConfig":
        if not self.name.strip() or len(self.name) > 200:
            raise refused(f"name must have from 1 to 200 characters, got {len(self.name)}", "name")
        try:
            check_storable(self.name, "name")
        except ValueError as error:
            raise refused(str(error), "name") from None
        known = set(field_names())
        for field, values in self.axes.items():
            if field not in known:
                hint = suggestion(field, known)
                raise unknown(f"an axis must be a field of a run such as net.depth, got {shown(field)}{hint}", field, "axes")
            if not values:
                raise refused(f"axis {field} must have at least one value, got none", f"axes.{field}")
            for place, value in enumerate(values):
                if (sentence := explain_change(self._without_depth(field), {field: value}, only=field)) is not None:
                    raise refused(f"axis {field}: {sentence}", f"axes.{field}")
                if value in values[:place]:
                    raise refused(f"axis {field} must have different values, got {shown(value)} twice", f"axes.{field}")
        depths, widths = (self.axes.get(field, [getattr(self.base.net, field[4:])]) for field in ("net.depth", "net.width"))
        deepest = {"net.depth": max(depths), "net.width": min(widths)}  # the most restrictive combination
        if (sentence := explain_change(self.base, deepest, only="net.depth")) is not None:
            raise refused(f"axis net.depth: {sentence}", "axes.net.depth", "axes.net.width")
        for baseline in self.baselines:
            if baseline not in (possible := baselines()):
                names, hint = ", ".join(possible), suggestion(baseline, possible)
                raise refused(f"baselines must be of {names}, got {shown(baseline)}{hint}", "baselines")
        if self.tune_lr is not None:
            if not self.tune_lr:
                words = "tune_lr must have at least one rate, got none; leave it out to train with the base's rate"
                raise refused(words, "tune_lr")
            if "train.lr" in self.axes:
                words = "tune_lr must be left out when train.lr is an axis, since it would override it"
                raise refused(words, "tune_lr", "axes.train.lr")
            if len(set(self.tune_lr)) < len(self.tune_lr):
                raise refused(f"tune_lr must hold different rates, got {self.tune_lr}", "tune_lr")
        self._check_trials()
        self._check_report_seeds()
        if self.second_look_after is not None and not self.second_look_after < len(self.report_seeds or ()):
            words = (
                "second_look_after must be less than the number of report_seeds, since later seeds were added to those, got "
                f"{self.second_look_after} of {len(self.report_seeds or ())}"
            )
            raise refused(words, "second_look_after", "report_seeds")
        return self

    def _check_trials(self) -> None:
        if self.trials is None:
            return
        if self.tune_lr is not None:
            words = "trials must be left out when tune_lr is given, since both choose the learning rate"
            raise refused(words, "trials", "tune_lr")
        for field in ("train.lr", "train.weight_decay"):
            if field in self.axes:
                words = f"trials must be left out when {field} is an axis, since they would override it"
                raise refused(words, "trials", f"axes.{field}")

    def _check_report_seeds(self) -> None:
        if self.report_seeds is None:
            return
        if len(self.report_seeds) < 2:
            words = f"report_seeds must hold at least 2 seeds, since intervals need several, got {len(self.report_seeds)}"
            raise refused(words, "report_seeds")
        twice = [seed for place, seed in enumerate(self.report_seeds) if seed in self.report_seeds[:place]]
        if twice:
            raise refused(f"report_seeds must hold different seeds, got {twice[0]} twice", "report_seeds")
        if both := sorted(set(self.report_seeds) & set(self.choosing_seeds)):
            words = f"report_seeds must be none of the seeds that choose, got {both[0]} among both"
            raise refused(words, "report_seeds", "axes.seed", "base.seed")
        for field in ("split_seed", "init_seed"):
            if field in self.axes or getattr(self.base, field) is not None:
                place = f"axes.{field}" if field in self.axes else f"base.{field}"
                words = f"report_seeds must be left out when {field} is set, since it would be the same for both kinds of seeds"
                raise refused(words, "report_seeds", place)

    @property
    def choosing_seeds(self) -> list[int]:
        """The seeds on which rates, decays, depths and models are chosen."""
        return [int(seed) for seed in self.axes.get("seed", [self.base.seed])]

    def with_more_seeds(self, number: int) -> "SweepConfig":
        """Return the sweep with this many more reporting seeds, the next that it does not use, as a second look.

        Raises ValidationError without reporting seeds.
        """
        known = list(self.report_seeds or ())
        after = max([*known, *self.choosing_seeds]) + 1
        more = {
            "report_seeds": [*known, *range(after, after + number)],
            "second_look_after": self.second_look_after or len(known),
        }
        return SweepConfig.model_validate(self.model_dump(exclude_none=True) | more)

    @property
    def chooses_by(self) -> Literal["loss", "error"]:
        """The validation score at the best epoch, mean over the choosing seeds, whose lowest value chooses a trial.

        The error, which is the score that is reported; the loss in sweeps over learning rates alone that report on the seeds
        that chose, as they always did.
        """
        return "loss" if self.report_seeds is None and self.trials is None else "error"

    @property
    def n_trials(self) -> int:
        """The number of trials of each net."""
        return self.trials or len(self.tune_lr or [0.0])

    @property
    def n_combinations(self) -> int:
        """The number of runs that the axes make, in both stages, including all trials, without baselines."""
        cells = math.prod(len(values) for field, values in self.axes.items() if field != "seed")
        return cells * (len(self.choosing_seeds) * self.n_trials + len(self.report_seeds or ()))

    def _without_depth(self, field: str) -> RunConfig:
        """Return the base for checking one field alone, without the limit of depth by width."""
        return changed(self.base, {"net.depth": 0, "net.width": 4096}) if field.startswith("net.") else self.base

    @property
    def sweep_id(self) -> str:
        """The sweep's id: 16 hexadecimal digits of a hash of everything except its name and the fields its axes override."""
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
        later = {"report_seeds": self.report_seeds, "trials": self.trials, "second_look_after": self.second_look_after}
        if self.trials is not None:
            base["train"].pop("lr")
            base["train"].pop("weight_decay")
        known = {"base": addressed(base), "axes": axes, "baselines": sorted(set(self.baselines)), "tune_lr": self.tune_lr}
        return digest(known | {field: value for field, value in later.items() if value is not None})
