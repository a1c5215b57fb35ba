"""Names, tags and comments that people give to runs, in a table of their own, so that training never changes them."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from leafscope.core.store.database.transactions import Transactions, chunks
from leafscope.core.store.reading import not_found
from leafscope.core.store.schema import annotations, runs
from leafscope.core.text import check_storable, loads

NAME_LENGTH = 10_000
"""The most characters of a name; lists show far fewer."""

COMMENT_LENGTH = 100_000
"""The most characters of a comment: about thirty pages."""

TAG_LENGTH, TAGS = 60, 50
"""The most characters of a tag, and the most tags of a run, that a list can show."""


class Annotations(Transactions):
    """The part of the store for names, tags and comments."""

    def annotate(
        self, run_id: str, *, name: str | None = None, tags: Sequence[str] | None = None, comment: str | None = None
    ) -> None:
        """Name, tag or comment on a run. None leaves a value unchanged; an empty name restores the run's own label.

        Raises RunNotFoundError, and ValueError for a text that is too long or cannot be stored, or an empty tag; nothing is
        changed then.
        """
        values: dict[str, object] = {"changed": self._clock()}
        if name is not None:
            values["name"] = _checked(name.strip(), "a name", NAME_LENGTH)
        if tags is not None:
            values["tags"] = json.dumps(checked_tags(tags))
        if comment is not None:
            values["comment"] = _checked(comment.strip(), "a comment", COMMENT_LENGTH)
        with self._write() as connection:
            self._annotate(connection, run_id, values)

    def tag(self, run_ids: Iterable[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Add tags to many runs and remove others; addresses without a run are ignored. Raises ValueError."""
        wanted = list(dict.fromkeys(run_ids))
        added, removed = checked_tags(add), {tag.strip() for tag in remove}
        with self._write() as connection:
            before: dict[str, list[str]] = {}
            for part in chunks(wanted):
                here = set(connection.execute(select(runs.c.run_id).where(runs.c.run_id.in_(part))).scalars())
                before |= {run_id: [] for run_id in part if run_id in here}
                rows = connection.execute(
                    select(annotations.c.run_id, annotations.c.tags).where(annotations.c.run_id.in_(part))
                )
                before |= {row.run_id: loads(row.tags) for row in rows}
            for run_id, tags in before.items():
                kept = [tag for tag in dict.fromkeys([*tags, *added]) if tag not in removed or tag in added]
                if kept != tags:
                    self._annotate(connection, run_id, {"changed": self._clock(), "tags": json.dumps(checked_tags(kept))})

    def _annotate(self, connection: Connection, run_id: str, values: dict[str, object]) -> None:
        if connection.scalar(select(runs.c.run_id).where(runs.c.run_id == run_id)) is None:
            raise not_found(run_id)
        if connection.execute(update(annotations).where(annotations.c.run_id == run_id).values(values)).rowcount == 0:
            empty = {"run_id": run_id, "name": "", "tags": "[]", "comment": ""}
            connection.execute(insert(annotations).values(empty | values))
        nothing = annotations.c.name == "", annotations.c.tags == "[]", annotations.c.comment == ""
        connection.execute(delete(annotations).where(annotations.c.run_id == run_id, *nothing))


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Return the tags without repetition, in order; raises ValueError for an empty or too long tag, or too many tags.

    >>> checked_tags(["talk", " talk ", "draft"])
    ['talk', 'draft']
    """
    found = list(dict.fromkeys(tag.strip() for tag in tags))
    for tag in found:
        if not 1 <= len(tag) <= TAG_LENGTH:
            raise ValueError(f"a tag must have from 1 to {TAG_LENGTH} characters, got {len(tag):,}")
        check_storable(tag, "a tag")
    if len(found) > TAGS:
        raise ValueError(f"a run must have at most {TAGS} tags, got {len(found)}")
    return found


def _checked(text: str, what: str, limit: int) -> str:
    if len(text) > limit:
        raise ValueError(f"{what} must have at most {limit:,} characters, got {len(text):,}")
    return check_storable(text, what)
