"""Threads share the heaps of the C library."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading, xml.etree.ElementTree as tree
from leafscope.core.machine import heap
if "share" in sys.argv:
    heap.share()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
waits = threading.Barrier(17)
def take():
    library.malloc(1000)
    waits.wait()
for _ in range(16):
    threading.Thread(target=take).start()
waits.wait()
library.open_memstream.restype, library.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
text, size = ctypes.c_char_p(), ctypes.c_size_t()
stream = library.open_memstream(ctypes.byref(text), ctypes.byref(size))
library.malloc_info(0, stream)
library.fclose.argtypes = [ctypes.c_void_p]
library.fclose(stream)
print(len(tree.fromstring(text.value).findall("heap")))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_threads_share_two_heaps() -> None:
    def heaps(*arguments: str) -> int:
        return int(
            subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout
        )

    assert heaps("share") <= 2 < heaps()
