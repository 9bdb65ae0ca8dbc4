"""Servers and stores that tests share, and a fresh container in a directory for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.certificates import Authority
from tests.scenarios.clock import Clock
from tests.scenarios.container import Container
from tests.scenarios.corner import Corner
from tests.scenarios.directory389 import Directory389, directory389_missing
from tests.scenarios.new_store import new_store
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


@pytest.fixture
def corner(container: Container, store: Store, tmp_path: Path) -> Corner:
    """Two empty containers, and an empty store."""
    return Corner.make(container, store, tmp_path)


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
def directory389(authority: Authority) -> Iterator[Directory389]:
    """One 389 Directory Server for all tests that need one, with its plug-ins at work below
    `dc=destination`.
    """
    if missing := directory389_missing():
        pytest.skip(missing)
    with Directory389("dc=destination", "dc=source", certificate=authority.issue("d389")) as server:
        session = server.administrator()
        for suffix in server.suffixes:
            session.add_s(suffix, [("objectClass", b"domain")])
        session.unbind_s()
        yield server


@pytest.fixture(scope="session")
def testdata() -> Path:
    """LDIF files of other projects, in the checkout's `tests/scenarios/data`."""
    return Path(__file__).parents[1] / "scenarios" / "data"


# -- stores --------------------------------------------------------------------------------------------------


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


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated store, on each database."""
    if request.param == "sqlite":
        yield new_store(tmp_path / "store.db")
        return
    cluster: Postgres = request.getfixturevalue("postgres")
    with cluster.lend_store() as url:
        yield url


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
