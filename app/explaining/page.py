"""The explanation as one HTML document, which opens from disk, on a phone too, and fetches nothing."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from leafscope.app import theme
from leafscope.app.explaining.chapters import CHAPTERS, Chapter
from leafscope.app.scene import assets, payload
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES, EXAMPLE_SWEEP
from leafscope.core.store.store import Store

TITLE = "A net that chooses its weights by sign pattern"

MAX_BYTES = 5_000_000
"""Most bytes of the document."""

HELD = (0.5, 0.25)
"""The point of the spirals that the text is about until a reader chooses another."""

SIZE = 16
"""Text of a scene, in px."""

DEPTHS = (0, 2, 4)
"""Depths of the nets of the chapter on overfitting."""

WIDTHS = EXAMPLE_SWEEP.axes["net.width"]

_NUMBER = re.compile(r"\{\{([\w.]+)\}\}")


def runs(store: Store) -> dict[str, RunConfig]:
    """Name the runs of the explanation, all of which come with the program; raises KeyError if one is missing."""
    partners = payload.partners(EXAMPLE)
    reported = [run for run in jobs.sweep_runs(EXAMPLE_SWEEP.sweep_id, store=store).values() if run.net.kind == "tree"]
    seed = min(run.seed for run in reported if run.seed in (EXAMPLE_SWEEP.report_seeds or ()))
    depths = {run.net.depth: run for run in reported if run.seed == seed and run.net.width == max(WIDTHS)}
    return {
        "tree": EXAMPLE,
        "dense": partners["dense"],
        "flat": partners["flat"],
        "digits": EXAMPLE_OF_IMAGES,
        **{f"k{depth}": depths[depth] for depth in DEPTHS},
    }


def page(store: Store) -> str:
    """Write the explanation from a store that has the examples; raises RunNotFoundError or KeyError if one is missing."""
    scenes = {name: payload.scene(store, store.run(run.run_id)) for name, run in runs(store).items()}
    for name in ("dense", "flat"):
        scenes[name] = scenes[name] | {"rows": None}  # those of the tree
    data = {
        "scenes": scenes,
        "looks": [payload.look(theme.Look(dark=dark)) | {"size": SIZE} for dark in (False, True)],
        "held": list(HELD),
        "chapters": {chapter.key: list(chapter.scenes) for chapter in CHAPTERS},
    }
    chapters = "\n".join(_chapter(number, chapter) for number, chapter in enumerate(CHAPTERS, start=1))
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{TITLE}</title>
<style>
{_colours()}
{assets.read("scene/scene.css")}{assets.read("explain.css")}</style>
</head>
<body>
<noscript>This page computes its numbers with its own scripts, but scripts are switched off here.</noscript>
<header><h1>{TITLE}</h1>
<p>Six short chapters. Every number is computed on this page, by your browser, from the weights of trained nets in this file;
nothing is fetched. After Cho and Bengio (2014), arXiv 1406.7362: prefixes of sign bits are theirs, the nets and the reading of
their paper are this program's.</p></header>
<main>
{chapters}
</main>
<script type="application/json" id="explanation">{_json(data)}</script>
<script>
(() => {{
{assets.scripts(*assets.SCENE)}
{assets.read("explain.js")}}})();
</script>
</body>
</html>
"""


def _chapter(number: int, chapter: Chapter) -> str:
    body = "".join(_paragraph(text) for text in chapter.paragraphs)
    tries = f'<p class="tries">{html.escape(chapter.tries)}</p>'
    scene = f'<div class="scene" data-chapter="{chapter.key}"></div>'
    return (
        f'<section id="{chapter.key}" aria-labelledby="{chapter.key}-title"><h2 id="{chapter.key}-title">{number}. '
        f"{html.escape(chapter.title)}</h2>{body}{scene}{tries}</section>"
    )


def _paragraph(text: str) -> str:
    if not text.startswith("|"):
        return f"<p>{_numbers(text)}</p>"
    head, *rows = ([_numbers(cell) for cell in line.strip("|").split("|")] for line in text.splitlines())
    first = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"


def _numbers(text: str) -> str:
    return _NUMBER.sub(r'<b data-value="\1">…</b>', html.escape(text))


def _colours() -> str:
    def of(dark: bool) -> str:
        return f"--background: {theme.BACKGROUND[dark]}; --text: {theme.TEXT[dark]}; --muted: {theme.MUTED[dark]};"

    return (
        f":root {{ --family: {theme.FONT_FAMILY}; color-scheme: light dark; {of(False)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {of(True)} }} }}"
    )


def _json(value: Mapping[str, Any]) -> str:
    """JSON for a script element: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
