"""The package as others install and import it: its public names, its wheel, and folders of theirs with our folders' names."""

import contextlib
import importlib
import os
import pkgutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PARTS = ("app", "core", "data", "pages")
TOP_LEVEL = {
    "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "Justfile", "LICENSE", "README.md", "SECURITY.md", "pyproject.toml",
    "tests", *PARTS,
}  # fmt: skip
PUBLIC = {
    "DataConfig", "NetConfig", "Routing", "RunConfig", "SweepConfig", "TrainConfig", "TreeLinear", "TreeNetClassifier",
    "TreeNetRegressor", "balance", "leaf_counts", "leaf_index", "path_nodes", "read_routing", "record", "run_sweep",
    "sign_bits", "train",
}  # fmt: skip
FACES = ("leafscope.core", "leafscope.core.config", "leafscope.core.sweep", "leafscope.core.training", "leafscope.core.usage")
MOST_BYTES = 5 * 2**20


def run_python(program: str, cwd: Path, *options: str, **variables: str) -> str:
    """What a program prints in a process of its own; the environment's `PYTHON*` variables are kept."""
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_public_names_are_exactly_these_after_every_module_is_imported() -> None:
    core = importlib.import_module("leafscope.core")
    for module in pkgutil.walk_packages(core.__path__, "leafscope.core."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert set(core.__all__) == set(dir(core)) == PUBLIC
    for name in PUBLIC:
        assert not isinstance(getattr(core, name), type(core)), name
        assert getattr(core, name).__module__.startswith("leafscope.core.")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        core.nothing  # noqa: B018


@pytest.mark.parametrize("face", FACES)
def test_a_face_gives_its_names_and_no_module_is_called_like_one(face: str) -> None:
    package = importlib.import_module(face)
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert not set(package.__all__) & {module.name for module in pkgutil.iter_modules(package.__path__)}


def test_the_core_is_imported_without_what_is_slow() -> None:
    program = (
        "import sys, leafscope.core, leafscope.core.config; print(*{'torch', 'sklearn', 'numba', 'pandas'} & set(sys.modules))"
    )
    assert run_python(program, ROOT) == ""


def test_a_default_installation_brings_neither_a_servers_driver_nor_a_cluster() -> None:
    wanted, brought = ["leafscope"], set[str]()
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in brought:
            continue
        brought.add(name)
        with contextlib.suppress(PackageNotFoundError):  # for another system
            for one in map(Requirement, requires(name) or ()):
                if one.marker is None or one.marker.evaluate({"extra": ""}):
                    wanted.append(one.name)
    assert {"sqlalchemy", "streamlit", "pillow"} <= brought  # the last by another's wish
    assert not {"psycopg", "psycopg-binary", "distributed", "dask"} & brought
    extras = {one.name for one in map(Requirement, requires("leafscope") or ())}
    assert {"psycopg", "distributed"} <= extras


def test_every_folder_is_a_package_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["setuptools"]["packages"]
    found = {
        f"leafscope.{'.'.join(file.parent.relative_to(ROOT).parts)}"
        for part in PARTS
        for file in (ROOT / part).rglob("__init__.py")
    }
    assert set(listed) == found
    folders = {file.parent for part in PARTS for file in (ROOT / part).rglob("*.py")}
    assert all((folder / "__init__.py").read_text().startswith('"""') for folder in folders)


def test_the_top_level_holds_only_what_belongs_there() -> None:
    """A file that a command has left in the project's folder must not be kept by accident."""
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {name.split("/")[0] for name in kept}
    assert {name for name in found if not name.startswith(".")} == TOP_LEVEL


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the project."""
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in files:
        if name.startswith((*(f"{part}/" for part in PARTS), "pyproject", "README", "LICENSE")) and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds the wheel alone."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_the_package_and_nothing_heavy(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert wheel.stat().st_size < MOST_BYTES
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"leafscope"}
    for part in PARTS:
        assert f"leafscope/{part}/py.typed" in names
    assert "leafscope/data/claims/protocol.toml" in names
    assert "leafscope/data/examples/examples.leafscope" in names
    assert "leafscope/app/assets/scene/scene.js" in names
    assert not [
        name for name in names if name.endswith((".db", ".png", ".gif")) and not name.startswith("leafscope/app/assets")
    ]


def test_the_wheel_works_where_no_checkout_is(site: Path, tmp_path: Path) -> None:
    program = """
import leafscope.core, leafscope.core.store.database.location as location
from importlib.resources import files
print(leafscope.core.__file__)
print(location.data_folder())
data = files("leafscope.data")
print(*sorted(file.name for folder in ("claims", "tables") for file in (data / folder).iterdir()))
"""
    variables = {"PYTHONPATH": str(site), "XDG_DATA_HOME": str(tmp_path / "home")}
    module, folder, data = run_python(program, tmp_path, "-P", **variables).splitlines()
    assert Path(module).is_relative_to(site)
    assert Path(folder).name == "leafscope"
    assert not Path(folder).is_relative_to(ROOT)
    kept = (path.name for part in ("claims", "tables") for path in (ROOT / "data" / part).iterdir())
    assert data.split() == sorted(name for name in kept if not name.endswith(".leafscope"))  # results are for the checkout


def test_names_of_our_folders_are_free(tmp_path: Path) -> None:
    program = "import importlib.util; print(*[name for name in ('core', 'app', 'pages') if importlib.util.find_spec(name)])"
    assert run_python(program, tmp_path, "-P") == ""


def test_a_project_with_a_core_an_app_and_pages_of_its_own(tmp_path: Path) -> None:
    """Both are imported in one process, and a worker that is started there is ours."""
    for part in PARTS:
        (tmp_path / part).mkdir()
        (tmp_path / part / "__init__.py").write_text(f"mine = {part!r}\n")
    program = """
import app, core, pages, leafscope.core.config, leafscope.app.theme
print(core.mine, app.mine, pages.mine, leafscope.core.config.RunConfig().label)
"""
    assert run_python(program, tmp_path) == "core app pages digits tree K4 w32 s0"
    worker = [sys.executable, "-P", "-m", "leafscope.core.worker", "--help"]
    done = subprocess.run(worker, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Trains the runs that are queued" in done.stdout
