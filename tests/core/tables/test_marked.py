"""Numbers with marks that become numbers block by block are those that the same cells give as text."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.errors import TableError
from leafscope.core.tables import Choices, Table, read
from leafscope.core.tables.parsing import cells as parsing
from leafscope.core.tables.parsing.gathered import Gathered
from leafscope.core.tables.parsing.marked import marked
from leafscope.core.tables.reading import understand
from leafscope.core.tables.words import Words

NUMBERS = st.sampled_from(
    [
        "1,234.5",
        "12,345",
        "1,234",
        "0,678",
        "7",
        "007",
        "-3.25",
        "+4.5",
        "1e3",
        ".5",
        "5.",
        "1.234.567",
        "1.234,5",
        "2,5",
        "1 234",
        "1'000",
    ]
)
ODD = st.sampled_from(["oops", "n.a", "?", "", "yes", "0", "1", "inf", "5 kg", "9007199254740993", "2 ", "$3", "1/2/2024"])


@st.composite
def columns(draw: st.DrawFn) -> list[list[str]]:
    """A few columns, each of two notations and now and then an odd cell."""
    few = [draw(st.lists(NUMBERS, min_size=1, max_size=2)) for _ in range(draw(st.integers(1, 3)))]
    odd = [draw(st.lists(ODD, max_size=2)) for _ in few]
    n = draw(st.integers(6, 40))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    share = draw(st.sampled_from([0.0, 0.05, 0.15, 0.3]))
    return [
        [rng.choice(strange) if strange and rng.random() < share else rng.choice(usual) for _ in range(n)]
        for usual, strange in zip(few, odd, strict=True)
    ]


def understood(data: bytes, decimal: str | None) -> Table | str:
    try:
        return read(data, Choices(decimal=decimal))  # type: ignore[arg-type]
    except TableError as error:
        return str(error)


@given(columns(), st.sampled_from([None, ",", "."]), st.sampled_from([3, 1000]))
@settings(max_examples=60, deadline=None)
def test_numbers_with_marks_are_read_as_their_texts_would_be(parts: list[list[str]], decimal: str | None, at_once: int) -> None:
    rows = [";".join([*cells, f"{row % 7}.5", "uv"[row % 2]]) for row, cells in enumerate(zip(*parts, strict=True))]
    data = "\n".join([";".join([*(f"c{place}" for place in range(len(parts))), "z", "y"]), *rows]).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parsing, "_rows_at_once", lambda _: at_once)
        fast = understood(data, decimal)
        patched.setattr(parsing, "marked", lambda *_: None)
        slow = understood(data, decimal)
    if isinstance(fast, str) or isinstance(slow, str):
        assert fast == slow
        return
    assert fast.described() == slow.described()
    for one, other in zip(fast.columns, slow.columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert tuple(one.categories) == tuple(other.categories)


@pytest.mark.parametrize(
    ("texts", "decimal", "values"),
    [
        (["1,234.5", "7", None], ".", [1234.5, 7, np.nan]),
        (["1.234,5", "-7", "oops", *["1"] * 9], ",", [1234.5, -7, np.nan, *[1] * 9]),
        (["1\u00a0234,5", "2\u202f000", "+3"], ",", [1234.5, 2000, 3]),
        (["12,34,567", "1'000.5"], ".", [1234567, 1000.5]),
    ],
)
def test_marks_are_removed(texts: list[str | None], decimal: str, values: list[float]) -> None:
    both = pa.array(["x", *texts, "x"], pa.large_string())
    for array in (pa.array(texts, pa.large_string()), both[1:-1]):
        found = marked(array, decimal)
        assert found is not None
        np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    "texts", [["1.5", "2,5"], ["0,678"], ["9007199254740993"], ["word", "1.5"], ["yes", *["1.5"] * 9], ["$5", *["1.5"] * 9]]
)
def test_what_else_must_be_decided_stays_text(texts: list[str]) -> None:
    assert marked(pa.array(texts, pa.large_string()), ".") is None


def test_only_rows_that_are_kept_have_odd_cells() -> None:
    found = marked(pa.array(["1", "oops", "2", "3", "4", "no", *["5"] * 9], pa.large_string()), ".")
    assert found is None  # "no" may be a truth
    found = marked(pa.array(["1", "oops", "2", "3", "4", "nope", *["5"] * 9], pa.large_string()), ".")
    assert found is not None
    kept = found.only(np.arange(15) >= 2)
    assert (kept.odd_rows.tolist(), kept.odd_texts, len(kept.values)) == ([3], ("nope",), 13)


def test_texts_are_gathered_in_order() -> None:
    gathered, texts = Gathered(), ["a", None, "", "größe", "b" * 50]
    gathered.add(pa.array(texts[:2], pa.large_string()))
    gathered.add(pa.array(["x", *texts[2:]], pa.large_string())[1:])
    gathered.add(pa.nulls(1, pa.large_string()))
    assert gathered.array(2).to_pylist() == [None, None, *texts, None]


def test_many_different_texts_are_in_alphabetical_order() -> None:
    rng = np.random.default_rng(0)
    words = [f" w{number} " for number in rng.integers(0, 20_000, 5000)]
    words[7] = words[3000] = "NA"
    data = "t,a,y\n" + "".join(f"{word},{row % 9},{'uv'[row % 2]}\n" for row, word in enumerate(words))
    column = read(data.encode()).columns[0]
    plain = [word.strip() for word in words]
    assert tuple(column.categories) == tuple(sorted(set(plain) - {"NA"}))
    assert isinstance(column.categories, Words)
    assert [column.categories[code] if code >= 0 else "NA" for code in column.values.tolist()] == plain
    assert column.categories[:2] == tuple(column.categories)[:2]


@pytest.mark.parametrize("mark", ["USD {}123", "{} 234 567", "({} 234 567)", "{} 234 €", "¥{}123", "-{} 301 543.22 %"])
@pytest.mark.parametrize("share", [10, 1])
def test_rare_and_many_notations_are_numbers_too(mark: str, share: int) -> None:
    """Among plain numbers, and where there are so many that a sample of them tells what the column is."""
    cells = [mark.format(row % 900 + 1) if row % share == 0 else str(row) for row in range(2700)]
    column = understand("\n".join(["a;y", *(f"{cell};{row % 7}" for row, cell in enumerate(cells))]).encode()).columns[0]
    assert (column.kind, column.missing) == ("numeric", 0)


def test_no_thousands_begin_with_zero() -> None:
    rows = [f"{row}.5;{row % 2}" for row in range(40)]
    column = understand("\n".join(["a;y", "0,123;1", *rows]).encode()).columns[0]
    assert np.isnan(column.values[0])
    assert "0,123" in column.why
