"""Figures of a deck drawn again: by a process of its own, since a page is opened without a browser there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from leafscope.app.citing import numbers
from leafscope.app.theme import Look
from leafscope.core import jobs
from leafscope.core.store.decks import Slide

PATIENCE = 600.0
"""Seconds after which drawing is given up."""

PROGRAM = "from leafscope.app.citing.again import main; main()"


WRITTEN = ("title", "text", "caption", "notes", "reveal")
"""What a person may have written."""


def redrawn(slides: Mapping[str, Slide], look: Look, keep: Sequence[str] = WRITTEN) -> Iterator[tuple[str, Slide | str]]:
    """Draw figures again, with the runs as they are now: each one's name with its new slide, or why there is none.

    The fields of `keep` stay as they are.
    """
    environment = os.environ | {"LEAFSCOPE_DATABASE": jobs.default_store().url}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for slide_id, slide in slides.items():
            asked = slide.model_copy(update={"figure": None, "dark": look.dark, "projector": look.projector})
            process.stdin.write(asked.model_dump_json().encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline() or b'{"error": "the process that draws it has ended"}')
            if "error" in answer:
                yield slide_id, str(answer["error"])
                continue
            new = Slide.model_validate(answer["slide"])
            yield slide_id, new.model_copy(update={name: getattr(slide, name) for name in keep})
    except OSError as error:
        yield "", f"the process that draws figures has ended: {error.strerror or error}"
    finally:
        process.stdin.close()
        process.kill()
        process.wait()


def what_changed(before: Slide, now: Slide) -> str:
    """Say in a sentence what a figure that was drawn again has that it had not; as written, not yet escaped."""
    if not before.digest:
        said = "It kept no numbers before; now it does"
    elif before.digest == now.digest:
        said = "Its numbers and runs are the same, bit for bit"
    elif before.numbers and now.numbers:
        likeness = numbers.compare(before.numbers, now.numbers)
        said = "It shows other runs, with equal numbers" if likeness.equal else f"Its numbers are {likeness.words}"
    else:
        said = "Its numbers differ"
    programs = [
        f"{name} {before.versions[name]} then, {now.versions[name]} now"
        for name in before.versions
        if name in now.versions and before.versions[name] != now.versions[name]
    ]
    days = max(0, int((time.time() - before.taken) // 86_400)) if before.taken else 0
    since = f"; it was drawn {days:,} day{'s' * (days != 1)} ago" if days else ""
    return f"{said}{since}. {'Versions: ' + '; '.join(programs) + '.' if programs else ''}".strip()
