"""What the store takes on the disk, and how to take less."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, func, or_, select

from leafscope.core.store.database import shrinking
from leafscope.core.store.database.opening import explained
from leafscope.core.store.database.transactions import begins
from leafscope.core.store.queue import Queue
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.schema import artifact_parts, artifacts, attempts


@dataclass(frozen=True)
class SpaceUse:
    """What the store takes on the disk."""

    total: int | None
    """Bytes; None: the database is on a server."""
    snapshots: int
    """Bytes of the nets and regions that are kept to replay training."""
    replays: int
    """Runs that have snapshots."""
    obstacle: str | None
    """A sentence about why deleting makes the database no smaller yet; None: it does."""


class Space(Queue):
    """The part of the store that says what it takes, and frees it."""

    def space(self) -> SpaceUse:
        """Return what the store takes on the disk."""
        parts = artifact_parts.c  # measured, since a size that was written can be damaged
        query = select(func.sum(func.length(parts.data)), func.count(parts.run_id.distinct())).where(
            _is_snapshot(artifact_parts)
        )
        with self._read() as connection:
            taken, replays = connection.execute(query).one()
        with explained(self._engine.url):
            return SpaceUse(shrinking.size(self._engine), int(taken or 0), replays, shrinking.obstacle(self._engine))

    def drop_snapshots(self, run_ids: Iterable[str]) -> None:
        """Delete what is kept to replay the training of these runs, and give the space back; running runs keep it."""
        with explained(self._engine.url):
            shrinking.make_shrinkable(self._engine)
        wanted = list(dict.fromkeys(run_ids))
        running = select(attempts.c.run_id).where(attempts.c.status == "running")
        for run_id in wanted:  # one transaction for each run, so that workers can write in between
            with self._write() as connection:
                for table in (artifact_parts, artifacts):
                    mine = table.c.run_id == run_id, table.c.run_id.not_in(running)
                    connection.execute(delete(table).where(*mine, _is_snapshot(table)))
            self._give_back(shrinking.MANY)
        self._give_back()


def _is_snapshot(table: Table) -> ColumnElement[bool]:
    return or_(begins(table.c.name, "weights-"), begins(table.c.name, "regions-"), table.c.name == LEVELS)
