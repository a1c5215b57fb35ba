"""The examples in docstrings run as they stand."""

import doctest
import importlib
import pkgutil

import pytest

import leafscope.app
import leafscope.core

MODULES = [
    module.name
    for package in (leafscope.app, leafscope.core)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith(("__main__", ".app.main"))
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
