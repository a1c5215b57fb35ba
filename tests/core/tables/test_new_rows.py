"""New rows mean what the table's columns of the same names mean; what does not fit is one sentence with the column's name."""

import numpy as np
import pytest

from leafscope.core.errors import TableError
from leafscope.core.tables import Choices, Table, read
from leafscope.core.tables.encoding import encode
from leafscope.core.tables.new_rows import new_rows

HEAD = "Preis;Farbe;Tag;Bestellt;da;PLZ;Klasse"
ROWS = [
    f"{row % 9},5;{('rot', 'blau', '')[row % 3]};{20240101 + row % 28};{1 + row % 9:02d}.03.2024;{('ja', 'nein')[row % 2]};"
    f"0{row % 4}123;{'uv'[row % 2]}"
    for row in range(40)
]
CSV = "\n".join([HEAD, *ROWS]).encode()


@pytest.fixture(scope="module")
def table() -> Table:
    found = read(CSV, Choices(name="preise"))
    kinds = {column.name: column.kind for column in found.features}
    assert kinds == {
        **{"Preis": "numeric", "Farbe": "categorical", "Tag": "date", "Bestellt": "date", "da": "boolean", "PLZ": "categorical"}
    }
    return found


def test_its_own_rows_come_back_in_any_order_of_columns(table: Table) -> None:
    train = np.arange(20)
    for file in (CSV, _reordered(), CSV.decode().encode("utf-16")):
        columns = new_rows(table, file)
        for new, old in zip(columns, table.features, strict=True):
            np.testing.assert_array_equal(new.values, old.values)
        np.testing.assert_array_equal(encode(table, train, columns).x, encode(table, train).x)


def _reordered() -> bytes:
    return "\n".join(";".join([*line.split(";")[:-1][::-1], "x"]) for line in [HEAD, *ROWS]).encode()


@pytest.mark.parametrize("row", [0, 1, 2, 17])
def test_a_single_row_is_read_like_all(table: Table, row: int) -> None:
    file = "\n".join([HEAD.removesuffix(";Klasse"), ROWS[row].rpartition(";")[0]]).encode()
    for new, old in zip(new_rows(table, file), table.features, strict=True):
        np.testing.assert_array_equal(new.values, old.values[row : row + 1])


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("x;rot;20240102;01.03.2024;ja;00123", "column 'Preis' must hold numbers, but row 1 has 'x'"),
        ("1,5;rot;bald;01.03.2024;ja;00123", "column 'Tag' must hold dates, but row 1 has 'bald'"),
        ("1,5;rot;20240102;01.03.2024;vielleicht;00123", "column 'da' must hold 'nein' or 'ja', but row 1 has 'vielleicht'"),
    ],
)
def test_what_does_not_fit_is_named(table: Table, row: str, sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        new_rows(table, f"{HEAD.removesuffix(';Klasse')}\n{row}\n".encode())


def test_a_category_that_the_table_does_not_have_is_named_and_none_of_its_own(table: Table) -> None:
    rows = [f"1,5;{colour};20240102;01.03.2024;ja;00123" for colour in ("rot", "gelb", "", "gelb", "grau")]
    columns = new_rows(table, "\n".join([HEAD.removesuffix(";Klasse"), *rows]).encode())
    colour = columns[1]
    assert colour.values.tolist() == [1, 2, -1, 2, 3]
    assert colour.categories == ("blau", "rot", "gelb", "grau")
    assert colour.why == "row 2 has 'gelb', a category that the table does not have; 3 such in all"
    x = encode(table, np.arange(20), columns)
    shown = [x.names.index(name) for name in ("Farbe = blau", "Farbe = rot", "Farbe is missing")]
    assert x.x[:, shown].tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_odd_cells_that_count_as_missing_are_named(table: Table) -> None:
    rows = [f"{price};rot;20240102;01.03.2024;ja;00123" for price in ("1,5", "viel", *["2,5"] * 8)]
    price = new_rows(table, "\n".join([HEAD.removesuffix(";Klasse"), *rows]).encode())[0]
    assert np.isnan(price.values[1])
    assert "row 2 (line 3) has 'viel', which is not a number" in price.why


def test_a_file_of_another_dialect_is_read_too(table: Table) -> None:
    file = b"PLZ,Preis,Farbe,Tag,Bestellt,da\n00123,1.5,rot,20240102,01.03.2024,ja\n01123,2.5,blau,20240102,01.03.2024,ja\n"
    assert new_rows(table, file)[0].values.tolist() == [1.5, 2.5]


def test_missing_columns_are_named(table: Table) -> None:
    with pytest.raises(TableError, match=r"but columns 'Preis', 'Farbe', 'Tag', 'Bestellt', 'da' and 1 more are missing"):
        new_rows(table, b"a;b\n1;2\n")
    with pytest.raises(TableError, match=r"but column 'PLZ' is missing"):
        new_rows(table, CSV.replace(b"PLZ", b"ZIP"))


def test_missing_values_are_filled_as_in_training(table: Table) -> None:
    file = f"{HEAD}\n;;;;;;\n1,5;;20240102;02.03.2024;ja;00123;u\n".encode()
    columns = new_rows(table, file)
    x = encode(table, np.arange(20), columns)
    assert np.isfinite(x.x).all()
    assert len(x.x) == 1  # an empty row is none
    assert x.x[0, x.names.index("Farbe is missing")] == 1
