"""A frame that is written in any dialect is read back with the same values, kinds and address."""

import csv
import gzip
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leafscope.core.tables import read
from leafscope.core.tables.parsing.marks import MISSING

WORDS = st.text(st.characters(codec="cp1252", exclude_categories=("C", "Z"), exclude_characters="#'’−"), min_size=1, max_size=8)
CATEGORIES = st.lists(WORDS.filter(str.isalpha), min_size=2, max_size=4, unique_by=str.lower)


@dataclass(frozen=True)
class Written:
    """How a frame is written."""

    delimiter: str
    decimal: str
    encoding: str
    ends: str
    missing: str
    quoting: int
    header: bool
    packed: bool
    trailing: bool

    def bytes(self, frame: pd.DataFrame) -> bytes:
        file = io.StringIO()
        frame.to_csv(
            file,
            sep=self.delimiter,
            decimal=self.decimal,
            na_rep=self.missing,
            quoting=self.quoting,
            header=self.header,
            index=False,
            lineterminator="\n",
        )
        text = file.getvalue()
        if self.trailing:
            text = text.replace("\n", f"{self.delimiter}\n")
        data = text.replace("\n", self.ends).encode(self.encoding)
        return gzip.compress(data) if self.packed else data


DIALECTS = st.builds(
    Written,
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    missing=st.sampled_from(["", "NA", "?", "n/a", "null", "-"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    header=st.booleans(),
    packed=st.booleans(),
    trailing=st.booleans(),
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A column each of fractions, whole numbers, words, dates and truth, some values missing, and a target of words."""
    n = draw(st.integers(6, 30))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    words = draw(CATEGORIES)
    assume(not any(one in MISSING or one.lower() in ("inf", "infinity") for one in words))
    fractions = np.round(rng.normal(0, draw(st.sampled_from([0.1, 1, 1000])), n), draw(st.sampled_from([1, 2, 4, 10])))
    fractions[0] = 0.5  # which shows the decimal mark
    frame = pd.DataFrame(
        {
            "fraction": fractions,
            "whole": rng.permutation(n) * 3.0 + rng.integers(0, 3, n),
            "word": rng.choice(words, n),
            "day": (np.datetime64("2024-01-01") + rng.integers(0, 900, n)).astype(str),
            "truth": rng.choice(["yes", "no"], n),
        }
    ).astype({"word": object, "day": object, "truth": object})
    frame["whole"] = frame["whole"].astype("Int64")
    for name in frame.columns[1:]:
        frame.loc[rng.random(n) < 0.2, name] = None
        assume(len(set(frame[name].dropna())) > 1)
    return frame.assign(y=rng.permutation(np.arange(n) % 2).astype(str) + "x")


@given(frame=frames(), written=DIALECTS)
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read_back(frame: pd.DataFrame, written: Written) -> None:
    table = read(written.bytes(frame))
    by = dict(zip(frame.columns, table.columns, strict=True))
    assert table.rows == len(frame)
    assert (table.source.delimiter, table.source.decimal) == (written.delimiter, written.decimal)
    assert table.source.header == written.header
    np.testing.assert_array_equal(by["fraction"].values, frame["fraction"])
    np.testing.assert_array_equal(by["whole"].values, frame["whole"].to_numpy(float, na_value=np.nan))
    days = frame["day"].map(lambda one: np.nan if one is None else float(np.datetime64(one).astype(int)))
    np.testing.assert_array_equal(by["day"].values, days)
    truth = frame["truth"].map({"yes": 1.0, "no": 0.0})
    np.testing.assert_array_equal(by["truth"].values, truth)
    if by["word"].kind == "categorical":  # two words such as t and f are a truth
        words = [None if code < 0 else by["word"].categories[code] for code in by["word"].values]
        assert words == [None if one is None else str(one) for one in frame["word"]]
    assert [table.classes[int(one)] for one in table.y] == list(frame["y"]) if table.classes else False
    plain = Written(",", ".", "utf-8", "\n", "", csv.QUOTE_MINIMAL, written.header, packed=False, trailing=False)
    assert table.hash == read(plain.bytes(frame)).hash
