from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, inspect, select, table, text, update

from directory_sync.approval.people import Approver, Person
from directory_sync.approval.request import MessageCode
from directory_sync.errors import NameTaken, SettingsError, StoreError
from directory_sync.plan.model import LimitCheck
from directory_sync.plan.past import NOTHING, Findings, Identities
from directory_sync.store import migrate
from directory_sync.store.collection_names import Origin
from directory_sync.store.database import Database, parse_url
from directory_sync.store.known_objects import JobPlace, Learnt
from directory_sync.store.store import Store
from directory_sync.store.tables import PREFIX, VERSION_TABLE, Base, JobRunRow
from tests.scenarios.forked_python import ForkedPython
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.requests import decide, file


def _schema(database: Database) -> dict[str, Any]:
    """Everything that the database itself says about our tables."""
    with database.read() as connection:
        found = inspect(connection)
        return {
            name: {
                "columns": {
                    (each["name"], str(each["type"]), each["nullable"]) for each in found.get_columns(name)
                },
                "key": found.get_pk_constraint(name),
                "references": sorted(map(str, found.get_foreign_keys(name))),
                "unique": sorted(map(str, found.get_unique_constraints(name))),
                "indexes": sorted(
                    (
                        str(index["name"]),
                        index["column_names"],
                        bool(index["unique"]),
                        _options(index.get("dialect_options", {})),
                    )
                    for index in found.get_indexes(name)
                ),
            }
            for name in found.get_table_names()
            if name.startswith(PREFIX) and name != VERSION_TABLE
        }


def _options(options: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items()}


def _set_revision(url: str, revision: str) -> None:
    database = Database(url)
    with database.write() as connection:
        connection.execute(update(table(VERSION_TABLE, column("version_num"))).values(version_num=revision))
    database.close()


def test_models_and_migrations_give_the_same_schema(empty_url: str) -> None:
    """What the migrations make is what the models describe: names, types, keys, references and indexes."""
    database = Database(empty_url)
    migrate.create_file(database)
    with database.write() as connection:
        Base.metadata.create_all(connection)
    described = _schema(database)
    with database.write() as connection:
        Base.metadata.drop_all(connection)
    migrate.upgrade(empty_url)
    assert _schema(database) == described
    assert len(described) == len(Base.metadata.tables)
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name != VERSION_TABLE}
        )
        assert compare_metadata(context, Base.metadata) == []
    database.close()


@pytest.mark.parametrize("revision", migrate.REVISIONS)
def test_every_revision_can_be_upgraded(empty_url: str, revision: str) -> None:
    """A store of any earlier version is brought to this one."""
    assert migrate.upgrade(empty_url, revision) == revision
    assert migrate.upgrade(empty_url) == migrate.REVISIONS[-1]
    migrate.check(empty_url)


def test_a_migration_can_be_taken_back(store_url: str) -> None:
    """Down to nothing and up again gives a store that works, through Alembic's own commands as Airflow uses
    them.
    """
    database = Database(store_url)
    command.downgrade(migrate.alembic_config(database), "base")
    assert _schema(database) == {}
    database.close()
    migrate.upgrade(store_url)
    migrate.check(store_url)


def test_requests_of_an_earlier_version_say_where_they_belong(store_url: str) -> None:
    """Title, source, destination, and who asks for a waiver, are told from what that version has stored."""
    with Store.open(store_url) as store:
        titled = collection().model_copy(update={"title": "Crew of the ship"})
        run = store.runs.start(titled, "run 1", trigger="manual", requester="ida", verified=True)
        plan_id = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(2)))
        asked = {"policy": {"approvers": {"users": ["bea"]}}, "approvers": [Approver("user", "bea")]}
        limit = LimitCheck("create", "", 2, 9, 1, "1")
        numbers = [
            store.filing.file(plan_id, **asked).id,  # type: ignore[arg-type]
            store.filing.file(plan_id, **asked, waiver=True, waives=[limit], asked_by="olga", reason="x").id,  # type: ignore[arg-type]
        ]
        before = [store.requests.get(number).request for number in numbers]
    command.downgrade(migrate.alembic_config(Database(store_url)), "0004")
    migrate.upgrade(store_url)
    with Store.open(store_url) as store:
        after = [store.requests.get(number).request for number in numbers]
        assert store.plans.load(plan_id).plan.digest == before[0].digest
    for old, new in zip(before, after, strict=True):
        assert (new.title, new.source, new.destination) == (
            "Crew of the ship",
            "ship: ou=people,dc=ship",
            "office: ou=people,dc=office",
        )
        assert (new.title, new.source, new.destination, new.asked_by) == (
            old.title,
            old.source,
            old.destination,
            old.asked_by,
        )
    assert [request.asked_by for request in after] == ["", "olga"]


def test_runs_of_an_earlier_version_keep_their_definitions(store_url: str) -> None:
    """Each run had a copy of its own there; runs by the same definition share one here, and back again."""
    texts = ("one", "two", "one", "three", "one")
    with Store.open(store_url) as store:
        for number, words in enumerate(texts):
            each = collection(description=words)
            store.runs.start(each, f"run {number}", trigger="manual", requester="ida", verified=True)
        before = [store.runs.find("crew", f"run {number}") for number in range(len(texts))]
    database = Database(store_url)
    for _ in range(2):
        command.downgrade(migrate.alembic_config(database), "0006")
        with database.read() as connection:
            copies = connection.scalars(
                text("SELECT definition FROM directory_sync_collection_run ORDER BY id")
            ).all()
        assert [json.loads(copy)["description"] for copy in copies] == list(texts)
        migrate.upgrade(store_url)
        with Store.open(store_url) as store:
            assert [store.runs.find("crew", f"run {number}") for number in range(len(texts))] == before
        with database.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM directory_sync_definition")) == 3
    database.close()


def test_names_that_airflow_has_run_belong_to_files(store_url: str) -> None:
    """Names of an earlier version: Airflow's are taken, the next run says by which file; a terminal's are
    free. What jobs know stays with its collection, up and down.
    """
    place = JobPlace("known", "people", "ldap://one", "ship")
    with Store.open(store_url) as store:
        for name, trigger in (("crew", "scheduled"), ("known", "manual"), ("trial", "terminal")):
            store.runs.start(collection(name), "run 1", trigger=trigger, requester="", verified=True)
        for each in (place, replace(place, collection="trial")):
            store.known.learn(each, Learnt(Findings(Identities(b"x" * 16), NOTHING, NOTHING, NOTHING)))
    database = Database(store_url)
    for _ in range(2):
        command.downgrade(migrate.alembic_config(database), "0010")
        migrate.upgrade(store_url)
    database.close()
    by = Person("ida", frozenset(), verified=True)
    with Store.open(store_url) as store:
        assert store.known.past(place, window=timedelta()).known == Identities(b"x" * 16)
        for name in ("crew", "known"):
            with pytest.raises(NameTaken, match="belongs to a file"):
                store.collections.save(name, "text", expected=0, by=by)
            store.collections.claim_origin(name, Origin("crew.yaml"))
            assert store.collections.origin(name) == Origin("crew.yaml")
        assert store.collections.save("trial", "text", expected=0, by=by).revision == 1


def test_going_back_takes_saved_collections_away(store_url: str) -> None:
    """A name that two deleted collections had does not keep an older version from having one for each."""
    by = Person("ida", frozenset(), verified=True)
    with Store.open(store_url) as store:
        for _ in range(2):
            store.collections.save("crew", "text", expected=0, by=by)
            store.collections.delete("crew", expected=1, by=by)
        store.collections.save("crew", "text", expected=0, by=by)
    database = Database(store_url)
    command.downgrade(migrate.alembic_config(database), "0010")
    with database.read() as connection:
        assert connection.scalars(text("SELECT name FROM directory_sync_collection")).all() == ["crew"]
    database.close()
    migrate.upgrade(store_url)
    with Store.open(store_url) as store:
        assert store.collections.newest() == []
        assert store.collections.save("crew", "text", expected=0, by=by).revision == 1


def test_messages_of_an_earlier_version_get_their_codes(store_url: str) -> None:
    """That a job was done, and no more, is told from the sentence that version has stored, once."""
    done, more = "Done.", "It broke off. Done."
    with Store.open(store_url) as store:
        requests = []
        for message, code in ((done, MessageCode.DONE), (more, MessageCode.OTHER)):
            count = len(requests) + 1
            number = file(store, count, run_id=f"run {count}").id
            decide(store, number)
            store.approvals.mark_applied(number, {"state": "success", "message": message}, code=code)
            run = store.runs.find("crew", f"run {count}")
            assert run is not None
            store.runs.finish_job(
                store.runs.start_job(run.id, "people").id, "success", message=message, code=code
            )
            requests.append(number)
    database = Database(store_url)
    command.downgrade(migrate.alembic_config(database), "0008")
    migrate.upgrade(store_url)
    with Store.open(store_url) as store:
        codes = [store.requests.get(number).request.result_code for number in requests]
        assert codes == [MessageCode.DONE, MessageCode.OTHER]
    with database.read() as connection:
        said = select(JobRunRow.message, JobRunRow.code).where(JobRunRow.attempt == 2)
        rows = connection.execute(said.order_by(JobRunRow.id)).all()
        assert rows == [(done, "done"), (more, "")]
    database.close()


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    """`REVISIONS` names every revision file, oldest first."""
    script = ScriptDirectory(str(migrate.MIGRATIONS))
    assert (
        tuple(revision.revision for revision in reversed(list(script.walk_revisions()))) == migrate.REVISIONS
    )


def test_a_failed_upgrade_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that fails at its last step has done nothing."""

    def fail(*_: object) -> None:
        raise StoreError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_refuse_broken_references", fail)
        with pytest.raises(StoreError, match="power cut"):
            migrate.upgrade(empty_url)
    database = Database(empty_url)
    assert _schema(database) == {}
    database.close()
    migrate.upgrade(empty_url)
    migrate.check(empty_url)


def test_upgrades_at_the_same_moment_are_safe(empty_url: str) -> None:
    """Of several upgrades at once, one does the work and all succeed."""
    script = "import sys; from directory_sync.store.migrate import upgrade; print(upgrade(sys.argv[1]))"
    running = [
        ForkedPython(
            ["-c", script, empty_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for process in running:
        output, errors = process.communicate(timeout=120)
        assert output.split() == [migrate.REVISIONS[-1]], errors
    migrate.check(empty_url)


def test_a_missing_store_names_the_command(tmp_path: Path) -> None:
    """Opening a store that is not there says how to make it, and makes nothing."""
    file = tmp_path / "none.db"
    with pytest.raises(
        StoreError,
        match=r"none\.db: The file does not exist\. Run directory-sync db upgrade or airflow db migrate",
    ):
        Store.open(f"sqlite:///{file}")
    assert not file.exists()


def test_a_store_without_tables_names_the_command(empty_url: str) -> None:
    """A database without our tables is refused with the remedy."""
    migrate.create_file(Database(empty_url))
    with pytest.raises(
        StoreError, match=r"have not been created\. Run directory-sync db upgrade or airflow db migrate"
    ):
        Store.open(empty_url)


def test_an_older_store_names_the_command(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is behind is refused with the remedy."""
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, "next"))
    older = (
        rf"older version \(revision {migrate.REVISIONS[-2]}, needed next\)\. Run directory-sync db upgrade"
    )
    with pytest.raises(StoreError, match=older):
        Store.open(store_url)


def test_a_newer_store_is_left_alone(store_url: str) -> None:
    """A store that a newer version has migrated is neither used nor migrated."""
    _set_revision(store_url, "9999")
    for attempt in (migrate.check, migrate.upgrade):
        with pytest.raises(
            StoreError, match=r"newer version \(revision 9999, .*Upgrade airflow-directory-sync here too"
        ):
            attempt(store_url)


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    """Folder and file are created so that nobody else can read them, whatever the umask; so are the files
    beside it.
    """
    before = os.umask(0)
    try:
        url = f"sqlite:///{tmp_path}/made/store.db"
        migrate.upgrade(url)
        with Store.open(url) as store:
            store.runs.recent()
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "made").iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert modes["store.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_can_read_is_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An existing file keeps its mode, and the log says what to do about it."""
    (tmp_path / "store.db").touch(0o644)
    (tmp_path / "store.db").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        migrate.upgrade(f"sqlite:///{tmp_path}/store.db")
    assert f"chmod 600 {tmp_path}/store.db" in caplog.text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A path that leads through a file is an error of the store, with the path."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/store\.db: The file cannot be created: .*database_url"):
        migrate.upgrade(f"sqlite:///{tmp_path}/file/store.db")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A file of another kind is refused, not overwritten."""
    (tmp_path / "store.db").write_text("not a database " * 100)
    with pytest.raises(StoreError, match="not a database"):
        migrate.upgrade(f"sqlite:///{tmp_path}/store.db")
    assert (tmp_path / "store.db").read_text().startswith("not a database")


def test_a_password_is_never_shown() -> None:
    """A server that does not answer is named with user and host, without the password, and the error is
    transient.
    """
    url = "postgresql://owner:s3cret%2Fword@127.0.0.1:1/store"
    with pytest.raises(StoreError, match=r"owner:\*\*\*@127\.0\.0\.1:1/store") as caught:
        migrate.check(url)
    shown = str(caught.value) + repr(caught.value.__cause__) + repr(caught.value)
    assert "s3cret" not in shown
    assert "database_url" in shown
    assert caught.value.transient


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url: s3cret", "not a SQLAlchemy URL"),
        ("mysql://owner:s3cret@host/store", "mysql is not supported"),
        ("sqlite://", "a file of its own"),
        ("sqlite:///:memory:", "a file of its own"),
        ("sqlite:///file:s3cret?mode=memory&uri=true", "a file of its own"),
        ("postgresql+nodriver://owner:s3cret@host/store", "driver postgresql\\+nodriver cannot be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained(url: str, message: str) -> None:
    """Wrong settings are errors of the settings, name the option, and do not show the value."""
    with pytest.raises(SettingsError, match=f"database_url: .*{message}") as caught:
        migrate.check(url)
    assert "s3cret" not in str(caught.value)


def test_the_driver_is_the_one_that_the_package_brings() -> None:
    """URLs without a driver, or with an asynchronous one, get the driver that Airflow's providers use."""
    assert parse_url("postgres://host/store").drivername == "postgresql+psycopg2"
    assert parse_url("postgresql+asyncpg://host/store").drivername == "postgresql+psycopg2"
    assert parse_url("sqlite+aiosqlite:////folder/store.db").drivername == "sqlite"
