"""Where measurements take place: two directories side by side, generated people in them, and a collection
between them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.store.migrate import upgrade
from tests.scenarios import people
from tests.scenarios.slapd import PASSWORD, Database, Slapd

SOURCE, DESTINATION = "dc=source,dc=example", "dc=destination,dc=example"
FIELDS = (
    *("uid", "cn", "sn", "givenName", "displayName", "employeeNumber"),
    *("title", "departmentNumber", "l", "mail", "telephoneNumber", "jpegPhoto"),
)
"""The twelve mapped fields. The key is `employeeNumber`, so that a new `uid` is a rename."""

JOBS = {
    "people": f"""\
  - name: people
    source: {{connection: source, container: "ou=People,{SOURCE}", filter: (objectClass=inetOrgPerson)}}
    destination: {{connection: destination, container: "ou=People,{DESTINATION}", filter: (objectClass=inetOrgPerson)}}
    object: inetOrgPerson
    rdn: uid
    missing_at_source: delete
    fields:
      employeeNumber: {{from: employeeNumber, key: true}}
{chr(10).join(f"      {name}: {name}" for name in FIELDS if name != "employeeNumber")}
""",  # noqa: E501
    "groups": f"""\
  - name: groups
    source: {{connection: source, container: "ou=Groups,{SOURCE}", filter: (objectClass=groupOfNames)}}
    destination: {{connection: destination, container: "ou=Groups,{DESTINATION}", filter: (objectClass=groupOfNames)}}
    object: group
    rdn: cn
    missing_at_source: delete
    fields:
      cn: {{from: cn, key: true}}
      description: description
      member: {{members: member, match: employeeNumber}}
""",  # noqa: E501
}
"""The jobs that a collection may have, as YAML."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Two running servers.

    Attributes:
        count: number of people at the source.
        source, destination: the servers.
        folder: for files; gone afterwards.
        definition: the collection, as YAML.
        ports: under which a run reaches the two servers.
    """

    count: int
    source: Slapd
    destination: Slapd
    folder: Path
    definition: str
    ports: tuple[int, int]

    @property
    def servers(self) -> tuple[Slapd, Slapd]:
        """Both."""
        return self.source, self.destination

    @property
    def store(self) -> str:
        """The URL of the store."""
        return f"sqlite:///{self.folder}/store.db"

    def behind(self, ports: tuple[int, int]) -> Setting:
        """The same, reached by way of proxies."""
        return replace(self, ports=ports)

    def empty_destination(self) -> None:
        """Take all people out of the destination again."""
        self.destination.stop()
        for file in (self.destination.folder / "db0").iterdir():
            file.unlink()
        self.destination.load("".join(people.containers(DESTINATION)))
        self.destination.start()


@contextlib.contextmanager
def prepared(
    count: int,
    *,
    same: bool = True,
    jobs: Sequence[str] = ("people",),
    with_groups: bool = False,
    log_changes: bool = False,
    more: str = "",
) -> Iterator[Setting]:
    """Two servers with so many people at the source.

    Args:
        count: number of people.
        same: the destination holds the same; else only the containers.
        jobs: names of `JOBS`, in order.
        with_groups: groups at both sides.
        log_changes: the destination writes all changes to `changes.ldif` in the setting's folder.
        more: further LDIF entries of the source; the destination gets them too.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        overlays = {"auditlog": [f"auditlog {folder / 'changes.ldif'}"]} if log_changes else {}
        source, destination = Slapd(SOURCE), Slapd(Database(DESTINATION, overlays=overlays))
        for server in (source, destination):
            stack.callback(server.close)
        files = _write(folder, count, with_groups=with_groups, more=more)
        source.load(files[0])
        if same:
            destination.load(files[1])
        else:
            destination.load("".join(people.containers(DESTINATION)))
        for server, file in zip((source, destination), files, strict=True):
            file.unlink()
            server.start()
        definition = "name: bench\njobs:\n" + "".join(JOBS[name] for name in jobs)
        setting = Setting(count, source, destination, folder, definition, (source.port, destination.port))
        upgrade(setting.store)
        yield setting


def _write(folder: Path, count: int, *, with_groups: bool, more: str) -> tuple[Path, Path]:
    """The LDIF files of both sides. The people are made once, for that takes longest."""
    files = folder / "source.ldif", folder / "destination.ldif"
    top = sum(1 for _ in people.containers(SOURCE))
    with files[0].open("w", encoding="utf-8") as one, files[1].open("w", encoding="utf-8") as other:
        other.writelines(people.containers(DESTINATION))
        for number, entry in enumerate(people.ldif(count, suffix=SOURCE, with_groups=with_groups)):
            one.write(entry)
            if number >= top:
                other.write(entry.replace(SOURCE, DESTINATION))
        one.write(more)
        other.write(more.replace(SOURCE, DESTINATION))
    return files


def bound(server: Slapd) -> SimpleLDAPObject:
    """A python-ldap connection that may do everything."""
    connection = ldap.initialize(server.uri)
    connection.simple_bind_s(server.admin, PASSWORD)
    return connection
