"""Tables that people bring: reading a file, telling what its columns are, and encoding them as features.

`read(file, choices)` gives a `Table`; `encoding.encode` fits its features on training rows. `parsing` makes cells of a file's
text, `parquet` reads the other format; `dates`, `columns` and `words` tell what the cells mean, `target` what is predicted.
Outside this folder, import the names in `__all__` from here. Of the core, this package imports `errors`, `files`, `lazy`,
`limits` and `text`; pandas and pyarrow are imported when a file is read.
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.tables.choices import Choices
    from leafscope.core.tables.columns import Column
    from leafscope.core.tables.new_rows import add_test
    from leafscope.core.tables.reading import Understood, read, understand
    from leafscope.core.tables.table import Source, Table

__all__ = ["Choices", "Column", "Source", "Table", "Understood", "add_test", "read", "understand"]

_HOMES = {
    "Choices": "tables.choices",
    "Column": "tables.columns",
    "Source": "tables.table",
    "Table": "tables.table",
    "Understood": "tables.reading",
    "add_test": "tables.new_rows",
    "read": "tables.reading",
    "understand": "tables.reading",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
