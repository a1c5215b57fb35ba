"""Tensors come back as they were, compressed or not; what is damaged or grows without end is refused."""

import json

import numpy as np
import pytest
import torch

from leafscope.core.store.values import tensors
from leafscope.core.store.values.tensors import compress, pack, plain, unpack

STATE = {"weight": torch.arange(600, dtype=torch.float32).sin().reshape(20, 30), "leaf": torch.zeros(4000, dtype=torch.int32)}


def test_compressed_tensors_come_back_bit_for_bit() -> None:
    packed = pack(STATE)
    small = compress(packed)
    assert len(small) < 0.25 * len(packed)
    assert plain(small) == plain(packed) == packed
    for data in (packed, small):
        found = unpack(data)
        assert found.keys() == STATE.keys()
        for name, tensor in STATE.items():
            assert found[name].dtype == tensor.numpy().dtype
            assert np.array_equal(found[name], tensor.numpy())


def test_what_is_damaged_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small = compress(pack(STATE))
    with pytest.raises(ValueError, match="damaged"):
        plain(small[:6] + b"x" + small[7:])
    with pytest.raises(ValueError, match="must be complete"):
        plain(small[:-9])
    monkeypatch.setattr(tensors, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="at most 100 bytes"):
        plain(small)


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1)])
def test_types_that_numpy_does_not_have_are_refused(dtype: str, size: int) -> None:
    header = json.dumps({"x": {"dtype": dtype, "shape": [3], "data_offsets": [0, 3 * size]}}).encode()
    with pytest.raises(ValueError, match=f"types that NumPy has, got '{dtype}'"):
        unpack(len(header).to_bytes(8, "little") + header + bytes(3 * size))
