"""Open files: the limit, and the sessions that are kept."""

import subprocess
import sys
from typing import Any

import pytest

from leafscope.app.open_files import KeptSessions

LIMITS = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from leafscope.app import open_files
open_files.raise_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


class Session:
    def __init__(self, name: str) -> None:
        self.id = name
        self.is_shut_down = False

    def shutdown(self) -> None:
        self.is_shut_down = True


class Info:
    def __init__(self, name: str) -> None:
        self.session = Session(name)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("soft", "hard", "after"), [(128, 256, 256), (256, 256, 256)])
def test_the_soft_limit_is_raised_as_far_as_the_hard_one_allows(soft: int, hard: int, after: int) -> None:
    code = LIMITS.format(soft=soft, hard=hard)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [str(after), str(hard)]
    assert ended.stderr == ""


def test_the_newest_sessions_are_kept_and_others_shut_down() -> None:
    kept = KeptSessions(most=2)
    infos: list[Any] = [Info(name) for name in "abc"]
    for info in infos[:2]:
        kept.save(info)
    assert kept.list() == infos[:2]
    kept.save(infos[2])
    assert [info.session.is_shut_down for info in infos] == [True, False, False]
    assert kept.get("a") is None
    assert kept.get("b") is infos[1]

    kept.delete("b")  # its browser is back
    assert kept.list() == [infos[2]]
    assert not infos[1].session.is_shut_down
