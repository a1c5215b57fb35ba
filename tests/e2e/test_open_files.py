"""Many page loads, where the system allows few open files."""

from pathlib import Path

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from leafscope.app.open_files import KEPT_SESSIONS
from tests.e2e.harness import HANGS, App, assert_no_traceback, end_app, start_app

ALLOWED, LOADS = 160, 60


def load(app: App) -> None:
    """Load the first page as a browser does, over the web socket alone, and close it."""
    wanted = BackMsg()
    wanted.rerun_script.query_string = ""
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], origin=app.url, max_size=None) as socket:  # type: ignore[arg-type,list-item]
        socket.send(wanted.SerializeToString())
        seen = ForwardMsg()
        while seen.WhichOneof("type") != "script_finished":
            seen.ParseFromString(socket.recv(timeout=HANGS))  # type: ignore[arg-type]
        assert seen.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lets a test count and limit open files")
def test_sessions_whose_browser_is_gone_hold_few_open_files(tmp_path: Path) -> None:
    app = start_app(tmp_path, tmp_path / "runs.db")
    try:
        server = psutil.Process(app.process.pid)
        load(app)
        before = server.num_fds()
        server.rlimit(psutil.RLIMIT_NOFILE, (ALLOWED, ALLOWED))
        for _ in range(LOADS):
            load(app)
        assert server.num_fds() <= before + 3 * (KEPT_SESSIONS + 2) + 10  # and connections to the database
    finally:
        end_app(app)
    assert_no_traceback(tmp_path)
