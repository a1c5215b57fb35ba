"""The columns of a Parquet file, checked before they are unpacked."""

from typing import TYPE_CHECKING

import numpy as np

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_FEATURES, MAX_FILE_BYTES, MAX_TABLE_ROWS
from leafscope.core.tables.parsing.cells import Cells, Texts, stripped

if TYPE_CHECKING:
    import pyarrow as pa

_UNPACKED = 4 * MAX_FILE_BYTES
"""The most bytes of all columns, unpacked, each distinct text counted once."""


def parquet_columns(data: bytes) -> tuple[list[str], list[Cells], dict[int, str]]:
    """Read a Parquet file: names, cells, and the types of columns that hold no single values.

    Raises TableError for what is damaged, too large or not a table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        about = file.metadata
        if about.num_rows > MAX_TABLE_ROWS:
            raise TableError(f"a table must have at most {MAX_TABLE_ROWS:,} rows, got {about.num_rows:,}")
        if about.num_columns > MAX_FEATURES + 1:
            raise TableError(
                f"a table must have at most {MAX_FEATURES:,} columns and a target, got {about.num_columns:,} columns"
            )
        size = sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups))
        if size > _UNPACKED:
            raise TableError(f"a file must have at most {_UNPACKED:,} bytes when it is unpacked, got {size:,}")
        schema = file.schema_arrow
        texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
        # texts stay coded: a long one that stands in every row would fill the memory
        read = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts).read(use_threads=False)
        kept = [place for place, name in enumerate(read.column_names) if not name.startswith("__index_level_")]
        names = [read.column_names[place] for place in kept]
        cells = [_cells(read.column(place)) for place in kept]
        unread = {place: str(read.column(at).type) for place, at in enumerate(kept) if _is_unread(read.column(at).type)}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise TableError(
            f"a Parquet file must be complete, but it cannot be read: {' '.join(str(error).split())[:200]}"
        ) from None
    if not names or not about.num_rows:
        raise TableError("the file must have rows and columns, but it has none")
    return names, cells, unread


def _is_unread(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return pa.types.is_nested(kind) or binary


def _cells(column: "pa.ChunkedArray") -> Cells:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        if not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
            return _cells(column.cast(kind.value_type))
    elif pa.types.is_boolean(kind) and not column.null_count:
        return column.to_numpy().astype(np.bool_)
    elif pa.types.is_integer(kind) and not column.null_count:
        return column.to_numpy().astype(np.uint64 if pa.types.is_unsigned_integer(kind) else np.int64)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        if pa.types.is_integer(kind) and (pc.max(pc.abs(column)).as_py() or 0) > 2**53:
            return _texts(pc.cast(column, pa.string()))
        return pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64)
    elif pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        return _texts(pc.strftime(column, format="%Y-%m-%d"))
    elif _is_unread(kind):
        return Texts(pa.array([], pa.large_string()), np.full(len(column), -1, np.int32))
    else:
        return _texts(pc.cast(column, pa.string()))
    return _texts(column)


def _texts(column: "pa.ChunkedArray") -> Texts:
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0)
    codes = coded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return stripped(pc.utf8_trim_whitespace(coded.dictionary.cast(pa.large_string())), codes)
