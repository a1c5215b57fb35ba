"""Leaves come back as they were, whole or as a difference, and what is damaged is refused."""

import zlib

import numpy as np
import pytest

from leafscope.core.store.values.leaf_codes import DIFFERENCE, WHOLE, decode, encode, is_difference


def leaves(rows: int, dtype: str, n_leaves: int = 200, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, n_leaves, rows).astype(dtype)


@pytest.mark.parametrize("dtype", ["|u1", "<u2", ">u2", "<i8", ">i4", "|i1"])
@pytest.mark.parametrize("rows", [0, 1, 7, 3000])
@pytest.mark.parametrize("changed", [0.0, 0.02, 1.0])
def test_leaves_come_back(dtype: str, rows: int, changed: float) -> None:
    before = leaves(rows, dtype, 100)
    now = np.where(np.random.default_rng(1).random(rows) < changed, leaves(rows, dtype, 100, seed=2), before).astype(dtype)
    for base in (None, before):
        kind, data = encode(now, base)
        assert len(data) <= now.nbytes
        assert not (is_difference(kind) and base is None)
        back = decode(kind, data, rows, base)
        assert back.dtype == now.dtype
        np.testing.assert_array_equal(back, now)


def test_a_few_changes_take_little_space() -> None:
    before = leaves(100_000, "|u1")
    now = before.copy()
    now[::100] ^= 3
    kind, data = encode(now, before)
    assert kind == f"|u1{DIFFERENCE}"
    assert len(data) < 100_000 / 20


def test_leaves_of_16_bits_take_little_more_than_their_low_byte() -> None:
    """Most of 2^16 leaves are rare, so the high byte is mostly one of a few."""
    now = leaves(50_000, "<u2", 300)
    kind, data = encode(now)
    assert kind == f"<u2{WHOLE}"
    assert len(data) < 1.3 * 50_000


def test_an_array_of_another_type_is_no_base() -> None:
    now = np.zeros(1000, np.uint16)
    for other in (np.zeros(1000, np.uint8), np.zeros(999, np.uint16)):
        assert encode(now, other)[0] == f"<u2{WHOLE}"


@pytest.mark.parametrize(
    ("kind", "data", "before", "match"),
    [
        ("<f4", bytes(4000), None, "must be of integers"),
        (f"|u1{WHOLE}", b"no deflate", None, "not complete"),
        (f"|u1{WHOLE}", zlib.compress(bytes(999)), None, "must have 1,000 bytes"),
        (f"|u1{WHOLE}", zlib.compress(bytes(2**24)), None, "must have 1,000 bytes"),
        (f"|u1{WHOLE}", zlib.compress(bytes(1000))[:-2], None, "must have 1,000 bytes"),
        (f"|u1{DIFFERENCE}", zlib.compress(bytes(1000)), None, "the epoch before"),
        (f"|u1{DIFFERENCE}", zlib.compress(bytes(1000)), np.zeros(1000, np.uint16), "the epoch before"),
        (f"|u1{DIFFERENCE}", zlib.compress(bytes(1000)), np.zeros(10, np.uint8), "the epoch before"),
    ],
)
def test_what_is_damaged_is_refused(kind: str, data: bytes, before: np.ndarray | None, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        decode(kind, data, 1000, before)
