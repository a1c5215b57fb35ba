"""Who may connect, asked of the middleware as a server asks it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app.access import Access, AccessMiddleware, Place

TOKEN = "a-token-of-sixteen-letters"
OTHERS = "; ".join(f"{name}={Access(token=TOKEN).secret}" for name in ("leafscope-8502", "xleafscope-8501", "LEAFSCOPE-8501"))
"""The right value in cookies of other names."""


async def _app(scope: Any, receive: Any, send: Any) -> None:
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": 200, "headers": [(b"x-from", b"app")]})
    await send({"type": f"{kind}.body", "body": b""})


def answer(
    access: Access,
    headers: list[tuple[str, str]],
    *,
    kind: str = "http",
    method: str = "GET",
    path: str = "/",
    query: str = "",
    scheme: str | None = None,
    server: tuple[str, int] = ("127.0.0.1", 8501),
    can_answer: bool = True,
) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer; a websocket that is closed without one is 403, as uvicorn says."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is to be read")

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "scheme": scheme or {"http": "http", "websocket": "ws"}[kind],
        "server": server,
        "extensions": {"websocket.http.response": {}} if kind == "websocket" and can_answer else {},
    }
    asyncio.run(AccessMiddleware(_app, access)(scope, receive, send))
    if sent[0]["type"] == "websocket.close":
        return 403, {}
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


KINDS = pytest.mark.parametrize("kind", ["http", "websocket"])


@KINDS
@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["127.0.0.1:8501"], 200),
        (["localhost:8501"], 200),
        (["LOCALHOST.:8501"], 200),
        (["localhost"], 200),
        (["evil.example:8501"], 400),
        (["evil.example"], 400),
        (["localhost.evil.example:8501"], 400),
        (["127.0.0.1.evil.example:8501"], 400),
        (["127.0.0.1:6006"], 400),
        (["[::1]:8501"], 400),
        (["0.0.0.0:8501"], 400),
        (["2130706433:8501"], 400),
        ([], 400),
        (["127.0.0.1:8501", "127.0.0.1:8501"], 400),
        (["127.0.0.1:8501", "evil.example:8501"], 400),
        ([""], 400),
        (["localhost:"], 200),
        (["localhost:99999"], 400),
        (["localhost:8501/x"], 400),
        (["a@localhost:8501"], 400),
        (["localhost:8501,evil.example"], 400),
    ],
)
def test_one_host_that_is_this_machine(kind: str, hosts: list[str], status: int) -> None:
    assert answer(Access(), [("Host", host) for host in hosts], kind=kind)[0] == status


@pytest.mark.parametrize(
    ("server", "host", "status"),
    [
        ("::1", "[::1]:8501", 200),
        ("::1", "[0:0:0:0:0:0:0:1]:8501", 200),
        ("192.168.1.5", "192.168.1.5:8501", 200),
        ("::ffff:192.168.1.5", "192.168.1.5:8501", 200),
        ("192.168.1.5", "192.168.1.6:8501", 400),
        ("192.168.1.5", "[::1]:8501", 400),
    ],
)
def test_an_address_is_answered_where_it_is_listened_on(server: str, host: str, status: int) -> None:
    assert answer(Access(), [("Host", host)], server=(server, 8501))[0] == status


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("lab.example", "lab.example", 200),
        ("lab.example", "Lab.Example.:443", 200),
        ("lab.example", "www.lab.example", 400),
        ("lab.example:9000", "lab.example:9000", 200),
        ("lab.example:9000", "lab.example", 400),
        ("localhost:9000", "localhost:9000", 200),
        ("node1", "node1:8501", 200),
    ],
)
def test_names_that_the_start_allows(allowed: str, host: str, status: int) -> None:
    assert answer(Access((Place.parse(allowed),)), [("Host", host)])[0] == status


@KINDS
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("origins", "status"),
    [
        ([], 200),
        (["http://127.0.0.1:8501"], 200),
        (["http://127.0.0.1:6006"], 403),
        (["http://localhost:8501"], 403),
        (["https://127.0.0.1:8501"], 403),
        (["http://127.0.0.1"], 403),
        (["http://evil.example:8501"], 403),
        (["null"], 403),
        ([""], 403),
        (["file://"], 403),
        (["http://127.0.0.1:8501", "http://evil.example"], 403),
        (["http://127.0.0.1:8501@evil.example"], 403),
    ],
)
def test_only_pages_of_the_app_itself(kind: str, method: str, origins: list[str], status: int) -> None:
    headers = [("Host", "127.0.0.1:8501"), *(("Origin", origin) for origin in origins)]
    assert answer(Access(), headers, kind=kind, method=method)[0] == status


def test_the_scheme_is_that_of_the_proxy_s_address() -> None:
    access = Access((Place.parse("lab.example"),))
    headers = [("Host", "lab.example"), ("Origin", "https://lab.example")]
    assert answer(access, headers, kind="websocket", scheme="wss")[0] == 200
    assert answer(access, headers, kind="websocket", scheme="ws")[0] == 403


@KINDS
def test_only_the_app_may_frame_it(kind: str) -> None:
    for host in ("localhost:8501", "evil.example"):
        assert answer(Access(), [("Host", host)], kind=kind)[1]["content-security-policy"] == "frame-ancestors 'self'"


def test_a_websocket_that_cannot_be_answered_is_closed() -> None:
    assert answer(Access(), [("Host", "evil.example")], kind="websocket", can_answer=False)[0] == 403


class TestToken:
    access = Access(token=TOKEN)
    host = ("Host", "127.0.0.1:8501")

    def test_its_address_becomes_a_cookie(self) -> None:
        status, headers = answer(self.access, [self.host], path="/leaves", query=f"run=1&token={TOKEN}&b=")
        assert (status, headers["location"]) == (303, "/leaves?run=1&b=")
        cookie = headers["set-cookie"]
        assert cookie.startswith("leafscope-8501=")
        assert "HttpOnly; SameSite=Strict" in cookie
        assert TOKEN not in cookie
        for kind in ("http", "websocket"):
            known = [self.host, ("Cookie", f"other=1; {cookie.split(';')[0]}")]
            assert answer(self.access, known, kind=kind, path="/media/x.png")[0] == 200

    @KINDS
    @pytest.mark.parametrize("query", ["", "token=", "token=wrong", f"token={TOKEN}x", f"Token={TOKEN}"])
    @pytest.mark.parametrize(
        "cookie", [None, "", "leafscope-8501=", f"leafscope-8501={TOKEN}", "leafscope-8502=1", "\x00;=;", OTHERS]
    )
    def test_nothing_is_shown_without_it(self, kind: str, query: str, cookie: str | None) -> None:
        headers = [self.host, *([("Cookie", cookie)] if cookie is not None else [])]
        assert answer(self.access, headers, kind=kind, query=query)[0] == 403

    def test_it_opens_no_websocket_and_no_upload(self) -> None:
        assert answer(self.access, [self.host], kind="websocket", query=f"token={TOKEN}")[0] == 403
        assert answer(self.access, [self.host], method="POST", query=f"token={TOKEN}")[0] == 403

    @pytest.mark.parametrize("others", ["list[]=1", 'a={"b": "c d"}', "a b c", 'x="', "=;;", "\x00=1"])
    def test_odd_cookies_of_other_ports_are_no_hindrance(self, others: str) -> None:
        own = f"leafscope-8501={self.access.secret}"
        for cookie in (f"{others}; {own}", f"{own}; {others}"):
            assert answer(self.access, [self.host, ("Cookie", cookie)])[0] == 200

    @pytest.mark.parametrize("slashes", ["//", "/\\", "\\/", "///\\\\"])
    def test_the_way_never_leads_to_another_host(self, slashes: str) -> None:
        _, headers = answer(self.access, [self.host], path=f"{slashes}evil.example/", query=f"token={TOKEN}")
        assert headers["location"] == "/evil.example/"

    def test_below_a_path_of_a_proxy(self) -> None:
        access = Access((Place.parse("lab.example"),), TOKEN, "/leafscope")
        status, headers = answer(
            access, [("Host", "lab.example")], path="/leafscope/leaves", query=f"token={TOKEN}", scheme="https"
        )
        assert (status, headers["location"]) == (303, "/leafscope/leaves")
        assert "Path=/leafscope; " in headers["set-cookie"]
        assert headers["set-cookie"].endswith("; Secure")


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_header_is_an_exception(host: str, origin: str, cookie: str) -> None:
    def clean(text: str) -> str:
        return text.encode("latin-1", "replace").decode("latin-1")

    headers = [("Host", clean(host)), ("Origin", clean(origin)), ("Cookie", clean(cookie))]
    status, _ = answer(Access(token=TOKEN), headers)
    assert status in (400, 403)
