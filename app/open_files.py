"""How many files the server holds open: the system's limit, and the sessions whose browser is gone."""

import contextlib
import importlib
from collections import OrderedDict

from streamlit.runtime import Runtime
from streamlit.runtime.session_manager import SessionInfo, SessionStorage

WANTED = 4096
"""Open files asked of the system; a shell on macOS allows 256, and each open page takes about five."""

KEPT_SESSIONS = 16
"""Sessions kept for browsers that may come back, after a break of the network or of a laptop."""


def raise_limit() -> None:
    """Raise the limit of open files of this process as far as the system lets it, at most to `WANTED`."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit; others may refuse
        resource = importlib.import_module("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class KeptSessions(SessionStorage):
    """The newest sessions whose browser is gone; older ones are shut down at once.

    A session holds an event loop, with three open files. Streamlit 1.67 keeps 128 such sessions, more than 256 open files
    allow, and leaves the closing of the others to the garbage collector.
    """

    def __init__(self, most: int = KEPT_SESSIONS) -> None:
        self._most = most
        self._kept: OrderedDict[str, SessionInfo] = OrderedDict()

    def get(self, session_id: str) -> SessionInfo | None:
        """Return a session; None: it is not kept."""
        return self._kept.get(session_id)

    def save(self, session_info: SessionInfo) -> None:
        """Keep a session, and shut down the oldest ones that are too many."""
        self._kept[session_info.session.id] = session_info
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)[1].session.shutdown()

    def delete(self, session_id: str) -> None:
        """Keep a session no longer; its browser is back, or it is shut down by the caller."""
        del self._kept[session_id]

    def list(self) -> list[SessionInfo]:
        """List the sessions that are kept."""
        return list(self._kept.values())


def keep_few_sessions() -> None:
    """Give Streamlit's running server a storage of this kind, for which it has no option."""
    Runtime.instance()._session_mgr._session_storage = KeptSessions()  # type: ignore[attr-defined]
