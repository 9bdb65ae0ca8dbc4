"""A terminal run of many creations that is ended in the middle, on a slow line to a directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import ldap
from sqlalchemy import update

from directory_sync.store.store import Store
from directory_sync.store.tables.leases import LeaseRow
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.delay_proxy import DelayProxy
from tests.scenarios.ready_python import ReadyPython

PEOPLE = 300
DELAY = 0.12
"""Seconds one way: 64 objects are created in each quarter of a second, and nothing is recorded before the
second half of one.
"""

DEFINITION = """
name: corp
jobs:
  - name: people
    source: {file: people.csv}
    destination:
      connection: lab
      container: CONTAINER
      filter: (objectClass=inetOrgPerson)
    object: inetOrgPerson
    rdn: uid
    missing_at_source: delete
    limits: {delete: 100%, create: none}
    fields:
      uid: {from: uid, key: true}
      cn: uid
      sn: sn
"""


@dataclass
class Terminal:
    """A shell in which `directory-sync` is run: a definition, its source file, and the settings.

    Attributes:
        container: where people are created.
        folder: holds the definition and the source.
        environment: of the commands.
        line: to the directory.
    """

    container: Container
    folder: Path
    environment: dict[str, str]
    line: DelayProxy

    @classmethod
    @contextmanager
    def opened(cls, container: Container, url: str, folder: Path) -> Iterator[Terminal]:
        """One with people for the source, and nobody at the destination."""
        slapd = container.slapd
        with DelayProxy(slapd.port, delay=DELAY) as line:
            there = directories.slapd_connection(slapd, "lab")
            connection = {
                "conn_type": "ldap",
                "host": "127.0.0.1",
                "port": line.port,
                "login": there.login,
                "password": there.password,
                "extra": {**there.extra, "security": "none"},
            }
            environment = {
                **os.environ,
                "AIRFLOW_HOME": str(folder / "airflow"),
                "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": url,
                "AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER": str(folder),
                "AIRFLOW__DIRECTORY_SYNC__LEASE_DURATION": "3s",
                "AIRFLOW_CONN_LAB": json.dumps(connection),
            }
            (folder / "corp.yaml").write_text(DEFINITION.replace("CONTAINER", container.dn))
            terminal = cls(container, folder, environment, line)
            terminal.source(range(PEOPLE))
            yield terminal

    def source(self, people: range) -> None:
        """Let the source hold these people."""
        (self.folder / "people.csv").write_text("uid,sn\n" + "".join(f"p{n},Person {n}\n" for n in people))

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return ReadyPython(
            ["-m", "directory_sync.cli.main", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def do(self, *arguments: str) -> tuple[int, str]:
        """Carry a command out; its status, and all that it has said."""
        process = self.begin(*arguments)
        said = "".join(process.communicate(timeout=120))
        return process.returncode, said

    def run(self) -> tuple[int, str]:
        """`directory-sync run` without delay on the line."""
        self.line.delay = 0.0
        return self.do("run", "corp.yaml")

    def settle(self) -> tuple[int, str]:
        """`directory-sync db settle` without delay on the line."""
        self.line.delay = 0.0
        return self.do("db", "settle")

    def there(self) -> set[str]:
        """Who was created."""
        found = self.container.admin.search_s(
            self.container.dn, ldap.SCOPE_ONELEVEL, "(objectClass=inetOrgPerson)", ["uid"]
        )
        return {values["uid"][0].decode() for _, values in found}

    def begin_until(self, created: int) -> subprocess.Popen[str]:
        """Start a run, and wait until so many people are there."""
        process = self.begin("run", "corp.yaml")
        deadline = time.monotonic() + 60
        while len(self.there()) < created:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process

    def kill(self, process: subprocess.Popen[str]) -> set[str]:
        """End a process and its children without a word, and let its lease be over; who is there then."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # What was underway on the line still arrives.
        time.sleep(5 * DELAY)
        with Store.open(self.environment["AIRFLOW__DIRECTORY_SYNC__DATABASE_URL"]) as store:
            over = store.now() - timedelta(seconds=1)
            with store._database.write() as connection:
                connection.execute(update(LeaseRow).values(expires=over))
        return self.there()
