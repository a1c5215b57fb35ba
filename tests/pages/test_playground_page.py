"""Playground: controls, queue and figures agree with the store and the address."""

from pathlib import Path

import numpy as np
import pytest

from app import theme
from core import device, reading
from core.config import RunConfig
from core.cost import largest_depth, memory
from core.datasets import shape
from core.presets import EXAMPLE
from core.store import CHECKPOINT
from core.usage import leaf_counts
from tests.pages.harness import (
    Lab,
    config,
    figures,
    live_charts,
    open_lab,
    param,
    plain,
    press,
    progress,
    run_app,
    table,
    trained,
    words,
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return open_lab(tmp_path, monkeypatch)


def test_fresh_store(lab: Lab) -> None:
    at = lab.show()
    assert len(at.title) == 1
    assert "first start" in at.info[0].value  # says what will appear
    assert not at.button(key="_train").disabled
    assert not at.get("echarts_chart")
    assert not param(at, "data")
    press(at, "_train_example")
    assert [(run.config, run.status) for run in lab.store.list_runs()] == [(EXAMPLE, "queued")]


def test_scores_and_curves_are_the_stores(lab: Lab) -> None:
    run = lab.finished(config())
    at = lab.show(run=run.run_id)
    stored = lab.store.run(run.run_id)
    said = words(at)
    assert theme.percent(stored.last["test_accuracy"]) in said
    assert theme.percent(stored.best["test_accuracy"]) in said
    assert "finished" in said
    history = lab.store.history(run.run_id)
    loss, accuracy, loads = live_charts(at)
    for chart, metric, factor in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        for series, split in zip(chart["series"], ("validation", "train"), strict=True):
            rows = history[(history["split"] == split) & (history["metric"] == metric)]
            assert [point[0] for point in series["data"]] == [0, 1, 2]
            assert [point[1] for point in series["data"]] == pytest.approx((rows["value"] * factor).tolist(), abs=1e-5)
    counts = leaf_counts(lab.store.leaves(run.run_id, 0, "train", 2), 2)
    shares = [bar["value"] for bar in loads["series"][0]["data"]]
    assert shares == pytest.approx((100 * counts / counts.sum()).tolist(), abs=1e-3)
    assert table(at, "leaf", "rows")["rows"].tolist() == counts.tolist()


def test_controls_go_to_the_address(lab: Lab) -> None:
    at = lab.show()
    at.number_input(key="depth").set_value(3)
    at.selectbox(key="kind").set_value("flat")
    at.number_input(key="lr").set_value(0.01)
    run_app(at)
    assert {name: param(at, name) for name in ("depth", "kind", "lr")} == {"depth": "3", "kind": "flat", "lr": "0.01"}
    at.number_input(key="depth").set_value(4)  # the default is left out
    run_app(at)
    assert param(at, "depth") is None


def test_address_goes_to_the_controls(lab: Lab) -> None:
    at = lab.show(data="moons", n_samples=200, depth=1, kind="flat", gates="random", epochs=7, seed=5, noise=0.3, patience=2)
    assert at.selectbox(key="data").value == "moons"
    assert at.selectbox(key="kind").value == "flat"
    assert at.selectbox(key="gates").value == "random"
    values = {key: at.number_input(key=key).value for key in ("n_samples", "depth", "epochs", "seed", "noise", "patience")}
    assert values == {"n_samples": 200, "depth": 1, "epochs": 7, "seed": 5, "noise": 0.3, "patience": 2}


def test_run_in_the_address_sets_the_controls(lab: Lab) -> None:
    run = lab.finished(config(net__width=8, seed=3))
    at = lab.show(run=run.run_id)
    values = {key: at.number_input(key=key).value for key in ("depth", "width", "epochs", "seed")}
    assert values == {"depth": 2, "width": 8, "epochs": 2, "seed": 3}


def test_what_cannot_be_read_in_the_address(lab: Lab) -> None:
    at = lab.show(depth="deep", kind="<b>bush</b>")
    assert at.number_input(key="depth").value == EXAMPLE.net.depth
    assert at.selectbox(key="kind").value == "tree"
    assert at.toast, "the value in the address is said to be wrong"


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("depth", 99, "depth must be a whole number from 0 to 16, got 99"),
        ("width", 0, "width must be a whole number from 1 to 4,096, got 0"),
        ("lr", 0.0, "lr must be a number above 0 and at most 10, got 0.0"),
        ("seed", -1, "seed must be a whole number from 0 to 2,147,483,647, got -1"),
    ],
)
def test_invalid_value(lab: Lab, key: str, value: float, sentence: str) -> None:
    at = lab.show()
    at.number_input(key=key).set_value(value)
    run_app(at)
    assert sentence in [plain(error.value) for error in at.sidebar.error]
    assert at.button(key="_train").disabled
    assert lab.store.is_empty()


def test_fault_of_two_fields_and_recovery(lab: Lab) -> None:
    at = lab.show(width=3, depth=5)
    assert any("depth must be at most the width (3)" in plain(error.value) for error in at.sidebar.error)
    assert at.button(key="_train").disabled
    at.number_input(key="width").set_value(5)
    run_app(at)
    assert not at.sidebar.error
    assert not at.button(key="_train").disabled


def test_too_large_for_memory(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 10**9
    monkeypatch.setattr(device, "free_bytes", lambda where: free)
    at = lab.show(data="digits", width=256, depth=16)
    run = RunConfig.model_validate({"net": {"width": 256, "depth": 16}})
    size = shape(run.data)
    needed = memory(run, size.n_features, size.n_classes, size.n_rows).total
    fits = largest_depth(run, size.n_features, size.n_classes, size.n_rows, free)
    sentence = " ".join(plain(error.value) for error in at.sidebar.error)
    assert f"{needed / 1e9:,.1f} GB" in sentence
    assert "1.0 GB" in sentence
    assert f"depth that fits is {fits}" in sentence
    assert at.button(key="_train").disabled
    at.number_input(key="depth").set_value(fits)
    run_app(at)
    assert not at.sidebar.error
    assert not at.button(key="_train").disabled


def test_train_submits_what_is_chosen(lab: Lab) -> None:
    at = lab.show(data="moons", n_samples=200, depth=1, kind="flat", lr=0.02, epochs=7, seed=5)
    press(at, "_train")
    (queued,) = lab.store.list_runs()
    expected = RunConfig.model_validate(
        {
            "data": {"name": "moons", "n_samples": 200},
            "net": {"depth": 1, "kind": "flat", "width": EXAMPLE.net.width},
            "train": {"lr": 0.02, "epochs": 7},
            "seed": 5,
        }
    )
    assert queued.config == expected
    assert (queued.status, param(at, "run")) == ("queued", expected.run_id)
    assert "queued" in words(at)


def test_finished_configuration_is_reused(lab: Lab) -> None:
    run = lab.finished(config())
    lab.finished(config(seed=1))
    at = lab.show(data="digits", depth=2, width=8, epochs=2, run=config(seed=1).run_id)
    press(at, "_train")
    assert any("already trained" in toast.value for toast in at.toast)
    assert param(at, "run") == run.run_id
    assert lab.store.run(run.run_id).attempt == 1
    assert run.label in words(at)


def test_train_anew(lab: Lab) -> None:
    run = lab.finished(config())
    at = press(lab.show(run=run.run_id), "_anew")
    stored = lab.store.run(run.run_id)
    assert (stored.attempt, stored.status) == (2, "queued")
    press(at, "_stop")  # the wish is withdrawn
    assert (lab.store.run(run.run_id).attempt, lab.store.run(run.run_id).status) == (1, "finished")


def test_unknown_run(lab: Lab) -> None:
    newest = lab.finished(config())
    at = lab.show(run="`<b>0123</b>`")
    assert any("no run" in error.value for error in at.error)
    back = next(button for button in at.button if "newest" in button.label)
    back.click()
    run_app(at)
    assert not at.error
    assert newest.label in words(at)


def test_address_names_a_configuration_and_its_run_that_is_gone(lab: Lab) -> None:
    lab.finished(config())
    at = lab.show(run=config(seed=9).run_id, data="digits", depth=2, width=8, epochs=2, seed=9)
    assert any("Train" in info.value for info in at.info)
    press(at, "_train")
    assert lab.store.run(config(seed=9).run_id).status == "queued"


def test_other_run_is_shown_than_chosen(lab: Lab) -> None:
    run = lab.finished(config())
    at = lab.show(run=run.run_id)
    at.number_input(key="depth").set_value(1)
    run_app(at)
    assert any(run.label in plain(info.value) for info in at.info)
    press(at, "_use_settings")
    assert at.number_input(key="depth").value == 2
    assert not at.info


def test_queued(lab: Lab) -> None:
    lab.store.submit(config(seed=1))
    lab.store.submit(config())
    at = lab.show(run=config().run_id)
    assert "queued" in words(at)
    assert "1 run" in progress(at)
    press(at, "_stop")
    assert lab.store.run(config().run_id).status == "stopped"
    assert "stopped" in words(at)


def test_running(lab: Lab) -> None:
    claim = lab.running(config(), epochs=1)
    at = lab.show(run=claim.run_id)
    assert "training" in words(at)
    assert "epoch 1 of 2" in progress(at)
    assert "_resume" not in [button.key for button in at.button]
    at.button(key="_stop").click().run(timeout=60)
    assert lab.store.wanted(claim) == "stop"
    assert lab.show(run=claim.run_id).button(key="_stop").disabled


def test_running_before_the_first_record(lab: Lab) -> None:
    claim = lab.running(config())
    at = lab.show(run=claim.run_id)
    assert "epoch 0 of 2" in progress(at)
    assert not at.get("echarts_chart")


@pytest.mark.parametrize("status", ["stopped", "failed", "interrupted"])
def test_ended_early(lab: Lab, status: str) -> None:
    run = config()
    error = None if status == "stopped" else "the loss became <b>nan</b> in epoch 2; *lower* the rate"
    lab.ended(run, status, error, epochs=1)  # type: ignore[arg-type]
    at = lab.show(run=run.run_id)
    assert status in words(at)
    assert [plain(shown.value) for shown in at.error] == ([error] if error else [])
    assert "_anew" not in [button.key for button in at.button]
    press(at, "_resume")
    stored = lab.store.run(run.run_id)
    assert (stored.status, stored.attempt) == ("queued", 2)


def test_resume_goes_on_from_the_checkpoint(lab: Lab) -> None:
    run = config()
    records, _, state = trained(run)
    claim = lab.claim(run)
    lab.store.end(claim, "stopped", None, records[:2], {CHECKPOINT: state})
    press(lab.show(run=run.run_id), "_resume")
    assert lab.store.run(run.run_id).first_attempt == 1


def test_worker_lost(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = config()
    lab.running(run, epochs=1)
    monkeypatch.setattr(reading, "STALE", -1.0)
    at = lab.show(run=run.run_id)
    assert "interrupted" in words(at)
    assert plain(at.error[0].value) == reading.LOST


def test_dense(lab: Lab) -> None:
    run = lab.finished(config(net__kind="dense"))
    at = lab.show(run=run.run_id)
    assert theme.percent(lab.store.run(run.run_id).last["test_accuracy"]) in words(at)
    assert len(live_charts(at)) == 2  # no leaf loads
    assert not at.get("page_link")


def test_depth_0(lab: Lab) -> None:
    run = lab.finished(config(net__depth=0))
    at = lab.show(run=run.run_id)
    assert at.number_input(key="depth").value == 0
    assert len(live_charts(at)) == 2
    assert theme.percent(lab.store.run(run.run_id).last["test_accuracy"]) in words(at)


def test_two_gated_layers(lab: Lab) -> None:
    run = lab.finished(config(net__tree_layers=2))
    at = lab.show(run=run.run_id)
    counts = leaf_counts(lab.store.leaves(run.run_id, 1, "train", 2), 2)
    assert counts.tolist() != leaf_counts(lab.store.leaves(run.run_id, 0, "train", 2), 2).tolist()
    assert table(at, "leaf", "rows")["rows"].tolist() == counts.tolist()
    assert "layer 2" in live_charts(at)[2]["title"]["text"]


@pytest.mark.parametrize("kind", ["tree", "dense"])
def test_plane_shows_decision_regions(lab: Lab, kind: str) -> None:
    run = lab.finished(config(data__name="moons", data__n_samples=200, net__kind=kind))
    at = lab.show(run=run.run_id)
    assert list(figures(at)) == ["decision_regions"]
    at = lab.show(run=lab.finished(config()).run_id)
    assert not figures(at)


def test_running_plane_has_no_regions(lab: Lab) -> None:
    run = config(data__name="moons", data__n_samples=200)
    lab.running(run, epochs=1)
    at = lab.show(run=run.run_id)
    assert not figures(at)
    assert len(live_charts(at)) == 3


def test_newest_run_without_choice(lab: Lab) -> None:
    lab.finished(config())
    lab.finished(config(seed=1))
    at = lab.show()
    assert config(seed=1).label in words(at)


def test_view_in_the_address(lab: Lab) -> None:
    run = lab.finished(config())
    at = lab.show(run=run.run_id, size="projector", image="png")
    size = live_charts(at)[0]["title"]["textStyle"]["fontSize"]
    assert size == theme.FONT_SIZE[True] > theme.FONT_SIZE[False]
    assert live_charts(at)[0]["toolbox"]["feature"]["saveAsImage"]["type"] == "png"
    assert np.all([at.radio(key="size").value == "projector", at.radio(key="image").value == "png"])
