"""A forged row is refused, by its table, number and column."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from leafscope.core.store.archive import import_archive
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.records import CHECKPOINT, NET
from leafscope.core.store.store import Store
from leafscope.core.store.tensors import compress, pack
from tests.core.clock import Clock
from tests.core.store.archive.examples import claim_of, config, exported, forged, record, refused


def edit(number: int, **changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rows: rows[number].update(changes)


FORGERIES: list[tuple[str, Callable[[list[dict[str, Any]]], Any], str]] = [
    ("runs", edit(0, admin=True), r"runs, row 1: unknown column 'admin'"),
    ("runs", lambda rows: rows[1].pop("note"), r"runs, row 2: column note is missing"),
    ("runs", edit(1, label=7), r"runs, row 2: label must be text, got 7"),
    ("runs", edit(1, label=None), r"runs, row 2: label must be text, got None"),
    ("runs", edit(1, label="\ud800"), r"runs, row 2: label must be text"),
    ("runs", edit(1, created=math.nan), r"runs, row 2: created must be a finite number"),
    ("runs", edit(1, created=5), r"runs, row 2: created must be a finite number"),
    ("runs", edit(1, config='{"seed": 77}'), r"runs, row 2: run_id must be [0-9a-f]{16}, the address of its config"),
    ("runs", edit(1, config='{"net": {"depth": 99}}'), r"runs, row 2: depth must be a whole number from 0 to 16, got 99"),
    ("runs", edit(1, config="{"), r"runs, row 2: .*JSON"),
    ("runs", edit(0, run_id="../../etc/passwd"), r"runs, row 1: run_id must be 16 hexadecimal digits"),
    ("runs", lambda rows: rows.reverse(), r"runs, row 2: rows must be in the order of run_id, each once"),
    ("runs", lambda rows: rows.insert(0, rows[0]), r"runs, row 2: rows must be in the order"),
    ("runs", lambda rows: rows.pop(0), r"attempts, row 1: run [0-9a-f]{16} must be in the file"),
    ("attempts", lambda rows: rows.clear(), r"attempts: run [0-9a-f]{16} must have an attempt"),
    ("attempts", edit(0, status="running"), r"attempts, row 1: status must be one of finished, failed, stopped, interr"),
    ("attempts", edit(0, first_attempt=2), r"attempts, row 1: first_attempt must be from 1 to 1, got 2"),
    ("attempts", edit(0, epochs_total=0), r"attempts, row 1: epochs_total must be at least 1"),
    ("attempts", edit(0, epochs_done=-1), r"attempts, row 1: epochs_done must be a whole number from 0 to 2147483647"),
    ("attempts", edit(0, epochs_done=2**80), r"attempts, row 1: epochs_done must be a whole number"),
    ("attempts", edit(0, stop_requested=0), r"attempts, row 1: stop_requested must be true or false, got 0"),
    ("attempts", edit(0, device="x" * 21), r"attempts, row 1: device must be text of at most 20 characters"),
    ("attempts", edit(0, summary="[]"), r"attempts, row 1: summary must have"),
    ("attempts", edit(0, summary='{"best": {"train_loss": "0"}}'), r"attempts, row 1: summary must have"),
    ("attempts", edit(0, summary="[" * 100_000), r"attempts, row 1: "),
    ("metrics", edit(5, attempt=9), r"metrics, row 6: .*(order|attempt 9 of run [0-9a-f]{16} must be in the file)"),
    ("metrics", edit(0, split="secret"), r"metrics, row 1: split must be one of train, validation, test, got 'secret'"),
    ("metrics", edit(0, value=None, nonfinite=None), r"metrics, row 1: either value, or nan, inf or -inf"),
    ("metrics", edit(0, value=None, nonfinite="1"), r"metrics, row 1: either value"),
    ("metrics", edit(0, value=1.0, nonfinite="nan"), r"metrics, row 1: either value"),
    ("leaves", edit(1, shape="[13]"), r"leaves, row 2: .* must have \d+ bytes, got \d+"),
    ("leaves", edit(1, shape="[-1, -12]"), r"leaves, row 2: shape must be a list of lengths"),
    ("leaves", edit(1, shape="12"), r"leaves, row 2: shape must be a list"),
    ("leaves", edit(1, dtype="|O8"), r"leaves, row 2: dtype must be one of"),
    ("leaves", edit(1, dtype="<f4"), r"leaves, row 2: dtype must be one of"),
    ("leaves", edit(1, offset=0, size=10**15), r"leaves, row 2: offset must be \d+ and size at most"),
    ("leaves", edit(0, size=200_000_000), r"leaves, row 1: its value must have 200,000,000 bytes, but leaves.bin ends"),
    ("leaves", lambda rows: [rows.pop() for _ in range(3)], r"leaves.bin must have the [\d,]+ bytes of its rows"),
    ("artifacts", edit(0, size=1.5), r"artifacts, row 1: size must be a number of bytes, got 1.5"),
    ("artifacts", edit(0, size=3.0), r"artifact_parts, row \d+: .* must have 3 bytes in all its parts, got \d+"),
    ("artifacts", lambda rows: rows.pop(0), r"artifact_parts, row 1: it must be of an artifact in the file"),
    ("artifacts", edit(0, version="other"), r"artifact_parts, row 1: it must be of an artifact in the file"),
    ("artifact_parts", edit(0, part=1), r"artifact_parts, row 1: part must be 0, the next one, got 1"),
    ("annotations", edit(0, run_id="0" * 16), r"annotations, row 1: run 0{16} must be in the file"),
    ("annotations", edit(0, name="x" * 10_001), r"annotations, row 1: name must have at most 10,000 characters"),
    ("annotations", edit(0, comment="x" * 100_001), r"annotations, row 1: comment must have at most 100,000 characters"),
    ("annotations", edit(0, tags='{"a": 1}'), r"annotations, row 1: tags must be a list of texts"),
    ("annotations", edit(0, tags='["a", "a"]'), r"annotations, row 1: tags must be different"),
    ("annotations", edit(0, tags=json.dumps(["x" * 61])), r"annotations, row 1: a tag must have from 1 to 60 characters"),
    ("annotations", edit(0, tags='["\\ud800"]'), r"annotations, row 1: text must not contain unpaired surrogates"),
    ("sweeps", edit(0, sweep_id="0" * 16), r"sweeps, row 1: sweep_id must be [0-9a-f]{16}, the address of its config"),
    ("sweeps", edit(0, config='{"axes": {"seed": []}}'), r"sweeps, row 1: axis seed must have at least one value"),
    (
        "sweeps",
        edit(0, config=json.dumps({"axes": {"seed": list(range(100)), "train.epochs": list(range(1, 101))}})),
        r"sweeps, row 1: a sweep can have at most 5,000 runs, got 10,000",
    ),
    ("sweeps", edit(0, name=" "), r"sweeps, row 1: name must have from 1 to 200 characters"),
    ("decks", edit(0, name=""), r"decks, row 1: name must have from 1 to 10,000 characters"),
    ("slides", edit(0, deck_id="0" * 16), r"slides, row 1: deck 0{16} must be in the file"),
    ("slides", lambda rows: rows.append(rows[0] | {"place": 9}), r"slides, row 3: slide_id must be in the file once"),
    ("slides", edit(0, content='{"kind": "video"}'), r"slides, row 1: kind: "),
    ("slides", edit(0, content='{"kind": "text", "script": "x"}'), r"slides, row 1: script: "),
    ("slides", edit(0, content='{"kind": "text", "taken": NaN}'), r"slides, row 1: it must have finite numbers, got NaN"),
    ("slides", edit(0, content=json.dumps({"kind": "text", "text": "x" * 20_001})), r"slides, row 1: text must have at most"),
    ("slides", edit(1, figure="[]"), r"slides, row 2: figure: "),
    ("slides", edit(1, figure=json.dumps({"data": ["x" * 8_000_001]})), r"slides, row 2: a figure must have at most 8,000,000"),
    (
        "slides",
        edit(1, figure='{"layout": {"template": {"layout": {"images": [{"source": "http://a.b/c.png"}]}}}}'),
        r"slides, row 2: a figure must draw what it holds and fetch nothing, but this one has 'http://a.b/c.png'",
    ),
    ("slides", edit(1, figure='{"data": [{"type": "scattermapbox"}]}'), r"slides, row 2: .* has 'scattermapbox'"),
]


@pytest.mark.parametrize(("table", "change", "match"), FORGERIES, ids=[f"{one[0]}-{n}" for n, one in enumerate(FORGERIES)])
def test_a_forged_row_is_refused(
    table: str, change: Callable[[list[dict[str, Any]]], Any], match: str, small: tuple[Store, bytes], empty: Store
) -> None:
    refused(empty, forged(small[1], table, change), match)


def test_a_deck_of_too_many_slides_is_refused(small: tuple[Store, bytes], empty: Store) -> None:
    def many(rows: list[dict[str, Any]]) -> None:
        rows[:] = [rows[0] | {"place": place, "slide_id": f"{place:016x}"} for place in range(201)]

    refused(empty, forged(small[1], "slides", many), r"slides, row 201: a deck must have at most 200 slides")


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path, empty: Store) -> None:
    for name in (NET, CHECKPOINT, LEVELS, "weights-00003", "regions-00000"):
        db = Store(tmp_path / f"{name}.db", Clock())
        db.end(claim_of(db, config()), "stopped", None, [record(0)], {name: b"\x80\x04pickle"})
        refused(empty, exported(db), rf"artifact_parts: '{name}' of attempt 1 of run [0-9a-f]{{16}} must be safetensors")


def test_compressed_snapshots_are_imported_as_they_are_and_checked(tmp_path: Path, empty: Store) -> None:
    db = Store(tmp_path / "full.db", Clock())
    good = compress(pack({"weight": torch.ones(3)}))
    claim = claim_of(db, config())
    db.end(claim, "stopped", None, [record(0)], {"weights-00000": good})
    import_archive(empty, io.BytesIO(exported(db)))
    assert empty.snapshots(claim.run_id, "weights") == {0: good}
    for number, bad in enumerate((good[:-5], compress(b"\x80\x04pickle"))):
        db = Store(tmp_path / f"{number}.db", Clock())
        db.end(claim_of(db, config(seed=number + 1)), "stopped", None, [record(0)], {"weights-00000": bad})
        refused(empty, exported(db), r"'weights-00000' of attempt 1 of run [0-9a-f]{16} must be safetensors")
