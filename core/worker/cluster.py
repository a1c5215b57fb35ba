"""Handing groups of members of sweeps to a Dask cluster instead of training them here."""

import contextlib
import time
import uuid
from typing import TYPE_CHECKING, Any

from leafscope.core.errors import SchedulerError, StoreError
from leafscope.core.store.store import Store
from leafscope.core.worker.handed import train_group
from leafscope.core.worker.logs import logger

if TYPE_CHECKING:
    from distributed import Client, Future

ASK_EVERY = 1.0
"""Seconds between two questions for the size of the cluster."""

AGAIN = 10.0
"""Seconds before a scheduler that did not answer, or a cluster on which a group failed, is tried again."""

PATIENCE = 3.0
"""Seconds that an answer of the scheduler may take."""

log = logger("leafscope.worker")


class Cluster:
    """Keeps every thread of a Dask cluster busy with a group while members of sweeps wait.

    The tasks claim, train and write by themselves, and the database tells them to stop. A group whose process died is buried as
    a worker is: its members are queued once more, and fail with that reason when it happens again. Where the scheduler is away,
    members wait for it.
    """

    def __init__(self, store: Store, device: str, address: str) -> None:
        """Raise SchedulerError if the address needs certificates that Dask's configuration does not name."""
        from distributed.security import Security

        self._store, self._device, self._address = store, device, address
        if address.startswith("tls:"):
            try:
                found = Security().get_connection_args("client").get("ssl_context")
            except (OSError, ValueError) as error:
                raise SchedulerError(f"the certificates in Dask's configuration cannot be used: {error}") from None
            if found is None:
                raise SchedulerError(
                    "a scheduler at tls:// needs certificates, which Dask's configuration names: "
                    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and ..._CLIENT__KEY"
                )
        self._client: Client | None = None
        self._groups: dict[str, Future] = {}
        self._identity = ""
        self._threads = 0
        self._next_try = 0.0
        self._next_look = 0.0
        self._said = ""
        self._say_again = 0.0

    def work(self) -> bool:
        """Hand over groups, and look which have ended; False if there was nothing to do. Waits for no group."""
        now = time.monotonic()
        if now < self._next_try:
            return False
        try:
            if self._client is not None and self._client.status != "running":
                raise OSError("the connection broke")
            ended = self._collect()
            waiting = self._store.members_wait(self._threads - len(self._groups) if self._threads else 1)
            if not waiting:
                return ended
            client = self._connected()
            if now >= self._next_look and client.scheduler is not None:
                sizes = client.sync(client.scheduler.ncores, callback_timeout=PATIENCE)
                self._threads = max(1, sum(sizes.values()))  # one, so that a cluster that grows on demand begins
                self._next_look = now + ASK_EVERY
            free = min(waiting, self._threads - len(self._groups))
            for _ in range(free):
                name = uuid.uuid4().hex
                arguments = (name, self._device, self._identity)
                self._groups[name] = client.submit(train_group, *arguments, key=f"leafscope-{name}", pure=False, retries=0)
            return free > 0 or ended
        except (OSError, TimeoutError, RuntimeError) as error:  # a broken connection is an OSError, a closed client the last
            self._say(f"members of sweeps wait for the scheduler at {self._address}: {' '.join(str(error).split())}")
            self.close()
            return False

    def close(self) -> None:
        """Let go of the cluster; groups that train go on to their end, and the database knows what becomes of them."""
        client, self._client = self._client, None
        self._groups, self._threads = {}, 0
        self._next_try = time.monotonic() + AGAIN
        if client is not None:
            with contextlib.suppress(Exception):  # whatever a client has to say at its end
                client.close(timeout=0.5)

    def _connected(self) -> "Client":
        if self._client is None:
            from distributed import Client

            self._identity = self._store.identity()
            self._client = Client(self._address, timeout=PATIENCE, set_as_default=False, name="leafscope")
            log.info("members of sweeps train on the cluster at %s", self._address)
            self._say("")
        return self._client

    def _collect(self) -> bool:
        ended = [name for name, group in self._groups.items() if group.done()]
        for name in ended:
            group = self._groups.pop(name)
            if group.status == "error":
                self._say(f"a group of a sweep ended on the cluster: {_words(group)}")
                self._store.bury_worker(name)
                self._next_try = time.monotonic() + ASK_EVERY
            else:
                self._say("")
        return bool(ended)

    def _say(self, fault: str) -> None:
        """Write into the log, and into the database for pages, what is wrong; empty: nothing is any longer."""
        if fault:
            log.warning("%s", fault)
        if fault != self._said or (fault and time.monotonic() >= self._say_again):
            self._said, self._say_again = fault, time.monotonic() + AGAIN
            with contextlib.suppress(StoreError):
                self._store.set_cluster_fault(fault)


def _words(group: "Future") -> Any:
    with contextlib.suppress(Exception):  # the scheduler is away
        return group.exception(timeout=PATIENCE) or group.status
    return group.status
