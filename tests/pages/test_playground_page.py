"""Playground: controls, address, queue, scene and figures agree with the store and with the net itself."""

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from leafscope.app import theme
from leafscope.app.playground import continuous, controls
from leafscope.core import device
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.config.link import decode
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.cost import cost, largest_depth, memory
from leafscope.core.datasets import load, shape
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.inspection.planes import plane_of
from leafscope.core.models.registry import MODELS
from leafscope.core.store.reading import snapshot_name
from leafscope.core.store.schema import runs
from leafscope.core.store.values import summaries
from leafscope.core.store.values.records import NET
from leafscope.core.training.loop import train
from leafscope.core.training.trainer import EpochRecord, Trainer
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.worker.worker import Worker, pack
from tests.core.config.values import other_value
from tests.core.store.as_tensors import as_tensors
from tests.pages.harness import (
    WILD,
    Lab,
    button,
    chart_keys,
    diverge,
    figures,
    go,
    live_charts,
    open_page,
    param,
    plain,
    press,
    progress,
    run_app,
    small,
    table_with,
    trained,
    words,
)

OF_OTHER_DATA = {f"data.{name}" for name in DATA_SETS.options()} - {
    f"data.{option.name}" for option in DATA_SETS["tree_teacher"].options
}
OF_OTHER_KINDS = {f"net.{name}" for name in MODELS.options()} - {f"net.{option.name}" for option in MODELS["flat"].options}
SHOWN = [control for control in controls.ALL if control.field not in OF_OTHER_DATA | OF_OTHER_KINDS]
TEACHER = {control.key: (other_value(control.option), control.field) for control in SHOWN} | {
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
    "balancing": ("centred", "net.balancing"),
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


PLANE = 96 * 96
"""Points of the grid that regions are kept on."""


def teacher_run() -> RunConfig:
    return changed(RunConfig(), {field: value for value, field in TEACHER.values()})


def moons(**net: Any) -> RunConfig:
    return small("moons", **net)


def field(at: Any, key: str) -> Any:
    kind = at.number_input if any(element.key == key for element in at.number_input) else at.selectbox
    return kind(key=key)


def shown_fields(at: Any) -> dict[str, Any]:
    known = {control.key for control in controls.ALL}
    return {element.key: element.value for kind in (at.number_input, at.selectbox) for element in kind if element.key in known}


def unfold(at: AppTest) -> AppTest:
    """Open the fold that a figure of the regions is drawn in."""
    at.session_state["_regions"] = True
    return run_app(at)


def folds(at: AppTest) -> list[Any]:
    """The folds that the regions of the plane are in."""
    return [block for block in at.expander if "Decision regions" in block.label]


def scenes(at: Any) -> list[Any]:
    """The scenes on the page, among its components of our own."""
    return [element for element in at.get("bidi_component") if element.key == "scene"]


def drawn(at: AppTest) -> dict[str, Any]:
    """What the browser is given to draw; numbers that JSON has not are refused."""
    (element,) = scenes(at)
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
    return as_tensors(artifact)


# Fields, address and configuration


def test_emptied_store(lab: Lab) -> None:
    at = open_page()
    assert len(at.title) == 1
    assert "There are no runs" in at.info[0].value
    assert not at.button(key="_train").disabled
    assert not chart_keys(at)
    assert not scenes(at)
    assert not param(at, "data")
    press(at, "_train_example")
    assert [(run.config, run.status) for run in lab.store.list_runs()] == [(EXAMPLE, "queued")]


def test_the_fields_tested_here_are_all_there_are() -> None:
    assert {control.key: control.field for control in SHOWN} == {key: name for key, (_, name) in TEACHER.items()}
    fields = set(teacher_run().model_dump(exclude_defaults=True))
    assert fields == {"data", "net", "train", "seed", "init_seed", "split_seed"}


def test_fields_make_the_configuration_that_is_trained(lab: Lab) -> None:
    lab.finish(small())
    at = open_page()
    field(at, "data").set_value("tree_teacher")
    run_app(at)
    for key, (value, _) in TEACHER.items():
        field(at, key).set_value(value)
    run_app(at)
    named = {key: value for key, value in dict(at.query_params).items() if key != "plan"}  # which is of the shown run
    assert named == {key: str(value) for key, (value, _) in TEACHER.items()}
    assert "press Train to apply your choices" in words(at)
    press(at, "_train")
    queued = [summary for summary in lab.store.list_runs() if summary.status == "queued"]
    assert [summary.config for summary in queued] == [teacher_run()]
    assert at.query_params["run"] == teacher_run().run_id
    said = words(at)
    assert f"{teacher_run().label}** queued" in said
    assert "press Train to apply" not in said


def test_an_address_fills_the_fields(lab: Lab) -> None:
    lab.finish(small())
    at = open_page(**{key: value for key, (value, _) in TEACHER.items()})
    assert shown_fields(at) == {key: value for key, (value, _) in TEACHER.items()}
    press(at, "_train")
    assert lab.store.run(teacher_run().run_id).config == teacher_run()


def test_the_address_of_a_run_fills_the_fields_with_its_configuration(lab: Lab) -> None:
    run = changed(teacher_run(), {"train.epochs": 2, "data.n_samples": 300})
    lab.finish(run)
    lab.finish(small())
    at = open_page(run=run.run_id)
    expected = {key: value for key, (value, _) in TEACHER.items()} | {"epochs": 2, "n_samples": 300}
    assert shown_fields(at) == expected
    assert f"{run.label}** finished" in words(at)
    assert "press Train to apply" not in words(at)
    assert at.query_params["run"] == run.run_id


def test_defaults_and_fields_of_another_data_set_leave_the_address(lab: Lab) -> None:
    at = open_page(data="moons", noise=0.5, n_samples=400, depth=3)
    field(at, "depth").set_value(EXAMPLE.net.depth)
    run_app(at)
    assert set(at.query_params) == {"data", "noise", "n_samples"}
    field(at, "data").set_value("iris")
    run_app(at)
    assert dict(at.query_params) == {"data": "iris"}
    press(at, "_train")
    assert [summary.config for summary in lab.store.list_runs()] == [changed(EXAMPLE, {"data.name": "iris"})]


def test_noise_shows_that_of_the_data_set_until_another_is_typed(lab: Lab) -> None:
    at = open_page()
    shown = []
    for name, typed in (("moons", None), ("circles", 0.3), ("spirals", None)):
        field(at, "data").set_value(name)
        run_app(at)
        shown.append(field(at, "noise").value)
        if typed is not None:
            field(at, "noise").set_value(typed)
    assert shown == [DATA_SETS["moons"].defaults["noise"], DATA_SETS["circles"].defaults["noise"], 0.3]
    field(at, "noise").set_value(None)
    run_app(at)
    assert field(at, "noise").value == DATA_SETS["spirals"].defaults["noise"]
    assert "noise" not in at.query_params


def test_fields_and_run_are_kept_across_pages(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page(run=run.run_id)
    field(at, "depth").set_value(3)
    run_app(at)
    go(at, "leaves")
    go(at, "playground")
    assert field(at, "depth").value == 3
    assert field(at, "data").value == "wine"
    assert at.query_params["run"] == run.run_id
    assert at.query_params["depth"] == "3"


def test_back_to_the_settings_of_the_run_shown(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page(run=run.run_id, depth=5, lr=1.0)
    assert run.label in plain(button(at, "Back to the run before").help)
    assert "press Train to apply" in words(at)
    press(at, "_use_settings")
    assert not at.info
    assert "press Train to apply" not in words(at)
    assert (field(at, "data").value, field(at, "depth").value, field(at, "lr").value) == ("wine", 2, 0.02)


def test_a_run_with_a_field_that_has_no_control_is_shown_as_it_is(lab: Lab) -> None:
    run = RunConfig(
        data=DataConfig(name="wine"), net=NetConfig(depth=2, width=6), train=TrainConfig(epochs=2), seed=1, split_seed=7
    )
    lab.finish(run)
    at = open_page(run=run.run_id)
    assert f"{run.label}** finished" in words(at)
    assert table_with(at, "leaf", "rows")["rows"].sum() == shape(run.data).n_train


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
def test_a_value_that_is_not_valid_is_said_and_cannot_be_trained(lab: Lab, parameters: dict[str, Any], sentence: str) -> None:
    run = lab.finish(small())
    at = open_page(**parameters)
    assert sentence in "\n".join(element.value.replace("\\", "") for element in at.error)
    assert at.button(key="_train").disabled
    assert [summary.run_id for summary in lab.store.list_runs()] == [run.run_id]
    assert chart_keys(at) >= {"live_loss", "live_accuracy"}


def test_typed_values_that_are_not_valid(lab: Lab) -> None:
    at = open_page()
    typed = {"depth": 99, "width": 0, "lr": 0.0, "seed": -1}
    for key, value in typed.items():
        field(at, key).set_value(value)
    run_app(at)
    said = [plain(error.value) for error in at.sidebar.error]
    for sentence in (
        "depth must be a whole number from 0 to 16, got 99",
        "width must be a whole number from 1 to 4,096, got 0",
        "lr must be a number above 0 and at most 10, got 0.0",
        "seed must be a whole number from 0 to 2,147,483,647, got -1",
    ):
        assert sentence in said
    assert at.button(key="_train").disabled
    assert lab.store.is_empty()


def test_the_sentence_stands_by_its_field(lab: Lab) -> None:
    at = open_page(width=0)
    sidebar = list(at.sidebar)
    place = next(index for index, element in enumerate(sidebar) if getattr(element, "key", None) == "width")
    assert next(element for element in sidebar[place + 1 :] if element.type in ("error", "number_input")).type == "error"
    assert not at.main.error


def test_fault_of_two_fields_and_recovery(lab: Lab) -> None:
    at = open_page(width=3, depth=5)
    assert any("depth must be at most the width (3)" in plain(error.value) for error in at.sidebar.error)
    assert at.button(key="_train").disabled
    at.number_input(key="width").set_value(5)
    run_app(at)
    assert not at.sidebar.error
    assert not at.button(key="_train").disabled


def test_too_large_for_memory(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 10**9
    monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: free)
    at = open_page(data="digits", width=256, depth=16)
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


def test_what_cannot_be_read_in_the_address_is_said_and_the_default_taken(lab: Lab) -> None:
    lab.finish(small())
    unread = {"data": "![x](http://x)", "epochs": "9" * 5000, "depth": "deep", "kind": "<b>bush</b>"}
    at = open_page(**unread)
    assert at.toast
    for key in unread:
        assert field(at, key).value == controls.default_value(next(control for control in controls.ALL if control.key == key))
        assert key not in at.query_params
        assert f"{key} in the address must be" in words(at)
    assert not at.button(key="_train").disabled


@pytest.mark.parametrize("text", ["-" + "9" * 400, "9" * 5000, str(2**53), "1e400", "-inf", "nan"])
def test_no_number_in_the_address_is_too_large(lab: Lab, text: str) -> None:
    lab.finish(small())
    numbers = [control for control in controls.ALL if control.kind in (int, float)]
    at = open_page(**{control.key: text for control in numbers}, data="circles")
    assert not at.exception
    assert not any(
        button.label == "Train" and not button.disabled for button in at.button
    ) or "in the address must be" in words(at)


def test_a_full_queue_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.queue.QUEUE_LIMIT", 0)
    at = open_page()
    press(at, "_train")
    assert "at most 0 runs" in words(at)
    assert lab.store.is_empty()


def test_the_cost_is_that_of_the_net_chosen(lab: Lab) -> None:
    at = open_page(data="iris", depth=3, width=8, gates="units")
    price = cost(NetConfig(depth=3, width=8, gates="units"), n_features=4, n_outputs=3)
    assert f"**{price.parameters:,}** parameters, **{price.multiply_adds:,}** multiply-adds" in words(at)


# Training, and the run in the address


def test_scores_and_curves_are_the_stores(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page(run=run.run_id)
    stored = lab.store.run(run.run_id)
    said = words(at)
    assert theme.percent(stored.last["test_accuracy"]) in said
    assert theme.percent(stored.best["test_accuracy"]) in said
    assert "finished" in said
    history = lab.store.history(run.run_id)
    charts = live_charts(at)
    for key, metric, factor in (("live_loss", "loss", 1), ("live_accuracy", "accuracy", 100)):
        for series, split in zip(charts[key]["series"], ("validation", "train"), strict=True):
            rows = history[(history["split"] == split) & (history["metric"] == metric)]
            assert [point[0] for point in series["data"]] == [0, 1, 2, 3]
            assert [point[1] for point in series["data"]] == pytest.approx((rows["value"] * factor).tolist(), abs=1e-5)
    counts = leaf_counts(lab.store.leaves(run.run_id, 0, "train", 3), 2)
    assert table_with(at, "leaf", "rows")["rows"].tolist() == counts.tolist()
    (link,) = at.get("page_link")
    assert (link.proto.page, link.proto.query_string) == ("leaves", f"run={run.run_id}")


def test_newest_run_without_choice(lab: Lab) -> None:
    lab.finish(small())
    newest = lab.finish(small(seed=1))
    assert newest.label in words(open_page())


def test_finished_configuration_is_reused(lab: Lab) -> None:
    run, other = lab.finish(small()), lab.finish(small(seed=1))
    at = open_page(data="wine", depth=2, width=6, epochs=3, lr=0.02, run=other.run_id)
    press(at, "_train")
    assert any("already trained" in toast.value for toast in at.toast)
    assert param(at, "run") == run.run_id
    assert lab.store.run(run.run_id).attempt == 1
    assert run.label in words(at)


def test_train_with_the_settings_of_a_finished_run_trains_it_again(lab: Lab) -> None:
    run = lab.finish(small())
    at = press(open_page(run=run.run_id), "_train")
    stored = lab.store.run(run.run_id)
    assert (stored.attempt, stored.status) == (2, "queued")
    press(at, "_stop")  # the wish is withdrawn
    assert (lab.store.run(run.run_id).attempt, lab.store.run(run.run_id).status) == (1, "finished")


def test_curves_of_a_run_trained_anew_are_not_those_of_before(lab: Lab) -> None:
    run = small()
    records = trained(lab.finish(run)).records
    at = open_page(run=run.run_id)
    lab.store.submit(run, anew=True)
    claim = lab.store.claim("w")
    lab.store.record(claim, records[:2])
    run_app(at)
    assert [point[0] for point in live_charts(at)["live_loss"]["series"][0]["data"]] == [0, 1]


def test_unknown_run(lab: Lab) -> None:
    newest = lab.finish(small())
    at = open_page(run="`<b>0123</b>`")
    assert any("no run" in error.value for error in at.error)
    press(at, "Show the newest run")
    assert not at.error
    assert newest.label in words(at)


def test_address_names_a_configuration_and_its_run_that_is_gone(lab: Lab) -> None:
    lab.finish(small())
    gone = small(seed=9)
    at = open_page(run=gone.run_id, data="wine", depth=2, width=6, epochs=3, lr=0.02, seed=9)
    assert any("Train" in info.value for info in at.info)
    press(at, "_train")
    assert lab.store.run(gone.run_id).status == "queued"


def test_stop_withdraws_a_queued_run(lab: Lab) -> None:
    first, second = small(seed=1), small(seed=2)
    lab.store.submit(first)
    lab.store.submit(second)
    at = open_page(run=second.run_id)
    assert "queued" in words(at)
    assert "1 run ahead in the queue" in progress(at)
    press(at, "_stop")
    assert (lab.store.run(second.run_id).status, lab.store.run(first.run_id).status) == ("stopped", "queued")
    assert f"{second.label}** stopped" in words(at)


def test_stop_asks_a_running_run_to_end(lab: Lab) -> None:
    run = moons()
    claim = lab.start(run, 1)
    at = open_page(run=run.run_id)
    assert "training" in words(at)
    assert "epoch 1 of 3" in progress(at)
    assert "_resume" not in [button.key for button in at.button]
    assert set(live_charts(at)) == {"live_loss", "live_accuracy"}
    assert not figures(at)
    assert not folds(at)
    press(at, "_stop")
    assert lab.store.run(run.run_id).stopping
    assert lab.store.wanted(claim) == "stop"
    for seen in (at, open_page(run=run.run_id)):
        stop = seen.button(key="_stop")
        assert (stop.label, stop.disabled) == ("Stopping", True)


def test_running_before_the_first_record(lab: Lab) -> None:
    run = moons()
    lab.start(run)
    at = open_page(run=run.run_id)
    assert "epoch 0 of 3" in progress(at)
    assert not live_charts(at)
    assert drawn(at)["scenes"][0]["epochs"] == [0]


@pytest.mark.parametrize("status", ["stopped", "failed", "interrupted"])
def test_a_run_that_ended_early(lab: Lab, status: str) -> None:
    error = None if status == "stopped" else "the loss became <b>nan</b> in epoch 2; *lower* the rate"
    run = lab.end(moons(), status, error=error)
    at = open_page(run=run.run_id)
    assert f"{run.label}** {status}" in words(at)
    assert not at.get("progress")
    assert any(caption.value.startswith("1 of 3 epochs, ") for caption in at.caption)
    assert [plain(shown.value) for shown in at.error] == ([error] if error else [])
    assert "_resume" in [button.key for button in at.button]
    (scene,) = drawn(at)["scenes"]
    assert (scene["epochs"], scene["failed"]) == ([0, 1], status == "failed")
    assert bool(scene["note"]) == (status == "failed")
    press(at, "_resume")
    stored = lab.store.run(run.run_id)
    assert (stored.status, stored.attempt, stored.first_attempt) == ("queued", 2, 1)  # from its checkpoint


def test_a_run_that_diverged_is_trained_with_a_tenth_of_the_learning_rate(lab: Lab) -> None:
    diverge(lab, WILD)
    at = open_page(run=WILD.run_id)
    assert "the training loss became" in plain(at.error[0].value)
    assert "_resume" not in [button.key for button in at.button]
    press(at, "_slower")
    now = lab.store.run(changed(WILD, {"train.lr": 1.0}).run_id)
    assert (now.status, now.attempt) == ("queued", 1)
    assert param(at, "run") == now.run_id
    assert at.number_input(key="lr").value == 1.0
    assert f"{now.label}** queued" in words(at)
    assert "_use_settings" not in [button.key for button in at.button]


def test_continuous_training_is_played_paused_and_begun_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuous, "EPOCHS", 4)
    monkeypatch.setitem(continuous.SETTINGS, "train.epochs", 4)
    before = lab.finish(moons())
    run = changed(before, continuous.SETTINGS)
    at = open_page(run=before.run_id)
    at.toggle(key="_continuous").set_value(True)
    run_app(at)
    assert (field(at, "epochs").value, field(at, "schedule").value) == (4, "constant")
    assert "press Play to apply your choices" in words(at)
    assert at.button(key="_reset").disabled
    press(at, "_one_epoch")
    assert [lab.store.run(run.run_id).status, "_train" in {one.key for one in at.button}] == ["queued", False]
    assert Worker(lab.store, "w").work_once()
    run_app(at)
    assert f"{run.label}** stopped" in words(at)
    assert "1 epochs" in [caption.value for caption in at.caption]
    ghost, validation, _ = live_charts(at)["live_loss"]["series"]
    assert [point[1] for point in ghost["data"]] == [
        round(record.metrics["validation", "loss"], 5) for record in trained(before).records
    ]
    assert [point[0] for point in validation["data"]] == [0, 1]
    press(at, "Play")
    press(at, "Pause")
    now = lab.store.run(run.run_id)
    assert (now.status, now.attempt, now.first_attempt) == ("stopped", 2, 1)
    press(at, "_reset")
    assert "press Play to train from the beginning" in words(at)
    assert drawn(at)["scenes"][0]["epochs"] == [0]
    press(at, "_use_settings")
    assert drawn(at)["scenes"][0]["epochs"] == [0, 1]
    press(at, "_reset")
    press(at, "_play")
    assert Worker(lab.store, "w").work_once()
    now = lab.store.run(run.run_id)
    assert (now.status, now.attempt, now.first_attempt, now.epochs_done) == ("finished", 3, 3, 4)
    run_app(at)
    assert [at.button(key=key).disabled for key in ("_play", "_one_epoch", "_reset")] == [True, True, False]
    at.toggle(key="_continuous").set_value(False)
    run_app(at)
    assert (field(at, "epochs").value, field(at, "schedule").value) == (before.train.epochs, "cosine")
    assert "press Train to apply your choices" in words(at)


def test_a_run_whose_worker_is_silent_is_interrupted(lab: Lab) -> None:
    run = lab.lose(moons())
    at = open_page(run=run.run_id)
    assert f"{run.label}** interrupted" in words(at)
    assert plain(at.error[0].value) == summaries.LOST
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (scene["epochs"], scene["total"], given["live"], given["autoplay"]) == ([0, 1], 3, False, False)
    expected = [trained(run).records[epoch].metrics["test", "accuracy"] for epoch in (0, 1)]
    assert scene["scores"]["test"] == expected
    assert "1 of 3 epochs" in words(at)
    press(at, "_resume")
    now = lab.store.run(run.run_id)
    assert (now.status, now.attempt, now.first_attempt, now.epochs_done) == ("queued", 2, 1, 1)
    assert f"{run.label}** queued" in words(at)
    assert "epoch 1 of 3, next in the queue" in words(at)


def test_a_run_that_failed_before_its_first_epoch(lab: Lab) -> None:
    run = small()
    lab.end(run, "failed", None, error="the device is gone")
    at = open_page(run=run.run_id)
    said = words(at)
    assert "the device is gone" in said
    assert "0 of 3 epochs" in said
    assert "The first point appears" not in said
    assert chart_keys(at) == set()


def test_a_run_whose_losses_were_never_finite(lab: Lab) -> None:
    run = small()
    claim = lab.start(run)
    values = {(split, metric): float("nan") for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    lab.store.end(claim, "failed", "the loss became nan", [EpochRecord(0, values, {}, 0.1)])
    at = open_page(run=run.run_id)
    said = words(at)
    assert "test accuracy **n/a** after the last epoch" in said
    assert "None" not in said
    assert {share for shares in drawn(at)["scenes"][0]["scores"].values() for share in shares} == {None}


def test_a_run_whose_patience_ended_says_so(lab: Lab) -> None:
    run = small(epochs=3)
    claim = lab.start(run, 1)
    lab.store.end(claim, "finished")
    said = words(open_page(run=run.run_id))
    assert "1 of 3 epochs" in said
    assert "ended early: the validation loss stopped falling" in said


def test_a_run_that_an_older_version_allowed_does_not_hide_the_others(lab: Lab) -> None:
    old, good = lab.finish(moons(seed=1)), lab.finish(moons(seed=2))
    with lab.store._write() as connection:
        config = json.dumps({"net": {"depth": 99}})
        connection.execute(update(runs).where(runs.c.run_id == old.run_id).values(config=config))
    assert f"{good.label}** finished" in words(open_page(run=good.run_id))
    at = open_page(run=old.run_id)
    assert "depth must be" in words(at)
    assert not scenes(at)


# Nets of every kind


@pytest.mark.parametrize("net", [{"kind": "dense"}, {"depth": 0}], ids=str)
def test_nets_without_leaves(lab: Lab, net: dict[str, Any]) -> None:
    run = lab.finish(small(**net))
    at = open_page(run=run.run_id)
    assert theme.percent(lab.store.run(run.run_id).last["test_accuracy"]) in words(at)
    assert set(live_charts(at)) == {"live_loss", "live_accuracy"}
    if "depth" in net:
        assert field(at, "depth").value == 0
    else:
        assert not at.get("page_link")


def test_two_gated_layers(lab: Lab) -> None:
    run = lab.finish(small(tree_layers=2))
    at = open_page(run=run.run_id, scene_layer="1")
    counts = leaf_counts(lab.store.leaves(run.run_id, 1, "train", 3), 2)
    assert counts.tolist() != leaf_counts(lab.store.leaves(run.run_id, 0, "train", 3), 2).tolist()
    assert table_with(at, "leaf", "rows")["rows"].tolist() == counts.tolist()


@pytest.mark.parametrize("kind", ["tree", "dense"])
def test_regions_of_the_plane_are_the_nets_predictions(lab: Lab, kind: str) -> None:
    run = lab.finish(moons(depth=3, kind=kind))
    at = open_page(run=run.run_id)
    (fold,) = folds(at)
    assert not fold.proto.expanded
    assert not figures(at)
    at = unfold(at)
    assert set(figures(at)) == {"decision_regions"}
    assert len(folds(at)[0].get("plotly_chart")) == 1
    table = table_with(at, "x", "y", "predicted")
    data = load(run.data, run.data_seed)
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


def test_queued_scene_is_the_net_before_training(lab: Lab) -> None:
    run = moons()
    lab.store.submit(run)
    at = open_page(run=run.run_id)
    assert "epoch 0 of 3, next in the queue" in progress(at)
    assert "The first point appears once" in words(at)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (given["live"], given["autoplay"]) == (True, False)
    assert (scene["id"], scene["mode"], scene["kind"], scene["depth"]) == (run.run_id, "plane", "tree", 2)
    assert (scene["epochs"], scene["total"], scene["counts"], scene["note"]) == ([0], 3, [], "")
    assert scene["scores"] == {"train": [None], "validation": [None], "test": [None]}
    assert begins_with(scene["weights"][0], untrained(run))
    assert len(scene["weights"]) == 1


def test_changed_settings_show_their_data_and_the_untrained_net(lab: Lab) -> None:
    run = lab.finish(moons())
    at = open_page(run=run.run_id, epoch_at=1, held="0.5,-1")
    at.number_input(key="depth").set_value(3)
    at.number_input(key="noise").set_value(0.4)
    run_app(at)
    chosen = changed(run, {"net.depth": 3, "data.noise": 0.4})
    (scene,) = drawn(at)["scenes"]
    assert (scene["id"], scene["epochs"], scene["depth"], scene["title"]) == (chosen.run_id, [0], 3, chosen.label)
    assert begins_with(scene["weights"][0], untrained(chosen))
    data = load(chosen.data, chosen.data_seed)
    sent = np.frombuffer(base64.b64decode(scene["rows"]["train"]["x"]), "<f4")
    assert sent.tolist() == data.raw[data.train.index].astype("<f4").reshape(-1).tolist()
    assert f"Before training: {chosen.label}" in plain(words(at))
    assert "not trained yet" in words(at)
    assert not live_charts(at)
    assert (param(at, "epoch_at"), param(at, "held")) == (None, None)  # they were of the run before
    assert not lab.store.runs([chosen.run_id])
    press(at, "_use_settings")
    assert drawn(at)["scenes"][0]["id"] == run.run_id
    at.number_input(key="width").set_value(16)
    at.number_input(key="depth").set_value(7)  # too deep for the browser: the run stays in sight
    run_app(at)
    assert drawn(at)["scenes"][0]["id"] == run.run_id


def test_running_scene_is_the_first_and_the_newest_net(lab: Lab) -> None:
    run = moons()
    claim = lab.start(run)
    trainer = Trainer(run)
    artifacts, records = {}, []
    for record in trainer.epochs():
        if record.epoch == 3:
            break
        records.append(record)
        artifacts[snapshot_name("weights", record.epoch)] = pack(trainer.net.state_dict())
    lab.store.record(claim, records, artifacts)
    at = open_page(run=run.run_id)
    assert "epoch 2 of 3" in progress(at)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (given["live"], given["autoplay"]) == (True, False)
    assert (scene["epochs"], scene["total"]) == ([0, 2], 3)
    newest = as_tensors(artifacts[snapshot_name("weights", 2)])
    assert [begins_with(text, state) for text, state in zip(scene["weights"], (untrained(run), newest), strict=True)] == [
        True
    ] * 2
    assert scene["scores"]["validation"] == [records[epoch].metrics["validation", "accuracy"] for epoch in (0, 2)]
    assert [sum(counts) for counts in scene["counts"][0]] == [shape(run.data).n_train] * 2


def test_finished_scene_is_every_epoch_and_plays(lab: Lab) -> None:
    run = lab.work(moons())
    at = open_page(run=run.run_id)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert (given["live"], given["autoplay"]) == (False, True)
    assert (scene["epochs"], scene["note"], scene["failed"]) == ([0, 1, 2, 3], "", False)
    assert begins_with(scene["weights"][0], untrained(run))
    assert begins_with(scene["weights"][3], stored_net(lab, run))
    assert scene["scores"]["test"][-1] == lab.store.run(run.run_id).last["test_accuracy"]
    recorded = [leaf_counts(lab.store.leaves(run.run_id, 0, "train", epoch), 2).tolist() for epoch in range(4)]
    assert scene["counts"] == [recorded]


def test_finished_run_has_words_in_place_of_a_bar(lab: Lab) -> None:
    at = open_page(run=lab.finish(moons()).run_id)
    assert not at.get("progress")
    assert sum(caption.value.startswith("3 of 3 epochs, ") and "of training on" in caption.value for caption in at.caption) == 1
    lab.store.submit(moons(seed=1))
    at = open_page(run=moons(seed=1).run_id)
    assert len(at.get("progress")) == 1
    assert not any(caption.value.startswith("epoch ") for caption in at.caption)


def test_failed_scene_says_why_and_what_is_shown(lab: Lab) -> None:
    run = moons()
    lab.end(run, "failed", error="the loss became *nan*", checkpoint=False)
    at = open_page(run=run.run_id)
    assert "failed" in words(at)
    (scene,) = drawn(at)["scenes"]
    assert scene["failed"]
    assert "The run failed: the loss became *nan*." in scene["note"]
    assert "the net before training" in scene["note"]
    assert scene["epochs"] == [0]


def test_run_of_an_older_database(lab: Lab) -> None:
    run = lab.finish(moons())
    assert not lab.store.snapshots(run.run_id, "weights")
    (scene,) = drawn(open_page(run=run.run_id))["scenes"]
    assert scene["epochs"] == [0, 3]
    first, last = scene["weights"]
    assert begins_with(first, untrained(run))
    assert begins_with(last, stored_net(lab, run))
    assert first != last


def test_run_of_an_older_database_that_kept_no_net(lab: Lab) -> None:
    run = moons()
    lab.end(run, "finished", 3, checkpoint=False)
    (scene,) = drawn(open_page(run=run.run_id))["scenes"]
    assert scene["epochs"] == [0]
    assert "weights after training were not kept" in scene["note"]


def test_rows_of_the_scene_are_those_of_the_run(lab: Lab) -> None:
    run = lab.finish(small("moons"))
    (scene,) = drawn(open_page(run=run.run_id))["scenes"]
    data = load(run.data, run.data_seed)
    for name in ("train", "test"):
        rows = data.splits[name].index
        x = np.frombuffer(base64.b64decode(scene["rows"][name]["x"]), "<f4").reshape(-1, 2)
        y = np.frombuffer(base64.b64decode(scene["rows"][name]["y"]), "<u2")
        assert x.tolist() == data.raw[rows].astype(np.float32).tolist()
        assert y.tolist() == data.labels[rows].tolist()


STATUSES = ("queued", "running", "finished", "failed")


@pytest.mark.parametrize(
    ("status", "name", "mode", "n_features"),
    [*((status, "iris", "rows", 4) for status in STATUSES), ("finished", "digits", "pad", 64)],
)
def test_data_that_are_no_plane(lab: Lab, status: str, name: str, mode: str, n_features: int) -> None:
    run = small(name)
    if status == "queued":
        lab.store.submit(run)
    elif status == "running":
        lab.start(run, 1, checkpoint=False)
    elif status == "finished":
        lab.finish(run)
    else:
        lab.end(run, "failed", error="no memory", checkpoint=False)
    at = open_page(run=run.run_id)
    (scene,) = drawn(at)["scenes"]
    assert (scene["mode"], len(scene["features"]), scene["low"], scene["ready"]) == (mode, n_features, None, None)
    assert scene["epochs"] == ([0, 3] if status == "finished" else [0])
    assert {"queued": "queued", "running": "training"}.get(status, status) in words(at)
    assert not figures(at)
    assert len(folds(at)) == (name == "iris" and status in ("finished", "failed"))
    assert list(figures(unfold(at))) == (["decision_regions"] if name == "iris" and status == "finished" else [])
    if name == "iris" and status == "failed":
        assert "net of this run was not kept" in words(at)


def test_the_plane_through_many_columns_is_that_of_the_scene(lab: Lab) -> None:
    run = lab.finish(small("iris"))
    data = load(run.data, run.data_seed)
    for address, section in (({}, (0, 1)), ({"section": "2,1"}, (2, 1)), ({"section": "components"}, "components")):
        at = unfold(open_page(run=run.run_id, **address))
        table = table_with(at, "x", "y", "predicted")
        _, points = plane_of(data, section).grid(160)
        with torch.no_grad():
            said = train(run).net(torch.tensor(data.standardize(points))).argmax(1).numpy()
        assert (table["predicted"].to_numpy() == np.array(data.class_names)[said]).mean() > 0.999  # ties of single precision
        assert ("at the median" in words(at)) == (section != "components")


def test_the_plane_of_the_figure_is_chosen_and_stands_in_the_address(lab: Lab) -> None:
    run = lab.finish(small("iris"))
    at = unfold(open_page(run=run.run_id))
    across, up = (next(one for one in at.selectbox if one.label == label) for label in ("Across", "Up"))
    assert (across.value, up.value) == (0, 1)
    across.select(1)  # which the other axis had
    at = run_app(at)
    assert param(at, "plane") == "1,0"
    names = load(run.data, run.data_seed).feature_names
    layout = figures(at)["decision_regions"]["layout"]
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == (names[1], names[0])
    next(one for one in at.radio if one.label == "Plane through").set_value("components")
    at = run_app(at)
    assert param(at, "plane") == "components"
    again = figures(unfold(open_page(run=run.run_id, plane="components")))["decision_regions"]
    assert again["layout"]["xaxis"]["title"]["text"] == "principal component 1"


@pytest.mark.parametrize(
    ("changes", "kind", "depth", "status"),
    [
        *(({"kind": "dense"}, "dense", 0, status) for status in STATUSES),
        *(({"depth": 0}, "tree", 0, status) for status in STATUSES),
        ({"depth": 0, "kind": "flat"}, "flat", 0, "finished"),
        *(({"kind": "decision_tree", "depth": 3}, "decision_tree", 3, status) for status in STATUSES),
    ],
)
def test_models_without_leaves_or_weights(lab: Lab, changes: dict[str, Any], kind: str, depth: int, status: str) -> None:
    run = moons(**changes)
    is_fitted = kind == "decision_tree"
    if status == "queued":
        lab.store.submit(run)
    elif status == "running":
        lab.start(run, None if is_fitted else 1, checkpoint=False)
    elif status == "failed":
        lab.end(run, "failed", None if is_fitted else 1, "no memory", checkpoint=False)
    else:
        lab.work(run)
    at = open_page(run=run.run_id)
    (scene,) = drawn(at)["scenes"]
    assert (scene["kind"], scene["depth"], scene["failed"]) == (kind, depth, status == "failed")
    if is_fitted:
        assert (scene["epochs"], scene["weights"]) == ([1], [])
        assert (scene["tree"] is not None) == (status == "finished")
        assert ("drawn once it is fitted" in scene["note"]) == (status in ("queued", "running"))
        if status == "finished":
            assert sum(feature >= 0 for feature in scene["tree"]["feature"]) <= 2**3 - 1
    else:
        assert scene["tree"] is None
        assert scene["epochs"] == ([0, 1, 2, 3] if status == "finished" else [0])
        assert begins_with(scene["weights"][0], untrained(run))
    if status == "failed":
        assert "The run failed: no memory." in scene["note"]
        assert plain(at.error[0].value) == "no memory"
    if status == "finished":
        assert theme.percent(lab.store.run(run.run_id).last["test_accuracy"]) in words(at)
        if is_fitted:
            assert not folds(at)
        assert list(figures(unfold(at))) == ([] if is_fitted else ["decision_regions"])


def test_forest_is_said_not_to_be_drawn(lab: Lab) -> None:
    run = lab.work(moons(kind="random_forest"))
    (scene,) = drawn(open_page(run=run.run_id))["scenes"]
    assert scene["note"] == "The random forest is not drawn here."
    assert (scene["weights"], scene["tree"], scene["ready"]) == ([], None, None)


def test_net_too_large_for_the_browser(lab: Lab) -> None:
    run = lab.work(moons(depth=7, width=16))
    at = open_page(run=run.run_id, held="0.5,-0.25", read_to=3)
    given = drawn(at)
    (scene,) = given["scenes"]
    assert scene["weights"] == []
    assert [len(base64.b64decode(leaf)) for leaf in scene["ready"]["leaf"]] == [4 * PLANE] * 4
    assert len(scene["ready"]["levels"]["accuracy"]) == 8
    assert (param(at, "held"), param(at, "read_to")) == ("0.5,-0.25", "3")
    assert (given["explained"]["raw"], len(given["explained"]["nodes"])) == ([0.5, -0.25], 8)
    small = lab.work(moons())
    assert drawn(open_page(run=small.run_id, held="0.5,-0.25"))["explained"] is None


def test_a_second_net_is_trained_and_set_beside(lab: Lab) -> None:
    run = lab.work(moons())
    at = open_page(run=run.run_id)
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
    assert [scene["epochs"] for scene in given["scenes"]] == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert not given["live"]
    assert "finished" in words(at)


def test_second_net_of_an_address_is_offered_where_it_is_not_here(lab: Lab) -> None:
    run = lab.finish(moons())
    at = open_page(run=run.run_id, beside="decision_tree")
    other = changed(run, {"net.kind": "decision_tree"})
    assert f"not here yet: {other.label}" in words(at)
    assert [scene["id"] for scene in drawn(at)["scenes"]] == [run.run_id]
    press(at, "_train_plan")
    assert lab.store.run(other.run_id).status == "queued"
    assert [scene["id"] for scene in drawn(at)["scenes"]] == [run.run_id, other.run_id]


def test_second_net_that_failed_says_so(lab: Lab) -> None:
    run = lab.finish(moons())
    lab.end(changed(run, {"net.kind": "flat"}), "failed", error="no memory", checkpoint=False)
    first, second = drawn(open_page(run=run.run_id, beside="flat"))["scenes"]
    assert (first["failed"], second["failed"]) == (False, True)
    assert "The run failed: no memory." in second["note"]


def test_the_address_holds_both_runs(lab: Lab) -> None:
    run = lab.finish(small("moons"))
    other = changed(run, {"net.gates": "random"})
    lab.finish(other)
    at = open_page(run=run.run_id, beside="random_gates")
    assert decode(str(at.query_params["plan"])).runs == (run, other)
    assert [scene["id"] for scene in drawn(at)["scenes"]] == [run.run_id, other.run_id]


def test_the_second_net_stays_when_pages_change(lab: Lab) -> None:
    run = lab.finish(small("moons"))
    lab.finish(changed(run, {"net.kind": "flat"}))
    at = open_page(run=run.run_id, beside="flat")
    go(at, "leaves")
    go(at, "playground")
    assert field(at, "beside").value == "flat"
    assert at.query_params["beside"] == "flat"
    assert [scene["kind"] for scene in drawn(at)["scenes"]] == ["tree", "flat"]


def test_training_another_net_leaves_the_place_of_the_one_before(lab: Lab) -> None:
    run = lab.finish(moons())
    at = open_page(run=run.run_id, epoch_at=1, read_to=1, shuffled=1, held="0.5,-1", scene_layer=0)
    at.number_input(key="depth").set_value(1)
    run_app(at)
    press(at, "_train")
    assert [param(at, name) for name in ("epoch_at", "read_to", "shuffled", "held", "scene_layer")] == [None] * 5
    assert drawn(at)["scenes"][0]["depth"] == 1


def test_bad_place_in_the_address(lab: Lab) -> None:
    run = lab.finish(moons())
    at = open_page(run=run.run_id, read_to=3)
    assert "read_to in the address must be a level from 0 to 2, got '3'; it is ignored" in words(at)
    assert param(at, "read_to") is None


def test_all_bad_places_in_the_address_are_said(lab: Lab) -> None:
    run = lab.finish(moons())
    said = words(open_page(run=run.run_id, epoch_at="77", read_to="x"))
    assert "epoch_at in the address" in said
    assert "read_to in the address" in said


def test_point_of_the_address_beyond_all_numbers(lab: Lab) -> None:
    run = lab.work(moons(depth=7, width=16))
    for point in ("1e39,1", "1e38,-3e38", "nan,0", "1e13,0"):
        at = open_page(run=run.run_id, held=point)
        assert "held in the address must be" in words(at), point
        assert param(at, "held") is None, point


def test_finished_scene_stays_whole_while_the_net_beside_waits(lab: Lab) -> None:
    run = lab.work(moons())
    (whole,) = drawn(open_page(run=run.run_id))["scenes"]
    lab.store.submit(changed(run, {"net.kind": "flat"}))
    given = drawn(open_page(run=run.run_id, beside="flat"))
    assert given["live"]
    assert not given["autoplay"]
    assert given["scenes"][0]["epochs"] == whole["epochs"]
    assert given["scenes"][1]["epochs"] == [0]


def test_scene_is_in_the_look_of_the_page(lab: Lab) -> None:
    run = lab.finish(moons())
    given = [drawn(open_page(run=run.run_id, size=size)) for size in ("screen", "projector")]
    assert [[look["dark"] for look in of_size["looks"]] for of_size in given] == [[False, True], [False, True]]
    looks = [of_size["looks"][of_size["dark"]] for of_size in given]
    assert [look["projector"] for look in looks] == [False, True]
    assert looks[1]["size"] == theme.FONT_SIZE[True] > looks[0]["size"]


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


def test_a_projector_gets_large_text(lab: Lab) -> None:
    run = lab.finish(small("moons"))
    at = unfold(open_page(run=run.run_id, size="projector"))
    for key in ("live_loss", "live_accuracy"):
        sizes = fonts(live_charts(at)[key])
        assert len(sizes) > 3
        assert min(sizes) >= 22, key
        assert max(sizes) >= 24, key
    figure = figures(at)["decision_regions"]
    assert figure["layout"]["template"]["layout"]["font"]["size"] >= 24
    assert min(fonts(figure["layout"])) >= 22
    assert at.query_params["size"] == "projector"
    assert at.radio(key="size").value == "projector"
    title = live_charts(at)["live_loss"]["title"]
    assert title["textStyle"]["fontSize"] == theme.FONT_SIZE[True] > theme.FONT_SIZE[False]
    assert min(fonts(live_charts(open_page(run=run.run_id))["live_loss"])) < 22


def test_the_camera_saves_what_was_chosen(lab: Lab) -> None:
    run = lab.finish(small("moons"))
    for image in ("svg", "png"):
        at = unfold(open_page(run=run.run_id, image=image))
        assert at.radio(key="image").value == image
        found = next(element for element in at.get("plotly_chart") if element.key == "decision_regions")
        assert json.loads(found.proto.config)["toImageButtonOptions"]["format"] == image
        assert live_charts(at)["live_loss"]["toolbox"]["feature"]["saveAsImage"]["type"] == image


def test_a_view_that_does_not_exist_is_the_usual_one(lab: Lab) -> None:
    at = open_page(size="<b>", image="gif")
    assert (at.radio(key="size").value, at.radio(key="image").value) == ("screen", "svg")
    assert not at.query_params


def test_the_link_to_the_view_is_in_its_fold(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page(run=run.run_id)
    assert not at.code  # which the browser needs another script for
    at.session_state["_view"] = True
    (code,) = run_app(at).code
    assert f"run={run.run_id}" in code.value


# The worker


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("starting", "is starting"), ("ready", "is ready"), ("busy", "is training"), (None, "is not running")],
)
def test_the_foot_says_what_the_worker_does(lab: Lab, state: Any, sentence: str) -> None:
    if state is not None:
        lab.store.set_worker("w", state, "cpu")
    assert f"The worker {sentence}" in words(open_page())
