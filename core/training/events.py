"""What a training tells besides its records."""

from dataclasses import dataclass

from leafscope.core.errors import LeafscopeError


@dataclass(frozen=True)
class Ended:
    """How a member of a population ended."""

    status: str
    """finished, stopped or failed."""
    error: LeafscopeError | None = None
    """The reason for a failure."""
