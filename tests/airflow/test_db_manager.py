from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.errors import StoreError
from directory_sync.store import migrate


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The setting `database_url`, naming a store that does not exist yet."""
    url = f"sqlite:///{tmp_path}/made/store.db"
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    return url


def test_airflow_finds_and_accepts_the_manager() -> None:
    """`airflow db migrate` learns of the manager from the provider info, and its own checks pass."""
    from airflow.utils.db_manager import RunDBManager

    from directory_sync.airflow.db_manager import DirectorySyncDBManager

    runner = RunDBManager()
    assert DirectorySyncDBManager in runner._managers
    runner.validate()
    assert {"directory_sync_plan", "directory_sync_alembic_version"} <= runner.get_required_table_names()


def test_airflows_commands_look_after_the_store(url: str) -> None:
    """Create, check, migrate, take back and drop: all of it in the store's own database, whose folder is made
    too.
    """
    from airflow.utils.session import create_session

    from directory_sync.airflow.db_manager import DirectorySyncDBManager

    with create_session() as session:
        manager = DirectorySyncDBManager(session)
        assert not manager.check_migration()
        manager.initdb()
        migrate.check(url)
        assert manager.check_migration()
        manager.upgradedb()
        manager.downgrade("base")
        with pytest.raises(StoreError, match="have not been created"):
            migrate.check(url)
        manager.upgradedb(use_migration_files=True)
        migrate.check(url)
        manager.drop_tables(session.connection())
        with pytest.raises(StoreError, match="have not been created"):
            migrate.check(url)
        manager.initdb(use_migration_files=True)
        migrate.check(url)


def test_the_sql_can_be_shown_instead(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--show-sql-only` prints the statements and changes nothing."""
    from airflow.utils.session import create_session

    from directory_sync.airflow.db_manager import DirectorySyncDBManager

    with create_session() as session:
        DirectorySyncDBManager(session).upgradedb(show_sql_only=True)
    assert "CREATE TABLE directory_sync_plan" in capsys.readouterr().out
    with pytest.raises(StoreError, match="have not been created"):
        migrate.check(url)
