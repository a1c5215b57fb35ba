"""Sharing: the address says what a page shows, and another server offers to train what it has not."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.config.link import PLAN_LIMIT, decode, encode
from leafscope.core.errors import LimitError
from tests.pages.harness import Lab, go, open_lab, open_page, param, press, run_app, small, words


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return open_lab(tmp_path, monkeypatch)


def script() -> None:
    """A page that shows the runs and the sweep it is given, and writes what sharing says of it."""
    import streamlit as st

    from leafscope.app.address import link as address_link

    runs, sweep = st.session_state["given"]
    if runs is not None:
        address_link.show(runs, sweep)
    found = address_link.plan()
    st.text(f"{found is not None}")
    st.text(address_link.address())
    st.text(address_link.link())


def page(runs: list[RunConfig] | None, sweep: SweepConfig | None = None, **parameters: str) -> AppTest:
    at = AppTest.from_function(script)
    at.session_state["given"] = (runs, sweep)
    for name, value in parameters.items():
        at.query_params[name] = value
    return run_app(at)


def said(at: AppTest) -> list[str]:
    return [str(element.value) for element in at.text]


def various(count: int) -> list[RunConfig]:
    """Runs that have little in common, so that an address of many is long."""
    return [
        RunConfig(
            data=DataConfig(name="wine", n_train=20 + 7 * number % 61),
            net=NetConfig(width=4 + 13 * number % 59),
            train=TrainConfig(lr=0.0001 * (1 + 37 * number % 997), epochs=1 + 11 * number % 83),
            seed=(7919 * number) % 100_003,
        )
        for number in range(count)
    ]


# What the address holds


def test_configurations_are_in_the_address() -> None:
    runs, sweep = various(3), SweepConfig(name="a & b", axes={"seed": [0, 1]})
    at = page(runs, sweep)
    assert decode(str(param(at, "plan"))).runs == tuple(runs)
    assert decode(str(param(at, "plan"))).sweep == sweep
    assert said(at)[0] == "True"


def test_what_is_shown_last_is_in_the_address() -> None:
    first, second = various(2)
    at = page([first])
    at.session_state["given"] = ([second], None)
    run_app(at)
    assert decode(str(param(at, "plan"))).runs == (second,)


def test_nothing_is_in_the_address_above_the_limit() -> None:
    runs = various(1000)
    with pytest.raises(LimitError):
        encode(runs)
    at = page(runs[:2])
    assert param(at, "plan")
    at.session_state["given"] = (runs, None)
    run_app(at)
    assert param(at, "plan") is None
    # a slide keeps them nevertheless
    dumps, _ = at.session_state["_shown"]
    assert [RunConfig.model_validate_json(dump) for dump in dumps] == runs


def test_an_address_is_never_longer_than_browsers_take() -> None:
    for count in (100, 400):
        at = page(various(count))
        assert len(param(at, "plan") or "") <= PLAN_LIMIT


def test_address_of_a_slide_is_without_configurations() -> None:
    at = page(various(1), view="a b&c=d", filter="depth>=2 é")
    address, link = said(at)[1:]
    assert "plan" not in parse_qs(urlsplit(address).query)
    assert parse_qs(urlsplit(address).query) == {"view": ["a b&c=d"], "filter": ["depth>=2 é"]}
    assert address.startswith("/")
    assert parse_qs(urlsplit(link).query)["plan"] == [param(at, "plan")]
    assert said(page(None))[1] == "/"


@pytest.mark.parametrize("text", ["x", "1", "1AAAA", "2abc", "<img src=x>![x](http://a.b/c.png)", "1" * 7000, "\u202e"])
def test_configurations_that_cannot_be_read_are_said(text: str) -> None:
    at = page(None, plan=text)
    assert said(at)[0] == "False"
    (warning,) = at.warning
    assert warning.value.startswith("The configurations in this address cannot be read: ")
    assert "![" not in warning.value
    assert "<img" not in warning.value


def test_no_configurations_are_no_fault() -> None:
    for at in (page(None), page(None, plan="")):
        assert said(at)[0] == "False"
        assert not at.warning


# Another server


def test_missing_run_is_offered(lab: Lab) -> None:
    run = small(seed=3)
    at = open_page("leaves", run=run.run_id, plan=encode([small(seed=4), run]))
    assert f"Run {run.label} is not here yet" in words(at)
    assert at.button(key="_train_plan").label.startswith("Train it (about ")
    assert lab.store.list_runs() == []
    press(at, "_train_plan")
    assert [(one.run_id, one.status) for one in lab.store.list_runs()] == [(run.run_id, "queued")]
    assert "is not here yet" not in words(at)


def test_run_that_the_address_does_not_describe(lab: Lab) -> None:
    run = small(seed=3)
    for plan in ("", encode([small(seed=4)]), "1AAAA"):
        at = open_page("leaves", run=run.run_id, plan=plan)
        assert f"There is no run {run.run_id} here" in words(at).replace("`", "")
        assert not [button for button in at.button if button.key == "_train_plan"]


def test_run_that_is_here_is_not_offered(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page("leaves", run=run.run_id, plan=encode([run, small(seed=9)]))
    assert not [button for button in at.button if button.key == "_train_plan"]
    assert decode(str(param(at, "plan"))).runs == (run,)


def test_run_that_does_not_fit_here_is_not_offered(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_fits(run: RunConfig, gpus: dict[str, int]) -> None:
        raise LimitError("the run needs 9 GiB, but <b>![x](http://a.b/c.png)")

    monkeypatch.setattr("leafscope.app.sweeps.offer.check_fits", check_fits)
    run = small(seed=3)
    at = open_page("leaves", run=run.run_id, plan=encode([run]))
    assert "cannot be trained here: the run needs 9 GiB" in words(at)
    assert all("![" not in warning.value for warning in at.warning)
    assert not [button for button in at.button if button.key == "_train_plan"]


def test_missing_sweep_is_offered(lab: Lab) -> None:
    name = "depths <b>![x](http://a.b/c.png)"
    sweep = SweepConfig(name=name, base=small(), axes={"net.depth": [0, 1], "seed": [0, 1, 2]})
    at = open_page("overfitting", sweep=sweep.sweep_id, plan=encode(sweep=sweep))
    assert f"The sweep {name} is not here yet" in words(at)
    assert all("![" not in str(element.value) for kind in ("info", "markdown") for element in getattr(at, kind))
    press(at, "_train_plan")
    assert [info.sweep_id for info in lab.store.sweeps()] == [sweep.sweep_id]
    assert {one.status for one in lab.store.list_runs()} == {"queued"}
    assert len(lab.store.list_runs()) >= 6
    assert "is not here yet" not in words(at)


def test_compare_offers_a_missing_sweep(lab: Lab) -> None:
    lab.finish(small())
    sweep = SweepConfig(name="depths", base=small(), axes={"net.depth": [0, 1]})
    at = open_page("compare", plan=encode(sweep=sweep), **{"from": sweep.sweep_id})
    assert "The sweep depths is not here yet" in words(at)
    press(at, "_train_plan")
    assert [info.sweep_id for info in lab.store.sweeps()] == [sweep.sweep_id]
    assert lab.store.sweeps()[0].sweep_id == param(at, "from")
    gone = open_page("compare", **{"from": "0123456789abcdef"})
    assert "There is no sweep" in words(gone)


def test_compare_offers_missing_runs_of_an_empty_server(lab: Lab) -> None:
    runs = [small(seed=seed) for seed in (1, 2)]
    chosen = ".".join(run.run_id for run in runs)
    at = open_page("compare", chosen=chosen, plan=encode(runs))
    assert "2 runs in this address are not here yet" in words(at)
    press(at, "_train_plan")
    assert {one.run_id for one in lab.store.list_runs()} == {run.run_id for run in runs}
    assert param(at, "chosen") == chosen


def test_pages_that_show_no_run_say_none(lab: Lab) -> None:
    run = lab.finish(small())
    at = open_page("leaves", run=run.run_id)
    assert at.session_state["_shown"][0]
    go(at, "runs")
    assert "_shown" not in at.session_state
