"""A database that is damaged, lost or read-only: every page says so in a sentence, with what to do."""

import os
import random
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app import navigation, server
from leafscope.app.cli import main as command
from leafscope.core import jobs
from leafscope.core.errors import StoreError
from leafscope.core.store.store import Store
from leafscope.core.worker.supervisor import Supervisor
from tests.pages.harness import Lab, open_lab, open_page, small, words

PAGES = [page.name for page in navigation.PAGES]
MOVE = "move pages.db, pages.db-wal and pages.db-shm away"


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a crash leaves it: a database, and beside it what was not yet moved into it."""
    folder = tmp_path_factory.mktemp("crashed")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "whole").mkdir()
        lab = open_lab(folder / "whole", patch)
        lab.store.close()  # which moves all of it into the database
        lab.finish(small())
        lab.store.make_deck("Talk")
        shutil.copytree(folder / "whole", folder / "left")
        lab.store.close()
        shutil.copy(folder / "whole" / "pages.db", folder / "closed.db")
    assert (folder / "left" / "pages.db-wal").stat().st_size > 0
    return folder


def overwrite(path: Path, start: int, count: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(random.Random(0).randbytes(count))


def no_database(path: Path) -> None:
    path.write_text("not a database " * 1000)
    path.with_name("pages.db-wal").unlink()
    path.with_name("pages.db-shm").unlink()


def zeros(path: Path) -> None:
    path.with_name("pages.db-wal").unlink()
    path.write_bytes(path.read_bytes()[:100] + bytes(path.stat().st_size - 100))


def cut(path: Path) -> None:
    path.with_name("pages.db-wal").unlink()
    path.write_bytes(path.read_bytes()[: 3 * 4096 + 100])


def a_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.mkdir(parents=True)


DAMAGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no database": (no_database, MOVE),
    "zeros": (zeros, MOVE),
    "cut": (cut, MOVE),
    "a folder": (a_folder, "allow this user to read and write the file and its folder"),
}
MENDED: dict[str, Callable[[Path], Any]] = {
    "no wal": lambda path: path.with_name("pages.db-wal").unlink(),
    "wal of noise": lambda path: overwrite(path.with_name("pages.db-wal"), 0, 5000),
    "wal cut": lambda path: path.with_name("pages.db-wal").write_bytes(path.with_name("pages.db-wal").read_bytes()[:5000]),
    "shm of noise": lambda path: overwrite(path.with_name("pages.db-shm"), 0, 32768),
    "no shm": lambda path: path.with_name("pages.db-shm").unlink(),
    "empty shm": lambda path: path.with_name("pages.db-shm").write_bytes(b""),
}


@pytest.fixture
def left(crashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what a crash left, which the pages use."""
    shutil.copytree(crashed / "left", tmp_path / "left")
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "left" / "pages.db"))
    monkeypatch.setattr(server, "ensure_worker", lambda: None)
    return tmp_path / "left" / "pages.db"


@pytest.mark.parametrize("fault", DAMAGED)
def test_every_page_says_what_is_wrong_and_what_to_do(left: Path, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    damage, advice = DAMAGED[fault]
    damage(left)
    for page in PAGES:
        at = open_page(page)
        (said,) = [element.value for element in at.error]
        assert advice in words(at), page
        assert "cannot be used" in words(at)
        assert said.endswith(".")
        assert [button.label for button in at.button] == ["Try again"]
    assert command(["app", "--no-browser"]) != 0
    assert advice in capsys.readouterr().err


@pytest.mark.parametrize("fault", MENDED)
def test_what_a_crash_loses_beside_the_database_is_no_fault(left: Path, fault: str) -> None:
    MENDED[fault](left)
    for page in PAGES if fault in ("no wal", "no shm") else PAGES[:2]:  # what is left is the same without and with noise
        assert not open_page(page).error, page
    store = Store(left)
    assert len(store.list_runs()) == (0 if "wal" in fault else 1)
    assert store.can_write()
    store.close()


def test_the_newest_copy_is_named(left: Path) -> None:
    for name in ("pages.db.v3-20250101T000000.bak", "pages.db.v4-20260101T000000.bak", "other.db.v9.bak"):
        left.with_name(name).touch()
    no_database(left)
    assert "put the copy pages.db.v4-20260101T000000.bak in its place" in words(open_page("runs"))


@pytest.mark.parametrize("page", PAGES)
def test_a_database_that_is_damaged_while_it_is_open(lab: Lab, page: str) -> None:
    lab.finish(small())
    at = open_page(page)
    assert not at.error
    jobs.default_store().close()
    path = Path(str(lab.store.path))
    path.write_bytes(path.read_bytes()[:4096] + random.Random(0).randbytes(path.stat().st_size - 4096))
    at.run()
    assert not at.exception
    assert "cannot be used" in words(at)
    assert MOVE in words(at)


def test_a_part_of_a_page_that_reruns_alone_says_it_too() -> None:
    def script() -> None:
        import streamlit as st

        from leafscope.app.parts import store_trouble
        from leafscope.core.errors import DataError, RunNotFoundError, StoreError

        @store_trouble.fragment(run_every=1.0)
        def part(error: Exception) -> None:
            st.caption("before")
            raise error

        @store_trouble.fragment(run_every=1.0)
        def other() -> None:
            raise DataError("column 'age' has <b>nan</b>")

        part(StoreError("the database cannot be used") if "again" not in st.session_state else RunNotFoundError("run x"))
        other()
        st.markdown("the rest of the page")
        st.session_state["again"] = True

    at = AppTest.from_function(script).run()
    assert not at.exception
    assert "the database cannot be used." in words(at)
    assert "column 'age' has <b>nan</b>." in words(at)
    assert "the rest of the page" in words(at)
    assert len(at.button) == 2
    at.run()
    assert not at.exception
    assert "was deleted: run x" in words(at)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as a user who may not write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("what", ["file", "folder", "closed"])
def test_what_may_not_be_written_to(crashed: Path, what: str) -> None:
    place = Path(tempfile.mkdtemp())  # one that others can look into, unlike pytest's
    path = place / "runs.db"
    try:
        shutil.copy(crashed / "closed.db", path)
        path.chmod(0o444 if what == "file" else 0o666)
        place.chmod({"file": 0o777, "folder": 0o555, "closed": 0o000}[what])
        with unprivileged(), pytest.raises(StoreError) as caught:
            Store(path).submit(small(seed=7))
        assert "allow this user to read and write the file and its folder" in str(caught.value)
    finally:
        place.chmod(stat.S_IRWXU)
        shutil.rmtree(place)


def test_a_worker_starts_where_no_log_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "worker.log").mkdir()
    supervisor = Supervisor(tmp_path / "runs.db")
    supervisor.start()
    assert supervisor.alive
    supervisor.stop()
