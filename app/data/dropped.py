"""The file that a person dropped: kept for the session, read anew only where a choice of how it is read changes."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace

import streamlit as st

from leafscope.app.address import session
from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_FILE_BYTES
from leafscope.core.tables import Choices, Source, Table, Understood, understand
from leafscope.core.tables.reading import name_of

MOST_MB = -(-MAX_FILE_BYTES // 10**6)
"""Most megabytes of a file."""

_READING = ("delimiter", "encoding", "decimal", "header", "day_first")
"""The choices of how a file is read; all others decide what its columns are used for."""


@dataclass
class Dropped:
    """A file, and what was last understood of it."""

    name: str
    data: bytes
    token: str
    """Tells it from others: the first characters of its hash."""
    understood: Understood | None = None
    """Of the last choices that can be read."""
    found: Source | None = None
    """How it was read without any choice; None: it cannot be read so."""
    _of: Choices | None = None

    def __post_init__(self) -> None:
        with suppress(TableError):  # said by the page, which reads it again
            self.found = self.read(Choices()).source

    def read(self, choices: Choices) -> Understood:
        """Read it; raises TableError, and what was understood before stays."""
        choices = Choices(name=name_of(self.name), **{name: getattr(choices, name) for name in _READING})
        if self.understood is None or self._of != choices:
            self.understood, self._of = understand(self.data, choices), choices
        return self.understood


def upload() -> Dropped | None:
    """Let a person drop a file, and return the one that was dropped last in this session, or None."""
    state = st.session_state
    key = f"_drop_{state.get(session.Keys.DROPS, 0)}"
    with st.container(key="drop"):  # which has its place before the part that takes files has arrived
        file = st.file_uploader(
            "Drop a table: CSV or another text of rows, packed with gzip or not, or Parquet",
            key=key,
            on_change=_changed,
            args=(key,),
            max_upload_size=MOST_MB,
            help=f"At most {MOST_MB} MB. The file stays on this machine; it is kept only when you press “Use this table”.",
        )
    if file is not None:
        found: Dropped | None = state.get(session.Keys.DROPPED)
        data = file.getvalue()
        token = hashlib.sha256(data).hexdigest()[:12]
        if found is None or (found.token, found.name) != (token, file.name):
            state[session.Keys.DROPPED] = Dropped(file.name, data, token)
            state[session.Keys.SHOWN_DATA] = FILE
    kept: Dropped | None = state.get(session.Keys.DROPPED)
    return kept


def _changed(key: str) -> None:
    """Forget the file that a person took out of the field; where the page was left and is seen again, it stays."""
    if st.session_state.get(key) is None:
        st.session_state.pop(session.Keys.DROPPED, None)


def forget() -> None:
    """Forget the file, and empty the field."""
    st.session_state.pop(session.Keys.DROPPED, None)
    st.session_state[session.Keys.DROPS] = st.session_state.get(session.Keys.DROPS, 0) + 1


FILE = "file"
"""The choice of the dropped file among the data sets."""


def table_of(file: Dropped, choices: Choices) -> tuple[Table | None, str]:
    """Return the file as a table, and what is wrong with the choices; then the table is the proposed one, if there is one."""
    try:
        return file.read(choices).table(choices), ""
    except TableError as error:
        fault = str(error)
    try:
        proposed = replace(choices, target=None, task=None, drop=(), keep=(), split=None, group=None)
        return (None if file.understood is None else file.understood.table(proposed)), fault
    except TableError:
        return None, fault
