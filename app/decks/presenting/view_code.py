"""The address of the page that a slide was taken from, and its QR code."""

from typing import Any
from urllib.parse import urlsplit

from leafscope.core.store.decks import Slide

LONGEST = 900
"""Characters of an address that a code still shows in cells which a camera resolves from a seat."""


def view(slide: Slide, origin: str) -> dict[str, Any] | None:
    """Give the address and its code as a path of SVG with its size in cells; None for a slide of no page.

    `origin` is where the app answers, such as http://127.0.0.1:8501; empty where it is not known: then there is no code.
    """
    if not slide.address.startswith("/"):
        return None
    if not origin:
        return {"address": slide.address, "note": "The address on the machine that runs Leafscope."}
    address = origin.rstrip("/") + slide.address
    host = urlsplit(origin).hostname or ""
    here = host in ("localhost", "::1") or host.startswith("127.")
    note = "It answers on the lecturer's machine only." if here else "Scan it to open this view."
    if len(address) > LONGEST:
        return {"address": address, "note": "Too long for a code."}
    import segno

    code = segno.make(address, micro=False, error="m")
    rows = [list(row) for row in code.matrix]
    path = "".join(f"M{x},{y}h1v1h-1z" for y, row in enumerate(rows) for x, cell in enumerate(row) if cell)
    return {"address": address, "note": note, "cells": len(rows), "path": path}
