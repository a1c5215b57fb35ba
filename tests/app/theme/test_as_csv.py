"""Tables that spreadsheets open: no text is computed, and every value reads back."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app.theme import as_csv


@pytest.mark.parametrize("text", ["=cmd|'/C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "-", "=="])
def test_a_formula_is_text(text: str) -> None:
    table = pd.read_csv(io.StringIO(as_csv(pd.DataFrame({text: [text], "tags": pd.Categorical([text])}))), dtype=str)
    written = f"'{text}".replace("\r", "\n")
    assert table.columns[0] == written
    assert table.iloc[0].tolist() == [written] * 2


@pytest.mark.parametrize("text", ["tree", "-1", "-2.5e-3", "+4", "a=b", "", "nan"])
def test_other_text_and_numbers_stay(text: str) -> None:
    table = pd.read_csv(io.StringIO(as_csv(pd.DataFrame({"a": [text], "b": [-1.5]}))), dtype=str, keep_default_na=False)
    assert table.iloc[0].tolist() == [text, "-1.5"]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_names_are_written(names: list[str]) -> None:
    text = as_csv(pd.DataFrame({"name": names}))
    table = pd.read_csv(io.BytesIO(text.encode()), dtype=str, keep_default_na=False, skip_blank_lines=False)
    assert len(table) == len(names)
    assert not any(name.lstrip()[:1] in {"=", "@"} for name in table["name"])
