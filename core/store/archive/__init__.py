"""One file that holds runs with all that belongs to them, sweeps and decks, to be taken to another database.

`layout` says what such a file is, `writing` makes one, `opened` and `contents` check one, `adding` brings it into a store. A
file can come from anyone, so nothing in it is believed: it is read twice, to check every byte and row, and then to write.
"""

from leafscope.core.store.archive.adding import Imported, import_archive
from leafscope.core.store.archive.writing import Exported, export_archive

__all__ = ["Exported", "Imported", "export_archive", "import_archive"]
