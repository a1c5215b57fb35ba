"""Configurations survive a link, links are short, and a hostile link is a ValueError with a sentence."""

import base64
import contextlib
import json
import re
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leafscope.core.config import (
    DataConfig,
    NetConfig,
    RunConfig,
    SweepConfig,
    TrainConfig,
    changed,
    field_names,
    link,
)
from leafscope.core.config.link import PLAN_LIMIT, Plan, decode, encode, nested, without_defaults
from leafscope.core.config.presets import depth_sweep
from leafscope.core.datasets import DATA_SETS
from leafscope.core.errors import LimitError
from leafscope.core.models import MODELS, baselines, net_kinds

seeds = st.integers(0, 2**31 - 1)
rates = st.floats(1e-6, 9.0)
fractions = {"test_fraction": st.floats(0.01, 0.5), "validation_fraction": st.floats(0.01, 0.4)}
options: dict[str, Any] = {
    "n_samples": st.integers(20, 200_000),
    "noise": st.floats(0, 1),
    "n_features": st.integers(1, 1000),
    "n_classes": st.integers(2, 100),
    "teacher_depth": st.integers(0, 12),
    "teacher_units": st.integers(2, 1024),
}


def _data(name: str) -> st.SearchStrategy[DataConfig]:
    own = {field: options[field] for field in DATA_SETS[name].defaults}
    some = st.fixed_dictionaries({}, optional={"n_train": st.integers(1, 200_000), **fractions, **own})
    return some.map(lambda values: DataConfig(name=name, **values))


def _valid_net(values: dict[str, Any]) -> NetConfig:
    try:
        return NetConfig(**values)
    except ValidationError:  # deeper than wide
        return NetConfig(**values | {"width": 16 + values.get("width", 32)})


nets = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(list(MODELS)),
        "depth": st.integers(0, 16),
        "width": st.integers(1, 4000),
        "tree_layers": st.integers(1, 3),
        "gates": st.sampled_from(["hidden", "units", "random"]),
    },
).map(_valid_net)
trains = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 10_000),
        "batch_size": st.integers(1, 65_536),
        "lr": rates,
        "schedule": st.sampled_from(["cosine", "constant"]),
        "weight_decay": st.floats(-0.0, 10),
        "decay_growth": st.floats(1, 16),
        "gate_gradient": st.sampled_from(["none", "straight_through"]),
        "gate_noise": st.floats(-0.0, 100),
        "balance": st.floats(0, 100),
        "patience": st.none() | st.integers(1, 10_000),
        "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:1"]),
    },
).map(lambda values: TrainConfig(**values))
configs = st.fixed_dictionaries(
    {},
    optional={
        "data": st.sampled_from(list(DATA_SETS)).flatmap(_data),
        "net": nets,
        "train": trains,
        "seed": seeds,
        "split_seed": st.none() | seeds,
        "init_seed": st.none() | seeds,
    },
).map(lambda values: RunConfig(**values))
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200).filter(
    lambda text: text.strip() != ""
)
sweeps = st.builds(
    SweepConfig,
    name=names,
    base=st.builds(
        RunConfig,
        data=st.sampled_from(list(DATA_SETS)).flatmap(_data),
        net=st.builds(NetConfig, kind=st.sampled_from(net_kinds()), depth=st.integers(0, 4), width=st.integers(6, 20)),
        train=trains,
        seed=seeds,
    ),
    axes=st.fixed_dictionaries(
        {},
        optional={
            "net.depth": st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True),
            "net.kind": st.lists(st.sampled_from(["tree", "flat"]), min_size=1, unique=True),
            "data.n_train": st.lists(st.none() | st.integers(1, 300), min_size=1, max_size=3, unique=True),
            "train.weight_decay": st.lists(rates, min_size=1, max_size=3, unique=True),
            "seed": st.lists(st.integers(0, 99), min_size=1, max_size=30, unique=True),
        },
    ),
    baselines=st.lists(st.sampled_from(baselines()), unique=True, max_size=4),
    tune_lr=st.none() | st.lists(rates, min_size=1, max_size=4, unique=True),
)
fair_sweeps = st.builds(
    SweepConfig,
    axes=st.sampled_from([{}, {"seed": [0, 1]}]),
    report_seeds=st.lists(st.integers(2, 99), min_size=2, max_size=9, unique=True),
    trials=st.none() | st.integers(1, 100),
    second_look_after=st.none() | st.just(1),
)


def packed(values: object, version: str = link.VERSION) -> str:
    """A text as `encode` writes it, of anything."""
    return packed_bytes(json.dumps(values).encode(), version)


def packed_bytes(plain: bytes, version: str = link.VERSION) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, link._DICTIONARY)
    return version + base64.urlsafe_b64encode(packer.compress(plain) + packer.flush()).rstrip(b"=").decode()


@given(runs=st.lists(configs, max_size=8))
@settings(max_examples=40)
def test_runs_are_read_back(runs: list[RunConfig]) -> None:
    text = encode(runs)
    again = decode(text)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert again.sweep is None
    # as JSON, so that -0.0 is told from 0.0
    assert [run.model_dump_json() for run in again.runs] == [run.model_dump_json() for run in runs]
    assert [run.run_id for run in again.runs] == [run.run_id for run in runs]
    assert encode(again.runs) == text


@given(sweep=sweeps | fair_sweeps, runs=st.lists(configs, max_size=2))
@settings(max_examples=30)
def test_a_sweep_is_read_back(sweep: SweepConfig, runs: list[RunConfig]) -> None:
    assert decode(encode(runs, sweep)) == Plan(tuple(runs), sweep)
    assert list(decode(encode((), sweep)).sweep.axes) == list(sweep.axes)  # type: ignore[union-attr]
    assert decode(encode((), sweep)).sweep.sweep_id == sweep.sweep_id  # type: ignore[union-attr]


def test_the_empty_plan_the_default_and_repeats() -> None:
    assert decode(encode()) == Plan((), None)
    assert decode(encode((), SweepConfig())) == Plan((), SweepConfig())
    assert decode(encode([RunConfig()] * 3)) == Plan((RunConfig(),) * 3, None)
    repeated = decode(encode((), SweepConfig(baselines=["dense", "logistic", "dense"]))).sweep
    assert repeated is not None
    assert repeated.baselines == ["dense", "logistic"]


def test_a_link_is_written_as_ever() -> None:
    """The one that an earlier version wrote, though another compressor may pack the same fields into other letters."""
    text = (
        "1AxtpjGIkko3R0JykA6eheSdWB83GaFMDHSDKK83JicUaOGhhhOScaBNgkBvEwhwFjgcwFymNRZsDIwRsOJZgBZsDchwsPJENN9AxQjEaZABKeENiKxYRK8jJBhh"
        "CtQA"
    )
    moons = DataConfig(name="moons", n_train=50)
    runs = [RunConfig(data=moons, seed=seed, split_seed=7) for seed in (0, 1)] + [
        RunConfig(net=NetConfig(kind="flat", depth=0))
    ]
    base = RunConfig(train=TrainConfig(lr=0.1))
    sweep = SweepConfig(name="depths", base=base, axes={"net.depth": [0, 2], "seed": [0, 1]}, baselines=["dense", "dense"])
    plan = decode(text)
    assert (list(plan.runs), plan.sweep) == (runs, sweep.model_copy(update={"baselines": ["dense"]}))
    assert json.dumps(link._unpacked(encode(runs, sweep))) == json.dumps(link._unpacked(text))


def test_links_are_short() -> None:
    few = RunConfig(
        data=DataConfig(name="tree_teacher", n_samples=2000, n_train=1000, n_classes=4),
        net=NetConfig(depth=6, width=8, gates="units"),
        train=TrainConfig(epochs=40, lr=0.03, gate_gradient="straight_through", balance=0.05),
        seed=7,
    )
    grid = [changed(few, {"net.depth": depth, "seed": seed}) for seed in range(5) for depth in range(10)]
    assert len(encode([RunConfig()])) < 12
    assert len(encode([few])) < 100
    assert len(encode(grid)) < 200
    assert len(encode((), depth_sweep())) < 200


@given(run=configs)
def test_only_what_differs_is_written(run: RunConfig) -> None:
    fields = without_defaults(run)
    assert RunConfig.model_validate(nested(fields.items())).model_dump_json() == run.model_dump_json()
    for field in fields:
        if field != "data.name":  # without its name a data set's options are refused
            fewer = {name: value for name, value in fields.items() if name != field}
            with contextlib.suppress(ValidationError):  # a net deeper than its width
                assert RunConfig.model_validate(nested(fewer.items())).model_dump_json() != run.model_dump_json()


def test_defaults_of_generators_are_left_out() -> None:
    runs = [RunConfig(data=DataConfig(name=name)) for name in DATA_SETS]
    assert [list(without_defaults(run)) for run in runs] == [[], *([["data.name"]] * (len(runs) - 1))]
    # 2,000 rows are checkerboard's default and not that of moons
    runs = [RunConfig(data=DataConfig(name=name, n_samples=2000)) for name in ("moons", "checkerboard", "digits")[:2]]
    assert decode(encode([*runs, RunConfig()])).runs == (*runs, RunConfig())


# Limits


def test_too_much_to_share_as_a_link() -> None:
    runs = [RunConfig(seed=seed) for seed in range(1001)]
    with pytest.raises(LimitError, match=r"at most 1,000 runs, got 1,001; share them as a file instead"):
        encode(runs)
    assert decode(encode(runs[:1000])).runs == tuple(runs[:1000])
    random = [RunConfig(seed=seed * 2_654_435_761 % 2**31, train=TrainConfig(lr=1 / (seed + 1.1))) for seed in range(900)]
    with pytest.raises(LimitError, match=r"at most 6,000 characters of configurations, but these take .*as a file instead"):
        encode(random)
    with pytest.raises(LimitError, match=r"a sweep of at most 5,000 values, got 5,002; share it as a file instead"):
        encode((), SweepConfig.model_construct(axes={"seed": list(range(5001))}))


# Hostile texts

SENTENCES = [
    ("", "letters, digits, - and _"),
    ("1ab c", "letters, digits, - and _"),
    ("1ab=", "letters, digits, - and _"),
    ("1é", "letters, digits, - and _"),
    ("1٣٣٣", "letters, digits, - and _"),
    ("1ab\n", "letters, digits, - and _"),
    ("1" * (PLAN_LIMIT + 1), "at most 6,000 characters"),
    (packed({}, version="2"), "another version of the program"),
    ("1", "cut or changed"),
    ("1AAAAA", "cut or changed"),
    (encode([RunConfig(seed=77)])[:-2], "cut or changed"),
    (encode([RunConfig(seed=77)]) + "AAAA", "cut or changed"),
    (packed_bytes(b"{"), "cut or changed"),
    (packed_bytes(b"\xff"), "cut or changed"),
    (packed_bytes(b'{"n":' + b"9" * 5000 + b"}"), "cut or changed"),
    (packed_bytes(b" " * 2_100_000), "at most 2,000,000 bytes"),
    (packed_bytes(b"[" * 100_000), "not valid"),
    (packed([]), "does not hold configurations"),
    (packed({"m": 1}), "does not hold configurations"),
    (packed({"n": True}), "does not hold configurations"),
    (packed({"n": -1}), "does not hold configurations"),
    (packed({"n": 1.0}), "does not hold configurations"),
    (packed({"n": 1, "base": []}), "does not hold configurations"),
    (packed({"n": 1, "columns": 3}), "does not hold configurations"),
    (packed({"n": 1001}), "at most 1,000 runs"),
    (packed({"n": 10**300}), "at most 1,000 runs"),
    (packed({"n": 2, "columns": {"seed": [1]}}), "seed once for each of its 2 runs"),
    (packed({"n": 1, "columns": {"seed": "1"}}), "seed once for each of its 1 runs"),
    (packed({"n": 1, "base": {"seed": -1}}), "seed must be a whole number from 0 to 2,147,483,647, got -1"),
    (packed({"n": 1, "base": {"net.depth": 5, "net.width": 4}}), "depth must be at most the width"),
    (packed({"n": 1, "base": {"net.deep": 5}}), "does not know: net.deep"),
    (packed({"n": 1, "base": {"net": {"depth": 5}}}), "does not know: net"),
    (packed({"n": 1, "base": {"data.noise": 0.5}}), "noise must be left out for digits"),
    (packed({"n": 1, "base": {"train.lr": float("nan")}}), "lr must be a number above 0"),
    (packed({"sweep": []}), "does not hold a sweep"),
    (packed({"sweep": {"base": 3}}), "does not hold a sweep"),
    (packed({"sweep": {"axis": {}}}), "unknown field axis; did you mean axes?"),
    (packed({"sweep": {"axes": {"net.depth": [0, 40]}}}), "depth must be a whole number from 0 to 16, got 40"),
    (packed({"sweep": {"axes": {"net.depth": [0, "1"]}}}), "not valid"),
    (packed({"sweep": {"axes": {"seed": [1] * 5001}}}), "a sweep of at most 5,000 values"),
    (
        packed({"sweep": {"baselines": ["dense"] * (len(baselines()) + 1)}}),
        f"at most {len(baselines())} baselines, and the link names {len(baselines()) + 1}",
    ),
    (packed({"sweep": {"name": "x" * 201}}), "name must have from 1 to 200 characters"),
]


@pytest.mark.parametrize(("text", "words"), SENTENCES)
def test_what_is_no_plan_is_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        decode(text)
    assert not isinstance(caught.value, ValidationError)


def test_sentences_are_short_and_can_be_written() -> None:
    for values in (
        {"n": 1, "base": {"x" * 10_000: 1}},
        {"n": 1, "base": {"\ud800": 1}},
        {"n": 1, "base": {"train.device": "\ud800" * 999}},
        {"sweep": {"\udfff" * 99: 1}},
        {"sweep": {"name": "\ud800"}},
        {"sweep": {"baselines": ["\u202e" * 5000]}},
        {"n": 1, "columns": {"\ud800": 1}},
    ):
        with pytest.raises(ValueError, match="link") as caught:
            decode(packed(values))
        assert len(str(caught.value).encode()) < 1500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["tree", "moons", "dense"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(st.sampled_from(field_names()) | st.text(max_size=5), json_values, max_size=4)
almost_sweeps = st.fixed_dictionaries(
    {},
    optional={
        "name": json_values,
        "base": fields | json_values,
        "axes": st.dictionaries(st.sampled_from(field_names()), st.lists(json_values, max_size=3) | json_values) | json_values,
        "baselines": st.lists(st.sampled_from(baselines()) | json_values, max_size=3) | json_values,
        "tune_lr": st.lists(st.floats() | json_values, max_size=3) | json_values,
    },
)
almost = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(0, 3) | json_values,
        "base": fields | json_values,
        "columns": st.dictionaries(st.sampled_from(field_names()), st.lists(json_values, max_size=3)) | json_values,
        "sweep": almost_sweeps | json_values,
    },
)


def held(text: str) -> None:
    fault: ValueError | None = None
    try:
        assert isinstance(decode(text), Plan)
    except ValueError as error:
        fault = error
    assert type(fault) in (type(None), ValueError)
    str(fault).encode()


@given(text=st.text() | st.text("AZaz09-_", max_size=50).map("1".__add__) | st.binary(max_size=200).map(packed_bytes))
@settings(max_examples=100)
def test_any_text_is_a_plan_or_a_value_error(text: str) -> None:
    held(text)


@given(values=json_values | almost)
@settings(max_examples=100)
def test_any_json_is_a_plan_or_a_value_error(values: object) -> None:
    held(packed(values))


@given(run=configs, place=st.integers(0, 400), letter=st.sampled_from("Aa0_-zQ"))
@settings(max_examples=50)
def test_a_changed_letter_is_a_plan_or_a_value_error(run: RunConfig, place: int, letter: str) -> None:
    text = encode([run])
    place %= len(text)
    held(text[:place] + letter + text[place + 1 :])
    held(text[:place])
