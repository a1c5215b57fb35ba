"""Print the server's memory: python -m tests.tools.memory. Sessions are opened over the websocket alone, as browsers do."""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psutil

from leafscope.app.navigation import DEFAULT, PAGES
from leafscope.core import jobs
from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.harness import App, end_app, start_app
from tests.e2e.session import load, opened

SESSIONS = 20


def main() -> None:
    """Print resident and proportional memory with one session, with several, and after many page loads."""
    parser = argparse.ArgumentParser(description="Prints the server's memory.")
    parser.add_argument("--loads", type=int, default=1000, help="page loads")
    loads = parser.parse_args().loads
    names = ["" if page is DEFAULT else page.name for page in PAGES]
    with tempfile.TemporaryDirectory() as folder:
        app = start_app(Path(folder), Path(folder) / "runs.db")
        try:
            for kind in ("tree", "flat", "dense", "decision_tree"):
                run = changed(EXAMPLE, {"net.kind": kind})
                app.store.submit(run)
                jobs.wait(run.run_id, 600, store=app.store)
            show(app, "started")
            with opened(app):
                show(app, "one session, its first page")
            for name in names:
                load(app, name)
            show(app, "all pages")
            with ExitStack() as sessions:
                for number in range(SESSIONS):
                    sessions.enter_context(opened(app, names[number % len(names)]))
                show(app, f"{SESSIONS} sessions")
            for number in range(loads):
                load(app, names[number % len(names)])
                if (number + 1) % max(1, loads // 4) == 0:
                    show(app, f"{number + 1} page loads")
        finally:
            end_app(app)


def show(app: App, what: str) -> None:
    """Print a line."""
    used = psutil.Process(app.process.pid).memory_full_info()
    print(f"{what}: {used.rss / 1e6:.0f} MB resident, {used.pss / 1e6:.0f} MB proportional", flush=True)


if __name__ == "__main__":
    main()
