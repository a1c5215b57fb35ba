"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {}
