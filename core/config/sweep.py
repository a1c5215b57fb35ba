"""The configuration of a sweep: a base run, axes to vary, and baseline models."""

from typing import Annotated, Any

from pydantic import model_validator

from leafscope.core.config.changes import changed, explain_change, field_names, suggestion
from leafscope.core.config.fields import Config, digest, refused, unknown
from leafscope.core.config.parts import LEARNING_RATE
from leafscope.core.config.run import RunConfig, addressed
from leafscope.core.models import baselines
from leafscope.core.options import shown
from leafscope.core.text import check_storable


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
    """Learning rates tried for each model; the rate with the lowest validation loss is kept; None: the base's rate."""

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
        return self

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
        return digest(
            {"base": addressed(base), "axes": axes, "baselines": sorted(set(self.baselines)), "tune_lr": self.tune_lr}
        )
