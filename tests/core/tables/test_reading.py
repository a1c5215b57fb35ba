"""Files as people have them, made here, and what must be understood of each; what is ambiguous is named."""

# ruff: noqa: E501 (a file and what is expected of it are easier to compare on long lines)

import gzip
import io
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafscope.core.errors import TableError
from leafscope.core.tables import Choices, Table, read


class File(NamedTuple):
    """A file, and what must be understood of it."""

    name: str
    data: bytes
    kinds: str
    """The kind of each column."""
    rows: int
    expected: dict[str, Any] = {}  # noqa: RUF012
    """Of the delimiter, encoding, decimal mark, header, names, task and classes, what is not as usual."""
    cell: tuple[int, int, object] | None = None
    """Column, row and value of one cell."""


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding)


def rows(line: str, n: int = 24) -> str:
    """Lines in which {i} is a number, {w} one of three words and {f} a fraction."""
    return "".join(
        line.format(i=i * 7 % 23 + 100, w=("red", "green", "blue")[i % 3], f=f"{i * 37 % 100:02d}") for i in range(n)
    )


GERMAN = "Größe;Preis;Datum;Aktiv;Klasse\r\n" + rows(
    "1,{f};1.{i},50;1{f[0]}.03.2024;ja;A\r\n2,{f};17,5;28.02.2024;nein;B\r\n", 8
)

FILES = (
    File("commas", b"a,b,y\n1.5,2,x\n2.5,3,z\n3.5,4,x\n", "numeric numeric target", 3, cell=(0, 1, 2.5)),
    File("semicolons and decimal commas", b"a;b;y\n1,5;2;x\n2,25;3;z\n", "numeric numeric target", 2,
         {"delimiter": ";", "decimal": ","}, (0, 1, 2.25)),
    File("tabs", b"a\tb\ty\n1\thello, world\tx\n2\tgood; bye\tz\n", "numeric categorical target", 2, {"delimiter": "\t"}),
    File("pipes", b"a|b|y\n1|2024-01-31|x\n2|2024-02-01|z\n", "numeric date target", 2, {"delimiter": "|"}),
    File("runs of spaces", b"  1.0   2   a\n 10.5   3   b\n  7.25 12   a\n", "numeric numeric target", 3,
         {"delimiter": "whitespace", "header": False, "names": ["column_1", "column_2", "column_3"]}, (0, 1, 10.5)),
    File("spaces and tabs, as UCI has them", b'18.0 8 "chevrolet malibu"\t1\n15.0 4 "buick"\t2\n16.0 8 "ford"\t1\n',
         "numeric numeric categorical target", 3, {"delimiter": "whitespace", "header": False, "classes": ["1", "2"]}),
    File("no header, words and numbers", rows("5.{f},3.{f},1.4,0.2,Iris-{w}\n").encode(), "numeric numeric dropped dropped target",
         24, {"header": False, "classes": ["Iris-blue", "Iris-green", "Iris-red"]}),
    File("no header, words alone", b"p,x,s\ne,x,s\np,b,y\ne,b,s\np,x,y\n", "categorical categorical target", 5,
         {"header": False, "classes": ["s", "y"]}),
    File("spaces after commas and question marks", b"39, State-gov, <=50K\n50, ?, <=50K\n?, Private, >50K\n38, Private, >50K\n",
         "numeric categorical target", 4, {"header": False, "classes": ["<=50K", ">50K"]}, (1, 1, -1)),
    File("German, in cp1252", encoded(GERMAN, "cp1252"), "numeric numeric date boolean target", 16,
         {"delimiter": ";", "encoding": "cp1252", "decimal": ",", "names": ["Größe", "Preis", "Datum", "Aktiv", "Klasse"]},
         (1, 0, 1100.5)),
    File("a byte-order mark", b"\xef\xbb\xbfa,b\n1,x\n2,z\n", "numeric target", 2, {"encoding": "utf-8-sig", "names": ["a", "b"]}),
    File("UTF-16", encoded("ä\tb\n1\tx\n2\tz\n", "utf-16"), "numeric target", 2,
         {"encoding": "utf-16", "delimiter": "\t", "names": ["ä", "b"]}),
    File("UTF-16 without a mark", encoded("a\tb\r\n1\tx\r\n2\tz\r\n", "utf-16-le"), "numeric target", 2,
         {"encoding": "utf-16-le", "delimiter": "\t"}),
    File("latin-1", encoded("größe,b\n1,x\x81\n2,z\n", "latin-1"), "numeric target", 2, {"encoding": "latin-1"}),
    File("line ends of an old Macintosh", b"a,b\r1,x\r2,z\r", "numeric target", 2),
    File("mixed line ends", b"a,b\r\n1,x\n2,z\r3,x\n", "numeric target", 3),
    File("line ends and delimiters in quotes", b'a,"b, c",y\n1,"one\n\ntwo, three",x\n2,"say ""hi""",z\n',
         "numeric categorical target", 2, {"names": ["a", "b, c", "y"]}),
    File("single quotes", b"a,b,y\n1,'x, y',u\n2,'z',v\n", "numeric categorical target", 2),
    File("quotes behind backslashes", b'a,b,y\n1,"say \\"hi\\", you",u\n2,"z",v\n', "numeric categorical target", 2),
    File("a quote within a cell", b'a,b,y\n1,5" pipe,u\n2,6" pipe,v\n', "numeric categorical target", 2),
    File("Excel's sep line", b"sep=;\r\na;b\r\n1,5;x\r\n2,5;z\r\n", "numeric target", 2,
         {"delimiter": ";", "decimal": ",", "names": ["a", "b"]}),
    File("comments", b"# made by us\n#\na,b\n1,x\n# half\n2,z\n3,x\n", "numeric target", 3),
    File("errors of a spreadsheet and colours begin with #", b"a,b,y\n1,#ff0000,u\n#N/A,#00ff00,v\n#DIV/0!,#ff0000,u\n4,#00ff00,v\n# no row\n",
         "numeric categorical target", 4),
    File("names in a comment", b"# a b\n1 0\n2.5 1\n3 0\n", "numeric target", 3, {"delimiter": "whitespace", "names": ["a", "b"]}),
    File("titles above", b"Sales of the year\n\nRegion: north\na,b,c\n1,5,x\n2,6,z\n", "numeric numeric target", 2),
    File("a delimiter at the end of each line", b"a;b;\n1;x;\n2;z;\n", "numeric target", 2, {"delimiter": ";", "names": ["a", "b"]}),
    File("a delimiter at the end of lines of values", b"a,b\n1,x,\n2,z,\n", "numeric target", 2, {"names": ["a", "b"]}),
    File("blank lines and lines of delimiters", b"\n\na,b,c\n\n1,2,x\n,,\n   \n3,4,z\n,,\n", "numeric numeric target", 2),
    File("names that repeat or are empty", b"x,x,,x_2,y\n1.5,2,3,4,u\n3,1,7,4.5,v\n5,9,1,6,u\n",
         "numeric numeric numeric numeric target", 3, {"names": ["x", "x_3", "column_3", "x_2", "y"]}),
    File("an index column", b"Unnamed: 0,a,y\n0,1.5,u\n1,3.5,v\n2,2.5,u\n", "dropped numeric target", 3),
    File("R's table, whose first column has no name", b'"a" "y"\n"1" 1.5 "u"\n"2" 2.5 "v"\n', "dropped numeric target", 2,
         {"delimiter": "whitespace"}),
    File("names with markup", b"<b>a</b>,$x$,y\n1,2,u\n2,5,v\n", "numeric numeric target", 2, {"names": ["<b>a</b>", "$x$", "y"]}),
    File("years as names", b"land,2019,2020,2021\nA,1.5,2.5,3.25\nB,1.25,3.5,4\nC,5,2,1.125\n", "categorical numeric numeric target", 3,
         {"task": "regression", "classes": None, "names": ["land", "2019", "2020", "2021"]}),
    File("columns counted on as names", b"0,1,2\n5.1,3.5,0\n4.9,3.1,1\n7,3.2,0\n", "numeric numeric target", 3,
         {"names": ["0", "1", "2"], "classes": ["0", "1"]}),
    File("thousands with commas", b'a,b,y\n"1,234.5",7,u\n"12,345",8,v\n99,12,u\n', "numeric numeric target", 3, cell=(0, 1, 12345.0)),
    File("thousands with apostrophes and spaces", "a;b;y\n1'234.5;1 000;u\n2’000;2\u202f500;v\n".encode(),
         "numeric numeric target", 2, {"delimiter": ";"}, (1, 1, 2500.0)),
    File("currencies, percent signs and brackets", '"a";b;c;y\n"1.234,50 €";12 %;(5);u\n"7,25 €";13,5%;6;v\n'.encode(),
         "numeric numeric numeric target", 2, {"delimiter": ";", "decimal": ","}, (2, 0, -5.0)),
    File("yes and no", b"a,b,c,d,e,y\nyes,TRUE,ja,0,t,u\nno,FALSE,nein,1,f,v\nYes,true,,1,f,u\n",
         "boolean boolean boolean boolean boolean target", 3, cell=(2, 2, np.nan)),
    File("dates in four notations", b"a,b,c,d,y\n2024-01-31,31.01.2024,01/31/2024,31 Jan 2024,u\n2024-02-01,1.2.2024,2/1/2024,1 Feb 2024,v\n",
         "date date date date target", 2, cell=(2, 1, 19754.0)),
    File("missing values", b"a,b,y\n1,,u\n?,x,v\nNA,n/a,u\nnull,y,v\n-,N/A,\n.,nan,u\n7,x,v\n", "numeric categorical target", 6),
    File("codes with leading zeros", b"zip,x,y\n01067,1,u\n10115,2,v\n01067,3,u\n80331,4,v\n", "categorical numeric target", 4),
    File("gzip", gzip.compress(b"a,b\n1,x\n2,z\n"), "numeric target", 2),
)  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_understood(file: File) -> None:
    table = read(file.data)
    about = table.described()
    names = [one["name"] for one in about["columns"]]
    usual = {
        "delimiter": ",",
        "encoding": "utf-8",
        "decimal": ".",
        "header": True,
        "task": "classification",
        "classes": table.classes if table.classes is None else list(table.classes),
        "names": names,
    }
    assert " ".join(one["kind"] for one in about["columns"]) == file.kinds
    assert about["rows"] == file.rows
    assert {key: {**about, "names": names}[key] for key in usual} == usual | file.expected
    if file.cell is not None:
        column, row, value = file.cell
        np.testing.assert_equal(table.columns[column].values[row], value)


def why(table: Table, name: str) -> str:
    return next(str(one["why"]) for one in table.described()["columns"] if one["name"] == name)


def test_every_row_counts_not_only_the_first() -> None:
    lines = "".join(f"{i % 90},{i % 7}.5,{'ab'[i % 2]}\n" for i in range(30_000))
    table = read(f"x,z,y\n{lines}sixty,1.5,a\n8,inf,b\n".encode())
    assert [column.kind for column in table.columns[:2]] == ["numeric", "numeric"]
    assert why(table, "x") == (
        "mixed: row 30,001 (line 30,002) has 'sixty', which is not a number; 1 such cell counts as missing"
    )
    assert why(table, "z") == "row 30,002 (line 30,003) has inf; 1 infinite cell counts as missing"
    assert table.missing == (1, 1, 0)


def test_whole_numbers_that_cannot_be_exact_are_named() -> None:
    table = read(b"a,b,y\n1,9007199254740993,u\n5,4,v\n2,18446744073709551617,u\n4,7,v\n")
    assert why(table, "b") == "row 1 (line 2) has 9007199254740993, and whole numbers above 2^53 are rounded"


def test_what_is_noted_of_an_only_column_is_all_said() -> None:
    """An identifier is taken in where nothing else is left; what else is to be known of it stays."""
    rows = b"".join(b"1,%03d;%d\n" % (100 + row, row % 2) for row in range(40))
    noted = why(read(b"a;b\n" + rows), "a")
    assert noted.startswith("identifier: it numbers the rows, but no other column is left; ")
    assert noted.endswith("1,100 was read as 1100, and could be 1.1")
    large = b"".join(b"%d,%d\n" % (2**53 + row, row % 2) for row in range(40))
    assert "row 2 (line 3) has 9007199254740993, above 2^53" in why(read(b"a,b\n" + large), "a")


@pytest.mark.parametrize("other", ["", "7.5", "?"])
def test_they_are_named_beside_missing_values_and_fractions(other: str) -> None:
    table = read(f"a,b,y\n1,5,u\n5,9007199254740993,v\n2,{other},u\n4,7,v\n".encode())
    assert why(table, "b") == "row 2 (line 3) has 9007199254740993, and whole numbers above 2^53 are rounded"
    assert not why(read(f"a,b,y\n1,5,u\n5,1e17,v\n2,{other},u\n4,7,v\n".encode()), "b")


AMBIGUOUS = b"1,234;5,678\n2,345;6,789\n3,456;1,234\n"


@pytest.mark.parametrize(
    ("data", "first", "says"),
    [
        (AMBIGUOUS, 1234.0, "1,234 was read as 1234, and could be 1.234"),
        (b"1.234;5.678\n2.345;6.789\n3.456;1.234\n", 1.234, "1.234 was read as 1.234, and could be 1234"),
        (b"1.234;5,6\n2.345;6,7\n3.456;1,2\n", 1234.0, ""),
        (b"1,234;5.6\n2,345;6.7\n3,456;1.2\n", 1234.0, ""),
    ],
)
def test_where_a_number_can_be_read_in_two_ways_other_columns_decide(data: bytes, first: float, says: str) -> None:
    table = read(data)
    assert table.columns[0].values[0] == first
    assert ("could be" in why(table, "column_1")) == bool(says)
    assert says in why(table, "column_1")


def test_a_person_can_choose_the_other_reading() -> None:
    assert read(AMBIGUOUS, Choices(decimal=",")).columns[0].values[0] == 1.234
    days = b"d,x,y\n01/02/2024,1,u\n03/04/2024,2,v\n"
    assert read(days).columns[0].values[0] == 19754  # the first of February
    assert "01/02/2024 was read with the day first, and could have the month first" in why(read(days), "d")
    assert read(days, Choices(day_first=False)).columns[0].values[0] == 19724
    other = read(b"d,e,y\n01/02/2024,03/28/2024,u\n03/04/2024,04/30/2024,v\n")
    assert other.columns[0].values[0] == 19724
    assert why(other, "d") == "the month comes first"
    assert read(b"3;x\n4;z\n5;x\n", Choices(header=True)).rows == 2
    assert read("a;ä\n1;x\n".encode() + b"2;z\n", Choices(encoding="latin-1")).columns[1].name == "Ã¤"


def column(values: object, n: int = 40) -> bytes:
    frame = pd.DataFrame({"x": values, "f": np.arange(n) * 0.37 % 1, "y": ["u", "v"] * (n // 2)})
    return frame.to_csv(index=False).encode()


@pytest.mark.parametrize(
    ("values", "was", "reason"),
    [
        ([7] * 40, "numeric", "constant: every row is 7"),
        (["", *["a"] * 39], "categorical", "constant: every value is a"),
        ([None] * 40, "numeric", "empty: no row has a value"),
        (range(3, 43), "numeric", "identifier: it numbers the rows"),
        ([f"u{i:03d}" for i in range(40)], "categorical", "identifier: every row has another value"),
        ([f"{i} was a cold and rainy day" for i in range(40)], "categorical", "free text: 7 words"),
        ([f"w{i % 25}" for i in range(40)], "categorical", "too many categories: 25 different ones in 40 rows"),
        ([f"w{i % 101}" for i in range(300)], "categorical", "too many categories: 101 different ones in 300 rows"),
    ],
)
def test_a_column_that_says_nothing_is_left_out_with_a_reason(values: Any, was: str, reason: str) -> None:
    n = len(list(values)) // 2 * 2
    about = read(column(list(values)[:n], n)).described()["columns"][0]
    assert (about["kind"], about["was"]) == ("dropped", was)
    assert reason in about["why"]


def test_a_person_can_take_in_and_leave_out_columns() -> None:
    data = column(range(40))
    assert read(data, Choices(keep=("x",))).n_features == 2
    table = read(data, Choices(keep=("x",), drop=("f",)))
    assert [one.name for one in table.features] == ["x"]
    assert why(table, "f") == "left out by choice"


@pytest.mark.parametrize(
    ("header", "values", "target", "task"),
    [
        ("a,class,b", "1.5,u,2\n2.5,v,3\n", "class", "classification"),
        ("Target,a,b", "1,2.5,7\n0,3,9\n", "Target", "classification"),
        ("a,b,c", "1.5,u,2.5\n2.5,v,3.25\n", "c", "regression"),
        ("a,b,c", "1.5,1,2\n2.5,7,3\n1,3,2\n1,5,3\n", "c", "classification"),
        ("a,b,c", "".join(f"1.5,{i % 3},{i}\n" for i in range(9)), "c", "regression"),
        ("a,b,name", "".join(f"{i % 4},{i % 3},n{i}\n" for i in range(30)), "b", "classification"),
    ],
)
def test_a_target_and_a_task_are_proposed(header: str, values: str, target: str, task: str) -> None:
    table = read(f"{header}\n{values}".encode())
    assert (table.target, table.task) == (target, task)
    assert why(table, target).startswith("proposed")


def test_the_task_can_be_switched() -> None:
    data = b"a,y\n1,3\n2,4\n5,3\n"
    assert read(data, Choices(task="regression")).y.tolist() == [3.0, 4.0, 3.0]
    assert read(data, Choices(task="classification")).classes == ("3", "4")
    assert read(b"a,y\n1,3.5\n2,4\n5,3.5\n", Choices(task="classification")).classes == ("3.5", "4")


def test_rare_classes_are_named_and_dropped_or_merged_by_choice() -> None:
    data = ("x,y\n" + "1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n" + "7,c\n8,d\n9,d\n").encode()
    kept, dropped, merged = (read(data, Choices(rare=rare)) for rare in ("keep", "drop", "merge"))
    assert "classes with fewer than 3 rows: 'c' (1), 'd' (2)" in why(kept, "y")
    assert (kept.rows, kept.classes) == (9, ("a", "b", "c", "d"))
    assert (dropped.rows, dropped.classes) == (6, ("a", "b"))
    assert (merged.rows, merged.classes) == (9, ("a", "b", "other"))
    assert merged.y.tolist() == [0, 1, 0, 1, 0, 1, 2, 2, 2]


def test_rows_without_a_target_are_not_used_and_those_with_missing_values_by_choice() -> None:
    data = b"x,z,y\n1,2,a\n,3,b\n4,5,\n6,7,a\n8,9,b\n"
    assert read(data).rows == 4
    assert read(data).missing == (1, 0, 1)
    assert read(data, Choices(fill=False)).rows == 3


def test_parquet_with_categories_nulls_and_dates() -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3, 4], dtype="Int64"),
            "c": pd.Categorical(["u", None, "v", "u"]),
            "d": pd.to_datetime(["2024-01-31", None, "2024-02-01", "2024-03-01"]),
            "b": pd.array([True, False, None, True], dtype="boolean"),
            "f": np.float32([0.5, 1.5, np.nan, 2.5]),
            "s": ["x", "z", None, "x"],
            "empty": [None] * 4,
            "y": ["p", "q", "p", "q"],
        }
    )
    file = io.BytesIO()
    frame.to_parquet(file)
    about = read(file.getvalue()).described()
    assert (about["delimiter"], about["encoding"], about["decimal"], about["header"]) == (None, None, None, True)
    kinds = [(one["kind"], one["missing"]) for one in about["columns"]]
    assert kinds == [
        ("numeric", 1),
        ("categorical", 1),
        ("date", 1),
        ("boolean", 1),
        ("numeric", 1),
        ("categorical", 1),
        ("dropped", 4),
        ("target", 0),
    ]


def test_parquet_with_lists_and_names_that_repeat() -> None:
    columns = [pa.array([1, 5, 2]), pa.array([[1], [2], [3]]), pa.array([7.5, 1, 2]), pa.array(["u", "v", "u"])]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=["x", "l", "x", "y"]), file)
    table = read(file.getvalue())
    assert [one.name for one in table.features] == ["x", "x_2"]
    assert "it holds no numbers, texts or dates, but list<" in why(table, "l")


def test_the_address_is_that_of_the_content() -> None:
    table = read(b"a,b,y\n1.5,2,x\n2.5,,z\n3.5,4,x\n")
    assert table.hash == read(b"a;b;y\r\n1,5;2;x\r\n2,5;?;z\r\n3,5;4;x\r\n").hash
    assert table.hash == read(b"a,b,y\n1.5,2,x\n2.5,,z\n3.5,4,x\n", Choices(name="other")).hash
    others = [Choices(target="b"), Choices(drop=("a",))]
    assert len({table.hash, *(read(b"a,b,y\n1.5,2,x\n2.5,,z\n3.5,4,x\n", one).hash for one in others)}) == 3


@pytest.mark.parametrize(
    ("data", "choices", "sentence"),
    [
        (b"", {}, "the file must have rows, but it is empty"),
        (b"\n \n", {}, "it holds only blank lines"),
        (b"a,b\n", {}, "the file must have rows of values below its names"),
        (b"x\n1\n2\n", {}, "a table must have a feature beside the target 'x', but it has one column"),
        (b"a,b\n1,2\n3\n4,5\n", {}, r"every row must have 2 cells, as the names do, but row 2 \(line 3\) has 1"),
        (b"a,b\n1,2\n3,4\n\n4,5,6\n", {}, r"every row must have 2 cells, as the names do, but row 3 \(line 5\) has 3"),
        (b"a,y\n1,u\n2,u\n3,u\n", {}, "at least 2 classes, but every row of column 'y' has 'u'"),
        (b"a,y\n1,u\n2,v\n", {"target": "z"}, "the target must be a column, one of 'a', 'y', got 'z'"),
        (b"a,y\n1,u\n2,v\n", {"drop": ("z",)}, "has no column 'z'"),
        (b"a,y\n1,u\n2,v\n", {"drop": ("a",)}, r"a feature beside the target 'y', but 'a' is left out \(left out by choice\)"),
        (b"a,y\n1,u\n2,v\n", {"task": "regression"}, "must hold numbers, but column 'y' holds words"),
        (b"a,y\n1,u\n2,v\n", {"encoding": "klingon"}, "an encoding must be one that Python knows"),
        (b"a,y\n1,u\n\xff,v\n", {"encoding": "utf-8"}, r"must be text in utf-8, but byte 9 \(line 3\)"),
        (b"a,y\n1,u\n2,v\n", {"delimiter": "ab"}, "a delimiter must be one character"),
    ],
)
def test_what_is_refused_says_in_a_sentence_what_must_hold(data: bytes, choices: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        read(data, Choices(**choices))


def test_more_than_a_hundred_classes_are_refused() -> None:
    data = "x,y\n" + "".join(f"{i * 0.5},c{i % 101}\n" for i in range(400))
    with pytest.raises(TableError, match="at most 100 classes, but column 'y' has 101 different values"):
        read(data.encode(), Choices(target="y"))
