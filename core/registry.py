"""Registries: the variants of one kind (data sets, models, statistics, ...) by name.

A variant is an object that its own file gives to a registry:

    DATA_SETS.register(DataSet(name="moons", ...))

Nobody imports these files by name. When a registry is first read, it imports every module in its folder, then the modules of
other installed packages. Such a package names its module in its `pyproject.toml`, as an entry point of the group `leafscope`:

    [project.entry-points.leafscope]
    my_variants = "my_package.for_leafscope"

If the import of another package's module fails, there is a warning, and everything else works. At its top, a file that
registers a variant should import only the module with the registry (for a data set `core.datasets.registry`), so that the
program starts fast.
"""

import importlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Protocol, TypeVar

GROUP = "leafscope"
"""The entry-point group of other packages."""


class Named(Protocol):
    """The type of objects in a registry: they have a name."""

    @property
    def name(self) -> str:
        """The name in configurations."""


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T]):
    """Variants by name, in the order of registration, or sorted by a key if one is given.

    Several threads can read and fill it; its modules are imported once.

    >>> from types import SimpleNamespace
    >>> planets = Registry("planet")
    >>> _ = planets.register(SimpleNamespace(name="earth"))
    >>> list(planets)
    ['earth']
    """

    def __init__(self, what: str, package: str | None = None, key: Callable[[T], Any] | None = None) -> None:
        """`what`: the word for a variant in messages; `package`: the folder whose modules register variants."""
        self._what = what
        self._package = package
        self._key = key
        self._variants: dict[str, T] = {}
        self._modules = _Once()
        self._is_full = False

    def register(self, variant: T) -> T:
        """Add a variant and return it; raises ValueError if its name is taken."""
        if _PLUGINS.is_running_here():
            self._import_modules()  # so that plugins come after the folder's variants, and cannot take their names
        if self._variants.setdefault(variant.name, variant) is not variant:
            raise ValueError(f"every {self._what} must have a different name, got a second one called {variant.name!r}")
        return variant

    def load(self) -> None:
        """Import everything that registers variants here; reading does this automatically."""
        if not self._is_full:
            self._is_full = self._import_modules() and _PLUGINS.run(_import_plugins)

    def _import_modules(self) -> bool:
        """Import the modules of the package; False while they are being imported by this thread."""
        return self._modules.run(lambda: None if self._package is None else _import_folder(self._package))

    def __getitem__(self, name: str) -> T:
        self.load()
        try:
            return self._variants[name]
        except KeyError:
            raise KeyError(f"no {self._what} is called {name!r}; there are {', '.join(self)}") from None

    def __iter__(self) -> Iterator[str]:
        self.load()
        names = list(self._variants)
        key = self._key
        return iter(names if key is None else sorted(names, key=lambda name: key(self._variants[name])))

    def __len__(self) -> int:
        self.load()
        return len(self._variants)


class Words(Mapping[str, str]):
    """The names of a registry's variants and a word for each, read anew each time.

    >>> from types import SimpleNamespace
    >>> planets = Registry("planet")
    >>> words = Words(planets, lambda planet: planet.title)
    >>> _ = planets.register(SimpleNamespace(name="earth", title="Earth"))
    >>> dict(words)
    {'earth': 'Earth'}
    """

    def __init__(self, variants: Mapping[str, T], word: Callable[[T], str]) -> None:
        self._variants, self._word = variants, word

    def __getitem__(self, name: str) -> str:
        return self._word(self._variants[name])

    def __contains__(self, name: object) -> bool:
        return name in self._variants

    def __iter__(self) -> Iterator[str]:
        return iter(self._variants)

    def __len__(self) -> int:
        return len(self._variants)


class _Once:
    """Work that is done once: other threads wait until it is done, and calls from within it return at once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._thread: int | None = None
        self._is_done = False

    def run(self, work: Callable[[], None]) -> bool:
        """Do the work unless it is done; returns False if called from within the work. After an error the work is not done."""
        if self._is_done:
            return True
        with self._lock:
            if self._is_done or self._thread is not None:
                return self._is_done
            self._thread = threading.get_ident()
            try:
                work()
                self._is_done = True
            finally:
                self._thread = None
        return True

    def is_running_here(self) -> bool:
        """Whether this call comes from within the work."""
        return self._thread == threading.get_ident()


_PLUGINS = _Once()


def _import_folder(package: str) -> None:
    """Import the modules of a package, except sub-packages and names that begin with an underscore."""
    folders = importlib.import_module(package).__path__
    files = {file for folder in folders for file in os.listdir(folder)}  # pkgutil would load `inspect`, which takes 8 ms
    for file in sorted(files):
        if file.endswith(".py") and not file.startswith("_"):
            importlib.import_module(f"{package}.{file.removesuffix('.py')}")


def _import_plugins() -> None:
    """Import the entry points of other packages; warns, with name and reason, about those that fail."""
    for entry_point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            entry_point.load()
        except (Exception, SystemExit) as error:
            package = "" if entry_point.dist is None else f" of package {entry_point.dist.name}"
            warnings.warn(
                f"the plugin {entry_point.name}{package} was not loaded: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
