"""The scene's place: points in the address, what the browser tells, and the run that is set beside."""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from leafscope.app.playground import scene
from leafscope.app.scene import payload
from leafscope.core import jobs
from leafscope.core.config import DataConfig, RunConfig, changed
from leafscope.core.cost import cost
from leafscope.core.datasets import load
from leafscope.core.errors import DataError
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.worker import Worker
from tests.core.store.as_tensors import as_tensors
from tests.pages.harness import param, words

DIGITS = RunConfig(data=DataConfig(name="digits"))
MOONS = RunConfig(data=DataConfig(name="moons"))
IRIS = RunConfig(data=DataConfig(name="iris"))
CANCER = RunConfig(data=DataConfig(name="breast_cancer"))
MOMENTS = itertools.count()
PLACES = ("epoch_at", "read_to", "shuffled", "held", "scene_layer", "section", "held_at")


# Points in an address


@given(some.lists(some.integers(0, 16), min_size=64, max_size=64))
def test_a_digit_in_the_address_is_the_digit(cells: list[int]) -> None:
    text = scene.write_held([float(cell) for cell in cells], DIGITS)
    assert text == "".join("0123456789abcdefg"[cell] for cell in cells)
    assert scene.parse_held(text, DIGITS) == cells


@given(some.lists(some.floats(-40, 40), min_size=64, max_size=64))
def test_cells_that_no_sign_stands_for_become_the_nearest(cells: list[float]) -> None:
    text = scene.write_held(cells, DIGITS)
    assert text is not None
    back = scene.parse_held(text, DIGITS)
    assert all(abs(new - min(16.0, max(0.0, old))) <= 0.5 for new, old in zip(back, cells, strict=True))
    assert set(back) <= {float(cell) for cell in range(17)}


@given(some.tuples(some.floats(-1e11, 1e11), some.floats(-1e11, 1e11)))
def test_a_point_in_the_address_is_the_point_to_six_digits(point: tuple[float, float]) -> None:
    text = scene.write_held(list(point), MOONS)
    assert text is not None
    assert scene.parse_held(text, MOONS) == pytest.approx(point, rel=5e-6, abs=1e-300)


def test_a_row_of_few_features_goes_to_the_address_and_one_of_many_does_not() -> None:
    iris = [5.1, 3.5, 1.4, 0.2]
    assert scene.write_held(iris, IRIS) == "5.1,3.5,1.4,0.2"
    assert scene.parse_held("5.1,3.5,1.4,0.2", IRIS) == iris
    assert scene.write_held([1.0] * 30, CANCER) is None


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("", MOONS),
        ("1", MOONS),
        ("1,", MOONS),
        ("1,2,3", MOONS),
        ("1;2", MOONS),
        ("1,two", MOONS),
        ("nan,1", MOONS),
        ("1,inf", MOONS),
        ("1,-1e999", MOONS),
        ("1,2", IRIS),
        ("", DIGITS),
        ("0" * 63, DIGITS),
        ("0" * 65, DIGITS),
        ("h" + "0" * 63, DIGITS),
        ("-" + "0" * 63, DIGITS),
        (",".join("0" * 64), DIGITS),
    ],
)
def test_what_is_no_point_of_the_data_is_refused(text: str, run: RunConfig) -> None:
    with pytest.raises(ValueError, match=r"a point must have|could not convert|invalid literal"):
        scene.parse_held(text, run)


@given(some.text(max_size=80))
def test_any_text_is_a_point_or_refused(text: str) -> None:
    for run, n in ((MOONS, 2), (DIGITS, 64)):
        try:
            point = scene.parse_held(text, run)
        except ValueError:
            continue
        assert len(point) == n
        assert all(map(math.isfinite, point))


# A page with nothing but the scene


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "scene.db"))
    yield jobs.default_store()
    jobs.default_store().close()


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the browser tells when the button "tell" is pressed; "given" is what it was given last."""
    browser: dict[str, Any] = {"place": None}

    def component(name: str, **files: str) -> Callable[..., None]:
        assert name == "leafscope_scene"
        assert all(files.values())

        def draw(
            *, key: str, data: dict[str, Any], on_place_change: Callable[[], None], on_scheme_change: Callable[[], None]
        ) -> None:
            assert callable(on_scheme_change)

            def tell() -> None:
                st.session_state[key] = {"place": browser["place"]}
                on_place_change()

            browser["given"] = json.loads(json.dumps(data))
            st.button("tell", key="tell", on_click=tell)

        return draw

    monkeypatch.setattr(st.components.v2, "component", component)
    return browser


def page() -> None:
    import streamlit as st

    from leafscope.app.address import session
    from leafscope.app.playground import scene
    from leafscope.core import jobs

    run = jobs.default_store().run(st.session_state["shown"])
    with st.sidebar:
        other = scene.choose_beside(run)
    scene.show(run, scene.run_beside(run, other))
    session.show_notice()


def config(run: RunConfig = MOONS, **fields: Any) -> RunConfig:
    small = {"net.width": 6, "net.depth": 3, "net.tree_layers": 2, "train.epochs": 5, "train.device": "cpu"}
    if run.data.name == "moons":
        small["data.n_samples"] = 120
    return changed(run, small | {name.replace("__", "."): value for name, value in fields.items()})


def queued(store: Store, run: RunConfig = MOONS, **fields: Any) -> RunConfig:
    made = config(run, **fields)
    store.submit(made)
    return made


def work(store: Store, run: RunConfig) -> RunConfig:
    """Train a run as a worker does."""
    store.submit(run)
    assert Worker(store, "w").work_once()
    assert store.run(run.run_id).status == "finished"
    return run


def look(run: RunConfig, **address: str) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["shown"] = run.run_id
    for name, value in address.items():
        at.query_params[name] = value
    return rerun(at)


def rerun(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def show(at: AppTest, run: RunConfig) -> AppTest:
    """Show another run in the same session."""
    at.session_state["shown"] = run.run_id
    return rerun(at)


def tell(at: AppTest, told: dict[str, Any], **place: Any) -> AppTest:
    told["place"] = place | {"when": next(MOMENTS)}
    at.button(key="tell").click()
    return rerun(at)


def places(at: AppTest) -> dict[str, str]:
    """The scene's parameters of the address."""
    return {name: value for name in PLACES if (value := param(at, name)) is not None}


def notices(at: AppTest) -> list[str]:
    return [toast.value.replace("\\", "").replace("\u2060", "") for toast in at.toast]


# From the address


def test_a_place_in_the_address_stays_for_the_browser_to_read(store: Store) -> None:
    run = queued(store)
    for address in ({"epoch_at": "5", "read_to": "3", "shuffled": "1", "held": "0.5,-1", "scene_layer": "1"}, {}):
        at = look(run, **address)
        assert places(at) == address
        assert not notices(at)


@pytest.mark.parametrize(
    ("name", "wanted", "values"),
    [
        ("epoch_at", "an epoch from 0 to 5", ("6", "-1", "1.5", "two", "", "nan", "9" * 5000)),
        ("read_to", "a level from 0 to 3", ("4", "-1", "0.0", "<b>")),
        ("shuffled", "0 or 1", ("2", "-1", "true")),
        ("scene_layer", "a layer from 0 to 1", ("2", "-1", "one")),
        ("held", "a point of this run's data", ("1", "1,2,3", "1,nan", "a,b")),
        ("section", "components, or the numbers of two columns", ("components", "0,1", "a,b")),  # of a plane there is no other
    ],
)
def test_a_bad_value_in_the_address_is_said_and_left_out(store: Store, name: str, wanted: str, values: tuple[str, ...]) -> None:
    run = queued(store)
    good = {"epoch_at": "2", "read_to": "1"}
    for value in values:
        at = look(run, **(good | {name: value}))
        assert notices(at) == [f"{name} in the address must be {wanted}, got {value[:40]!r}; it is ignored"]
        assert places(at) == {other: text for other, text in good.items() if other != name}
        at = rerun(at)
        assert not notices(at)


@pytest.mark.parametrize(
    ("run", "last", "beyond"),
    [
        (config(net__depth=0), {"read_to": "0"}, {"read_to": "1"}),
        (config(net__tree_layers=1), {"scene_layer": "0"}, {"scene_layer": "1"}),
        (config(net__kind="decision_tree"), {"epoch_at": "1"}, {"epoch_at": "2"}),  # which is fitted in one go
        (config(DIGITS), {"held": "0123456789abcdefg" + "0" * 47}, {"held": "1,2"}),
    ],
)
def test_the_limits_are_those_of_the_run(store: Store, run: RunConfig, last: dict[str, str], beyond: dict[str, str]) -> None:
    store.submit(run)
    at = look(run, **last)
    assert places(at) == last
    assert not notices(at)
    at = look(run, **beyond)
    assert places(at) == {}
    assert len(notices(at)) == 1


# From the browser


def test_where_the_scene_comes_to_rest_goes_to_the_address(store: Store, told: dict[str, Any]) -> None:
    run = queued(store)
    at = tell(look(run), told, id=run.run_id, epoch=4, level=0, shuffled=True, held=[0.123456789, -2], layer=1)
    assert places(at) == {
        "epoch_at": "4",
        "read_to": "0",
        "shuffled": "1",
        "held": "0.123457,-2",
        "scene_layer": "1",
    }
    at = tell(at, told, id=run.run_id, epoch=None, level=None, shuffled=False, held=None, layer=None)
    assert places(at) == {}


def test_the_address_that_the_scene_wrote_opens_it_there(store: Store, told: dict[str, Any]) -> None:
    run = queued(store)
    place = {"epoch": 4, "level": 2, "shuffled": True, "held": [0.25, -2.0], "layer": 1}
    at = tell(look(run), told, id=run.run_id, **place)
    again = look(run, **places(at))
    assert places(again) == places(at)
    assert len(places(at)) == len(place)
    assert not notices(again)


def test_a_place_is_in_the_address_although_the_script_was_broken_off(
    store: Store, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(store)
    at = look(run)
    write = type(st.query_params).from_dict
    broken_off = []

    def once(params: Any, address: dict[str, str]) -> None:
        if not broken_off:
            broken_off.append(address)
            st.rerun()
        write(params, address)

    monkeypatch.setattr(type(st.query_params), "from_dict", once)
    at = tell(at, told, id=run.run_id, epoch=4, level=2)
    assert broken_off
    assert places(at) == {"epoch_at": "4", "read_to": "2"}


def test_a_place_is_written_once_and_another_address_stands(store: Store, told: dict[str, Any]) -> None:
    run = queued(store)
    at = tell(look(run), told, id=run.run_id, epoch=4)
    at.query_params["epoch_at"] = "2"  # the browser's Back
    assert places(rerun(at)) == {"epoch_at": "2"}
    assert places(tell(at, told, id=run.run_id, epoch=4)) == {"epoch_at": "4"}  # and there again


def test_a_digit_drawn_goes_to_the_address_and_a_long_row_does_not(store: Store, told: dict[str, Any]) -> None:
    digits, cancer = config(DIGITS), config(CANCER)
    store.submit(digits)
    store.submit(cancer)
    at = tell(look(digits), told, id=digits.run_id, held=[16, 0, 10.4] + [0] * 61)
    assert places(at) == {"held": "g0a" + "0" * 61}
    at = tell(look(cancer), told, id=cancer.run_id, epoch=2, held=[1.0] * 30)
    assert places(at) == {"epoch_at": "2"}
    for section, written in (
        ("components", "components"),
        ("3,29", "3,29"),
        ("3,30", None),
        ("3,3", None),
        ("3", None),
        (3, None),
    ):
        at = tell(at, told, id=cancer.run_id, section=section)
        assert places(at) == ({} if written is None else {"section": written})


def test_a_point_held_on_a_plane_is_kept_by_its_place_on_it(store: Store, told: dict[str, Any]) -> None:
    cancer, iris = config(CANCER), config(IRIS)
    store.submit(cancer)
    store.submit(iris)
    on = {"section": "3,29", "held": [1.0] * 30}
    at = look(cancer)
    for held_at, written in (
        ([0.25, -1234567.0], "0.25,-1.23457e+06"),
        ([0.25], None),
        ([1, 1e13], None),
        ([1, "2"], None),
        ([True, 2], None),
        ("1,2", None),
        (None, None),
    ):
        at = tell(at, told, id=cancer.run_id, held_at=held_at, **on)
        assert places(at) == {"section": "3,29"} | ({} if written is None else {"held_at": written})
    at = tell(at, told, id=cancer.run_id, held_at=[1, 2])
    assert places(at) == {}
    at = tell(look(iris), told, id=iris.run_id, section="0,1", held=[1.0, 2.0, 3.0, 4.0], held_at=[1, 2])
    assert places(at) == {"section": "0,1", "held": "1,2,3,4"}  # short enough to be written whole
    for good in ({"section": "components", "held_at": "0.5,-1"}, {"section": "1,2", "held_at": "1e-3,2"}):
        at = look(cancer, **good)
        assert (places(at), notices(at)) == (good, [])
    for bad, with_section in (("1", True), ("1,nan", True), ("1,2,3", True), ("a,b", True), ("1,2", False)):
        section = {"section": "components"} if with_section else {}
        at = look(cancer, **section, held_at=bad)
        assert notices(at) == [f"held_at in the address must be two numbers, beside a section, got {bad!r}; it is ignored"]
        assert places(at) == section


NO_PLACE = [None, 3, "epoch", [], ["id"], {}, {"epoch": 1}, {"id": None, "epoch": 1}, {"id": "another", "epoch": 1}]


@pytest.mark.parametrize("place", NO_PLACE, ids=str)
def test_what_is_no_place_of_this_run_changes_nothing(store: Store, told: dict[str, Any], place: Any) -> None:
    run = queued(store)
    at = look(run, epoch_at="3", held="1,2")
    told["place"] = place
    at.button(key="tell").click()
    assert places(rerun(at)) == {"epoch_at": "3", "held": "1,2"}


def test_a_place_of_the_run_before_changes_nothing(store: Store, told: dict[str, Any]) -> None:
    run, other = config(), config(seed=1)
    store.submit(run)
    store.submit(other)
    at = show(tell(look(run), told, id=run.run_id, epoch=3), other)
    assert places(tell(at, told, id=run.run_id, epoch=3, level=1)) == {}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("epoch", (-1, 6, 1.0, True, "1", [1], {}, math.nan, math.inf)),
        ("level", (-1, 4, 1.0, True, "1", math.nan)),
        ("layer", (-1, 2, 0.0, False, "0")),
        ("shuffled", (1, "true", "1", 1.0, [True], None)),
        (
            "held",
            (3, "1,2", {}, [], [1.0], [1.0, 2.0, 3.0], [1.0, "2"], [True, 1.0], [None, 1.0], [math.nan, 1.0], [1.0, math.inf]),
        ),
    ],
)
def test_a_part_of_the_place_that_cannot_be_is_left_out(
    store: Store, told: dict[str, Any], name: str, values: tuple[Any, ...]
) -> None:
    run = queued(store)
    at = look(run)
    good = {"epoch": 2, "level": 1, "shuffled": True, "held": [0.5, 1.0], "layer": 1}
    written = {"epoch": "epoch_at", "level": "read_to", "shuffled": "shuffled", "held": "held", "layer": "scene_layer"}
    everything = {"epoch_at": "2", "read_to": "1", "shuffled": "1", "held": "0.5,1", "scene_layer": "1"}
    for value in values:
        assert places(tell(at, told, id=run.run_id, **good)) == everything
        at = tell(at, told, id=run.run_id, **(good | {name: value}))
        assert places(at) == {key: text for key, text in everything.items() if key != written[name]}


# Another run


def test_another_run_begins_anew(store: Store, told: dict[str, Any]) -> None:
    run, other = config(), config(seed=1)
    store.submit(run)
    store.submit(other)
    address = {"epoch_at": "5", "read_to": "3", "shuffled": "1", "held": "0.5,-1", "scene_layer": "1"}
    at = look(run, **address)
    at.query_params["depth"] = "3"  # of another widget
    at = show(at, other)
    assert places(at) == {}
    assert told["given"]["scenes"][0]["id"] == other.run_id
    assert param(at, "depth") == "3"
    assert not notices(at)


# What is drawn


def test_a_finished_run_plays(store: Store, told: dict[str, Any]) -> None:
    run = work(store, config())
    look(run)
    assert told["given"]["scenes"][0]["epochs"] == [0, 1, 2, 3, 4, 5]
    assert (told["given"]["autoplay"], told["given"]["live"]) == (True, False)
    waiting = config(seed=1)
    store.submit(waiting)
    look(waiting)
    assert (told["given"]["autoplay"], told["given"]["live"]) == (False, True)


def test_data_that_cannot_be_had_are_said(store: Store, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run = queued(store)

    def gone(*_: Any, **__: Any) -> None:
        raise DataError("the table *iris* is [gone](x)")

    monkeypatch.setattr(payload, "scene", gone)
    at = look(run)
    (info,) = at.info
    assert info.value.startswith("Nothing to draw for moons")
    assert info.value.endswith(r": the table \*iris\* is \[gone\]\(x\)")
    assert "given" not in told


def test_a_net_too_large_for_the_browser_is_explained_here(store: Store, told: dict[str, Any]) -> None:
    run = work(store, config(net__depth=7, net__width=16, train__epochs=2))
    at = look(run, held="0.5,-0.2", scene_layer="1")
    net = Trainer(run).net
    artifact = store.artifact(run.run_id, NET)
    assert artifact is not None
    net.load_state_dict(as_tensors(artifact))
    data = load(run.data, run.data_seed)

    def agrees(raw: list[float], layer: int) -> None:
        found = told["given"]["explained"]
        with torch.no_grad():
            routed = net.routed(torch.tensor(data.standardize([raw])))
        assert (found["raw"], found["layer"]) == (raw, layer)
        assert found["logits"] == pytest.approx(routed.logits[0].tolist(), abs=1e-4)
        sums = [rest + sum(column) for rest, column in zip(found["rest"], zip(*found["contributions"]), strict=True)]
        assert sums == pytest.approx(found["logits"], abs=1e-4)
        assert found["nodes"][-1] - (2**7 - 1) == int(routed.leaves[layer][0])

    agrees([0.5, -0.2], 1)
    at = tell(at, told, id=run.run_id, epoch=2, held=[-0.8, 0.9], layer=0)
    agrees([-0.8, 0.9], 0)
    tell(at, told, id=run.run_id, epoch=2, held=None)
    assert told["given"]["explained"] is None


def test_a_net_that_the_browser_computes_is_not_explained_here(store: Store, told: dict[str, Any]) -> None:
    look(work(store, config(train__epochs=1)), held="0.5,-0.2")
    assert told["given"]["explained"] is None


# Beside


def test_partners_are_offered_and_nothing_stands_beside_at_first(store: Store, told: dict[str, Any]) -> None:
    run = queued(store)
    at = look(run)
    chooser = at.selectbox(key="beside")
    assert chooser.options == ["nothing", "dense", "flat", "random gates", "decision tree"]
    assert chooser.value == "nothing"
    assert [scene["id"] for scene in told["given"]["scenes"]] == [run.run_id]
    assert "beside" not in at.query_params
    assert len(store.list_runs()) == 1


def test_the_last_step_alone_in_an_address_brings_the_dense_net(store: Store, told: dict[str, Any]) -> None:
    at = look(queued(store), step="5")
    assert at.selectbox(key="beside").value == "dense"
    assert look(queued(store), step="5", beside="flat").selectbox(key="beside").value == "flat"
    assert look(queued(store), step="4").selectbox(key="beside").value == "nothing"


@pytest.mark.parametrize(
    ("value", "kind", "gates"),
    [
        ("dense", "dense", "hidden"),
        ("flat", "flat", "hidden"),
        ("random_gates", "tree", "random"),
        ("decision_tree", "decision_tree", "hidden"),
    ],
)
def test_what_is_chosen_is_trained_and_stands_beside(
    store: Store, told: dict[str, Any], value: str, kind: str, gates: str
) -> None:
    run = queued(store)
    at = look(run)
    at.selectbox(key="beside").set_value(value)
    rerun(at)
    first, second = sorted(store.list_runs(), key=lambda summary: summary.created)
    other = second.config
    assert (first.run_id, second.status) == (run.run_id, "queued")
    assert (other.net.kind, other.net.gates) == (kind, gates)
    assert (other.data, other.seed, other.train) == (run.data, run.seed, run.train)
    assert [scene["id"] for scene in told["given"]["scenes"]] == [run.run_id, other.run_id]
    assert param(at, "beside") == value
    assert "not here yet" not in words(at)
    if kind == "dense":
        size = (2, 2)
        ours, theirs = cost(run.net, *size).multiply_adds, cost(other.net, *size).multiply_adds
        assert theirs == pytest.approx(ours, rel=0.5)
    at.selectbox(key="beside").set_value("nothing")
    rerun(at)
    assert [scene["id"] for scene in told["given"]["scenes"]] == [run.run_id]
    assert "beside" not in at.query_params


def test_what_is_here_already_is_not_trained_again(store: Store, told: dict[str, Any]) -> None:
    run = work(store, config(train__epochs=1))
    other = work(store, changed(run, {"net.kind": "flat"}))
    at = look(run, beside="flat")
    assert [scene["id"] for scene in told["given"]["scenes"]] == [run.run_id, other.run_id]
    at.selectbox(key="beside").set_value("nothing")
    rerun(at)
    at.selectbox(key="beside").set_value("flat")
    rerun(at)
    assert {(summary.attempt, summary.status) for summary in store.list_runs()} == {(1, "finished")}
    assert len(store.list_runs()) == 2


def test_an_address_trains_nothing_by_itself_but_offers_it(store: Store, told: dict[str, Any]) -> None:
    run = queued(store)
    at = look(run, beside="decision_tree")
    assert at.selectbox(key="beside").value == "decision_tree"
    assert len(store.list_runs()) == 1
    assert [scene["id"] for scene in told["given"]["scenes"]] == [run.run_id]
    other = changed(run, {"net.kind": "decision_tree"})
    assert f"not here yet: {other.label}." in words(at)
    at.button(key="_train_plan").click()
    rerun(at)
    assert "not here yet" not in words(at)
    assert store.run(other.run_id).status == "queued"
    assert [scene["id"] for scene in told["given"]["scenes"]] == [run.run_id, other.run_id]


@pytest.mark.parametrize("value", ["", "forest", "<b>x</b>", "decision tree", "x" * 100])
def test_an_unknown_value_is_said_and_nothing_is_set_beside(store: Store, told: dict[str, Any], value: str) -> None:
    run = queued(store)
    at = look(run, beside=value)
    assert notices(at) == [
        "beside in the address must be one of nothing, dense, flat, random_gates, decision_tree, "
        f"got {value[:40]!r}; no comparison is shown"
    ]
    assert at.selectbox(key="beside").value == "nothing"
    assert "beside" not in at.query_params
    assert len(told["given"]["scenes"]) == 1


def test_a_run_that_has_no_such_partner_stands_alone(store: Store, told: dict[str, Any]) -> None:
    run, dense = config(), config(net__kind="dense")
    store.submit(run)
    store.submit(dense)
    at = look(run, beside="flat")
    at = show(at, dense)
    assert at.selectbox(key="beside").options == ["nothing", "decision tree"]
    assert at.selectbox(key="beside").value == "nothing"
    assert "beside" not in at.query_params
    assert [scene["id"] for scene in told["given"]["scenes"]] == [dense.run_id]


def test_the_choice_goes_along_to_the_next_run(store: Store, told: dict[str, Any]) -> None:
    run, other = config(), config(seed=1)
    partners = [changed(one, {"net.kind": "decision_tree"}) for one in (run, other)]
    for one in (run, other, *partners):
        store.submit(one)
    at = show(look(run, beside="decision_tree"), other)
    assert at.selectbox(key="beside").value == "decision_tree"
    assert param(at, "beside") == "decision_tree"
    assert [scene["id"] for scene in told["given"]["scenes"]] == [other.run_id, partners[1].run_id]


def test_a_full_queue_is_said(store: Store, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run = queued(store)
    at = look(run)
    monkeypatch.setattr("leafscope.core.store.queue.QUEUE_LIMIT", 1)
    at.selectbox(key="beside").set_value("flat")
    rerun(at)
    assert [("at most 1 runs" in notice) for notice in notices(at)] == [True]
    assert len(store.list_runs()) == 1
    assert not at.button(key="_train_plan").disabled
