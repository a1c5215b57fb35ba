"""A figure cited in a real browser: a drawing and a PDF of a column's width, with text as text."""

import re
import zipfile
from collections.abc import Callable

from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import Visit
from tests.e2e.harness import App
from tests.e2e.page import drawn, saved_file


def test_a_figure_is_saved_for_a_paper(app: App, visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto(f"{app.url}/balance?run={EXAMPLE.run_id}")
    drawn(page)
    page.locator(".st-key-lorenz_cite button").first.click()
    page.locator(".st-key-_cite_zip button:enabled").wait_for()
    with zipfile.ZipFile(saved_file(page, "All as ZIP")) as archive:
        files = {name.rpartition(".")[2]: archive.read(name) for name in archive.namelist()}
    assert set(files) == {"svg", "pdf", "csv", "py", "bib"}
    svg = files["svg"].decode()
    assert 'width="85mm"' in svg
    assert re.search(r"<text[^>]*>(<tspan[^>]*>)?Share of training rows", svg)
    (digest,) = re.findall(r"Figure ([0-9a-f]{16});", files["bib"].decode())
    assert f"'digest': '{digest}'" in files["py"].decode()
    (width,) = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+)", files["pdf"])
    assert abs(float(width) * 25.4 / 72 - 85) < 0.1
