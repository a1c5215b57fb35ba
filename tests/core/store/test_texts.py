"""Texts that people, files and errors give: stored, or refused in a sentence, by every method of the store."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from leafscope.core.config import SweepConfig
from leafscope.core.config.link import decode, encode
from leafscope.core.errors import RunNotFoundError
from leafscope.core.store.decks import Slide
from leafscope.core.store.schema import annotations, slides
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import End
from tests.core.store.examples import claimed, config

HOSTILE = ["\ud800", "a\udfffb", "a\x00b", "\udcff.csv"]
RUN = config().run_id
GIVEN: dict[str, Callable[[Store, str], Any]] = {
    "name": lambda db, text: db.annotate(RUN, name=text),
    "tags": lambda db, text: db.annotate(RUN, tags=["x", text]),
    "comment": lambda db, text: db.annotate(RUN, comment=text),
    "tag": lambda db, text: db.tag([RUN], add=[text]),
    "make_deck": lambda db, text: db.make_deck(text),
    "rename_deck": lambda db, text: db.rename_deck(db.decks()[0].deck_id, text),
    "title": lambda db, text: db.add_slide(db.decks()[0].deck_id, Slide(kind="text", title=text)),
    "text": lambda db, text: db.add_slide(db.decks()[0].deck_id, Slide(kind="text", text=text)),
    "caption": lambda db, text: db.add_slide(db.decks()[0].deck_id, Slide(kind="text", caption=text)),
    "notes": lambda db, text: db.make_deck("deck", [Slide(kind="text", notes=text)]),
    "change_slide": lambda db, text: db.change_slide(next(iter(db.slides(db.decks()[0].deck_id))), text=text),
    "sweep": lambda db, text: db.submit_sweep(SweepConfig(name=text), [config()]),
}
LOOKED_UP: dict[str, Callable[[Store, str], Any]] = {
    "run": lambda db, text: db.run(text),
    "sweep": lambda db, text: db.sweep(text),
    "deck": lambda db, text: db.deck(text),
    "history": lambda db, text: db.history(text),
    "artifact": lambda db, text: db.artifact(text, text),
    "leaves": lambda db, text: db.leaves(text, 0, text),
    "snapshots": lambda db, text: db.snapshots(text, "weights"),
    "resume": lambda db, text: db.resume(text),
    "stop": lambda db, text: db.stop(text),
    "annotate": lambda db, text: db.annotate(text, name="x"),
    "add_slide": lambda db, text: db.add_slide(text, Slide(kind="text")),
    "change_slide": lambda db, text: db.change_slide(text, text="x"),
}
IGNORED: dict[str, Callable[[Store, str], Any]] = {
    "runs": lambda db, text: db.runs([text]),
    "statuses": lambda db, text: db.statuses([text]),
    "delete": lambda db, text: db.delete(text),
    "stop_all": lambda db, text: db.stop_all([text]),
    "tag": lambda db, text: db.tag([text], add=["x"]),
    "untag": lambda db, text: db.tag([RUN], remove=[text]),
    "drop_nets": lambda db, text: db.drop_nets([text]),
    "slides": lambda db, text: db.slides(text),
    "delete_deck": lambda db, text: db.delete_deck(text),
    "delete_slide": lambda db, text: db.delete_slide(text),
    "queue_position": lambda db, text: db.queue_position(text),
    "claim": lambda db, text: db.claim(text),
    "claim_members": lambda db, text: db.claim_members(text, lambda run: 1.0, 1.0, text, [text]),
    "beats": lambda db, text: db.beats(text),
    "beat": lambda db, text: db.beat(text),
    "set_worker": lambda db, text: db.set_worker(text, "ready", text),
    "remove_worker": lambda db, text: db.remove_worker(text, "failed", text),
    "bury_worker": lambda db, text: db.bury_worker(text),
    "submit": lambda db, text: db.submit(config(1), note=text),
}


@pytest.fixture
def filled(db: Store) -> Store:
    db.submit(config())
    db.make_deck("deck", [Slide(kind="text")])
    return db


@pytest.mark.parametrize("method", GIVEN)
def test_what_a_person_gives_is_refused_in_a_sentence(filled: Store, method: str) -> None:
    for text in HOSTILE:
        with pytest.raises(ValueError, match=r"must hold characters only, but at place [12] it has .*, which cannot be stored"):
            GIVEN[method](filled, text)
    assert filled.run(RUN).title == config().label
    assert [(deck.name, deck.n_slides) for deck in filled.decks()] == [("deck", 1)]


@pytest.mark.parametrize("method", LOOKED_UP)
def test_what_is_looked_up_is_not_found(filled: Store, method: str) -> None:
    for text in HOSTILE:
        with pytest.raises(RunNotFoundError) as caught:
            LOOKED_UP[method](filled, text)
        str(caught.value).encode()


@pytest.mark.parametrize("method", IGNORED)
def test_nothing_else_minds(filled: Store, method: str) -> None:
    for text in HOSTILE:
        IGNORED[method](filled, text)
    json.dumps([summary.row() for summary in filled.list_runs()], ensure_ascii=False).encode()


def test_an_error_that_names_such_a_file_is_kept(db: Store) -> None:
    for number, text in enumerate(HOSTILE):
        _is_kept(db, text, 2 * number)


def _is_kept(db: Store, text: str, seed: int) -> None:
    first, second = claimed(db, config(seed)), claimed(db, config(seed + 1))
    assert db.end(first, "failed", f"cannot read {text}")
    assert db.end_many([End(second, "failed", f"cannot read {text}", [], {}, {"file": text})]) == [True]
    for claim in (first, second):
        error = str(db.run(claim.run_id).error)
        error.encode()
        assert error.startswith("cannot read ")
        assert "\ufffd" in error


def test_what_others_wrote_with_escapes_is_read_and_can_be_changed(filled: Store) -> None:
    deck_id = filled.decks()[0].deck_id
    content, figure = '{"kind": "figure", "title": "a\\ud800 \\ud83d\\ude00"}', '{"data": [{"name": "\\udfff"}], "layout": {}}'
    with filled._write() as connection:
        row = {"slide_id": "x", "deck_id": deck_id, "place": 9, "content": content, "figure": figure}
        connection.execute(insert(slides).values(row))
        said = {"run_id": RUN, "name": "", "tags": '["a\\ud800"]', "comment": "", "changed": 0.0}
        connection.execute(insert(annotations).values(said))
    slide = filled.slides(deck_id)["x"]
    assert slide.title == "a? \U0001f600"
    assert slide.figure == {"data": [{"name": "?"}], "layout": {}}
    filled.change_slide("x", caption="new")
    filled.tag([RUN], add=["b"])
    assert filled.run(RUN).tags == ("a?", "b")


def test_a_sweep_of_a_link_with_such_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name must hold characters only"):
        SweepConfig.model_validate({"name": "a\ud800"})
    link = encode(sweep=SweepConfig.model_construct(**(dict(SweepConfig(name="ab")) | {"name": "a\x00"})))
    with pytest.raises(ValueError, match="name must hold characters only"):
        decode(link)
    assert decode(encode(sweep=SweepConfig(name="né \U0001f600"))).sweep == SweepConfig(name="né \U0001f600")


@pytest.mark.parametrize("text", ["é\U0001f600", "\u202eevil", "x" * 5_000, "a\tb\nc"])
def test_all_other_texts_are_kept_as_they_are(filled: Store, text: str) -> None:
    filled.annotate(RUN, name=text, comment=text)
    assert (filled.run(RUN).name, filled.run(RUN).comment) == (text, text)
    deck_id = filled.make_deck(text, [Slide(kind="text", title=text, text=text)])
    assert filled.deck(deck_id).name == text
    (slide,) = filled.slides(deck_id).values()
    assert (slide.title, slide.text) == (text, text)
