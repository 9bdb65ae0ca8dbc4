"""Stores on both databases. Servers of the endpoints themselves are started by the modules that need them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from tests.scenarios.postgres import Postgres, find_binaries


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
