"""The style of the pages comes with Streamlit's empty page, so that the first frame has it.

Streamlit loads what draws `st.html` apart and late: a style that came that way would move what already stands.
"""

from collections.abc import Iterable

from leafscope.app.access import App, Message, Receive, Scope, Send

_UNASKED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
"""What a browser may ask that would give another page than the whole one as it is."""

_UNTRUE = (b"content-length", b"etag", b"last-modified", b"accept-ranges")
"""What an answer says of the page without the style."""


_PROJECTED = b"size=projector"
"""What the address of a page says of a lecture."""


class StyleMiddleware:
    """ASGI middleware that writes a style into the head of each page that a browser opens."""

    def __init__(self, app: App, style: str) -> None:
        self.app = app
        self.style = f"<style>{style}</style></head>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        opens = scope["type"] == "http" and any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
        if not opens:
            return await self.app(scope, receive, send)
        start: Message = {}
        body = b""

        async def send_styled(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            styled = body.replace(b"</head>", self.style, 1)
            if _PROJECTED in scope.get("query_string", b"").split(b"&"):  # tables measure text when they are drawn, once
                styled = styled.replace(b"<html", b'<html data-size="projector"', 1)
            length = (b"content-length", str(len(styled)).encode())
            await send({**start, "headers": [*_without(_UNTRUE, start["headers"]), length]} if styled != body else start)
            await send({**message, "body": styled})

        return await self.app({**scope, "headers": _without(_UNASKED, scope["headers"])}, receive, send_styled)


def _without(names: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in names]
