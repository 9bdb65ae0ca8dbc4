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

from directory_sync.store.store import Store
from tests.portal.pages_client import Looker
from tests.scenarios.airflow_database import airflow_database as copied_database
from tests.scenarios.portal_pages import BEA, Pages, furnish, new_pages
from tests.scenarios.portal_server import PortalServer

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
    yield looker
    store.close()


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
