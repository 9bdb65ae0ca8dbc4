"""What the portal answers while its store is away, and that it goes on by itself when the store is back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from directory_sync.approval.people import Person
from directory_sync.errors import StoreError
from directory_sync.store.requests import Requests
from directory_sync.store.store import Store
from tests.scenarios.new_store import new_store

if TYPE_CHECKING:
    from starlette.testclient import TestClient


class AllRights:
    """Airflow lets this person do everything."""

    def readable(self, dag_ids: Collection[str]) -> frozenset[str]:
        return frozenset(dag_ids)

    def may_start(self, dag_id: str) -> bool:
        return True


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The portal by itself, for bea, with a store that does not exist yet."""
    from starlette.testclient import TestClient

    from directory_sync.portal import storage
    from directory_sync.portal.access import Visitor, current_visitor
    from directory_sync.portal.app import create_app

    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", f"sqlite:///{tmp_path}/store.db")
    storage.forget_store()
    app = create_app()
    app.dependency_overrides[current_visitor] = lambda: Visitor(
        Person("bea", frozenset(), True), False, AllRights()
    )
    yield TestClient(app, root_path="/dirsync", raise_server_exceptions=False)
    storage.forget_store()


def test_a_store_that_is_not_there_yet(client: TestClient, tmp_path: Path) -> None:
    """Without a store every call says so with 503 and the command to run; once it is there, no restart is
    needed.
    """
    for path in ("/api/v1/requests", "/requests"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "db upgrade" in answer.text
        assert "content-security-policy" in answer.headers
    assert client.get("/api/v1/requests").json()["error"] == "StoreError"
    new_store(tmp_path / "store.db")
    assert client.get("/api/v1/requests").json()["total"] == 0


def test_a_store_that_fails_is_opened_anew(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error the store is opened again for the next call, so that a database that was moved or
    upgraded is found.
    """
    new_store(tmp_path / "store.db")
    opened = []

    def open_store(url: str) -> Store:
        opened.append(url)
        return real_open(url)

    real_open = Store.open
    monkeypatch.setattr(Store, "open", open_store)
    for _ in range(2):
        assert client.get("/api/v1/inbox/count").status_code == 200
    assert len(opened) == 1

    def fail(*args: object, **options: object) -> int:
        raise StoreError("store x: it is away. Try again later.")

    with monkeypatch.context() as broken:
        broken.setattr(Requests, "collections", fail)
        assert client.get("/api/v1/inbox/count").json()["detail"] == "store x: it is away. Try again later."
    assert client.get("/api/v1/inbox/count").status_code == 200
    assert len(opened) == 2


def test_a_wrong_setting_is_named(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be used is an error of the deployment, told with its name and without its
    value.
    """
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", "mysql://user:hunter2@host/x")
    answer = client.get("/api/v1/requests")
    assert (answer.status_code, answer.json()["error"]) == (500, "SettingsError")
    assert "database_url" in answer.json()["detail"]
    assert "hunter2" not in answer.text


def test_what_nobody_has_foreseen(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A defect is answered with 500, with the headers of every answer and without the error's text, which may
    hold values.
    """
    new_store(tmp_path / "store.db")

    def fail(*args: object, **options: object) -> int:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(Requests, "collections", fail)
    for path in ("/api/v1/requests", "/requests"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "log of Airflow" in answer.text
        assert "hunter2" not in answer.text
        assert "content-security-policy" in answer.headers
