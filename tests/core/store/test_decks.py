"""Decks in the store: slides in order, changed and moved, and what is refused."""

import pytest

from leafscope.core.errors import LimitError, RunNotFoundError
from leafscope.core.store.decks import MAX_TEXT, Slide
from leafscope.core.store.store import Store
from tests.postgres import ON_SQLITE


@pytest.fixture
def store(db: Store) -> Store:
    """An empty store."""
    return db


def figure(title: str) -> Slide:
    """A slide with a small figure."""
    return Slide(kind="figure", title=title, figure={"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}})


def test_slides_come_back_as_they_were_put_in(store: Store) -> None:
    """In order, with figure, texts and configurations; another connection sees the same."""
    wanted = [
        Slide(kind="title", title="<b>Trees</b>", text="![x](http://a.b/c.png)"),
        figure("Loss").model_copy(update={"runs": ('{"seed":1}',), "versions": {"torch": "2.13"}, "taken": 12.5}),
        Slide(kind="formula", text=r"W = \sum_l W_l", reveal=True),
    ]
    deck_id = store.make_deck("talk", wanted)
    other = Store(store.url)
    assert list(other.slides(deck_id).values()) == wanted
    (info,) = other.decks()
    assert (info.deck_id, info.name, info.n_slides) == (deck_id, "talk", 3)


def test_slides_are_moved_changed_and_deleted(store: Store) -> None:
    """Each by its address; the rest stays as it is."""
    deck_id = store.make_deck("talk")
    first, second, third = (store.add_slide(deck_id, figure(name)) for name in "abc")
    store.order_slides(deck_id, [third, first])
    assert list(store.slides(deck_id)) == [third, first, second]
    store.change_slide(first, title="A", notes="say it slowly", reveal=True)
    changed = store.slides(deck_id)[first]
    assert (changed.title, changed.notes, changed.reveal, changed.figure) == ("A", "say it slowly", True, figure("a").figure)
    store.delete_slide(third)
    assert list(store.slides(deck_id)) == [first, second]
    store.delete_deck(deck_id)
    assert store.decks() == []
    assert store.slides(deck_id) == {}


def test_what_cannot_be_kept_is_refused_and_changes_nothing(store: Store) -> None:
    """Empty names, texts and figures that are too long, decks and slides that are not there."""
    deck_id = store.make_deck("talk", [figure("a")])
    (slide_id,) = store.slides(deck_id)
    with pytest.raises(ValueError, match=r"name must have from 1 to 10,000 characters, got 0"):
        store.make_deck("  ")
    with pytest.raises(ValueError, match=r"notes must have at most 20,000 characters, got 20,001"):
        store.change_slide(slide_id, notes="x" * (MAX_TEXT + 1))
    with pytest.raises(LimitError, match=r"at most 8,000,000 bytes"):
        store.add_slide(deck_id, Slide(kind="figure", figure={"data": [{"text": "x" * 8_000_001}]}))
    with pytest.raises(RunNotFoundError, match=r"no deck"):
        store.add_slide("0" * 16, figure("a"))
    with pytest.raises(RunNotFoundError, match=r"no slide"):
        store.change_slide("0" * 16, title="x")
    with pytest.raises(RunNotFoundError, match=r"no deck"):
        store.deck("0" * 16)
    assert list(store.slides(deck_id).values()) == [figure("a")]


@ON_SQLITE
def test_a_deck_has_at_most_200_slides(store: Store) -> None:
    """The next one is refused; the deck that would be made with more is not made."""
    deck_id = store.make_deck("full", [Slide(kind="text")] * 200)
    with pytest.raises(LimitError, match=r"at most 200 slides"):
        store.add_slide(deck_id, Slide(kind="text"))
    with pytest.raises(LimitError):
        store.make_deck("fuller", [Slide(kind="text")] * 201)
    assert [info.n_slides for info in store.decks()] == [200]


@ON_SQLITE
@pytest.mark.parametrize(
    ("column", "value"), [("content", "1e999"), ("content", '{"kind": "x"}'), ("figure", "{"), ("figure", "[1]")]
)
def test_a_damaged_slide_says_so_and_hides_no_other(store: Store, column: str, value: str) -> None:
    deck_id = store.make_deck("talk", [figure("first"), figure("second")])
    bad, good = store.slides(deck_id)
    with store._write() as connection:
        connection.exec_driver_sql(f"UPDATE slides SET {column} = ? WHERE slide_id = ?", (value, bad))
    found = store.slides(deck_id)
    assert found[bad].title == "This slide is damaged"
    assert found[bad].text
    assert found[good] == figure("second")
    store.delete_slide(bad)
    assert list(store.slides(deck_id)) == [good]


@ON_SQLITE
def test_a_deck_with_a_damaged_row_can_be_deleted(store: Store) -> None:
    deck_id = store.make_deck("talk")
    with store._write() as connection:
        connection.exec_driver_sql("UPDATE decks SET name = x'00', created = 'x', changed = 9e999")
    (info,) = store.decks()
    assert (info.name, info.created, info.changed) == ("(damaged)", 0.0, 0.0)
    store.delete_deck(deck_id)
    assert not store.decks()
