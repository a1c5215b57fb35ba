"""A figure that is cited is kept once, and drawn again from its digest, or from its script on another machine."""

import ast
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from leafscope.app import cli, server
from leafscope.app.citing import texts
from leafscope.app.citing.numbers import as_table
from leafscope.app.cli import reproduce
from leafscope.app.decks import cite
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from tests.pages.harness import Lab, open_page, press, small, words


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "trains", False)


def cited(lab: Lab) -> tuple[str, Slide]:
    """Cite the first figure of Balance: the deck that keeps it, and its slide."""
    run = lab.finish(small())
    at = press(open_page("balance", run=run.run_id), "lorenz_cite")
    (info,) = lab.store.decks()
    (slide,) = lab.store.slides(info.deck_id).values()
    assert slide.digest in words(at)
    assert info.name == cite.CITED
    return info.deck_id, slide


def test_a_cited_figure_is_kept_once_and_drawn_again_equal(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deck_id, slide = cited(lab)
    press(open_page("balance"), "lorenz_cite")
    assert len(lab.store.slides(deck_id)) == 1
    options = ["--database", lab.store.url, "--output", str(tmp_path), "--no-training"]
    assert cli.main(["reproduce", slide.digest[:8], *options]) == 0
    assert "equal, bit for bit" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / f"lorenz-{slide.digest}.csv")
    pd.testing.assert_frame_equal(table, as_table(slide.numbers), check_dtype=False)
    assert (tmp_path / f"lorenz-{slide.digest}.html").stat().st_size > 4_000_000

    other = json.loads(slide.numbers)
    other["rows"][-1][1] += 0.5
    lab.store.add_slide(deck_id, slide.model_copy(update={"numbers": json.dumps(other), "digest": "f" * 16}))
    assert cli.main(["reproduce", "f" * 16, *options]) == reproduce.DIFFERENT
    assert "beyond the tolerance of 2 percent" in capsys.readouterr().out
    assert cli.main(["reproduce", "f" * 16, *options, "--tolerance", "0.9"]) == 0
    assert cli.main(["reproduce", "abc", *options]) == 2
    assert cli.main(["reproduce", "abcdef", *options]) == 2
    assert "no deck of this database has such a figure" in capsys.readouterr().err


def test_a_script_trains_what_another_machine_lacks(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, slide = cited(lab)
    figure = ast.literal_eval(ast.parse(texts.script(slide)).body[2].value)  # type: ignore[attr-defined]
    elsewhere = ["figure.py", "--database", f"sqlite:///{tmp_path / 'other.db'}", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*elsewhere, "--no-training"])
    assert reproduce.remake(figure) == 2
    assert "1 of the 1 runs of this figure are not here" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", elsewhere)
    assert reproduce.remake(figure) == 0
    assert slide.title in capsys.readouterr().out
    other = Store(tmp_path / "other.db")
    assert [run.status for run in other.list_runs()] == ["finished"]
    other.close()


def test_a_figure_that_its_page_no_longer_draws_is_named(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    deck_id, slide = cited(lab)
    lab.store.add_slide(deck_id, slide.model_copy(update={"source": "<b>gone</b>", "digest": "e" * 16}))
    assert cli.main(["reproduce", "e" * 16, "--database", lab.store.url]) == 2
    assert "the page balance shows no figure '<b>gone</b>'" in capsys.readouterr().err
