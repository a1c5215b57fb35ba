"""A stranger's file becomes a figure on a slide: dropped, corrected, trained on, looked at, and opened by somebody else."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from leafscope.app.navigation import PAGES
from leafscope.core.config import RunConfig
from leafscope.core.datasets import load
from leafscope.core.inspection.contributions import explain, number_parts
from leafscope.core.inspection.trained import trained_net
from leafscope.core.tables import Choices, read
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn
from tests.e2e.scene import Scene

ROWS = 300


def write(file: Path) -> None:
    """Semicolons, decimal commas, missing values, cp1252, and a column that looks like the target and is not."""
    rng = np.random.default_rng(1)
    income = rng.normal(3000, 800, ROWS)
    lines = ["Kunde;Einkommen;Region;Klasse;Wechselt"]
    for row in range(ROWS):
        value = "n/a" if row % 20 == 7 else f"{income[row]:.2f}".replace(".", ",")
        region = ["Nord", "Süd", "Ost"][row % 3]
        answer = "ja" if (income[row] > 3000) == (row % 3 == 0) else "nein"
        lines.append(f"{1000 + row};{value};{region};{1 + row % 2};{answer}")
    file.write_bytes("\r\n".join(lines).encode("cp1252"))


def test_from_a_file_to_a_slide(app: App, visit: Callable[..., Visit], tmp_path: Path) -> None:
    write(tmp_path / "kunden.csv")
    page = visit().page
    page.goto(f"{app.url}/data")
    page.locator("h1").first.wait_for()
    drawn(page)
    page.locator("input[type=file]").first.set_input_files(tmp_path / "kunden.csv")
    page.get_by_text("predict Klasse (2 classes)").wait_for()
    page.get_by_text(re.compile("Read as cp1252.*decimal comma")).wait_for()

    def open_page(name: str, heading: str) -> None:
        title = next(one.title for one in PAGES if one.name == name)
        page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=title, exact=True).click()
        page.get_by_role("heading", name=heading).wait_for()

    def opens(address: str, shows: str) -> None:
        other = visit().page
        other.goto(address)
        other.get_by_text(shows).first.wait_for()
        expect(other.locator("[data-testid=stException]")).to_have_count(0)

    # one column is corrected
    page.locator("[data-testid=stSidebar]").get_by_role("combobox", name="Predict").click()
    page.get_by_role("option", name="Wechselt").click()
    page.get_by_text("predict Wechselt (2 classes)").wait_for()
    use = page.get_by_role("button", name="Use this table")
    expect(use).to_be_enabled()
    drawn(page)
    use.click()

    # it trains, and its rows have the file's names
    page.get_by_role("heading", name="Train a net that chooses its weights by sign pattern").wait_for()
    page.get_by_text("kunden tree K4").first.wait_for()
    if not page.get_by_text("finished: test accuracy").count():
        drawn(page)
        page.locator(".st-key-actions").get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("finished: test accuracy").first.wait_for()
    page.locator(".pad-features").get_by_text("Region = Süd").wait_for()
    open_page("leaves", "Which sign patterns the data reach")
    page.get_by_text("kunden tree K4").first.wait_for()
    drawn(page)
    page.get_by_role("button", name="Add to deck").first.click()
    page.get_by_text("See it on the page Present").wait_for()
    slides = [slide for info in app.store.decks() for slide in app.store.slides(info.deck_id).values()]
    assert any("kunden" in slide.title + slide.caption for slide in slides)

    # somebody else opens the address
    until(lambda: "run=" in page.url, "the run in the address")
    opens(page.url, "kunden tree K4")

    # it is swept over depths, and what that gives is a slide
    open_page("overfitting", "How train and test error move with depth")
    sidebar = page.locator("[data-testid=stSidebar]")
    sidebar.get_by_role("combobox", name="Data set").click()
    page.get_by_role("option", name="kunden").click()
    page.get_by_text("press Train to apply your choices").wait_for()
    for field, text in (("Widths", "8"), ("Depths K (gating bits)", "0, 2"), ("Reporting seeds", "")):
        drawn(page)
        sidebar.get_by_role("textbox", name=field).fill(text)
        sidebar.get_by_role("textbox", name=field).press("Enter")
    drawn(page)
    sidebar.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Test error against computation, kunden").first.wait_for()
    drawn(page)
    page.get_by_role("button", name="Add to deck").first.click()
    page.get_by_text("See it on the page Present").wait_for()
    slides = [slide for info in app.store.decks() for slide in app.store.slides(info.deck_id).values()]
    assert any("Test error against computation, kunden" in slide.title + str(slide.figure) for slide in slides)
    opens(page.url, "Test error against computation, kunden")


def test_what_is_added_for_a_held_point_is_in_the_unit_of_the_target(app: App, scene: Callable[..., Scene]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 160))
    rows = (f"{p:.3f},{q:.3f},{50 + 7 * p - 5 * abs(q):.2f}" for p, q in zip(a, b, strict=True))
    table = read("\n".join(["width,height,price", *rows]).encode(), Choices(name="prices"))
    app.store.add_table(table)
    run = RunConfig(data={"name": f"table:{table.hash}"}, net={"depth": 2, "width": 6}, train={"epochs": 4, "lr": 0.02})
    shown = scene(run)
    raw = shown.click_at((0.6, 0.4))["views"][0]["raw"]
    trained, data = trained_net(app.store, run.run_id), load(run.data, run.data_seed)
    assert trained is not None
    parts = number_parts(explain(trained.net, data.standardize(raw)), data.centre)
    written = {name: float(cells[0].replace("−", "-")) for name, cells in shown.table().items()}
    wanted = [parts.offset, *parts.contributions, parts.rest, parts.prediction]
    np.testing.assert_allclose(list(written.values()), wanted, atol=0.006)
    assert next(iter(written)) == "training mean"
    assert list(written)[-2:] == ["later biases", "Sum: prediction"]
    assert shown.text(".scene-table caption") == "Held point, part of the predicted price"
