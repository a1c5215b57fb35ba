"""The content of a file: unpacked, decoded, and brought to UTF-8 with one kind of line end."""

import codecs
import gzip
import io
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leafscope.core.errors import TableError
from leafscope.core.files import open_file
from leafscope.core.limits import MAX_FILE_BYTES

Source = str | os.PathLike[str] | bytes
"""A path, or the bytes of a file."""

_FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a zip file; save the sheet as CSV, or unpack the file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save the sheet as CSV",
    b"%PDF": "a PDF",
    b"BZh": "packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it, or pack it with gzip",
    b"(\xb5/\xfd": "packed with zstd; unpack it, or pack it with gzip",
    b"SQLite format 3": "a database of SQLite; export one of its tables as CSV",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x93NUMPY": "an array of NumPy; save it as CSV",
    b"\x89HDF": "an HDF5 file; save one of its tables as CSV or Parquet",
    b"ARROW1": "an Arrow file; save it as Parquet or CSV",
}
"""How files begin that are not text -> what they are, and what to do."""

_WRITTEN = (
    (rb"\s*<(!doctype|html|\?xml|table|svg)", "HTML or XML"),
    (rb'\s*(\{\s*"|\[\s*[\[{])', "JSON"),
    (rb"\s*(%[^\n]*\s*)*@relation\s", "ARFF"),
)
"""How texts begin that are not tables -> what they are."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_STEP = 2**20


@dataclass(frozen=True)
class Content:
    """What is in a file."""

    data: bytes
    """UTF-8 text whose lines end with a line feed, without a byte-order mark; or a Parquet file as it is."""
    encoding: str | None
    """Python's name of the encoding that the file has; None: Parquet."""

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return self.encoding is None


def content(source: Source, encoding: str | None = None) -> Content:
    """Read a file, packed with gzip or not; `encoding`: the one to read it with, found by default.

    Raises TableError for what is too large, empty, damaged or not text, and OSError.
    """
    data = unpacked(source)
    if not data:
        raise TableError("the file must have rows, but it is empty")
    if data.startswith(b"PAR1"):
        return Content(data, None)
    for beginning, what in _FOREIGN.items():
        if data.startswith(beginning):
            raise TableError(f"the file must be a CSV or Parquet file, but it is {what}")
    found = encoding or _encoding(data)
    data = _as_utf8(data, found)
    if (place := data.find(0)) >= 0:
        line = data.count(b"\n", 0, place) + 1
        raise TableError(f"the file must be text, but line {line:,} holds a NUL byte (byte {place:,}); it is binary or damaged")
    _refuse_binary(data)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.rstrip(b"\x1a")  # the end of a file in DOS
    for beginning, what in _WRITTEN:
        if re.match(beginning, data, re.IGNORECASE):
            raise TableError(f"the file must be a CSV or Parquet file, but it is {what}; save the table as CSV")
    if not data or data.isspace():
        raise TableError("the file must have rows, but it holds only blank lines")
    return Content(data, found)


def unpacked(source: Source, most: int = MAX_FILE_BYTES) -> bytes:
    """Read all bytes, at most so many, and unpack them if they are packed with gzip; raises TableError and OSError."""
    if isinstance(source, bytes):
        if len(source) > most:
            raise TableError(f"a file must have at most {most:,} bytes, got {len(source):,}")
        return _gunzipped(io.BytesIO(source), most) if source.startswith(b"\x1f\x8b") else source
    try:
        with open_file(Path(source), most) as file:
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            return _gunzipped(file, most) if is_packed else file.read(most + 1)
    except OSError as error:
        if error.errno:  # the system's, with its own words
            raise
        raise TableError(f"a file cannot be read: {error.strerror}") from None


def _gunzipped(file: BinaryIO, most: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            data = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"the file must be complete, but what is packed with gzip is damaged: {error}") from None
    if len(data) > most:
        raise TableError(f"a file must have at most {most:,} bytes when it is unpacked, and this one has more")
    return data


def _encoding(data: bytes) -> str:
    """Find the encoding: by the byte-order mark, by the NULs of UTF-16, as UTF-8 if that fits, else cp1252 or latin-1."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    start = data[:4096]
    odd, even = start[1::2].count(0), start[::2].count(0)
    if odd + even > 0.2 * len(start) and len(data) % 2 == 0:
        if even * 8 < odd:
            return "utf-16-le"
        if odd * 8 < even:
            return "utf-16-be"
    if data.isascii() or _fits(data, "utf-8"):
        return "utf-8"
    return "cp1252" if _fits(data, "cp1252") else "latin-1"


def _fits(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for first in range(0, len(data), _STEP):
            decoder.decode(data[first : first + _STEP], first + _STEP >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(data: bytes, encoding: str) -> bytes:
    try:
        if codecs.lookup(encoding).name == "utf-8":
            if not data.isascii() and not _fits(data, "utf-8"):
                data.decode("utf-8")
            return data.removeprefix(codecs.BOM_UTF8)
        if codecs.lookup(encoding).name == "utf-8-sig":
            return _as_utf8(data.removeprefix(codecs.BOM_UTF8), "utf-8")
        return data.decode(encoding).removeprefix("\ufeff").encode("utf-8")
    except LookupError:
        raise TableError(f"an encoding must be one that Python knows, such as utf-8 or cp1252, got {encoding!r:.40}") from None
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = data.count(b"\n", 0, place) + 1
        raise TableError(
            f"the file must be text in {encoding}, but byte {place + 1:,} (line {line:,}) cannot be read; it is damaged, or in "
            "another encoding"
        ) from None


_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1b\x1c\x1d\x1e\x1f\x1a"))


def _refuse_binary(data: bytes) -> None:
    """Raise TableError where more than one byte of a hundred is a control character."""
    start = data[:65536]
    if (found := len(start) - len(start.translate(None, _CONTROL))) > len(start) // 100:
        raise TableError(f"the file must be text, but {found:,} of its first {len(start):,} bytes are control characters")
