"""No room on a disk, no memory, a store that is locked, clocks that disagree: said clearly, and nothing is
half done.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.errors import LeaseError, StoreError
from directory_sync.run import apply_step
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store import database
from directory_sync.store.database import Database
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from tests.scenarios.new_store import new_store
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.postgres import Postgres
from tests.scenarios.ready_python import ReadyPython

ROWS = 20_000


def collection() -> Collection:
    """A job from one CSV file to another."""
    fields: dict[str, Any] = {"id": {"from": "id", "key": True}, "name": "name"}
    job = {
        "name": "phones",
        "source": {"file": "staff.csv"},
        "destination": {"file": "phones.csv"},
        "object": "row",
    }
    return Collection.model_validate({"name": "corp", "jobs": [{**job, "fields": fields}]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source file of a megabyte, and a migrated store."""
    (tmp_path / "staff.csv").write_text("id,name\n" + "".join(f"{n},{'x' * 40}{n}\n" for n in range(ROWS)))
    new_store(tmp_path / "store.db")
    return tmp_path


def run(folder: Path, run_id: str = "one", *, url: str = "") -> JobResult:
    definition = collection()
    with Store.open(url or f"sqlite:///{folder}/store.db") as store:
        snapshot = store.runs.start(definition, run_id, trigger="test", requester="t", verified=False)
        deployment = Deployment(NoConnections(), folder, lease_duration=timedelta(seconds=2))
        return run_job(snapshot, definition.jobs[0], deployment=deployment, store=store, holder="test")


def in_a_child(work: Callable[[], str]) -> str:
    """What a child process that may limit itself comes to."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = "no memory was left to say anything"
        try:
            text = work()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            text = f"raised {type(error).__name__}: {error}"
        finally:
            os.write(writing, text.encode()[:4000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return text


def complete(folder: Path) -> bool:
    """Whether the destination is there; half of it is an error."""
    file = folder / "phones.csv"
    if not file.exists():
        return False
    assert file.read_text().count("\n") == ROWS + 1, "half a file"
    return True


@pytest.mark.parametrize("limit", [0, 4096, 100_000, 1_000_000])
def test_no_room_for_temporary_files(folder: Path, limit: int) -> None:
    """A spool that cannot grow ends the job before its first write, says where room is lacking, and leaves
    nothing behind.
    """
    temporary = folder / "tmp"
    temporary.mkdir()

    def work() -> str:
        tempfile.tempdir = str(temporary)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        # The store is on another disk: only files of the job itself are small.
        definition = collection()
        from directory_sync.run.job import preview_job

        result = preview_job(
            definition, definition.jobs[0], deployment=Deployment(NoConnections(), folder), store=None
        )
        return f"{result.state} {result.error and result.error.transient} {result.message}"

    text = in_a_child(work)
    assert text.startswith(
        f"failed True A temporary file in {temporary} could not be written: File too large."
    ), text
    assert "TMPDIR" in text
    assert list(temporary.iterdir()) == []
    assert not (folder / "phones.csv").exists()
    assert run(folder).state is JobState.SUCCESS


def test_a_full_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that cannot be stored is not begun; with room again the same run goes through."""
    prepare = Database._prepare_sqlite

    def small(self: Database, connection: Any, record: Any) -> None:
        prepare(self, connection, record)
        connection.execute("PRAGMA max_page_count = 200")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_prepare_sqlite", small)
        with pytest.raises(StoreError, match=r"full.*Make room on the disk and try again") as caught:
            run(folder)
    assert caught.value.transient
    assert not (folder / "phones.csv").exists()
    result = run(folder)
    assert (result.state, result.statistics.created) == (JobState.SUCCESS, ROWS)


def test_a_store_that_fills_up_while_changes_are_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be recorded is told; with room again the same run finds out what is done, and records
    that.
    """
    prepare, apply, pages = Database._prepare_sqlite, apply_step.apply_plan, [1 << 30]

    def small(self: Database, connection: Any, record: Any) -> None:
        prepare(self, connection, record)
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")

    def fill(*arguments: Any, store: Store, **more: Any) -> Any:
        with closing(sqlite3.connect(folder / "store.db")) as connection:
            pages[0] = connection.execute("PRAGMA page_count").fetchone()[0] + 3
        store._database.close()  # the next connection has the limit
        return apply(*arguments, store=store, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_prepare_sqlite", small)
        patch.setattr(apply_step, "apply_plan", fill)
        result = run(folder)
    assert result.state is JobState.FAILED
    assert result.error is not None
    assert result.error.transient
    assert "full" in result.message
    assert "outcomes could not be recorded" in result.message
    assert complete(folder)
    again = next(found for found in (run(folder) for _ in range(5)) if not lost_its_lease(found))
    assert (again.state, again.statistics.created, again.digest) == (JobState.SUCCESS, ROWS, result.digest)


def lost_its_lease(result: JobResult) -> bool:
    """As a busy machine may do, because the lease is a short one here."""
    return isinstance(result.error, LeaseError)


def test_a_locked_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that holds the store for long: said so, nothing is written; for a moment only: waited
    for.
    """
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.5)
    with closing(
        sqlite3.connect(folder / "store.db", isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"locked.*Another process holds it for long"):
            run(folder)
        assert not (folder / "phones.csv").exists()
        monkeypatch.setattr(database, "BUSY_TIMEOUT", 30)
        threading.Timer(0.5, other.execute, ["ROLLBACK"]).start()
        assert run(folder).state is JobState.SUCCESS
        time.sleep(0.1)


def test_a_locked_store_on_postgresql(
    folder: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session of somebody else that holds a table for long: said so, nothing is written; with the lock gone
    it goes through.
    """
    import psycopg2

    monkeypatch.setattr(database, "BUSY_TIMEOUT", 1)
    url = postgres.create_database()
    upgrade(url)
    with closing(psycopg2.connect(url)) as other:
        other.cursor().execute("LOCK TABLE directory_sync_plan IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError) as caught:
            run(folder, url=url)
        assert caught.value.transient
        assert "lock" in str(caught.value)
        assert not (folder / "phones.csv").exists()
        other.rollback()
    assert run(folder, url=url).state is JobState.SUCCESS


@pytest.mark.parametrize("more", [1, 4, 8, 16, 32])
def test_too_little_memory(folder: Path, more: int) -> None:
    """With so many MiB more than it has, the job ends well or says what is lacking; the destination is whole
    or not there.
    """

    def work() -> str:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + (more << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        result = run(folder)
        return f"{result.state} {result.message}"

    text = in_a_child(work)
    if not text.startswith("success"):
        assert "memory" in text.lower(), text
        assert "unexpected" not in text, text
    done = complete(folder)
    assert done or not text.startswith("success")
    with contextlib.suppress(LeaseError):
        # Giving a lease back takes memory too; if that was lacking, it has to end by itself.
        run(folder, "two")
    if not complete(folder):
        time.sleep(2.1)
        assert run(folder, "three").state is JobState.SUCCESS
    assert complete(folder)


SKEWED = """
import sys, time
from datetime import datetime, timedelta
skew = timedelta(seconds=float(sys.argv[3]))
real = time.time
time.time = lambda: real() + skew.total_seconds()
from directory_sync.store import database
class Skewed(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + skew
database.datetime = Skewed
from directory_sync.errors import LeaseError
from directory_sync.store.store import Store
from pathlib import Path
turns, marker = 0, Path(sys.argv[2])
with Store.open(sys.argv[1]) as store:
    while turns < 6:
        try:
            lease = store.leases.acquire("server", ("dc=x",), holder=sys.argv[3], duration=timedelta(seconds=3))
        except LeaseError:
            time.sleep(0.01)
            continue
        with lease:
            marker.touch(exist_ok=False)
            # Longer than the lease lasts without renewal, once.
            time.sleep(4.5 if turns == 2 else 0.02)
            lease.check()
            marker.unlink()
            turns += 1
print(turns)
"""  # noqa: E501


def test_clocks_of_workers_do_not_matter(postgres: Postgres, tmp_path: Path) -> None:
    """Workers whose clocks are an hour fast or slow never hold the lease at the same time: the database's
    clock counts.
    """
    url = postgres.create_database()
    upgrade(url)
    command = ["-c", SKEWED, url, str(tmp_path / "marker")]
    running = [
        ReadyPython([*command, str(skew)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for skew in (-3600, 0, 3600)
    ]
    for process in running:
        output, errors = process.communicate(timeout=120)
        assert output == "6\n", errors


def test_a_lease_of_a_slow_clock_ends_in_time(postgres: Postgres, tmp_path: Path) -> None:
    """A killed holder whose clock was an hour fast does not keep others out for an hour."""
    url = postgres.create_database()
    upgrade(url)
    holding = SKEWED.replace(
        "time.sleep(4.5 if turns == 2 else 0.02)", "print('held', flush=True); time.sleep(60)"
    )
    holder = ReadyPython(["-c", holding, url, str(tmp_path / "marker"), "3600"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    ends = time.monotonic() + 20
    with Store.open(url) as store:
        while True:
            try:
                store.leases.acquire(
                    "server", ("dc=x",), holder="next", duration=timedelta(seconds=5)
                ).release()
                break
            except LeaseError:
                assert time.monotonic() < ends
                time.sleep(0.1)
