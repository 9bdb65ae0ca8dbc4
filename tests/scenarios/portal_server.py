"""Airflow's real API server with the portal in it, in a process and a home of its own, for each kind of auth
manager.

Run as a program it is that server. It needs no scheduler: nothing but the API server knows users.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from directory_sync.store.store import Store
from tests.scenarios.airflow_database import airflow_database
from tests.scenarios.new_store import new_store
from tests.scenarios.plans import collection

Kind = Literal["simple", "fab", "everybody"]
"""SimpleAuthManager, the FAB auth manager, or SimpleAuthManager that lets everybody in as an administrator.
"""

COLLECTION, PAUSED, HIDDEN = "crew", "sleepers", "secret_crew"
"""Collections with a DAG, with a paused DAG, and with a DAG that not everybody may see (FAB only)."""

_START_TIMEOUT = 120.0
_FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
PASSWORD = "pass-word-of-a-test"
_BUNDLES = """[{"name": "directory-sync", "classpath": "directory_sync.airflow.bundle.DirectorySyncBundle",
 "kwargs": {}}]"""
_USERS = {"admin": "admin", "olga": "op", "bea": "viewer", "vera": "viewer", "ida": "user", "hugo": "viewer"}
"""User → SimpleAuthManager's role. Under FAB they have the roles and groups of `_fab_users`."""


class PortalServer:
    """A running API server; a context manager.

    Attributes:
        url: of Airflow, without a slash at the end.
        store: the store that the portal uses.
        kind: of auth manager.
    """

    def __init__(self, kind: Kind, settings: Mapping[str, str] = {}) -> None:
        self.kind = kind
        self.folder = Path(tempfile.mkdtemp(prefix=f"portal-{kind}-"))
        self.store_file = self.folder / "store.db"
        self._settings = dict(settings)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}
        self._clients: dict[str | None, httpx.Client] = {}

    def __enter__(self) -> Self:
        new_store(self.store_file)
        airflow_database(self.folder, auth_manager=_FAB if self.kind == "fab" else "")
        self.store = Store.open(f"sqlite:///{self.store_file}")
        (self.folder / "dags").mkdir()
        (self.folder / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
        (self.folder / "passwords.json").write_text(
            json.dumps(dict.fromkeys(_USERS, PASSWORD)), encoding="utf-8"
        )
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.scenarios.portal_server", self.kind, str(self.port)],
                env=os.environ | self.environment() | self._settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for client in self._clients.values():
            client.close()
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, user: str | None) -> httpx.Client:
        """A client that sends the user's token; None for one that is not logged in."""
        if user not in self._clients:
            login = {} if user is None else {"Authorization": f"Bearer {self.token(user)}"}
            client = httpx.Client(base_url=f"{self.url}/dirsync", headers=login, timeout=60, trust_env=False)
            self._clients[user] = client
        return self._clients[user]

    def token(self, user: str) -> str:
        """The user's token, as `POST /auth/token` gives it."""
        if user not in self._tokens:
            answer = httpx.post(
                f"{self.url}/auth/token",
                json={"username": user, "password": PASSWORD},
                timeout=60,
                trust_env=False,
            )
            self._tokens[user] = answer.raise_for_status().json()["access_token"]
        return self._tokens[user]

    def metadata(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask Airflow's own database."""
        connection = sqlite3.connect(self.folder / "airflow.db", timeout=30)
        try:
            with connection:
                return connection.execute(query, parameters).fetchall()
        finally:
            connection.close()

    @contextmanager
    def newest_read(self, *names: str) -> Iterator[None]:
        """While it lasts, Airflow's DAGs of these names are of the newest versions of saved collections."""
        of_dag = "update dag set bundle_name = ?, bundle_version = ? where dag_id = ?"
        try:
            for name in names:
                newest = self.store.collections.get(name)
                assert newest is not None
                self.metadata(of_dag, "directory-sync", str(newest.revision), name)
            yield
        finally:
            for name in names:
                self.metadata(of_dag, "dags-folder", None, name)

    def log(self) -> str:
        """What the server has logged."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def environment(self) -> dict[str, str]:
        """What its processes run with."""
        simple = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        return {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW_CONFIG": str(self.folder / "airflow.cfg"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__AUTH_MANAGER": _FAB if self.kind == "fab" else simple,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
                f"{user}:{role}" for user, role in _USERS.items()
            ),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.folder / "passwords.json"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(self.kind == "everybody"),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": _BUNDLES,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder}/airflow.db",
            "AIRFLOW__API__BASE_URL": f"http://airflow.example:{self.port}",
            "AIRFLOW__API_AUTH__JWT_SECRET": "for-tests-only-" * 5,
            "AIRFLOW__API__SECRET_KEY": "for-tests-only",
            "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": f"sqlite:///{self.store_file}",
            "AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER": str(self.folder / "data"),
            "AIRFLOW__DIRECTORY_SYNC__ADMINISTRATOR_ROLES": "Admin, admin",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }

    def _wait(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the API server ended:\n{self.log()}")
            try:
                if httpx.get(f"{self.url}/api/v2/version", timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise TimeoutError(f"the API server did not start:\n{self.log()}")


def _serve(kind: str, port: int) -> None:
    import uvicorn
    from airflow.utils.db import initdb

    initdb()
    from airflow.api_fastapi.app import create_app

    # Without the API that tasks call: nothing runs here, and it takes half of the time of the start.
    app = create_app(apps="core")
    if kind == "fab":
        _fab_users()
    _register_dags()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def _register_dags() -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    from directory_sync.airflow.dag_factory import build_dag
    from tests.airflow.dag_runs import register

    for name in (COLLECTION, PAUSED, HIDDEN):
        register(build_dag(collection(name)))
    with create_session() as session:
        for name in (COLLECTION, PAUSED, HIDDEN):
            dag = session.get(DagModel, name)
            assert dag is not None
            dag.is_paused = name == PAUSED


def _fab_users() -> None:
    """FAB's users.

    `bea` has what an approver needs and nothing else: read on DAGs and on plugins. `gina` is in a group,
    `nora` may read no DAG, `pia` opens no plugin, `otto` has left and may not sign in, the others have
    nothing but `crew`.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.providers.fab.auth_manager.models import Group
    from werkzeug.security import generate_password_hash

    manager: Any = get_auth_manager()
    security = manager.security_manager
    for role in ("Directory Approvers", "Nothing"):
        security.add_role(role)
    crew = security.add_role("Crew readers")
    for dag in (COLLECTION, PAUSED):
        security.add_permission_to_role(crew, security.create_permission("can_read", f"DAG:{dag}"))
    approvers = security.find_role("Directory Approvers")
    security.add_permission_to_role(approvers, security.create_permission("can_read", "Plugins"))
    group = Group(name="Night watch")
    security.session.add(group)
    security.session.commit()
    roles = {
        "admin": ["Admin"],
        "olga": ["Op"],
        "bea": ["Crew readers", "Directory Approvers"],
        "vera": ["Crew readers"],
        "ida": ["User"],
        "hugo": ["Viewer"],
        "gina": ["Crew readers"],
        "nora": ["Nothing"],
        "pia": ["Crew readers"],
        "otto": ["Admin"],
    }
    for user, names in roles.items():
        security.add_user(
            username=user,
            first_name=user,
            last_name="Test",
            email=f"{user}@crew.example",
            role=[security.find_role(name) for name in names],
            hashed_password=generate_password_hash(PASSWORD),
            groups=[group] if user == "gina" else [],
        )
    security.find_user(username="otto").active = False
    security.session.commit()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
