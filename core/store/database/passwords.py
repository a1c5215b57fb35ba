"""Passwords of databases: where others would see one. Imports next to nothing, as the command line does."""

import re

SEEN = (
    "a password must not be on the command line, where others see it; put it into PGPASSFILE, PGPASSWORD or LEAFSCOPE_DATABASE"
)
"""Why a command refuses a URL with a password."""


def has_password(text: str) -> bool:
    """Whether a URL of a database holds a password.

    >>> has_password("postgresql://me:secret@host/db"), has_password("postgresql://me@host/db"), has_password("C:/me@home")
    (True, False, False)
    """
    return re.search(r"://[^/@?]*:[^@]*@|[?&]\w*password=", text) is not None
