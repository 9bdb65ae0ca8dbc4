"""A store whose file is put in another's place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from directory_sync.errors import StoreError
from directory_sync.store.database import Database, secrets_of
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_nothing_is_written_to_a_file_that_nobody_finds_any_more(tmp_path: Path, how: str) -> None:
    """A backup was put back while a run was going on: others would get a lease there and work at the same
    time.
    """
    file = tmp_path / "store.db"
    upgrade(f"sqlite:///{file}")
    with Store.open(f"sqlite:///{file}") as store:
        store.ended_runs.note("corp", "r1")
        if how == "replaced":
            other = tmp_path / "other.db"
            upgrade(f"sqlite:///{other}")
            os.replace(other, file)  # noqa: PTH105 - what people do
        else:
            file.unlink()
        with pytest.raises(StoreError, match="removed or replaced"):
            store.ended_runs.note("corp", "r2")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db.example/x?sslmode=require",
        "postgresql://me@db.example/x?sslmode=require&password=hunter2",
        "postgresql://me:hunter2@db.example/x?sslmode=require&sslpassword=hunter2",
    ],
)
def test_messages_hold_no_password_wherever_it_stands_in_the_url(url: str) -> None:
    """PostgreSQL's client library takes passwords as parameters, too."""
    database = Database(url)
    assert "hunter2" not in database.label
    assert "db.example" in database.label
    assert "sslmode=require" in database.label
    assert set(secrets_of(database.url)) == {"hunter2"}
