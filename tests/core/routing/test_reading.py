"""Reading files with routing: what is understood, and what is refused with a sentence."""

import json
import pickle
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from leafscope.core.errors import RoutingError
from leafscope.core.routing import read_routing
from tests.core.routing.shapes import COUNTS, PLAIN, SHAPES, Shape, ids, logits, long, npy, wide


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_shape_gives_the_same_counts(shape: Shape) -> None:
    found = read_routing(shape.data, **shape.told)
    assert (found.layers, found.experts, found.is_shares) == (shape.layers, shape.experts, shape.is_shares)
    of_parts = found.counts.sum((0, 1)) if found.is_shares else found.at()
    np.testing.assert_allclose(of_parts, shape.scale * COUNTS[:, : shape.experts])


def test_there_are_at_least_twenty() -> None:
    assert len({shape.name for shape in SHAPES}) >= 20


def test_what_a_file_says_beside_counts_is_kept() -> None:
    by_name = {shape.name: read_routing(shape.data, **shape.told) for shape in SHAPES}
    assert by_name["a shared expert"].shared == (-1,)
    assert "the shared expert (-1) is left out" in by_name["a shared expert"].notes[-1]
    several = by_name["by step and domain"]
    assert (several.steps, several.domains) == ((1, 2), ("a", "b"))
    assert several.has.transpose(2, 0, 1).tolist() == [[[True, False], [False, True]]] * 2
    assert "counts are summed over rank" in by_name["summed over ranks"].notes
    assert any("with a total left out" in note for note in by_name["a total of each layer"].notes)
    assert by_name["ids.npy"].top_k == by_name["logits.npy"].top_k == 2
    assert by_name["ids.npy"].notes == ("1 of 9 tokens are padding and left out",)
    tokens = by_name["ids, bytes.npy"].tokens_at()
    assert tokens is not None
    assert tokens.tolist() == [8, 8]
    assert by_name["wide"].steps == (0, 1)


def test_an_array_that_can_be_two_things_is_refused_and_says_how_to_tell() -> None:
    array = np.arange(12).reshape(6, 2)
    for data in (npy(array), save({"x": array})):
        with pytest.raises(
            RoutingError, match=r"can be counts of experts or the experts of tokens.*--layout counts or --layout ids"
        ):
            read_routing(data)
    assert read_routing(npy(array), "counts").at().tolist() == array.tolist()
    found = read_routing(npy(array), "ids")
    assert (found.at().sum(), found.experts, found.top_k) == (12, 12, 2)
    with pytest.raises(RoutingError, match="counts of experts or scores of experts for tokens"):
        read_routing(npy(np.full((4, 8), 0.125)))


def test_an_array_that_can_be_one_thing_needs_no_layout() -> None:
    assert read_routing(npy(np.full((3, 64), 7))).experts == 64  # no token goes to 64 experts
    assert read_routing(npy(np.array([[20_000, 1], [5, 3]]))).experts == 2  # no model has 20,001 experts
    assert read_routing(npy(np.array([[3], [0], [2]]))).top_k == 1  # one expert is no choice
    with pytest.raises(RoutingError, match="need the number of experts that each token goes to: --top-k"):
        read_routing(npy(logits()))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("layer,expert,count\n0,0,5\n0,1,-2\n", r"count must be a number of at least 0, but in row 2 \(line 3\) got -2"),
        ("layer,expert,count\n# x\n0,0,nan\n0,1,2\n", r"but in row 1 \(line 3\) it is missing, or no number"),
        ("layer,expert,count\n0,0,many\n0,1,2\n", r"but in row 1 \(line 2\) got 'many'"),
        ("layer,expert,count\n0,0,inf\n0,1,2\n", r"but in row 1 \(line 2\) got inf"),
        ("layer,expert,count\n0.5,0,1\n0,1,2\n", r"layer must be a whole number from 0 .* in row 1 \(line 2\) got 0.5"),
        ("layer,expert,count\n0,-3,1\n0,1,2\n", r"expert must be a whole number from -1 to 16,383, .* got -3"),
        ("layer,expert,count\n0,99999999,1\n0,1,2\n", r"expert must be .* got 1e\+08"),
        ("layer,expert,count\n0,0,0\n0,1,0\n", "at least one count above 0"),
        ("layer,expert,count\n0,-1,5\n", "counts of experts that are not shared"),
        ("layer,expert,count,step\n0,0,5,\n0,1,2,3\n", "step must be a number, but in row 1"),
        ("layer,expert,size\n0,0,5\n0,1,4\n", "a column must hold counts, named count"),
        ("a,b\n1,2\n3,4\n", "the columns must be layer, expert and count, or one for each expert"),
        ("0,0,5\n0,1,2\n", "the first row must hold names"),
        ("step,layer_0/expert_0,layer_0/expert_1\n0,1,2\n1,3,\n", r"layer_0/expert_1 must be .* in row 2 \(line 3\)"),
        ("step,layer_0/expert_0/a,layer_0/expert_0/b\n0,1,2\n", "but there are several"),
        ("layer,expert,count\n0,0,9007199254740993\n0,1,9007199254740993\n", "at most 9,007,199,254,740,992 assignments"),
        ("", "it is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(RoutingError, match=sentence):
        read_routing(text.encode())


def test_pickles_are_refused_with_the_line_that_converts_them(tmp_path: Path) -> None:
    for name, data, line in (
        ("log.pt", b"PK\x03\x04rest", "numpy.save('log.npy', torch.load('log.pt', weights_only=True).numpy())"),
        ("log.pt", b"layer,expert,count\n0,0,1\n", "torch.load('log.pt', weights_only=True)"),
        ("log.bin", pickle.dumps([1, 2]), "numpy.asarray(pickle.load(open('log.bin', 'rb')))"),
        ("log.npz", b"PK\x03\x04rest", "numpy.load('log.npz')['NAME']"),
        ("log.npy", npy(np.array([{}, None], object)), "allow_pickle=True)).astype('int64')"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RoutingError) as refused:
            read_routing(tmp_path / name)
        assert line in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"top_k": 7}, r"top-k must be from 1 to the number of experts \(6\), got 7"),
        ({"top_k": 0}, "top-k must be at least 1, got 0"),
        ({"layout": "ids"}, "a text must hold counts"),
        ({"layout": "logs"}, "the layout must be counts, ids or logits"),
        ({"tokens": 5, "top_k": 2}, "5 tokens with 2 experts each make 10 assignments .* a layer has 16"),
    ],
)
def test_what_is_told_must_fit(told: dict[str, object], sentence: str) -> None:
    with pytest.raises(RoutingError, match=sentence):
        read_routing(PLAIN.encode(), **told)  # type: ignore[arg-type]


def test_k_follows_from_counts_and_tokens_and_from_shares_of_tokens() -> None:
    assert read_routing(PLAIN.encode()).top_k is None
    assert read_routing(PLAIN.encode(), tokens=8).top_k == 2
    of_tokens = long(lambda layer, expert, n: f"{layer},{expert},{n / 8}\n", "layer,expert,frac\n")
    assert read_routing(of_tokens.encode()).top_k == 2


def test_a_step_within_an_epoch_is_told_by_both() -> None:
    text = "epoch,step,layer,expert,count\n" + "".join(f"{e},{s},0,0,{10 * e + s}\n" for e in (0, 1) for s in (5, 6))
    found = read_routing(text.encode())
    assert found.steps == (0, 1, 2, 3)
    assert found.counts.ravel().tolist() == [5, 6, 15, 16]
    once = read_routing(text.replace("1,5,", "1,7,").replace("1,6,", "1,8,").encode())
    assert once.steps == (5, 6, 7, 8)


def test_a_byte_of_255_is_an_expert_where_there_are_256() -> None:
    many = np.stack([np.arange(256), (np.arange(256) + 1) % 256], 1).astype(np.uint8)
    assert read_routing(npy(many), "ids").experts == 256
    assert read_routing(npy(np.concatenate([many, [[255, 255]]]).astype(np.uint8)), "ids").at()[0, 254] == 2


def test_an_expert_that_is_named_twice_by_a_token_is_noted() -> None:
    assert "2 times a token names an expert twice" in read_routing(npy(np.array([[1, 1], [2, 2], [0, 1]])), "ids").notes[0]


def test_halves_of_32_bits_are_read_from_safetensors() -> None:
    scores = logits()
    upper = (scores.view(np.uint32) >> 16).astype(np.uint16)
    header = json.dumps({"router": {"dtype": "BF16", "shape": list(upper.shape), "data_offsets": [0, upper.nbytes]}}).encode()
    found = read_routing(len(header).to_bytes(8, "little") + header + upper.tobytes(), top_k=2)
    assert found.at().tolist() == COUNTS.tolist()


@pytest.mark.parametrize("cut", [5, 60, 130])
def test_what_is_damaged_is_refused(cut: int) -> None:
    for data in (npy(ids()), save({"x": ids()})):
        with pytest.raises(RoutingError):
            read_routing(data[:cut])


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"layer,expert,count\n", b"\x10\0\0\0\0\0\0\0{"]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    with suppress(RoutingError):
        assert read_routing(start + data).counts.any()


def test_a_wide_file_of_many_columns_is_read() -> None:
    names = ",".join(f"layer_{layer}/expert_{expert}" for layer in range(32) for expert in range(128))
    found = read_routing(f"step,{names}\n0,{','.join(['3'] * 4096)}\n".encode())
    assert (found.counts.shape, found.counts.min()) == ((1, 1, 32, 128), 3)


def test_layers_that_a_step_does_not_have_are_not_zero() -> None:
    found = read_routing(
        wide("layer_{layer}/expert_{expert}", [COUNTS, COUNTS]).replace("\n1,7,5,0,3,1,0", "\n1,,,,,,").encode()
    )
    assert found.has[0].tolist() == [[True, True], [False, True]]
