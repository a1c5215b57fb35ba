"""The end of the server does not wait for pages that compute."""

import subprocess
import sys
import time

from leafscope.app import ending

COMPUTING = """
import sys, threading
from leafscope.app import ending
threading.Thread(target=threading.Event().wait, args=(float(sys.argv[1]),)).start()
print("ends", flush=True)
sys.exit(ending.leave(0))
"""


def test_a_page_that_computes_for_long_is_not_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", COMPUTING, "600"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ends\n"
        began = time.monotonic()
        assert process.wait(60) == 0
        assert ending.GRACE - 0.5 < time.monotonic() - began < 10


def test_a_page_that_ends_soon_is_waited_for() -> None:
    command = [sys.executable, "-c", COMPUTING, "0.1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
