"""The filter language: what it finds, what it refuses, and that what is written is read back."""

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.comparison.filter import TERMS, Filter, FilterError, find, parse, term
from leafscope.core.comparison.table import COLUMNS, TEXT_FIELDS, run_table
from leafscope.core.config import RunConfig, changed
from leafscope.core.store.values.summaries import RunSummary


def summary(run: RunConfig, **other: Any) -> RunSummary:
    values: dict[str, Any] = {
        **{"run_id": run.run_id, "label": run.label, "note": "", "config_json": run.model_dump_json()},
        **{"status": "finished", "attempt": 1, "first_attempt": 1, "created": 1e9, "started": 1e9, "finished": 1e9},
        **{"stopping": False, "error": None, "device": "cpu", "resumed_from": 0, "epochs_done": 60, "epochs_total": 60},
        **{"attempt_seconds": 2.0, "seconds": 3.0, "best_epoch": 7, "best": {}, "last": {}, "facts": {}},
    }
    return RunSummary(**(values | other))


RUNS = [
    summary(RunConfig(), name="First Run", tags=("Talk", "a|b"), best={"test_accuracy": 0.5}),
    summary(changed(RunConfig(seed=1), {"net.depth": 2}), comment="odd: see the gates", status="failed"),
    summary(changed(RunConfig(seed=2), {"net.kind": "dense", "data.name": "wine", "train.lr": 0.1}), tags=("talk two",)),
    summary(changed(RunConfig(seed=3), {"net.kind": "random_forest", "data.name": "spirals"}), note="baseline"),
]
TABLE = run_table(RUNS).set_index(pd.Index([10, 20, 30, 40]))


def found(text: str) -> list[int]:
    mask = parse(text).mask(TABLE)
    assert mask.index.equals(TABLE.index)
    assert mask.dtype == bool
    return [int(place) // 10 - 1 for place in mask.index[mask]]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3]),
        (" \t\n", [0, 1, 2, 3]),
        ("first", [0]),
        ("FIRST run", [0]),
        ('"first run"', [0]),
        ('"run first"', []),
        ("digits", [0, 1]),  # a label stays findable under a name
        ("gates", [1]),
        ("baseline", [3]),
        ("failed", [1]),
        ("talk", [0, 2]),
        (RUNS[2].run_id[:12], [2]),
        ('"a|b"', [0]),
        ("a|b", [0]),
        ("depth=4", [0]),
        ("depth=4.0", [0]),
        ("net.depth=4e0", [0]),
        ("NET.Depth=4", [0]),
        ("depth!=4", [1, 2, 3]),
        ("depth=2|4", [0, 1]),
        ("depth!=2|4", [2, 3]),
        ("depth=none", [2, 3]),
        ("depth=4|none", [0, 2, 3]),
        ("depth!=none", [0, 1]),
        ("depth<4", [1]),
        ("depth<=4", [0, 1]),
        ("depth>2", [0]),
        ("depth>=2", [0, 1]),
        ("seed=1..2", [1, 2]),
        ("seed=1..2|0", [0, 1, 2]),
        ("seed!=1..2", [0, 3]),
        ("seed=-5..0.5", [0]),
        ("lr=.005", [0, 1]),
        ("lr<1e-2", [0, 1]),
        ("data=digits|wine", [0, 1, 2]),
        ("data.name=WINE", [2]),
        ("data!=digits", [2, 3]),
        ("kind=dense", [2]),
        ("model=random_forest", [3]),
        ("status=failed", [1]),
        ("best_test_accuracy>=0.5", [0]),
        ("best_test_accuracy=none", [1, 2, 3]),
        ('title="first run"', [0]),
        ("title=first", []),
        ("tag=talk", [0]),
        ("tag=TALK|other", [0]),
        ('tag="talk two"|talk', [0, 2]),
        ('tag="a|b"', [0]),
        ("tag!=talk", [1, 2, 3]),
        ("tags=none", [1, 3]),
        ("tag!=none", [0, 2]),
        ('tag="none"', []),
        ("comment=none", [0, 2, 3]),
        ('comment=""', [0, 2, 3]),
        ("comment!=none", [1]),
        ('comment="odd: see the gates"', [1]),
        ("digits depth=2 status=failed", [1]),
        ("digits depth=2 status=finished", []),
        ("device=cpu", [0, 1, 2, 3]),
        ("train.device=auto", [0, 1, 2]),
    ],
)
def test_what_a_filter_finds(text: str, rows: list[int]) -> None:
    assert found(text) == rows


def test_a_filter_may_hold_of_no_table() -> None:
    assert parse("a depth=3 tag=b title=c lr<2 seed=1..2").mask(run_table([])).tolist() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dept=4", r"no field 'dept'; did you mean depth"),
        ("net.dept=4", r"did you mean net\.depth"),
        ("qqqqqq=1", r"no field 'qqqqqq'; fields are"),
        ("depth=four", r"depth must be compared with a number, got 'four'"),
        ("depth==4", r"must be compared with a number, got '=4'"),
        ("depth=nan", r"must be compared with a number"),
        ("depth<none", r"must be compared with a number"),
        ("depth=2..x", r"must be compared with a number, got 'x'"),
        ("depth=2..", r"must be compared with a number, got ''"),
        ("depth=4..2", r"start with its lower end, got 4\.\.2"),
        ("depth=", r"depth= must have a value after it"),
        ("depth= 4", r"depth= must have a value after it"),
        ("depth=2|", r"must not be empty"),
        ("data=|wine", r"must not be empty"),
        ("depth <3", r"< must have a field before it"),
        ("=3", r"= must have a field before it"),
        ("kind<3", r"kind is text and must be compared with = or !=, got <"),
        ("tag>=3", r"tag is text"),
        ('"open', r"every quote must be closed"),
        ('title="open', r"every quote must be closed"),
        ('title="a\\"', r"every quote must be closed"),
        ('""', r"a word must have at least one character"),
    ],
)
def test_what_a_filter_refuses(text: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        parse(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(
            ("digits dept=4", 7),
            ("digits depth=four", 13),
            ("depth=2|x", 8),
            ("depth=2..x", 9),
            ("depth=4..2", 6),
            ("depth=", 6),
        ),
        *(("a depth=2||3", 10), ("depth=|2", 6), ("depth=2|", 8), ("x <3", 2), ("kind<3", 4), ('a "open', 2), ('a ""', 2)),
        ("a  depth>=x", 10),
    ],
)
def test_a_refusal_points_to_the_character(text: str, at: int) -> None:
    with pytest.raises(FilterError) as refused:
        parse(text)
    assert refused.value.at == at
    assert str(refused.value).endswith(f"(character {at + 1})")


def test_runs_are_found_by_words_and_fields() -> None:
    for text in ("digits", "depth=4", "digits depth=2 status=failed", ""):
        assert [RUNS.index(run) for run in find(RUNS, text)] == found(text)
    assert find(RUNS, "shipped seed=0", lambda run: run.searched("shipped")) == [run for run in RUNS if run.config.seed == 0]


def test_every_column_is_a_field_by_its_full_name() -> None:
    for name in COLUMNS:
        value = "none" if name in TEXT_FIELDS or name == "tags" else "1"
        assert parse(f"{name}={value}").mask(TABLE).shape == (4,)


def test_signs_within_quotes_are_characters() -> None:
    table = TABLE.assign(title=pd.Series(["a=b", 'say "x"', "back\\slash", "two\nlines"], index=TABLE.index, dtype=object))
    for place, text in enumerate(('"a=b"', r'"say \"x\""', r'"k\\s"', r'"o\nl"')):
        assert np.flatnonzero(parse(text).mask(table)).tolist() == [place]
    assert parse(r'title="back\slash"').mask(table).tolist() == [False, False, True, False]  # no escape: itself


def test_terms_are_counted_once_and_bounded() -> None:
    assert parse("a a A").terms == parse("a A").terms
    assert parse("") == Filter()
    parse(" ".join(f"w{place}" for place in range(TERMS)))
    with pytest.raises(FilterError, match=r"at most 200 terms"):
        parse(" ".join(f"w{place}" for place in range(TERMS + 1)))


TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\|= \n\t\r<>!.n'), max_size=8)


def column(name: str, values: list[Any], dtype: str = "object") -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=dtype)})


@given(st.lists(TEXTS | st.sampled_from(["none", "NONE", "a..b", "1", ""]), min_size=1, max_size=5), st.data())
def test_a_written_term_of_text_finds_exactly_its_values(texts: list[str], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(texts), min_size=1))
    wanted = {text.casefold() for text in chosen}
    expected = [text.casefold() in wanted for text in texts]
    assert parse(term("title", chosen)).mask(column("title", texts)).tolist() == expected
    tags = column("tags", [(text,) if text else () for text in texts])
    assert parse(term("tag", chosen)).mask(tags).tolist() == expected
    assert "\n" not in term("title", chosen)


@given(st.lists(st.none() | st.floats(allow_nan=True), min_size=1, max_size=6), st.data())
def test_a_written_term_of_numbers_finds_exactly_its_values(values: list[float | None], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(values), min_size=1))
    wanted = [None if value is None or np.isnan(value) else value for value in chosen]
    expected = [(None if value is None or np.isnan(value) else value) in wanted for value in values]
    assert parse(term("seconds", chosen)).mask(column("seconds", values, "float64")).tolist() == expected


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False), st.sampled_from(["<", "<=", ">", ">="]))
def test_orders_are_those_of_numbers(value: float, limit: float, operator: str) -> None:
    expected = {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[operator]
    assert parse(f"seconds{operator}{limit!r}").mask(column("seconds", [value])).tolist() == [expected]


def test_terms_that_cannot_be_written() -> None:
    with pytest.raises(FilterError, match=r"at least one value"):
        term("title", [])
    with pytest.raises(FilterError, match=r"no field"):
        term("nothing_like_it", [1])
    with pytest.raises(FilterError, match=r"net\.depth must be a number, got four"):
        term("depth", ["four"])


def refusal(text: str) -> str:
    """Read a filter and use it: what it is refused with, or nothing."""
    try:
        parse(text).mask(TABLE)
    except FilterError as error:
        return str(error)
    return ""


SIGNS = st.lists(st.sampled_from(['"', "\\", "|", "=", "<", ">", "!", ".", " ", "a", "1", "depth", "tag", "none", "\u202e"]))


@given(SIGNS.map("".join) | st.text())
@settings(max_examples=60)
def test_hostile_text_is_read_or_refused(text: str) -> None:
    assert len(refusal(text)) < 400


RANGES = "|".join(f"{low}..{low + 1}" for low in range(1200))


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 10_000, "a " * 5000, "(" * 10_000, "x=" * 5000, '"' * 10_000, "!" * 10_000, "\\" * 10_000),
        *("depth=" + "1|" * 5000 + "1", "depth=" + "9" * 10_000, "depth=" + RANGES, "depth" * 2000 + "=1"),
    ],
)
def test_long_texts_are_not_slow(text: str) -> None:
    began = time.process_time()
    assert len(refusal(text)) < 400
    assert time.process_time() - began < 1  # 0.02 s on a quiet machine


def test_a_thousand_rows_are_filtered_at_once() -> None:
    table = run_table([RUNS[place % 4] for place in range(1000)])
    read = parse("i lr<=0.05 depth=2..4 kind=tree|flat tag=talk|x data=digits status=finished")
    times = []
    for _ in range(3):
        began = time.process_time()
        mask = read.mask(table)
        times.append(time.process_time() - began)
    assert mask.sum() == 250
    assert min(times) < 0.1  # 0.005 s on a quiet machine
