"""The trials of a random search: fixed, within their ranges, the fewer the first of the more, spread as they should be."""

import math

from leafscope.core.sweep.draws import (
    HIGHEST_DECAY,
    HIGHEST_RATE,
    LOWEST_DECAY,
    LOWEST_RATE,
    NO_DECAY,
    Draw,
    draws,
)


def test_fewer_are_the_first_of_more():
    assert draws(8) == draws(12)[:8]
    assert len(set(draws(100))) == 100


def test_they_never_change_since_addresses_depend_on_them():
    assert draws(4) == [Draw(0.00411, 0.0605), Draw(0.0312, 0.669), Draw(0.00221, 0.0), Draw(0.0368, 0.754)]


def test_rates_and_decays_are_log_uniform_and_some_decays_are_0():
    many = draws(4000)
    decays = [draw.weight_decay for draw in many if draw.weight_decay > 0]
    none = 1 - len(decays) / len(many)
    assert abs(none - NO_DECAY) < 4 * math.sqrt(NO_DECAY * (1 - NO_DECAY) / len(many))
    for low, high, found in (
        (LOWEST_RATE, HIGHEST_RATE, [draw.lr for draw in many]),
        (LOWEST_DECAY, HIGHEST_DECAY, decays),
    ):
        shares = sorted(math.log(value / low) / math.log(high / low) for value in found)
        assert shares[0] >= 0
        assert shares[-1] <= 1
        steps = max(abs((place + 0.5) / len(shares) - share) for place, share in enumerate(shares))
        assert steps < 1.63 / math.sqrt(len(shares))  # Kolmogorov and Smirnov, 1 %


def test_the_decay_does_not_depend_on_the_rate():
    many = draws(4000)
    rates = [draw.lr for draw in many]
    middle = sorted(rates)[len(rates) // 2]
    halves = [[draw.weight_decay == 0 for draw in many if (draw.lr < middle) == below] for below in (True, False)]
    shares = [sum(half) / len(half) for half in halves]
    assert abs(shares[0] - shares[1]) < 4 * math.sqrt(2 * NO_DECAY * (1 - NO_DECAY) / 2000)
