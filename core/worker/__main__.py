"""`python -m leafscope.core.worker` claims runs, trains them and records the results. It opens no socket."""

import argparse
import contextlib
import logging
import os
import select
import signal
import sys
import uuid
from types import FrameType

from leafscope.core.store.database.passwords import SEEN, has_password

NICENESS = 5
"""Gives priority to the server, which shares the cores."""


def main(arguments: list[str] | None = None) -> int:
    """Run a worker until SIGTERM or until the parent ends; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m leafscope.core.worker", description="Trains the runs that are queued in a store."
    )
    parser.add_argument(
        "--database", help="path or URL of the store; default: LEAFSCOPE_DATABASE, else leafscope.db in the data folder"
    )
    parser.add_argument("--device", default="auto", help="device of runs that do not name one (default: auto)")
    parser.add_argument("--parent", type=int, help="end when this process, which holds standard input open, ends")
    parser.add_argument("--id", default=uuid.uuid4().hex, help="name of this worker in the store (default: made up)")
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait for a line of the parent before anything is imported"
    )
    parser.add_argument("--alone", action="store_true", help="no program watches it; it must be of the store's version")
    parser.add_argument("--until-idle", action="store_true", help="end when nothing is left to train")
    options = parser.parse_args(arguments)
    if options.database and has_password(options.database):
        parser.exit(2, f"{SEEN}\n")
    if options.parent is not None:
        with contextlib.suppress(OSError, AttributeError):
            os.nice(NICENESS)
    if options.patience > 0:  # what is imported below would compete with the first page
        with contextlib.suppress(OSError, ValueError):  # Windows cannot wait for a pipe
            select.select([0], [], [], options.patience)
    from leafscope.core.errors import SchedulerError, StoreError
    from leafscope.core.machine import compile_cache
    from leafscope.core.store.store import Store
    from leafscope.core.worker.watch import log
    from leafscope.core.worker.worker import Worker

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    try:
        store = Store(options.database)
        if options.alone:
            store.refuse_other_version()
        compile_cache.choose(store.path)
        try:
            worker = Worker(store, options.id, options.device, options.parent, alone=options.alone)
        except SchedulerError as error:
            store.set_cluster_fault(str(error))  # for pages: where the database is on a server, nobody reads the log
            raise
    except (StoreError, SchedulerError) as error:
        log.error("%s", error)
        return 1

    def end(_number: int, _frame: FrameType | None) -> None:
        worker.watch.ending.set()

    signal.signal(signal.SIGTERM, end)
    # Ctrl-C in a terminal reaches both processes; the parent then shuts the worker down.
    signal.signal(signal.SIGINT, end if options.parent is None else signal.SIG_IGN)
    try:
        worker.run(options.until_idle)
        worker.close()
    except StoreError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    exit_status = main()
    sys.stderr.flush()
    os._exit(exit_status)  # skips the shutdown of torch, which can take most of a second
