"""Routing: a log, the layers of a run, domains, steps and models side by side, and what addresses hold."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from leafscope.app.routing import opening
from leafscope.core.routing import Routing, read_routing
from leafscope.core.store.archive import import_archive
from leafscope.core.store.archive.examples import example_log
from leafscope.core.store.store import Store
from tests.core.routing.shapes import PLAIN, ids, long, npy, wide
from tests.pages.harness import Lab, chart_keys, figures, open_lab, open_page, param, press, run_app, small, words


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    lab = open_lab(tmp_path, monkeypatch)
    yield lab
    lab.store.close()


def test_a_log_is_set_against_chance_layer_by_layer(lab: Lab) -> None:
    log = lab.store.add_log(example_log())
    at = open_page("routing", domain="github")
    said = words(at)
    assert "Layer 7 uses its 64 experts like 34.5 equally used ones; chance gives 64.0." in said
    assert "Tokens of one document are not independent, so that ranges of real text are wider." in said
    assert chart_keys(at) == {"routing_layers", "routing_experts", "routing_domains"}
    assert param(at, "domain") == "github"
    assert param(at, "log") is None  # the first one needs no parameter
    at = open_page("routing", log=log.hash, routing_part="domains", routing_layer="7", measure="max_violation")
    assert "arxiv: layer 0 is used least evenly: maximum violation 6.81; chance gives 0.0137." in words(at)
    assert "Least even beside it: wikipedia layer 7 (5.78), github layer 7 (5.16) and book layer 7 (3.06)." in words(at)
    assert "adjusted mutual information" in words(at)
    assert [trace["name"] for trace in figures(at)["routing_layers"]["data"] if trace.get("name")][:4] == list(log.domains)
    at = open_page("routing", routing_part="names", domain="book")
    (table,) = [one.value for one in at.dataframe if "balancedness" in one.value]
    np.testing.assert_allclose(table["max_vio"], table["imbalance"] - 1)
    assert "Balancedness = mean / max (SGLang)" in words(at)


def test_two_models_stand_side_by_side_and_a_deleted_one_is_gone(lab: Lab) -> None:
    lab.store.add_log(read_routing(PLAIN.encode(), top_k=2, name="<b>one</b>"))
    other = lab.store.add_log(read_routing(npy(ids()), name="two"))
    at = open_page("routing", log=other.hash, beside=read_routing(PLAIN.encode(), top_k=2).hash, routing_part="together")
    assert "two: layer 0 uses its 5 experts like" in words(at)
    assert "Least even beside it: <b>one</b> layer" in words(at)
    assert "times as often as if their choices were independent" in words(at)
    press(at, "Delete it")
    assert [info.name for info in lab.store.logs()] == ["<b>one</b>"]


def test_steps_are_chosen_and_shown_over_time(lab: Lab) -> None:
    counts = np.array([[7, 5, 0, 3, 1, 0], [0, 4, 4, 6, 2, 0]])
    text = wide("layer_{layer}/expert_{expert}", [counts, counts[:, ::-1], counts * 3])
    lab.store.add_log(read_routing(text.encode(), name="steps"))
    at = open_page("routing")
    assert "routing_steps" in chart_keys(at)
    assert "Chance needs top-k, which the file does not say." in words(at)
    assert "is least even at step 2: effective experts" in words(at)
    at = open_page("routing", step="1", routing_part="lorenz")
    assert "steps, step 1" in figures(at)["routing_experts"]["layout"]["title"]["text"]
    at = open_page("routing", step="x", log="y")
    assert "The step in the address must be all, or one that was logged, 0 to 2" in words(at)
    assert "The log in the address must be the address of a log that is here" in words(at)


def test_shares_say_that_chance_needs_n(lab: Lab) -> None:
    text = long(lambda layer, expert, n: f"{layer},{expert},{n / 16}\n", "layer,expert,frac\n")
    lab.store.add_log(read_routing(text.encode(), top_k=2))
    assert "Chance needs the number of tokens N, which shares do not say." in words(open_page("routing"))


def test_the_layers_of_a_trained_run_are_shown(lab: Lab) -> None:
    run = lab.finish(small(depth=2))
    at = open_page("routing", run=run.run_id)
    assert "layer 1 uses its 4 experts like" in words(at)
    assert "The experts are the leaves of run" in words(at)
    assert {"routing_layers", "routing_experts", "routing_steps"} <= chart_keys(at)


def test_without_logs_and_runs_the_page_says_what_it_will_show(lab: Lab) -> None:
    at = open_page("routing")
    assert "This page will show how evenly each layer uses its experts" in words(at)
    assert not figures(at)


def test_a_damaged_log_is_said_to_be(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    log = lab.store.add_log(read_routing(PLAIN.replace("7", "9").encode(), name="damaged"))
    address = log.hash
    monkeypatch.setattr(Routing, "hash", property(lambda self: "0" * 16))
    at = open_page("routing")
    assert f"the routing log {address} is damaged" in words(at)
    press(at, "Delete it")
    assert lab.store.logs() == []


def test_a_file_is_opened_and_kept_after_what_was_understood_is_shown(lab: Lab) -> None:
    at = open_page("routing")
    at.file_uploader[0].set_value([("mine.csv", (PLAIN + "1,-1,8\n").encode(), "text/csv")])
    said = words(run_app(at))
    for line in ("2 layers: 1 and 3", "6 experts; shared experts left out: -1", "32 assignments", "chance needs top-k"):
        assert line in said
    assert lab.store.logs() == []
    press(at, "Keep and show it")
    assert "Layer 1 uses its 6 experts like" in words(at)
    assert [info.name for info in lab.store.logs()] == ["mine"]


def test_a_file_that_is_refused_says_why_and_keeps_nothing(lab: Lab) -> None:
    at = open_page("routing")
    at.file_uploader[0].set_value([("log.pt", b"PK\x03\x04", "application/zip")])
    assert "torch.load('log.pt', weights_only=True)" in words(run_app(at))
    assert lab.store.logs() == []


def test_a_log_is_saved_as_a_file_that_another_store_reads(lab: Lab, tmp_path: Path) -> None:
    kept = lab.store.add_log(read_routing(PLAIN.encode(), top_k=2, name="mine"))
    at = open_page("routing", log=kept.hash)
    assert "_save_log" in [button.key for button in at.get("download_button")]
    other = Store(tmp_path / "other.db")
    import_archive(other, io.BytesIO(opening._archive(kept.hash)))
    assert [info.name for info in other.logs()] == ["mine"]
