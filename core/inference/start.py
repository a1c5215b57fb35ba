"""The weights of an untrained net, bit for bit those that torch draws for the module of `core.nets`, without torch.

P features · C classes · K depth. torch draws from the Mersenne Twister with 24 bits for a number; normal numbers come from
the Box-Muller transform, for 16 and more in single precision with the polynomials of Cephes (S. Moshier), as its code for
processors with AVX2 does. On other processors normal numbers may differ in the last bit.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.balancing import BALANCINGS
from leafscope.core.inference.net import Net
from leafscope.core.parametrizations import PARAMETRIZATIONS

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig

Floats = NDArray[np.float32]


def untrained(config: "NetConfig", n_features: int, n_outputs: int, seed: int = 0) -> Net:
    """Return the net of a configuration before training, with weights that depend on the seed only: P -> C."""
    if config.model.forward is not None:
        return Net(config, _mixture(config, n_features, n_outputs, seed))
    width, depth = config.width, config.depth if config.gated else 0
    weights: dict[str, Floats] = {}

    def linear(name: str, n_inputs: int, n_units: int, part: int) -> None:
        draw = TorchRandom(part_seed(seed, part))
        bound = 1 / math.sqrt(n_inputs)
        weights[f"{name}.weight"] = draw.uniform((n_units, n_inputs), _kaiming_bound(n_inputs))
        weights[f"{name}.bias"] = draw.uniform((n_units,), bound)

    linear("hidden", n_features, width, 0)
    for layer in range(config.tree_layers):
        linear(f"layers.{layer}", width, width, 1 + layer)
        if config.gated:
            for name in (f"layers.{layer}.weight", f"layers.{layer}.bias"):
                weights[name] = _table(weights[name], depth, config.model.parametrization)
        if depth > 0 and config.gates == "units":
            linear(f"gates.{layer}", width, depth, 100 + layer)
        elif depth > 0 and config.gates == "random":
            weights[f"gates.{layer}.normals"] = TorchRandom(part_seed(seed, 100 + layer)).normal((depth, width))
    linear("head", width, n_outputs, 1 + config.tree_layers)
    if depth > 0 and BALANCINGS[config.balancing].has_offsets:
        weights["offsets"] = np.zeros((config.tree_layers, depth), np.float32)
    return Net(config, weights)


def part_seed(seed: int, part: int) -> int:
    """Return the seed of one part's own random stream, so nets with the same seed agree in the parts they share."""
    state = np.random.SeedSequence((seed, part)).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


def _mixture(config: "NetConfig", n_features: int, n_outputs: int, seed: int) -> dict[str, Floats]:
    """Draw the weights of a net of `core.mixtures`: each declared tensor as its layer starts it."""
    assert config.model.weights is not None
    draws: dict[int, TorchRandom] = {}
    parts = {"hidden": 0, "head": 1 + config.tree_layers, "leaves": 1, "inner": 100}

    def linear(name: str, n_units: int, n_inputs: int) -> tuple[Floats, Floats]:
        first, *rest = name.split(".")
        part = parts[first] if first != "layers" else (1 if rest[1] == "maps" else 100) + int(rest[0])
        draw = draws.setdefault(part, TorchRandom(part_seed(seed, part)))
        matrix = draw.uniform((n_units, n_inputs), _kaiming_bound(n_inputs))
        return matrix, draw.uniform((n_units,), 1 / math.sqrt(n_inputs)) if name.endswith("weight") else matrix

    weights: dict[str, Floats] = {}
    for one in config.model.weights(config, n_features, n_outputs):
        bias = one.name.removesuffix("weight") + "bias"
        if one.name == "leaves":
            weights[one.name] = TorchRandom(part_seed(seed, 1)).uniform(one.shape, 1 / math.sqrt(config.width))
        elif not one.is_trained:
            weights[one.name] = np.zeros(one.shape, np.float32)
        elif one.name.endswith("router"):
            weights[one.name] = linear(one.name, *one.shape)[0]
        elif one.name.endswith("weight") and len(one.shape) == 2:
            weights[one.name], weights[bias] = linear(one.name, *one.shape)
        elif one.name.endswith("weight"):  # maps: a matrix and a bias at a time
            matrices, biases = zip(*(linear(one.name, *one.shape[1:]) for _ in range(one.shape[0])), strict=True)
            weights |= {one.name: np.stack(matrices), bias: np.stack(biases)}
    return weights


def _kaiming_bound(n_inputs: int) -> float:
    """The bound of nn.Linear's weights, 1 / sqrt(n), with torch's own steps, which round differently."""
    gain = math.sqrt(2.0 / (1 + math.sqrt(5) ** 2))
    return math.sqrt(3.0) * (gain / math.sqrt(n_inputs))


def _table(first: Floats, depth: int, parametrization: str) -> Floats:
    """Start a table of nodes: the root and zeros, or every separate leaf with the same values."""
    nodes = PARAMETRIZATIONS[parametrization].n_nodes(depth)
    if not PARAMETRIZATIONS[parametrization].is_shared:
        return np.repeat(first[None], nodes, axis=0)
    table = np.zeros((nodes, *first.shape), np.float32)
    table[0] = first
    return table


class TorchRandom:
    """The random numbers of a CPU's `torch.Generator` after `manual_seed(seed)`.

    >>> TorchRandom(0).uniform((3,), 1.0)  # torch.empty(3).uniform_(-1, 1)
    array([-0.00748682,  0.5364436 , -0.82304513], dtype=float32)
    """

    def __init__(self, seed: int) -> None:
        self._twister = np.random.MT19937()
        self._twister._legacy_seeding(seed & 0xFFFFFFFF)

    def uniform(self, shape: tuple[int, ...], bound: float) -> Floats:
        """Draw from -bound to bound: -> float32 of the shape."""
        low, high = np.float32(-bound), np.float32(bound)
        drawn: Floats = _fma(self._shares(math.prod(shape)), high - low, low).reshape(shape)
        return drawn

    def normal(self, shape: tuple[int, ...]) -> Floats:
        """Draw standard normal numbers: -> float32 of the shape."""
        n = math.prod(shape)
        if n < 16:
            return self._few_normal(n).reshape(shape)
        shares = self._shares(n)
        whole = n // 16 * 16
        drawn = np.empty(n, np.float32)
        drawn[:whole] = _box_muller(shares[:whole])
        if whole < n:  # the last 16 are drawn anew
            drawn[-16:] = _box_muller(self._shares(16))
        return drawn.reshape(shape)

    def _shares(self, n: int) -> Floats:
        """Draw from 0 to 1, 1 excluded: (n,)."""
        return (self._twister.random_raw(n) & 0xFFFFFF).astype(np.float32) * np.float32(2**-24)

    def _few_normal(self, n: int) -> Floats:
        """Draw fewer than 16, in pairs and in double precision: (n,)."""
        raw = self._twister.random_raw(4 * ((n + 1) // 2)).astype(np.uint64).reshape(-1, 2)
        shares = (((raw[:, 0] << np.uint64(32)) | raw[:, 1]) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53
        angle, radius = 2 * math.pi * shares[::2], np.sqrt(-2 * np.log1p(-shares[1::2]))
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:n].astype(np.float32)


def _box_muller(shares: Floats) -> Floats:
    """Turn blocks of 16 uniform numbers into normal ones: the first 8 of a block give radii, the others angles."""
    block = shares.reshape(-1, 2, 8)
    radius = np.sqrt(np.float32(-2) * _log(np.float32(1) - block[:, 0]))
    sine, cosine = _sine_cosine(np.float32(2 * np.pi) * block[:, 1])
    return np.stack([radius * cosine, radius * sine], axis=1).reshape(-1)


def _fma(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> Floats:
    """Compute a * b + c with a single rounding, as processors do."""
    found: Floats = (np.asarray(a, np.float64) * np.asarray(b, np.float64) + np.asarray(c, np.float64)).astype(np.float32)
    return found


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = _fma(total, x, np.float32(coefficient))
    return total


_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_LOG_2 = (np.float32(0.693359375), np.float32(-2.12194440e-4))
"""log 2 in two parts, so that multiples of the first are exact."""
_QUARTER_PI = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
"""Minus pi / 4 in three parts."""
_SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COSINE = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def _log(x: Floats) -> Floats:
    """Compute natural logarithms of numbers above 0, at most 1."""
    share, exponent = np.frexp(x)
    low = share < np.float32(0.707106781186547524)
    power = (exponent - low).astype(np.float32)
    x = np.where(low, share + share, share) - np.float32(1)
    square = x * x
    y = _polynomial(x, _LOG) * x
    y = _fma(y, square, power * _LOG_2[1])
    y = _fma(-square, np.float32(0.5), y)
    return _fma(power, _LOG_2[0], x + y)


def _sine_cosine(angle: Floats) -> tuple[Floats, Floats]:
    """Compute sines and cosines of angles from 0 to 2 pi."""
    octant = (angle * np.float32(4 / math.pi)).astype(np.int32) + 1 & ~1
    for part in _QUARTER_PI:
        angle = _fma(octant.astype(np.float32), np.float32(part), angle)
    square = angle * angle
    sine = _fma(_polynomial(square, _SINE) * square, angle, angle)
    cosine = _polynomial(square, _COSINE) * square
    cosine = _fma(cosine, square, -(square * np.float32(0.5))) + np.float32(1)
    straight = octant & 2 == 0
    sines = np.where(straight, sine, cosine) * np.where(octant & 4, -1, 1).astype(np.float32)
    cosines = np.where(straight, cosine, sine) * np.where(octant - 2 & 4, 1, -1).astype(np.float32)
    return sines, cosines
