"""What is no archive, or damaged, or newer, is refused before anything is changed."""

import contextlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.errors import ArchiveError
from leafscope.core.store.archive import adding, import_archive, layout, opened
from leafscope.core.store.schema import SCHEMA_VERSION
from leafscope.core.store.store import Store
from tests.core.store.archive.examples import TABLES, dump, forged, members, refused, with_manifest, zipped


def test_columns_that_an_older_version_did_not_have_hold_their_defaults(small: tuple[Store, bytes], empty: Store) -> None:
    """Of a file of today, none may be missing, and never one without a default."""

    def without(*names: str) -> bytes:
        return forged(small[1], "attempts", lambda rows: [row.pop(name) for row in rows for name in names])

    refused(empty, without("device"), r"attempts, row 1, run .*: column device is missing")
    refused(
        empty,
        with_manifest(without("status"), schema=SCHEMA_VERSION - 1),
        r"attempts, row 1, run .*: column status is missing",
    )
    older = with_manifest(without("device", "resumed_from"), schema=SCHEMA_VERSION - 1)
    assert import_archive(empty, io.BytesIO(older)).runs == 9
    assert {(run.device, run.resumed_from) for run in empty.list_runs()} == {(None, 0)}


def test_a_forgery_that_changes_nothing_is_read(small: tuple[Store, bytes], empty: Store) -> None:
    """So the refusals below are for what they change."""
    import_archive(empty, io.BytesIO(forged(small[1], "leaves", lambda rows: None)))
    assert dump(empty, *TABLES) == dump(small[0], *TABLES)


@settings(max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(share: float, bit: int, small: tuple[Store, bytes], spare: Store) -> None:
    """Dates and the like of the zip do not matter; nothing that is kept differs, ever."""
    data = bytearray(small[1])
    data[int(share * len(data))] ^= 1 << bit
    try:
        import_archive(spare, io.BytesIO(bytes(data)))
    except ArchiveError:
        assert not any(dump(spare, *TABLES).values())
    else:
        assert dump(spare, *TABLES) == dump(small[0], *TABLES)
        with spare._write() as connection:
            for table in reversed(layout.TABLES):
                connection.execute(table.delete())


def test_a_damaged_directory_is_read_or_refused_in_words(small: tuple[Store, bytes]) -> None:
    """Sizes, offsets and names stand at the end of the file; whatever they say, zipfile's own errors do not come out."""
    n_opened = 0
    start = small[1].index(b"PK\x01\x02")
    for at in range(start, len(small[1])):
        data = bytearray(small[1])
        data[at] ^= 0x81
        with contextlib.suppress(ArchiveError):
            opened.OpenedArchive(io.BytesIO(bytes(data)), 2**30)
            n_opened += 1
    assert 0 < n_opened < len(small[1]) - start


def test_a_truncated_file_is_refused(small: tuple[Store, bytes], empty: Store) -> None:
    for share in (0.01, 0.1, 0.5, 0.9, 0.99):
        refused(empty, small[1][: int(share * len(small[1]))], r"the file was not imported, and nothing was changed: it is no")
    refused(empty, small[1][:-1], r"it is not a zip file, or its end is missing")


def test_other_files_are_refused(small: tuple[Store, bytes], empty: Store, tmp_path: Path) -> None:
    refused(empty, b"", r"it is not a zip file")
    refused(empty, b"Dear reader, this is a letter.\n" * 50, r"it is not a zip file")
    refused(empty, zipped({"letter.txt": b"Dear reader"}), r"not a file of exported runs: it has no manifest.json")
    refused(empty, zipped({"manifest.json": b"{}"}), r"not a file of exported runs: manifest.json must have")
    refused(empty, zipped({"manifest.json": b"[" * 100_000}), r"manifest.json is damaged")
    refused(empty, zipped({"manifest.json": b" " * (2**20 + 1)}), r"manifest.json must have at most 1,048,576 bytes")
    refused(empty, zipped(members(small[1]) | {"../evil": b""}), r"it has a foreign member, '../evil'")
    without = members(small[1])
    del without["leaves.bin"]
    refused(empty, zipped(without), r"its member leaves.bin is missing")
    twice = io.BytesIO(small[1])
    with pytest.warns(UserWarning, match=r"Duplicate name"), zipfile.ZipFile(twice, "a") as file:
        file.writestr("runs.jsonl", b"")
    refused(empty, twice, r"two of its members have the same name")
    with pytest.raises(ArchiveError, match=r"nothing.leafscope cannot be read: No such file"):
        import_archive(empty, tmp_path / "nothing.leafscope")
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ArchiveError, match=r"cannot be read: it must be a regular file"):
            import_archive(empty, place)
    (tmp_path / "letter.leafscope").write_text("Dear reader")
    with pytest.raises(ArchiveError, match=r"letter.leafscope was not imported, and nothing was changed"):
        import_archive(empty, tmp_path / "letter.leafscope")


def test_a_newer_file_is_refused_with_what_made_it(small: tuple[Store, bytes], empty: Store) -> None:
    newer = with_manifest(small[1], version=2, leafscope="9.1")
    refused(empty, newer, r"a newer Leafscope, '9.1', made it: its version is 2, and this program reads up to 1")
    refused(empty, with_manifest(small[1], schema=99), r"its schema is 99")
    refused(empty, with_manifest(small[1], version=True), r"must have a version from 1 to 1, got True")
    refused(empty, with_manifest(small[1], tables={}), r"must have the tables runs, attempts")
    refused(empty, zipped({"manifest.json": members(newer)["manifest.json"], "new.parquet": b""}), r"a newer Leafscope")


def test_a_bomb_is_refused_before_it_is_unpacked(
    small: tuple[Store, bytes], empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "MAX_BYTES", 1_000_000)
    large = forged(small[1], "leaves", lambda rows: None, bytes(2_000_000))
    assert len(large) < 200_000
    refused(empty, large, r"its members must have at most 1,000,000 bytes in all, unpacked, but have 2,")
    content = members(small[1])
    content["slides.jsonl"] += bytes(900)
    refused(empty, zipped(content), r"slides.jsonl must have [\d,]+ bytes, as manifest.json says, but has")
    monkeypatch.setattr(opened, "MAX_ROW", 300)
    refused(empty, small[1], r"row \d+: it must have at most 300 bytes")


def test_sums_are_checked(small: tuple[Store, bytes], empty: Store) -> None:
    for name in ("runs.jsonl", "leaves.jsonl", "artifact_parts.bin", "leaves.bin"):
        content = members(small[1])
        if name.endswith("jsonl"):
            content[name] = content[name].replace(b'"note":"note', b'"note":"eton').replace(b'"train"', b'"tests"')
        else:
            content[name] = content[name][:-1] + bytes([content[name][-1] ^ 1])
        assert content[name] != members(small[1])[name]
        refused(empty, zipped(content), rf"{name} must have|split must be|safetensors")
