"""Airflow's real API server with the portal, once for each auth manager, and an Airflow home for what runs in
this process.

The environment is set when this file is imported, which is before the first import of Airflow.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import NoConnection
from directory_sync.store.store import Store
from tests.portal.pages_client import Looker
from tests.scenarios import directories
from tests.scenarios.airflow_database import airflow_database as copied_database
from tests.scenarios.looks import silent
from tests.scenarios.portal_pages import BEA, Pages, furnish, new_pages
from tests.scenarios.portal_server import PortalServer
from tests.scenarios.saved import ADA
from tests.scenarios.slapd import Slapd, SlapdMissing, slapd_root

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# One that was inherited is another process's; the tests of `tests/airflow` may have made one in this.
if not hasattr(sys, "_airflow_home_of_tests"):
    _home = Path(tempfile.mkdtemp(prefix="directory-sync-portal-"))
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
    (_home / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
    os.environ["AIRFLOW_HOME"] = str(_home)
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{_home}/airflow.db"
    os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = "for-tests-only-" * 5
    os.environ.pop("AIRFLOW_CONFIG", None)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Airflow and its libraries warn about each other; what counts is what is said of our code."""
    item.add_marker(pytest.mark.filterwarnings("ignore", r"error:::directory_sync\..*"))


@pytest.fixture(scope="session")
def simple() -> Iterator[PortalServer]:
    """An API server with SimpleAuthManager."""
    with PortalServer("simple") as server:
        yield server


@pytest.fixture(scope="session")
def fab() -> Iterator[PortalServer]:
    """An API server with the FAB auth manager."""
    with PortalServer("fab") as server:
        yield server


@pytest.fixture(scope="session")
def everybody() -> Iterator[PortalServer]:
    """An API server that lets everybody in as an administrator whom it does not know."""
    with PortalServer("everybody") as server:
        yield server


@pytest.fixture(params=["simple", "fab"])
def server(request: pytest.FixtureRequest) -> PortalServer:
    """Each of the two in turn."""
    found: PortalServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own database in this process, with no DAG in it."""
    home = Path(os.environ["AIRFLOW_HOME"])
    if not (home / "airflow.db").exists():  # the tests of `tests/airflow` may have made it
        copied_database(home)
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A folder with the store of requests in every state, to be copied, and their numbers."""
    folder = tmp_path_factory.mktemp("furnished")
    pages = new_pages(folder)
    made = furnish(pages)
    pages.store.close()
    return folder, made


@pytest.fixture(scope="session")
def shared_looker(furnished: tuple[Path, dict[str, int]]) -> Looker:
    """The pages as an app, made once: each test gives it a store of its own."""
    from starlette.testclient import TestClient

    pages = Pages(Store.open(f"sqlite:///{furnished[0]}/store.db"))
    return Looker(pages, furnished[1], TestClient(pages.app()))


@pytest.fixture
def looker(shared_looker: Looker, furnished: tuple[Path, dict[str, int]], tmp_path: Path) -> Iterator[Looker]:
    """Somebody who looks at the pages of a furnished store: bea, an approver."""
    shutil.copytree(furnished[0], tmp_path, dirs_exist_ok=True)
    yield from _looking(shared_looker, Store.open(f"sqlite:///{tmp_path}/store.db"))


@pytest.fixture
def empty_looker(shared_looker: Looker, tmp_path: Path) -> Iterator[Looker]:
    """The same over an empty store."""
    yield from _looking(shared_looker, new_pages(tmp_path).store)


def _looking(looker: Looker, store: Store) -> Iterator[Looker]:
    looker.pages.store = store
    looker.become(BEA)
    looker.pages.signed_in = True
    from directory_sync.portal import airflow_dags

    with pytest.MonkeyPatch.context() as patch:
        # Tests of `tests/airflow` leave DAGs in the database of a process that runs both.
        patch.setattr(airflow_dags, "taken_by", lambda dag_id: "")
        yield looker
    store.close()


@pytest.fixture
def ada(empty_looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looker:
    """An administrator, and no collection."""
    folder = tmp_path / "collections"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    empty_looker.become(ADA)
    return empty_looker


@pytest.fixture
def address(looker: Looker) -> Iterator[str]:
    """The pages under an address that a browser can open."""
    import uvicorn

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server: uvicorn.Server = uvicorn.Server(
        uvicorn.Config(looker.client.app, host="127.0.0.1", port=port, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/dirsync"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a wide window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


# -- looks at directories ------------------------------------------------------------------------------------

LOOK_RULES = """\
connections:
  lab: {source: {roles: [Editors]}, destination: {roles: [Editors], objects: [group]}}
  payroll: {source: {roles: [Payroll]}}
data_folder: {source: {roles: [Editors]}}
"""


@pytest.fixture(scope="session")
def looked_slapd() -> Iterator[Slapd]:
    """A directory with two people."""
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    with Slapd("dc=example,dc=org") as server:
        server.stop()
        people = "".join(
            f"\ndn: cn={name},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: {name}\nsn: x\n"
            f"userPassword: never-seen\n"
            for name in ("ann", "bob")
        )
        server.load(directories.tree("dc=example,dc=org", "people", "groups") + "\n" + people)
        server.start()
        yield server


@pytest.fixture
def connections(looked_slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> dict[str, ConnectionInfo]:
    """What Airflow has: by name."""
    from directory_sync.looking.children import CHILDREN
    from directory_sync.portal import airflow_connections

    found = {"lab": directories.slapd_connection(looked_slapd), "payroll": silent(1, "payroll")}

    def read(name: str) -> ConnectionInfo:
        if name not in found:
            raise NoConnection(
                "Airflow has no such connection.", endpoint=f"connection {name}", remedy="Add it."
            )
        return found[name]

    monkeypatch.setattr(airflow_connections, "read_connection", read)
    monkeypatch.setattr(
        airflow_connections, "in_database", lambda: {name: each.type for name, each in found.items()}
    )
    monkeypatch.setenv("AIRFLOW_CONN_HR", "postgres://hr")
    monkeypatch.setattr(CHILDREN, "seconds", 2.0)
    return found


@pytest.fixture
def seer(
    empty_looker: Looker,
    airflow_database: None,
    connections: dict[str, ConnectionInfo],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Looker]:
    """An administrator, who may use everything without rules."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__ENDPOINT_ACCESS", "api_server")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "staff.csv").write_text("id,name\n1,Ann\n", encoding="utf-8")
    empty_looker.become(ADA)
    yield empty_looker
    from directory_sync.looking.children import CHILDREN

    CHILDREN.close()


@pytest.fixture
def rules(seer: Looker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A deployment with rules, whose editors may create collections."""
    file = tmp_path / "rules.yaml"
    file.write_text(LOOK_RULES, encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(file))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTION_ROLES", "Editors, Admin")
