"""Whatever an address holds, every page shows a sentence or the default, and no exception."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.runtime.state import QueryParamsProxy

from leafscope.app import navigation
from leafscope.core.config import SweepConfig, changed
from leafscope.core.store.decks import Slide
from leafscope.core.worker.inline import run_sweep
from tests.pages.harness import Lab, open_lab, open_page, small

VALUES = [
    "",
    " ",
    "9" * 400,
    "-" + "9" * 400,
    "0." + "9" * 400,
    "1e400",
    "x" * 5_000,
    "1," * 2_500,
    "\ufffd\ufffd",
    "%ED%A0%80",
    "a\x00b",
    "%00",
    "\u202eevil\u200b",
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1",
    "1.5",
    "1_0",
    "٣",
    "²",
    "0x10",
    "-0",
    "../..",
    "<script>alert(1)</script>",
    "![x](http://a.b/c.png)",
    "'; drop table runs; --",
    "{}",
    "[]",
    "None",
    "true",
    "all",
    ",",
    "1-",
    "0-99999999999",
    "a=b=c",
    "((((((((((",
    "depth>=" + "9" * 400,
]
"""Values of a parameter; a browser and Streamlit replace halves of characters before a page sees them."""

PARTS = ("rows", "all", "epochs", "splits", "explain", "margins", "matrix", "errors", "decision_tree")
VIEWS = ("table", "scores", "curves", "pairs", "pivot", "scatter", "parallel", "leaves")
PLACES = [
    *((page.name, {}) for page in navigation.PAGES if page.name not in ("leaves", "compare")),
    *(("leaves", {"part": part}) for part in PARTS),
    *(("compare", {"view": view}) for view in VIEWS),
]
"""Pages, and where some parts of a page ask for parameters of their own, the addresses of the parts."""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], list[str]]]:
    """A store with something to show on every page; gives the parameters that are read at a place."""
    with pytest.MonkeyPatch.context() as patch:
        lab = open_lab(tmp_path_factory.mktemp("hostile"), patch)
        fill(lab)
        yield lru_cache(lambda place: parameters(*PLACES[place]))
        lab.store.close()


def fill(lab: Lab) -> None:
    base = small("moons", depth=2, epochs=1)
    sweep = SweepConfig(name="small", base=base, axes={"net.depth": [0, 1], "seed": [0, 1]}, baselines=["dense"])
    run_sweep(sweep, store=lab.store)
    lab.work(changed(base, {"seed": 7}))
    lab.store.make_deck("Talk", [Slide(kind="text", title="One", text="- a"), Slide(kind="formula", text="x^2")])


def parameters(page: str, address: dict[str, str]) -> list[str]:
    """The names that a page asks its address for."""
    asked: dict[str, None] = {}
    with pytest.MonkeyPatch.context() as patch:
        for method in ("get", "__contains__", "__getitem__"):
            real = getattr(QueryParamsProxy, method)

            def ask(self: Any, name: str, *rest: Any, real: Any = real) -> Any:
                asked[name] = None
                return real(self, name, *rest)

            patch.setattr(QueryParamsProxy, method, ask)
        open_page(page, **address)
    return list(asked)


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_address_breaks_a_page(used: Callable[[int], list[str]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(PLACES) - 1), label="place")
    page, address = PLACES[place]
    names = data.draw(st.lists(st.sampled_from(used(place)), min_size=1, max_size=8, unique=True), label="names")
    values = st.sampled_from(VALUES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    open_page(page, **(address | {name: data.draw(values, label=name) for name in names}))
