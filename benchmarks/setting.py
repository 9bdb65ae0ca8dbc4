"""Where measurements take place: two directories side by side, generated people in one of them, and a collection between them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ldap

from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection
from directory_sync.endpoints.protocol import ConnectionInfo
from directory_sync.run.deployment import Deployment
from tests.scenarios import people
from tests.scenarios.slapd import PASSWORD, Slapd

SOURCE, DESTINATION = "dc=source,dc=example", "dc=destination,dc=example"
FIELDS = (
    *("uid", "cn", "sn", "givenName", "displayName", "employeeNumber"),
    *("title", "departmentNumber", "l", "mail", "telephoneNumber", "jpegPhoto"),
)

_DEFINITION = f"""\
name: bench
jobs:
  - name: people
    source: {{connection: source, container: "ou=People,{SOURCE}", filter: (objectClass=inetOrgPerson)}}
    destination: {{connection: destination, container: "ou=People,{DESTINATION}", filter: (objectClass=inetOrgPerson)}}
    object: inetOrgPerson
    rdn: uid
    missing_at_source: delete
    fields:
      uid: {{from: uid, key: true}}
{chr(10).join(f"      {name}: {name}" for name in FIELDS if name != "uid")}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """Two running servers.

    Attributes:
        count: number of people at the source.
        folder: for the store; gone afterwards.
    """

    count: int
    source: Slapd
    destination: Slapd
    folder: Path

    @property
    def collection(self) -> Collection:
        """The collection that copies all people with twelve fields."""
        return load_text(_DEFINITION, "bench.yaml").collection

    @property
    def deployment(self) -> Deployment:
        """What the collection's jobs are given."""
        return Deployment(connections=self, data_folder=self.folder)

    def get(self, connection_id: str) -> ConnectionInfo:
        """The connection to one of the servers. Without TLS, as the floors are measured too."""
        server = {"source": self.source, "destination": self.destination}[connection_id]
        return ConnectionInfo(
            id=connection_id,
            type="ldap",
            host="127.0.0.1",
            port=server.port,
            login=server.admin,
            password=PASSWORD,
            extra={"security": "none"},
        )

    def empty_destination(self) -> None:
        """Take all people out of the destination again."""
        self.destination.stop()
        for file in (self.destination.folder / "db0").iterdir():
            file.unlink()
        self.destination.load("".join(people.containers(DESTINATION)))
        self.destination.start()

    def change_source(self, share: float) -> int:
        """Give that share of the people another title; returns how many."""
        connection = bound(self.source)
        changed = [person for person in people.people(self.count) if person.title != "Director"][:: int(1 / share)]
        for person in changed:
            connection.modify_s(people.person_dn(person.uid, SOURCE), [(ldap.MOD_REPLACE, "title", b"Director")])
        connection.unbind_s()
        return len(changed)


@contextlib.contextmanager
def prepared(count: int) -> Iterator[Setting]:
    """Two servers: one with so many people, one with empty containers."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        file = folder / "source.ldif"
        with file.open("w", encoding="utf-8") as output:
            output.writelines(people.ldif(count, suffix=SOURCE, with_groups=False))
        with contextlib.ExitStack() as stack:
            source, destination = Slapd(SOURCE), Slapd(DESTINATION)
            stack.callback(source.close)
            stack.callback(destination.close)
            source.load(file)
            destination.load("".join(people.containers(DESTINATION)))
            source.start()
            destination.start()
            yield Setting(count, source, destination, folder)


def bound(server: Slapd) -> ldap.ldapobject.LDAPObject:
    """A python-ldap connection that may do everything."""
    connection = ldap.initialize(server.uri)
    connection.simple_bind_s(server.admin, PASSWORD)
    return connection
