"""Whatever is changed in an archive, it is refused and nothing is written, or all that it brings can be read.

LEAFSCOPE_FUZZ is the number of examples of each test; without it there are few, always the same.
"""

import hashlib
import io
import json
import math
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leafscope.core.config import NetConfig, changed
from leafscope.core.datasets import shape
from leafscope.core.errors import ArchiveError
from leafscope.core.inspection.snapshots import Snapshots
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive import import_archive, layout
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT
from leafscope.core.store.values.tensors import pack, unpack
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.recording import left_behind
from tests.core.clock import Clock
from tests.core.store.archive.examples import SWEEP, TABLES, claim_of, config, dump, exported, members, zipped

LONG = int(os.environ.get("LEAFSCOPE_FUZZ", "0"))
pytestmark = [pytest.mark.timeout(0)] if LONG else []
FUZZ = settings(max_examples=LONG or 25, derandomize=not LONG, database=None, suppress_health_check=list(HealthCheck))

EXTREMES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31 - 1, 2**31, 2**63, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, -1.0, 1e-308, 1e12, 1e20, 1e308, math.nan, math.inf, -math.inf),
    *("", " ", "x", "0" * 16, "x" * 17, "\ud800", "\x00", "[]", "{}", "null", "[1]", "[0]", '"\\ud800"', "1e999", "train"),
    *('{"best": {}}', '{"best_epoch": 99}', '{"last": {"test_loss": null}}', '{"facts": []}', '{"facts": {"trials": "x"}}'),
    *("<u8", ">i4", "|O8", "[1, 1]", "[-1]", "net", "levels", "weights-00000", "weights-99999", "checkpoint"),
    *(
        '{"kind": "text"}',
        '{"kind": "figure"}',
        '{"kind": "text", "taken": 1e300}',
        "javascript:alert(1)",
        "finished",
        "queued",
    ),
    *([], {}, [[]], ["x"], {"x": 1}),
]


@lru_cache(maxsize=1)
def real() -> dict[str, bytes]:
    """The members of an archive of trained nets: a tree, a flat net, a dense one, a stopped one, with all that they have."""
    with tempfile.TemporaryDirectory() as folder:
        return members(_trained(Path(folder)))


def _trained(folder: Path) -> bytes:
    db = Store(folder / "real.db", Clock())
    nets = [SWEEP.base.net, NetConfig(kind="flat", width=4, depth=3, gates="random"), NetConfig(kind="dense", width=4)]
    for number, net in enumerate([*nets, SWEEP.base.net]):
        run = changed(config(number).model_copy(update={"net": net}), {"train.epochs": 2})
        trainer = Trainer(run)
        snapshots = Snapshots(run, trainer)
        claim = claim_of(db, run)
        for record in trainer.epochs():
            db.record(claim, [record], snapshots.of(record.epoch) | {CHECKPOINT: pack(trainer.state())})
        status: Any = "stopped" if number == 3 else "finished"
        artifacts, facts = left_behind(trainer, status)
        db.end(claim, status, None, [], artifacts | snapshots.at_end(), facts)
        db.annotate(run.run_id, name=f"net {number}", tags=["a"], comment="b")
    db.submit_sweep(SWEEP, [])
    figure = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}}
    db.make_deck("talk", [Slide(kind="title", title="t"), Slide(kind="figure", figure=figure, taken=1e9)])
    data = exported(db)
    db.close()
    return data


def signed(content: dict[str, bytes]) -> bytes:
    """An archive of these members, with sums that fit."""
    manifest = json.loads(content["manifest.json"])
    for table, entry in manifest["tables"].items():
        lines = content[f"{table}.jsonl"]
        entry |= {"rows": lines.count(b"\n"), "bytes": len(lines), "sha256": hashlib.sha256(lines).hexdigest()}
        if f"{table}.bin" in content:
            blob = content[f"{table}.bin"]
            entry |= {"blob_bytes": len(blob), "blob_sha256": hashlib.sha256(blob).hexdigest()}
    return zipped(content | {"manifest.json": json.dumps(manifest).encode()})


def refused_or_readable(db: Store, data: bytes) -> bool:
    """Import into an empty store, read everything, and empty it again; return whether it was imported."""
    try:
        import_archive(db, io.BytesIO(data))
    except ArchiveError:
        assert not any(dump(db, *TABLES).values())
        return False
    for summary in db.list_runs():
        assert summary.fault == ""
        assert summary.row()
        size = shape(summary.config.data)
        history = db.history(summary.run_id)
        assert set(history["metric"]) <= {"loss", "accuracy"}
        net = summary.config.net
        for layer in range(net.tree_layers if net.gated else 0):
            epochs, leaves = db.leaves(summary.run_id, layer, "train")
            assert leaves.shape in ((len(epochs), size.n_train), (0, 0))
            assert leaves.size == 0 or leaves.max() < 2**net.depth
        for kind in ("weights", "regions"):
            for state in db.snapshots(summary.run_id, kind).values():  # type: ignore[arg-type]
                assert unpack(state)
        if (trained := trained_net(db, summary.run_id)) is not None:
            trained.net(unpack(pack({"x": trained.net.weights["hidden.weight"]}))["x"])
            assert trained.words(summary.epochs_done)
    for sweep in db.sweeps():
        assert sweep.config.sweep_id == sweep.sweep_id
    for deck in db.decks():
        assert len(db.slides(deck.deck_id)) == deck.n_slides
    with db._write() as connection:
        for table in reversed(layout.TABLES):
            connection.execute(table.delete())
    return True


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    real()  # trained here, since training within a strategy would disturb its random numbers
    opened = Store(tmp_path_factory.mktemp("fuzzed") / "spare.db", Clock())
    yield opened
    opened.close()


def test_the_archive_itself_is_readable(spare: Store) -> None:
    assert refused_or_readable(spare, signed(real()))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """One to three fields of rows: an extreme, nothing, or what another row has there."""
    content = dict(real())
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        table = draw(st.sampled_from(TABLES))
        rows = [json.loads(line) for line in content[f"{table}.jsonl"].splitlines()]
        row = draw(st.sampled_from(rows))
        name = draw(st.sampled_from(sorted(row)))
        how = draw(st.sampled_from(["extreme", "extreme", "missing", "other"]))
        if how == "missing":
            del row[name]
        else:
            row[name] = draw(st.sampled_from(EXTREMES)) if how == "extreme" else draw(st.sampled_from(rows)).get(name)
        content[f"{table}.jsonl"] = b"".join(json.dumps(one).encode() + b"\n" for one in rows)
    return signed(content)


@FUZZ
@given(data=mutated())
def test_changed_fields(data: bytes, spare: Store) -> None:
    refused_or_readable(spare, data)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_with_every_extreme(table: str, spare: Store) -> None:
    """In the first row and, in the long form, with each of the extremes; else with a few of them."""
    lines = real()[f"{table}.jsonl"].splitlines()
    row = json.loads(lines[0])
    n_refused = 0
    for column, name in enumerate(sorted(row)):
        for value in EXTREMES if LONG else EXTREMES[column::23]:
            line = json.dumps(row | {name: value}).encode()
            content = real() | {f"{table}.jsonl": b"".join(one + b"\n" for one in [line, *lines[1:]])}
            n_refused += not refused_or_readable(spare, signed(content))
    assert n_refused > 0


def test_rows_of_one_run_under_another(spare: Store) -> None:
    """The attempts of a run, and all that is theirs, with the address of each other one."""
    run_ids = [json.loads(line)["run_id"] for line in real()["runs.jsonl"].splitlines()]
    first, n_refused = run_ids[0], 0
    for other in run_ids[1:]:
        content = dict(real())
        for table in ("attempts", "metrics", "leaves", "artifacts", "artifact_parts"):
            swapped = {first.encode(): other.encode(), other.encode(): first.encode()}
            rows = [json.loads(line) for line in content[f"{table}.jsonl"].splitlines()]
            blob, kept = content.get(f"{table}.bin", b""), []
            for row in rows:
                row["run_id"] = swapped.get(row["run_id"].encode(), row["run_id"].encode()).decode()
                kept.append((row, blob[row["offset"] : row["offset"] + row["size"]] if "offset" in row else b""))
            order = layout.ORDER[table]
            kept.sort(key=lambda one: tuple(one[0][name] for name in order))
            at = 0
            for row, part in kept:
                if "offset" in row:
                    row["offset"], at = at, at + len(part)
            content[f"{table}.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row, _ in kept)
            if f"{table}.bin" in content:
                content[f"{table}.bin"] = b"".join(part for _, part in kept)
        n_refused += not refused_or_readable(spare, signed(content))
    assert n_refused >= 2  # the last is of the same net, and only finished where the first is not


@FUZZ
@given(
    member=st.sampled_from(
        ["leaves.bin", "artifact_parts.bin", "runs.jsonl", "attempts.jsonl", "slides.jsonl", "metrics.jsonl"]
    ),
    share=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_changed_bytes(member: str, share: float, byte: int, spare: Store) -> None:
    blob = bytearray(real()[member])
    blob[int(share * len(blob))] = byte
    refused_or_readable(spare, signed(real() | {member: bytes(blob)}))


@FUZZ
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_changed_bytes_of_headers(share: float, byte: int, spare: Store) -> None:
    """The beginning of every tensor file says names, types, shapes and where the numbers are."""
    blob = bytearray(real()["artifact_parts.bin"])
    lines = real()["artifact_parts.jsonl"].splitlines()
    start = json.loads(lines[int(share * len(lines))])["offset"]
    n_header = min(8 + int.from_bytes(blob[start : start + 8], "little"), 500, len(blob) - start)  # some are compressed
    blob[start + int(share * 7919 % 1 * n_header)] = byte
    refused_or_readable(spare, signed(real() | {"artifact_parts.bin": bytes(blob)}))
