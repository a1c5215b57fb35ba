"""Files as they are found in the field, with rows made here: what a careful reader expects of each."""

# ruff: noqa: E501 (a file and what is expected of it are easier to compare on long lines)

import datetime
from typing import Any, NamedTuple

import numpy as np
import pytest

from leafscope.core.errors import TableError
from leafscope.core.tables import Choices, read

LETTERS = {"n": "numeric", "b": "boolean", "c": "categorical", "d": "date", "T": "target", "x": "dropped"}

DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=9 * row) for row in range(40)]


class Case(NamedTuple):
    """A file, the kind of each column by its first letter (x: left out), and what else must be understood."""

    name: str
    data: str
    kinds: str
    expected: dict[str, Any] = {}  # noqa: RUF012
    choices: dict[str, Any] = {}  # noqa: RUF012


def lines(row: Any, n: int = 40, head: str = "") -> str:
    """Lines that a function of the row gives, below a line of names."""
    return (head + "\n" if head else "") + "".join(row(place) + "\n" for place in range(n))


def numbers(row: int) -> str:
    return f"{row * 7 % 41 + 0.25},{row * 5 % 37 + 0.5}"


PLAIN = lines(lambda row: f"{numbers(row)},{'pq'[row % 2]}", head="a,b,y")
SPLIT = PLAIN.split("\n")
WORDS = ("red", "green", "blue")

CASES = (
    Case("adult.data", lines(lambda row: f"{20 + row % 30}, {('Private', 'State-gov', '?')[row % 3]}, {77516 + row * 977 % 3001}, "
         f"{('Male', 'Female')[row % 2]}, United-States, {('<=50K', '>50K')[row % 4 == 1]}") + "\n", "ncncxT",
         {"header": False, "classes": ["<=50K", ">50K"], "missing": [0, 13, 0, 0, 0, 0]}),
    Case("auto-mpg.data", lines(lambda row: f"{10 + row * 7 % 30}.{row % 10}   {4 + row % 3 * 2}   {100 + row * 13 % 300}.0      "
         f"{'?' if row % 9 == 5 else f'{50 + row * 11 % 180}.0'}      {1600 + row * 37 % 900}.   {70 + row % 13}  {1 + row % 3}\t"
         f'"{("ford", "vw")[row % 2]} model {row}"'), "nnnnnnTx", {"header": False, "delimiter": "whitespace"}),
    Case("winequality.csv", lines(lambda row: f"{7 + row % 30 / 10:g};{row % 17 / 100:g};{3 + row % 6}",
         head='"fixed acidity";"volatile acidity";"quality"'), "nnT", {"delimiter": ";", "decimal": ".",
         "names": ["fixed acidity", "volatile acidity", "quality"]}),
    Case("german.data", lines(lambda row: f"A1{1 + row % 4} {6 + row * 7 % 60} A4{row % 5} {250 + row * 37 % 900} {1 + row % 2} "),
         "cncnT", {"header": False, "delimiter": "whitespace", "classes": ["1", "2"]}),
    Case("ecoli.data", lines(lambda row: f"AAT{row:03}_ECOLI   0.{30 + row % 50}  0.48  0.{10 + row % 70}   {('cp', 'im')[row % 2]}"),
         "xnxnT", {"header": False, "delimiter": "whitespace"}),
    Case("house-votes", lines(lambda row: f"{('republican', 'democrat')[row % 2]},{'yn?'[row % 3]},{'yn'[row % 5 == 0]}"), "Tbb",
         {"header": False, "missing": [0, 13, 0]}, {"target": "column_1"}),
    Case("bank-marketing", lines(lambda row: f'{20 + row % 30};"{("technician", "unknown")[row % 2]}";"{("no", "yes")[row % 7 == 0]}";-1;'
         f'"{("no", "yes")[row % 3 == 0]}"', head='"age";"job";"default";"pdays";"y"'), "ncbxT", {"delimiter": ";", "classes": ["no", "yes"]}),
    Case("titanic", lines(lambda row: f'{row + 1},{int(row % 3 == 0)},"Family{row}, Mr. Owen ""Nick"" Harris",{("male", "female")[row % 2]},'
         f'{"" if row % 5 == 0 else 20 + row % 17},{"" if row % 4 else f"C{row}"}', head="PassengerId,Survived,Name,Sex,Age,Cabin"),
         "xTxcnx", {"classes": ["0", "1"], "missing": [0, 0, 0, 0, 8, 30], "delimiter": ","}),
    Case("an export of Excel", "sep=;\r\n" + lines(lambda row: f"{row + 1};Müller {row};{row % 9 + 1}.{row * 37 % 900 + 100},50 €;{row % 20},5 %;"
         f"{DAYS[row]:%d.%m.%Y};{('ja', 'nein')[row % 3 == 0]};{('gut', 'schlecht')[row % 2]}", head="Nr.;Kunde;Umsatz;Rabatt;Datum;Treue;Klasse"),
         "xxnndbT", {"delimiter": ";", "decimal": ","}),
    Case("texts with commas between tabs", lines(lambda row: f"{row},5\tone, two {'uv'[row % 2]}\t{'pq'[row % 2]}", head="a\tt\ty"), "ncT",
         {"delimiter": "\t", "decimal": ",", "names": ["a", "t", "y"]}),
    Case("long texts between commas", lines(lambda row: f"{' '.join(['word'] * 40)} {row},0.{50 + row % 40},{row % 3}", head="t,a,y"), "xnT",
         {"delimiter": ",", "names": ["t", "a", "y"]}),
    Case("comments beside quotes", "\n".join([*SPLIT[:9], "# a remark, here", *SPLIT[9:]]).replace(",p\n", ',"p"\n'), "nnT", {"rows": 40}),
    Case("a sign for comments within quotes", lines(lambda row: f'{row}.5,"one\n# two {"uv"[row % 2]}",{"pq"[row % 2]}', head="a,t,y"), "ncT",
         {"rows": 40}),
    Case("more comments than rows", "# made by us\n" * 60 + PLAIN, "nnT", {"names": ["a", "b", "y"]}),
    Case("titles with empty cells behind", "Report of sales,,\nprinted,,\n,,\n" + PLAIN, "nnT", {"names": ["a", "b", "y"], "rows": 40}),
    Case("several delimiters at the end of lines", "\n".join(line + ",," for line in SPLIT if line), "nnT", {"names": ["a", "b", "y"]}),
    Case("delimiters and spaces at the end of lines", "\n".join(line + ", ," for line in SPLIT if line), "nnT", {"names": ["a", "b", "y"]}),
    Case("delimiters behind values alone", "\n".join([SPLIT[0], *(line + ",," for line in SPLIT[1:] if line)]), "nnT", {"names": ["a", "b", "y"]}),
    Case("an empty column with a name stays", lines(lambda row: f"{row * 7 % 41}.5,{'pq'[row % 2]},", head="a,y,note"), "nTx"),
    Case("numbers in names", lines(lambda row: f"c{row % 4},{numbers(row)},{'pq'[row % 2]}", head="country,1990,1991,y"), "cnnT",
         {"names": ["country", "1990", "1991", "y"]}),
    Case("a number and a word as names", "2020,b,y\n1.5,2,x\n2.5,3,z\n3.5,4,x\n", "nnT", {"names": ["2020", "b", "y"]}),
    Case("R without the name of the first column", lines(lambda row: f'"row {row}",{numbers(row)},"{"pq"[row % 2]}"', head='"a","b","y"'), "xnnT",
         {"names": ["index", "a", "b", "y"]}),
    Case("Indian groups", lines(lambda row: f"{1 + row},23,456.5;{'pq'[row % 2]}", head="a;y"), "nT", {"first": 123456.5, "decimal": "."}),
    Case("millions with points", lines(lambda row: f"{1 + row}.234.567;{'pq'[row % 2]}", head="a;y"), "nT", {"first": 1234567.0, "decimal": ","}),
    Case("a single decimal comma in the last row", lines(lambda row: f"{row * 7 % 41};{'pq'[row % 2]}", head="a;y") + "7,5;p\n", "nT",
         {"decimal": ",", "rows": 41}),
    Case("currencies in English", lines(lambda row: f'"${row + 1},250.50",{"pq"[row % 2]}', head="a,y"), "nT", {"first": 1250.5}),
    Case("brackets around currencies", lines(lambda row: f'"(${row + 1},250.50)",{"pq"[row % 2]}', head="a,y"), "nT", {"first": -1250.5}),
    Case("minus as in print", lines(lambda row: f"−{row * 7 % 41}.5,{'pq'[row % 2]}", head="a,y"), "nT", {"first": -0.5}),
    Case("true in all letters", lines(lambda row: f"{row * 7 % 41}.5,{('TRUE', 'False', 'true')[row % 3]},{'pq'[row % 2]}", head="a,b,y"), "nbT"),
    Case("three answers are no truth", lines(lambda row: f"{row * 7 % 41}.5,{('yes', 'no', 'maybe')[row % 3]},{'pq'[row % 2]}", head="a,b,y"), "ncT"),
    Case("classes of whole numbers are in order", lines(lambda row: f"{row * 7 % 41}.5,{1 + row % 11}", head="a,y"), "nT",
         {"classes": [str(one) for one in range(1, 12)]}),
    Case("zero and one in few rows", "a,y\n1.5,0\n2.5,1\n3.5,0\n0.5,1\n", "nT", {"classes": ["0", "1"]}),
    Case("large whole numbers that are one when rounded", lines(lambda row: f"{2**60 + row % 7},{numbers(row)},{'pq'[row % 2]}", head="big,a,b,y"),
         "xnnT", {"why": "constant: its 7 different whole numbers are the same once rounded"}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_of_the_field_is_understood(case: Case) -> None:
    table = read(case.data.encode(), Choices(**case.choices))
    about = table.described()
    assert [one["kind"] for one in about["columns"]] == [LETTERS[letter] for letter in case.kinds]
    found = about | {
        "names": [one["name"] for one in about["columns"]],
        "missing": [one["missing"] for one in about["columns"]],
        "first": table.columns[0].values[0],
        "why": about["columns"][0]["why"].partition(";")[0],
    }
    expected = {"header": True} | case.expected
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    "notation",
    [
        *(
            "%Y-%m-%d",
            "%d.%m.%Y",
            "%m/%d/%Y",
            "%d/%m/%Y",
            "%Y/%m/%d",
            "%d-%m-%Y",
            "%d %b %Y",
            "%B %d, %Y",
            "%d-%b-%y",
            "%d%b%Y",
        ),
        *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.000", "%d.%m.%y", "%m/%d/%y", "%Y%m%d", "%a %b %d %Y", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_a_date_is_read_in_every_notation(notation: str) -> None:
    text = lines(lambda row: f"{row},5;{DAYS[row].strftime(notation)};{'pq'[row % 2]}", head="a;when;y")
    when = read(text.encode()).columns[1]
    assert when.kind == "date"
    np.testing.assert_array_equal(when.values, [(day - datetime.date(1970, 1, 1)).days for day in DAYS])


def test_months_are_dates_and_many_times_of_day_are_left_out() -> None:
    text = lines(
        lambda row: f"{2020 + row // 12}-{1 + row % 12:02},{('Jan', 'Oct')[row % 2]} 2024,{row % 7}.5,p{row % 2}",
        head="m,w,a,y",
    )
    table = read(text.encode())
    assert [column.kind for column in table.columns[:2]] == ["date", "date"]
    assert table.columns[0].values[:2].tolist() == [18262.0, 18293.0]
    many = lines(
        lambda row: f"2024-01-{1 + row % 28:02} {row % 24:02}:{row // 24 % 60:02}:07,{row % 7}.5,p{row % 2}", 3000, head="t,a,y"
    )
    table = read((many + "soon,1.5,p0\n").encode())
    assert table.columns[0].values[:2].tolist() == [19723.0, 19724.0]
    assert table.missing[0] == 1


@pytest.mark.parametrize("text", ["# a\n# b\n", "#\n\n# only this\n"])
def test_comments_alone_are_no_table(text: str) -> None:
    with pytest.raises(TableError, match="it holds only comments and blank lines"):
        read(text.encode())


def test_what_begins_with_the_sign_for_comments_in_each_row_are_values() -> None:
    table = read(lines(lambda row: f"#{row % 5},{row * 7 % 41}.5,{'pq'[row % 2]}").encode())
    assert (table.rows, table.columns[0].categories[:2]) == (40, ("#0", "#1"))
