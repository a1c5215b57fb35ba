"""Decks: slides in order; a figure is a snapshot, stored with the configurations that it was computed from."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from leafscope.core.errors import LimitError, RunNotFoundError
from leafscope.core.store.schema import decks, slides
from leafscope.core.store.shipped import Shipped
from leafscope.core.store.values.rows import deck_times
from leafscope.core.text import check_storable, loads, storable

MAX_SLIDES = 200
"""The most slides of a deck: more than four hours of talk."""

MAX_FIGURE_BYTES = 8_000_000
"""The most bytes of a slide's figure: a deck is one file that must open quickly."""

MAX_NUMBERS = 1_000_000
"""The most characters of a figure's numbers that a slide keeps: a list of slides reads them."""

MAX_NAME, MAX_TEXT = 10_000, 20_000
"""The most characters of a deck's name and of each text of a slide; a slide shows far fewer."""


class Slide(BaseModel):
    """One slide; texts are unescaped, as typed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["title", "text", "formula", "figure", "states", "scene"]
    title: str = ""
    text: str = ""
    """The subtitle of a title, the line below the title of a figure or scene, the paragraphs or lines beginning with "- " of a
    text, or the LaTeX of a formula."""
    caption: str = ""
    notes: str = ""
    """For the speaker."""
    reveal: bool = False
    """Whether a figure's traces, or a text's lines, appear one by one."""
    figure: dict[str, Any] | None = None
    """A figure as Plotly JSON: data and layout; or that of each of its states; or what a scene draws."""
    guess: str = ""
    """The series of a figure that the audience guesses before it is shown; empty: none."""
    dark: bool = False
    """Whether it is drawn for a dark background."""
    projector: bool = False
    """Whether its text has 24 px; otherwise 14 px."""
    runs: tuple[str, ...] = ()
    """The configurations of its runs, as JSON without defaults."""
    sweep: str = ""
    """The configuration of its sweep, as JSON without defaults; empty: no sweep."""
    address: str = ""
    """The page that it was taken from, with its parameters."""
    versions: dict[str, str] = {}
    """Program -> version at the time of the snapshot."""
    taken: float = 0.0
    """The time of the snapshot, in seconds since 1970 (UTC)."""
    source: str = ""
    """The figure's name on its page, by which it is drawn again; empty: it cannot be."""
    numbers: str = ""
    """The figure's numbers as JSON, every one bit for bit; empty: none, or more than `MAX_NUMBERS` characters."""
    digest: str = ""
    """The hash of its numbers and of the configurations of its runs."""


@dataclass(frozen=True)
class DeckInfo:
    """An entry in the list of decks. Times are seconds since 1970 (UTC)."""

    deck_id: str
    name: str
    n_slides: int
    created: float
    changed: float
    shipped: bool = False
    """Whether it came with the program, and no person has changed it."""


class Decks(Shipped):
    """The part of the store for decks."""

    def decks(self) -> list[DeckInfo]:
        """List the decks, the most recently changed first, behind a person's own those that came with the program."""
        count = select(func.count()).where(slides.c.deck_id == decks.c.deck_id).scalar_subquery()
        with self._read() as connection:
            rows = connection.execute(select(decks, count.label("n")).order_by(decks.c.changed.desc(), decks.c.deck_id)).all()
            shipped = self._shipped(connection)
        found = [(row, *deck_times(row)) for row in rows]
        infos = (
            DeckInfo(row.deck_id, name, row.n, made, changed, row.deck_id in shipped) for row, name, made, changed in found
        )
        return sorted(infos, key=lambda info: info.shipped)

    def deck(self, deck_id: str) -> DeckInfo:
        """Return a deck; raises RunNotFoundError if no deck has this address."""
        found = next((info for info in self.decks() if info.deck_id == deck_id), None)
        if found is None:
            raise _no_deck(deck_id)
        return found

    def slides(self, deck_id: str) -> dict[str, Slide]:
        """Return a deck's slides in order, address -> slide; empty if there is no such deck."""
        with self._read() as connection:
            query = select(slides).where(slides.c.deck_id == deck_id).order_by(slides.c.place, slides.c.slide_id)
            rows = connection.execute(query).all()
        return {row.slide_id: _slide(row) for row in rows}

    def make_deck(self, name: str, content: Sequence[Slide] = ()) -> str:
        """Create a deck with slides; return its address. Raises ValueError for an empty name or too long texts."""
        deck_id, now = uuid.uuid4().hex[:16], self._clock()
        with self._write() as connection:
            row = {"deck_id": deck_id, "name": _name(name), "created": now, "changed": now}
            connection.execute(insert(decks).values(row))
            for slide in content:
                self._append(connection, deck_id, slide)
        return deck_id

    def rename_deck(self, deck_id: str, name: str) -> None:
        """Rename a deck; raises RunNotFoundError, ValueError."""
        name = _name(name)
        with self._write() as connection:
            self._touch(connection, deck_id)
            connection.execute(update(decks).where(decks.c.deck_id == deck_id).values(name=name))

    def delete_deck(self, deck_id: str) -> None:
        """Delete a deck with its slides, if it exists."""
        with self._write() as connection:
            connection.execute(delete(decks).where(decks.c.deck_id == deck_id))

    def add_slide(self, deck_id: str, slide: Slide) -> str:
        """Append a slide and return its address.

        Raises RunNotFoundError, LimitError for a full deck or a large figure, and ValueError for a long text.
        """
        with self._write() as connection:
            self._touch(connection, deck_id)
            return self._append(connection, deck_id, slide)

    def change_slide(self, slide_id: str, **changes: Any) -> None:
        """Change a slide; raises RunNotFoundError, ValueError, and LimitError for a large figure."""
        with self._write() as connection:
            row = connection.execute(select(slides).where(slides.c.slide_id == slide_id)).first()
            if row is None:
                raise RunNotFoundError(f"no slide has the address {slide_id!r:.40}; it was deleted")
            slide = _slide(row).model_copy(update=changes)
            slide = Slide.model_validate(slide.model_dump())
            self._touch(connection, row.deck_id)
            values = {"content": _content(slide)} | ({"figure": _figure(slide)} if "figure" in changes else {})
            connection.execute(update(slides).where(slides.c.slide_id == slide_id).values(values))

    def order_slides(self, deck_id: str, slide_ids: Sequence[str]) -> None:
        """Reorder a deck's slides; slides not listed follow in their present order. Raises RunNotFoundError."""
        with self._write() as connection:
            self._touch(connection, deck_id)
            query = select(slides.c.slide_id).where(slides.c.deck_id == deck_id).order_by(slides.c.place, slides.c.slide_id)
            here = list(connection.execute(query).scalars())
            for place, slide_id in enumerate(dict.fromkeys([*(one for one in slide_ids if one in here), *here])):
                connection.execute(update(slides).where(slides.c.slide_id == slide_id).values(place=place))

    def set_slides(self, deck_id: str, content: Mapping[str, Slide]) -> None:
        """Make these the slides of a deck, address -> slide, in this order.

        Raises RunNotFoundError, LimitError for too many slides or a large figure, and ValueError for a long text.
        """
        if len(content) > MAX_SLIDES:
            raise LimitError(f"a deck must have at most {MAX_SLIDES} slides, got {len(content)}")
        rows = [
            {"slide_id": slide_id, "deck_id": deck_id, "place": place, "content": _content(slide), "figure": _figure(slide)}
            for place, (slide_id, slide) in enumerate(content.items())
        ]
        with self._write() as connection:
            self._touch(connection, deck_id)
            connection.execute(delete(slides).where(slides.c.deck_id == deck_id))
            if rows:
                connection.execute(insert(slides), rows)

    def delete_slide(self, slide_id: str) -> None:
        """Delete a slide from its deck, if it exists."""
        with self._write() as connection:
            deck_id = connection.scalar(select(slides.c.deck_id).where(slides.c.slide_id == slide_id))
            if deck_id is not None:
                connection.execute(delete(slides).where(slides.c.slide_id == slide_id))
                self._make_own(connection, [deck_id])

    def _touch(self, connection: Connection, deck_id: str) -> None:
        changed = update(decks).where(decks.c.deck_id == deck_id).values(changed=self._clock())
        if connection.execute(changed).rowcount == 0:
            raise _no_deck(deck_id)
        self._make_own(connection, [deck_id])

    def _append(self, connection: Connection, deck_id: str, slide: Slide) -> str:
        content, figure = _content(slide), _figure(slide)
        count, last = connection.execute(
            select(func.count(), func.max(slides.c.place)).where(slides.c.deck_id == deck_id)
        ).one()
        if count >= MAX_SLIDES:
            raise LimitError(f"a deck must have at most {MAX_SLIDES} slides; this one has {count}")
        slide_id, place = uuid.uuid4().hex[:16], 0 if last is None else last + 1
        row = {"slide_id": slide_id, "deck_id": deck_id, "place": place, "content": content, "figure": figure}
        connection.execute(insert(slides).values(row))
        return slide_id


def _content(slide: Slide) -> str:
    for field in ("title", "text", "caption", "notes"):
        if (length := len(getattr(slide, field))) > MAX_TEXT:
            raise ValueError(f"{field} must have at most {MAX_TEXT:,} characters, got {length:,}")
        check_storable(getattr(slide, field), field)
    return slide.model_dump_json(exclude={"figure"}, exclude_defaults=True)


def _figure(slide: Slide) -> str | None:
    figure = None if slide.figure is None else json.dumps(slide.figure, allow_nan=False)
    if figure is not None and len(figure) > MAX_FIGURE_BYTES:
        raise LimitError(f"a figure must have at most {MAX_FIGURE_BYTES:,} bytes, got {len(figure):,}")
    return figure


def _slide(row: Row[Any]) -> Slide:
    """Return a slide; where it is damaged, one that says so, so that it hides no other and can be deleted."""
    try:
        return Slide.model_validate(loads(row.content) | {"figure": None if row.figure is None else loads(row.figure)})
    except (ValueError, TypeError, RecursionError) as error:
        words = " ".join(str(error).split())
        return Slide(kind="text", title="This slide is damaged", text=storable(f"{words:.300}"))


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"a deck's name must have from 1 to {MAX_NAME:,} characters, got {len(name):,}")
    return check_storable(name, "a deck's name")


def _no_deck(deck_id: str) -> RunNotFoundError:
    return RunNotFoundError(
        f"no deck has the address {deck_id!r:.40} in this database; it was deleted, or created in another database"
    )
