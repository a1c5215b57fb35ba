"""One current run: every page shows the run looked at last, and the sidebar its settings."""

from types import SimpleNamespace

import pytest
from sqlalchemy import update

from leafscope.app.address import history
from leafscope.core.config import RunConfig
from leafscope.core.store.schema import attempts
from leafscope.core.store.values.records import PRIORITIES
from tests.pages.harness import Lab, button, go, open_page, param, press, run_app, small, words

WAITS = "press Train to apply"


def member(lab: Lab, run: RunConfig) -> RunConfig:
    """Add a finished run that a sweep queued."""
    lab.finish(run)
    with lab.store._write() as connection:
        connection.execute(update(attempts).where(attempts.c.run_id == run.run_id).values(priority=PRIORITIES["member"]))
    return run


@pytest.mark.parametrize("page", ["leaves", "balance"])
def test_a_page_about_leaves_shows_the_run_of_the_playground(lab: Lab, page: str) -> None:
    run = lab.finish(small())
    lab.finish(small(seed=1))
    at = go(open_page(run=run.run_id), page)
    assert at.selectbox(key="_picked_run").value == param(at, "run") == run.run_id


def test_a_page_about_leaves_passes_over_runs_without_leaves(lab: Lab) -> None:
    first, second, dense = lab.finish(small()), lab.finish(small(seed=1)), lab.finish(small(kind="dense", seed=2))
    at = open_page(run=first.run_id)
    at.query_params["run"] = dense.run_id
    run_app(at)
    at.query_params.clear()  # as a click in the sidebar does
    go(at, "leaves")
    assert at.selectbox(key="_picked_run").value == first.run_id
    assert "has no leaves" in " ".join(toast.value for toast in at.toast)
    assert set(at.selectbox(key="_picked_run").options) == {first.label, second.label}
    assert first.label in words(go(at, "playground"))


def test_leaves_opens_no_member_of_a_sweep_unless_there_is_nothing_else(lab: Lab) -> None:
    one = member(lab, small(seed=1))
    assert open_page("leaves").selectbox(key="_picked_run").value == one.run_id
    own = lab.finish(small())
    member(lab, small(seed=2))
    assert open_page("leaves").selectbox(key="_picked_run").value == own.run_id
    assert open_page("leaves", run=one.run_id).selectbox(key="_picked_run").value == one.run_id


def test_where_no_run_has_leaves_a_button_makes_one(lab: Lab) -> None:
    lab.finish(small(kind="dense"))
    at = open_page("leaves")
    assert "No run here has leaves" in words(at)
    press(at, "_train_example")
    assert lab.store.run(param(at, "run") or "").status == "queued"


def test_a_run_chosen_on_leaves_has_its_settings_in_the_sidebar(lab: Lab) -> None:
    run, other = lab.finish(small()), lab.finish(small("iris", depth=1))
    at = go(open_page(run=run.run_id), "leaves")
    at.selectbox(key="_picked_run").set_value(other.run_id)
    run_app(at)
    go(at, "playground")
    assert other.label in words(at)
    assert (at.selectbox(key="data").value, at.number_input(key="depth").value) == ("iris", 1)
    assert WAITS not in words(at)


def test_choices_stay_while_other_pages_are_looked_at_and_then_wait_for_train(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page(run=run.run_id)
    at.number_input(key="depth").set_value(3)
    run_app(at)
    assert WAITS in words(at)
    go(go(at, "leaves"), "playground")
    assert at.number_input(key="depth").value == 3
    assert WAITS in words(at)


def test_new_seed_takes_the_next_seed_that_is_not_here(lab: Lab) -> None:
    run = lab.finish(small())
    lab.finish(small(seed=1))
    at = press(open_page(run=run.run_id), "_new_seed")
    new = small(seed=2)
    assert param(at, "run") == new.run_id
    assert lab.store.run(new.run_id).status == "queued"
    assert at.number_input(key="seed").value == 2
    assert WAITS not in words(at)


def test_the_first_action_is_a_new_seed_until_something_is_changed(lab: Lab) -> None:
    at = open_page(run=lab.finish(small()).run_id)
    types = {name: button(at, name).proto.type for name in ("Train", "New seed")}
    assert types == {"Train": "secondary", "New seed": "primary"}
    at.number_input(key="depth").set_value(3)
    run_app(at)
    assert {name: button(at, name).proto.type for name in types} == {"Train": "primary", "New seed": "secondary"}


def test_back_takes_run_and_settings_from_the_address(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run, other = lab.finish(small()), lab.finish(small("iris", depth=1))
    at = open_page(run=run.run_id)
    before = dict(at.query_params)
    at.number_input(key="depth").set_value(1)
    at.selectbox(key="data").set_value("iris")
    run_app(at)
    press(at, "_train")
    assert param(at, "run") != run.run_id
    at.query_params.clear()
    at.query_params.update(before)
    monkeypatch.setattr(history, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
    run_app(at)
    assert param(at, "run") == run.run_id
    assert (at.selectbox(key="data").value, at.number_input(key="depth").value) == ("wine", 2)
    assert WAITS not in words(at)
    assert other.label not in words(at)
