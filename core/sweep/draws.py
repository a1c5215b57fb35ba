"""The learning rates and weight decays that a random search tries: the same for every model, on every machine.

Random search: Bergstra & Bengio 2012, Random search for hyper-parameter optimization, JMLR 13.
"""

import hashlib
from dataclasses import dataclass

LOWEST_RATE, HIGHEST_RATE = 1e-3, 1e-1
"""Learning rates are drawn log-uniformly from this range: the rates of the predefined sweeps, 0.003 to 0.1, and a factor of 3
below, so that the best one is rarely at an end."""

LOWEST_DECAY, HIGHEST_DECAY = 1e-2, 1.0
"""Weight decays other than 0 are drawn log-uniformly from this range: below it decay hardly changes a net, above it the decay
outweighs the data."""

NO_DECAY = 1 / 6
"""The probability of no weight decay, since a logarithmic range cannot contain 0, which is best for some nets."""


@dataclass(frozen=True)
class Draw:
    """One trial of a random search."""

    lr: float
    """Learning rate."""
    weight_decay: float


def draws(number: int) -> list[Draw]:
    """Draw this many trials; each depends on its place alone, so that fewer are the first of more.

    Numbers are rounded to three digits, because the last bits of a power differ between machines.

    >>> draws(2)
    [Draw(lr=0.00411, weight_decay=0.0605), Draw(lr=0.0312, weight_decay=0.669)]
    """
    return [
        Draw(
            _between(LOWEST_RATE, HIGHEST_RATE, _uniform("trial lr", place)),
            0.0
            if _uniform("trial decay is 0", place) < NO_DECAY
            else _between(LOWEST_DECAY, HIGHEST_DECAY, _uniform("trial decay", place)),
        )
        for place in range(number)
    ]


def _uniform(what: str, place: int) -> float:
    """Return a number from 0 to 1, by a hash: the streams of random generators change with their versions."""
    return int.from_bytes(hashlib.sha256(f"{what} {place}".encode()).digest()[:8], "big") / 2**64


def _between(low: float, high: float, share: float) -> float:
    """Return the number at this share of a logarithmic range."""
    return float(f"{low * (high / low) ** share:.3g}")
