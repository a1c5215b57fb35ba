"""A session without a browser: what a page load asks of the server, over the websocket alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests.e2e.harness import HANGS, App


class Session:
    """An open page."""

    def __init__(self, socket: ClientConnection, page: str, query: str) -> None:
        self._socket = socket
        self._page, self._query = page, query
        self._fields: dict[str, str] = {}
        self.received = 0
        """Bytes that the server sent for the last run of the page's script."""
        self.pages: dict[str, str] = {}
        """The pages that can be opened: name -> as messages call it."""
        self.open = ""
        """The page that is open, as messages call it."""
        self.timers: set[str] = set()
        """The parts of the page that run again by themselves."""
        self.alerts: list[str] = []
        """What the last run of the page's script said in coloured boxes."""
        self.early: list[str] = []
        """The kinds of elements that came before the browser was told which page it shows."""
        self._run(BackMsg())

    def type(self, label: str, text: str) -> None:
        """Type into a field of text, and wait until the script has run again."""
        asked = BackMsg()
        asked.rerun_script.widget_states.widgets.add(id=self._fields[label], string_value=text)
        self._run(asked)

    def go(self, page: str) -> None:
        """Open another page, and wait until its script has run."""
        asked = BackMsg()
        asked.rerun_script.page_script_hash = self.pages[page]
        self._run(asked)

    def tick(self, timer: str, page: str) -> None:
        """Run a part of the page that is open, as a browser asks for it that still shows another page."""
        asked = BackMsg()
        asked.rerun_script.fragment_id = timer
        asked.rerun_script.page_script_hash = self.pages[page]
        asked.rerun_script.is_auto_rerun = True
        self._run(asked, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)

    def _run(self, asked: BackMsg, end: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> None:
        asked.rerun_script.page_name = self._page
        asked.rerun_script.query_string = self._query
        self._socket.send(asked.SerializeToString())
        self.received = 0
        self.alerts = []
        seen = ForwardMsg()
        while seen.WhichOneof("type") != "script_finished" or seen.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            message = self._socket.recv(timeout=HANGS)
            self.received += len(message)
            seen.ParseFromString(message)  # type: ignore[arg-type]
            if seen.WhichOneof("type") == "new_session":
                self.open = seen.new_session.page_script_hash
                self.timers &= set(seen.metadata.run.fragment_ids)
            elif seen.WhichOneof("type") == "auto_rerun":
                self.timers.add(seen.auto_rerun.fragment_id)
            elif seen.WhichOneof("type") == "navigation":
                self.pages = {one.url_pathname: one.page_script_hash for one in seen.navigation.app_pages}
            element = seen.delta.new_element if seen.WhichOneof("type") == "delta" else None
            if element is not None and not self.pages:
                self.early.append(str(element.WhichOneof("type")))
            if element is not None and element.WhichOneof("type") == "exception":
                raise AssertionError(f"{self._page}: {element.exception.message}")
            if element is not None and element.WhichOneof("type") == "alert":
                self.alerts.append(element.alert.body)
            if element is not None and element.WhichOneof("type") == "text_input":
                self._fields[element.text_input.label] = element.text_input.id
        assert seen.script_finished == end


def load(app: App, page: str = "", query: str = "") -> None:
    """Load a page as a browser does, until its script has finished without an exception, and close it."""
    with opened(app, page, query):
        pass


@contextmanager
def opened(app: App, page: str = "", query: str = "") -> Iterator[Session]:
    """Load a page, and keep it open."""
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], origin=app.url, max_size=None) as socket:  # type: ignore[arg-type,list-item]
        yield Session(socket, page, query)
