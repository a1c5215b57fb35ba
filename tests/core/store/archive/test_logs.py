"""Routing logs travel alone or beside runs; forged ones are refused."""

import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from leafscope.core.routing import Routing
from leafscope.core.routing.saving import pack
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.archive.examples import example_log, load_examples
from leafscope.core.store.store import Store
from tests.core.clock import Clock
from tests.core.store.archive.examples import dump, forged, refused


def log(name: str = "mine") -> Routing:
    return Routing(name=name, counts=np.array([[[[3, 0, 5], [1, 7, 0]]]]), layers=(2, 4), top_k=1)


@pytest.fixture
def db(tmp_path: Path) -> Store:
    db = Store(tmp_path / "a.db", Clock())
    db.add_log(log())
    return db


def archive(db: Store) -> bytes:
    file = io.BytesIO()
    done = export_archive(db, file, log_ids=[info.log_id for info in db.logs()])
    assert done.logs == len([info for info in db.logs() if not info.shipped])
    return file.getvalue()


def test_a_log_shows_the_same_in_another_store_and_comes_once(db: Store, tmp_path: Path) -> None:
    data, other = archive(db), Store(tmp_path / "b.db", Clock())
    assert [import_archive(other, io.BytesIO(data)).logs for _ in range(2)] == [1, 0]
    assert dump(other, "routing_logs") == dump(db, "routing_logs")
    (info,) = other.logs()
    found = other.log(info.log_id)
    assert (found.name, found.hash) == ("mine", log().hash)
    np.testing.assert_array_equal(found.counts, log().counts)


def test_a_shipped_log_stays_out_and_becomes_ones_own_when_it_comes(tmp_path: Path) -> None:
    shipped, own = Store(tmp_path / "a.db", Clock()), Store(tmp_path / "b.db", Clock())
    assert load_examples(shipped)
    file = io.BytesIO()
    done = export_archive(shipped, file, log_ids=[example_log().hash])
    assert (done.logs, done.skipped[0][:33]) == (0, "1 shipped example was left out: e")
    own.add_log(example_log())
    assert import_archive(shipped, io.BytesIO(archive(own))).logs == 0
    assert [info.shipped for info in shipped.logs()] == [False]


def hidden() -> bytes:
    """A log with an array beside its counts."""
    data = pack(log())
    about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return save(load(data) | {"secret": np.zeros(3)}, about)


@pytest.mark.parametrize(
    ("change", "blob", "match"),
    [
        (lambda rows: rows[0].update(log_id="0" * 16), None, f"routing log {'0' * 16} is damaged"),
        (lambda rows: rows[0].update(about="{}"), None, "about must say what its counts are"),
        (lambda rows: rows[0].update(name="\ud800"), None, "name must be text"),
        (None, zlib.compress(pack(log())) + b"x", "one complete stream"),
        (None, zlib.compress(pack(log()))[:-9], "is damaged"),
        (None, zlib.compress(pack(log("other name"))), None),
        (None, zlib.compress(hidden()), "its counts and nothing else"),
        (None, b"no zip", "routing log .* is damaged"),
        (None, zlib.compress(b"no safetensors"), "routing log is damaged"),
    ],
)
def test_a_forged_log_is_refused(db: Store, tmp_path: Path, change: Any, blob: bytes | None, match: str | None) -> None:
    def changed(rows: list[dict[str, Any]]) -> None:
        if change is not None:
            change(rows)
        if blob is not None:
            rows[0]["size"] = len(blob)

    other, data = Store(tmp_path / "b.db", Clock()), forged(archive(db), "routing_logs", changed, blob)
    if match is None:
        assert import_archive(other, io.BytesIO(data)).logs == 1
    else:
        refused(other, data, match)
