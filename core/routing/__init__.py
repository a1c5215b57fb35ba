"""Routing: how often the experts of any model were chosen, read from a file or recorded from a model.

`read_routing(file)` and `record(model)` give a `Routing`; `statistics` measures how evenly layers use their experts, `chance`
what tokens that choose at random would give. `text` and `arrays` read files, `saving` writes what `packing` reads.
Outside this folder, import the names in `__all__` from here. Of the core, this package imports `errors`, `lazy`, `limits`,
`tables`, `text` and `usage`; torch is imported when a model is recorded.
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.routing.reading import read_routing
    from leafscope.core.routing.recording import record
    from leafscope.core.routing.routing import Routing

__all__ = ["Routing", "read_routing", "record"]

_HOMES = {"Routing": "routing.routing", "read_routing": "routing.reading", "record": "routing.recording"}

__getattr__, __dir__ = lazily(__name__, _HOMES)
