"""Twenty files with the same counts, in the shapes that people have; each test opens all of them."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.numpy import save

LAYERS, EXPERTS, TOP_K = (1, 3), 6, 2

COUNTS = np.array([[7, 5, 0, 3, 1, 0], [0, 4, 4, 6, 2, 0]])
"""(A, E): 8 tokens with 2 experts each in both layers; the last expert is never chosen, the first not in layer 3."""


@dataclass(frozen=True)
class Shape:
    """A file, and what is told to read it."""

    name: str
    data: bytes
    told: dict[str, Any]
    layers: tuple[int, ...] = LAYERS
    experts: int = EXPERTS
    scale: float = 1
    """What the counts of the file sum to, as a multiple of those above."""
    is_shares: bool = False


def long(line: Callable[[int, int, int], str], head: str = "layer,expert,count\n", skip_zeros: bool = False) -> str:
    rows = [(layer, expert, int(count)) for layer, row in zip(LAYERS, COUNTS, strict=True) for expert, count in enumerate(row)]
    return head + "".join(line(*row) for row in rows if row[2] or not skip_zeros)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def wide(name: str, rows: list[np.ndarray], head: str = "step,", first: Callable[[int], str] = "{},".format) -> str:
    names = [name.format(layer=layer, expert=expert) for layer in LAYERS for expert in range(EXPERTS)]
    return (
        head
        + ",".join(names)
        + "\n"
        + "".join(first(at) + ",".join(map(str, row.ravel())) + "\n" for at, row in enumerate(rows))
    )


def ids(padding: int | None = None, kind: type = np.int64) -> np.ndarray:
    """(N, A, k) experts of 8 tokens with these counts, and one token of padding."""
    found = np.full((9, 2, 2), -1 if padding is None else padding, kind)
    for layer, row in enumerate(COUNTS):
        chosen = np.repeat(np.arange(EXPERTS), row)  # no expert has more than 8, so the halves never pair one with itself
        found[:8, layer] = np.stack([chosen[:8], chosen[8:]], 1)
    return found


def logits() -> np.ndarray:
    """(N, A, E) scores whose two highest are the ids."""
    found = np.random.default_rng(0).normal(-5, 1, (8, 2, EXPERTS)).astype(np.float32)
    np.put_along_axis(found, ids()[:8], 5.0, -1)
    return found


PLAIN = long("{},{},{}\n".format)
SHUFFLED = "".join(["layer,expert,count\n", *np.random.default_rng(1).permutation(PLAIN.splitlines(True)[1:]).tolist()])
HALVES = long(
    lambda layer, expert, n: f"{layer},{expert},{n // 2},0\n{layer},{expert},{n - n // 2},1\n", "layer,expert,count,rank\n"
)


HALVES_BY_STEP = long(
    lambda layer, expert, n: f"{layer},{expert},{n // 2},a,1\n{layer},{expert},{n - n // 2},b,2\n",
    "layer,expert,count,task,iteration\n",
)

SHAPES = [
    Shape("long", PLAIN.encode(), {}),
    Shape("long, zeros omitted but for the last expert", long("{},{},{},0\n".format, "layer_id,expert_id,tokens,step\n", True)
          .encode() + b"1,5,0,0\n", {}),
    Shape("unsorted, of ranks", SHUFFLED.encode(), {}),
    Shape("summed over ranks", HALVES.encode(), {}),
    Shape("tabs and a byte-order mark", b"\xef\xbb\xbf" + PLAIN.replace(",", "\t").encode(), {}),
    Shape("semicolons, quoted", long('"{}";"{}";"{}.0"\n'.format, '"layer_idx";"expert_idx";"load"\n').encode(), {}),
    Shape("packed, comments and a total", gzip.compress(f"# mine\n{PLAIN}total,,32\n".encode()), {}),
    Shape("a shorter total", f"{PLAIN}Total,32\n".encode(), {}),
    Shape("a total of each layer", (PLAIN + "1,total,16\n3,total,16\n").encode(), {}),
    Shape("a shared expert", (PLAIN + "1,-1,8\n3,-1,8\n").encode(), {}),
    Shape("names of modules", long("model.layers.{}.mlp,expert_{},{}\n".format).encode(), {}),
    Shape("fractions", long(lambda layer, expert, n: f"{layer},{expert},{n / 16}\n", "layer,expert,frac\n").encode(), {},
          scale=1 / 16, is_shares=True),
    Shape("fractions with a decimal comma", long(lambda layer, expert, n: f"{layer};{expert};{n / 16:.4f}\n".replace(".", ","),
          "layer;expert;prob\n").encode(), {}, scale=1 / 16, is_shares=True),
    Shape("by step and domain", HALVES_BY_STEP.encode(), {}),
    Shape("wide", wide("layer_{layer}/expert_{expert}", [COUNTS // 2, COUNTS - COUNTS // 2]).encode(), {}),
    Shape("wide, as a logger exports it", wide("t/layer{layer}_moe/expert{expert}/tokens", [COUNTS], "_step,").encode(), {}),
    Shape("counts.npy", npy(COUNTS.astype(np.float32)), {"layout": "counts"}, (0, 1)),
    Shape("counts by step.npy", npy(np.stack([COUNTS // 2, COUNTS - COUNTS // 2])), {"layout": "counts"}, (0, 1)),
    Shape("ids.npy", npy(ids()), {}, (0, 1), EXPERTS - 1),
    Shape("ids, bytes.npy", npy(ids(255, np.uint8)), {"layout": "ids"}, (0, 1), EXPERTS - 1),
    Shape("logits.npy", npy(logits()), {"top_k": 2}, (0, 1)),
    Shape("counts.safetensors", save({"counts": COUNTS * 10_000}), {}, (0, 1), scale=10_000),
    Shape("a tensor for each layer.safetensors", save({f"model.layers.{layer}.gate": np.ascontiguousarray(ids()[:, at])
          for at, layer in enumerate(LAYERS)}), {"layout": "ids"}, experts=EXPERTS - 1),
]  # fmt: skip
