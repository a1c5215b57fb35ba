"""The Playground: every field in the address and back, what cannot be trained, and figures against the net itself."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from leafscope.app.playground import controls
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.config.link import decode
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.cost import cost
from leafscope.core.datasets import load, shape
from leafscope.core.training.loop import train

TEACHER = {
    "data": ("tree_teacher", "data.name"),
    "depth": (3, "net.depth"),
    "width": (12, "net.width"),
    "kind": ("flat", "net.kind"),
    "gates": ("units", "net.gates"),
    "layers": (2, "net.tree_layers"),
    "epochs": (7, "train.epochs"),
    "batch": (16, "train.batch_size"),
    "lr": (0.0125, "train.lr"),
    "schedule": ("constant", "train.schedule"),
    "decay": (0.05, "train.weight_decay"),
    "growth": (2.5, "train.decay_growth"),
    "credit": ("straight_through", "train.gate_gradient"),
    "gate_noise": (0.25, "train.gate_noise"),
    "balance": (0.125, "train.balance"),
    "patience": (4, "train.patience"),
    "seed": (11, "seed"),
    "init_seed": (5, "init_seed"),
    "device": ("cpu", "train.device"),
    "split_seed": (6, "split_seed"),
    "n_train": (150, "data.n_train"),
    "test": (0.2, "data.test_fraction"),
    "validation": (0.1, "data.validation_fraction"),
    "n_samples": (400, "data.n_samples"),
    "noise": (0.15, "data.noise"),
    "n_features": (6, "data.n_features"),
    "n_classes": (3, "data.n_classes"),
    "teacher_depth": (2, "data.teacher_depth"),
}
"""Every field with a value that is not its default."""


def teacher_run() -> RunConfig:
    return changed(RunConfig(), {field: value for value, field in TEACHER.values()})


def field(app: Any, key: str) -> Any:
    kind = app.number_input if any(element.key == key for element in app.number_input) else app.selectbox
    return kind(key=key)


def shown_fields(app: Any) -> dict[str, Any]:
    known = {control.key for control in controls.ALL}
    return {
        element.key: element.value for kind in (app.number_input, app.selectbox) for element in kind if element.key in known
    }


def unfold(shelf: Any, app: Any) -> Any:
    """Open the fold that a figure of the regions is drawn in."""
    app.session_state["_regions"] = True
    return shelf.rerun(app)


def drawn(app: Any) -> dict[str, Any]:
    """What the browser is given to draw; numbers that JSON has not are refused."""
    (element,) = app.get("bidi_component")
    found: dict[str, Any] = json.loads(element.proto.json, parse_constant=lambda word: pytest.fail(f"{word} in the scene"))
    return found


# Fields, address and configuration


def test_the_fields_tested_here_are_all_there_are() -> None:
    assert {control.key: control.field for control in controls.ALL} == {key: name for key, (_, name) in TEACHER.items()}
    fields = set(teacher_run().model_dump(exclude_defaults=True))
    assert fields == {"data", "net", "train", "seed", "init_seed", "split_seed"}


def test_fields_make_the_configuration_that_is_trained(shelf: Any) -> None:
    shelf.finish(shelf.small())
    app = shelf.look()
    field(app, "data").set_value("tree_teacher")
    shelf.rerun(app)
    for key, (value, _) in TEACHER.items():
        field(app, key).set_value(value)
    shelf.rerun(app)
    named = {key: value for key, value in dict(app.query_params).items() if key != "plan"}  # which is of the shown run
    assert named == {key: str(value) for key, (value, _) in TEACHER.items()}
    assert "press Train to apply your choices" in shelf.said(app)
    app.button(key="_train").click()
    shelf.rerun(app)
    queued = [summary for summary in shelf.store.list_runs() if summary.status == "queued"]
    assert [summary.config for summary in queued] == [teacher_run()]
    assert app.query_params["run"] == teacher_run().run_id
    said = shelf.said(app)
    assert f"{teacher_run().label}** queued" in said
    assert "press Train to apply" not in said


def test_an_address_fills_the_fields(shelf: Any) -> None:
    shelf.finish(shelf.small())
    app = shelf.look(**{key: value for key, (value, _) in TEACHER.items()})
    assert shown_fields(app) == {key: value for key, (value, _) in TEACHER.items()}
    app.button(key="_train").click()
    shelf.rerun(app)
    assert shelf.store.run(teacher_run().run_id).config == teacher_run()


def test_the_address_of_a_run_fills_the_fields_with_its_configuration(shelf: Any) -> None:
    run = changed(teacher_run(), {"train.epochs": 2, "data.n_samples": 300})
    shelf.finish(run)
    shelf.finish(shelf.small())
    app = shelf.look(run=run.run_id)
    expected = {key: value for key, (value, _) in TEACHER.items()} | {"epochs": 2, "n_samples": 300}
    assert shown_fields(app) == expected
    assert f"{run.label}** finished" in shelf.said(app)
    assert "press Train to apply" not in shelf.said(app)
    assert app.query_params["run"] == run.run_id


def test_fields_of_another_data_set_leave_the_address(shelf: Any) -> None:
    app = shelf.look(data="moons", noise=0.5, n_samples=400)
    field(app, "data").set_value("iris")
    shelf.rerun(app)
    assert dict(app.query_params) == {"data": "iris"}
    app.button(key="_train").click()
    shelf.rerun(app)
    assert [summary.config for summary in shelf.store.list_runs()] == [changed(EXAMPLE, {"data.name": "iris"})]


def test_fields_and_run_are_kept_across_pages(shelf: Any) -> None:
    run = shelf.small()
    shelf.finish(run)
    app = shelf.look(run=run.run_id)
    field(app, "depth").set_value(3)
    shelf.rerun(app)
    shelf.go(app, "leaves")
    shelf.go(app, "playground")
    assert field(app, "depth").value == 3
    assert field(app, "data").value == "wine"
    assert app.query_params["run"] == run.run_id
    assert app.query_params["depth"] == "3"


def test_back_to_the_settings_of_the_run_shown(shelf: Any) -> None:
    run = shelf.small()
    shelf.finish(run)
    app = shelf.look(run=run.run_id, depth=5, lr=1.0)
    app.button(key="_use_settings").click()
    shelf.rerun(app)
    assert "press Train to apply" not in shelf.said(app)
    assert (field(app, "data").value, field(app, "depth").value, field(app, "lr").value) == ("wine", 2, 0.02)


# What cannot be trained


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"lr": "nan"}, "lr must be a number above 0 and at most 10, got nan"),
        ({"seed": 10**20}, "seed must be a whole number from 0 to 2,147,483,647"),
        ({"test": 0.9, "validation": 0.9}, "test_fraction + validation_fraction must be at most 0.95"),
        ({"data": "checkerboard", "noise": 2}, "noise must be a share of labels from 0 to 1 for checkerboard"),
        ({"n_train": 100_000}, "n_train must be at most 550 for spirals"),
        ({"data": "digits", "n_train": 100_000}, "n_train must be at most 988 for digits"),
        ({"data": "iris", "n_train": 1}, "must have at least as many rows as classes (3), got 1"),
        ({"data": "iris", "test": 0.01}, "the test split of iris must have at least as many rows as classes (3)"),
    ],
)
def test_a_value_that_is_not_valid_is_said_and_cannot_be_trained(shelf: Any, parameters: dict[str, Any], sentence: str) -> None:
    run = shelf.small()
    shelf.finish(run)
    app = shelf.look(**parameters)
    assert sentence in "\n".join(element.value.replace("\\", "") for element in app.error)
    assert app.button(key="_train").disabled
    assert [summary.run_id for summary in shelf.store.list_runs()] == [run.run_id]
    assert shelf.charts(app) >= {"live_loss", "live_accuracy"}


def test_the_sentence_stands_by_its_field(shelf: Any) -> None:
    app = shelf.look(width=0)
    sidebar = list(app.sidebar)
    at = next(index for index, element in enumerate(sidebar) if getattr(element, "key", None) == "width")
    assert next(element for element in sidebar[at + 1 :] if element.type in ("error", "number_input")).type == "error"
    assert not app.main.error


@pytest.mark.parametrize(("key", "text"), [("data", "![x](http://x)"), ("epochs", "9" * 5000)])
def test_what_cannot_be_read_in_the_address_is_said_and_the_default_taken(shelf: Any, key: str, text: str) -> None:
    shelf.finish(shelf.small())
    app = shelf.look(**{key: text})
    assert field(app, key).value == controls.default_value(next(control for control in controls.ALL if control.key == key))
    assert key not in app.query_params
    assert f"{key} in the address must be" in shelf.said(app)
    assert not app.button(key="_train").disabled


def test_a_full_queue_is_said(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.queue.QUEUE_LIMIT", 0)
    app = shelf.look()
    app.button(key="_train").click()
    shelf.rerun(app)
    assert "at most 0 runs can wait" in shelf.said(app)
    assert shelf.store.is_empty()


def test_the_cost_is_that_of_the_net_chosen(shelf: Any) -> None:
    app = shelf.look(data="iris", depth=3, width=8, gates="units")
    price = cost(NetConfig(depth=3, width=8, gates="units"), n_features=4, n_outputs=3)
    assert f"**{price.parameters:,}** parameters, **{price.multiply_adds:,}** multiply-adds" in shelf.said(app)


# Training


def test_curves_of_a_run_trained_anew_are_not_those_of_before(shelf: Any) -> None:
    run = shelf.small()
    records = shelf.finish(run)
    app = shelf.look(run=run.run_id)
    shelf.store.submit(run, anew=True)
    claim = shelf.ahead.claim("w")
    shelf.ahead.record(claim, records[:2])
    shelf.rerun(app)
    assert [point[0] for point in shelf.chart(app, "live_loss")["series"][0]["data"]] == [0, 1]


# The run in the address


def test_a_run_whose_worker_is_silent_is_interrupted(shelf: Any) -> None:
    run = shelf.small()
    shelf.lose(run)
    app = shelf.look(run=run.run_id)
    assert f"{run.label}** interrupted" in shelf.said(app)
    assert "no sign of life" in app.error[0].value
    app.button(key="_resume").click()
    shelf.rerun(app)
    now = shelf.store.run(run.run_id)
    assert (now.status, now.attempt, now.first_attempt, now.epochs_done) == ("queued", 2, 1, 1)
    assert f"{run.label}** queued" in shelf.said(app)
    assert "epoch 1 of 3, next in the queue" in shelf.said(app)


def test_a_run_that_failed_before_its_first_epoch(shelf: Any) -> None:
    run = shelf.small()
    shelf.end(run, "failed", None, error="the device is gone")
    app = shelf.look(run=run.run_id)
    said = shelf.said(app)
    assert "the device is gone" in said
    assert "epoch 0 of 3" in said
    assert "The first point appears" not in said
    assert shelf.charts(app) == set()


def test_a_run_whose_losses_were_never_finite(shelf: Any) -> None:
    from leafscope.core.training.trainer import EpochRecord

    run = shelf.small()
    claim = shelf.start(run)
    values = {(split, metric): float("nan") for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    shelf.ahead.end(claim, "failed", "the loss became nan", [EpochRecord(0, values, {}, 0.1)])
    app = shelf.look(run=run.run_id)
    said = shelf.said(app)
    assert "test accuracy **n/a** after the last epoch" in said
    assert "None" not in said
    assert {share for shares in drawn(app)["scenes"][0]["scores"].values() for share in shares} == {None}


def test_stop_withdraws_a_queued_run(shelf: Any) -> None:
    first, second = shelf.small(seed=1), shelf.small(seed=2)
    shelf.store.submit(first)
    shelf.store.submit(second)
    app = shelf.look(run=second.run_id)
    assert "1 run ahead in the queue" in shelf.said(app)
    app.button(key="_stop").click()
    shelf.rerun(app)
    assert (shelf.store.run(second.run_id).status, shelf.store.run(first.run_id).status) == ("stopped", "queued")
    assert f"{second.label}** stopped" in shelf.said(app)


def test_stop_asks_a_running_run_to_end(shelf: Any) -> None:
    run = shelf.small()
    claim = shelf.start(run, 1)
    app = shelf.look(run=run.run_id)
    app.button(key="_stop").click()
    shelf.rerun(app)
    assert shelf.store.run(run.run_id).stopping
    assert shelf.store.wanted(claim) == "stop"
    stop = app.button(key="_stop")
    assert (stop.label, stop.disabled) == ("Stopping", True)


def test_a_run_that_ended_early_says_so(shelf: Any) -> None:
    run = shelf.small(epochs=3)
    claim = shelf.start(run, 1)
    shelf.ahead.end(claim, "finished")
    said = shelf.said(shelf.look(run=run.run_id))
    assert "epoch 1 of 3" in said
    assert "ended early: the validation loss stopped falling" in said


# Nets of every kind


def test_the_link_to_the_leaves_carries_the_run(shelf: Any) -> None:
    run = shelf.small()
    shelf.finish(run)
    (link,) = shelf.look(run=run.run_id).get("page_link")
    assert (link.proto.page, link.proto.query_string) == ("leaves", f"run={run.run_id}")


@pytest.mark.parametrize("kind", ["tree", "dense"])
def test_regions_of_the_plane_are_the_nets_predictions(shelf: Any, kind: str) -> None:
    run = shelf.small("moons", depth=3, kind=kind)
    shelf.finish(run)
    app = unfold(shelf, shelf.look(run=run.run_id))
    table = shelf.table(app, "x", "y", "predicted")
    data = load(run.data, run.data_seed)
    import torch

    net = train(run).net
    with torch.no_grad():
        routed = net.routed(torch.tensor(data.standardize(table[["x", "y"]].to_numpy())))
    predicted = np.array(data.class_names)[routed.logits.argmax(1).numpy()]
    assert len(table) == 160**2
    assert table["predicted"].tolist() == predicted.tolist()
    assert len(set(predicted)) == 2
    assert ("leaf" in table) == (kind == "tree")
    if kind == "tree":
        assert table["leaf"].tolist() == routed.leaves[0].tolist()
        assert len(set(table["leaf"])) > 2
    raw = data.raw
    assert table["x"].min() < raw[:, 0].min() < raw[:, 0].max() < table["x"].max()
    assert table["y"].min() < raw[:, 1].min() < raw[:, 1].max() < table["y"].max()


# The scene


def test_without_a_run_nothing_is_drawn(shelf: Any) -> None:
    assert not shelf.look().get("bidi_component")


def test_a_run_left_with_a_checkpoint_is_drawn_as_far_as_it_came(shelf: Any) -> None:
    run = shelf.small("moons")
    shelf.lose(run)
    app = shelf.look(run=run.run_id)
    given = drawn(app)
    (scene,) = given["scenes"]
    assert (scene["epochs"], scene["total"], given["live"], given["autoplay"]) == ([0, 1], 3, False, False)
    expected = [shelf.records(run)[epoch].metrics["test", "accuracy"] for epoch in (0, 1)]
    assert scene["scores"]["test"] == expected
    assert "epoch 1 of 3" in shelf.said(app)


def test_rows_of_the_scene_are_those_of_the_run(shelf: Any) -> None:
    run = shelf.small("moons")
    shelf.finish(run)
    (scene,) = drawn(shelf.look(run=run.run_id))["scenes"]
    data = load(run.data, run.data_seed)
    for name in ("train", "test"):
        rows = data.splits[name].index
        x = np.frombuffer(base64.b64decode(scene["rows"][name]["x"]), "<f4").reshape(-1, 2)
        y = np.frombuffer(base64.b64decode(scene["rows"][name]["y"]), "<u2")
        assert x.tolist() == data.raw[rows].astype(np.float32).tolist()
        assert y.tolist() == data.labels[rows].tolist()


@pytest.mark.parametrize("status", ["stopped", "interrupted"])
def test_a_run_that_ended_early_is_drawn(shelf: Any, status: str) -> None:
    run = shelf.small("moons")
    shelf.end(run, status)
    app = shelf.look(run=run.run_id)
    assert f"{run.label}** {status}" in shelf.said(app)
    (scene,) = drawn(app)["scenes"]
    assert (scene["epochs"], scene["failed"], scene["note"]) == ([0, 1], False, "")


def test_the_address_holds_both_runs(shelf: Any) -> None:
    run = shelf.small("moons")
    shelf.finish(run)
    other = changed(run, {"net.gates": "random"})
    shelf.finish(other)
    app = shelf.look(run=run.run_id, beside="random_gates")
    assert decode(str(app.query_params["plan"])).runs == (run, other)
    assert [scene["id"] for scene in drawn(app)["scenes"]] == [run.run_id, other.run_id]


def test_the_second_net_stays_when_pages_change(shelf: Any) -> None:
    run = shelf.small("moons")
    shelf.finish(run)
    shelf.finish(changed(run, {"net.kind": "flat"}))
    app = shelf.look(run=run.run_id, beside="flat")
    shelf.go(app, "leaves")
    shelf.go(app, "playground")
    assert field(app, "beside").value == "flat"
    assert app.query_params["beside"] == "flat"
    assert [scene["kind"] for scene in drawn(app)["scenes"]] == ["tree", "flat"]


# The room


def fonts(spec: Any) -> list[float]:
    """Every font size in a description."""
    if isinstance(spec, dict):
        own = [float(spec[key]) for key in ("fontSize",) if key in spec]
        own += [float(spec["font"]["size"])] if isinstance(spec.get("font"), dict) and "size" in spec["font"] else []
        return own + [size for value in spec.values() for size in fonts(value)]
    if isinstance(spec, list):
        return [size for value in spec for size in fonts(value)]
    return []


def test_a_projector_gets_large_text(shelf: Any) -> None:
    run = shelf.small("moons")
    shelf.finish(run)
    app = unfold(shelf, shelf.look(run=run.run_id, size="projector"))
    for key in ("live_loss", "live_accuracy", "live_loads"):
        sizes = fonts(shelf.chart(app, key))
        assert len(sizes) > 3
        assert min(sizes) >= 22, key
        assert max(sizes) >= 24, key
    figure = shelf.figure(app, "decision_regions")
    assert figure["layout"]["template"]["layout"]["font"]["size"] >= 24
    assert min(fonts(figure["layout"])) >= 22
    assert app.query_params["size"] == "projector"
    assert min(fonts(shelf.chart(shelf.look(run=run.run_id), "live_loss"))) < 22


def test_the_camera_saves_what_was_chosen(shelf: Any) -> None:
    run = shelf.small("moons")
    shelf.finish(run)
    for image in ("svg", "png"):
        app = unfold(shelf, shelf.look(run=run.run_id, image=image))
        found = next(element for element in app.get("plotly_chart") if element.key == "decision_regions")
        assert json.loads(found.proto.config)["toImageButtonOptions"]["format"] == image
        assert shelf.chart(app, "live_loss")["toolbox"]["feature"]["saveAsImage"]["type"] == image


def test_a_view_that_does_not_exist_is_the_usual_one(shelf: Any) -> None:
    app = shelf.look(size="<b>", image="gif")
    assert (app.radio(key="size").value, app.radio(key="image").value) == ("screen", "svg")
    assert not app.query_params


# The worker


@pytest.mark.parametrize(
    ("state", "words"), [("starting", "is starting"), ("ready", "is ready"), ("busy", "is training"), (None, "is not running")]
)
def test_the_foot_says_what_the_worker_does(shelf: Any, state: Any, words: str) -> None:
    if state is not None:
        shelf.ahead.set_worker("w", state, "cpu")
    assert f"The worker {words}" in shelf.said(shelf.look())


def test_a_run_that_an_older_version_allowed_does_not_hide_the_others(shelf: Any) -> None:
    from sqlalchemy import update

    from leafscope.core.store.schema import runs

    old, good = shelf.small(seed=1), shelf.small(seed=2)
    shelf.finish(old)
    shelf.finish(good)
    with shelf.store._write() as connection:
        config = json.dumps({"net": {"depth": 99}})
        connection.execute(update(runs).where(runs.c.run_id == old.run_id).values(config=config))
    assert f"{good.label}** finished" in shelf.said(shelf.look(run=good.run_id))
    app = shelf.look(run=old.run_id)
    assert "depth must be" in shelf.said(app)


def test_a_run_with_a_field_that_has_no_control_is_shown_as_it_is(shelf: Any) -> None:
    run = RunConfig(
        data=DataConfig(name="wine"), net=NetConfig(depth=2, width=6), train=TrainConfig(epochs=2), seed=1, split_seed=7
    )
    shelf.finish(run)
    app = shelf.look(run=run.run_id)
    assert f"{run.label}** finished" in shelf.said(app)
    assert shelf.table(app, "leaf", "rows")["rows"].sum() == shape(run.data).n_train
