"""A throw-away PostgreSQL cluster in a temporary folder, reachable on 127.0.0.1 only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from directory_sync.store.migrate import upgrade
from tests.scenarios.emptied_store import EmptiedStore, connect

_START_TIMEOUT = 60.0


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: Debian's newest, or the one in PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Postgres:
    """A running cluster; a context manager.

    PostgreSQL refuses to run as root, so root starts it as `postgres` or `nobody`.
    """

    def __init__(self) -> None:
        binaries = find_binaries()
        if binaries is None:
            raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._user = _unprivileged_user()
        if "user" in self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        self.port = _free_port()
        self._numbers = count(1)
        self._template: EmptiedStore | None = None
        self._lent: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        data = self.folder / "data"
        self._run(
            "initdb",
            "-D",
            str(data),
            "-U",
            "owner",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def runs(self) -> bool:
        """Whether the server lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "max_connections": "100",
        }
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    self._binaries / "postgres",
                    "-D",
                    self.folder / "data",
                    *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **self._user,
            )
        deadline = time.monotonic() + _START_TIMEOUT
        ready: list[str | Path] = [
            self._binaries / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once, with all its sessions."""
        if self._process is not None and self.runs:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(60)
        self._process = None

    def create_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        return self._create_from("template0")

    def create_store(self) -> str:
        """Make a database with the tables of a store and return its SQLAlchemy URL."""
        return self._create_from(self._migrated().name)

    @contextmanager
    def lend_store(self) -> Iterator[str]:
        """The SQLAlchemy URL of an empty store that nobody else uses meanwhile.

        Afterwards it is emptied for the next one, which takes a tenth of the time that a new one would. One
        whose tables, rights or size have changed is not used again.
        """
        url = self._lent.pop() if self._lent else self.create_store()
        yield url
        if self._process is not None and self._migrated().empty_like(self.port, url.rpartition("/")[2]):
            self._lent.append(url)

    def _migrated(self) -> EmptiedStore:
        if self._template is None:
            url = self.create_database()
            upgrade(url)
            self._template = EmptiedStore.seen(self.port, url.rpartition("/")[2])
        return self._template

    def _create_from(self, template: str) -> str:
        name = f"store_{next(self._numbers)}"
        with closing(connect(self.port, "postgres")) as session, session.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql://owner@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **self._user,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _unprivileged_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
