"""Variants by name: order, duplicates, modules of a folder, and what other packages offer."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from leafscope.core.registry import Registry
from tests.plugin import distribution, run_python


@dataclass(frozen=True)
class Variant:
    name: str
    place: int = 0


def package(folder: Path, name: str, modules: dict[str, str]) -> Path:
    """Write a package whose modules have these texts."""
    (folder / name).mkdir(parents=True)
    for module, text in {"__init__": "", **modules}.items():
        (folder / name / f"{module}.py").write_text(text)
    return folder


def test_the_order_is_that_of_registration_unless_a_key_says_otherwise() -> None:
    plain: Registry[Variant] = Registry("variant")
    sorted_: Registry[Variant] = Registry("variant", key=lambda variant: variant.place)
    for registry in (plain, sorted_):
        for variant in (Variant("b", 2), Variant("c", 1), Variant("a", 1)):
            assert registry.register(variant) is variant
    assert list(plain) == ["b", "c", "a"]
    assert list(sorted_) == ["c", "a", "b"]
    assert [variant.name for variant in sorted_.values()] == list(sorted_)
    assert len(plain) == 3
    assert "a" in plain
    assert "d" not in plain


def test_a_second_one_of_a_name_is_refused() -> None:
    registry: Registry[Variant] = Registry("planet")
    first = registry.register(Variant("earth"))
    assert registry.register(first) is first
    with pytest.raises(ValueError, match=r"planet.*'earth'"):
        registry.register(Variant("earth", 3))
    assert registry["earth"] is first


def test_an_unknown_name_is_answered_with_those_that_are_known() -> None:
    registry: Registry[Variant] = Registry("planet")
    registry.register(Variant("earth"))
    with pytest.raises(KeyError, match=r"planet.*'mars'.*earth"):
        registry["mars"]
    assert registry.get("mars") is None


REGISTRY = """
from types import SimpleNamespace
from leafscope.core.registry import Registry
from tests.plugin import distribution, run_python
REGISTRY = Registry("thing", package="things.variants")
def register(name):
    REGISTRY.register(SimpleNamespace(name=name))
"""


def things(folder: Path, variants: dict[str, str]) -> Path:
    package(folder, "things", {"registry": REGISTRY})
    return package(folder / "things", "variants", variants).parent


def test_every_module_of_the_folder_registers_itself_when_the_registry_is_first_read(tmp_path: Path) -> None:
    text = "from things.registry import register\nprint('imported', __name__)\nregister(__name__.split('.')[-1])"
    things(tmp_path, {"one": text, "two": text, "_helper": text})
    done = run_python("from things.registry import REGISTRY\nprint('read')\nprint(*REGISTRY)\nprint(*REGISTRY)", tmp_path)
    assert done.stdout.splitlines() == [
        "read",
        "imported things.variants.one",
        "imported things.variants.two",
        *["one two"] * 2,
    ]


def test_a_broken_module_of_the_folder_is_an_error_each_time(tmp_path: Path) -> None:
    things(tmp_path, {"one": "raise RuntimeError('not today')"})
    again = "try:\n    list(REGISTRY)\nexcept RuntimeError as error:\n    print(error)\n"
    done = run_python("from things.registry import REGISTRY\n" + again + again, tmp_path)
    assert done.stdout.splitlines() == ["not today", "not today"]


def test_a_module_may_read_the_registry_that_it_registers_in(tmp_path: Path) -> None:
    text = "from things.registry import REGISTRY, register\nregister('two')\nregister('after ' + ' '.join(REGISTRY))"
    things(tmp_path, {"one": "from things.registry import register\nregister('one')", "two": text})
    assert run_python("from things.registry import REGISTRY\nprint(list(REGISTRY))", tmp_path).stdout.strip() == str(
        ["one", "two", "after one two"]
    )


def test_threads_that_read_at_once_load_once_and_see_everything(tmp_path: Path) -> None:
    slow = "import time\nfrom things.registry import register\nprint('imported')\ntime.sleep(0.2)\nregister('slow')"
    things(tmp_path, {"slow": slow})
    code = """
import threading
from things.registry import REGISTRY
seen, barrier = [], threading.Barrier(4)
def read():
    barrier.wait()
    seen.append(list(REGISTRY))
threads = [threading.Thread(target=read) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(seen)
"""
    assert run_python(code, tmp_path).stdout.splitlines() == ["imported", str([["slow"]] * 4)]


def test_threads_that_register_at_once_all_succeed() -> None:
    registry: Registry[Variant] = Registry("variant")
    threads = [threading.Thread(target=registry.register, args=(Variant(str(number)),)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry) == 50


READ = "from things.registry import REGISTRY\nprint(*REGISTRY)\nprint(*REGISTRY)"


def test_other_packages_add_variants_by_a_module_or_an_object_of_one(tmp_path: Path) -> None:
    things(tmp_path, {"one": "from things.registry import register\nregister('one')"})
    distribution(
        tmp_path / "site",
        "planets",
        {"a": "planets_a", "b": "planets_b:marker"},
        {
            "planets_a": "from things.registry import register\nregister('mars')",
            "planets_b": "from things.registry import register\nregister('venus')\nmarker = object()",
        },
    )
    done = run_python(READ, tmp_path, tmp_path / "site")
    assert done.stdout.splitlines() == ["one mars venus"] * 2
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('no moons today')", "RuntimeError: no moons today"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("import not_there_at_all", "not_there_at_all"),
        ("from things.registry import register\nregister('one')", "'one'"),
    ],
)
def test_a_broken_package_is_warned_about_once_and_stops_nothing(tmp_path: Path, text: str, reason: str) -> None:
    things(tmp_path, {"one": "from things.registry import register\nregister('one')"})
    good = "from things.registry import register\nregister('mars')"
    modules = {"broken_planets": text, "good_planets": good}
    distribution(tmp_path / "site", "planets", {"broken": "broken_planets", "good": "good_planets"}, modules)
    done = run_python(READ, tmp_path, tmp_path / "site")
    assert done.stdout.splitlines() == ["one mars"] * 2
    assert done.stderr.count("RuntimeWarning") == 1
    for words in ("broken", "planets", reason):
        assert words in done.stderr


def test_a_plugin_for_another_registry_comes_after_the_modules_of_its_folder(tmp_path: Path) -> None:
    one = "from things.registry import register\nregister('one')"
    things(tmp_path, {"one": one})
    modules = {"late": "from things.registry import register\nregister('late')", "taken": one}
    distribution(tmp_path / "site", "planets", {"late": "late", "taken": "taken"}, modules)
    first = "from leafscope.core.registry import Registry\nprint(list(Registry('other')))\n"
    done = run_python(first + READ, tmp_path, tmp_path / "site")
    assert done.stdout.splitlines() == ["[]", "one late", "one late"]
    assert "the plugin taken" in done.stderr
