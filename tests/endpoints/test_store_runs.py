from __future__ import annotations

import os
import subprocess

import pytest
from sqlalchemy import delete, func, select

from directory_sync.errors import StoreError
from directory_sync.plan.model import RecordProblem, Statistics
from directory_sync.store.database import Database
from directory_sync.store.runs import JobRun, Snapshot
from directory_sync.store.store import Store
from directory_sync.store.tables import DefinitionRow
from tests.scenarios.forked_child import ForkedChild
from tests.scenarios.forked_python import ForkedPython
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.postgres import Postgres


def start(store: Store, run_id: str = "run 1", *, description: str = "", name: str = "crew") -> Snapshot:
    """Begin a run as most tests here need it."""
    return store.runs.start(
        collection(name, description=description),
        run_id,
        trigger="manual",
        requester="ida",
        verified=True,
        reason="a test",
    )


def test_the_first_definition_counts(store: Store) -> None:
    """An edit after a run has begun changes nothing of that run; the next run gets it."""
    first = start(store, description="before")
    again = start(store, description="after")
    assert first.collection == collection(description="before")
    assert again == first
    later = start(store, "run 2", description="after")
    assert later.collection.description == "after"
    assert later.digest != first.digest
    assert (first.requester, first.verified, first.reason, first.trigger, first.preview_only) == (
        "ida",
        True,
        "a test",
        "manual",
        False,
    )


def test_a_definition_is_kept_once(store: Store) -> None:
    """However many runs go by it; each says where it was read, and one that has begun keeps what it said."""
    origins = [("a.yaml", "1"), ("b.yaml", "2")]
    runs = [
        store.runs.start(
            collection(),
            f"run {number}",
            trigger="manual",
            requester="ida",
            verified=True,
            origin=origin,
            version=version,
        )
        for number, (origin, version) in enumerate(origins)
    ]
    start(store, "run 0", description="another")  # joins, and brings no definition with it
    last = start(store, "run 2")
    assert last.digest == runs[0].digest
    assert (last.origin, last.version) == ("", "")
    found = [store.runs.find("crew", f"run {number}") for number in range(2)]
    assert [(run.origin, run.version, run.collection) for run in found if run] == [
        (*origin, collection()) for origin in origins
    ]
    with store._database.read() as connection:
        assert connection.scalars(select(func.count()).select_from(DefinitionRow)).all() == [1]


def test_a_run_whose_definition_is_lost_is_no_new_run(store: Store) -> None:
    """It cannot go on, and says so, instead of beginning again by another definition."""
    start(store)
    with store._database.write() as connection:
        connection.execute(delete(DefinitionRow))
    with pytest.raises(StoreError, match="cannot be read"):
        start(store)
    with pytest.raises(StoreError, match="cannot be read"):
        store.runs.find("crew", "run 1")


def test_callers_at_the_same_moment_get_the_same_run(store_url: str) -> None:
    """Tasks that begin one run in several processes at once, with different definitions, all get one and the
    same.
    """
    script = """
import sys
from directory_sync.store.store import Store
from tests.scenarios.plans import collection
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    run = store.runs.start(collection(description=sys.argv[2]), "r", trigger="scheduled", requester="", verified=False)
    print(run.id, run.collection.description, run.digest, store.runs.start_job(run.id, "people").attempt)
"""  # noqa: E501
    running = [
        ForkedPython(
            ["-c", script, store_url, f"definition{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(6)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.communicate("go\n", timeout=60)[0].split() for process in running]
    assert len({tuple(answer[:3]) for answer in answers}) == 1
    assert sorted(int(answer[3]) for answer in answers) == [1, 2, 3, 4, 5, 6]


def test_results_are_those_of_the_latest_attempt(store: Store) -> None:
    """A job that was tried again shows its last attempt; jobs stand in the order they first began."""
    run = start(store)
    first = store.runs.start_job(run.id, "people")
    store.runs.finish_job(first.id, "failed", message="no answer")
    other = store.runs.start_job(run.id, "groups")
    second = store.runs.start_job(run.id, "people")
    assert isinstance(second, JobRun)
    assert (first.attempt, second.attempt, other.attempt) == (1, 2, 1)
    problem = RecordProblem("fry", "line 3", "no surname")
    store.runs.finish_job(
        second.id,
        "success",
        statistics=Statistics(read=3, created=2),
        warnings=["careful"],
        problems=[problem],
    )
    people, groups = store.runs.job_results("crew", "run 1")
    assert (people.job, people.attempt, people.state, people.message) == ("people", 2, "success", "")
    assert people.statistics == Statistics(read=3, created=2)
    assert people.warnings == ("careful",)
    assert people.problems == (problem,)
    assert people.finished is not None
    assert people.finished >= people.started
    assert people.started.utcoffset() is not None
    assert (groups.job, groups.state, groups.finished, groups.statistics, groups.plan_id) == (
        "groups",
        "running",
        None,
        None,
        None,
    )
    assert (groups.host, groups.pid) == (os.uname().nodename, os.getpid())


def test_results_name_the_last_plan(store: Store) -> None:
    """The report of a job finds the plan that was stored last, whichever attempt made it."""
    run = start(store)
    store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(1)))
    last = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(2)))
    store.runs.start_job(run.id, "people")
    (people,) = store.runs.job_results("crew", "run 1")
    assert (people.attempt, people.plan_id) == (3, last)


def test_recent_runs_are_the_newest_first(store: Store) -> None:
    """Runs of one collection or of all, newest first, no more than asked for."""
    for number in range(3):
        start(store, f"run {number}")
    start(store, "run 9", name="guests")
    store.runs.finish("crew", "run 1", "failed")
    assert [run.run_id for run in store.runs.recent()] == ["run 9", "run 2", "run 1", "run 0"]
    assert [(run.run_id, run.state) for run in store.runs.recent("crew", limit=2)] == [
        ("run 2", "running"),
        ("run 1", "failed"),
    ]
    finished = store.runs.recent("crew", limit=2)[1].finished
    assert finished is not None
    assert store.runs.recent("nobody") == ()


def test_a_run_has_written_what_any_of_its_attempts_has(store: Store) -> None:
    """Also where a later attempt found the rest done; what is planned, read or left alone is not written."""
    for number, figures in enumerate([Statistics(read=9, errors=1), Statistics(moved=1), None]):
        run = start(store, f"run {number}")
        attempt = store.runs.start_job(run.id, "people")
        store.runs.finish_job(attempt.id, "success", statistics=figures, planned=Statistics(deleted=3))
    again = store.runs.start_job(start(store, "run 1").id, "people")
    store.runs.finish_job(again.id, "success", statistics=Statistics(read=9))
    assert [run.wrote for run in store.runs.recent("crew")] == [False, True, False]
    assert [result.wrote for result in store.runs.job_results("crew", "run 1")] == [True]
    assert [result.wrote for result in store.runs.job_results("crew", "run 0")] == [False]
    assert store.run_overview.latest()["crew"].wrote is False
    last = store.runs.start_job(start(store, "run 2").id, "people")
    store.runs.finish_job(last.id, "failed", statistics=Statistics(created=1))
    assert store.run_overview.latest()["crew"].wrote is True


def test_a_preview_has_written_nothing(store: Store) -> None:
    """Its figures count what it would do."""
    run = store.runs.start(
        collection(), "run 1", trigger="manual", requester="ida", verified=True, preview_only=True
    )
    attempt = store.runs.start_job(run.id, "people")
    store.runs.finish_job(attempt.id, "previewed", statistics=Statistics(created=5))
    assert [each.wrote for each in store.runs.recent()] == [False]


def test_runs_of_two_collections_do_not_mix(store: Store) -> None:
    """Airflow gives the runs of two DAGs the same id at the same moment."""
    crew, guests = start(store), start(store, name="guests")
    assert crew.id != guests.id
    store.runs.start_job(crew.id, "people")
    assert store.runs.job_results("guests", "run 1") == ()


def test_hostile_text_is_stored(store: Store) -> None:
    """Messages of servers may hold what PostgreSQL refuses: NUL and half characters.

    They are replaced, not fatal.
    """
    run = start(store)
    attempt = store.runs.start_job(run.id, "people")
    problem = RecordProblem("k\x00", "\udcff", "m'; DROP TABLE x; --\x00")
    store.runs.finish_job(attempt.id, "failed", message="00000525: NameErr\x00 \udcff", problems=[problem])
    (result,) = store.runs.job_results("crew", "run 1")
    assert result.message == "00000525: NameErr\ufffd \ufffd"
    assert result.problems == (problem,)


def test_a_forked_child_uses_a_connection_of_its_own(store: Store) -> None:
    """A child that was forked from a process with open connections writes, and the parent's connections go on
    working.
    """
    start(store, "parent")
    assert ForkedChild(lambda _tell: start(store, "child") and None).end() == 0
    start(store, "parent again")
    assert {run.run_id for run in store.runs.recent()} == {"parent", "child", "parent again"}


def test_a_server_that_went_away_is_an_error_of_the_store() -> None:
    """While PostgreSQL is down every call is a StoreError; when it is back, the same store works again."""
    from directory_sync.store.migrate import upgrade

    with Postgres() as cluster:
        url = cluster.create_database()
        upgrade(url)
        with Store.open(url) as store:
            start(store)
            cluster.stop()
            with pytest.raises(StoreError, match="See that the server runs"):
                start(store)
            cluster.start()
            assert [run.run_id for run in store.runs.recent()] == ["run 1"]


def test_a_store_that_cannot_be_written_is_an_error_of_the_store(store_url: str) -> None:
    """A table that has gone is reported with the store's name and a remedy, without the statement's
    values.
    """
    database = Database(store_url)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE directory_sync_lease")
        connection.exec_driver_sql("ALTER TABLE directory_sync_collection_run RENAME TO gone")
    database.close()
    with (
        Store.open(store_url) as store,
        pytest.raises(StoreError, match=r"collection_run.*Run directory-sync db upgrade") as caught,
    ):
        start(store, "a run id nobody should read here")
    assert "nobody should read" not in str(caught.value)
