"""Configurations in a link, so another server that opens the link can train missing runs.

A plan is a version digit, then JSON deflated (RFC 1951) with a preset dictionary, in base64url without padding. The JSON
names every field that is not at its default once: under `base` if all runs share its value, else under `columns` with one
value a run.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from leafscope.core.config.changes import dotted, explain, field_names
from leafscope.core.config.parts import DataConfig, NetConfig
from leafscope.core.config.run import RunConfig
from leafscope.core.config.sweep import SweepConfig
from leafscope.core.errors import LimitError
from leafscope.core.models import baselines

PLAN_LIMIT = 6000
"""Characters of a plan: browsers, proxies and mail programs take addresses of about 8,000."""

MOST_RUNS = 1000
"""Runs of a plan."""

MOST_VALUES = 5000
"""Values of a sweep's axes, learning rates and reporting seeds, all together."""

MOST_BYTES = 2_000_000
"""Bytes of a plan's JSON."""

VERSION = "1"

_TEXT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

# Part of version 1: a link that was written with another dictionary cannot be read. Frequent strings come last.
_DICTIONARY = (
    b'"random_forest""gradient_boosting""decision_tree_pruned""decision_tree""logistic""dense_capacity""dense_ladder"'
    b'"random_gates""breast_cancer""wine""iris""circles""xor""checkerboard""moons""spirals""tree_teacher""digits"'
    b'"data.teacher_depth":3,"data.n_classes":4,"data.n_features":10,"data.noise":0.05,"data.test_fraction":0.'
    b'"data.validation_fraction":0.2,"data.n_samples":2000,"train.device":"cuda:0""cpu","train.schedule":"constant",'
    b'"train.decay_growth":2.0,"train.gate_noise":0.1,"train.balance":0.01,"train.patience":10,"init_seed":'
    b'"split_seed":0,"net.tree_layers":2,"net.gates":"units""random","train.gate_gradient":"straight_through"'
    b'"none""hidden","train.batch_size":64,"train.weight_decay":0.0,'
    b'"train.lr":0.003,0.01,0.03,0.1],"train.epochs":[0,1,2,3,4,5,6,7,8,9,10,12,16,20,32,40,64,128,"net.kind":["tree","flat"]'
    b',"dense"},"sweep":{"name":"sweep","base":{"axes":{"baselines":["tune_lr":[]}},"data.name":"'
    b'{"n":1,"columns":{"base":{"data.n_train":300,"net.width":8,"net.depth":2,"seed":1}}'
)


@dataclass(frozen=True)
class Plan:
    """What a link asks for."""

    runs: tuple[RunConfig, ...]
    sweep: SweepConfig | None


def encode(runs: Sequence[RunConfig] = (), sweep: SweepConfig | None = None) -> str:
    """Write configurations as text of A-Z a-z 0-9 - _ that `decode` reads back; repeated baselines of a sweep appear once.

    Raises LimitError for more than 1,000 runs, a sweep of more than 5,000 values, or more than `PLAN_LIMIT` characters.

    >>> len(encode([RunConfig()])) < 12
    True
    >>> decode(encode([RunConfig(seed=3)])).runs[0].label
    'digits tree K4 w32 s3'
    """
    if len(runs) > MOST_RUNS:
        raise LimitError(f"a link can hold at most {MOST_RUNS:,} runs, got {len(runs):,}; share them as a file instead")
    values = _table(runs) | ({} if sweep is None else {"sweep": _of_sweep(sweep)})
    if sweep is not None and (number := _n_values(values["sweep"])) > MOST_VALUES:
        raise LimitError(
            f"a link can hold a sweep of at most {MOST_VALUES:,} values, got {number:,}; share it as a file instead"
        )
    plain = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    packed = packer.compress(plain) + packer.flush()
    text = VERSION + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    if len(text) > PLAN_LIMIT:
        raise LimitError(
            f"a link can hold at most {PLAN_LIMIT:,} characters of configurations, but these take {len(text):,}; share them as "
            "a file instead"
        )
    return text


def decode(text: str) -> Plan:
    """Read what `encode` wrote; raises ValueError, with a sentence, for anything else, however it was made.

    What it gives is valid; whether it fits in memory is still to be checked (`device.check_fits`, `sweep.members.check`).
    """
    try:
        return _read(text)
    except ValidationError as error:
        words = "; ".join(explain(error).values())
        raise ValueError(f"the link holds a configuration that is not valid: {_cut(words, 400)}") from None
    except (RecursionError, TypeError, OverflowError):  # nesting without end, or values of mixed types in one axis
        raise ValueError("the link holds a configuration that is not valid") from None


def without_defaults(run: RunConfig) -> dict[str, Any]:
    """List the fields of a run that are not at their default, dotted, as JSON values in the order of `field_names`.

    >>> without_defaults(RunConfig(data=DataConfig(name="moons", n_train=50), seed=2))
    {'data.name': 'moons', 'data.n_train': 50, 'seed': 2}
    """
    plain = _defaults(run.data.name, run.net.kind)
    return {field: value for field, value in dotted(run.model_dump(mode="json")).items() if not _same(value, plain[field])}


def nested(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Put dotted fields under their parts, as `RunConfig.model_validate` takes them; raises ValueError for unknown ones.

    >>> nested([("net.depth", 2), ("seed", 1)])
    {'net': {'depth': 2}, 'seed': 1}
    """
    known = _known()
    values: dict[str, Any] = {}
    for field, value in fields:
        if field not in known:
            raise ValueError(f"the link names a field that this version does not know: {_cut(field, 80)}")
        part, _, name = field.rpartition(".")
        (values.setdefault(part, {}) if part else values)[name] = value
    return values


# Writing


def _table(runs: Sequence[RunConfig]) -> dict[str, Any]:
    """The runs' fields that any of them has not at its default."""
    if not runs:
        return {}
    flats = [dotted(run.model_dump(mode="json")) for run in runs]
    needed = {field for run in runs for field in without_defaults(run)}
    base: dict[str, Any] = {}
    columns: dict[str, list[Any]] = {}
    for field in field_names():
        if field in needed:
            values = [flat[field] for flat in flats]
            if all(_same(value, values[0]) for value in values):
                base[field] = values[0]
            else:
                columns[field] = values
    return {"n": len(runs)} | ({"columns": columns} if columns else {}) | ({"base": base} if base else {})


def _of_sweep(sweep: SweepConfig) -> dict[str, Any]:
    values = sweep.model_dump(mode="json", exclude={"base"}, exclude_defaults=True)
    if "baselines" in values:
        values["baselines"] = list(dict.fromkeys(values["baselines"]))
    base = without_defaults(sweep.base)
    return values | ({"base": base} if base else {})


@lru_cache(maxsize=64)
def _defaults(data: str, kind: str) -> dict[str, Any]:
    """What a run of a kind on a data set has where nothing is said; data sets and kinds fill in their own."""
    plain = RunConfig(data=DataConfig(name=data), net=NetConfig(kind=kind))
    return dotted(plain.model_dump(mode="json")) | {"data.name": DataConfig().name, "net.kind": NetConfig().kind}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(field_names())


def _same(one: Any, other: Any) -> bool:
    """Whether both are written alike; -0.0 and 0.0 are not, and make different addresses."""
    return repr(one) == repr(other)


# Reading


def _read(text: str) -> Plan:
    values = _unpacked(text)
    if not isinstance(values, dict) or not values.keys() <= {"n", "base", "columns", "sweep"}:
        raise ValueError("the link does not hold configurations")
    number, base, columns = values.get("n", 0), values.get("base", {}), values.get("columns", {})
    if type(number) is not int or number < 0 or not isinstance(base, dict) or not isinstance(columns, dict):
        raise ValueError("the link does not hold configurations")
    if number > MOST_RUNS:
        raise ValueError(f"a link can hold at most {MOST_RUNS:,} runs, and this one names more")
    for field, column in columns.items():
        if not isinstance(column, list) or len(column) != number:
            raise ValueError(f"the link must give {_cut(field, 80)} once for each of its {number:,} runs")
    runs = tuple(
        RunConfig.model_validate(nested((base | {field: column[place] for field, column in columns.items()}).items()))
        for place in range(number)
    )
    return Plan(runs, None if values.get("sweep") is None else _sweep(values["sweep"]))


def _sweep(values: Any) -> SweepConfig:
    if not isinstance(values, dict) or not isinstance(values.get("base", {}), dict):
        raise ValueError("the link does not hold a sweep")
    if _n_values(values) > MOST_VALUES:
        raise ValueError(f"a link can hold a sweep of at most {MOST_VALUES:,} values, and this one has more")
    named, possible = values.get("baselines", []), baselines()
    if isinstance(named, list) and len(named) > len(possible):
        raise ValueError(f"a sweep can have at most {len(possible)} baselines, and the link names {len(named):,}")
    return SweepConfig.model_validate(values | {"base": nested(values.get("base", {}).items())})


def _n_values(sweep: dict[str, Any]) -> int:
    """Count the values of axes, rates and reporting seeds, of which each costs time to check."""
    axes = sweep.get("axes", {})
    lists = [*(axes.values() if isinstance(axes, dict) else ()), sweep.get("tune_lr"), sweep.get("report_seeds")]
    return sum(len(values) for values in lists if isinstance(values, list)) + (len(axes) if isinstance(axes, dict) else 0)


def _unpacked(text: str) -> Any:
    """The JSON of a plan."""
    if len(text) > PLAN_LIMIT:
        raise ValueError(f"a link can hold at most {PLAN_LIMIT:,} characters of configurations, got {len(text):,}")
    if not _TEXT.fullmatch(text):
        raise ValueError("the link's configurations must be written in letters, digits, - and _; it was changed on its way")
    if text[0] != VERSION:
        raise ValueError("the link was made by another version of the program, which writes configurations in another way")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS, _DICTIONARY)
    try:
        packed = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
        plain = unpacker.decompress(packed, MOST_BYTES)
        if unpacker.eof and not unpacker.unused_data:
            values = json.loads(plain)
            json.dumps(values, ensure_ascii=False).encode()  # refuses half a surrogate pair, which no sentence could repeat
            return values
    except (ValueError, zlib.error):
        raise ValueError("the link's configurations cannot be read; it was cut or changed on its way") from None
    if unpacker.unconsumed_tail:
        raise ValueError(f"a link can hold at most {MOST_BYTES:,} bytes of configurations, and this one has more")
    raise ValueError("the link's configurations cannot be read; it was cut or changed on its way")


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
