"""Messages to the browser: none is lost, each is in order and of the page that is open."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.scriptrunner import ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.signal_util import Signal

from leafscope.app import in_order, server
from leafscope.app.in_order import OrderedQueue, OrderedRunner, OrderedSession


def delta(path: list[int], fragment: str = "", is_block: bool = False) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path[:] = path
    message.delta.fragment_id = fragment
    (message.delta.add_block if is_block else message.delta.new_element).SetInParent()
    return message


def paths(messages: list[ForwardMsg]) -> list[list[int]]:
    return [list(message.metadata.delta_path) for message in messages if message.HasField("delta")]


def assert_each_has_a_place(messages: list[ForwardMsg]) -> None:
    """What the browser asks of a message: its box is there, and has an element for each index before its own."""
    children: dict[tuple[int, ...], int] = {(0,): 0}
    for path in map(tuple, paths(messages)):
        assert path[:-1] in children, path
        assert path[-1] <= children[path[:-1]], (path, children)
        children[path[:-1]] = max(children[path[:-1]], path[-1] + 1)
        children.setdefault(path, 0)


def test_a_fragment_that_runs_before_its_page_was_sent_takes_nothing_away() -> None:
    queue = OrderedQueue()
    box = [delta([0, 1], "clock", is_block=True), delta([0, 1, 0], "clock")]
    for message in (delta([0, 0]), *box, delta([0, 2])):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["clock"])
    for message in box:
        queue.enqueue(message)
    assert_each_has_a_place(queue.flush())


def test_a_page_that_runs_again_replaces_what_was_not_sent_of_it() -> None:
    queue = OrderedQueue()
    queue.enqueue(delta([0, 0]))
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.is_empty()


class EndedRunner:
    """A thread of a page's script that has said all and ended, before the session has heard any of it."""

    made: ClassVar[list[Any]] = []

    def __init__(self, initial_rerun_data: RerunData, **_others: Any) -> None:
        self.asked = [initial_rerun_data]
        self.on_event = Signal()
        self.has_ended = False
        self.made.append(self)

    def start(self) -> None:
        pass

    def request_rerun(self, rerun_data: RerunData) -> bool:
        self.asked += [] if self.has_ended else [rerun_data]
        return not self.has_ended

    def request_stop(self) -> None:
        self.has_ended = True

    def end(self, messages: list[ForwardMsg]) -> None:
        for message in messages:
            self.on_event.send(self, event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=message)
        self.has_ended = True
        self.on_event.send(self, event=ScriptRunnerEvent.SHUTDOWN, client_state=None)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Callable[[], OrderedSession]:
    EndedRunner.made = []
    monkeypatch.setattr(app_session, "ScriptRunner", EndedRunner)
    monkeypatch.setattr(app_session.config, "get_option", lambda name: server.OPTIONS.get(name, False))
    monkeypatch.setattr(OrderedSession, "has_fragment", lambda *_: True)
    monkeypatch.setattr(OrderedSession, "__del__", lambda *_: None)
    script = SimpleNamespace(main_script_path="main.py", name="main")
    return lambda: OrderedSession(script, MagicMock(), MagicMock(), lambda: None, {})


def test_a_script_is_heard_out_before_a_fragment_runs(session: Callable[[], OrderedSession]) -> None:
    async def run() -> None:
        window = session()
        window.request_rerun(None)
        (page,) = EndedRunner.made
        page.end([delta([0, place]) for place in range(4)])
        for name in ("clock", "chart"):
            window.request_rerun(ClientState(fragment_id=name))
        assert EndedRunner.made == [page]
        for _ in range(3):
            await asyncio.sleep(0)
        assert paths(window.flush_browser_queue()) == [[0, 0], [0, 1], [0, 2], [0, 3]]
        after = EndedRunner.made[1]
        assert [asked.fragment_id for asked in after.asked] == ["clock", "chart"]

    asyncio.run(run())


def test_a_window_that_is_closed_starts_nothing_that_waits(session: Callable[[], OrderedSession]) -> None:
    async def run() -> None:
        window = session()
        window.request_rerun(None)
        (page,) = EndedRunner.made
        page.has_ended = True
        window.request_rerun(ClientState(fragment_id="clock"))
        window._state = app_session.AppSessionState.SHUTDOWN_REQUESTED
        window._session_state = MagicMock()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app_session.runtime, "get_instance", MagicMock())
            patch.setattr(window, "clear_session_caches", lambda: None)
            page.end([])
            for _ in range(3):
                await asyncio.sleep(0)
        assert EndedRunner.made == [page]

    asyncio.run(run())


def runner(asked: RerunData, pages: Any = None) -> OrderedRunner:
    return OrderedRunner("window", "main.py", MagicMock(), MagicMock(), MagicMock(), asked, {}, MagicMock(), pages, MagicMock())


def test_a_fragment_does_not_change_which_page_waits_to_be_opened() -> None:
    thread = runner(RerunData(page_script_hash="leaves", query_string="run=1"))
    assert thread.request_rerun(RerunData(fragment_id="clock", page_script_hash="playground", query_string="run=2"))
    asked = thread._requests.on_scriptrunner_ready().rerun_data
    assert (asked.page_script_hash, asked.query_string, asked.fragment_id_queue) == ("leaves", "run=1", [])


def test_a_fragment_runs_on_the_page_that_is_open_and_a_page_begins_at_its_top(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(
        ScriptRunner, "_run_script", lambda _, asked: ran.append((asked.page_script_hash, context_dg_stack.get()))
    )
    thread = runner(RerunData(), SimpleNamespace(current_page_script_hash="leaves"))
    before = context_dg_stack.get()
    context_dg_stack.set((MagicMock(),))  # as a fragment of the sidebar leaves it
    try:
        thread._run_script(RerunData(page_script_hash="playground", fragment_id_queue=["clock"]))
        thread._run_script(RerunData(page_script_hash="playground"))
    finally:
        context_dg_stack.set(before)
    top = get_default_dg_stack_value()
    assert ran == [("leaves", top), ("playground", top)]


def test_the_server_makes_sessions_of_this_kind_and_runs_one_script_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_session_manager, "AppSession", None)
    monkeypatch.setattr(app_session, "ScriptRunner", None)
    in_order.keep_in_order()
    assert websocket_session_manager.AppSession is OrderedSession
    assert app_session.ScriptRunner is OrderedRunner
    assert server.OPTIONS["runner.fastReruns"] is False
