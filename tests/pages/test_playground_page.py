"""Playground: controls, queue, scene and figures agree with the store and the address."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from leafscope.app import theme
from leafscope.core import device
from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.cost import largest_depth, memory
from leafscope.core.datasets import shape
from leafscope.core.store import summaries
from leafscope.core.store.reading import snapshot_name
from leafscope.core.store.records import CHECKPOINT, NET
from leafscope.core.store.schema import runs
from leafscope.core.store.tensors import unpack
from leafscope.core.training.trainer import Trainer
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.worker.worker import Worker, pack
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

PLANE = 96 * 96
"""Points of the grid that regions are kept on."""


def moons(**changes: Any) -> RunConfig:
    return config(data__name="moons", data__n_samples=200, **changes)


def work(lab: Lab, run: RunConfig) -> RunConfig:
    """Train a run as a worker does, which keeps what its training is replayed from."""
    lab.store.submit(run)
    assert Worker(lab.store, "w").work_once()
    assert lab.store.run(run.run_id).status == "finished"
    return run


def unfold(at: AppTest) -> AppTest:
    """Open the fold that a figure of the regions is drawn in."""
    at.session_state["_regions"] = True
    return run_app(at)


def drawn(at: AppTest) -> dict[str, Any]:
    """What the browser is given to draw; numbers that JSON has not are refused."""
    (element,) = at.get("bidi_component")
    found: dict[str, Any] = json.loads(element.proto.json, parse_constant=lambda word: pytest.fail(f"{word} in the scene"))
    return found


def first_weights(state: dict[str, Any]) -> list[float]:
    return [float(value) for value in state["hidden.weight"].reshape(-1)]


def begins_with(weights: str, state: dict[str, Any]) -> bool:
    """Whether a net's weights, as the browser takes them, begin with those of its first layer."""
    first = first_weights(state)
    return np.frombuffer(base64.b64decode(weights), "<f4")[: len(first)].tolist() == first


def untrained(run: RunConfig) -> dict[str, Any]:
    return dict(Trainer(run).net.state_dict())


def stored_net(lab: Lab, run: RunConfig) -> dict[str, Any]:
    artifact = lab.store.artifact(run.run_id, NET)
    assert artifact is not None
    return unpack(artifact)


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
    assert not at.get("progress")
    assert any(caption.value.startswith("epoch 1 of 2, ") for caption in at.caption)
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
    monkeypatch.setattr("leafscope.core.store.reading.STALE", -1.0)
    at = lab.show(run=run.run_id)
    assert "interrupted" in words(at)
    assert plain(at.error[0].value) == summaries.LOST


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
def test_plane_has_decision_regions_folded_away(lab: Lab, kind: str) -> None:
    run = lab.finished(moons(net__kind=kind))
    at = lab.show(run=run.run_id)
    fold = next(block for block in at.expander if "Decision regions" in block.label)
    assert not fold.proto.expanded
    assert not figures(at)
    at = unfold(at)
    assert list(figures(at)) == ["decision_regions"]
    fold = next(block for block in at.expander if "Decision regions" in block.label)
    assert len(fold.get("plotly_chart")) == 1
    at = lab.show(run=lab.finished(config()).run_id)
    assert not figures(at)
    assert not [block for block in at.expander if "Decision regions" in block.label]


def test_running_plane_has_no_regions(lab: Lab) -> None:
    run = moons()
    lab.running(run, epochs=1)
    at = lab.show(run=run.run_id)
    assert not figures(at)
    assert not [block for block in at.expander if "Decision regions" in block.label]
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


# The scene


def test_queued_scene_is_the_net_before_training(lab: Lab) -> None:
    run = moons()
    lab.store.submit(run)
    at = lab.show(run=run.run_id)
    assert "epoch 0 of 2, next in the queue" in progress(at)
    assert "The first point appears once" in words(at)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (given["live"], given["autoplay"]) == (True, False)
    assert (scene["id"], scene["mode"], scene["kind"], scene["depth"]) == (run.run_id, "plane", "tree", 2)
    assert (scene["epochs"], scene["total"], scene["counts"], scene["note"]) == ([0], 2, [], "")
    assert scene["scores"] == {"train": [None], "validation": [None], "test": [None]}
    assert begins_with(scene["weights"][0], untrained(run))
    assert len(scene["weights"]) == 1


def test_running_scene_is_the_first_and_the_newest_net(lab: Lab) -> None:
    run = moons(train__epochs=3)
    claim = lab.running(run)
    trainer = Trainer(run)
    artifacts, records = {}, []
    for record in trainer.epochs():
        if record.epoch == 3:
            break
        records.append(record)
        artifacts[snapshot_name("weights", record.epoch)] = pack(trainer.net.state_dict())
    lab.store.record(claim, records, artifacts)
    at = lab.show(run=run.run_id)
    assert "epoch 2 of 3" in progress(at)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (given["live"], given["autoplay"]) == (True, False)
    assert (scene["epochs"], scene["total"]) == ([0, 2], 3)
    newest = unpack(artifacts[snapshot_name("weights", 2)])
    assert [begins_with(text, state) for text, state in zip(scene["weights"], (untrained(run), newest), strict=True)] == [
        True
    ] * 2
    assert scene["scores"]["validation"] == [records[epoch].metrics["validation", "accuracy"] for epoch in (0, 2)]
    assert [sum(counts) for counts in scene["counts"][0]] == [shape(run.data).n_train] * 2


def test_running_before_the_first_record_has_a_scene(lab: Lab) -> None:
    run = moons()
    lab.running(run)
    at = lab.show(run=run.run_id)
    assert drawn(at)["scenes"][0]["epochs"] == [0]
    assert not live_charts(at)


def test_finished_scene_is_every_epoch_and_plays(lab: Lab) -> None:
    run = work(lab, moons())
    at = lab.show(run=run.run_id)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (given["live"], given["autoplay"]) == (False, True)
    assert (scene["epochs"], scene["note"], scene["failed"]) == ([0, 1, 2], "", False)
    assert begins_with(scene["weights"][0], untrained(run))
    assert begins_with(scene["weights"][2], stored_net(lab, run))
    assert scene["scores"]["test"][-1] == lab.store.run(run.run_id).last["test_accuracy"]
    recorded = [leaf_counts(lab.store.leaves(run.run_id, 0, "train", epoch), 2).tolist() for epoch in (0, 1, 2)]
    assert scene["counts"] == [recorded]


def test_finished_run_has_words_in_place_of_a_bar(lab: Lab) -> None:
    at = lab.show(run=lab.finished(moons()).run_id)
    assert not at.get("progress")
    assert sum(caption.value.startswith("epoch 2 of 2, ") and "of training on" in caption.value for caption in at.caption) == 1
    lab.store.submit(moons(seed=1))
    at = lab.show(run=moons(seed=1).run_id)
    assert len(at.get("progress")) == 1
    assert not any(caption.value.startswith("epoch ") for caption in at.caption)


def test_failed_scene_says_why_and_what_is_shown(lab: Lab) -> None:
    run = moons()
    lab.ended(run, "failed", "the loss became *nan*", epochs=1)
    at = lab.show(run=run.run_id)
    assert "failed" in words(at)
    (scene,) = drawn(at)["scenes"]
    assert scene["failed"]
    assert "The run failed: the loss became *nan*." in scene["note"]
    assert "the net before training" in scene["note"]
    assert scene["epochs"] == [0]


def test_run_of_an_older_database(lab: Lab) -> None:
    run = lab.finished(moons())
    assert not lab.store.snapshots(run.run_id, "weights")
    (scene,) = drawn(lab.show(run=run.run_id))["scenes"]
    assert scene["epochs"] == [0, 2]
    first, last = scene["weights"]
    assert begins_with(first, untrained(run))
    assert begins_with(last, stored_net(lab, run))
    assert first != last


def test_run_of_an_older_database_that_kept_no_net(lab: Lab) -> None:
    run = moons()
    lab.ended(run, "finished", epochs=2)
    (scene,) = drawn(lab.show(run=run.run_id))["scenes"]
    assert scene["epochs"] == [0]
    assert "weights after training were not kept" in scene["note"]


@pytest.mark.parametrize(("name", "mode", "n_features"), [("digits", "pad", 64), ("iris", "rows", 4)])
@pytest.mark.parametrize("status", ["queued", "running", "finished", "failed"])
def test_data_that_are_no_plane(lab: Lab, status: str, name: str, mode: str, n_features: int) -> None:
    run = config(data__name=name)
    if status == "queued":
        lab.store.submit(run)
    elif status == "running":
        lab.running(run, epochs=1)
    elif status == "finished":
        lab.finished(run)
    else:
        lab.ended(run, "failed", "no memory", epochs=1)
    at = lab.show(run=run.run_id)
    (scene,) = drawn(at)["scenes"]
    assert (scene["mode"], len(scene["features"]), scene["low"], scene["ready"]) == (mode, n_features, None, None)
    assert scene["epochs"] == ([0, 2] if status == "finished" else [0])
    assert {"queued": "queued", "running": "training"}.get(status, status) in words(at)
    assert not figures(at)


@pytest.mark.parametrize("status", ["queued", "running", "finished", "failed"])
@pytest.mark.parametrize(
    ("changes", "kind", "depth"),
    [
        ({"net__kind": "dense"}, "dense", 0),
        ({"net__depth": 0}, "tree", 0),
        ({"net__depth": 0, "net__kind": "flat"}, "flat", 0),
        ({"net__kind": "decision_tree", "net__depth": 3}, "decision_tree", 3),
    ],
)
def test_models_without_leaves_or_weights(lab: Lab, changes: dict[str, Any], kind: str, depth: int, status: str) -> None:
    run = moons(**changes)
    is_fitted = kind == "decision_tree"
    if status == "queued":
        lab.store.submit(run)
    elif status == "running":
        lab.running(run, epochs=None if is_fitted else 1)
    elif status == "failed":
        lab.ended(run, "failed", "no memory", epochs=None if is_fitted else 1)
    else:
        work(lab, run)
    at = lab.show(run=run.run_id)
    (scene,) = drawn(at)["scenes"]
    assert (scene["kind"], scene["depth"], scene["failed"]) == (kind, depth, status == "failed")
    if is_fitted:
        assert (scene["epochs"], scene["weights"]) == ([1], [])
        assert (scene["tree"] is None) == (status == "failed")
        if status != "failed":
            assert sum(feature >= 0 for feature in scene["tree"]["feature"]) <= 2**3 - 1
    else:
        assert scene["tree"] is None
        assert scene["epochs"] == ([0, 1, 2] if status == "finished" else [0])
        assert begins_with(scene["weights"][0], untrained(run))
    if status == "failed":
        assert "The run failed: no memory." in scene["note"]
        assert plain(at.error[0].value) == "no memory"
    if status == "finished":
        assert theme.percent(lab.store.run(run.run_id).last["test_accuracy"]) in words(at)
        assert list(figures(unfold(at))) == ([] if is_fitted else ["decision_regions"])


def test_forest_is_said_not_to_be_drawn(lab: Lab) -> None:
    run = work(lab, moons(net__kind="random_forest"))
    (scene,) = drawn(lab.show(run=run.run_id))["scenes"]
    assert scene["note"] == "The random forest is not drawn here."
    assert (scene["weights"], scene["tree"], scene["ready"]) == ([], None, None)


def test_net_too_large_for_the_browser(lab: Lab) -> None:
    run = work(lab, moons(net__depth=7, net__width=16))
    at = lab.show(run=run.run_id, held="0.5,-0.25", read_to=3)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert scene["weights"] == []
    assert [len(base64.b64decode(leaf)) for leaf in scene["ready"]["leaf"]] == [4 * PLANE] * 3
    assert len(scene["ready"]["levels"]["accuracy"]) == 8
    assert (given["start"]["held"], given["start"]["level"], given["autoplay"]) == ([0.5, -0.25], 3, False)
    assert (given["explained"]["raw"], len(given["explained"]["nodes"])) == ([0.5, -0.25], 8)
    small = work(lab, moons())
    assert drawn(lab.show(run=small.run_id, held="0.5,-0.25"))["explained"] is None


def test_run_that_an_older_version_allowed_has_no_scene(lab: Lab) -> None:
    run = lab.finished(moons())
    with lab.store._write() as connection:
        config = json.dumps({"net": {"depth": 99}})
        connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(config=config))
    at = lab.show(run=run.run_id)
    assert "depth must be" in words(at)
    assert not at.get("bidi_component")


def test_a_second_net_is_trained_and_set_beside(lab: Lab) -> None:
    run = work(lab, moons())
    at = lab.show(run=run.run_id)
    assert at.sidebar.selectbox(key="beside").value == "nothing"
    at.selectbox(key="beside").set_value("flat")
    run_app(at)
    other = changed(run, {"net.kind": "flat"})
    assert lab.store.run(other.run_id).status == "queued"
    given = drawn(at)
    assert [scene["id"] for scene in given["scenes"]] == [run.run_id, other.run_id]
    assert (given["live"], param(at, "beside"), param(at, "run")) == (True, "flat", run.run_id)
    assert Worker(lab.store, "w").work_once()
    given = drawn(run_app(at))
    assert [scene["epochs"] for scene in given["scenes"]] == [[0, 1, 2], [0, 1, 2]]
    assert not given["live"]
    assert "finished" in words(at)


def test_second_net_of_an_address_is_offered_where_it_is_not_here(lab: Lab) -> None:
    run = lab.finished(moons())
    at = lab.show(run=run.run_id, beside="decision_tree")
    other = changed(run, {"net.kind": "decision_tree"})
    assert f"not here yet: {other.label}" in words(at)
    assert [scene["id"] for scene in drawn(at)["scenes"]] == [run.run_id]
    press(at, "_train_plan")
    assert lab.store.run(other.run_id).status == "queued"
    assert [scene["id"] for scene in drawn(at)["scenes"]] == [run.run_id, other.run_id]


def test_second_net_that_failed_says_so(lab: Lab) -> None:
    run = lab.finished(moons())
    lab.ended(changed(run, {"net.kind": "flat"}), "failed", "no memory", epochs=1)
    first, second = drawn(lab.show(run=run.run_id, beside="flat"))["scenes"]
    assert (first["failed"], second["failed"]) == (False, True)
    assert "The run failed: no memory." in second["note"]


def test_training_another_net_leaves_the_place_of_the_one_before(lab: Lab) -> None:
    run = lab.finished(moons())
    at = lab.show(run=run.run_id, epoch_at=1, read_to=1, shuffled=1, held="0.5,-1", scene_layer=0)
    assert drawn(at)["start"] == {"epoch": 1, "level": 1, "shuffled": True, "layer": 0, "held": [0.5, -1.0]}
    at.number_input(key="depth").set_value(1)
    run_app(at)
    assert (param(at, "epoch_at"), param(at, "held")) == ("1", "0.5,-1")  # the run before is shown still
    press(at, "_train")
    assert [param(at, name) for name in ("epoch_at", "read_to", "shuffled", "held", "scene_layer")] == [None] * 5
    assert set(drawn(at)["start"].values()) == {None}
    assert drawn(at)["scenes"][0]["depth"] == 1


def test_bad_place_in_the_address(lab: Lab) -> None:
    run = lab.finished(moons())
    at = lab.show(run=run.run_id, read_to=3)
    assert "read_to in the address must be a level from 0 to 2, got '3'; it is ignored" in words(at)
    assert param(at, "read_to") is None
    assert drawn(at)["start"]["level"] is None


def test_all_bad_places_in_the_address_are_said(lab: Lab) -> None:
    run = lab.finished(moons())
    said = words(lab.show(run=run.run_id, epoch_at="77", read_to="x"))
    assert "epoch_at in the address" in said
    assert "read_to in the address" in said


@pytest.mark.parametrize("point", ["1e39,1", "1e38,-3e38", "nan,0", "1e13,0"])
def test_point_of_the_address_beyond_all_numbers(lab: Lab, point: str) -> None:
    run = work(lab, moons(net__depth=7, net__width=16))
    at = lab.show(run=run.run_id, held=point)
    assert "held in the address must be" in words(at)
    assert drawn(at)["start"]["held"] is None


def test_decision_tree_has_no_empty_fold(lab: Lab) -> None:
    at = lab.show(run=work(lab, moons(net__kind="decision_tree")).run_id)
    assert not [fold for fold in at.expander if "Decision regions" in fold.label]


def test_finished_scene_stays_whole_while_the_net_beside_waits(lab: Lab) -> None:
    run = work(lab, moons())
    (whole,) = drawn(lab.show(run=run.run_id))["scenes"]
    lab.store.submit(changed(run, {"net.kind": "flat"}))
    given = drawn(lab.show(run=run.run_id, beside="flat"))
    assert given["live"]
    assert not given["autoplay"]
    assert given["scenes"][0]["epochs"] == whole["epochs"]
    assert given["scenes"][1]["epochs"] == [0]


def test_scene_is_in_the_look_of_the_page(lab: Lab) -> None:
    run = lab.finished(moons())
    given = [drawn(lab.show(run=run.run_id, size=size)) for size in ("screen", "projector")]
    assert [[look["dark"] for look in of_size["looks"]] for of_size in given] == [[False, True], [False, True]]
    looks = [of_size["looks"][of_size["dark"]] for of_size in given]
    assert [look["projector"] for look in looks] == [False, True]
    assert looks[1]["size"] == theme.FONT_SIZE[True] > looks[0]["size"]
