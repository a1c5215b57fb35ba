"""Routing logs that people bring, each under the hash of its content."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, select, update

from leafscope.core.errors import RoutingError
from leafscope.core.limits import MAX_ROUTING_VALUES
from leafscope.core.routing.packing import unpack
from leafscope.core.routing.routing import Routing
from leafscope.core.routing.saving import pack
from leafscope.core.store.database import shrinking
from leafscope.core.store.database.opening import explained
from leafscope.core.store.database.transactions import insert_new
from leafscope.core.store.schema import routing_logs
from leafscope.core.store.shipped import Shipped
from leafscope.core.text import check_storable, loads

_MOST_BYTES = 17 * MAX_ROUTING_VALUES
"""The most bytes of a log, unpacked: counts and ids of 64 bits, and what else it says."""


@dataclass(frozen=True)
class LogInfo:
    """An entry in the list of routing logs."""

    log_id: str
    name: str
    created: float
    """Seconds since 1970 (UTC)."""
    about: dict[str, Any]
    """Numbers of layers, steps, domains and experts, k, and assignments; empty if that is damaged."""
    size: int
    """Bytes that it takes in the database."""
    shipped: bool
    """Whether it came with the program."""


class RoutingLogs(Shipped):
    """The part of the store for routing logs."""

    def add_log(self, routing: Routing, *, rename: bool = False) -> Routing:
        """Keep a log and return it, with the name that it has here; one that is here already keeps its own.

        `rename`: whether it gets its new name then.
        """
        check_storable(routing.name, "a routing log's name")
        row = row_of(routing, self._clock())
        with self._write() as connection:
            self._make_own(connection, [row["log_id"]])
            if connection.execute(insert_new(connection, routing_logs), row).rowcount == 1:
                return routing
            this = routing_logs.c.log_id == row["log_id"]
            if rename:
                connection.execute(update(routing_logs).where(this).values(name=routing.name))
            return replace(routing, name=str(connection.scalar(select(routing_logs.c.name).where(this))))

    def logs(self) -> list[LogInfo]:
        """List the routing logs, the newest first."""
        c = routing_logs.c
        query = select(c.log_id, c.name, c.created, c.about, func.length(c.data).label("size"))
        with self._read() as connection:
            rows = connection.execute(query.order_by(c.created.desc(), c.log_id)).all()
            shipped = self._shipped(connection)
        return [LogInfo(row.log_id, row.name, row.created, _about(row.about), row.size, row.log_id in shipped) for row in rows]

    def log(self, log_id: str) -> Routing:
        """Return a log with its counts; raises RoutingError if none has this address, or it is damaged."""
        with self._read() as connection:
            row = connection.execute(select(routing_logs).where(routing_logs.c.log_id == log_id)).first()
        if row is None:
            raise no_log(log_id)
        return opened(log_id, row.name, row.data)

    def remove_log(self, log_id: str) -> None:
        """Remove a log; raises RoutingError if none has this address."""
        with explained(self._engine.url):
            shrinking.make_shrinkable(self._engine)
        with self._write() as connection:
            if connection.execute(delete(routing_logs).where(routing_logs.c.log_id == log_id)).rowcount == 0:
                raise no_log(log_id)
            self._make_own(connection, [log_id])
        with explained(self._engine.url):
            shrinking.give_back(self._engine, 1)


def row_of(routing: Routing, created: float) -> dict[str, Any]:
    """Return the row of a log."""
    about = {
        "layers": len(routing.layers),
        "steps": len(routing.steps),
        "domains": len(routing.domains),
        "experts": routing.experts,
        "top_k": routing.top_k,
        "assignments": routing.assignments,
    }
    data = zlib.compress(pack(routing), 1)
    return {"log_id": routing.hash, "name": routing.name, "created": created, "about": json.dumps(about), "data": data}


def opened(log_id: str, name: str, data: bytes) -> Routing:
    """Return a log from the columns of its row; raises RoutingError if it is damaged."""
    found = replace(unpack(_unzipped(log_id, data)), name=name)
    if found.hash != log_id:
        raise RoutingError(f"the routing log {log_id} is damaged: its counts have the address {found.hash}")
    return found


def check_row(row: Mapping[str, Any]) -> None:
    """Raise RoutingError unless a row of a log is as `row_of` makes it, with nothing beside."""
    found = opened(row["log_id"], row["name"], row["data"])
    if row_of(found, 0.0)["about"] != row["about"]:
        raise RoutingError(f"about must say what its counts are, got {row['about']!r:.80}")
    data = _unzipped(row["log_id"], row["data"])
    if len(pack(unpack(data))) != len(data):  # the order of its parts is not fixed
        raise RoutingError(f"the routing log {row['log_id']} is damaged: it must hold its counts and nothing else")


def _unzipped(log_id: str, data: bytes) -> bytes:
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(data, _MOST_BYTES)
    except (zlib.error, TypeError) as error:
        raise RoutingError(f"the routing log {log_id} is damaged: {error}") from None
    if not reader.eof or reader.unused_data:
        raise RoutingError(f"the routing log {log_id} is damaged: its bytes must be one complete stream")
    return found


def no_log(log_id: str) -> RoutingError:
    """The error for an address without a log."""
    return RoutingError(
        f"no routing log in this database has the address {log_id!r:.40}; it was removed, or added to another database"
    )


def _about(text: str) -> dict[str, Any]:
    try:
        about = loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
