"""A session without a browser: what a page load asks of the server, over the websocket alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.e2e.harness import HANGS, App


def load(app: App, page: str = "", query: str = "") -> None:
    """Load a page as a browser does, until its script has finished without an exception, and close it."""
    with opened(app, page, query):
        pass


@contextmanager
def opened(app: App, page: str = "", query: str = "") -> Iterator[None]:
    """Load a page, and keep it open."""
    wanted = BackMsg()
    wanted.rerun_script.page_name = page
    wanted.rerun_script.query_string = query
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], origin=app.url, max_size=None) as socket:  # type: ignore[arg-type,list-item]
        socket.send(wanted.SerializeToString())
        seen = ForwardMsg()
        while seen.WhichOneof("type") != "script_finished" or seen.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            seen.ParseFromString(socket.recv(timeout=HANGS))  # type: ignore[arg-type]
            if seen.WhichOneof("type") == "delta" and seen.delta.new_element.WhichOneof("type") == "exception":
                raise AssertionError(f"{page}: {seen.delta.new_element.exception.message}")
        assert seen.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        yield
