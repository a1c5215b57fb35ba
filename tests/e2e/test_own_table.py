"""A stranger's file becomes a figure on a slide: dropped, corrected, trained on, looked at, swept, and opened elsewhere."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn

CSV = "Preis;Menge;Farbe;Kunde;Zustand\n" + "".join(
    f"{row % 11},{row % 4}5;{row * 7 % 13 if row % 5 else ''};{('rot', 'grün', 'blau')[row % 3]};k{row};"
    f"{'gut' if row % 11 > 4 else 'schlecht'}\n"
    for row in range(240)
)


def test_a_file_becomes_a_figure_on_a_slide(app: App, window: Visit, visit: Callable[..., Visit], tmp_path: Path) -> None:
    file = tmp_path / "preise.csv"
    file.write_bytes(CSV.encode("cp1252"))
    page = window.page
    page.goto(f"{app.url}/data")
    page.get_by_role("heading", name="What is in this data set?").first.wait_for()
    page.locator("input[type=file]").first.set_input_files(file)

    # what was understood, and one column corrected: the colours are left out
    page.get_by_text(re.compile(r"preise: 240 rows\. 3 columns, encoded as 6 features, predict Zustand")).first.wait_for()
    page.get_by_text("Kunde (identifier: every row has another value)").first.wait_for()
    left_out = page.get_by_label("Columns left out")
    left_out.click()
    page.get_by_role("option", name="Farbe").click()
    page.get_by_text(re.compile(r"2 columns, encoded as 3 features")).first.wait_for()
    page.keyboard.press("Escape")
    drawn(page)

    # trained, under its name
    page.get_by_role("button", name="Use this table").click()
    page.get_by_role("heading", name="Train a net that chooses its weights by sign pattern").first.wait_for()
    (table,) = [one for one in app.store.tables() if one.name == "preise"]
    (run,) = [one for one in app.store.list_runs() if one.config.data.name == f"table:{table.table_id}"]
    until(lambda: app.store.run(run.run_id).status == "finished", "the run's end")
    page.get_by_text(re.compile(r"test accuracy [\d.]+ %.*always answering gut: [\d.]+ %")).first.wait_for()

    # the leaves, with the columns' names
    page.goto(f"{app.url}/leaves?run={run.run_id}&part=scores")
    page.get_by_text(re.compile(r"balanced accuracy [\d.]+ %, macro F1")).first.wait_for()
    page.goto(f"{app.url}/leaves?run={run.run_id}&part=explain")
    page.get_by_text("Menge is missing").first.wait_for()

    # a figure on a slide
    page.get_by_role("button", name="Add to deck").first.click()
    until(lambda: any(not deck.shipped and deck.n_slides for deck in app.store.decks()), "a slide")

    # swept: the form offers it by its name
    page.goto(
        f"{app.url}/overfitting?sweep_data=table:{table.table_id}&sweep_depths=0-1&sweep_seeds=0-1&sweep_report=&sweep_trials="
    )
    page.get_by_text(re.compile("preise")).first.wait_for()
    expect(page.get_by_role("button", name="Train", exact=False).first).to_be_enabled()

    # the link in another browser
    other = visit()
    other.page.goto(f"{app.url}/leaves?run={run.run_id}")
    other.page.get_by_text(re.compile(r"preise tree K4 w16 s0")).first.wait_for()
    assert "table:" not in other.page.inner_text("body")
