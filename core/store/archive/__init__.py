"""Archives: one file with runs and everything that belongs to them, sweeps and decks, for another database.

`layout` defines the format, `writing` creates an archive, `opened`, `contents` and `tensors` check one, and `adding` imports
it into a store. An archive can come from anyone, so it is not trusted: it is read once to check every byte and row, and then
again to import it. `examples` loads the one that comes with the program.
"""

from leafscope.core.store.archive.adding import Imported, import_archive
from leafscope.core.store.archive.writing import Exported, export_archive

__all__ = ["Exported", "Imported", "export_archive", "import_archive"]
