"""Cells counted a few megabytes at once are those that the csv module reads, or are left to it."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.tables.parsing import layout
from leafscope.core.tables.parsing.dialect import Dialect

MOST = 1000


def by_reader(text: layout.Text, dialect: Dialect) -> tuple[list[int], list[int]]:
    lines, widths = array("I"), array("I")
    layout._count_quoted(text, dialect, lines, widths, MOST)
    return list(lines), list(widths)


@given(st.text(alphabet='",;a \t\n', max_size=60), st.sampled_from([",", ";", "\t", ""]))
def test_counts_are_those_of_the_csv_module(words: str, delimiter: str) -> None:
    text, dialect = layout.Text(words.encode()), Dialect(delimiter)
    found = layout._counted(text, dialect, MOST)
    if found is not None:
        assert tuple(one.tolist() for one in found) == by_reader(text, dialect)


@pytest.mark.parametrize("words", ['"a";"b"\n"1";"2;3"\n"";"4 ""x"""\n', '"a";b\n\n1;"2"', '"a"\n"b"\n""\n'])
def test_quotes_around_whole_cells_take_no_reader(words: str) -> None:
    found = layout._counted(layout.Text(words.encode()), Dialect(";"), MOST)
    assert found is not None
    assert tuple(one.tolist() for one in found) == by_reader(layout.Text(words.encode()), Dialect(";"))


@pytest.mark.parametrize("words", ['"a\nb";c\n', 'a"b";c"\n', '"a" ;b\n', 'a; "b;c"\n', '"""";a\n""""\n', '"a;b\n'])
def test_other_quotes_are_left_to_the_reader(words: str) -> None:
    assert layout._counted(layout.Text(words.encode()), Dialect(";"), MOST) is None


def test_cells_are_counted_across_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_BYTES", 16)
    words = "".join(f'"{row};x";{row}\n' for row in range(50))
    found = layout._counted(layout.Text(words.encode()), Dialect(";"), MOST)
    assert found is not None
    np.testing.assert_array_equal(found, [np.arange(1, 51), np.full(50, 2)])
