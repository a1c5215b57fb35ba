"""Who may connect: which names a request may call the app by, which pages may talk to it, and the token of its address.

Browsers let a page of any site send requests to 127.0.0.1. A site whose name is made to point there (DNS rebinding) gives
itself away by the `Host` header, a page of another port by `Origin`. Both are checked before Streamlit sees a request, since
Streamlit 1.67 accepts any port of localhost as an origin, and asks an outside service for this machine's address when it
meets a foreign one.
"""

import hashlib
import hmac
import html
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1")
"""Names of this machine that are always answered; an address that the app listens on is answered too."""

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_FRAMES = [(b"content-security-policy", b"frame-ancestors 'self'"), (b"x-frame-options", b"SAMEORIGIN")]
"""Only pages of the app itself may show it in a frame."""


class Refused(Exception):
    """A request that is not answered."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Place:
    """Where a host and a port lead, as a URL or a header names them."""

    name: str
    """Lower case, without a final dot; an IPv6 address without brackets, in its shortest form."""
    port: int | None
    """None: not named."""

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read `name`, `name:port` or `[address]:port`; raises ValueError for anything else.

        >>> Place.parse("LocalHost.:8501"), Place.parse("[0:0::1]")
        (Place(name='localhost', port=8501), Place(name='::1', port=None))
        """
        parts = urlsplit(f"//{text}")
        name = (parts.hostname or "").removesuffix(".")
        if not name or parts.netloc != text or "@" in text or not text.isascii() or any(char <= " " for char in text):
            raise ValueError(f"a host must be a name or an address, with a port if any, got {text!r}")
        if ":" in name or name.rsplit(".", 1)[-1].isdecimal():  # as browsers tell an address from a name
            name = ipaddress.ip_address(name).compressed
        return cls(name, parts.port)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    try:
        return address in LOOPBACK or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """What the start was told of who may connect."""

    allowed_hosts: tuple[Place, ...] = ()
    """Names that are answered beside this machine's own; without a port, at every port."""
    token: str | None = None
    """What the first address must carry; None: anyone on this machine may connect."""
    base_path: str = ""
    """The path below which a proxy serves the app, such as `/leafscope`."""

    def check_host(self, hosts: Iterable[str], server: tuple[str, int | None]) -> Place:
        """Give the host of a request to the address and port `server`; raises Refused unless there is one that is allowed."""
        named = list(hosts)
        if len(named) != 1:
            raise Refused(HTTPStatus.BAD_REQUEST, f"a request must have one Host header, got {len(named)}")
        try:
            host = Place.parse(named[0])
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        own = host.name in (*LOOPBACK, _address(server[0])) and host.port in (None, server[1])
        if not own and not any(host.name == one.name and one.port in (None, host.port) for one in self.allowed_hosts):
            words = f"this app does not answer to {host.name}; start it with --allowed-host {named[0]} if it should"
            raise Refused(HTTPStatus.BAD_REQUEST, words)
        return host

    def check_origin(self, origins: Iterable[str], scheme: str, host: Place) -> None:
        """Raise Refused unless all origins (none where no browser asks) are that of the app itself."""
        own = (scheme.replace("ws", "http"), host.name, host.port or _PORTS[scheme])
        for origin in origins:
            try:
                parts = urlsplit(origin)
                place = Place.parse(parts.netloc)
                is_own = (parts.scheme, place.name, place.port or _PORTS.get(parts.scheme)) == own
            except ValueError:
                is_own = False
            if not is_own:
                raise Refused(HTTPStatus.FORBIDDEN, "a page of another site or port may not use this app")

    # The token

    def cookie_name(self, port: int | None) -> str:
        """Name the cookie, so that two apps on one machine have one each: cookies are shared by the ports of a host."""
        return f"leafscope-{port}"

    @property
    def secret(self) -> str:
        """The cookie's value, from which the token does not follow."""
        return hmac.new((self.token or "").encode(), b"leafscope cookie", hashlib.sha256).hexdigest()

    def is_known(self, cookies: Iterable[str], port: int | None) -> bool:
        """Whether a request has the cookie, or none is needed."""
        if self.token is None:
            return True
        own = f"{self.cookie_name(port)}={self.secret}".encode()
        # read here, since http.cookies reads nothing of a header that has one odd cookie, such as another port's
        return any(hmac.compare_digest(part.strip().encode(), own) for header in cookies for part in header.split(";"))

    def without_token(self, query: str) -> str | None:
        """Give the query of an address without its token, or None unless it has the right one."""
        fields = parse_qsl(query, keep_blank_values=True)
        given = [value for name, value in fields if name == "token"]
        right = self.token is not None and any(hmac.compare_digest(one.encode(), self.token.encode()) for one in given)
        return urlencode([(name, value) for name, value in fields if name != "token"]) if right else None

    def set_cookie(self, scheme: str, port: int | None) -> str:
        """Write the header that sets the cookie."""
        secure = "; Secure" if scheme == "https" else ""
        name, path = self.cookie_name(port), self.base_path or "/"
        return f"{name}={self.secret}; Path={path}; HttpOnly; SameSite=Strict{secure}"


class AccessMiddleware:
    """ASGI middleware that refuses what may not connect, and lets nobody else put the app into a frame."""

    def __init__(self, app: App, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message = {**message, "headers": [*message.get("headers", ()), *_FRAMES]}
            await send(message)

        try:
            host = self.access.check_host(_values(scope, b"host"), _server(scope))
            self.access.check_origin(_values(scope, b"origin"), scope["scheme"], host)
        except Refused as refused:
            return await _answer(scope, send_guarded, refused.status, str(refused))
        if not self.access.is_known(_values(scope, b"cookie"), _server(scope)[1]):
            return await self._admit(scope, send_guarded)
        return await self.app(scope, receive, send_guarded)

    async def _admit(self, scope: Scope, send: Send) -> None:
        """Exchange the token of an address for the cookie, and go to the address without it."""
        query = self.access.without_token(scope["query_string"].decode("latin-1")) if scope["type"] == "http" else None
        if query is None or scope["method"] not in ("GET", "HEAD"):
            words = "open the address that the start of the app printed: it carries the token that this app asks for"
            return await _answer(scope, send, HTTPStatus.FORBIDDEN, words)
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").split("?")[0]
        # two slashes would lead to another host, and browsers read a backslash as a slash
        location = "/" + path.lstrip("/\\") + (f"?{query}" if query else "")
        headers = {
            "location": location,
            "set-cookie": self.access.set_cookie(scope["scheme"], _server(scope)[1]),
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        }
        return await _answer(scope, send, HTTPStatus.SEE_OTHER, "", headers)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _server(scope: Scope) -> tuple[str, int | None]:
    address, port = scope.get("server") or ("", None)
    return address, port


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)  # one socket for both listens there
    return (mapped or address).compressed


async def _answer(scope: Scope, send: Send, status: HTTPStatus, words: str, headers: dict[str, str] | None = None) -> None:
    """Answer with a sentence; a websocket too, where the server can, else it is closed, which is 403."""
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            return await send({"type": "websocket.close", "code": 1008})
    sentence = f"{words[:1].upper()}{words[1:]}." if words else ""
    body = f"<!doctype html><title>Leafscope</title><p>{html.escape(sentence)}</p>".encode() if words else b""
    sent = {"content-type": "text/html; charset=utf-8", "content-length": str(len(body)), **(headers or {})}
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    await send({"type": f"{kind}.start", "status": status.value, "headers": encoded})
    await send({"type": f"{kind}.body", "body": body})
    return None
