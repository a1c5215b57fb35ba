"""What a page's script says reaches the browser whole, in order and for the page that is open, however quickly a person acts.

A message says where its element stands in the page. If one of them is lost, those after it may stand nowhere: Streamlit's
script in the browser then fails with "Bad delta path index", and shows nothing until the page is loaded anew. In Streamlit 1.67
that happens where a part of a page that reruns alone, a fragment, is asked for while the page's script starts or ends.
"""

from dataclasses import replace
from typing import Any

from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequestType


class OrderedQueue(ForwardMsgQueue):
    """Messages that wait to be sent, of which a fragment that runs again takes none away.

    Streamlit removes those of the fragment, the box around it too, and the box then comes again behind what stands below it.
    """

    def clear(self, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None) -> None:
        """Before the whole page runs, remove what it will say again; before a fragment runs, nothing."""
        super().clear(retain_lifecycle_msgs, None if fragment_ids_this_run is None else [])


class OrderedRunner(ScriptRunner):
    """The thread of a page's script, in which a fragment belongs to the page that is open.

    A fragment's timer asks for it on the page that the browser shows, until the browser hears of the next one. Streamlit takes
    its word: it opens the page before again, or has the browser remove the page that is open, of which the fragment alone is
    drawn again.
    """

    def request_rerun(self, rerun_data: RerunData) -> bool:
        """Ask for a run; a fragment joins a run of a page that is still to begin, and leaves that page as it is."""
        waits = self._requests._rerun_data
        begins_page = self._requests._state is ScriptRequestType.RERUN and not _asks_for_fragments(waits)
        if begins_page and _asks_for_fragments(rerun_data):
            page, name, query = waits.page_script_hash, waits.page_name, waits.query_string
            rerun_data = replace(rerun_data, page_script_hash=page, page_name=name, query_string=query)
        return super().request_rerun(rerun_data)

    def _run_script(self, rerun_data: RerunData) -> None:
        context_dg_stack.set(get_default_dg_stack_value())  # a fragment that ran before in this thread leaves its own place
        if _asks_for_fragments(rerun_data):
            rerun_data = replace(rerun_data, page_script_hash=self._pages_manager.current_page_script_hash)
        super()._run_script(rerun_data)


class OrderedSession(AppSession):
    """The session of a browser window, which hears a script out before it starts the next one.

    Streamlit starts the next one as soon as the thread of the script before has ended, and then takes no more messages of that.
    It needs `runner.fastReruns` off: else two threads run the page's script at once, on the state of one session.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._browser_queue = OrderedQueue()
        self._waiting: list[RerunData] = []

    def _create_scriptrunner(self, initial_rerun_data: RerunData) -> None:
        if self._scriptrunner is None:
            super()._create_scriptrunner(initial_rerun_data)
        else:  # its thread has ended: it refused the request
            self._waiting.append(initial_rerun_data)

    def _handle_scriptrunner_event_on_event_loop(self, *args: Any, **kwargs: Any) -> None:
        super()._handle_scriptrunner_event_on_event_loop(*args, **kwargs)
        if self._scriptrunner is not None or not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        if self._state is not AppSessionState.SHUTDOWN_REQUESTED:
            for asked in waiting:
                if self._scriptrunner is None or not self._scriptrunner.request_rerun(asked):
                    self._create_scriptrunner(asked)


def keep_in_order() -> None:
    """Have Streamlit's server make sessions and threads of this kind, for which it has no option."""
    websocket_session_manager.AppSession = OrderedSession  # type: ignore[misc]
    app_session.ScriptRunner = OrderedRunner  # type: ignore[misc]


def _asks_for_fragments(asked: RerunData) -> bool:
    return bool(asked.fragment_id or asked.fragment_id_queue)
