"""Files that are damaged, huge or no tables at all: one sentence, soon, and before much is allocated."""

import gzip
import io
import random
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core import limits
from leafscope.core.errors import TableError
from leafscope.core.tables import Choices, read
from leafscope.core.tables.parsing.content import content


def parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def written(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


NOISE = random.Random(1).randbytes(10_000).replace(b"\0", b"\1")

MANY = b",".join(b"c%d" % number for number in range(1_000_000))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a,b\n1,\x002\n", r"line 2 holds a NUL byte"),
        (NOISE, "control characters"),
        (b"PK\x03\x04" + NOISE, "it is an Excel workbook or a zip file"),
        (b'[{"a": 1, "b": 2}]', "it is JSON; save the table as CSV"),
        (b"<!DOCTYPE html>\n<table></table>\n", "it is HTML or XML"),
        (gzip.compress(b"1,2\n" * 20_000_000), "at most 50,000,000 bytes when it is unpacked"),
        (gzip.compress(b"a,b\n1,2\n" * 100)[:-10], "what is packed with gzip is damaged"),
        (MANY + b"\n" + MANY, "at most 2,000 columns and a target, got 1,000,000"),
        (b"a,b\n" + b"1,2\n" * 200_001, "at most 200,000 rows"),
        (b"a,b\n1,2\n" + b"\n" * 2_000_001, "at most 2,000,000 lines"),
        (b'a,b\n1,2\n"' + b"x" * 200_000, "quotes must come in pairs"),
        (b"a,b\n1,2\n3,4\n5\n", r"row 3 \(line 4\) has 1"),
        (b"PAR1" + bytes(100) + b"PAR1", "a Parquet file must be complete"),
        (parquet(pd.DataFrame({"a": [[1, 2], [3]], "y": ["u", "v"]})), "it holds no numbers, texts or dates, but list<"),
        (written(pa.table({"a": [1] * 200_001, "y": ["u"] * 200_001})), "at most 200,000 rows, got 200,001"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_it_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        read(data)


def test_a_long_text_that_stands_in_every_row_is_held_once() -> None:
    n, long = 50_000, "x" * 100_000  # 5 GB if each row had its own
    coded = pa.DictionaryArray.from_arrays(pa.array([index % 2 for index in range(n)], pa.int32()), pa.array([long, "y"]))
    table = pa.table({"a": coded, "b": pa.array([index % 7 for index in range(n)]), "y": pa.array(["u", "v"] * (n // 2))})
    assert read(written(table)).rows == n


def test_what_is_no_file_or_too_large_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="must be a regular file"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.csv")
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(limits.MAX_FILE_BYTES + 1)
    with pytest.raises(TableError, match="at most 50,000,000 bytes, got 50,000,001"):
        read(large)


def test_too_many_features_are_refused() -> None:
    columns = {f"c{number}": [f"w{row * number % 41}" for row in range(90)] for number in range(1, 80)}
    data = pd.DataFrame(columns | {"y": ["u", "v"] * 45}).to_csv(index=False).encode()
    with pytest.raises(TableError, match=r"at most 2,000 features, got .* after encoding"):
        read(data)


def test_an_odd_quote_swallows_no_rows() -> None:
    table = read(b'a,b,y\n1,"x,u\n2,"z,v\n3,q,u\n')
    assert (table.rows, table.columns[1].categories) == (3, ('"x', '"z', "q"))
    assert table.source.notes == ("quotes do not come in pairs, so each is read as it is written",)


@given(st.binary(max_size=60) | st.text("01,;.\t\n\r\"'#-ab| ", max_size=60).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_a_table_or_a_sentence(data: bytes) -> None:
    try:
        table = read(data)
    except TableError as error:
        sentence = str(error)
    else:
        sentence = ""
        assert table.rows >= 1
        assert table.n_features >= 1
    assert "\n" not in sentence


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252", "utf-32"])
def test_an_encoding_is_found_and_can_be_chosen(encoding: str) -> None:
    text = "größe,y\n1,u\n2,v\n"
    found = content(text.encode(encoding))
    assert found.data.decode() == text
    assert found.encoding == encoding
    assert content(text.encode(encoding), encoding).data == found.data
    with pytest.raises(TableError, match="must be text in utf-8, but byte"):
        read("ö,y\n1,u\n".encode("cp1252"), Choices(encoding="utf-8"))
