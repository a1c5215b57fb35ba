"""A PostgreSQL server for tests: loopback and TLS only, run by an unprivileged user in a short folder of its own."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OWNER = "leafscope"
"""The role that owns the databases; it is no superuser."""

PASSWORD = "a b:c@d/e"
"""Its password, with characters that mean something in a URL."""

SECONDS = 60.0
"""Seconds after which a server that does not start or end is given up."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "ssl": "on",
    "fsync": "off",  # nothing here must survive the machine
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest version; None: it is not installed."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


ON_SQLITE = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
"""Marks a test of what only SQLite can have, such as a text in a column of numbers, or of what a database has no part in."""


def make_certificate(certificate: Path, key: Path) -> None:
    """Make a certificate of this machine that is its own authority, and its key."""
    asked = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    asked += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*asked, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)


class Postgres:
    """A server; it can be ended and started again, and keeps its port."""

    def __init__(self, folder: Path, bin_folder: Path, settings: dict[str, str] | None = None) -> None:
        self._folder, self._bin = folder, bin_folder
        self._settings = SETTINGS | (settings or {})
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0
        self._free: list[str] = []
        self.port = _free_port()
        self.certificate = folder / "server.crt"
        self._prepare()

    def _prepare(self) -> None:
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        key, secret = self._folder / "server.key", self._folder / "secret"
        secret.write_text(PASSWORD)
        make_certificate(self.certificate, key)
        key.chmod(0o600)
        secret.chmod(0o600)
        for file in (key, secret, self.certificate):
            if self._user is not None:
                os.chown(file, self._user.pw_uid, self._user.pw_gid)
        # names are sorted as in English, and not by their bytes, so that what relies on the bytes fails here
        made = ["--username=admin", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--no-sync"]
        made += ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"]
        self._run("initdb", "-D", str(self._data), *made)
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(self._bin / program), *arguments], capture_output=True, text=True, **self._as_user())
        if done.returncode:
            pytest.fail(f"{program} failed: {done.stderr}")

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {"cwd": self._folder}
        return {"cwd": self._folder, "user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def start(self) -> None:
        """Start it and wait until it answers, unless it runs."""
        if self._process is not None:
            return
        (self._folder / "log").touch()
        settings = self._settings | {"port": str(self.port), "ssl_cert_file": str(self.certificate)}
        settings |= {"ssl_key_file": str(self._folder / "server.key")}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            command = [str(self._bin / "postgres"), "-D", str(self._data), *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        deadline = time.monotonic() + SECONDS
        lines: list[str] = []
        while len(lines) < 8 or lines[7].strip() != "ready" or lines[0].strip() != str(self._process.pid):
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)
            with contextlib.suppress(OSError):
                lines = (self._data / "postmaster.pid").read_text().splitlines()

    def end(self, at_once: bool = False) -> None:
        """End it, and with it its connections; `at_once` as in a crash, after which it recovers."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(SECONDS)
        self._process = None

    @property
    def pid(self) -> int:
        """The process number of the server that listens."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str, user: str = OWNER, port: int | None = None) -> str:
        """The URL of a database, with the password; the certificate is checked."""
        from sqlalchemy import URL

        query = {"sslmode": "verify-full", "sslrootcert": str(self.certificate)}
        made = URL.create("postgresql+psycopg", user, PASSWORD, "127.0.0.1", port or self.port, database, query)
        return made.render_as_string(hide_password=False)

    def lend(self) -> str:
        """Return the URL of a database that holds the tables of today, and nothing in them."""
        return self._free.pop() if self._free else self._made(with_tables=True)

    def take_back(self, url: str) -> None:
        """Empty a lent database for the next test, once nobody is connected; far cheaper than making another."""
        import psycopg
        from sqlalchemy import make_url

        from leafscope.core.store.schema import meta, tables

        name = make_url(url).database
        self._execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)
        with psycopg.connect(**self._where(name), autocommit=True) as connection:
            kept = {meta.name: " WHERE name <> 'schema_version'"}
            emptied = [f"DELETE FROM {table.name}{kept.get(table.name, '')}" for table in reversed(tables.sorted_tables)]
            connection.execute("; ".join([*emptied, "ALTER SEQUENCE benchmarks_id_seq RESTART"]))  # one message for all
        self._free.append(url)

    def empty_database(self) -> str:
        """Make a database without tables, and return its URL."""
        return self._made(with_tables=False)

    def database_in(self, folder: Path) -> str:
        """Make a database with the tables of today, all of it in this folder, and return its URL; `drop` ends it."""
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        return self._made(with_tables=True, more=" TABLESPACE small")

    def drop(self, url: str) -> None:
        """Drop the database that `database_in` made, and its place."""
        from sqlalchemy import make_url

        self._execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")
        self._execute("DROP TABLESPACE small")

    def _made(self, with_tables: bool, more: str = "") -> str:
        if not self._count:
            self._execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}'")
        self._count += 1
        name = f"tests{self._count}"
        self._execute(f"CREATE DATABASE {name} OWNER {OWNER}{more}")
        if with_tables:
            from leafscope.core.store.store import Store

            Store(self.url(name)).close()
        return self.url(name)

    def _where(self, database: str) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "dbname": database, "user": "admin", "password": PASSWORD}

    def _execute(self, statement: str, *values: Any) -> None:
        import psycopg

        with psycopg.connect(**self._where("postgres"), autocommit=True) as connection:
            connection.execute(statement, values or None)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom PostgreSQL, which refuses to be root, is run by; None: by who runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(settings: dict[str, str] | None = None) -> Iterator[Postgres]:
    """A server while the block runs; skips the test, or fails it under CI, where PostgreSQL is not installed."""
    found = programs()
    if found is None or shutil.which("openssl") is None:
        words = "PostgreSQL must be installed for this test: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    folder = Path(tempfile.mkdtemp(prefix="ls", dir="/tmp"))
    server = Postgres(folder, found, settings)
    try:
        server.start()
        yield server
    finally:
        server.end(at_once=True)
        shutil.rmtree(folder, ignore_errors=True)


class Relay:
    """A network between clients and a server on this machine, which can be cut and slowed down."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self.delay = 0.0
        """Seconds that each message waits."""
        self.silent = False
        """Whether messages wait, without a word to either side, until this ends."""
        self._muted: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Reset all connections, and new ones at once."""
        self._is_cut = True
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def mute(self) -> None:
        """Lose whatever the server still says on the connections of now."""
        with self._lock:
            self._muted |= {one for one in self._open if one.getpeername()[1] == self._target}

    def close(self) -> None:
        """End for good."""
        self._listener.close()
        self.cut()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if self.delay:
                    time.sleep(self.delay)
                while self.silent and not self._is_cut:
                    time.sleep(0.01)
                if one not in self._muted:
                    other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.close()


@contextlib.contextmanager
def relay(target: int) -> Iterator[Relay]:
    """A relay to a port of this machine while the block runs."""
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()
