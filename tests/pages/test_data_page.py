"""The page Data: what it says of a dropped file and of the data sets that are there, and what using a table does."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.core import jobs
from leafscope.core.config import changed
from leafscope.core.datasets import load
from leafscope.core.tables import Choices, read
from tests.pages import harness
from tests.pages.harness import Lab, figures, go, open_page, param, press, run_app, small, table_with

CSV = "Preis;Menge;Farbe;Nr;Klasse\n" + "".join(
    f"{row % 9},{row % 4}5;{row * 7 % 13 if row % 5 else ''};{'rot' if row % 3 else 'blau'};{row};"
    f"{'gut' if row % 9 > 3 else 'schlecht'}\n"
    for row in range(120)
)


def words(at: AppTest) -> str:
    return harness.words(at).replace("**", "")


def drop(at: AppTest, data: bytes, name: str = "preise.csv") -> AppTest:
    """Drop a file on the page."""
    at.file_uploader[0].set_value((name, data, "text/csv"))
    return run_app(at)


def sidebar(at: AppTest, label: str, kind: str = "selectbox") -> Any:
    return next(one for one in getattr(at.sidebar, kind) if one.label == label)


def test_a_first_visit_shows_a_data_set(lab: Lab) -> None:
    at = open_page("data")
    assert "Digits" in words(at) or "digits" in words(at)
    assert "1,797 rows. 64 columns, encoded as 64 features, predict class (10 classes)." in words(at)
    assert "Always answering" in words(at)
    assert set(figures(at)) == {"data_target"}
    assert len(table_with(at, "Column", "Use", "Kind", "Missing", "Values")) == 65


def test_a_dropped_file_is_shown_and_trained_on(lab: Lab) -> None:
    at = drop(open_page("data"), CSV.encode("cp1252"))
    said = words(at)
    assert "preise: 120 rows. 3 columns, encoded as 5 features, predict Klasse (2 classes)." in said
    assert "semicolons between cells, decimal comma" in said
    assert "Nr (identifier: it numbers the rows)" in said
    assert "Always answering gut is correct for" in said
    preview = table_with(at, "Preis", "Menge", "Farbe", "Nr", "Klasse")
    assert preview["Preis"].tolist()[:3] == ["0,05", "1,15", "2,25"]
    columns = table_with(at, "Column", "Use").set_index("Column")
    assert columns.loc["Menge", "Missing"] == 24
    assert columns["Use"].tolist() == ["feature", "feature", "feature", "left out", "target"]
    at = press(at, "Use this table")
    (table,) = lab.store.tables()
    (run,) = [one for one in lab.store.list_runs() if not one.shipped]
    assert run.config.data.name == f"table:{table.table_id}"
    assert param(at, "run") == run.run_id
    assert next(one for one in at.sidebar.selectbox if one.label == "Data set").value == run.config.data.name


def test_each_choice_can_be_corrected(lab: Lab) -> None:
    at = drop(open_page("data"), CSV.encode())
    sidebar(at, "Predict").set_value("Farbe")
    at = run_app(at)
    assert "predict Farbe (2 classes)" in words(at)
    sidebar(at, "Columns left out", "multiselect").set_value(["Menge"])
    at = run_app(at)
    use = table_with(at, "Column", "Use").set_index("Column")["Use"]
    assert (use["Menge"], use["Nr"]) == ("left out", "feature")
    sidebar(at, "Missing values", "radio").set_value(False)
    sidebar(at, "Columns left out", "multiselect").set_value([])
    assert "96 rows" in words(run_app(at))
    sidebar(at, "Predict").set_value("Preis")
    at = run_app(at)
    assert "predict Preis (numbers)" in words(at)
    assert "The mean is" in words(at)
    sidebar(at, "Decimal mark").set_value(".")
    assert "Preis" in words(run_app(at))


def test_a_wrong_choice_is_one_sentence_and_the_rest_stays(lab: Lab) -> None:
    at = drop(open_page("data"), CSV.encode())
    sidebar(at, "Between cells").set_value("\t")
    at = run_app(at)
    assert len(at.error) <= 1
    assert "data_target" in figures(at) or at.error
    sidebar(at, "Between cells").set_value("found")
    at = run_app(at)
    assert not at.error
    sidebar(at, "Encoding").set_value("utf-16")
    at = run_app(at)
    assert "the file must " in words(at)
    assert "data_target" in figures(at)
    assert not [one for one in at.button if one.label == "Use this table"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02\x03" * 50, ""),
        (b"a,b\n1,2\n1\n", "every row must have 2 cells"),
        (b"a,y\n1,u\n2,u\n", "classes"),
    ],
)
def test_a_refused_file_is_one_sentence(lab: Lab, data: bytes, sentence: str) -> None:
    at = drop(open_page("data"), data, "x <b>.csv")
    assert len(at.error) == 1
    assert sentence in words(at)
    assert lab.store.tables() == []


def test_a_table_is_removed_only_when_that_is_confirmed(lab: Lab) -> None:
    at = press(drop(open_page("data"), CSV.encode()), "Use this table")
    (table,) = lab.store.tables()
    at = open_page("data", set=f"table:{table.table_id}")
    assert "1 run uses this table" in words(at)
    button = next(one for one in at.button if one.label == "Remove this table")
    assert button.disabled
    next(one for one in at.checkbox if one.label == "Remove it all the same").check()
    at = press(run_app(at), "Remove this table")
    assert lab.store.tables() == []
    assert "The table was removed." in words(at)


def test_every_data_set_and_a_missing_one(lab: Lab) -> None:
    for name in ("moons", "diamonds"):
        at = open_page("data", set=name)
        assert not at.error
        assert param(at, "set") == name
    assert "rows repeat the features of an earlier row" in words(at)
    assert "test rows have the features of a training row" in words(at)
    at = open_page("data", set="table:0123456789abcdef")
    assert "the table 0123456789abcdef" in words(at) or "no table in this database" in words(at)
    at = open_page("data", set="nothing")
    assert "set in the address must be a data set" in words(at)


def test_hostile_names_are_text(lab: Lab) -> None:
    evil = "<img src=x onerror=alert(1)>"
    data = f"{evil},b,y\n" + "".join(f"{row},{row % 3},{'=u' if row % 2 else '![x](http://a.b/c)'}\n" for row in range(30))
    at = drop(open_page("data"), data.encode(), f"{evil}.csv")
    assert not at.error
    for element in (*at.markdown, *at.caption):
        assert "<img" not in str(element.value).replace("\\<", "")
        assert "![x]" not in str(element.value)


def test_what_was_dropped_is_there_after_another_page(lab: Lab, tmp_path: Path) -> None:
    at = drop(open_page("data"), CSV.encode())
    assert jobs.default_store().tables() == []
    at = go(go(at, "runs"), "data")
    assert "preise: 120 rows" in words(at)
    at = press(at, "Close this file")
    assert "preise" not in words(at)


def test_new_rows_are_predicted(lab: Lab, downloads: dict[str, Any]) -> None:
    name = f"table:{lab.store.add_table(read(CSV.encode(), Choices(name='preise'))).hash}"
    assert "Train a net or a decision tree on this data set first" in words(open_page("data", set=name))
    lab.work(changed(small(kind="decision_tree"), {"data.name": name}))
    at = open_page("data", set=name)
    at.file_uploader[1].set_value(("new.csv", CSV.encode(), "text/csv"))
    at = run_app(at)
    assert len(table_with(at, "row", "prediction")) == 100
    saved = downloads["leafscope-predictions.csv"]().decode()
    assert saved.startswith("row,prediction,probability gut,probability schlecht,leaf\n")
    assert saved.count("\n") == 121
    header, first, rest = CSV.split("\n", 2)
    odd = "\n".join([header, ";".join("lila" if cell in ("rot", "blau") else cell for cell in first.split(";")), rest])
    at.file_uploader[1].set_value(("odd.csv", odd.encode(), "text/csv"))
    assert "column 'Farbe': row 1 has 'lila', a category that the table does not have; 1 such in all" in words(run_app(at))
    at.file_uploader[1].set_value(("x.csv", b"a;b\n1;2\n", "text/csv"))
    assert "x.csv: the file must have the columns that 'preise' predicts by" in words(run_app(at))


def test_a_column_can_say_the_split_or_the_group(lab: Lab) -> None:
    rows = [f"{row % 9},p{row // 4},{('train', 'valid', 'test')[row % 3]},{'uv'[row % 2]}" for row in range(60)]
    at = drop(open_page("data"), "\n".join(["n,who,part,y", *rows]).encode(), "parts.csv")
    sidebar(at, "Split of each row").select("part")
    assert "60 rows (20 for training, 20 for validation, 20 for test, as given)" in words(run_app(at))
    sidebar(at, "Split of each row").select(None)
    sidebar(at, "Groups that stay together").select("who")
    assert "60 rows in 15 groups, none of which stands in two splits" in words(run_app(at))


def test_rows_that_stand_in_two_splits_are_counted_before_the_table_is_kept(lab: Lab) -> None:
    rows = [f"{row % 30},{row % 30 * 2 % 7},{'uv'[row % 2]}" for row in range(90)]
    at = drop(open_page("data"), "\n".join(["a,b,y", *rows]).encode(), "twice.csv")
    dropped = next(line for line in words(at).splitlines() if "repeat the features" in line)
    table = read("\n".join(["a,b,y", *rows]).encode(), Choices(name="twice"))
    data = load(changed(small(), {"data.name": f"table:{lab.store.add_table(table).hash}"}).data, 0)
    trained_on = {tuple(row) for row in data.raw[data.train.index].tolist()}
    both = sum(tuple(row) in trained_on for row in data.raw[data.test.index].tolist())
    assert 0 < both < 27
    assert (
        f"With seed 0, {both} of 27 test rows have the features of a training row ({both / 27:.1%}".replace("%", " %")
        in dropped
    )
    assert dropped in words(open_page("data", set=data.config.name))
    given = [f"{row},{row * 3 % 11},{'uv'[row % 2]},{'train' if row < 60 else 'test'}" for row in range(90)]
    given[1] = given[0]
    at = drop(open_page("data"), "\n".join(["a,b,y,part", *given]).encode(), "given.csv")
    sidebar(at, "Predict").set_value("y")
    run_app(at)
    sidebar(at, "Split of each row").set_value("part")
    said = words(run_app(at))
    assert "(60 for training, 30 for test, as given)" in said
    assert (
        "1 of 90 rows repeat the features of an earlier row. As given, no test row has the features of a training row" in said
    )


def test_a_file_taken_out_of_the_field_is_gone_and_one_that_was_left_is_not(lab: Lab) -> None:
    at = drop(open_page("data"), CSV.encode("cp1252"))
    at = go(go(at, "runs"), "data")
    assert "preise: 120 rows." in words(at)
    at = drop(at, CSV.encode(), "again.csv")
    assert "again: 120 rows." in words(at)
    at.file_uploader[0].set_value([])
    at = run_app(at)
    assert "120 rows" not in words(at)
    assert "Use this table" not in [one.label for one in at.button]
