"""The leaf of each row as the store keeps it: compressed without loss, as the difference from the epoch before where possible.

N rows. The column `dtype` says how `data` is kept. A type alone, such as `|u1`: the array itself, as older versions wrote it.
`|u1 zip`: the array, compressed. `|u1 xor`: its difference, bit by bit, from the array of the same attempt, layer and split one
epoch before, compressed; most rows keep their leaf, so most bits of it are 0.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

WHOLE_EVERY = 16
"""Leaves of the epochs that this divides are never differences: so many rows are read at most for one epoch."""

WHOLE, DIFFERENCE = " zip", " xor"
"""What follows the type in the column `dtype`."""

_LEVEL = 1


def encode(leaf: NDArray[np.integer], before: NDArray[np.integer] | None = None) -> tuple[str, bytes]:
    """Return the columns `dtype` and `data` of leaves, (N,) or (N, k); `before`: those of the epoch before, of the same type.

    >>> encode(np.zeros(1000, np.uint8))[0], encode(np.arange(3, dtype=np.uint8))[0]
    ('|u1 zip', '|u1')
    """
    values = np.ascontiguousarray(leaf)
    is_alike = before is not None and before.dtype == values.dtype and before.shape == values.shape
    planes = _planes(values)
    if before is not None and is_alike:
        planes = planes ^ _planes(before)
    packer = zlib.compressobj(_LEVEL, strategy=zlib.Z_RLE)  # runs are all there is to find; other strategies are slower
    data = packer.compress(planes.tobytes()) + packer.flush()
    if len(data) >= values.nbytes:
        return values.dtype.str, values.tobytes()
    return values.dtype.str + (DIFFERENCE if is_alike else WHOLE), data


def is_difference(dtype: object) -> bool:
    """Return whether the array of the epoch before is needed."""
    return isinstance(dtype, str) and dtype.endswith(DIFFERENCE)


def decode(dtype: str, data: bytes, rows: int, before: NDArray[np.integer] | None = None) -> NDArray[np.integer]:
    """Return the leaves that `encode` was given, row by row: (n,); raises ValueError or TypeError where they are damaged.

    `rows` is n, their number: no more is unpacked of what is compressed.
    """
    plain, is_packed = dtype, False
    for how in (WHOLE, DIFFERENCE):
        if dtype.endswith(how):
            plain, is_packed = dtype.removesuffix(how), True
    kind = np.dtype(plain)
    if kind.kind not in "iu":
        raise ValueError(f"their type must be of integers, got {dtype!r:.80}")
    if not is_packed:
        return np.frombuffer(data, kind)
    size = rows * kind.itemsize
    reader = zlib.decompressobj()
    try:
        planes = reader.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError(f"they are not complete: {error}") from None
    if len(planes) != size or not reader.eof:
        raise ValueError(f"unpacked, they must have {size:,} bytes")
    found = np.frombuffer(planes, np.uint8).reshape(kind.itemsize, rows)
    if is_difference(dtype):
        if before is None or before.dtype != kind or before.size != rows:
            raise ValueError("the leaves of the epoch before, from which they differ, are missing or of another type")
        found = found ^ _planes(before)
    return np.ascontiguousarray(found.T).view(kind).reshape(rows)


def _planes(values: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Put bytes of the same place side by side, since the high ones are mostly equal: n values -> (bytes of a value, n)."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(values.size, values.itemsize).T
