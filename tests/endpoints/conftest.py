"""Servers and stores that tests share, and a fresh container in a directory for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap
import pytest
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.endpoints.ldap.source import LdapSource
from directory_sync.endpoints.protocol import Record
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.certificates import Authority
from tests.scenarios.clock import Clock
from tests.scenarios.office import Office, open_office
from tests.scenarios.postgres import Postgres, find_binaries
from tests.scenarios.samba import Samba, free_address, samba_missing
from tests.scenarios.slapd import Slapd, SlapdMissing, slapd_root

_numbers = itertools.count()


def _need_slapd() -> None:
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A throwaway certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def shared_slapd(authority: Authority) -> Iterator[Slapd]:
    """One slapd for all tests that do not stop it or fill it up, with TLS and two naming contexts."""
    _need_slapd()
    with Slapd("dc=example,dc=org", "dc=branch,dc=org", certificate=authority.issue("shared")) as slapd:
        slapd.stop()
        for database in slapd.databases:
            slapd.load(directories.tree(database.suffix, "people", "groups"), suffix=database.suffix)
        slapd.start()
        yield slapd


@pytest.fixture
def new_slapd() -> Iterator[Callable[..., Slapd]]:
    """Starts a slapd for one test: `new_slapd("dc=x,dc=org", ldif=…, **arguments of Slapd)`."""
    _need_slapd()
    with ExitStack() as stack:

        def start(*databases: Any, ldif: str | None = None, **arguments: Any) -> Slapd:
            slapd = Slapd(*databases, **arguments)
            stack.callback(slapd.close)
            slapd.load(ldif if ldif is not None else directories.tree(slapd.suffix, "people", "groups"))
            slapd.start()
            return slapd

        yield start


@dataclass(frozen=True)
class Container:
    """A container of its own in the shared slapd.

    Attributes:
        dn: of the container.
        slapd: where it is.
        admin: a plain session as administrator.
    """

    dn: str
    slapd: Slapd
    admin: SimpleLDAPObject

    def destination(self, **definition: Any) -> LdapDestination:
        """A destination for it."""
        return directories.destination(directories.slapd_connection(self.slapd), self.dn, **definition)

    def source(self, **definition: Any) -> LdapSource:
        """A source for it."""
        return directories.source(directories.slapd_connection(self.slapd), self.dn, **definition)

    def add(self, rdn: str, **attributes: directories.Values) -> str:
        """Create an entry in it behind the endpoint's back; its DN."""
        dn = f"{rdn},{self.dn}"
        change = directories.creation(dn, **attributes) if "objectClass" in attributes else directories.person(dn, **attributes)
        self.admin.add_s(dn, [(field.field, list(field.new)) for field in change.fields])
        return dn

    def record(self, dn: str, *fields: str) -> Record:
        """An entry as a source lists it, with its identity."""
        return Record(dn, directories.records(self.source(), *fields, "entryUUID")[dn])

    def values(self, dn: str, *attributes: str) -> dict[str, list[bytes]]:
        """What an entry holds now."""
        found: dict[str, list[bytes]] = self.admin.search_s(dn, ldap.SCOPE_BASE, attrlist=list(attributes) or None)[0][1]
        return found


@pytest.fixture
def container(shared_slapd: Slapd) -> Iterator[Container]:
    """A fresh container in the shared slapd."""
    admin = directories.administrator(shared_slapd)
    dn = f"ou=test{next(_numbers)},{shared_slapd.suffix}"
    admin.add_s(dn, [("objectClass", b"organizationalUnit")])
    yield Container(dn, shared_slapd, admin)
    # Otherwise another test's people with the same keys would be found beside its own container.
    directories.delete_below(admin, dn)
    admin.unbind_s()


@pytest.fixture(scope="session")
def samba(authority: Authority) -> Iterator[Samba]:
    """One Active Directory domain for all tests that need one."""
    if missing := samba_missing():
        pytest.skip(missing)
    address = free_address()
    certificate = authority.issue("dc1", f"IP:{address}")
    with Samba("corp.example", address=address, certificate=certificate, ca=authority.ca) as server:
        yield server


@pytest.fixture(scope="session")
def testdata() -> Path:
    """LDIF files of other projects, in the checkout's `tests/scenarios/data`."""
    return Path(__file__).parents[1] / "scenarios" / "data"


# -- stores -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL cluster for the whole session."""
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with Postgres() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    cluster: Postgres = request.getfixturevalue("postgres")
    return cluster.create_database()


@pytest.fixture
def store_url(empty_url: str) -> str:
    """The URL of a migrated store, on each database."""
    upgrade(empty_url)
    return empty_url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store, on each database."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture
def clock(store: Store) -> Clock:
    """The clock of that store."""
    return Clock(store)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office whose phone list is made under approval; the list does not exist yet."""
    with open_office(tmp_path) as office:
        yield office
