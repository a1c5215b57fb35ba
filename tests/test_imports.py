"""What declares variants loads nothing heavy, so that no page, command or link waits for what it does not use."""

import pytest

from tests.plugin import run_python

HEAVY = ("torch", "sklearn", "numba", "scipy", "streamlit", "plotly")

REGISTRIES = (
    "leafscope.core.datasets.registry:DATA_SETS",
    "leafscope.core.usage.statistics:STATISTICS",
    "leafscope.app.cli.registry:COMMANDS",
)
"""Every registry, as module:name."""


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_registry_is_read_without_loading_anything_heavy(registry: str) -> None:
    module, name = registry.split(":")
    code = f"from {module} import {name}\nprint(len({name}))\nprint([heavy for heavy in {HEAVY} if heavy in sys.modules])"
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    number, loaded = done.stdout.splitlines()
    assert int(number) > 0
    assert loaded == "[]"


def test_configurations_are_read_without_loading_anything_heavy() -> None:
    code = (
        f"from leafscope.core.config import RunConfig\nRunConfig()\nprint([heavy for heavy in {HEAVY} if heavy in sys.modules])"
    )
    assert run_python(code).stdout.strip() == "[]"


def test_the_commands_version_is_said_without_loading_more_than_the_commands() -> None:
    code = """
from leafscope.app.cli import main
try:
    main(["--version"])
except SystemExit:
    print([name for name in sys.modules if name.split(".")[0] in ("numpy", "pandas", "pydantic", "sqlalchemy", "torch")])
"""
    assert run_python(code).stdout.splitlines()[-1] == "[]"
