"""A database server that is stopped and started again while pages are open: each says so in a sentence, and comes back."""

import logging
import time
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app import navigation, server
from leafscope.app.parts import store_trouble
from leafscope.core import jobs
from leafscope.core.store.database import answering
from leafscope.core.store.database.opening import database_url
from leafscope.core.store.decks import Slide
from tests.pages.harness import Lab, button, open_page, small, words
from tests.postgres import PASSWORD, Postgres, relay


@pytest.fixture
def lab(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A database on a server, with two runs and a deck, which the pages use."""
    logging.getLogger("streamlit").setLevel(logging.CRITICAL)
    url = postgres.lend()
    monkeypatch.setenv("LEAFSCOPE_DATABASE", url)
    monkeypatch.setattr(server, "ensure_worker", lambda: None)
    made = Lab(jobs.default_store())
    made.finish(small())
    made.finish(small(depth=3))
    made.store.add_slide(made.store.make_deck("Talk"), Slide(kind="text", title="Before"))
    yield made
    made.store.close()
    postgres.start()  # after a failure in between, for other tests
    postgres.take_back(url)


def says_so(at: AppTest, *of: str) -> str:
    """The one sentence that a page shows in place of its content, which offers to try again and gives nothing away."""
    assert not at.exception
    (said,) = [element.value for element in at.error]
    for word in of:
        assert word in words(at)
    assert said.endswith(".")
    assert "\n" not in said
    assert "Traceback" not in said
    assert PASSWORD not in words(at)
    assert "sslrootcert" not in words(at)
    assert "comes back by itself" in words(at)
    assert [button.label for button in at.button] == ["Try again"]
    return said


def test_every_page_says_that_the_server_is_away_and_comes_back(
    lab: Lab, postgres: Postgres, choose_rows: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what was being written: a comment stays in its field, and a slide's title is saved."""
    choose_rows([0])
    lab.store.set_cluster_fault("members of sweeps wait for the scheduler at tls://host:8786: refused")
    opened = {page.name: open_page(page.name) for page in navigation.PAGES}
    before = {name: [element.value for element in at.title] for name, at in opened.items()}
    runs, present = opened["runs"], opened["present"]
    (said,) = [element.value for element in runs.warning]
    assert said.startswith("Members of sweeps wait for the scheduler")
    postgres.end()
    next(field for field in runs.text_area if field.label == "Comment").set_value("a thought")
    next(press for press in runs.button if press.label == "Save").click()
    next(field for field in present.text_input if field.label == "Title").set_value("After")
    for name, at in opened.items():
        at.run()
        assert "it is stopped or just starting" in says_so(at, "cannot be used"), name
    postgres.start()
    (info,) = [info.deck_id for info in lab.store.decks()]
    assert [slide.title for slide in lab.store.slides(info).values()] == ["Before"]
    for name, at in opened.items():
        button(at, "Try again").click()
        at.run()
        assert not at.exception
        assert not at.error, name
        assert [element.value for element in at.title] == before[name]
    assert next(field.value for field in runs.text_area if field.label == "Comment") == "a thought"
    assert [slide.title for slide in lab.store.slides(info).values()] == ["After"]
    assert next(field.value for field in present.text_input if field.label == "Title") == "After"

    postgres.end()
    monkeypatch.setattr(store_trouble, "LOOK", -1.0)  # a look is made at once
    monkeypatch.setattr(store_trouble, "_keep_what_was_chosen", postgres.start)  # the server is back just before it
    runs.run()
    assert not runs.error
    assert [element.value for element in runs.title] == before["runs"]


def test_a_page_does_not_wait_for_a_server_that_says_nothing(
    lab: Lab, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "SILENCE", 0.3)
    with relay(postgres.port) as between:
        through = database_url(lab.store.url).set(port=between.port).update_query_dict({"connect_timeout": "2"})
        monkeypatch.setenv("LEAFSCOPE_DATABASE", through.render_as_string(hide_password=False))
        at = open_page("runs")
        assert not at.error
        between.silent = True
        began = time.monotonic()
        at.run()
        says_so(at, "the server gives no answer")
        assert time.monotonic() - began < 10
        between.silent = False
        time.sleep(answering.RESPITE)
        at.run()
        assert not at.error
        assert [element.value for element in at.title] == ["All runs"]
        jobs.default_store().close()
