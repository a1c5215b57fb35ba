"""Free memory within the limits of a container, on copies of the folders that Linux shows."""

from pathlib import Path

import psutil
import pytest

from leafscope.core.machine.memory_limit import available_bytes

MB = 2**20


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


V2 = {
    "proc/self/cgroup": "0::/user.slice/app\n",
    "sys/fs/cgroup/user.slice/app/memory.max": "max\n",
    "sys/fs/cgroup/user.slice/app/memory.current": f"{30 * MB}\n",
    "sys/fs/cgroup/user.slice/memory.max": f"{100 * MB}\n",
    "sys/fs/cgroup/user.slice/memory.current": f"{60 * MB}\n",
    "sys/fs/cgroup/user.slice/memory.stat": f"anon {40 * MB}\ninactive_file {10 * MB}\nactive_file {MB}\n",
}
V1 = {
    "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{200 * MB}\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{50 * MB}\n",
    "sys/fs/cgroup/memory/memory.stat": f"cache 5\ninactive_file 7\ntotal_inactive_file {20 * MB}\n",
}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (V2, 50),
        (V2 | {"sys/fs/cgroup/user.slice/app/memory.max": f"{35 * MB}\n"}, 5),
        (V2 | {"sys/fs/cgroup/user.slice/app/memory.high": f"{33 * MB}\n"}, 3),
        (V2 | {"sys/fs/cgroup/user.slice/app/memory.max": f"{20 * MB}\n"}, 0),
        (V1, 170),
        (V1 | {"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": f"{64 * MB}",
               "sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": f"{60 * MB}"}, 4),
        ({"proc/self/cgroup": "0::/../..\n", "sys/fs/cgroup/memory.max": f"{8 * MB}", "sys/fs/cgroup/memory.current": "0"}, 8),
    ],
)  # fmt: skip
def test_the_tightest_limit_holds(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    assert available_bytes(tree(tmp_path, files)) == expected * MB


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n"},
        V1 | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
        V2 | {"sys/fs/cgroup/user.slice/memory.max": "max\n"},
        V2 | {"sys/fs/cgroup/user.slice/memory.max": "", "sys/fs/cgroup/user.slice/memory.current": "?"},
    ],
)
def test_without_a_limit_it_is_the_machine_s(tmp_path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert available_bytes(tree(tmp_path, files)) == memory.available
