"""Tests of the app's parts run scripts as the tests of pages do."""

from tests.pages.conftest import packages_read_once, scripts_waited_for

__all__ = ["packages_read_once", "scripts_waited_for"]
