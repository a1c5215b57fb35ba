"""A Dask cluster of processes of their own, which speak TLS with a certificate made for the test."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.core.worker import nursery
from tests.postgres import make_certificate
from tests.tools import counting


class DaskCluster:
    """A scheduler and its workers; each can be killed, and started again."""

    def __init__(self, folder: Path, database: str, hold: Path | None = None, more: Mapping[str, str] | None = None) -> None:
        self._folder, self._hold = folder, hold
        certificate, key = folder / "dask.crt", folder / "dask.key"
        make_certificate(certificate, key)
        tls = {"CA_FILE": certificate}
        for role in ("SCHEDULER", "WORKER", "CLIENT"):
            tls |= {f"{role}__CERT": certificate, f"{role}__KEY": key}
        self.environment = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(path) for name, path in tls.items()}
        self._of_workers = self.environment | {"LEAFSCOPE_DATABASE": database} | (more or {})
        self.scheduler: BaseProcess | None = None
        self.workers: list[BaseProcess] = []
        self.port = 0

    @property
    def address(self) -> str:
        """The address of the scheduler."""
        return f"tls://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        """Start a scheduler, at the port of the one before."""
        said = self._folder / "port"
        said.unlink(missing_ok=True)
        log = self._folder / "scheduler.log"
        self.scheduler = nursery.start(_schedule, log, self.port, said, environment=self.environment)
        nursery.until(said.exists, "a scheduler")
        self.port = int(said.read_text())

    def add_worker(self) -> None:
        """Start a worker with one thread."""
        log = self._folder / f"dask{len(self.workers)}.log"
        process = nursery.start(_serve, log, self.address, self._folder, self._hold, environment=self._of_workers)
        self.workers.append(process)

    def close(self) -> None:
        """Kill what is left."""
        for process in (*self.workers, *([self.scheduler] if self.scheduler else [])):
            nursery.end(process)


@contextlib.contextmanager
def dask_cluster(
    folder: Path, database: str, workers: int, hold: Path | None = None, more: Mapping[str, str] | None = None
) -> Iterator[DaskCluster]:
    """A cluster while the block runs; `more` is for the environment of its workers."""
    made = DaskCluster(folder, database, hold, more)
    try:
        made.start_scheduler()
        for _ in range(workers):
            made.add_worker()
        yield made
    finally:
        made.close()


def _schedule(port: int, said: Path) -> int:
    from distributed import Scheduler
    from distributed.security import Security

    async def serve() -> None:
        options = {"protocol": "tls", "host": "127.0.0.1", "port": port, "security": Security(), "dashboard": False}
        async with Scheduler(**options) as scheduler:
            hidden = said.with_suffix(".new")
            hidden.write_text(str(scheduler.port))
            hidden.rename(said)
            await scheduler.finished()

    asyncio.run(serve())
    return 0


def _serve(address: str, folder: Path, hold: Path | None) -> int:
    from distributed import Worker
    from distributed.security import Security

    nursery.adjust(hold)
    counting.count()

    async def serve() -> None:
        async with Worker(address, nthreads=1, security=Security(), local_directory=str(folder)) as worker:
            await worker.finished()

    asyncio.run(serve())
    return 0
