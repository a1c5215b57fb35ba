"""Which Dask cluster trains members of sweeps, if any. Imports next to nothing, as the start of the app does."""

import importlib.util
import os
from urllib.parse import urlsplit

from leafscope.core.errors import SchedulerError

VARIABLE = "LEAFSCOPE_SCHEDULER"
"""The environment variable that holds the scheduler's address."""


def address(database: str | None) -> str | None:
    """Return the scheduler's address, None where none is named; `database` is the file of the store, None: it is on a server.

    Raises SchedulerError for an address, a database or an installation with which no cluster can train.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return None
    try:
        parts = urlsplit(given)
        complete = parts.scheme in ("tls", "tcp") and bool(parts.hostname) and parts.port is not None
    except ValueError:
        complete = False
    if not complete:
        raise SchedulerError(f"{VARIABLE} must be an address such as tls://host:8786, got {given!r}")
    if parts.scheme != "tls" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SchedulerError(
            f"{VARIABLE} must begin with tls:// beyond this machine, because whoever reaches a scheduler without TLS can run "
            f"any program on its cluster, got {given!r}"
        )
    if database is not None:
        raise SchedulerError(
            f"{VARIABLE} needs a database that the cluster reaches, such as "
            f"LEAFSCOPE_DATABASE=postgresql+psycopg://me@host/leafscope, got the file {database}"
        )
    if importlib.util.find_spec("distributed") is None:
        raise SchedulerError(f"{VARIABLE} needs Dask: pip install 'leafscope[cluster]'")
    return given
