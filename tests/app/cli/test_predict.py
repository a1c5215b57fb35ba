"""`leafscope predict`: CSV of predictions that no spreadsheet takes for formulas, and one sentence for what does not fit."""

from pathlib import Path

import pytest

from leafscope.app import cli
from leafscope.core.config import DataConfig, NetConfig, RunConfig
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, read
from leafscope.core.worker.worker import Worker

CSV = "a;y\n" + "".join(f"{row % 13},25;{'=u' if row % 13 > 5 else 'v'}\n" for row in range(100))


def test_predictions_are_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = Store(tmp_path / "x.db")
    table = db.add_table(read(CSV.encode(), Choices(name="mine")))
    run = RunConfig(data=DataConfig(name=f"table:{table.hash}"), net=NetConfig(kind="decision_tree", depth=2))
    db.submit(run)
    assert Worker(db, "w").work_once()
    file, out = tmp_path / "new.csv", tmp_path / "out.csv"
    file.write_text("a\n12,25\n0,25\n")
    common = ["--database", str(tmp_path / "x.db")]
    assert cli.main(["predict", run.run_id[:6], str(file), *common]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("row,prediction,probability =u,probability v,leaf")
    assert [line.split(",")[:2] for line in printed[1:]] == [["1", "'=u"], ["2", "v"]]
    assert cli.main(["predict", run.run_id, str(file), "--out", str(out), *common]) == 0
    assert capsys.readouterr().out == f"Wrote 2 predictions to {out}.\n"
    assert out.read_text().splitlines() == printed
    assert cli.main(["predict", run.run_id, str(file), "--out", str(out), *common]) == 2
    assert "exists already" in capsys.readouterr().err
    file.write_text("a\n12,25\nmuch\n" + "0,25\n" * 8)
    assert cli.main(["predict", run.run_id, str(file), *common]) == 0
    assert "note: column 'a': " in (said := capsys.readouterr().err)
    assert "row 2 (line 3) has 'much', which is not a number" in said
    file.write_text("b\n12,25\n0,25\n")
    assert cli.main(["predict", run.run_id, str(file), *common]) == 2
    assert "new.csv: the file must have the columns" in capsys.readouterr().err
    assert cli.main(["predict", "ffff", str(file), *common]) == 2
    assert capsys.readouterr().err.startswith("leafscope: no run in this database is")
