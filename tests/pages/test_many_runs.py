"""Pages with many runs: what they ask of the database, read anew and send grows no faster than it must. Counted, not timed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from leafscope.app.parts import run_picker
from leafscope.app.runs import lines
from leafscope.core.comparison import groups
from leafscope.core.store import reading
from tests.pages.harness import Lab, open_lab, open_page, run_app, small
from tests.tools.large import fill

FEW, MANY = 200, 600
MOST_BYTES = 400
"""Of a run in a table."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("many")
    for count in (FEW, MANY):
        fill(folder / f"{count}.db", count)
    return {count: folder / f"{count}.db" for count in (FEW, MANY)}


EVERYTHING = {"runs": {"runs_of": "all"}, "compare": {"from": "all", "data_set": "all"}}
"""What the address of a page says so that it shows all runs."""


@contextmanager
def counted(lab: Lab) -> Iterator[Counter[str]]:
    """Count statements, and the runs whose rows, lines and groups are made."""
    found: Counter[str] = Counter()

    def statement(*_: object) -> None:
        found["statements"] += 1

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((reading, "run_summary"), (lines, "_line"), (groups, "_means")):
            real = getattr(module, name)

            def counting(*arguments: object, _real: object = real, _name: str = name) -> object:
                found[_name] += 1
                return _real(*arguments)  # type: ignore[operator]

            patch.setattr(module, name, counting)
        event.listen(lab.store._engine, "before_cursor_execute", statement)
        yield found
        event.remove(lab.store._engine, "before_cursor_execute", statement)


@pytest.mark.parametrize(
    ("page", "field", "text"), [("runs", "find", "wine flat"), ("compare", "filter", "data=wine kind=flat")]
)
def test_statements_do_not_grow_and_nothing_is_made_twice(
    page: str, field: str, text: str, stores: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = {}
    for count, path in stores.items():
        (tmp_path / str(count)).mkdir()
        lab = open_lab(tmp_path / str(count), monkeypatch, path)
        with counted(lab) as first:
            at = open_page(page, **EVERYTHING[page])
        assert first["run_summary"] == count
        with counted(lab) as again:
            run_app(at)
        assert not {"run_summary", "_line"} & set(again), "unchanged runs are read again"
        with counted(lab) as filtered:
            at.text_input(key=field).set_value(text)
            run_app(at)
        assert not {"run_summary", "_line"} & set(filtered)
        statements[count] = first["statements"], again["statements"], filtered["statements"]
        shown = at.dataframe[-1].value
        assert 0 < len(shown) < count
        lab.store.close()
    assert statements[FEW] == statements[MANY]


@pytest.mark.parametrize("page", ["runs", "compare"])
def test_a_run_takes_few_bytes_of_a_table(
    page: str, stores: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = open_lab(tmp_path, monkeypatch, stores[MANY])
    table = open_page(page, **EVERYTHING[page]).dataframe[-1]
    assert len(table.value) == MANY
    assert len(table.proto.SerializeToString()) < MOST_BYTES * MANY
    lab.store.close()


def test_a_page_offers_few_of_many_runs_and_the_one_it_shows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [lab.finish(small(seed=seed)) for seed in range(4)]
    monkeypatch.setattr(run_picker, "MOST_OFFERED", 2)
    at = open_page("leaves", run=runs[0].run_id)
    picker = at.selectbox(key="_picked_run")
    assert len(picker.options) == 3
    assert picker.value == runs[0].run_id
    assert any("The newest 2 of 4 runs" in caption.value for caption in at.caption)
