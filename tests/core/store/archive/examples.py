"""Stores with everything that an archive can hold, their archives, and archives that were tampered with."""

import hashlib
import io
import json
import math
import sqlite3
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.errors import ArchiveError
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.decks import Slide
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, Claim
from leafscope.core.store.values.tensors import pack
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.training.trainer import EpochRecord, Trainer
from tests.core.clock import Clock

DATA = Path(__file__).parents[1] / "data"
TABLES = (
    *("runs", "attempts", "metrics", "leaves", "artifacts", "artifact_parts"),
    *("annotations", "sweeps", "decks", "slides"),
)
DTYPES = ("|u1", "<u2", ">u2", "<i4", "|i1", "<u8")
SWEEP = SweepConfig(
    name="seeds",
    base=RunConfig(data=DataConfig(name="iris"), net=NetConfig(width=4, depth=2, tree_layers=2), train=TrainConfig(epochs=5)),
    axes={"seed": [100, 101, 102, 103]},
)
HOSTILE = "<img src=x onerror=alert(1)> ![x](http://a.b/c.png) \u202egnp.\n" + "\U0001f333" * 100


def config(seed: int = 0) -> RunConfig:
    return SWEEP.base.model_copy(update={"seed": seed})


def record(epoch: int, seed: int = 0) -> EpochRecord:
    odd = {3: math.nan, 4: math.inf, 5: -math.inf}.get(seed % 7, 1 / (seed + epoch + 1))
    metrics = {(split, metric): odd for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    rng = np.random.default_rng((seed, epoch))
    dtype = np.dtype(DTYPES[seed % len(DTYPES)])
    leaves = {
        (0, "train"): rng.integers(0, 4, 83).astype(dtype),
        (0, "test"): rng.integers(0, 4, 45).astype(dtype),
        (1, "validation"): rng.integers(0, 4, 22).astype(dtype),
    }
    return EpochRecord(epoch, metrics, leaves, float(epoch))


@lru_cache
def _kinds() -> dict[str, dict[str, Tensor]]:
    trainer = Trainer(config())
    plane = {f"level_{level}": torch.zeros(96 * 96, 3, dtype=torch.uint8) for level in range(3)}
    accuracy = {
        "level_accuracy": torch.zeros(3, 3, dtype=torch.float64),
        "shuffled_accuracy": torch.zeros(3, dtype=torch.float64),
    }
    return {
        NET: trainer.net.state_dict(),
        CHECKPOINT: trainer.state(),
        "regions": {"probability": plane["level_0"], "leaf": torch.zeros(2, 96 * 96, dtype=torch.int32)},
        LEVELS: plane | {"shuffled": plane["level_0"]} | accuracy,
    }


def tensors(seed: int, name: str = NET) -> bytes:
    """An artifact of a run; its numbers with a decimal point are its own."""
    kind = NET if name.startswith("weights") else name.partition("-")[0]
    generator = torch.Generator().manual_seed(seed)
    return pack(
        {
            key: torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) if tensor.is_floating_point() else tensor
            for key, tensor in _kinds()[kind].items()
        }
    )


def claim_of(db: Store, run: RunConfig, **how: Any) -> Claim:
    db.submit(run, **how)
    claim = db.claim("worker", 7)
    assert claim is not None
    assert claim.run_id == run.run_id
    assert db.begin(claim, "cpu")
    return claim


def finish(db: Store, claim: Claim, seed: int, epochs: int = 2) -> None:
    records = [record(epoch, seed) for epoch in range(epochs)]
    assert db.end(claim, "finished", None, records, {NET: tensors(seed)}, {"trained_parameters": seed})


def fill(db: Store, clock: Clock, count: int) -> None:
    """So many runs: finished, resumed, trained anew, failed, stopped, with artifacts in several parts; sweep and decks."""
    members = distinct_runs(SWEEP)
    for seed in range(count - len(members)):
        clock.now += 0.1
        run = config(seed)
        claim = claim_of(db, run, note=f"note {seed}")
        if seed % 5 == 1:  # a chain of two, its checkpoint in several parts
            db.end(claim, "interrupted", "lost", [record(0, seed), record(1, seed)], {CHECKPOINT: tensors(seed, CHECKPOINT)})
            db.resume(run.run_id)
            claim = db.claim("other")
            assert claim is not None
            db.begin(claim, "cpu", 1)
            finish(db, claim, seed, 3)
        elif seed % 5 == 2:  # two chains
            finish(db, claim, seed)
            finish(db, claim_of(db, run, anew=True), seed + 1)
        elif seed % 5 == 3:
            db.end(claim, ("failed", "stopped")[seed % 2], "why", [record(0, seed)], {CHECKPOINT: tensors(seed, CHECKPOINT)})
        else:
            finish(db, claim, seed)
        if seed % 4 == 0:
            db.annotate(run.run_id, name=f"{seed} {HOSTILE}", tags=["talk", f"seed {seed}"], comment=HOSTILE)
    db.submit_sweep(SWEEP, members)
    while (claim := db.claim("worker")) is not None:
        db.begin(claim, "cpu")
        finish(db, claim, claim.run.seed)
    figure = {"data": [{"type": "heatmap", "z": [[1.5, None]]}], "layout": {"title": {"text": HOSTILE}}}
    db.make_deck(
        HOSTILE, [Slide(kind="title", title=HOSTILE), Slide(kind="figure", figure=figure, runs=(config().model_dump_json(),))]
    )
    clock.now += 1
    db.make_deck("empty")


def dump(db: Store | Path, *tables: str) -> dict[str, list[str]]:
    """All rows, with the types that SQLite keeps them in."""
    path = db if isinstance(db, Path) else Path(str(db.path))
    with sqlite3.connect(path) as connection:
        names = tables or [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in names}
    connection.close()
    return found


def everything(db: Store) -> dict[str, list[str]]:
    return {
        "run_ids": [run.run_id for run in db.list_runs()],
        "sweep_ids": [info.sweep_id for info in db.sweeps()],
        "deck_ids": [info.deck_id for info in db.decks()],
    }


def exported(db: Store) -> bytes:
    file = io.BytesIO()
    export_archive(db, file, **everything(db))
    return file.getvalue()


def filled(path: Path, count: int) -> Store:
    clock = Clock()
    db = Store(path, clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leafscope.core.store.recording.PART_BYTES", 1500)
        fill(db, clock, count)
    return db


def refused(db: Store, data: bytes | io.BytesIO, match: str) -> None:
    before = dump(db)
    with pytest.raises(ArchiveError, match=match):
        import_archive(db, io.BytesIO(data) if isinstance(data, bytes) else data)
    assert dump(db) == before


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(content: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in content.items():
            target.writestr(name, data)
    return file.getvalue()


def forged(data: bytes, table: str, edit: Callable[[list[dict[str, Any]]], Any], blob: bytes | None = None) -> bytes:
    """The archive with rows of a table changed, and sums that fit."""
    content = members(data)
    rows = [json.loads(line) for line in content[f"{table}.jsonl"].splitlines()]
    edit(rows)
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    content[f"{table}.jsonl"] = lines
    manifest = json.loads(content["manifest.json"])
    manifest["tables"][table] |= {"rows": len(rows), "bytes": len(lines), "sha256": hashlib.sha256(lines).hexdigest()}
    if blob is not None:
        content[f"{table}.bin"] = blob
        manifest["tables"][table] |= {"blob_bytes": len(blob), "blob_sha256": hashlib.sha256(blob).hexdigest()}
    content["manifest.json"] = json.dumps(manifest).encode()
    return zipped(content)


def with_manifest(data: bytes, **changes: Any) -> bytes:
    content = members(data)
    content["manifest.json"] = json.dumps(json.loads(content["manifest.json"]) | changes).encode()
    return zipped(content)
