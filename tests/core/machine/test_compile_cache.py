"""Where compiled code is kept, as an account that may not write beside the source or into its home."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app.parts import sidebar
from leafscope.core.machine import compile_cache
from leafscope.core.store.store import Store
from leafscope.core.training import compiling
from leafscope.core.worker.worker import Worker

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import json, os, sys, tempfile
from leafscope.core.machine import compile_cache
if not os.access(os.environ["TMPDIR"], os.W_OK):
    tempfile._candidate_tempdir_list = lambda: [os.environ["TMPDIR"]]  # else /tmp would do
found = {"kept": compile_cache.choose(sys.argv[1]), "place": os.environ.get("NUMBA_CACHE_DIR")}
assert "numba" not in sys.modules
assert compile_cache.__file__.startswith(os.environ["PYTHONPATH"])
if "compile" in sys.argv:
    import numpy as np
    from leafscope.core.kernels import compiled, readiness
    ones = np.ones(3, np.float32)
    compiled.zero(ones)
    assert ones.sum() == 0
    assert readiness.can_be_kept() == found["kept"]
print(json.dumps(found))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The core in a folder that nobody may write to."""
    if os.name == "nt" or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("needs permissions that hold")
    package = tmp_path / "installed" / "leafscope"
    shutil.copytree(ROOT / "core", package / "core", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (package.parent, *(path for path in package.rglob("*") if path.is_dir()), package):
        folder.chmod(0o555)
    for name in ("home", "store", "temporary", "given"):
        (tmp_path / name).mkdir(mode=0o700)
    return package.parent


def found(installed: Path, writable: str, *options: str, **variables: str) -> dict[str, object]:
    """What happens where only these of home, store, temporary and given can be written to."""
    base = installed.parent
    for name in ("home", "store", "temporary", "given"):
        (base / name).chmod(0o700 if name in writable.split() else 0o555)
    environment = {name: os.environ[name] for name in ("PATH",)} | {
        "HOME": str(base / "home"), "TMPDIR": str(base / "temporary"), "PYTHONPATH": str(installed),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    # root may write everywhere, unless it gives that up
    command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command += [sys.executable, "-c", PROGRAM, str(base / "store" / "runs.db"), *options]
    done = subprocess.run(
        command, env=environment | variables, cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    ("writable", "place"),
    [("home store temporary", "home"), ("store temporary", "store"), ("temporary", "temporary")],
)
def test_another_place_is_used(installed: Path, writable: str, place: str) -> None:
    result = found(installed, writable, *["compile"] * (place == "store"))
    assert result["kept"]
    folder = Path(str(result["place"]))
    assert folder.is_relative_to(installed.parent / place)
    assert folder.stat().st_mode & 0o077 == 0
    assert bool(list(folder.rglob("*.nbc"))) == (place == "store")


def test_a_given_place_comes_first_if_it_can_be_written_to(installed: Path) -> None:
    given = str(installed.parent / "given")
    assert found(installed, "given home", NUMBA_CACHE_DIR=given)["place"] == given
    assert str(installed.parent / "home") in str(found(installed, "home", NUMBA_CACHE_DIR=given)["place"])


def test_without_a_place_it_is_compiled_in_memory(installed: Path) -> None:
    assert not found(installed, "", "compile")["kept"]
    assert not list(installed.parent.rglob("*.nbc"))


def test_places_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []
    free = ""

    def is_writable(folder: Path) -> bool:
        tried.append(folder)
        return folder.name == free

    monkeypatch.setattr(compile_cache, "_is_writable", is_writable)
    monkeypatch.setattr(compile_cache, "_is_private", lambda folder: True)
    monkeypatch.setenv(compile_cache.NOWHERE, "")
    monkeypatch.setenv(compile_cache.VARIABLE, str(tmp_path / "given"))
    assert not compile_cache.choose(str(tmp_path / "runs.db"))
    assert not compile_cache.is_kept()
    given, home, store, temporary = tried
    assert (given, store.parent, temporary.parent) == (tmp_path / "given", tmp_path, Path(tempfile.gettempdir()))
    for place, name in ((given, "given"), (home, home.name), (store, store.name)):
        free = name
        tried.clear()
        assert compile_cache.choose(str(tmp_path / "runs.db"))
        assert compile_cache.is_kept()
        assert tried[-1] == place
        assert os.environ[compile_cache.VARIABLE] == str(place)
        monkeypatch.setenv(compile_cache.VARIABLE, str(given))
    monkeypatch.delenv(compile_cache.VARIABLE)
    free = "__pycache__"
    assert compile_cache.choose(None)
    assert compile_cache.VARIABLE not in os.environ  # Numba's own choice


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    assert compile_cache._is_private(own)
    own.chmod(0o770)
    assert not compile_cache._is_private(own)
    own.chmod(0o700)
    (tmp_path / "link").symlink_to(own)
    assert not compile_cache._is_private(tmp_path / "link")
    tmp_path.chmod(0o777)
    assert not compile_cache._is_private(own)
    tmp_path.chmod(0o1777)
    assert compile_cache._is_private(own)
    if os.geteuid() == 0:
        os.chown(own, 65534, 65534)
        assert not compile_cache._is_private(own)


def test_a_full_disk_is_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compile_cache._is_writable(tmp_path)
    monkeypatch.setattr(compile_cache, "ROOM", 10**18)
    assert not compile_cache._is_writable(tmp_path)


def test_the_sidebar_says_that_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def script() -> None:
        from leafscope.app.parts import sidebar

        sidebar.worker_line()

    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "runs.db"))
    assert compile_cache.NOT_KEPT not in [one.value for one in AppTest.from_function(script).run().caption]
    monkeypatch.setenv(compile_cache.NOWHERE, "not kept")
    assert compile_cache.NOT_KEPT in [one.value for one in AppTest.from_function(script).run().caption]


def test_the_sidebar_says_while_code_is_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def script() -> None:
        from leafscope.app.parts import sidebar

        sidebar.worker_line()

    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "runs.db"))
    store = Store(tmp_path / "runs.db")
    store.set_worker("w", "ready")
    for worker, is_said in (("gone", False), ("w", True), ("", False)):
        store.set_compiling(worker)
        assert (sidebar.COMPILING in [one.value for one in AppTest.from_function(script).run().caption]) == is_said


def test_a_worker_without_a_place_compiles_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled: list[bool] = []
    monkeypatch.setattr(compiling.readiness, "is_ready", lambda: False)
    monkeypatch.setattr(compiling.readiness, "can_be_kept", lambda: False)
    monkeypatch.setattr(compiling.readiness, "wait_for_nobody", lambda: None)
    monkeypatch.setattr(compiling, "make_ready", lambda: compiled.append(True))
    Worker(Store(tmp_path / "runs.db"), "w")._warm_up()
    assert compiled
    assert compile_cache.NOT_KEPT in caplog.text
