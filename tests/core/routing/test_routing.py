"""A log as an object: its parts, its address, and that a saved one is read back."""

from pathlib import Path

import numpy as np
import pytest

from leafscope.core.errors import RoutingError
from leafscope.core.routing import Routing, read_routing
from tests.core.routing.shapes import SHAPES, Shape


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_saved_log_is_read_back(shape: Shape, tmp_path: Path) -> None:
    log = read_routing(shape.data, **shape.told, name="a <b> log")
    log.save(tmp_path / "log.safetensors")
    back = read_routing(tmp_path / "log.safetensors")
    assert back.hash == log.hash
    assert (back.notes, back.layers, back.top_k) == (log.notes, log.layers, log.top_k)
    log.save(tmp_path / "log.csv")
    as_text = read_routing(tmp_path / "log.csv", top_k=log.top_k)
    np.testing.assert_array_equal(as_text.counts, log.counts)
    np.testing.assert_array_equal(as_text.has, log.has)


def test_it_is_saved_in_two_formats_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved as .safetensors or .csv, got .npy"):
        read_routing(SHAPES[0].data).save(tmp_path / "log.npy")


def test_its_address_is_that_of_its_content() -> None:
    plain = read_routing(SHAPES[0].data, name="one")
    assert plain.hash == read_routing(SHAPES[2].data, name="two").hash
    assert plain.hash != read_routing(SHAPES[0].data, top_k=2).hash
    assert plain.hash != read_routing(SHAPES[0].data.replace(b"7", b"6", 1)).hash


def test_parts_are_summed_and_shares_averaged() -> None:
    counts = np.arange(24).reshape(2, 2, 2, 3)
    log = Routing(counts=counts, layers=(0, 1), steps=(5, 9), domains=("a", "b"), top_k=3)
    np.testing.assert_array_equal(log.at("b", 9), counts[1, 1])
    np.testing.assert_array_equal(log.at(step=5), counts[:, 0].sum(0))
    np.testing.assert_array_equal(log.at(), counts.sum((0, 1)))
    assert log.tokens_at("b", 9).tolist() == [19, 22]  # type: ignore[union-attr]
    shares = Routing(counts=counts / 10.0, layers=(0, 1), steps=(5, 9), domains=("a", "b"), tokens=4, top_k=1)
    np.testing.assert_allclose(shares.at(), counts.mean((0, 1)) / 10)
    assert shares.tokens_at().tolist() == [16, 16]  # type: ignore[union-attr]
    assert shares.assignments == 32
    with pytest.raises(KeyError, match="the log has no domain 'c'"):
        log.at("c")


@pytest.mark.parametrize(
    "wrong",
    [
        {"counts": np.array([[[[1, -1]]]])},
        {"counts": np.array([[[[1.0, np.nan]]]])},
        {"counts": np.array([[1, 2]])},
        {"layers": (0, 1)},
        {"top_k": 3},
        {"tokens": 0},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RoutingError):
        Routing(**({"counts": np.array([[[[1, 2]]]]), "layers": (0,)} | wrong))  # type: ignore[arg-type]
