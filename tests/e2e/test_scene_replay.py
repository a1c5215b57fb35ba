"""The replay of the Playground's scene, which a first visitor sees unasked."""

import math
import re
from typing import Any

from playwright.sync_api import expect

from leafscope.core.config.presets import EXAMPLE
from tests.e2e.harness import App, until
from tests.e2e.scene import (
    Scene,
    assert_score_is_of,
    data_of,
    net_of,
)

WORDS = """(scene) => [".scene-epoch", ".scene-bars-title", ".scene-bars-words"]
  .map((part) => scene.querySelector(part).textContent)"""


def test_the_replay_runs_once_unasked(app: App, visit: Any) -> None:
    shown = Scene(visit().page, app).load()
    page, last = shown.page, EXAMPLE.train.epochs
    button = page.locator(".scene-play")
    expect(button).to_have_text("❚❚ Pause")
    epochs = []

    def plays_on() -> bool:
        scene, bars, loads = page.locator(".scene").evaluate(WORDS)
        epochs.append(int(re.fullmatch(rf"epoch (\d+) of {last}", scene)[1]))  # type: ignore[index]
        assert f"at epoch {epochs[-1]} (" in bars
        assert loads.startswith(f"Epoch {epochs[-1]}: ")
        return "Pause" not in str(button.inner_text())

    until(plays_on, "the end of the replay")
    assert epochs[0] < last
    assert epochs == sorted(epochs)
    assert len(set(epochs)) > 3
    assert shown.at_rest()["state"]["epoch"] == last
    expect(button).to_have_text("▶ Replay")
    assert shown.inspect()["state"]["held"]  # a point by itself, so that its matrices are seen
    shown.address_has("held=")
    assert_score_is_of(shown, net_of(shown.app, EXAMPLE), data_of(EXAMPLE), "")

    held, times = shown.inspect()["state"]["held"], shown.inspect()["frames"]
    assert times["frames"] > 3
    assert math.isfinite(times["median"])
    assert 0 < times["work"] <= times["median"]
    page.get_by_text("Keys, and how this is computed").click()
    page.get_by_text(f"Last replay: {times['frames']} frames").wait_for()

    page.reload()
    again = shown.at_rest()
    assert (again["state"]["epoch"], again["frames"]["frames"]) == (last, 0)

    # none where motion is not wanted, unless asked for
    page.evaluate("localStorage.removeItem('leafscope.replayed')")
    page.emulate_media(reduced_motion="reduce")
    shown.load(f"?run={EXAMPLE.run_id}")
    still = shown.at_rest()
    assert (still["state"]["epoch"], still["frames"]["frames"]) == (last, 0)
    assert still["state"]["held"] == held
    button.click()
    expect(button).to_have_text("❚❚ Pause")
