"""The style in the page that a browser opens, asked of the middleware as a server asks it."""

import asyncio
from typing import Any

from leafscope.app.first_frame import StyleMiddleware

PAGE = [b"<html><head><title>x</title></he", b"ad><body></body></html>"]
STYLED = b"<html><head><title>x</title><style>p { color: red; }</style></head><body></body></html>"


def answer(accept: bytes, parts: list[bytes]) -> tuple[dict[bytes, bytes], bytes, list[bytes]]:
    """Headers and body of the answer, and the names of the headers that the app was asked with."""
    sent: list[Any] = []
    asked: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.extend(name for name, _ in scope["headers"])
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(b"".join(parts))), (b"etag", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": place + 1 < len(parts)})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"accept", accept), (b"if-none-match", b"1"), (b"accept-encoding", b"gzip")]}
    asyncio.run(StyleMiddleware(app, "p { color: red; }")(scope, None, send))  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:]), asked


def test_a_page_has_the_style_and_says_nothing_of_the_page_without_it() -> None:
    headers, body, asked = answer(b"text/html,*/*", PAGE)
    assert body == STYLED
    assert headers == {b"content-type": b"text/html", b"content-length": b"%d" % len(STYLED)}
    assert asked == [b"accept"]


def test_all_else_stays() -> None:
    for accept, parts in ((b"*/*", PAGE), (b"text/html", [b"<p>refused"])):
        headers, body, _ = answer(accept, parts)
        assert body == b"".join(parts)
        assert headers[b"etag"] == b"1"
        assert int(headers[b"content-length"]) == len(body)
